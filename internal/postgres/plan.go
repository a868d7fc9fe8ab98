// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Times and figures that the planner works with.
const (
	// drainTime passes between the candidate's leaving -readonly and the fence: kube-proxy lets
	// about a second pass between two updates, and the change of -readwrite must not wait for it.
	drainTime = 2100 * time.Millisecond
	// lingerTime passes between the end of a switchover and the old primary's coming to
	// -readonly, for clients whom kube-proxy may lead there for a second still.
	lingerTime = 1500 * time.Millisecond
	// catchUpTimeout bounds the wait for the candidate while the primary still takes writes.
	catchUpTimeout = 5 * time.Second
	// promoteTimeout bounds the wait for the old primary's stop and for the candidate to replay the rest.
	promoteTimeout = 8 * time.Second
	// switchDeadline counts from the record "Switching". A switchover that has not promoted by
	// then is undone.
	switchDeadline = 20 * time.Second
	// prepareDeadline counts from the record "Preparing".
	prepareDeadline = 90 * time.Second
	// failoverPatience is how long a primary must have been without an answer before a failover
	// goes on, the time before the edit included, unless its pod is gone.
	failoverPatience = 3 * time.Second
	// lagBound: a candidate that is more bytes behind is refused before anything is touched.
	lagBound = 64 << 20
	// lossBound: a failover to a candidate that is known to lack more bytes of the primary's
	// log is refused. A little less than what was seen last is what asynchronous replication is.
	lossBound = 1 << 20
	// busy is when to look again while something is in progress.
	busy = time.Second
)

// Data is what the planner wants to have remembered in the status.
type Data struct {
	Primary, SystemID string
	// Timeline and LSN of the primary when it was seen last.
	Timeline   uint32
	LSN        string
	SyncNodes  []string
	Sync       v1alpha1.PostgresSyncState
	ForceSpent string
	Switchover *v1alpha1.PostgresSwitchoverStatus
	Last       *v1alpha1.LastSwitchover
	// Notes say per node what is wrong with it.
	Notes map[string]string
	// Roles and Ready per node.
	Roles map[string]v1alpha1.PostgresRole
	Ready map[string]bool
	// Diverged nodes hold, or may hold, what the primary lacks; Extra says how many bytes.
	Diverged map[string]bool
	Extra    map[string]uint64
	// Compared says of a node whether what it holds was compared with the primary's.
	Compared map[string]bool
	// Drop names leaving nodes that need not be remembered any more.
	Drop map[string]bool
	// Result of a switchover that this plan ends: "", finished, undone, failover, refused.
	Result string
}

// Input is all that a plan depends on.
type Input struct {
	Object *v1alpha1.PostgresReplication
	State  State
	Pods   map[string]reconcile.Pod
	Now    time.Time
}

// Plan decides. It is pure: an ordered list of rules, of which the first that applies makes
// the plan.
func Plan(in Input) reconcile.Plan[Data] {
	v := look(in)
	p := v.decide()
	if v.skip {
		p = v.withoutActions(p)
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
		// A recorded change of the primary is resumed or undone before anything else.
		when("failover in progress", (*view).failingOver, (*view).resumeFailover),
		when("switchover in progress", (*view).switching, (*view).resumeSwitchover),
		// Nobody knows a primary yet.
		when("no primary known: set up", (*view).primaryUnknown, (*view).setUp),
		// The primary is known; can it be seen, and is it what it was?
		when("another primary wanted, this one is gone", (*view).wantsFailover, (*view).beginFailover),
		when("primary without what it held", (*view).primaryLost, (*view).reportLost),
		when("another primary wanted", (*view).wantsSwitchover, (*view).beginSwitchover),
		when("primary not seen", (*view).primaryUnseen, (*view).holdWithoutPrimary),
		when("primary is a standby", (*view).primaryRecovers, (*view).reportRecovers),
		// Else: steady.
	}
}

// plan starts a plan that remembers what the view knows.
func (v *view) plan() reconcile.Plan[Data] { return reconcile.Plan[Data]{Data: v.data} }

// withoutActions keeps of a plan what skip allows: routing to what is observed, and the report.
func (v *view) withoutActions(p reconcile.Plan[Data]) reconcile.Plan[Data] {
	found := look(v.in)
	p.Steps, p.Persist, p.Again, p.MustFinish = nil, false, false, false
	p.Data = found.data
	p.Data.Switchover, p.Data.SyncNodes = v.recorded, v.status.SynchronousStandbys
	if !found.hasTwins() && found.primary.OK() {
		p.Steps = []reconcile.Step{found.route()}
	}
	return p
}
