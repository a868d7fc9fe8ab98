// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

const rivalName = "others"

var rivalKey = types.NamespacedName{Namespace: testNamespace, Name: rivalName}

// rival is a copy of the set under another name and with the other source, made
// so much later.
func rival(later time.Duration) *set {
	other := newSet()
	other.Name, other.UID = rivalName, "u-others"
	other.Spec.Source.Name, other.Spec.Replica[0].Name = "mysql-1", "mysql-0"
	other.CreationTimestamp = metav1.NewTime(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(later))
	return other
}

// dated is the set, made a while before a rival that is made later by nothing.
func dated() *set {
	object := newSet()
	object.CreationTimestamp = metav1.NewTime(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	return object
}

// fighting plans to act on both nodes of whichever resource.
func fighting(scene Scene[*set], _ int) testPlan {
	return testPlan{
		Data:       scene.Object.Spec.Source.Name,
		Conditions: topology(metav1.ConditionTrue, "Replicating", ""),
		Steps: []Step{
			{Name: "settings", Actions: []Action{do(scene.Key.Name+" sets", "mysql-0"), do(scene.Key.Name+" sets", "mysql-1")}},
			{Name: "route", Routing: Routing{scene.Object.Spec.Source.Name: AccessReadWrite, scene.Object.Spec.Replica[0].Name: AccessReadOnly}},
		},
	}
}

func rivals(t *testing.T, objects ...client.Object) *kit {
	t.Helper()
	return bareKit(t, &testEngine{plan: fighting, services: bothServices}, append(secrets(t), objects...)...)
}

// acts counts what was done on databases for a resource.
func (k *kit) acts(resource string) int {
	count := 0
	for _, line := range k.engine.journal {
		if strings.HasPrefix(line, "act "+resource+" ") {
			count++
		}
	}
	return count
}

// wantBlocked makes a pass over a resource that must not touch anything.
func (k *kit) wantBlocked(key types.NamespacedName, by string) {
	k.t.Helper()
	before, patches, applies := len(k.engine.seen), k.podPatches, k.applies
	k.passOver(k.t.Context(), key)
	if k.acts(key.Name) != 0 || len(k.engine.seen) != before || k.podPatches != patches || k.applies != applies {
		k.t.Errorf("%s did something with pods of %s: %v", key.Name, by, k.engine.journal)
	}
	object := &set{}
	if err := k.api.Get(k.t.Context(), key, object); err != nil {
		k.t.Fatal(err)
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionTopologyReady, v1alpha1.ConditionResourceReady} {
		condition := meta.FindStatusCondition(object.Status.Conditions, kind)
		if condition == nil || condition.Status != metav1.ConditionFalse || condition.Reason != reasonPodClaimed {
			k.t.Errorf("condition %s of %s: %+v", kind, key.Name, condition)
			continue
		}
		for _, part := range []string{"pod mysql-", "MysqlReplication " + by, "take the node out of one of the two specs"} {
			if !strings.Contains(condition.Message, part) {
				k.t.Errorf("the message lacks %q: %s", part, condition.Message)
			}
		}
	}
}

func TestOfTwoResourcesOverTheSamePodsOneWorks(t *testing.T) {
	k := rivals(t, dated(), rival(time.Second), newPodNamed("mysql-0", nil), newPodNamed("mysql-1", nil))
	// Whichever is looked at first.
	k.wantBlocked(rivalKey, "orders")
	k.pass()
	if k.acts("orders") == 0 {
		t.Error("the older one did nothing")
	}
	k.wantLabels("mysql-0", "orders/false")
	k.wantBlocked(rivalKey, "orders")
	k.wantEvents("Warning PodClaimed: pod mysql-1 belongs to MysqlReplication orders, pod mysql-0 belongs to MysqlReplication orders. " +
		"Nothing is done to any node of this resource until then: take the node out of one of the two specs, or delete one of the two resources")
	if got := k.services(); slices.ContainsFunc(got, func(name string) bool { return strings.HasPrefix(name, rivalName) }) {
		t.Errorf("Services: %v", got)
	}
}

func TestALabelTellsMoreThanAge(t *testing.T) {
	k := rivals(t, dated(), rival(time.Hour), labeled("mysql-0", rivalName, "true"), newPodNamed("mysql-1", nil))
	k.wantBlocked(testKey, rivalName)
	k.passOver(t.Context(), rivalKey)
	k.wantLabels("mysql-0", "others/true")
	k.wantLabels("mysql-1", "others/false")
}

// Both made within a second, in which one is at work before the other is there:
// the name that comes first does not count any more.
func TestWhoIsAtWorkKeepsItsPods(t *testing.T) {
	first, second := rival(0), dated()
	k := rivals(t, first, newPodNamed("mysql-0", nil), newPodNamed("mysql-1", nil))
	unlabeled := k.engine.plan
	k.engine.plan = func(scene Scene[*set], observation int) testPlan {
		plan := unlabeled(scene, observation)
		plan.Steps = plan.Steps[:1]
		return plan
	}
	k.passOver(t.Context(), rivalKey)
	if k.acts(rivalName) == 0 {
		t.Fatal("it is alone and did nothing")
	}
	if err := k.api.Create(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	k.wantBlocked(testKey, rivalName)
}

func TestTheOtherOneTakesOverOnceTheFirstIsGone(t *testing.T) {
	for name, pods := range map[string][]client.Object{
		"labeled":   {labeled("mysql-0", "orders", "false"), labeled("mysql-1", "orders", "true")},
		"unlabeled": {newPodNamed("mysql-0", nil), newPodNamed("mysql-1", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			k := rivals(t, append(pods, dated(), rival(time.Second))...)
			k.pass()
			k.wantBlocked(rivalKey, "orders")
			if err := k.api.Delete(t.Context(), k.get()); err != nil {
				t.Fatal(err)
			}
			k.pass()
			k.passOver(t.Context(), rivalKey)
			if k.acts(rivalName) == 0 {
				t.Error("it is alone now and does nothing")
			}
			k.wantLabels("mysql-1", "others/false")
		})
	}
}

// Nobody is promoted in the place of one that is another resource's, and clients are
// not led away from the node that they had: neither while they cannot write, nor in a
// failover, whose steps say that they build on each other.
func TestNothingIsBuiltOnWhatIsLeftOut(t *testing.T) {
	for name, steps := range map[string][]Step{
		"writes are stopped": {
			{Name: "fence", StopsWrites: true, Actions: []Action{do("fence", "mysql-0")}},
			{Name: "promote", Actions: []Action{do("promote", "mysql-2")}},
			{Name: "repoint", Background: true, Actions: []Action{do("attach", "mysql-1")}},
		},
		"a step that must be whole": {
			{Name: "fence", Actions: []Action{do("fence", "mysql-0")}},
			{Name: "promote", Whole: true, Actions: []Action{do("promote", "mysql-2")}},
			{Name: "repoint", Background: true, Actions: []Action{do("attach", "mysql-1")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			other := rival(time.Second)
			other.Spec.Source.Name, other.Spec.Replica = "mysql-2", nil
			k := rivals(t, dated(), other, labeled("mysql-0", "orders", "false"), labeled("mysql-1", "orders", "true"), labeled("mysql-2", rivalName, "false"))
			k.edit(func(o *set) {
				o.Spec.Replica = append(o.Spec.Replica, v1alpha1.ReplicaNode{Node: v1alpha1.Node{Name: "mysql-2"}})
			})
			k.engine.inFlight = func(*set) bool { return true }
			k.engine.plan = func(Scene[*set], int) testPlan {
				return testPlan{Steps: append(slices.Clone(steps),
					Step{Name: "route", RestoresWrites: true, Routing: Routing{"mysql-2": AccessReadWrite, "mysql-0": AccessNone}})}
			}
			k.pass()
			if !slices.Contains(k.engine.journal, "act fence mysql-0") || slices.Contains(k.engine.journal, "act attach mysql-1") {
				t.Errorf("what happened: %v", k.engine.journal)
			}
			k.wantLabels("mysql-0", "orders/false")
		})
	}
}

// It is being deleted and something else than the operator holds it.
func TestOneThatIsGoingClaimsNothing(t *testing.T) {
	going := dated()
	going.Finalizers = []string{"example.com/backup"}
	k := rivals(t, going, rival(time.Second), newPodNamed("mysql-0", nil), newPodNamed("mysql-1", nil))
	k.wantBlocked(rivalKey, "orders")
	if err := k.api.Delete(t.Context(), k.get()); err != nil {
		t.Fatal(err)
	}
	k.passOver(t.Context(), rivalKey)
	if k.acts(rivalName) == 0 {
		t.Error("it waits for one that does nothing any more")
	}
}

func TestAPodThatLeftASpecCanBeTaken(t *testing.T) {
	k := rivals(t, dated(), newPodNamed("mysql-0", nil), newPodNamed("mysql-1", nil))
	k.pass()
	k.edit(func(o *set) { o.Spec.Source.Name, o.Spec.Replica[0].Name = "mysql-7", "mysql-8" })
	k.engine.plan = nil
	k.pass()
	k.wantLabels("mysql-0", "")
	// Its status names them still, and the engine looks at them for a while.
	k.engine.leaving = []string{"mysql-0", "mysql-1"}
	k.pass()
	k.engine.leaving = nil
	if err := k.api.Create(t.Context(), rival(time.Second)); err != nil {
		t.Fatal(err)
	}
	k.engine.plan = fighting
	k.passOver(t.Context(), rivalKey)
	k.wantLabels("mysql-1", "others/false")

	// It is not stopped by a pod of theirs that it once had, and leaves it alone.
	k.engine.leaving = []string{"mysql-1"}
	k.engine.journal = nil
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{
			Conditions: topology(metav1.ConditionTrue, "Replicating", ""),
			Steps: []Step{
				{Name: "detach", Actions: []Action{do("detach", "mysql-1"), do("set", "mysql-7")}},
				{Name: "route", Routing: Routing{"mysql-1": AccessNone}},
			},
		}
	}
	k.pass()
	if !slices.Contains(k.engine.journal, "act set mysql-7") || slices.Contains(k.engine.journal, "act detach mysql-1") {
		t.Errorf("what happened: %v", k.engine.journal)
	}
	k.wantLabels("mysql-1", "others/false")
	for _, told := range k.events.told {
		if strings.Contains(told, reasonPodClaimed) {
			t.Errorf("told: %s", told)
		}
	}
}

// A fence of its own that is up is taken down, whatever pod was added meanwhile.
func TestWhatIsInFlightGoesOnWithItsOwnPods(t *testing.T) {
	other := rival(time.Second)
	other.Spec.Source.Name, other.Spec.Replica = "mysql-2", nil
	k := rivals(t, dated(), other, labeled("mysql-0", "orders", "false"), newPodNamed("mysql-1", nil), labeled("mysql-2", rivalName, "false"))
	k.edit(func(o *set) {
		o.Spec.Replica = append(o.Spec.Replica, v1alpha1.ReplicaNode{Node: v1alpha1.Node{Name: "mysql-2"}})
	})
	half := true
	k.engine.inFlight = func(*set) bool { return half }
	k.engine.plan = func(Scene[*set], int) testPlan {
		half = false
		return testPlan{Steps: []Step{
			{Name: "fence-extra", Actions: []Action{do("fence", "mysql-2")}},
			{Name: "undo", Actions: []Action{do("unfence", "mysql-0")}},
		}}
	}
	k.pass()
	if !slices.Contains(k.engine.journal, "act unfence mysql-0") || slices.Contains(k.engine.journal, "act fence mysql-2") {
		t.Errorf("what happened: %v", k.engine.journal)
	}
	k.engine.journal = nil
	k.wantBlocked(testKey, rivalName)
	if pod := (&corev1.Pod{}); k.api.Get(t.Context(), types.NamespacedName{Namespace: testNamespace, Name: "mysql-2"}, pod) != nil ||
		pod.Labels[v1alpha1.LabelMysqlReplicationName] != rivalName {
		t.Errorf("labels of mysql-2: %v", pod.Labels)
	}
}
