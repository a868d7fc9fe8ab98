// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/metrics"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// nothing stands for a series that is not there.
const nothing = -1

func wantSeries(t *testing.T, what string, wanted map[string]float64) {
	t.Helper()
	for series, want := range wanted {
		if got, there := seriesOf(t, series); there != (want != nothing) || there && got != want {
			t.Errorf("%s: %s = %v (%v), want %v", what, series, got, there, want)
		}
	}
}

// TestMeasureWhatIsPlanned: what the planner makes of servers comes out as figures.
func TestMeasureWhatIsPlanned(t *testing.T) {
	const replicating, errants = "node_replicating/", "node_errant_transactions/"
	const semi, vouched = "node_semi_sync/", "node_vouched_by/"
	// The tests share one registry.
	metrics.ForgetObject(Kind, described().Namespace, described().Name)
	for what, test := range map[string]struct {
		scene *scene
		want  map[string]float64
	}{
		"all is well": {
			given("a", "b", "c!").seeing(source("a"), replica("b", "a"), server("c").has("a:1-100").fenced()).knowing("a", "a", "b", "c"),
			map[string]float64{
				replicating + "a": nothing, replicating + "b": 1, replicating + "c": nothing,
				errants + "a": nothing, errants + "b": 0, errants + "c": 0,
			},
		},
		"semi-sync with a count": {
			counted().seeing(replica("c", "a").acks().unseen(), inactive(replica("d", "a").acks())),
			map[string]float64{
				semi + "a": 1, semi + "b": 1, semi + "c": nothing, semi + "d": 0, vouched + "a": 2, vouched + "b": nothing,
			},
		},
		"semi-sync that has fallen back": {
			counted().seeing(source("a").waitsFor(2).gaveUp()),
			map[string]float64{semi + "a": 0, vouched + "a": 0},
		},
		"asynchronous mode": {
			given("a", "b").seeing(source("a"), replica("b", "a")).knowing("a", "a", "b"),
			map[string]float64{semi + "a": nothing, semi + "b": nothing, vouched + "a": nothing},
		},
		"a set that replicates is adopted": {
			given("a", "b").seeing(source("a"), replica("b", "a")),
			map[string]float64{replicating + "b": 1, errants + "b": 0},
		},
		"threads that do not run, and one that has another address of the source": {
			given("a", "b", "c", "d").seeing(source("a"), replica("b", "a").sqlError(1062), replica("c", "a").stopped(), replica("d", "a").through("10.0.0.1")).
				knowing("a", "a", "b", "c", "d"),
			map[string]float64{replicating + "b": 0, replicating + "c": 0, replicating + "d": 1},
		},
		"an old source that holds transactions of its own": {
			given("a", "b").seeing(source("a"), server("b").has("a:1-100 b:1-3").fenced()).knowing("a", "a", "b"),
			map[string]float64{replicating + "b": 0, errants + "b": 3},
		},
		"the source is not seen": {
			given("a", "b").seeing(source("a").unseen(), replica("b", "a").ioError(2003)).knowing("a", "a", "b"),
			map[string]float64{replicating + "a": nothing, replicating + "b": 0, errants + "b": nothing},
		},
		"the source came back empty": {
			given("a", "b").seeing(fresh("a").uuid("e").labelled("false"), replica("b", "a")).knowing("a", "a", "b"),
			map[string]float64{errants + "b": nothing},
		},
		"replication has not been set up": {
			given("a", "b").seeing(fresh("a"), fresh("b").unseen()),
			map[string]float64{replicating + "a": nothing, replicating + "b": nothing, errants + "b": nothing},
		},
	} {
		e := NewEngine()
		in := test.scene.Input
		e.Measure(sceneOf(in.Object), in.State, Plan(in))
		wantSeries(t, what, test.want)
		metrics.ForgetObject(Kind, in.Object.Namespace, in.Object.Name)
	}
}

// TestMeasureReplication: what should replicate and does not is 0, what nobody knows
// is absent.
func TestMeasureReplication(t *testing.T) {
	e, o := NewEngine(), described()
	t.Cleanup(func() { metrics.ForgetObject(Kind, o.Namespace, o.Name) })
	for _, name := range []string{"c", "d", "e", "f"} {
		o.Spec.Replica = append(o.Spec.Replica, v1alpha1.ReplicaNode{Node: v1alpha1.Node{Name: name}, Isolated: name == "f"})
	}
	replica := func(io, sql Thread) *Server {
		return &Server{Reach: ReachOK, ReadOnly: true, SuperReadOnly: true, Channel: &Channel{IO: io, SQL: sql}}
	}
	state := State{Nodes: map[string]*Server{
		"a": {Reach: ReachOK, UUID: "the source's"},
		"b": replica(ThreadYes, ThreadYes), "c": replica(ThreadConnecting, ThreadYes), "d": {Reach: ReachError},
		// Its threads run, and it follows somebody else.
		"e": replica(ThreadYes, ThreadYes),
		"f": replica(ThreadNo, ThreadNo),
	}}
	plan := reconcile.Plan[Data]{Data: Data{
		Source: "a", SourceUUID: "the source's",
		Roles: map[string]v1alpha1.MysqlRole{
			"a": v1alpha1.MysqlRoleSource, "b": v1alpha1.MysqlRoleReplica, "c": v1alpha1.MysqlRoleReplica, "e": v1alpha1.MysqlRoleNone,
		},
		Errant: map[string]errant{"e": {count: 4}},
		// Over, although it is still on record.
		Switchover: &v1alpha1.SwitchoverStatus{Phase: v1alpha1.SwitchoverUndone},
	}}
	check := func(what string, wanted map[string]float64) {
		t.Helper()
		e.Measure(sceneOf(o), state, plan)
		wantSeries(t, what, wanted)
	}
	check("all is seen", map[string]float64{
		"node_replicating/a": nothing, "node_replicating/b": 1, "node_replicating/c": 0, "node_replicating/d": nothing,
		"node_replicating/e": 0, "node_replicating/f": nothing,
		"node_errant_transactions/a": nothing, "node_errant_transactions/b": 0, "node_errant_transactions/d": nothing,
		"node_errant_transactions/e": 4, "node_errant_transactions/f": 0,
		"switchover_in_flight/Undone": nothing,
	})
	unknown := map[string]float64{"node_errant_transactions/b": nothing, "node_errant_transactions/e": nothing, "node_replicating/b": 1}
	plan.Data.Overtaken = true
	check("another source has been there", unknown)
	plan.Data.Overtaken, plan.Data.SourceUUID = false, "another's"
	check("the source was made anew", unknown)
	state.Nodes["a"].Reach = ReachNone
	check("the source is not seen", unknown)
	// Before there is a source, nobody should replicate; and a source that is to be
	// another one is a replica then.
	plan.Data.Source, plan.Data.SourceUUID = "", ""
	check("no source", map[string]float64{"node_replicating/b": nothing})
	plan.Data.Source, plan.Data.Roles["a"] = "b", v1alpha1.MysqlRoleNone
	state.Nodes["a"].Reach = ReachOK
	check("b is the source", map[string]float64{"node_replicating/a": 0, "node_replicating/b": nothing})
}
