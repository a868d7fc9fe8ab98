// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Times and figures that the planner works with.
const (
	// moveBudget is how long one action begins to move slots.
	moveBudget = 1500 * time.Millisecond
	// atOnce after that the next one follows.
	atOnce = 10 * time.Millisecond
	// busy is when to look again while something is in progress.
	busy = time.Second
	// parallelMoves are the pairs of nodes between which slots are moved at the same time.
	parallelMoves = 4
	// lagBound: a replica that is more bytes behind is not asked to take over.
	lagBound = 16 << 20
	// farewellQuiet is for how long a node that left must have sent no client on before it is forgotten.
	farewellQuiet = 10 * time.Second
	// failoverPatience is how long a source must have given no answer before a replica that the
	// user forces is asked to take over without it.
	failoverPatience = 5 * time.Second
)

// Data is what the planner wants to have remembered in the status.
type Data struct {
	Established, Creating bool
	Moves                 []v1alpha1.RedisClusterMove
	Migration             *v1alpha1.RedisClusterMigration
	Preferred             map[string]string
	// ForceSpent and GiveUpSpent are values of annotations that do not count any more.
	ForceSpent, GiveUpSpent string
	// Judged: it is known which cluster is ours, and who owns what in it.
	Judged  bool
	Former  []v1alpha1.RedisClusterFormerNode
	Unknown []string
	// IDs per member: the one that it has in the cluster, or had.
	IDs map[string]string
	// Notes say per node what is wrong with it.
	Notes map[string]string
	// Ready per node.
	Ready map[string]bool
	// Owned slots per node.
	Owned map[string]Slots
	// Drop names leaving nodes that need not be remembered any more.
	Drop           map[string]bool
	Joined, Synced bool
	Shards, Slots  int
}

// Input is all that a plan depends on.
type Input struct {
	Object *v1alpha1.RedisCluster
	State  State
	Pods   map[string]reconcile.Pod
	Now    time.Time
}

// Plan decides. It is pure: an ordered list of rules, of which the first that applies makes
// the plan.
func Plan(in Input) reconcile.Plan[Data] {
	v := look(in)
	p := reconcile.Decide(v, rules(), func(v *view) reconcile.Plan[Data] { return v.steady() })
	if v.skip {
		p.Steps, p.Persist, p.Events, p.Next = []reconcile.Step{v.route()}, false, nil, 0
		p.Data.ForceSpent, p.Data.GiveUpSpent = v.obj.Status.ForceSpent, v.obj.Status.GiveUpSpent
		p.Data.Preferred = v.obj.Status.Preferred
		p.Data.Moves, p.Data.Migration, p.Data.Creating = v.obj.Status.Moves, v.obj.Status.Migration, v.obj.Status.Creating
	}
	return p
}

// rules in the order in which they are asked.
func rules() []reconcile.Rule[*view, Data] {
	when := reconcile.When[*view, Data]
	return []reconcile.Rule[*view, Data]{
		// What makes every further thought unsafe.
		when("two nodes are one server", (*view).hasTwins, (*view).reportTwins),
		when("no node is seen", (*view).blind, (*view).reportBlind),
		when("more than one cluster", (*view).divided, (*view).reportDivided),
		when("the record cannot be read", (*view).garbled, (*view).reportGarbled),
		// There is no cluster: it is gone, or not made yet.
		when("the cluster is gone", (*view).vanished, (*view).reportVanished),
		when("nothing but fresh nodes: create", (*view).unmade, (*view).create),
		// Else: steady.
	}
}

// plan starts a plan that remembers what the view knows.
func (v *view) plan() reconcile.Plan[Data] { return reconcile.Plan[Data]{Data: v.data} }

// step makes a step that need not succeed for what follows; none without actions.
func optional(p *reconcile.Plan[Data], name string, actions []reconcile.Action) {
	if len(actions) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: name, Optional: true, Actions: actions})
	}
}
