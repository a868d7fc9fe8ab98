// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// Reasons that the kernel itself gives.
const (
	reasonReady            = "Ready"
	reasonResourcesReady   = "ResourcesReady"
	reasonPodMissing       = "PodMissing"
	reasonPodClaimed       = "PodClaimed"
	reasonLabelsFailed     = "LabelsNotApplied"
	reasonExternalHost     = "ExternalHostUnusable"
	reasonSlicesFailed     = "EndpointSlicesNotApplied"
	reasonServiceNotOwned  = "ServiceNotOwned"
	reasonServiceFailed    = "ServiceNotApplied"
	reasonStepFailed       = "StepFailed"
	reasonProgressing      = "Progressing"
	reasonIdle             = "Idle"
	reasonNotStalled       = "NotStalled"
	reasonNotReported      = "NotReported"
	reasonUnspecified      = "Unspecified"
	reasonActionFailed     = "ActionFailed"
	reasonCredentialsError = "CredentialsError"
	reasonChangeAbandoned  = "ChangeAbandoned"
)

// maxConditionMessage keeps a status readable. The API allows 32 KiB.
const maxConditionMessage = 4096

// problem is something wrong with pods, external nodes, labels or Services.
type problem struct {
	reason, message string
	// tell: it is worth a warning event.
	tell bool
}

// verdict is what the conditions of a resource are made of.
type verdict struct {
	// planned conditions, from the planner.
	planned []metav1.Condition
	// hasResources is false for a kind without pods and Services.
	hasResources bool
	// problems with them, the most important one first.
	problems []problem
	// working says what the operator is doing or could not do; empty: nothing.
	working, workingReason string
	generation             int64
	now                    metav1.Time
}

// conditions makes the list that replaces old. It is pure.
func (v verdict) conditions(old []metav1.Condition) []metav1.Condition {
	positive := slices.DeleteFunc(slices.Clone(v.planned), func(c metav1.Condition) bool {
		return c.Type == v1alpha1.ConditionReconciling || c.Type == v1alpha1.ConditionStalled
	})
	if len(positive) == 0 {
		positive = append(positive, metav1.Condition{
			Type: v1alpha1.ConditionTopologyReady, Status: metav1.ConditionUnknown, Reason: reasonNotReported,
			Message: "the databases were not judged",
		})
	}
	if v.hasResources {
		positive = append(positive, v.resourceReady())
	}
	list := append([]metav1.Condition{ready(positive)}, positive...)
	list = append(list, v.reconciling(), v.stalled())
	for i := range list {
		v.finish(&list[i], old)
	}
	return list
}

func (v verdict) resourceReady() metav1.Condition {
	if len(v.problems) == 0 {
		return metav1.Condition{
			Type: v1alpha1.ConditionResourceReady, Status: metav1.ConditionTrue, Reason: reasonResourcesReady,
			Message: "pods, labels and Services are as wanted",
		}
	}
	message := v.problems[0].message
	for _, more := range v.problems[1:] {
		message += "; " + more.message
	}
	return metav1.Condition{
		Type: v1alpha1.ConditionResourceReady, Status: metav1.ConditionFalse,
		Reason: v.problems[0].reason, Message: message,
	}
}

// ready is true when all of the others are, and otherwise says what the first
// that is not says.
func ready(positive []metav1.Condition) metav1.Condition {
	for _, condition := range positive {
		if condition.Status != metav1.ConditionTrue && condition.Type != v1alpha1.ConditionAsSpecified {
			return metav1.Condition{
				Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse,
				Reason: condition.Reason, Message: condition.Message,
			}
		}
	}
	return metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: reasonReady,
		Message: "the topology is as the spec says",
	}
}

func (v verdict) reconciling() metav1.Condition {
	if planned := meta.FindStatusCondition(v.planned, v1alpha1.ConditionReconciling); planned != nil {
		return *planned
	}
	if v.working != "" {
		return metav1.Condition{
			Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionTrue,
			Reason: v.workingReason, Message: v.working,
		}
	}
	return metav1.Condition{
		Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionFalse, Reason: reasonIdle,
		Message: "nothing is being changed",
	}
}

func (v verdict) stalled() metav1.Condition {
	if planned := meta.FindStatusCondition(v.planned, v1alpha1.ConditionStalled); planned != nil {
		return *planned
	}
	return metav1.Condition{
		Type: v1alpha1.ConditionStalled, Status: metav1.ConditionFalse, Reason: reasonNotStalled,
		Message: "the operator can go on by itself",
	}
}

// finish makes condition valid, and keeps the time of its last transition.
func (v verdict) finish(condition *metav1.Condition, old []metav1.Condition) {
	condition.ObservedGeneration = v.generation
	condition.Message = shorten(condition.Message, maxConditionMessage)
	if condition.Reason == "" {
		condition.Reason = reasonUnspecified
	}
	condition.LastTransitionTime = v.now
	if before := meta.FindStatusCondition(old, condition.Type); before != nil && before.Status == condition.Status {
		condition.LastTransitionTime = before.LastTransitionTime
	}
}
