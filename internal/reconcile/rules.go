// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// Rule is a named state of a topology and the plan for it: V is a planner's view of what
// was observed, D what the planner remembers.
type Rule[V, D any] struct {
	applies func(V) bool
	plan    func(V) Plan[D]
}

// When makes a rule. The name of the state is for a reader of the table.
func When[V, D any](_ string, applies func(V) bool, plan func(V) Plan[D]) Rule[V, D] {
	return Rule[V, D]{applies, plan}
}

// Decide asks rules in their order; otherwise is the plan when none applies.
func Decide[V, D any](view V, rules []Rule[V, D], otherwise func(V) Plan[D]) Plan[D] {
	for _, rule := range rules {
		if rule.applies(view) {
			return rule.plan(view)
		}
	}
	return otherwise(view)
}

// Topology is the condition TopologyReady of a plan.
func Topology(ok bool, reason, message string) []metav1.Condition {
	status := metav1.ConditionFalse
	if ok {
		status = metav1.ConditionTrue
	}
	return []metav1.Condition{{
		Type: v1alpha1.ConditionTopologyReady, Status: status, Reason: reason, Message: message,
	}}
}
