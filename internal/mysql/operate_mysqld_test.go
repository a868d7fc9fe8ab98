// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/mysqld"
)

// running is a kernel that works beside the test, as the operator does beside its users.
type running struct {
	*kernel
	load *mysqld.Load

	mu sync.Mutex
	// plan is the last one.
	plan reconcile.Plan[Data]
	wake chan struct{}
}

// operate sets up a set of three servers, with clients who write to it.
func operate(t *testing.T, mode v1alpha1.MysqlReplicationMode) *running {
	t.Helper()
	r := &running{
		kernel: &kernel{cluster: newCluster(t, 3, mysqld.Options{SemiSync: mode == v1alpha1.MysqlSemiSync}), labels: map[string]string{}},
		wake:   make(chan struct{}, 1),
	}
	r.object.Spec.Mode = mode
	r.as(mysqld.LeastUser, mysqld.LeastPassword)
	r.settle("the set is set up")
	// Few, so that on a busy machine replicas keep up: what they have still to execute when
	// the source is gone is their time, not the operator's.
	r.load = mysqld.StartLoad(t, r.servers["a"], 2)
	r.routed = func(node string) { r.load.MoveTo(r.servers[node]) }
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { r.work(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return r
}

// work makes passes until the test is over.
func (r *running) work(ctx context.Context) {
	for ctx.Err() == nil {
		timer := time.NewTimer(r.pass())
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pass looks and acts once, and says when to look again.
func (r *running) pass() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, r.plan = r.look()
	r.carryOut(r.plan)
	switch {
	case r.plan.Again:
		return time.Millisecond
	case r.plan.Next > 0:
		return r.plan.Next
	}
	return reconcile.DefaultPoll
}

// edit makes another node the wanted source, and wakes the operator.
func (r *running) edit(to string) {
	r.mu.Lock()
	r.exchange(to)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// eventually waits until the last plan and the labels are as wanted.
func (r *running) eventually(what string, holds func(reconcile.Plan[Data], map[string]string) bool) {
	r.t.Helper()
	r.servers["a"].Eventually(what, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.plan.Conditions) > 0 && holds(r.plan, r.labels)
	})
}

func (r *running) reports(reason string) {
	r.t.Helper()
	r.eventually(reason, func(p reconcile.Plan[Data], _ map[string]string) bool { return p.Conditions[0].Reason == reason })
}

// writes waits until clients are acknowledged by a server, and says when that was first so.
func (r *running) writes(on string) time.Time {
	r.t.Helper()
	var first time.Time
	r.servers[on].Eventually("clients write to "+on, func() bool {
		var current *mysqld.Server
		current, first = r.load.WritesTo()
		return current == r.servers[on] && !first.IsZero()
	})
	return first
}

// whole waits until everything is as the spec wants it.
func (r *running) whole() {
	r.t.Helper()
	r.eventually("the topology is as wanted", func(p reconcile.Plan[Data], _ map[string]string) bool {
		return !p.Again && p.Data.Switchover == nil && p.Conditions[0].Status == metav1.ConditionTrue
	})
}

// comeBack starts the old source again, and waits until it is a replica.
func (r *running) comeBack(node string) {
	r.t.Helper()
	r.servers[node].Start()
	r.rejoin(node)
}

// rejoin waits until the old source is a replica. What it alone has nobody was told of;
// then it is made anew, as its condition says.
func (r *running) rejoin(node string) {
	r.t.Helper()
	diverged := false
	r.eventually(node+" is back", func(p reconcile.Plan[Data], _ map[string]string) bool {
		_, diverged = p.Data.Errant[node]
		return diverged || !p.Again && p.Conditions[0].Status == metav1.ConditionTrue
	})
	if diverged {
		r.servers[node].Kill9()
		r.servers[node].Rebuild()
	}
	r.whole()
	source, _ := r.load.WritesTo()
	set := source.Executed()
	r.servers[node].Eventually(node+" has what the source has", func() bool {
		return r.servers[node].Value("SELECT GTID_SUBSET(?, @@GLOBAL.gtid_executed)", set) == "1"
	})
}

// lostOn counts acknowledged rows that a server does not have.
func (r *running) lostOn(node string) int {
	r.t.Helper()
	return r.load.Lost(r.servers[node])
}

// fault is what happens to a source, and how it ends.
type fault struct {
	name       string
	begin, end func(*running, string)
}

func faults() []fault {
	return []fault{
		{"dead", func(r *running, node string) { r.servers[node].Kill9() }, (*running).comeBack},
		{"hung", func(r *running, node string) { r.servers[node].Freeze() }, func(r *running, node string) {
			r.servers[node].Thaw()
			r.rejoin(node)
		}},
	}
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[(len(list)-1)/2]
}
