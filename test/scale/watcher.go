// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// watcher sees every change of a resource as a user's watch does.
type watcher struct {
	mu      sync.Mutex
	current map[types.NamespacedName]*v1alpha1.MysqlReplication
	// awaited by resource; what has come is taken out.
	awaited map[types.NamespacedName]awaited
	came    chan struct{}
}

type awaited struct {
	holds func(*v1alpha1.MysqlReplication) bool
	since time.Time
	took  *time.Duration
}

func (e *environment) watch(ctx context.Context) (*watcher, error) {
	w := &watcher{current: map[types.NamespacedName]*v1alpha1.MysqlReplication{}, awaited: map[types.NamespacedName]awaited{}, came: make(chan struct{}, 1)}
	list := &v1alpha1.MysqlReplicationList{}
	if err := e.admin.List(ctx, list); err != nil {
		return nil, err
	}
	for i := range list.Items {
		w.current[client.ObjectKeyFromObject(&list.Items[i])] = &list.Items[i]
	}
	stream, err := e.admin.Watch(ctx, &v1alpha1.MysqlReplicationList{}, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	go func() {
		defer stream.Stop()
		for change := range stream.ResultChan() {
			if r, is := change.Object.(*v1alpha1.MysqlReplication); is {
				w.see(r, time.Now())
			}
		}
	}()
	return w, nil
}

func (w *watcher) see(r *v1alpha1.MysqlReplication, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := client.ObjectKeyFromObject(r)
	w.current[key] = r
	a, is := w.awaited[key]
	if !is || !a.holds(r) {
		return
	}
	*a.took = now.Sub(a.since)
	delete(w.awaited, key)
	if len(w.awaited) == 0 {
		select {
		case w.came <- struct{}{}:
		default:
		}
	}
}

// expect notes what is awaited of a resource from now on.
func (w *watcher) expect(key types.NamespacedName, since time.Time, took *time.Duration, holds func(*v1alpha1.MysqlReplication) bool) {
	w.mu.Lock()
	w.awaited[key] = awaited{holds, since, took}
	current := w.current[key]
	w.mu.Unlock()
	if current != nil {
		w.see(current, time.Now())
	}
}

// wait until all that is awaited has come; an error names some that did not.
func (w *watcher) wait(ctx context.Context, limit time.Duration, alive func() error) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		w.mu.Lock()
		left := len(w.awaited)
		w.mu.Unlock()
		if left == 0 {
			return nil
		}
		select {
		case <-w.came:
		case <-look.C:
			if err := alive(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			w.mu.Lock()
			defer w.mu.Unlock()
			for key := range maps.Keys(w.awaited) {
				return fmt.Errorf("after %s, %d resources are not what they should be, e.g. %s: %+v", limit, len(w.awaited), key, w.current[key].Status)
			}
			return nil
		}
	}
}

// ready and about the present spec.
func ready(r *v1alpha1.MysqlReplication) bool {
	return r.Status.Ready && r.Status.ObservedGeneration == r.Generation
}

func (w *watcher) get(key types.NamespacedName) *v1alpha1.MysqlReplication {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current[key].DeepCopy()
}
