// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	operatorsv2 "github.com/operator-framework/api/pkg/operators/v2"
	"github.com/operator-framework/operator-lib/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// told is a condition that keeps what it was set to.
type told struct {
	condition *metav1.Condition
	// fail is the error of the next Set.
	fail   error
	writes int
}

func (c *told) Get(context.Context) (*metav1.Condition, error) {
	if c.condition == nil {
		return nil, errors.New("conditionType Upgradeable not found")
	}
	return c.condition, nil
}

func (c *told) Set(_ context.Context, status metav1.ConditionStatus, options ...conditions.Option) error {
	c.writes++
	if c.fail != nil {
		return c.fail
	}
	next := &metav1.Condition{Type: operatorsv2.Upgradeable, Status: status}
	for _, option := range options {
		option(next)
	}
	c.condition = next
	return nil
}

func (c *told) NewCondition(operatorsv2.ConditionType) (conditions.Condition, error) {
	return c, c.fail
}

func (*told) GetNamespacedName() (*types.NamespacedName, error) { return &types.NamespacedName{}, nil }

func at(phase v1alpha1.SwitchoverPhase, namespace, name string) *v1alpha1.MysqlReplication {
	set := &v1alpha1.MysqlReplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if phase != "" {
		set.Status.Switchover = &v1alpha1.SwitchoverStatus{From: "a", To: "b", Phase: phase}
	}
	return set
}

func TestUpgradeable(t *testing.T) {
	const (
		preparing, switching = v1alpha1.SwitchoverPreparing, v1alpha1.SwitchoverSwitching
		undoing, undone      = v1alpha1.SwitchoverUndoing, v1alpha1.SwitchoverUndone
	)
	condition := &told{}
	c := fake.NewClientBuilder().WithScheme(Scheme()).Build()
	u := &upgradeable{reader: c, kinds: kinds(), condition: condition}
	writes := 0
	for _, step := range []struct {
		what   string
		sets   []client.Object
		status metav1.ConditionStatus
		reason string
		// message is the whole of it.
		message string
		// written is false where nothing changes.
		written bool
	}{
		{"no resources", nil, metav1.ConditionTrue, "NothingInFlight", "no switchover or failover is in flight", true},
		{"idle ones", []client.Object{at("", "ns", "orders"), at("", "ns", "users")},
			metav1.ConditionTrue, "NothingInFlight", "no switchover or failover is in flight", false},
		{"one begins", []client.Object{at(preparing, "ns", "orders")},
			metav1.ConditionFalse, "SwitchoverInFlight", "SwitchoverInFlight: MysqlReplication ns/orders", true},
		{"it goes on", []client.Object{at(switching, "ns", "orders")},
			metav1.ConditionFalse, "SwitchoverInFlight", "SwitchoverInFlight: MysqlReplication ns/orders", false},
		{"another begins", []client.Object{at(switching, "ns", "orders"), at(preparing, "a", "users")},
			metav1.ConditionFalse, "SwitchoverInFlight", "SwitchoverInFlight: MysqlReplication a/users, MysqlReplication ns/orders", true},
		{"the first ends", []client.Object{at("", "ns", "orders"), at(undoing, "a", "users")},
			metav1.ConditionFalse, "SwitchoverInFlight", "SwitchoverInFlight: MysqlReplication a/users", true},
		{"the last is undone", []client.Object{at("", "ns", "orders"), at(undone, "a", "users")},
			metav1.ConditionTrue, "NothingInFlight", "no switchover or failover is in flight", true},
	} {
		if err := c.DeleteAllOf(t.Context(), &v1alpha1.MysqlReplication{}, client.InNamespace("ns")); err != nil {
			t.Fatal(err)
		}
		if err := c.DeleteAllOf(t.Context(), &v1alpha1.MysqlReplication{}, client.InNamespace("a")); err != nil {
			t.Fatal(err)
		}
		for _, set := range step.sets {
			if err := c.Create(t.Context(), set); err != nil {
				t.Fatal(err)
			}
		}
		result, err := u.Reconcile(t.Context(), ctrlreconcile.Request{})
		if err != nil || result.RequeueAfter != conditionInterval {
			t.Fatalf("%s: %v, %v", step.what, result, err)
		}
		is := condition.condition
		if is.Status != step.status || is.Reason != step.reason || is.Message != step.message {
			t.Errorf("%s: %s, %s: %s", step.what, is.Status, is.Reason, is.Message)
		}
		if step.written {
			writes++
		}
		if condition.writes != writes {
			t.Errorf("%s: %d writes, want %d", step.what, condition.writes, writes)
		}
	}
}

func TestUpgradeableIsToldAgainAfterAFailure(t *testing.T) {
	condition := &told{fail: errors.New("the API server is away")}
	c := fake.NewClientBuilder().WithScheme(Scheme()).WithObjects(at(v1alpha1.SwitchoverSwitching, "ns", "orders")).Build()
	u := &upgradeable{reader: c, kinds: kinds(), condition: condition}
	// An error is what makes the queue try again, with a back-off.
	if _, err := u.Reconcile(t.Context(), ctrlreconcile.Request{}); !errors.Is(err, condition.fail) {
		t.Fatalf("error %v", err)
	}
	condition.fail = nil
	if _, err := u.Reconcile(t.Context(), ctrlreconcile.Request{}); err != nil {
		t.Fatal(err)
	}
	if condition.condition.Status != metav1.ConditionFalse {
		t.Errorf("%+v", condition.condition)
	}
	// Somebody else's hand.
	condition.condition = &metav1.Condition{Type: operatorsv2.Upgradeable, Status: metav1.ConditionTrue}
	if _, err := u.Reconcile(t.Context(), ctrlreconcile.Request{}); err != nil || condition.condition.Status != metav1.ConditionFalse {
		t.Errorf("%+v, %v", condition.condition, err)
	}
}

func TestUpgradeableNamesAFew(t *testing.T) {
	names := []string{}
	for i := range 13 {
		names = append(names, fmt.Sprintf("MysqlReplication ns/%02d", i))
	}
	message := verdictOf(names).Message
	if !strings.HasSuffix(message, "ns/09 and 3 more") {
		t.Error(message)
	}
}

func TestOnlyWhatChangesTheVerdictIsLookedAt(t *testing.T) {
	idle, busy := at("", "ns", "orders"), at(v1alpha1.SwitchoverPreparing, "ns", "orders")
	p := onlyChangesOf(kinds()[0].underWay)
	for what, got := range map[string]bool{
		"begins":  p.Update(event.UpdateEvent{ObjectOld: idle, ObjectNew: busy}),
		"ends":    p.Update(event.UpdateEvent{ObjectOld: busy, ObjectNew: idle}),
		"found":   p.Create(event.CreateEvent{Object: busy}),
		"deleted": p.Delete(event.DeleteEvent{Object: busy}),
	} {
		if !got {
			t.Errorf("%s: not looked at", what)
		}
	}
	if p.Update(event.UpdateEvent{ObjectOld: idle, ObjectNew: idle}) || p.Create(event.CreateEvent{Object: idle}) ||
		p.Update(event.UpdateEvent{ObjectOld: busy, ObjectNew: at(v1alpha1.SwitchoverSwitching, "ns", "orders")}) {
		t.Error("looked at for nothing")
	}
}

func TestWithoutOLMNothingIsTold(t *testing.T) {
	// The factory would fail, and the manager is not even asked.
	failing := &told{fail: errors.New("no such thing")}
	if err := addUpgradeable(nil, Options{ConditionFactory: failing}, kinds()); err != nil {
		t.Error(err)
	}
	err := addUpgradeable(nil, Options{OperatorCondition: "compose-operator.v1", ConditionFactory: failing}, kinds())
	if err == nil || !strings.Contains(err.Error(), "OPERATOR_CONDITION_NAME") {
		t.Errorf("error %v", err)
	}
}
