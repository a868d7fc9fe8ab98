// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package olm

import (
	"context"
	"fmt"
	"testing"

	operatorsv2 "github.com/operator-framework/api/pkg/operators/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

const (
	version     = "compose-operator.v0.2.0"
	nextVersion = "compose-operator.v0.3.0"
	// idle is what OLM is told when nothing is under way.
	idle = "no switchover or failover is in flight"
)

// conditionOf makes an OperatorCondition as OLM does for a version.
func conditionOf(own, name string) *operatorsv2.OperatorCondition {
	return &operatorsv2.OperatorCondition{
		ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: name},
		Spec:       operatorsv2.OperatorConditionSpec{ServiceAccounts: []string{account}, Deployments: []string{"compose-operator"}},
	}
}

func upgradeable(ctx context.Context, own, name string) (*metav1.Condition, error) {
	is := &operatorsv2.OperatorCondition{}
	err := admin.Get(ctx, types.NamespacedName{Namespace: own, Name: name}, is)
	if err == nil && len(is.Spec.Deployments) != 1 {
		err = fmt.Errorf("OLM's part of the OperatorCondition is lost: %+v", is.Spec)
	}
	return meta.FindStatusCondition(is.Spec.Conditions, operatorsv2.Upgradeable), err
}

func eventuallyTold(t *testing.T, own, name string, status metav1.ConditionStatus, message string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s is told %s: %s", name, status, message), func(ctx context.Context) error {
		is, err := upgradeable(ctx, own, name)
		if err != nil {
			return err
		}
		if is == nil || is.Status != status || is.Message != message {
			return fmt.Errorf("the condition is %+v", is)
		}
		return nil
	})
}

// record puts the record of a change into a status; an empty phase takes it out.
func record(t *testing.T, set *v1alpha1.MysqlReplication, phase v1alpha1.SwitchoverPhase) {
	t.Helper()
	// The manager writes the status as well.
	eventually(t, "a record in the status", func(ctx context.Context) error {
		is := &v1alpha1.MysqlReplication{}
		if err := admin.Get(ctx, client.ObjectKeyFromObject(set), is); err != nil {
			return err
		}
		is.Status.Switchover = nil
		if phase != "" {
			is.Status.Switchover = &v1alpha1.SwitchoverStatus{
				From: set.Spec.Source.Name, To: set.Spec.Replica[0].Name, Phase: phase,
				Generation: set.Generation, StartedAt: metav1.NowMicro(),
			}
		}
		return admin.Status().Update(ctx, is)
	})
}

// TestUpgradeable: OLM is told the truth, by an operator that may write nothing but
// this one object, through refusals and through the end of a process.
func TestUpgradeable(t *testing.T) {
	own, watched := namespace(t, "operator"), namespace(t, "shop")
	grant(t, own, watched)
	create(t, conditionOf(own, version))
	orders, users := set(watched, "orders"), set(watched, "users")
	// Without passwords, nothing ends by itself what is on record here.
	create(t, orders)
	logged.take()
	first := runOperator(t, own, watched, version)

	// OLM makes the permission after the object.
	eventually(t, "a refused write", func(context.Context) error {
		for _, line := range logged.take() {
			if contains(line, "tell OLM", "forbidden") {
				return nil
			}
		}
		return fmt.Errorf("none is in the log")
	})
	grantCondition(t, own, version)
	eventuallyTold(t, own, version, metav1.ConditionTrue, idle)

	record(t, orders, v1alpha1.SwitchoverSwitching)
	eventuallyTold(t, own, version, metav1.ConditionFalse, "SwitchoverInFlight: MysqlReplication "+watched+"/orders")
	create(t, users)
	record(t, users, v1alpha1.SwitchoverPreparing)
	eventuallyTold(t, own, version, metav1.ConditionFalse,
		"SwitchoverInFlight: MysqlReplication "+watched+"/orders, MysqlReplication "+watched+"/users")

	// An operator that ends leaves what it said, and the next one looks for itself.
	first.stop(t)
	record(t, orders, "")
	if is, err := upgradeable(t.Context(), own, version); err != nil || is.Status != metav1.ConditionFalse {
		t.Errorf("%+v, %v", is, err)
	}
	runOperator(t, own, watched, version)
	eventuallyTold(t, own, version, metav1.ConditionFalse, "SwitchoverInFlight: MysqlReplication "+watched+"/users")
	must(t, admin.Delete(t.Context(), users))
	eventuallyTold(t, own, version, metav1.ConditionTrue, idle)
}

// TestHandOver: during an upgrade the new version is ready beside the old one,
// leads as soon as that has ended, and tells OLM nothing before.
func TestHandOver(t *testing.T) {
	own, watched := namespace(t, "operator"), namespace(t, "shop")
	grant(t, own, watched)
	create(t, conditionOf(own, version), conditionOf(own, nextVersion))
	grantCondition(t, own, version)
	grantCondition(t, own, nextVersion)
	old := runOperator(t, own, watched, version)
	key := aesKey(t, own)
	create(t, passwordsIn(t, watched, key), set(watched, "before"))
	eventually(t, "a set before", func(ctx context.Context) error {
		return caredFor(ctx, types.NamespacedName{Namespace: watched, Name: "before"})
	})
	eventually(t, "the old version tells", func(ctx context.Context) error {
		is, err := upgradeable(ctx, own, version)
		if err == nil && is == nil {
			err = fmt.Errorf("nothing is told")
		}
		return err
	})

	logged.take()
	next := runOperator(t, own, watched, nextVersion)
	eventually(t, "the new version is ready", next.ready)
	eventually(t, "the new version waits for the lease", func(context.Context) error {
		for _, line := range logged.take() {
			if contains(line, "ttempting to acquire leader lease") {
				return nil
			}
		}
		return fmt.Errorf("nothing of it is in the log")
	})
	// Both see this. Without passwords it does not end by itself.
	during := set(watched, "during")
	during.Spec.Secret.Name = "absent"
	create(t, during)
	record(t, during, v1alpha1.SwitchoverPreparing)
	eventuallyTold(t, own, version, metav1.ConditionFalse, "SwitchoverInFlight: MysqlReplication "+watched+"/during")
	record(t, during, "")
	eventuallyTold(t, own, version, metav1.ConditionTrue, idle)
	if is, err := upgradeable(t.Context(), own, nextVersion); err != nil || is != nil {
		t.Errorf("one that waits has told OLM %+v, %v", is, err)
	}
	old.stop(t)
	create(t, set(watched, "after"))
	eventually(t, "a set after", func(ctx context.Context) error {
		return caredFor(ctx, types.NamespacedName{Namespace: watched, Name: "after"})
	})
	eventuallyTold(t, own, nextVersion, metav1.ConditionTrue, idle)
}
