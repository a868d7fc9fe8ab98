// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var setCondition = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Namespace: namespace, Name: "set_condition",
	Help: "1 when the condition of the resource is True, 0 when it is False, with its reason. Absent when it is Unknown.",
}, ofSetAnd(labelCondition, labelReason))

// conditionReasons are the series of setCondition that there are: the reason of each
// condition of each resource. Another reason is another series, and this way the one
// before is found without a search through all.
var conditionReasons = struct {
	sync.Mutex
	of map[Set]map[string]string
}{of: map[Set]map[string]string{}}

// SetConditions replaces the series of the conditions of a resource.
func SetConditions(set Set, conditions []metav1.Condition) {
	conditionReasons.Lock()
	defer conditionReasons.Unlock()
	held := conditionReasons.of[set]
	if held == nil {
		held = map[string]string{}
		conditionReasons.of[set] = held
	}
	for name, reason := range held {
		is := meta.FindStatusCondition(conditions, name)
		if is == nil || is.Status == metav1.ConditionUnknown || is.Reason != reason {
			setCondition.DeleteLabelValues(set.Kind, set.Namespace, set.Name, name, reason)
			delete(held, name)
		}
	}
	for _, is := range conditions {
		if is.Status == metav1.ConditionUnknown {
			continue
		}
		setCondition.WithLabelValues(set.Kind, set.Namespace, set.Name, is.Type, is.Reason).Set(number(is.Status == metav1.ConditionTrue))
		held[is.Type] = is.Reason
	}
}

func forgetConditions(set Set) {
	conditionReasons.Lock()
	defer conditionReasons.Unlock()
	setCondition.DeletePartialMatch(set.labels())
	delete(conditionReasons.of, set)
}
