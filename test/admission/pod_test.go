// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
)

// templatePod is the pod that a Deployment's template describes.
type templatePod struct {
	template corev1.PodTemplateSpec
}

func (p *templatePod) fromTemplate(text string) error {
	return json.Unmarshal([]byte(text), &p.template)
}

func (p *templatePod) object(namespace, name string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: p.template.ObjectMeta, Spec: p.template.Spec}
	pod.Namespace, pod.Name = namespace, name
	return pod
}

func (p *templatePod) allowEscalation() {
	yes := true
	p.template.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = &yes
}
