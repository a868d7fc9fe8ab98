// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Times and figures that the planner works with.
const (
	// drainTime passes between the candidate's leaving -readonly and the fence. kube-proxy
	// lets about a second pass between two updates: with the candidate out before, the
	// change of -readwrite is an update of its own and takes effect at once. Twice that
	// second, because its leaving may have to wait for one itself.
	drainTime = 2100 * time.Millisecond
	// lingerTime passes between the end of a switchover and the old source's coming to
	// -readonly, for clients whom kube-proxy may lead there for a second still.
	lingerTime = 1500 * time.Millisecond
	// catchUpTimeout bounds the wait for the candidate while the source still takes writes.
	catchUpTimeout = 5 * time.Second
	// handoverTimeout bounds FAILOVER: clients are paused meanwhile.
	handoverTimeout = 2 * time.Second
	// promoteTimeout bounds the wait for the candidate to apply the rest.
	promoteTimeout = 3 * time.Second
	// switchDeadline counts from the record "Switching". A switchover that has not
	// promoted by then is undone.
	switchDeadline = 15 * time.Second
	// failoverPatience is how long a source must have been without an answer before a
	// failover goes on, the time before the edit included, unless its pod is gone.
	failoverPatience = 3 * time.Second
	// lagBound: a candidate that is more bytes behind is refused before anything is touched.
	lagBound = 64 << 20
	// busy is when to look again while something is in progress, and always where the
	// source would lose what it holds in a restart, or Sentinel may move it.
	busy = time.Second
	// historyLength is how many earlier replication ids are remembered.
	historyLength = 16
)

// Data is what the planner wants to have remembered in the status.
type Data struct {
	Source, ReplicationID string
	History               []v1alpha1.RedisReplicationHistory
	Switchover            *v1alpha1.RedisSwitchoverStatus
	Last                  *v1alpha1.RedisLastSwitchover
	// Notes say per node what is wrong with it.
	Notes map[string]string
	// Roles and Ready per node.
	Roles map[string]v1alpha1.RedisRole
	Ready map[string]bool
	// Diverged nodes hold, or may hold, what the source lacks; Extra says how many bytes,
	// where they were compared.
	Diverged map[string]bool
	Extra    map[string]int64
	// Compared says of a node whether what it holds was compared with the source's.
	Compared map[string]bool
	// Drop names leaving nodes that need not be remembered any more.
	Drop map[string]bool
	// Unjudged names the source while nobody says whether it has restarted with what it held: a
	// change is under way. What is on record of its process stays, for when that is over.
	Unjudged string
	// Anew: nobody is known any more to hold only what the source does.
	Anew bool
	// Lost: the source has restarted with less than it held, and does not count as what it was.
	Lost bool
	// Forced is the process of the source that force-promote counts for.
	Forced string
	// Result of a switchover that this plan ends: "", finished, undone, failover, refused.
	Result string
}

// Input is all that a plan depends on.
type Input struct {
	Object *v1alpha1.RedisReplication
	State  State
	Pods   map[string]reconcile.Pod
	Now    time.Time
}

// Plan decides. It is pure: an ordered list of rules, of which the first that
// applies makes the plan.
func Plan(in Input) reconcile.Plan[Data] {
	v := look(in)
	p := v.decide()
	switch {
	case v.skip && v.resolves:
		p = v.waitUnderSkip()
	case v.skip:
		p = v.withoutActions(p)
	}
	if len(v.spec.Sentinel) > 0 {
		p.Labels = v.sentinelLabels()
	}
	return p
}

// decide asks the rules in their order.
func (v *view) decide() reconcile.Plan[Data] {
	return reconcile.Decide(v, rules(), func(v *view) reconcile.Plan[Data] { return v.steady() })
}

// rules in the order in which they are asked.
func rules() []reconcile.Rule[*view, Data] {
	when := reconcile.When[*view, Data]
	return []reconcile.Rule[*view, Data]{
		// What makes every further thought unsafe.
		when("two nodes are one server", (*view).hasTwins, (*view).reportTwins),
		// Somebody else decides.
		when("Sentinel decides", (*view).hasSentinel, (*view).follow),
		// A recorded change of the source is resumed or undone before anything else.
		when("failover in progress", (*view).failingOver, (*view).resumeFailover),
		when("switchover in progress", (*view).switching, (*view).resumeSwitchover),
		// Nobody knows a source yet.
		when("no source known: set up", (*view).sourceUnknown, (*view).setUp),
		// The source is known; can it be seen, and is it what it was?
		when("another source wanted, this one is gone", (*view).wantsFailover, (*view).beginFailover),
		when("source restarted without what it held", (*view).sourceLost, (*view).reportLost),
		when("another source wanted", (*view).wantsSwitchover, (*view).beginSwitchover),
		when("source not seen", (*view).sourceUnseen, (*view).holdWithoutSource),
		// Else: steady.
	}
}

// plan starts a plan that remembers what the view knows.
func (v *view) plan() reconcile.Plan[Data] { return reconcile.Plan[Data]{Data: v.data} }
