// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

// replicated is the test of a kind whose resource names a node that takes writes and others
// that replicate from it.
type replicated[T client.Object] struct {
	servers
	// resource as the test has created or edited it last.
	resource T
	// set reads and edits the resource. It has no password.
	set *kit.Replicated[T]
	// exposed is what a spec says of the Services.
	exposed func(T) *v1alpha1.ServiceSpec
	// status is what must be so of the kind's own in the status.
	status func(context.Context) error
}

// steps of the test: those of all kinds of that sort, around what is the kind's own.
func (t *replicated[T]) steps(adapt, printedColumns func(context.Context) error) []step {
	return []step{
		{"example", adapt},
		{"servers", t.bringUp},
		{"ready", t.ready},
		{"status", t.settled(t.status)},
		{"labels", t.settled(t.labels)},
		{"services", t.settled(t.routes)},
		{"printed", t.settled(printedColumns)},
		{"switchover", t.switchover},
		{"switchover-status", t.settled(t.switchoverStatus)},
		{"switchover-services", t.settled(t.routes)},
	}
}

// source and others of the resource as it was written last.
func (t *replicated[T]) source() string {
	source, _ := t.set.Nodes(t.resource)
	return source
}

func (t *replicated[T]) others() []string {
	_, others := t.set.Nodes(t.resource)
	return others
}

// count is how the status counts the others when all are ready.
func (t *replicated[T]) count() string { return fmt.Sprintf("%d/%[1]d", len(t.others())) }

// bringUp fresh pods, one for each node of the example.
func (t *replicated[T]) bringUp(ctx context.Context) error {
	return t.start(ctx, 1+len(t.others()))
}

// ready creates the resource and waits until its condition Ready is true.
func (t *replicated[T]) ready(ctx context.Context) error {
	err := t.noticed(ctx, t.resource, func(ctx context.Context) (bool, error) {
		resource, err := t.set.Get(ctx)
		return err == nil && t.set.Noticed(resource), err
	})
	if err != nil {
		return err
	}
	return t.waitReady(ctx)
}

func (t *replicated[T]) waitReady(ctx context.Context) error {
	return t.wait(ctx, t.Timeout, func(ctx context.Context) error {
		resource, err := t.set.Get(ctx)
		if err != nil {
			return err
		}
		if err := t.set.AsWanted(resource); err != nil {
			if undone := t.set.Undone(resource); undone != "" {
				return &final{errors.New(undone)}
			}
			return err
		}
		t.log = t.set.Describe(resource)
		return nil
	})
}

// labels of the pods say who is the source.
func (t *replicated[T]) labels(ctx context.Context) error {
	var m mismatches
	for _, pod := range append([]string{t.source()}, t.others()...) {
		labels, err := t.set.ManagedLabels(ctx, pod)
		if err != nil {
			return err
		}
		want(&m, "the labels .name/.readonly of pod "+pod, labels, fmt.Sprintf("%s/%t", t.name, pod != t.source()))
	}
	return m.err()
}

// routes are the Services and the pods behind them.
func (t *replicated[T]) routes(ctx context.Context) error {
	resource, err := t.set.Get(ctx)
	if err != nil {
		return err
	}
	return t.services(ctx, resource, serviceType(t.exposed(resource)),
		service{v1alpha1.ServiceSuffixReadWrite, t.database, t.port, []string{t.source()}},
		service{v1alpha1.ServiceSuffixReadOnly, t.database, t.port, t.others()})
}

// switchover makes the first of the others the source, as a user does.
func (t *replicated[T]) switchover(ctx context.Context) error {
	from, to := t.source(), t.others()[0]
	begun := time.Now()
	written, err := t.set.Edit(ctx, t.set.Exchange(to))
	if err != nil {
		return err
	}
	t.resource = written
	err = t.waitReady(ctx)
	t.log = fmt.Sprintf("%s to %s, Ready again after %s\n%s", from, to, time.Since(begun).Round(10*time.Millisecond), t.log)
	return err
}

// switchoverStatus: the status is about the new source, and remembers the change.
func (t *replicated[T]) switchoverStatus(ctx context.Context) error {
	if err := t.status(ctx); err != nil {
		return err
	}
	resource, err := t.set.Get(ctx)
	if err != nil {
		return err
	}
	last := t.set.Last(resource)
	if last == nil {
		return errors.New("status.lastSwitchover is missing after a switchover")
	}
	var m mismatches
	want(&m, "status.lastSwitchover.to", last.To, t.source())
	want(&m, "status.lastSwitchover.from", last.From, t.pod(0))
	want(&m, "status.lastSwitchover.failover", last.Failover, false)
	return errors.Join(m.err(), t.labels(ctx))
}
