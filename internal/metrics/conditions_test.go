// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestConditions(t *testing.T) {
	set := Set{Kind: "MysqlReplication", Namespace: "two", Name: "a"}
	other := Set{Kind: "MysqlReplication", Namespace: "two", Name: "b"}
	condition := func(name string, status metav1.ConditionStatus, reason string) metav1.Condition {
		return metav1.Condition{Type: name, Status: status, Reason: reason}
	}
	SetConditions(other, []metav1.Condition{condition("Ready", metav1.ConditionTrue, "Ready")})
	SetConditions(set, []metav1.Condition{
		condition("Ready", metav1.ConditionFalse, "SecretNotFound"),
		condition("Stalled", metav1.ConditionTrue, "SecretNotFound"),
		condition("ResourceReady", metav1.ConditionTrue, "ResourcesReady"),
	})
	want(t, set, map[string]float64{
		"compose_operator_set_condition condition=Ready reason=SecretNotFound":         0,
		"compose_operator_set_condition condition=Stalled reason=SecretNotFound":       1,
		"compose_operator_set_condition condition=ResourceReady reason=ResourcesReady": 1,
	})
	// Another reason, the same one with another status, unknown, and gone.
	SetConditions(set, []metav1.Condition{
		condition("Ready", metav1.ConditionFalse, "WrongAESKey"),
		condition("Stalled", metav1.ConditionFalse, "SecretNotFound"),
		condition("TopologyReady", metav1.ConditionUnknown, "NotReported"),
	})
	want(t, set, map[string]float64{
		"compose_operator_set_condition condition=Ready reason=WrongAESKey":      0,
		"compose_operator_set_condition condition=Stalled reason=SecretNotFound": 0,
	})
	SetConditions(set, []metav1.Condition{condition("Ready", metav1.ConditionUnknown, "WrongAESKey")})
	want(t, set, map[string]float64{})
	SetConditions(set, []metav1.Condition{condition("Ready", metav1.ConditionTrue, "Ready")})
	ForgetObject(set.Kind, set.Namespace, set.Name)
	want(t, set, map[string]float64{})
	want(t, other, map[string]float64{"compose_operator_set_condition condition=Ready reason=Ready": 1})
}
