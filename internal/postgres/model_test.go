// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// operator makes passes over a world, and dies between any two things that it does.
type operator struct {
	*world
	object *v1alpha1.PostgresReplication
	plan   reconcile.Plan[Data]
}

func newOperator(w *world) *operator {
	o := &operator{world: w, object: situate().in.Object}
	o.object.Status = v1alpha1.PostgresReplicationStatus{}
	if w.synchronous {
		o.object.Spec.Mode = v1alpha1.PostgresSync
	}
	return o
}

// pass is a pass of the kernel. While it looks, the world goes on.
func (o *operator) pass(calm bool) {
	state := o.state(Members(o.object))
	if !calm && o.chance(50) {
		o.happen()
	}
	p := Plan(Input{Object: o.object, State: state, Pods: o.pods(), Now: o.now})
	before := o.object.DeepCopy()
	Project(o.object, state, p)
	o.plan = p
	if !calm && o.chance(5) {
		// It dies before anything is recorded.
		o.object.Status = before.Status
		return
	}
	if told := steps(p); told != "" {
		o.note("plan %s: %s", p.Conditions[0].Reason, told)
	}
	facts := reconcile.Facts{}
	died := func() bool { return !calm && o.chance(3) }
	for _, step := range p.Steps {
		failed := false
		for _, action := range step.Actions {
			if died() {
				o.forgets(before, p)
				return
			}
			learned, err := o.act(action, facts)
			failed = failed || err != nil
			for k, v := range learned {
				facts[k] = v
			}
			if o.chance(30) {
				o.clientWrites()
			}
		}
		if failed {
			o.note("step %s failed", step.Name)
			if !step.Optional {
				return
			}
		}
		o.lead(step.Routing)
		if died() {
			o.forgets(before, p)
			return
		}
	}
}

// forgets: the status of a pass is written at its end, unless the plan demanded it first.
func (o *operator) forgets(before *v1alpha1.PostgresReplication, p reconcile.Plan[Data]) {
	o.note("the operator dies")
	if !p.Persist {
		o.object.Status = before.Status
	}
}

// happen is something that the operator has no part in.
func (o *operator) happen() {
	list := []string{"a", "b", "c"}
	s := o.servers[list[o.random.IntN(len(list))]]
	switch o.random.IntN(12) {
	case 0, 1, 2:
		o.clientWrites()
	case 3, 4, 5:
		o.replicate(s, false)
	case 6:
		s.cut = o.chance(30)
	case 7:
		if o.chance(20) {
			o.edit(list[o.random.IntN(len(list))])
		}
	case 8:
		if o.failovers && o.chance(30) {
			o.fail(s)
		}
	case 9, 10:
		// kubelet starts what has stopped.
		if !s.up && o.chance(50) {
			o.start(s)
		}
	case 11:
		s.hung = s.hung && o.chance(50)
	}
}

func (o *operator) fail(s *modelServer) {
	if s.up && o.chance(30) {
		s.hung = true
		o.note("%s hangs", s.name)
	} else if s.up {
		s.up, s.hung = false, false
		o.note("%s crashes", s.name)
	}
}

func (o *operator) edit(to string) {
	spec := &o.object.Spec
	if spec.Primary.Name == to {
		return
	}
	o.note("the user wants %s", to)
	o.object.Generation++
	for i := range spec.Standby {
		if r := &spec.Standby[i]; r.Name == to {
			primary := r.Node
			spec.Primary, r.Node = &primary, *spec.Primary
			return
		}
	}
}

// run is one schedule: troubled times, and then calm ones.
func (o *operator) run(t *testing.T, seed uint64) {
	t.Helper()
	for range 60 {
		for range o.random.IntN(4) {
			o.happen()
		}
		o.now = o.now.Add(time.Duration(o.random.IntN(2000)) * time.Millisecond)
		o.pass(false)
		if o.broken != nil {
			t.Fatalf("seed %d: %v\n%s", seed, o.broken, strings.Join(o.trace, "\n"))
		}
	}
	whole := false
	for range 80 {
		o.now = o.now.Add(1500 * time.Millisecond)
		for _, s := range o.servers {
			s.cut, s.hung = false, false
			if !s.up {
				o.start(s)
			}
		}
		o.pass(true)
		for range 2 {
			for _, s := range o.servers {
				o.replicate(s, true)
			}
		}
		if u := o.object.Status.Switchover; u != nil && u.Phase == v1alpha1.SwitchoverUndone {
			o.edit(u.From)
		}
		if whole = o.plan.Conditions[0].Status == metav1.ConditionTrue && o.plan.Data.Switchover == nil; whole {
			break
		}
	}
	// A wish that changes while the old primary is stopped can leave it with its shutdown
	// record, which the newly wanted one has not received: it is told of, and rejoined by hand.
	if !whole && o.broken == nil && o.plan.Data.Switchover == nil && o.plan.Conditions[0].Reason == "StandbyDiverged" {
		whole = true
	}
	// Who has failed may have a log of its own, and is left to a person.
	if o.broken != nil || !whole && !o.failovers {
		for _, m := range Members(o.object) {
			o.note("%s: %+v", m.Name, o.see(m))
		}
		t.Fatalf("seed %d: %v; in the end it is %+v\n%s", seed, o.broken, o.plan.Conditions, strings.Join(o.trace, "\n"))
	}
	for name, value := range o.labels {
		if lost := o.missing(name); value == "false" && len(lost) > 0 {
			t.Fatalf("seed %d: law 2: writes %v are lost\n%s", seed, lost, strings.Join(o.trace, "\n"))
		}
	}
}

// runs is how many schedules there are, of either sort: MODEL_RUNS, or 1,000.
func runs(t *testing.T) int {
	t.Helper()
	text := os.Getenv("MODEL_RUNS")
	if text == "" {
		return 1000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestModel lets chance play the users, the servers and the death of the operator.
func TestModel(t *testing.T) {
	for _, failovers := range []bool{false, true} {
		name := "switchovers"
		if failovers {
			name = "crashes"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, only := uint64(0), os.Getenv("MODEL_SEED")
			n := runs(t)
			if only != "" {
				seed, err := strconv.ParseUint(only, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				first, n = seed, 1
			}
			changes := 0
			for seed := first; seed < first+uint64(n); seed++ { //nolint:gosec // a count
				o := newOperator(newWorld(rand.New(rand.NewPCG(seed, 1)), failovers))
				o.run(t, seed)
				if o.object.Status.LastSwitchover != nil {
					changes++
				}
			}
			if only == "" && changes < n/4 {
				t.Errorf("the primary was changed in %d of %d schedules only", changes, n)
			}
		})
	}
}

// TestModelFindsFlaws: the checker of the laws can fail.
func TestModelFindsFlaws(t *testing.T) {
	w := newWorld(rand.New(rand.NewPCG(1, 1)), false)
	w.labels["a"] = "false"
	w.clientWrites()
	w.servers["b"].recovery = false
	w.lead(reconcile.Routing{"b": reconcile.AccessReadWrite, "a": reconcile.AccessNone})
	if w.broken == nil {
		t.Error("a lost write is not found")
	}
	w = newWorld(rand.New(rand.NewPCG(1, 1)), false)
	w.servers["b"].recovery = false
	w.lead(reconcile.Routing{"a": reconcile.AccessReadWrite, "b": reconcile.AccessReadWrite})
	if w.broken == nil {
		t.Error("two writers behind -readwrite are not found")
	}
}
