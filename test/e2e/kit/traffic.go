// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/load"
)

// StartTraffic makes the table through the -readwrite Service and sets clients
// to work. Readers, when there are some, read through -readonly.
func (s *Set) StartTraffic(ctx context.Context, options load.Options) (*load.Run, error) {
	address, err := s.ServiceAddress(ctx, s.ReadWriteService())
	if err != nil {
		return nil, err
	}
	options.ReadWrite, options.Login = address, s.Application()
	if options.Readers > 0 {
		if options.ReadOnly, err = s.ServiceAddress(ctx, s.ReadOnlyService()); err != nil {
			return nil, err
		}
	}
	// The route may be seconds old.
	err = Wait(ctx, 30*time.Second, func(ctx context.Context) error { return load.Prepare(ctx, address, options.Login) })
	if err != nil {
		return nil, err
	}
	r, err := load.Start(context.WithoutCancel(ctx), options)
	if err != nil {
		return nil, err
	}
	return r, WaitWrites(ctx, r, 50, 30*time.Second)
}

// WaitRouted waits until connections through both Services reach what the status names. A
// node's kube-proxy follows the endpoints a moment later, on a busy machine seconds.
func (s *Set) WaitRouted(ctx context.Context, timeout time.Duration) error {
	return Wait(ctx, timeout, func(ctx context.Context) error {
		r, err := s.Get(ctx)
		if err != nil {
			return err
		}
		for _, service := range []string{s.ReadWriteService(), s.ReadOnlyService()} {
			address, err := s.ServiceAddress(ctx, service)
			if err != nil {
				return err
			}
			db, err := s.servers.get(address, s.Application())
			if err != nil {
				return err
			}
			var pod string
			if err := db.QueryRowContext(ctx, "SELECT @@hostname").Scan(&pod); err != nil {
				return fmt.Errorf("through %s: %w", service, err)
			}
			if writes := service == s.ReadWriteService(); writes != (pod == r.Status.Source) {
				return fmt.Errorf("%s still leads to %s: %s", service, pod, Describe(r))
			}
		}
		return nil
	})
}

// WaitWrites waits until so many further writes are acknowledged.
func WaitWrites(ctx context.Context, r *load.Run, more int, timeout time.Duration) error {
	want := r.Acknowledged() + more
	return Wait(ctx, timeout, func(context.Context) error {
		if have := r.Acknowledged(); have < want {
			return fmt.Errorf("%d writes are acknowledged, waiting for %d\n%s", have, want, r.Report())
		}
		return nil
	})
}

// CheckTraffic checks a stopped run against the source that the status names and
// every attached replica of the spec: one that cannot be compared is a failure, or
// nobody would notice that none was. Only pods in broken are not judged.
func (s *Set) CheckTraffic(ctx context.Context, run *load.Run, broken ...string) (load.Verdict, error) {
	r, err := s.Get(ctx)
	if err != nil {
		return load.Verdict{}, err
	}
	verdict, err := s.CheckTrafficAs(ctx, run, r, broken...)
	if err != nil || len(verdict.Lost) == 0 {
		return verdict, err
	}
	// The route changes a moment before status.source. What a node lacks that is not
	// the source any more is not lost: look again once nothing is in progress.
	settled := func(ctx context.Context) error {
		if r, err = s.Get(ctx); err != nil {
			return err
		}
		if sw := r.Status.Switchover; sw != nil && sw.Phase != v1alpha1.SwitchoverUndone {
			return fmt.Errorf("a change of the source is in progress: %s", Describe(r))
		}
		return nil
	}
	if err := Wait(ctx, checkSettled, settled); err != nil {
		return verdict, fmt.Errorf("%w\n%s", err, verdict)
	}
	return s.CheckTrafficAs(ctx, run, r, broken...)
}

// checkSettled bounds the wait for a change of the source to end before acknowledged
// writes are looked for a second time.
const checkSettled = 2 * time.Minute

// membersOf returns the nodes that spec or status name, in order, and which of them
// the spec wants to take part.
func membersOf(r *v1alpha1.MysqlReplication) (attached map[string]bool, names []string) {
	attached = map[string]bool{}
	if r.Spec.Source != nil {
		attached[r.Spec.Source.Name] = true
	}
	for _, replica := range r.Spec.Replica {
		attached[replica.Name] = !replica.Isolated
	}
	all := map[string]bool{}
	for name := range r.Status.Topology {
		all[name] = true
	}
	for name := range attached {
		all[name] = true
	}
	return attached, slices.Sorted(maps.Keys(all))
}

// addressIn is the address of a node of a resource: an external one has no pod to ask.
func (s *Set) addressIn(ctx context.Context, r *v1alpha1.MysqlReplication, name string) (string, error) {
	if node := r.Status.Topology[name]; node != nil && node.External {
		return net.JoinHostPort(node.Host, strconv.Itoa(int(node.Port))), nil
	}
	return s.Address(ctx, name)
}

// CheckTrafficAs is CheckTraffic with a resource that may not exist any more.
func (s *Set) CheckTrafficAs(ctx context.Context, run *load.Run, r *v1alpha1.MysqlReplication, broken ...string) (load.Verdict, error) {
	servers := load.Servers{Login: s.Admin()}
	aside := map[string]bool{}
	for _, name := range broken {
		aside[name] = true
	}
	attached, names := membersOf(r)
	for _, name := range names {
		address, err := s.addressIn(ctx, r, name)
		server := load.Server{Name: name, Address: address}
		switch {
		case name == r.Status.Source && err == nil:
			servers.Source = server
		case attached[name] && !aside[name]:
			servers.Replicas = append(servers.Replicas, server)
		case err == nil: // A pod that is gone holds nothing that could be asked.
			servers.Others = append(servers.Others, server)
		}
	}
	if servers.Source.Address == "" {
		return load.Verdict{}, fmt.Errorf("the source %q of the status has no pod to ask: %s", r.Status.Source, Describe(r))
	}
	return run.Check(ctx, servers)
}
