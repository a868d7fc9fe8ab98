// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"math/rand/v2"
	"os"
	"slices"
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
	object *v1alpha1.RedisReplication
	plan   reconcile.Plan[Data]
	// done: the last pass was carried out, all of it.
	done bool
}

func newOperator(w *world) *operator {
	o := &operator{world: w, object: situate().in.Object}
	o.object.Status = v1alpha1.RedisReplicationStatus{}
	return o
}

// pass is a pass of the kernel. While it looks, the world goes on.
func (o *operator) pass(calm bool) {
	o.done = false
	state := o.state(Members(o.object))
	if !calm && o.chance(50) {
		o.happen()
	}
	p := Plan(Input{Object: o.object, State: state, Pods: o.pods(), Now: o.now})
	before := o.object.DeepCopy()
	Project(o.object, state, p)
	o.plan = p
	o.checkSkip(before, p)
	if !calm && o.chance(5) {
		// It dies before anything is recorded.
		o.object.Status = before.Status
		return
	}
	if told := told(p); told != "" {
		o.note("plan %s: %s", p.Conditions[0].Reason, told)
	}
	facts := reconcile.Facts{}
	died := func() bool { return !calm && o.chance(3) }
	failures := false
	for _, step := range p.Steps {
		failed := false
		for _, action := range step.Actions {
			if died() {
				o.note("the operator dies")
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
			failures = true
			if !step.Optional {
				return
			}
		}
		o.lead(step.Routing)
		if died() {
			o.note("the operator dies")
			o.forgets(before, p)
			return
		}
	}
	o.done = !failures
}

// forgets: the status of a pass is written at its end, unless the plan demanded it first.
func (o *operator) forgets(before *v1alpha1.RedisReplication, p reconcile.Plan[Data]) {
	if !p.Persist {
		o.object.Status = before.Status
	}
}

// happen is something that the operator has no part in.
func (o *operator) happen() {
	names := []string{"a", "b", "c"}
	s := o.servers[names[o.random.IntN(len(names))]]
	switch o.random.IntN(11) {
	case 0, 1, 2:
		o.clientWrites()
	case 3, 4, 5:
		o.replicate(s, false)
	case 6:
		o.ping()
	case 7:
		switch {
		case o.chance(20):
			o.edit(names[o.random.IntN(len(names))])
		case o.chance(10), o.skips && o.chance(30):
			o.skip(!o.skips)
		}
	case 8:
		if o.failovers && o.chance(30) {
			o.crash(s)
		}
	case 10:
		if o.failovers {
			s.save()
		}
	case 9:
		if o.failovers && !s.up && o.chance(50) {
			o.note("%s starts", s.name)
			o.start(s)
		} else if s.hung {
			o.note("%s goes on", s.name)
			s.hung = false
		}
	}
}

// crash: what was in memory only is gone with the process. A write that only such a server
// had is nobody's fault.
func (o *operator) crash(s *modelServer) {
	if !s.up {
		return
	}
	if o.chance(30) {
		s.hung = true
		o.note("%s hangs", s.name)
		return
	}
	o.note("%s crashes (AOF %v)", s.name, s.aof)
	s.up, s.hung = false, false
	if !s.aof {
		s.data = nil
		if s.saved != nil {
			s.data = slices.Clone(s.saved.data)
		}
	}
	for id := range o.acked {
		held := false
		for _, other := range o.servers {
			held = held || slices.ContainsFunc(other.data, func(x write) bool { return x.id == id })
		}
		if !held {
			delete(o.acked, id)
		}
	}
}

// skip keeps the operator's hands off, or lets it work again.
func (o *operator) skip(it bool) {
	o.note("skip: %v", it)
	o.skips = it
	o.object.Annotations = map[string]string{v1alpha1.AnnotationSkipReconcile: strconv.FormatBool(it)}
}

// checkSkip: under skip what is under way may be finished or undone, and nothing else is begun.
func (o *operator) checkSkip(before *v1alpha1.RedisReplication, p reconcile.Plan[Data]) {
	was, is := before.Status.Switchover, p.Data.Switchover
	switch {
	case !o.skips:
	case !inFlight(was):
		if does := told(p); does != "" {
			o.violated("skip: it does %q", does)
		}
		if (was == nil) != (is == nil) && (was == nil || was.Phase != v1alpha1.SwitchoverUndone) {
			o.violated("skip: the record was %+v and is %+v", was, is)
		}
	case is != nil && (is.From != was.From || is.To != was.To || is.Failover != was.Failover || is.Generation != was.Generation):
		o.violated("skip: a change begins: the record was %+v and is %+v", was, is)
	}
}

func (o *operator) edit(to string) {
	spec := &o.object.Spec
	if spec.Source.Name == to {
		return
	}
	o.note("the user wants %s", to)
	o.object.Generation++
	for i := range spec.Replica {
		if r := &spec.Replica[i]; r.Name == to {
			source := r.RedisNode
			spec.Source, r.RedisNode = &source, *spec.Source
			return
		}
	}
}

// reconnect: what was cut off for a moment tries again. One that hangs does not, and the operator
// acts before it does: what a replica throws away before that is not the operator's to keep.
func (o *operator) reconnect() {
	if !o.done {
		return
	}
	for _, s := range o.servers {
		if s.cut && !s.hung && o.chance(50) {
			s.cut = false
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
		o.reconnect()
		if o.broken != nil {
			t.Fatalf("seed %d: %v\n%s", seed, o.broken, strings.Join(o.trace, "\n"))
		}
	}
	if o.failovers {
		return
	}
	o.skip(false)
	// Nobody has failed: calm brings what the spec wants, with every acknowledged write.
	for _, s := range o.servers {
		if s.failing && !s.replica {
			continue
		}
		s.cut = false
	}
	whole := false
	for range 80 {
		o.now = o.now.Add(1500 * time.Millisecond)
		o.pass(true)
		for _, s := range o.servers {
			o.replicate(s, true)
		}
		if u := o.object.Status.Switchover; u != nil && u.Phase == v1alpha1.SwitchoverUndone {
			o.edit(u.From)
		}
		if whole = o.plan.Conditions[0].Status == metav1.ConditionTrue && o.plan.Data.Switchover == nil; whole {
			break
		}
	}
	if o.broken != nil || !whole {
		t.Fatalf("seed %d: %v; in the end it is %+v\n%s", seed, o.broken, o.plan.Conditions, strings.Join(o.trace, "\n"))
	}
	if lost := o.lost(o.object.Status.Source); len(lost) > 0 {
		t.Fatalf("seed %d: law 2: writes %v are lost\n%s", seed, lost, strings.Join(o.trace, "\n"))
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
			for seed := first; seed < first+uint64(n); seed++ {
				newOperator(newWorld(rand.New(rand.NewPCG(seed, 1)), failovers)).run(t, seed)
			}
		})
	}
}

// TestModelFindsFlaws: an operator that promotes without a fence, or attaches whatever is
// there, breaks a law that the model checks.
func TestModelFindsFlaws(t *testing.T) {
	w := newWorld(rand.New(rand.NewPCG(1, 1)), true)
	w.labels["a"] = "false"
	w.clientWrites()
	w.demote(w.servers["a"], "b")
	w.replicate(w.servers["a"], true)
	if w.broken == nil {
		t.Error("data that follows an empty node is not found")
	}
	for name, seen := range map[string]func(*world){
		"by Redis itself":                    func(*world) {},
		"and the operator has seen it empty": func(w *world) { w.servers["a"].looked = true },
		"and was pointed there since":        func(w *world) { w.demote(w.servers["b"], "a") },
	} {
		w := newWorld(rand.New(rand.NewPCG(1, 1)), true)
		a, b := w.servers["a"], w.servers["b"]
		a.aof = false
		w.labels["a"] = "false"
		w.clientWrites()
		w.demote(b, "a")
		w.replicate(b, true)
		w.start(a)
		b.cut = false
		seen(w)
		w.replicate(b, true)
		if (w.broken == nil) != (name == "by Redis itself") {
			t.Errorf("a source has restarted empty and a replica copies that, %s: %v", name, w.broken)
		}
	}
	w = newWorld(rand.New(rand.NewPCG(1, 1)), true)
	w.lead(reconcile.Routing{"a": reconcile.AccessReadWrite, "b": reconcile.AccessReadWrite})
	if w.broken == nil {
		t.Error("two writers behind -readwrite are not found")
	}
	w = newWorld(rand.New(rand.NewPCG(1, 1)), false)
	w.labels["a"] = "false"
	w.clientWrites()
	if len(w.lost("b")) != 1 {
		t.Error("a lost write is not found")
	}
}
