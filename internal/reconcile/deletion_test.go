// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// The tests' record of a change is status.source "switching".
const recorded = "switching"

func changing(o *set) bool { return o.Status.Source == recorded }

// cancellableKit has a switchover at work until its source is wanted again, and then
// an undo. fence is the action that stands for all of it.
func cancellableKit(t *testing.T, fence Action) *kit {
	t.Helper()
	engine := &testEngine{underWay: changing, inFlight: changing}
	engine.plan = func(scene Scene[*set], _ int) testPlan {
		switch {
		case scene.Object.Spec.Source.Name == recorded:
			// What Cancel has made of it: undo.
			return testPlan{Data: "mysql-0", Again: true, MustFinish: true, Steps: []Step{
				{Name: "undo", Actions: []Action{do("unfence", "mysql-0")}, Routing: Routing{"mysql-0": AccessReadWrite}}}}
		case !scene.Object.DeletionTimestamp.IsZero():
			return testPlan{Data: "mysql-0", Conditions: topology(metav1.ConditionTrue, "Replicating", "")}
		}
		return testPlan{Data: recorded, Persist: true, Next: time.Second, Steps: []Step{{Name: "fence", Actions: []Action{fence}}}}
	}
	return kitOf(t, cancelling{engine}, engine, setObjects(t)...)
}

func (k *kit) delete() {
	k.t.Helper()
	if err := k.api.Delete(context.WithoutCancel(k.t.Context()), k.get()); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kit) wantGone() {
	k.t.Helper()
	if err := k.api.Get(k.t.Context(), testKey, &set{}); !apierrors.IsNotFound(err) {
		k.t.Errorf("the resource is there still: %v", err)
	}
}

func TestTheFinalizerIsOnWhileAChangeIsOnRecord(t *testing.T) {
	engine := &testEngine{plan: switchover, underWay: changing}
	k := kitOf(t, cancelling{engine}, engine, setObjects(t)...)
	k.edit(func(o *set) { o.Finalizers = []string{"example.com/theirs"} })
	k.pass()
	k.wantJournal(
		"finalizers [example.com/theirs "+Finalizer+"]",
		"status source=switching",
		"act fence mysql-0",
		"act promote mysql-1",
		"label mysql-1",
		"status source=mysql-1",
		"finalizers [example.com/theirs]",
	)
}

func TestNoStepRunsWithoutTheFinalizer(t *testing.T) {
	for name, answer := range map[string]error{"conflict": conflict(), "the API server fails": errors.New("no answer")} {
		t.Run(name, func(t *testing.T) {
			k := cancellableKit(t, do("fence", "mysql-0"))
			k.onFinalizers = func() error { return answer }
			if wait := k.pass(); wait <= 0 || wait > time.Second {
				t.Errorf("the next pass is in %s", wait)
			}
			k.wantJournal()
		})
	}
}

func TestDeletionInTheMiddleOfAChangeTakesItBack(t *testing.T) {
	k := cancellableKit(t, do("fence", "mysql-0"))
	k.pass()
	k.delete()
	k.engine.journal = nil
	if wait := k.pass(); wait != 0 {
		t.Errorf("looked at again in %s", wait)
	}
	k.wantGone()
	undone := slices.Index(k.engine.journal, "act unfence mysql-0")
	gone := slices.Index(k.engine.journal, "finalizers []")
	if undone < 0 || gone < undone {
		t.Errorf("what happened: %v", k.engine.journal)
	}
	k.wantLabels("mysql-0", "")
	if !slices.Contains(k.engine.journal, "forget orders") {
		t.Error("the engine still holds something")
	}
	k.wantEvents()
}

// The rounds of a pass end, and the next pass takes back what this one began.
func TestDeletionEndsTheRounds(t *testing.T) {
	var k *kit
	k = cancellableKit(t, doFunc("fence", "mysql-0", func(context.Context) (Facts, error) {
		k.delete()
		return nil, errors.New("it hangs")
	}))
	k.pass()
	if k.engine.observed != 1 {
		t.Errorf("%d rounds", k.engine.observed)
	}
	k.pass()
	k.wantGone()
	if !slices.Contains(k.engine.journal, "act unfence mysql-0") {
		t.Errorf("what happened: %v", k.engine.journal)
	}
}

func TestDeletionWaitsForAnUndoThatFailsButNotForEver(t *testing.T) {
	k := cancellableKit(t, do("fence", "mysql-0"))
	k.pass()
	k.delete()
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{Data: recorded, Steps: []Step{{Name: "undo", Actions: []Action{failing("unfence", "mysql-0", "no answer")}}}}
	}
	if wait := k.pass(); wait <= 0 || len(k.get().Finalizers) != 1 {
		t.Errorf("let go with a fence up; next pass in %s", wait)
	}
	// By the API server's clock.
	k.clock = k.get().DeletionTimestamp.Add(letGoAfter)
	if wait := k.pass(); wait != 0 {
		t.Errorf("looked at again in %s", wait)
	}
	k.wantGone()
	if last := k.events.told[len(k.events.told)-1]; !strings.HasPrefix(last, "Warning ChangeAbandoned: ") || !strings.Contains(last, "read-only") {
		t.Errorf("events: %v", k.events.told)
	}
}

// Labels that somebody refuses to have changed hold nobody up who waited long enough.
func TestDeletionWaitsForLabelsButNotForEver(t *testing.T) {
	k := cancellableKit(t, do("fence", "mysql-0"))
	k.pass()
	k.delete()
	pod := &corev1.Pod{}
	if err := k.api.Get(t.Context(), types.NamespacedName{Namespace: testNamespace, Name: "mysql-0"}, pod); err != nil {
		t.Fatal(err)
	}
	pod.Labels = labeled("mysql-0", "orders", "false").Labels
	if err := k.api.Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	k.onPodPatch = func(string) error { return apierrors.NewForbidden(corev1.Resource("pods"), "mysql-0", nil) }
	if wait := k.pass(); wait <= 0 || len(k.get().Finalizers) != 1 {
		t.Errorf("let go with its labels on; next pass in %s", wait)
	}
	k.clock = k.get().DeletionTimestamp.Add(letGoAfter)
	k.pass()
	k.wantGone()
}

// The record is gone, and what else the undo has to do is not done.
func TestDeletionWaitsForAllOfAnUndo(t *testing.T) {
	k := cancellableKit(t, do("fence", "mysql-0"))
	k.pass()
	k.delete()
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{Data: "mysql-0", Steps: []Step{{Name: "settle", Actions: []Action{failing("disarm", "mysql-0", "no answer")}}}}
	}
	if wait := k.pass(); wait <= 0 || len(k.get().Finalizers) != 1 {
		t.Errorf("let go with a fence armed; next pass in %s", wait)
	}
	k.engine.plan = func(Scene[*set], int) testPlan { return testPlan{Data: "mysql-0"} }
	k.pass()
	k.wantGone()
}

func TestAResourceWithoutAChangeGoesAtOnce(t *testing.T) {
	engine := &testEngine{underWay: changing}
	k := kitOf(t, cancelling{engine}, engine, setObjects(t)...)
	k.settle()
	if finalizers := k.get().Finalizers; len(finalizers) != 0 {
		t.Errorf("finalizers: %v", finalizers)
	}
	k.delete()
	k.wantGone()
	k.pass()
	if slices.Contains(k.engine.journal, "cancel") {
		t.Error("there was nothing to cancel")
	}
}

// A new process has no passwords that worked once.
func TestWithoutCredentialsTheHalfDoneChangeIsNamed(t *testing.T) {
	k := cancellableKit(t, do("fence", "mysql-0"))
	pod := &corev1.Pod{}
	if err := k.api.Get(t.Context(), types.NamespacedName{Namespace: testNamespace, Name: "mysql-0"}, pod); err != nil {
		t.Fatal(err)
	}
	pod.Labels = labeled("mysql-0", "orders", "false").Labels
	if err := k.api.Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	object := k.get()
	object.Status.Source = recorded
	if err := k.api.Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "passwords"}}
	if err := k.api.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	k.pass()
	condition := k.wantCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, "SecretNotFound")
	for _, part := range []string{"pod mysql-0", "read-only", "mend the Secret", "writable by hand"} {
		if !strings.Contains(condition.Message, part) {
			t.Errorf("the message lacks %q: %s", part, condition.Message)
		}
	}
}
