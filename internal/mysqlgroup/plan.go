// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Times and figures that the planner works with.
const (
	// drainTime passes between the candidate's leaving -readonly and the election.
	// kube-proxy lets about a second pass between two updates: with the candidate
	// out before, the change of -readwrite is an update of its own and takes effect at
	// once. Twice that second, because its leaving may have to wait for one itself.
	drainTime = 2100 * time.Millisecond
	// catchUpTimeout bounds the wait for the candidate while the primary still takes writes.
	catchUpTimeout = 5 * time.Second
	// transactionsTimeout is how long transactions that run on the old primary may go on.
	transactionsTimeout = 1 * time.Second
	// busy is when to look again while something is in progress.
	busy = time.Second
)

// backlogBound: a member with more transactions to apply is not elected.
const backlogBound = 1000

// Data is what the planner wants to have remembered in the status.
type Data struct {
	Primary, GroupName, ViewID string
	Bootstrapped               bool
	// Spent is the annotation force-quorum as it was seen beside a quorum.
	Spent string
	// Without: a group existed and none is seen, so that what its members held stays on record.
	Without bool
	// Notes say per node what is wrong with it.
	Notes map[string]string
	// Roles, States and Ready per node; errant sets per node.
	Roles  map[string]v1alpha1.MysqlGroupRole
	States map[string]MemberState
	Ready  map[string]bool
	Errant map[string]gtid.Set
	// Compared says of a node whether what it holds was compared with the group's.
	Compared map[string]bool
	// Unnamed are members of the group that no node is, seen or not.
	Unnamed []v1alpha1.MysqlGroupUnknownMember
	// Member says of a node whether it belonged to the group as that was last known.
	Member map[string]bool
	// Drop names leaving nodes that need not be remembered any more.
	Drop map[string]bool
	// Moved: the group has another primary than the record says. Asked: the spec names it.
	Moved, Asked bool
}

// Input is all that a plan depends on.
type Input struct {
	Object *v1alpha1.MysqlGroupReplication
	State  State
	Pods   map[string]reconcile.Pod
}

// Plan decides. It is pure: an ordered list of rules, of which the first that
// applies makes the plan.
func Plan(in Input) reconcile.Plan[Data] {
	v := look(in)
	if !v.skip {
		return v.decide()
	}
	// Rules may record what they are about to do; only what was found counts here.
	found := v.data
	p := v.decide()
	p.Steps = nil
	if !v.hasTwins() {
		p.Steps = []reconcile.Step{v.route("")}
	}
	p.Persist, p.MustFinish, p.Again = false, false, false
	p.Data = found
	return p
}

// decide asks the rules in their order.
func (v *view) decide() reconcile.Plan[Data] {
	return reconcile.Decide(v, rules(), (*view).steady)
}

// rules in the order in which they are asked.
func rules() []reconcile.Rule[*view, Data] {
	when := reconcile.When[*view, Data]
	return []reconcile.Rule[*view, Data]{
		// What makes every further thought unsafe.
		when("two nodes are one server", (*view).hasTwins, (*view).reportTwins),
		when("two groups", (*view).isSplit, (*view).reportSplit),
		when("another group than the recorded one", (*view).hasStranger, (*view).reportStranger),
		when("more than one primary", (*view).hasPrimaries, (*view).reportPrimaries),
		// Nobody's view counts.
		when("quorum lost, the user names who goes on", (*view).mayForce, (*view).force),
		when("quorum lost for good, everybody is seen", (*view).mayDissolve, (*view).dissolve),
		when("quorum lost", (*view).lostQuorum, (*view).holdWithoutQuorum),
		when("no group seen, and not everybody is seen", (*view).missesNodes, (*view).holdWithoutNodes),
		when("no group seen, and not everybody is named", (*view).missesUnnamed, (*view).holdWithoutUnnamed),
		when("no group", (*view).hasNoGroup, (*view).setUp),
		// Else there is a group with quorum: steady.
	}
}

// plan starts a plan that remembers what the view knows.
func (v *view) plan() reconcile.Plan[Data] { return reconcile.Plan[Data]{Data: v.data} }

// report is a plan that changes the route at the most, and tells why.
func (v *view) report(reason, message string) reconcile.Plan[Data] {
	p := v.plan()
	p.Steps = append(p.Steps, v.route(""))
	p.Conditions = reconcile.Topology(false, reason, message)
	p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: reason, Message: message})
	p.Next = busy
	return p
}
