// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// switchover is a plan in the order of a real one, after which all is well.
func switchover(_ Scene[*set], observation int) testPlan {
	if observation > 1 {
		return testPlan{Data: "mysql-1", Conditions: topology(metav1.ConditionTrue, "Replicating", "")}
	}
	return testPlan{
		Data: "switching", Persist: true, MustFinish: true, Again: true,
		Steps: []Step{
			{Name: "fence", Actions: []Action{do("fence", "mysql-0")}},
			{Name: "promote", Actions: []Action{do("promote", "mysql-1")}, Routing: Routing{"mysql-1": AccessReadWrite}},
		},
		Conditions: topology(metav1.ConditionFalse, "Switching", ""),
	}
}

func TestTheRecordIsWrittenBeforeTheSteps(t *testing.T) {
	k := newKit(t, &testEngine{plan: switchover})
	k.pass()
	k.wantJournal(
		"status source=switching",
		"act fence mysql-0",
		"act promote mysql-1",
		"label mysql-1",
		"status source=mysql-1",
	)
	k.wantCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, reasonReady)
	k.wantCondition(v1alpha1.ConditionReconciling, metav1.ConditionFalse, reasonIdle)
	k.wantCondition(v1alpha1.ConditionStalled, metav1.ConditionFalse, reasonNotStalled)
	if !k.get().Status.Ready {
		t.Error("ready does not mirror the condition")
	}
}

func TestTheRecordSaysThatSomethingIsDone(t *testing.T) {
	k := newKit(t, &testEngine{})
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{Data: "switching", Persist: true, Steps: []Step{{Name: "fence", Actions: []Action{
			doFunc("fence", "mysql-0", func(context.Context) (Facts, error) {
				if c := k.wantCondition(v1alpha1.ConditionReconciling, metav1.ConditionTrue, reasonProgressing); !strings.Contains(c.Message, "fence") {
					t.Errorf("the message does not name the step: %s", c.Message)
				}
				return nil, nil
			}),
		}}}}
	}
	k.pass()
	if len(k.engine.facts) == 0 {
		t.Error("the step did not run")
	}
}

func TestNoStepRunsWithoutTheRecord(t *testing.T) {
	for name, answer := range map[string]error{"conflict": conflict(), "the API server fails": errors.New("no answer")} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, &testEngine{plan: switchover})
			k.onStatusPatch = func(string) error { return answer }
			if wait := k.pass(); wait <= 0 || wait > time.Second {
				t.Errorf("the next pass is in %s", wait)
			}
			k.wantJournal()
			k.wantEvents()
		})
	}
}

func TestNoStepRunsOnARecordMadeOfAnOldSpec(t *testing.T) {
	k := newKit(t, &testEngine{plan: switchover})
	edited := false
	k.onStatusPatch = func(string) error {
		if !edited {
			edited = true
			k.edit(func(o *set) { o.Spec.Source.Name, o.Spec.Replica[0].Name = "mysql-1", "mysql-0" })
		}
		return nil
	}
	k.pass()
	for _, line := range k.engine.journal {
		if strings.HasPrefix(line, "act") {
			t.Errorf("the record was refused and still: %s", line)
		}
	}
	k.engine.plan = nil
	k.pass()
	if last := k.engine.seen[len(k.engine.seen)-1]; last.Object.Spec.Source.Name != "mysql-1" {
		t.Error("the next pass did not see the new spec")
	}
}

func TestActionsOfAStepRunAtTheSameTimeAndTeachTheNext(t *testing.T) {
	first, second := make(chan struct{}), make(chan struct{})
	meet := func(mine, other chan struct{}, fact string) func(context.Context) (Facts, error) {
		return func(ctx context.Context) (Facts, error) {
			close(mine)
			select {
			case <-other:
				return Facts{fact: "1"}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
	k := newKit(t, &testEngine{})
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{Steps: []Step{
			{Name: "meet", Actions: []Action{
				doFunc("a", "mysql-0", meet(first, second, "a")),
				doFunc("b", "mysql-1", meet(second, first, "b")),
			}},
			{Name: "use", Actions: []Action{do("c", "mysql-0")}},
		}}
	}
	k.pass()
	if len(k.engine.facts) != 3 || k.engine.facts[2]["a"] != "1" || k.engine.facts[2]["b"] != "1" {
		t.Errorf("facts = %v", k.engine.facts)
	}
}

// A step that the plan can do without, and that fails again and again, is no reason to look
// again and again at once.
func TestAnOptionalFailureIsNotTriedInALoop(t *testing.T) {
	k := newKit(t, &testEngine{plan: func(Scene[*set], int) testPlan {
		return testPlan{Again: true, Steps: []Step{{Name: "attach", Optional: true, Actions: []Action{failing("attach", "mysql-0", "it is turned away")}}},
			Conditions: topology(metav1.ConditionFalse, "Waits", "")}
	}})
	if wait := k.pass(); wait != busyPoll {
		t.Errorf("the wait is %s", wait)
	}
	if k.engine.observed != 1+maxReplans {
		t.Errorf("%d observations in a pass, want %d", k.engine.observed, 1+maxReplans)
	}
}

func TestAFailedStepEndsThePass(t *testing.T) {
	k := newKit(t, &testEngine{plan: func(Scene[*set], int) testPlan {
		return testPlan{Steps: []Step{
			{Name: "fence", Actions: []Action{failing("fence", "mysql-0", "it hangs")}, Routing: Routing{"mysql-0": AccessNone}},
			{Name: "promote", Actions: []Action{do("promote", "mysql-1")}},
		}, Conditions: topology(metav1.ConditionFalse, "Switching", "")}
	}})
	for i, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		if wait := k.pass(); wait != want*time.Second {
			t.Errorf("the wait after failure %d is %s, want %d s", i+1, wait, want)
		}
	}
	for _, line := range k.engine.journal {
		if line == "act promote mysql-1" || strings.HasPrefix(line, "label") {
			t.Errorf("went on after a failure: %s", line)
		}
	}
	if k.engine.observed != 6*(1+maxReplans) {
		t.Errorf("%d observations in 6 passes, want %d", k.engine.observed, 6*(1+maxReplans))
	}
	k.wantEvents("Warning ActionFailed: step fence: fence on mysql-0: it hangs")
	k.wantCondition(v1alpha1.ConditionReconciling, metav1.ConditionTrue, reasonStepFailed)

	// It works again, and then fails again: that is news, and the wait is short again.
	failed := k.engine.plan
	k.engine.plan = nil
	if wait := k.pass(); wait > DefaultPoll || wait < DefaultPoll*4/5 {
		t.Errorf("the wait after a good pass is %s", wait)
	}
	k.engine.plan = failed
	if wait := k.pass(); wait != time.Second {
		t.Errorf("the first wait is %s", wait)
	}
	if len(k.events.told) != 2 {
		t.Errorf("events: %v", k.events.told)
	}
}

func TestAnOptionalStepMayFail(t *testing.T) {
	k := newKit(t, &testEngine{plan: func(Scene[*set], int) testPlan {
		return testPlan{Steps: []Step{
			{Name: "persist", Optional: true, Actions: []Action{failing("persist", "mysql-0", "no right")}},
			{Name: "point", Actions: []Action{do("point", "mysql-1")}},
		}}
	}})
	k.pass()
	k.pass()
	k.wantEvents("Warning ActionFailed: step persist: persist on mysql-0: no right")
	if k.engine.observed != 2 || k.engine.journal[1] != "act point mysql-1" {
		t.Errorf("%d observations, %v", k.engine.observed, k.engine.journal)
	}
}

func TestAPlanMayAskToLookAgainButNotForEver(t *testing.T) {
	k := newKit(t, &testEngine{plan: func(Scene[*set], int) testPlan { return testPlan{Again: true} }})
	if wait := k.pass(); wait != busyPoll || k.engine.observed != maxRounds {
		t.Errorf("%d rounds, next pass in %s", k.engine.observed, wait)
	}
	k.wantCondition(v1alpha1.ConditionReconciling, metav1.ConditionTrue, reasonProgressing)
}

func TestAnEditEndsTheRounds(t *testing.T) {
	k := newKit(t, &testEngine{})
	k.engine.plan = func(_ Scene[*set], observation int) testPlan {
		if observation == 2 {
			k.edit(func(o *set) { o.Spec.Source.Name, o.Spec.Replica[0].Name = "mysql-1", "mysql-0" })
		}
		return testPlan{Again: true, Data: "kept"}
	}
	k.pass()
	if k.engine.observed != 2 {
		t.Errorf("%d rounds on a spec that was no longer wanted", k.engine.observed)
	}
	// The status is written over the newer spec: it says of which generation it is.
	if got := k.get(); got.Status.Source != "kept" || got.Status.ObservedGeneration != 1 || got.Spec.Source.Name != "mysql-1" {
		t.Errorf("status %+v", got.Status)
	}
}

func TestAPlanThatMustFinishOutlivesTheSignalToStop(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	k := newKit(t, &testEngine{})
	k.engine.plan = func(scene Scene[*set], observation int) testPlan {
		plan := switchover(scene, observation)
		if observation == 1 {
			plan.Steps[0].Actions = []Action{doFunc("fence", "mysql-0", func(ctx context.Context) (Facts, error) {
				stop()
				return nil, ctx.Err()
			})}
		} else {
			plan.Steps = []Step{{Name: "later", Actions: []Action{do("tidy up", "mysql-0")}}}
		}
		return plan
	}
	k.passWith(ctx)
	k.wantJournal(
		"status source=switching",
		"act fence mysql-0",
		"act promote mysql-1",
		"label mysql-1",
		"status source=mysql-1",
	)
}

func TestAPlanThatNeedNotFinishStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	k := newKit(t, &testEngine{plan: func(Scene[*set], int) testPlan {
		return testPlan{Steps: []Step{
			{Name: "one", Actions: []Action{doFunc("one", "mysql-0", func(ctx context.Context) (Facts, error) {
				stop()
				return nil, ctx.Err()
			})}},
			{Name: "two", Actions: []Action{do("two", "mysql-0")}},
		}}
	}})
	k.passWith(ctx)
	k.wantJournal("act one mysql-0")
	k.wantEvents()
}

func TestAnObservationCutShortIsNotJudged(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	k := newKit(t, &testEngine{onObserve: func(context.Context) { stop() }})
	k.passWith(ctx)
	if len(k.engine.seen) != 0 || k.statusPatches != 0 {
		t.Error("planned on what was seen while the process stopped")
	}
}

func TestEveryExternalCallHasADeadline(t *testing.T) {
	check := func(ctx context.Context) (Facts, error) {
		if deadline, has := ctx.Deadline(); !has || time.Until(deadline) > time.Minute {
			t.Error("no deadline")
		}
		return nil, nil
	}
	k := newKit(t, &testEngine{
		onObserve: func(ctx context.Context) { _, _ = check(ctx) },
		plan: func(Scene[*set], int) testPlan {
			return testPlan{MustFinish: true, Steps: []Step{{Name: "s", Actions: []Action{doFunc("a", "mysql-0", check)}}}}
		},
	})
	k.pass()
	if got := deadlineOf(plainAction{}); got != DefaultDeadline {
		t.Errorf("an action without a deadline of its own has %s", got)
	}
}

type plainAction struct{}

func (plainAction) Node() string  { return "" }
func (plainAction) About() string { return "" }

func TestAPanicEndsThePassOnly(t *testing.T) {
	k := newKit(t, &testEngine{plan: func(Scene[*set], int) testPlan { panic("in a plan") }})
	if wait := k.pass(); wait != time.Second {
		t.Errorf("next pass in %s", wait)
	}
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{Steps: []Step{{Name: "s", Actions: []Action{
			doFunc("a", "mysql-0", func(context.Context) (Facts, error) { panic("in an action") }),
		}}}}
	}
	if wait := k.pass(); wait != 2*time.Second {
		t.Errorf("next pass in %s", wait)
	}
	k.wantEvents("Warning ActionFailed: step s: a on mysql-0: panic: in an action")
}

func TestWithoutCredentialsNothingIsTouched(t *testing.T) {
	k := newKit(t, &testEngine{services: bothServices})
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{Data: "mysql-0", Conditions: topology(metav1.ConditionTrue, "Replicating", ""), Steps: []Step{
			{Name: "point", Actions: []Action{do("point", "mysql-1")}},
			{Name: "route", Routing: Routing{"mysql-0": AccessReadWrite, "mysql-1": AccessReadOnly}},
		}}
	}
	k.settle()
	observed := k.engine.observed
	secret := &corev1.Secret{}
	secretKey := types.NamespacedName{Namespace: testNamespace, Name: "passwords"}
	if err := k.api.Get(t.Context(), secretKey, secret); err != nil {
		t.Fatal(err)
	}
	good := secret.Data["mysql"]
	delete(secret.Data, "mysql")
	if err := k.api.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}

	k.pass()
	k.pass()
	if k.engine.observed != observed || k.podPatches != 0 || k.applies != 0 {
		t.Errorf("something was done: %v", k.engine.journal)
	}
	k.wantCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, "SecretKeyMissing")
	k.wantCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, "SecretKeyMissing")
	if c := k.wantCondition(v1alpha1.ConditionTopologyReady, metav1.ConditionFalse, "SecretKeyMissing"); !strings.Contains(c.Message, "passwords") || !strings.Contains(c.Message, `"mysql"`) {
		t.Errorf("the message names neither Secret nor key: %s", c.Message)
	}
	if len(k.events.told) != 1 || !strings.HasPrefix(k.events.told[0], "Warning SecretKeyMissing: ") {
		t.Errorf("events: %v", k.events.told)
	}
	k.wantLabels("mysql-0", "orders/false")
	k.wantLabels("mysql-1", "orders/true")
	if status := k.get().Status; status.ReadWriteService != "orders-readwrite" || status.Source != "mysql-0" {
		t.Errorf("what is in place is not reported any more: %+v", status)
	}

	secret.Data["mysql"] = good
	if err := k.api.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	k.pass()
	k.wantCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, reasonReady)
	k.wantCondition(v1alpha1.ConditionStalled, metav1.ConditionFalse, reasonNotStalled)
}

func TestSecretsAreReadOnlyWhenTheyChange(t *testing.T) {
	k := newKit(t, &testEngine{})
	k.pass()
	first := k.engine.seen[0].Credentials
	k.pass()
	if k.engine.seen[1].Credentials != first {
		t.Error("the same Secrets were decrypted twice")
	}
	secret := &corev1.Secret{}
	if err := k.api.Get(t.Context(), types.NamespacedName{Namespace: testNamespace, Name: "passwords"}, secret); err != nil {
		t.Fatal(err)
	}
	secret.Data["other"] = []byte("x")
	if err := k.api.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	k.pass()
	if k.engine.seen[2].Credentials == first {
		t.Error("a changed Secret was not read")
	}
}

// Without the Secret of spec.tls the databases are not asked; once it is there they are.
func TestSecretOfTLS(t *testing.T) {
	k := newKit(t, &testEngine{})
	k.settle()
	observed := k.engine.observed
	set := k.get()
	set.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired, SecretName: "certificates"}
	if err := k.api.Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	k.pass()
	if c := k.wantCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, "SecretNotFound"); !strings.Contains(c.Message, "certificates") || k.engine.observed != observed {
		t.Errorf("%+v; observed %d times, %d before", c, k.engine.observed, observed)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "certificates"}}
	if woken := k.resourcesOfSecret(t.Context(), secret); len(woken) != 1 {
		t.Errorf("the Secret wakes %v", woken)
	}
	if err := k.api.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	k.pass()
	k.wantCondition(v1alpha1.ConditionStalled, metav1.ConditionFalse, reasonNotStalled)
	if seen := k.engine.seen[len(k.engine.seen)-1]; seen.Credentials.TLS.Mode != v1alpha1.TLSRequired {
		t.Errorf("the engine is given %+v", seen.Credentials.TLS)
	}
}

func TestEventsAreToldOnce(t *testing.T) {
	k := newKit(t, &testEngine{})
	say := func(events ...Event) {
		t.Helper()
		k.engine.plan = func(Scene[*set], int) testPlan { return testPlan{Events: events} }
		k.pass()
	}
	behind := func(seconds string) Event {
		return Event{Warning: true, Reason: "Behind", Message: "mysql-1 is " + seconds + " s behind"}
	}
	finished := Event{Reason: "SwitchoverFinished", Message: "mysql-1 is the source", Once: "2026-11-22T12:00:00Z"}
	say(behind("3"), finished)
	say(behind("4"), finished)
	say()
	say(finished)
	say(behind("5"))
	k.wantEvents(
		"Warning Behind: mysql-1 is 3 s behind",
		"Normal SwitchoverFinished: mysql-1 is the source",
		"Warning Behind: mysql-1 is 5 s behind",
	)
}

func TestThePlannerSaysWhenToLookAgain(t *testing.T) {
	k := newKit(t, &testEngine{plan: func(Scene[*set], int) testPlan { return testPlan{Next: 300 * time.Millisecond} }})
	if wait := k.pass(); wait != 300*time.Millisecond {
		t.Errorf("next pass in %s", wait)
	}
}
