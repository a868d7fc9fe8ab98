// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/kube"
)

var bothServices = []ServiceWant{
	{Name: "orders-readwrite", PortName: "mysql", Port: 3306},
	{Name: "orders-readonly", Readonly: true, PortName: "mysql", Port: 3306},
}

func routing(to Routing) func(Scene[*set], int) testPlan {
	return func(Scene[*set], int) testPlan {
		return testPlan{Steps: []Step{{Name: "route", Routing: to}}, Conditions: topology(metav1.ConditionTrue, "Replicating", "")}
	}
}

func labeled(name, set, readonly string) *corev1.Pod {
	return newPodNamed(name, map[string]string{
		"app": "mysql", v1alpha1.LabelMysqlReplicationName: set, v1alpha1.LabelMysqlReplicationReadonly: readonly,
	})
}

func TestLabelsFollowTheRouting(t *testing.T) {
	k := newKit(t, &testEngine{plan: routing(Routing{"mysql-0": AccessReadWrite, "mysql-1": AccessReadOnly})})
	k.pass()
	k.wantLabels("mysql-0", "orders/false")
	k.wantLabels("mysql-1", "orders/true")
	k.settle()
	k.pass()
	if k.podPatches != 0 {
		t.Errorf("%d patches of labels that are right", k.podPatches)
	}
	k.engine.plan = routing(Routing{"mysql-0": AccessNone})
	k.pass()
	k.wantLabels("mysql-0", "")
	k.wantLabels("mysql-1", "orders/true")
}

func TestLabelsThatTheCacheDoesNotHaveYetAreKnown(t *testing.T) {
	k := newKit(t, &testEngine{plan: routing(Routing{"mysql-0": AccessReadWrite})})
	before := kube.NewPod()
	if err := k.api.Get(t.Context(), types.NamespacedName{Namespace: testNamespace, Name: "mysql-0"}, before); err != nil {
		t.Fatal(err)
	}
	k.frozenPods = map[string]*metav1.PartialObjectMetadata{"mysql-0": before}
	k.pass()
	k.pass()
	if pod := k.engine.seen[1].Pods["mysql-0"]; pod.Name != "orders" || k.podPatches != 1 {
		t.Errorf("%d patches; the second pass saw %+v", k.podPatches, pod)
	}
	// Once the cache has it, what the cache says counts.
	k.frozenPods = nil
	k.pass()
	if len(k.known().pods) != 0 {
		t.Error("still remembered")
	}
}

func (k *kit) known() *memory[*set] { return k.memories.of(testKey) }

func TestThePlannerSeesPodsAndLabels(t *testing.T) {
	k := newKit(t, &testEngine{}, labeled("mysql-2", "orders", "true"))
	k.edit(func(o *set) {
		o.Spec.Replica = append(o.Spec.Replica,
			v1alpha1.ReplicaNode{Node: v1alpha1.Node{Name: "mysql-2"}}, v1alpha1.ReplicaNode{Node: v1alpha1.Node{Name: "mysql-3"}})
	})
	k.pass()
	pods := k.engine.seen[0].Pods
	if got := pods["mysql-2"]; !reflect.DeepEqual(got, Pod{Exists: true, UID: "u-mysql-2", Name: "orders", Readonly: "true"}) {
		t.Errorf("mysql-2 = %+v", got)
	}
	if got := pods["mysql-3"]; !reflect.DeepEqual(got, Pod{}) {
		t.Errorf("mysql-3 = %+v", got)
	}
	c := k.wantCondition(v1alpha1.ConditionResourceReady, metav1.ConditionFalse, reasonPodMissing)
	k.wantCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, reasonPodMissing)
	if !strings.Contains(c.Message, "mysql-3") {
		t.Errorf("the message does not name the pod: %s", c.Message)
	}
}

func TestAPodMadeAnewIsNotLabeledButLookedAtAgain(t *testing.T) {
	refusals := map[string]error{
		"conflict": apierrors.NewConflict(corev1.Resource("pods"), "mysql-0", nil),
		"gone":     apierrors.NewNotFound(corev1.Resource("pods"), "mysql-0"),
	}
	for name, refusal := range refusals {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, &testEngine{plan: routing(Routing{"mysql-0": AccessReadWrite})})
			k.onPodPatch = func(string) error {
				defer func() { k.onPodPatch = nil }()
				return refusal
			}
			k.pass()
			if k.engine.observed != 2 {
				t.Errorf("%d looks", k.engine.observed)
			}
			k.wantLabels("mysql-0", "orders/false")
		})
	}
}

func TestLabelsThatCannotBeWrittenAreReported(t *testing.T) {
	k := newKit(t, &testEngine{plan: routing(Routing{"mysql-0": AccessReadWrite})})
	k.onPodPatch = func(string) error { return apierrors.NewForbidden(corev1.Resource("pods"), "mysql-0", nil) }
	if wait := k.pass(); wait != time.Second {
		t.Errorf("next pass in %s", wait)
	}
	k.wantCondition(v1alpha1.ConditionResourceReady, metav1.ConditionFalse, reasonLabelsFailed)
}

func TestAPodOfAnotherResourceIsLeftToIt(t *testing.T) {
	other := newSet()
	other.Name, other.UID = "others", "u-others"
	k := newKit(t, &testEngine{plan: routing(Routing{"mysql-2": AccessReadWrite, "mysql-3": AccessReadOnly})},
		other, labeled("mysql-2", "others", "true"), labeled("mysql-3", "nobody", "true"))
	k.pass()
	k.pass()
	k.wantLabels("mysql-2", "others/true")
	k.wantLabels("mysql-3", "orders/true")
	k.wantCondition(v1alpha1.ConditionResourceReady, metav1.ConditionFalse, reasonPodClaimed)
	if len(k.events.told) != 1 || !strings.Contains(k.events.told[0], "others") {
		t.Errorf("events: %v", k.events.told)
	}
}

func TestPodsThatAreNotNamedAnyMoreLoseTheLabels(t *testing.T) {
	k := newKit(t, &testEngine{plan: routing(Routing{"mysql-8": AccessReadOnly})},
		labeled("mysql-8", "orders", "true"), labeled("mysql-9", "orders", "true"))
	k.pass()
	k.wantLabels("mysql-8", "orders/true")
	k.wantLabels("mysql-9", "")
}

func TestPodsKeepTheirLabelsWhileThePlanFails(t *testing.T) {
	k := newKit(t, &testEngine{plan: func(Scene[*set], int) testPlan {
		return testPlan{Steps: []Step{{Name: "promote", Actions: []Action{failing("promote", "mysql-1", "no")}}}}
	}}, labeled("mysql-9", "orders", "false"))
	k.pass()
	k.wantLabels("mysql-9", "orders/false")
}

func TestDeletionTakesLabelsAndServices(t *testing.T) {
	k := newKit(t, &testEngine{services: bothServices, plan: routing(Routing{"mysql-0": AccessReadWrite, "mysql-1": AccessReadOnly})})
	foreign := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "orders-admin",
		Labels: map[string]string{kube.LabelManagedBy: kube.ManagedBy, kube.LabelInstance: "orders"}}}
	if err := k.api.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	k.settle()
	if err := k.api.Delete(t.Context(), k.get()); err != nil {
		t.Fatal(err)
	}
	if wait := k.pass(); wait != 0 {
		t.Errorf("a deleted resource is looked at again in %s", wait)
	}
	k.wantLabels("mysql-0", "")
	k.wantLabels("mysql-1", "")
	if got := k.services(); !slices.Equal(got, []string{"orders-admin"}) {
		t.Errorf("Services left: %v", got)
	}
	if !slices.Contains(k.engine.journal, "forget orders") {
		t.Error("the engine still holds something")
	}
	if requests := k.resourcesOfPod(t.Context(), newPodNamed("mysql-0", nil)); len(requests) != 0 {
		t.Errorf("its pods still wake %v", requests)
	}
}

func TestACleanUpThatFailsIsTriedAgain(t *testing.T) {
	k := bareKit(t, &testEngine{}, labeled("mysql-0", "orders", "false"))
	k.onPodPatch = func(string) error { return apierrors.NewInternalError(nil) }
	if wait := k.pass(); wait != time.Second {
		t.Errorf("next pass in %s", wait)
	}
	k.onPodPatch = nil
	k.pass()
	k.wantLabels("mysql-0", "")
}

// A watch begins with all pods there are: one labeled for a resource that was
// deleted while no operator ran wakes that resource, whose pass cleans up.
func TestLabelsOfAResourceThatIsGoneComeOffAtTheStart(t *testing.T) {
	orphan := labeled("mysql-0", "orders", "false")
	k := bareKit(t, &testEngine{}, orphan)
	requests := k.resourcesOfPod(t.Context(), orphan)
	if !slices.Equal(requests, []ctrlreconcile.Request{{NamespacedName: testKey}}) {
		t.Fatalf("requests = %v", requests)
	}
	k.pass()
	k.wantLabels("mysql-0", "")
}

func TestWhatAResourceNamesWakesIt(t *testing.T) {
	k := newKit(t, &testEngine{})
	k.pass()
	want := []ctrlreconcile.Request{{NamespacedName: testKey}}
	for _, pod := range []string{"mysql-0", "mysql-1"} {
		if got := k.resourcesOfPod(t.Context(), newPodNamed(pod, nil)); !slices.Equal(got, want) {
			t.Errorf("pod %s wakes %v", pod, got)
		}
	}
	for _, name := range []string{"passwords", "aes-secret-key"} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name}}
		if got := k.resourcesOfSecret(t.Context(), secret); !slices.Equal(got, want) {
			t.Errorf("Secret %s wakes %v", name, got)
		}
		secret.Namespace = "another"
		if got := k.resourcesOfSecret(t.Context(), secret); len(got) != 0 {
			t.Errorf("a Secret of another namespace wakes %v", got)
		}
	}
	k.edit(func(o *set) { o.Spec.Replica = nil })
	k.pass()
	if got := k.resourcesOfPod(t.Context(), newPodNamed("mysql-1", nil)); len(got) != 0 {
		t.Errorf("a pod that left the spec wakes %v", got)
	}
}

func (k *kit) services() []string {
	k.t.Helper()
	var list corev1.ServiceList
	if err := k.api.List(k.t.Context(), &list, client.InNamespace(testNamespace)); err != nil {
		k.t.Fatal(err)
	}
	var names []string
	for _, service := range list.Items {
		names = append(names, service.Name)
	}
	return names
}

func TestServicesAreKept(t *testing.T) {
	k := newKit(t, &testEngine{services: bothServices})
	k.pass()
	if got := k.services(); len(got) != 2 {
		t.Fatalf("Services: %v", got)
	}
	if status := k.get().Status; status.ReadWriteService != "orders-readwrite" || status.ReadOnlyService != "orders-readonly" {
		t.Errorf("status: %+v", status)
	}
	k.settle()
	k.pass()
	if k.applies != 0 {
		t.Errorf("%d writes of Services that are right", k.applies)
	}

	k.engine.services = bothServices[:1]
	k.pass()
	if got := k.services(); !slices.Equal(got, []string{"orders-readwrite"}) {
		t.Errorf("Services: %v", got)
	}
	if status := k.get().Status; status.ReadOnlyService != "" {
		t.Errorf("status: %+v", status)
	}

	service := &corev1.Service{}
	key := types.NamespacedName{Namespace: testNamespace, Name: "orders-readwrite"}
	if err := k.api.Get(t.Context(), key, service); err != nil {
		t.Fatal(err)
	}
	service.Spec.Selector["app"] = "wrong"
	if err := k.api.Update(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	k.pass()
	if err := k.api.Get(t.Context(), key, service); err != nil {
		t.Fatal(err)
	}
	if len(service.Spec.Selector) != 2 {
		t.Errorf("selector: %v", service.Spec.Selector)
	}
}

func TestAServiceOfSomebodyElseIsLeftAlone(t *testing.T) {
	foreign := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "orders-readwrite"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "theirs"}},
	}
	k := newKit(t, &testEngine{services: bothServices}, foreign)
	k.pass()
	k.pass()
	service := &corev1.Service{}
	if err := k.api.Get(t.Context(), client.ObjectKeyFromObject(foreign), service); err != nil {
		t.Fatal(err)
	}
	if len(service.OwnerReferences) != 0 || service.Spec.Selector["app"] != "theirs" {
		t.Errorf("it was changed: %+v", service)
	}
	if c := k.wantCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, reasonServiceNotOwned); !strings.Contains(c.Message, "delete or rename") {
		t.Errorf("no remedy: %s", c.Message)
	}
	if len(k.events.told) != 1 {
		t.Errorf("events: %v", k.events.told)
	}
	if status := k.get().Status; status.ReadWriteService != "" || status.ReadOnlyService != "orders-readonly" {
		t.Errorf("status: %+v", status)
	}
}
