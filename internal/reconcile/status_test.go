// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

func TestTheStatusIsWrittenWhenAPersonCanSeeADifference(t *testing.T) {
	k := newKit(t, &testEngine{})
	source, message := "mysql-0", "mysql-1 is 3 s behind"
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{Data: source, Conditions: topology(metav1.ConditionTrue, "Replicating", message)}
	}
	writes := func(what string, want int) {
		t.Helper()
		k.statusPatches = 0
		k.pass()
		if k.statusPatches != want {
			t.Errorf("%s: %d writes, want %d", what, k.statusPatches, want)
		}
	}
	writes("the first pass", 1)
	writes("nothing new", 0)
	k.engine.lag = 7
	writes("a figure", 0)
	message = "mysql-1 is 125 s behind"
	writes("a figure in a message", 0)
	k.clock = k.clock.Add(figuresInterval)
	writes("figures, a minute later", 1)
	if lag := *k.get().Status.Topology["mysql-0"].SecondsBehindSource; lag != 7 {
		t.Errorf("lag %d was written", lag)
	}
	k.clock = k.clock.Add(figuresInterval)
	writes("the same, a minute later", 0)
	message = "mysql-2 is 125 s behind"
	writes("another node", 1)
	source = "mysql-1"
	writes("another source", 1)
	k.edit(func(o *set) { o.Spec.Mode = v1alpha1.MysqlSemiSync })
	writes("another generation", 1)
	if generation := k.get().Status.ObservedGeneration; generation != 2 {
		t.Errorf("observedGeneration = %d", generation)
	}
}

func TestTransitionTimesMoveWithTheStatusOnly(t *testing.T) {
	k := newKit(t, &testEngine{})
	began := k.clock
	k.pass()
	k.clock = k.clock.Add(time.Hour)
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{Conditions: topology(metav1.ConditionTrue, "OtherReason", "")}
	}
	k.pass()
	if c := k.wantCondition(v1alpha1.ConditionTopologyReady, metav1.ConditionTrue, "OtherReason"); !c.LastTransitionTime.Time.Equal(began) {
		t.Errorf("transition at %s", c.LastTransitionTime)
	}
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{Conditions: topology(metav1.ConditionFalse, "Broken", "mysql-1 is down")}
	}
	k.pass()
	if c := k.wantCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, "Broken"); !c.LastTransitionTime.Time.Equal(k.clock) || c.Message != "mysql-1 is down" {
		t.Errorf("transition at %s, message %q", c.LastTransitionTime, c.Message)
	}
}

func TestAStaleCacheDoesNotTakeTheMemoryAway(t *testing.T) {
	k := newKit(t, &testEngine{})
	k.engine.plan = func(Scene[*set], int) testPlan { return testPlan{Data: "mysql-1"} }
	k.frozen = k.get()
	k.pass()
	k.engine.plan = func(scene Scene[*set], _ int) testPlan {
		if scene.Object.Status.Source != "mysql-1" {
			t.Errorf("planned on a status of before: source %q", scene.Object.Status.Source)
		}
		return testPlan{Data: scene.Object.Status.Source}
	}
	k.pass()
	k.pass()
}

func TestAConflictIsResolvedByReadingLive(t *testing.T) {
	k := newKit(t, &testEngine{})
	k.settle()
	k.frozen = k.get()
	k.edit(func(o *set) { o.Spec.Mode = v1alpha1.MysqlSemiSync })
	k.engine.plan = func(Scene[*set], int) testPlan { return testPlan{Data: "new"} }
	k.pass()
	if got := k.get().Status; got.Source != "new" || got.ObservedGeneration != 1 {
		t.Errorf("status %+v", got)
	}
	k.pass()
	if seen := k.engine.seen[len(k.engine.seen)-1].Object; seen.Generation != 2 {
		t.Errorf("planned on generation %d although a newer one was seen", seen.Generation)
	}
	if got := k.get().Status.ObservedGeneration; got != 2 {
		t.Errorf("observedGeneration = %d", got)
	}
}

func TestAStatusThatSomebodyElseWroteIsNotOverwrittenUnseen(t *testing.T) {
	k := newKit(t, &testEngine{})
	k.settle()
	k.frozen = k.get()
	foreign := k.get()
	foreign.Status.Source = "theirs"
	if err := k.api.Status().Update(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	k.engine.plan = func(Scene[*set], int) testPlan { return testPlan{Data: "ours"} }
	if wait := k.pass(); wait != soon {
		t.Errorf("next pass in %s", wait)
	}
	if got := k.get().Status.Source; got != "theirs" {
		t.Errorf("source = %s", got)
	}
	k.engine.plan = func(scene Scene[*set], _ int) testPlan {
		if scene.Object.Status.Source != "theirs" {
			t.Errorf("planned without what they wrote: source %q", scene.Object.Status.Source)
		}
		return testPlan{Data: "ours"}
	}
	k.pass()
	if got := k.get().Status.Source; got != "ours" {
		t.Errorf("the pass that knew of it did not write: %s", got)
	}
}

func TestANewProcessReadsWhatTheLastOneWrote(t *testing.T) {
	k := newKit(t, &testEngine{})
	stale := k.get()
	k.engine.plan = switchover
	k.pass()
	k.frozen = stale

	successor := &testEngine{plan: func(scene Scene[*set], _ int) testPlan {
		if scene.Object.Status.Source != "mysql-1" {
			t.Errorf("the successor begins with %q", scene.Object.Status.Source)
		}
		return testPlan{Data: scene.Object.Status.Source}
	}}
	next := bareKit(t, successor)
	next.live, next.client, next.api, next.resolver = k.live, k.client, k.api, k.resolver
	next.pass()
}

func TestAResourceMadeAnewHasNoMemory(t *testing.T) {
	k := newKit(t, &testEngine{plan: func(scene Scene[*set], _ int) testPlan {
		return testPlan{Data: scene.Object.Status.Source + "x"}
	}})
	k.pass()
	if err := k.api.Delete(t.Context(), k.get()); err != nil {
		t.Fatal(err)
	}
	other := newSet()
	other.UID = "u-other"
	if err := k.api.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	// The fake API server counts versions per object; a real one across all.
	live := k.get()
	live.ResourceVersion = "100000"
	k.frozen = live
	k.engine.journal = nil
	if object, err := k.read(t.Context(), testKey, k.memories.of(testKey)); err != nil || object.UID != "u-other" || object.Status.Source != "" {
		t.Errorf("read %s %q, %v", object.UID, object.Status.Source, err)
	}
	k.wantJournal("forget orders")
}
