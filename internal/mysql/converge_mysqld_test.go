// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"errors"
	"maps"
	"strconv"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/mysqld"
)

// kernel is as much of one as the engine needs: it observes, plans, acts and remembers,
// and keeps the labels in a map.
type kernel struct {
	*cluster
	labels map[string]string
	// after, when there is one, is called after everything that is done.
	after func(did string)
	// crashed says that a server had a crash in a test of that.
	crashed bool
	// dead says that the operator died in the middle of a plan.
	dead bool
	// routed is called when a node has come behind -readwrite; nil: nobody asks.
	routed func(node string)
}

func (k *kernel) look() (State, reconcile.Plan[Data]) {
	k.t.Helper()
	scene := k.scene()
	scene.Pods = map[string]reconcile.Pod{}
	for name := range k.servers {
		scene.Pods[name] = reconcile.Pod{Exists: true, UID: types.UID(name), Name: k.object.Name, Readonly: k.labels[name]}
	}
	state := k.engine.Observe(k.t.Context(), scene)
	plan := k.engine.Plan(scene, state)
	k.engine.Project(scene, state, plan)
	return state, plan
}

// carryOut runs the steps as the kernel does. What fails is tried again at the next look.
func (k *kernel) carryOut(plan reconcile.Plan[Data]) {
	k.t.Helper()
	facts := reconcile.Facts{}
	var beside sync.WaitGroup
	defer beside.Wait()
	for _, step := range plan.Steps {
		if step.Background && k.after == nil {
			known := maps.Clone(facts)
			beside.Go(func() { _, _ = k.step(step, known) })
			continue
		}
		learned, err := k.step(step, facts)
		if k.dead {
			return
		}
		if err != nil && !step.Optional && !step.Background {
			return
		}
		maps.Copy(facts, learned)
		for node, access := range step.Routing {
			readonly := map[reconcile.Access]string{reconcile.AccessReadWrite: "false", reconcile.AccessReadOnly: "true"}[access]
			if readonly == "false" && k.routed != nil {
				k.routed(node)
			}
			k.labels[node] = readonly
			if k.did("route " + node); k.dead {
				return
			}
		}
	}
}

func (k *kernel) did(what string) {
	if k.after != nil {
		k.after(what)
	}
}

// step runs the actions of a step at the same time.
func (k *kernel) step(step reconcile.Step, facts reconcile.Facts) (reconcile.Facts, error) {
	learned, errs := make([]reconcile.Facts, len(step.Actions)), make([]error, len(step.Actions))
	act := func(i int) {
		action := step.Actions[i]
		if learned[i], errs[i] = k.act(action, facts); errs[i] != nil {
			k.t.Logf("step %s: %s on %s: %v", step.Name, action.About(), action.Node(), errs[i])
		}
	}
	if k.after == nil {
		conn.Each(len(step.Actions), act)
	} else {
		// One after the other: it wants to know of each.
		for i, action := range step.Actions {
			act(i)
			if k.did(action.About() + " " + action.Node()); k.dead {
				break
			}
		}
	}
	all := reconcile.Facts{}
	for _, of := range learned {
		maps.Copy(all, of)
	}
	return all, errors.Join(errs...)
}

// settle looks and acts until the topology is as the spec wants it.
func (k *kernel) settle(what string) {
	k.t.Helper()
	done := func() bool {
		_, plan := k.look()
		k.carryOut(plan)
		return !plan.Again && plan.Data.Switchover == nil && plan.Conditions[0].Status == metav1.ConditionTrue
	}
	// A crash takes its time, which is nobody's patience.
	before := k.crashed
	k.servers["a"].Eventually(what, func() bool { return done() || k.crashed != before })
	k.servers["a"].Eventually(what, done)
	for name, s := range k.servers {
		readonly, fenced := "true", "1"
		switch {
		case name == k.object.Spec.Source.Name:
			readonly, fenced = "false", "0"
		case s.Port != k.object.Spec.Replica[0].Port:
			// Nobody is led to another port than the first replica's.
			readonly = ""
		}
		if k.labels[name] != readonly {
			k.t.Errorf("%s: %s is labelled %q, not %q", what, name, k.labels[name], readonly)
		}
		if is := s.Value("SELECT @@GLOBAL.super_read_only"); is != fenced {
			k.t.Errorf("%s: super_read_only of %s is %s", what, name, is)
		}
	}
}

// The planner and the actions together, over real servers: from fresh ones to a set,
// a switchover in each direction, and other ports for a replica and for the source.
func TestConverge(t *testing.T) {
	t.Parallel()
	for mode, semi := range map[v1alpha1.MysqlReplicationMode]bool{v1alpha1.MysqlAsync: false, v1alpha1.MysqlSemiSync: true} {
		t.Run(string(mode), func(t *testing.T) {
			k := &kernel{cluster: newCluster(t, 3, mysqld.Options{SemiSync: semi}), labels: map[string]string{}}
			k.object.Spec.Mode = mode
			k.as(mysqld.LeastUser, mysqld.LeastPassword)
			k.settle("the set is set up")
			load := mysqld.StartLoad(t, k.servers["a"], 4)
			for _, to := range []string{"b", "a"} {
				k.exchange(to)
				k.servers["a"].Eventually("the source is "+to, func() bool {
					_, plan := k.look()
					k.carryOut(plan)
					if k.labels[to] == "false" {
						load.MoveTo(k.servers[to])
					}
					return plan.Data.Source == to && plan.Data.Switchover == nil
				})
				k.settle("switched over to " + to)
			}
			had := load.Acknowledged()
			k.servers["a"].Eventually("clients write", func() bool { return load.Acknowledged() > had+20 })
			load.Stop()

			for _, node := range []string{"c", "a"} {
				k.moveToPort(node)
				k.settle("another port of " + node)
				mustWrite(t, k.servers["a"])
				k.caughtUp("a")
			}
			for node, s := range k.servers {
				if lost := load.Lost(s); lost != 0 {
					t.Errorf("%d of %d acknowledged rows are not on %s", lost, load.Acknowledged(), node)
				}
			}
		})
	}
}

// exchange the source with a replica, in the spec.
func (k *kernel) exchange(to string) {
	k.object.Generation++
	for i := range k.object.Spec.Replica {
		if r := &k.object.Spec.Replica[i]; r.Name == to {
			*k.object.Spec.Source, r.Node = r.Node, *k.object.Spec.Source
			return
		}
	}
}

// moveToPort starts a server again on another port, and says so in the spec.
func (k *kernel) moveToPort(node string) {
	k.t.Helper()
	s := k.servers[node]
	s.Port = mysqld.FreePort(k.t, s.Host)
	s.Restart("--port=" + strconv.Itoa(int(s.Port)))
	k.object.Generation++
	if k.object.Spec.Source.Name == node {
		k.object.Spec.Source.Port = s.Port
	}
	for i := range k.object.Spec.Replica {
		if r := &k.object.Spec.Replica[i]; r.Name == node {
			r.Port = s.Port
		}
	}
}
