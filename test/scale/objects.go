// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential/aesctr"
)

const (
	port = 3306
	// perNamespace sets share a namespace, as those of a team do.
	perNamespace = 50
	makers       = 16
	aesKey       = "0123456789abcdef0123456789abcdef"
)

func keyOf(set int) types.NamespacedName {
	return types.NamespacedName{Namespace: fmt.Sprintf("team-%d", set/perNamespace), Name: fmt.Sprintf("db-%d", set)}
}

func nodeOf(set, node int) v1alpha1.Node {
	base := netip.MustParseAddr("127.64.0.1").As4()
	binary.BigEndian.PutUint32(base[:], binary.BigEndian.Uint32(base[:])+uint32(set*nodes+node)) //nolint:gosec // a small number
	return v1alpha1.Node{Name: fmt.Sprintf("db-%d-%d", set, node), Host: netip.AddrFrom4(base).String(), Port: port}
}

func resourceOf(set int) *v1alpha1.MysqlReplication {
	key := keyOf(set)
	source := nodeOf(set, 0)
	r := &v1alpha1.MysqlReplication{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	r.Spec.Secret.Name = key.Name
	r.Spec.Source = &source
	for node := 1; node < nodes; node++ {
		r.Spec.Replica = append(r.Spec.Replica, v1alpha1.ReplicaNode{Node: nodeOf(set, node)})
	}
	return r
}

// create makes what users and other controllers would: namespaces, keys, and for each
// set a Secret, the pods, and the resource.
func (e *environment) create(ctx context.Context, sets int) error {
	creates := func(objects ...client.Object) error {
		for _, o := range objects {
			if err := e.admin.Create(ctx, o); err != nil {
				return fmt.Errorf("create %T %s: %w", o, o.GetName(), err)
			}
		}
		return nil
	}
	var encrypted [2][]byte
	for i, password := range []string{adminPassword, replicationPassword} {
		var err error
		if encrypted[i], err = aesctr.Encrypt([]byte(aesKey), []byte(password)); err != nil {
			return err
		}
	}
	for first := 0; first < sets; first += perNamespace {
		namespace := keyOf(first).Namespace
		err := creates(
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "aes-secret-key"}, Data: map[string][]byte{"AES_SECRET_KEY": []byte(aesKey)}},
		)
		if err != nil {
			return err
		}
	}
	return inParallel(sets, func(set int) error {
		key := keyOf(set)
		objects := []client.Object{&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
			Data:       map[string][]byte{adminUser: encrypted[0], replicationUser: encrypted[1]},
		}}
		for node := range nodes {
			objects = append(objects, &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: key.Namespace, Name: nodeOf(set, node).Name,
					Labels: map[string]string{"app.kubernetes.io/name": "mysql", "app.kubernetes.io/instance": key.Name},
				},
				Spec: corev1.PodSpec{
					AutomountServiceAccountToken: new(false),
					Containers:                   []corev1.Container{{Name: "mysql", Image: "mysql:9.7"}},
				},
			})
		}
		return creates(append(objects, resourceOf(set))...)
	})
}

// inParallel runs f for 0 … n-1, some at a time, and returns the first error.
func inParallel(n int, f func(int) error) error {
	work := make(chan int)
	errs := make(chan error, makers)
	var running sync.WaitGroup
	stopped := make(chan struct{})
	var once sync.Once
	for range makers {
		running.Go(func() {
			for i := range work {
				if err := f(i); err != nil {
					errs <- err
					once.Do(func() { close(stopped) })
					return
				}
			}
		})
	}
feed:
	for i := range n {
		select {
		case work <- i:
		case <-stopped:
			break feed
		}
	}
	close(work)
	running.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}
