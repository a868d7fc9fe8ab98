// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Times that the planner works with.
const (
	// drainTime passes between the candidate's leaving -readonly and the fence.
	// kube-proxy lets about a second pass between two updates: with the candidate
	// out before, the change of -readwrite is an update of its own and takes effect at
	// once. Twice that second, because its leaving may have to wait for one itself.
	drainTime = 2100 * time.Millisecond
	// catchUpTimeout bounds the wait for the candidate while the source still takes writes.
	catchUpTimeout = 5 * time.Second
	// aheadTimeout bounds the wait for the candidate to have what the replica has that
	// is led to it before the fence.
	aheadTimeout = time.Second
	// fenceTimeout bounds the wait for the source's statements in flight.
	fenceTimeout = 2 * time.Second
	// promoteTimeout bounds the wait for the candidate to execute the rest.
	promoteTimeout = 3 * time.Second
	// switchDeadline counts from the record "Switching". A switchover that has not
	// promoted by then is undone.
	switchDeadline = 15 * time.Second
	// failoverPatience is how long a source must have been without an answer before a
	// failover goes on, the time before the edit included, unless its pod is gone. It
	// tells a short restart from a death; until then an edit may still be a switchover.
	failoverPatience = 3 * time.Second
	// vouchedPatience is the same for a source whose acknowledged commits are on a replica
	// as well (semi-sync, and active when it was seen last), and which is silent. One that
	// refuses connections has no process, and is not waited for.
	vouchedPatience = 2 * time.Second
	// failoverCatchUp bounds the wait for a candidate to execute what it has received.
	failoverCatchUp = 10 * time.Second
	// cloneRetry is how long a clone that failed waits for its second attempt. Each further
	// attempt waits twice as long, up to cloneRetryMost.
	cloneRetry = 30 * time.Second
	// cloneRetryMost is the longest such wait.
	cloneRetryMost = 600 * time.Second
	// lagBound: a candidate further behind is refused before anything is touched.
	lagBound = 10 // seconds
	// busy is when to look again while something is in progress.
	busy = time.Second
)

// Data is what the planner wants to have remembered in the status.
type Data struct {
	Source, SourceUUID string
	// Told is the server_uuid of a source that is not seen, as a replica tells it.
	Told       string
	Switchover *v1alpha1.SwitchoverStatus
	Last       *v1alpha1.LastSwitchover
	// Deposed are the server_uuids of sources that failovers left behind.
	Deposed []string
	// Unassured are those of sources whose acknowledged transactions the nodes that were seen
	// at a failover may have lacked.
	Unassured []string
	// Notes say per node what is wrong with it.
	Notes map[string]string
	// Roles and Ready per node; errant sets per node.
	Roles  map[string]v1alpha1.MysqlRole
	Ready  map[string]bool
	Errant map[string]errant
	// Overtaken: somebody else has been the source since. What others hold of that is
	// not on record as their own, or it would not count at the next look.
	Overtaken bool
	// VouchedBy is how many replicas have each transaction that the source has acknowledged.
	VouchedBy int32
	// Started is when the servers began to run, in semi-synchronous mode.
	Started map[string]metav1.Time
	// Misled says of nodes that are taken for unseen, because their address leads to another
	// one, why; Twins are those of which nobody knows which is which. What is on record of
	// either stays.
	Misled map[string]string
	Twins  []string
	// Drop names leaving nodes that need not be remembered any more.
	Drop map[string]bool
	// Clones are the records of nodes that were made anew, by node.
	Clones map[string]*v1alpha1.MysqlCloneStatus
	// Begun is the clone that this plan begins, Rejoined are those that were found ended.
	Begun    *rejoin
	Rejoined []rejoin
	// Refused says per node why it is not made anew although the spec wants that.
	Refused map[string]string
	// Result of a switchover that this plan ends: "", finished, undone, failover.
	Result string
}

// Input is all that a plan depends on.
type Input struct {
	Object *v1alpha1.MysqlReplication
	State  State
	Pods   map[string]reconcile.Pod
	Now    time.Time
}

// Plan decides. It is pure: an ordered list of rules, of which the first that
// applies makes the plan.
func Plan(in Input) reconcile.Plan[Data] {
	v := look(in)
	// Rules may choose a source; only one that was found counts when nothing is done.
	found, known := v.source, v.data
	p := v.decide()
	switch {
	case v.skip && v.resolves:
		// What was in progress cannot be resolved, and nothing else is begun. Rules have looked
		// at the set from another source since: what is reported is as it was found.
		fresh := look(in)
		conditions := fresh.inProgress("waits: it cannot be finished or undone as it stands, and nothing else is begun while " + v1alpha1.AnnotationSkipReconcile + " is set")
		p = fresh.withoutActions(fresh.plan(), fresh.source, fresh.data)
		p.Conditions, p.Next = conditions, busy
		v = fresh
	case v.skip:
		p = v.withoutActions(p, found, known)
	}
	p.Data.Twins = v.allTwins()
	p.Data.Told = v.told(v.server(p.Data.Source))
	p.Data.VouchedBy = v.vouchedBy()
	if v.semi {
		p.Data.Started = v.started()
	}
	p.Persist = p.Persist || v.recordsLess(p)
	p.Data.Begun, p.Data.Rejoined = v.data.Begun, v.data.Rejoined
	p.Events = append(p.Events, v.rejoinEvents()...)
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
		// A recorded change of the source is resumed or undone before anything else.
		when("failover in progress", (*view).failingOver, (*view).resumeFailover),
		when("switchover in progress", (*view).switching, (*view).resumeSwitchover),
		// Nobody knows a source yet.
		when("no source known: set up", (*view).sourceUnknown, (*view).setUp),
		when("GTIDs are off", (*view).lacksGTID, (*view).reportGTID),
		// The source is known; can it be seen, and is it what it was?
		when("source lost data", (*view).sourceLost, (*view).reportLost),
		when("another source wanted, this one is gone", (*view).wantsFailover, (*view).beginFailover),
		when("another source wanted", (*view).wantsSwitchover, (*view).beginSwitchover),
		when("source not seen", (*view).sourceUnseen, (*view).holdWithoutSource),
		// Else: steady.
	}
}

// plan starts a plan that remembers what the view knows.
func (v *view) plan() reconcile.Plan[Data] {
	return reconcile.Plan[Data]{Data: v.data}
}

// withoutActions keeps of a plan what skip allows: routing to what is observed,
// and the report.
func (v *view) withoutActions(p reconcile.Plan[Data], found *Server, known Data) reconcile.Plan[Data] {
	p.Steps, p.Persist, p.Again, p.MustFinish = nil, false, false, false
	p.Data.Switchover, p.Data.Last, p.Data.Result = v.recorded, known.Last, ""
	p.Data.Source, p.Data.SourceUUID, p.Data.Deposed, p.Data.Unassured = known.Source, known.SourceUUID, known.Deposed, known.Unassured
	switch v.source = found; {
	case found.OK() && v.sourceLost():
		p.Steps = []reconcile.Step{{Name: "route", Routing: reconcile.Routing{found.Name: reconcile.AccessNone}}}
	case found.OK() && found.Writable():
		p.Steps = append(v.unroute(), reconcile.Step{Name: "route", Routing: v.routing()})
	}
	return p
}
