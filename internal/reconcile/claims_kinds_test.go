// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
)

type group = v1alpha1.MysqlGroupReplication

// groupEngine is the engine of another kind: it acts on its first member, and leads to it.
type groupEngine struct {
	// acts of each resource, by name.
	acts map[string]int
}

func (*groupEngine) Kind() string               { return "MysqlGroupReplication" }
func (*groupEngine) New() *group                { return &group{} }
func (*groupEngine) NewList() client.ObjectList { return &v1alpha1.MysqlGroupReplicationList{} }

func (*groupEngine) Describe(o *group) Description {
	d := Description{
		SecretName: o.Spec.Secret.Name, SecretKeys: []string{"mysql"},
		LabelName: v1alpha1.LabelMysqlGroupReplicationName, LabelReadonly: v1alpha1.LabelMysqlGroupReplicationReadonly,
	}
	if o.Name != "" {
		d.Services = []ServiceWant{{Name: o.Name + v1alpha1.ServiceSuffixReadWrite, PortName: "mysql", Port: 3306}}
	}
	for _, member := range o.Spec.Member {
		d.Pods = append(d.Pods, member.Name)
	}
	return d
}

func (*groupEngine) Observe(context.Context, Scene[*group]) struct{} { return struct{}{} }

func (*groupEngine) Plan(scene Scene[*group], _ struct{}) Plan[string] {
	first := scene.Object.Spec.Member[0].Name
	return Plan[string]{
		Conditions: topology(metav1.ConditionTrue, "Online", ""),
		Steps:      []Step{{Name: "join", Actions: []Action{do("join", first)}, Routing: Routing{first: AccessReadWrite}}},
	}
}

func (e *groupEngine) Act(_ context.Context, scene Scene[*group], _ Action, _ Facts) (Facts, error) {
	e.acts[scene.Key.Name]++
	return nil, nil
}

func (*groupEngine) Project(Scene[*group], struct{}, Plan[string]) {}

func (*groupEngine) StatusOf(o *group) CommonStatus {
	return CommonStatus{
		Conditions: &o.Status.Conditions, Ready: &o.Status.Ready, ObservedGeneration: &o.Status.ObservedGeneration,
		ReadWriteService: &o.Status.ReadWriteService, ReadOnlyService: &o.Status.ReadOnlyService,
	}
}

func (*groupEngine) Calm(o *group) any                             { return o.Status.DeepCopy() }
func (*groupEngine) Measure(Scene[*group], struct{}, Plan[string]) {}
func (*groupEngine) Forget(types.NamespacedName)                   {}

// twoKinds are the kernels of two kinds over one API server.
type twoKinds struct {
	*kit
	groups      *Reconciler[*group, struct{}, string]
	groupEngine *groupEngine
}

func bothKinds(t *testing.T, objects ...client.Object) *twoKinds {
	t.Helper()
	k := &twoKinds{kit: rivals(t, objects...), groupEngine: &groupEngine{acts: map[string]int{}}}
	groups, err := newReconciler(k.groupEngine, dependencies{
		client: k.api, live: k.api, recorder: k.events, resolver: &credential.Resolver{Reader: k.api},
		now: func() time.Time { return k.clock }, random: func() float64 { return 0.5 }, claims: k.claims,
	})
	if err != nil {
		t.Fatal(err)
	}
	k.groups = groups
	return k
}

func (k *twoKinds) reconcileGroup(name string) {
	k.t.Helper()
	if _, err := k.groups.Reconcile(k.t.Context(), ctrlreconcile.Request{NamespacedName: types.NamespacedName{Namespace: testNamespace, Name: name}}); err != nil {
		k.t.Fatal(err)
	}
}

// wantGroupBlocked makes a pass over a group that must not touch anything.
func (k *twoKinds) wantGroupBlocked(name, by string) {
	k.t.Helper()
	k.reconcileGroup(name)
	if k.groupEngine.acts[name] != 0 {
		k.t.Errorf("%s did something with a pod of %s", name, by)
	}
	object := &group{}
	if err := k.api.Get(k.t.Context(), types.NamespacedName{Namespace: testNamespace, Name: name}, object); err != nil {
		k.t.Fatal(err)
	}
	ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Reason != reasonPodClaimed || !strings.Contains(ready.Message, "pod mysql-1 belongs to "+by+".") {
		k.t.Errorf("condition Ready: %+v", ready)
	}
}

// groupOver is a group over pods, made so much later than the dated set.
func groupOver(name string, later time.Duration, pods ...string) *group {
	g := &group{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: testNamespace, Name: name, UID: types.UID("u-group-" + name), Generation: 1,
			CreationTimestamp: metav1.NewTime(dated().CreationTimestamp.Add(later)),
		},
		Spec: v1alpha1.MysqlGroupReplicationSpec{Secret: v1alpha1.MysqlReplicationSecret{Name: "passwords"}},
	}
	for _, pod := range pods {
		g.Spec.Member = append(g.Spec.Member, v1alpha1.Node{Name: pod, Host: pod, Port: 3306})
	}
	return g
}

func TestOfTwoKindsOverTheSamePodOneWorks(t *testing.T) {
	t.Run("the older", func(t *testing.T) {
		k := bothKinds(t, dated(), groupOver("ring", time.Second, "mysql-1"), newPodNamed("mysql-0", nil), newPodNamed("mysql-1", nil))
		k.wantGroupBlocked("ring", "MysqlReplication orders")
		k.pass()
		if k.acts("orders") == 0 {
			t.Error("the older one did nothing")
		}
		k.wantGroupBlocked("ring", "MysqlReplication orders")
	})
	t.Run("the older, whichever kind it is", func(t *testing.T) {
		k := bothKinds(t, dated(), groupOver("ring", -time.Second, "mysql-1"), newPodNamed("mysql-0", nil), newPodNamed("mysql-1", nil))
		k.pass()
		if k.acts("orders") != 0 {
			t.Errorf("the younger one did something: %v", k.engine.journal)
		}
		k.wantCondition(v1alpha1.ConditionTopologyReady, metav1.ConditionFalse, reasonPodClaimed)
		k.reconcileGroup("ring")
		if k.groupEngine.acts["ring"] == 0 {
			t.Error("the older one did nothing")
		}
	})
	t.Run("the labeled", func(t *testing.T) {
		pod := newPodNamed("mysql-1", map[string]string{
			v1alpha1.LabelMysqlGroupReplicationName: "ring", v1alpha1.LabelMysqlGroupReplicationReadonly: "false",
		})
		k := bothKinds(t, dated(), groupOver("ring", time.Hour, "mysql-1"), newPodNamed("mysql-0", nil), pod)
		k.pass()
		if condition := k.wantCondition(v1alpha1.ConditionTopologyReady, metav1.ConditionFalse, reasonPodClaimed); !strings.Contains(condition.Message, "pod mysql-1 belongs to MysqlGroupReplication ring.") {
			t.Error(condition.Message)
		}
		k.reconcileGroup("ring")
		if k.acts("orders") != 0 || k.groupEngine.acts["ring"] == 0 {
			t.Errorf("orders: %v, ring: %v", k.engine.journal, k.groupEngine.acts)
		}
	})
	// The group of the same name is another resource.
	t.Run("the one at work, under one name", func(t *testing.T) {
		k := bothKinds(t, dated(), newPodNamed("mysql-0", nil), newPodNamed("mysql-1", nil))
		unlabeled := k.engine.plan
		k.engine.plan = func(scene Scene[*set], observation int) testPlan {
			plan := unlabeled(scene, observation)
			plan.Steps = plan.Steps[:1]
			return plan
		}
		k.pass()
		if err := k.api.Create(t.Context(), groupOver("orders", -time.Hour, "mysql-1")); err != nil {
			t.Fatal(err)
		}
		k.wantGroupBlocked("orders", "MysqlReplication orders")
	})
}

func TestAPodGoesFromOneKindToAnother(t *testing.T) {
	k := bothKinds(t, dated(), groupOver("ring", time.Second, "mysql-1"), newPodNamed("mysql-0", nil), newPodNamed("mysql-1", nil))
	k.pass()
	k.wantGroupBlocked("ring", "MysqlReplication orders")
	if err := k.api.Delete(t.Context(), k.get()); err != nil {
		t.Fatal(err)
	}
	k.pass()
	k.reconcileGroup("ring")
	if k.groupEngine.acts["ring"] == 0 {
		t.Error("it is alone now and does nothing")
	}
}

// Both want the Services of one name. The second finds them taken, and neither takes
// away what the other has.
func TestTwoKindsOfOneName(t *testing.T) {
	k := bothKinds(t, dated(), groupOver("orders", time.Second, "mysql-7"), newPodNamed("mysql-0", nil), newPodNamed("mysql-1", nil), newPodNamed("mysql-7", nil))
	k.pass()
	before := k.services()
	k.reconcileGroup("orders")
	object := &group{}
	if err := k.api.Get(t.Context(), testKey, object); err != nil {
		t.Fatal(err)
	}
	resource := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionResourceReady)
	if resource == nil || resource.Reason != reasonServiceNotOwned || !strings.Contains(resource.Message, "another kind") {
		t.Errorf("condition ResourceReady: %+v", resource)
	}
	if err := k.api.Delete(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	k.reconcileGroup("orders")
	if got := k.services(); strings.Join(got, " ") != strings.Join(before, " ") || len(got) != 2 {
		t.Errorf("Services: %v, before %v", got, before)
	}
	k.wantLabels("mysql-0", "orders/false")
}
