// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

func validateService(path *field.Path, service *v1alpha1.ServiceSpec) field.ErrorList {
	if service == nil {
		return nil
	}
	switch service.Type {
	case "", corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer:
	case corev1.ServiceTypeExternalName:
		if service.ExternalName == "" {
			return field.ErrorList{field.Required(path.Child("externalName"),
				"type ExternalName needs the DNS name to point at; set it or use ClusterIP, NodePort or LoadBalancer")}
		}
	default:
		return field.ErrorList{field.NotSupported(path.Child("type"), service.Type, []corev1.ServiceType{
			corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeExternalName,
		})}
	}
	return nil
}

// warnNobodyElse says that no node could take over. The words are those of the kind: replica
// and source, or standby and primary; all nodes of that sort and those that are not isolated
// are counted.
func warnNobodyElse(other, source string, all, attached int) admission.Warnings {
	switch {
	case all == 0:
		return admission.Warnings{fmt.Sprintf("spec.%s is empty: there is nothing to switch over to when the %s fails; add a %[1]s", other, source)}
	case attached == 0:
		return admission.Warnings{fmt.Sprintf("spec.%s has isolated nodes only: there is nothing to switch over to when the %s fails; return one of them", other, source)}
	}
	return nil
}

// warnExternalName says that Services of that type do not follow external nodes.
func warnExternalName(service *v1alpha1.ServiceSpec, nodes []placedNode, source string) admission.Warnings {
	if service == nil || service.Type != corev1.ServiceTypeExternalName || !slices.ContainsFunc(nodes, func(p placedNode) bool { return p.node.External }) {
		return nil
	}
	return admission.Warnings{fmt.Sprintf(
		"spec.service.type is ExternalName: the Services lead to spec.service.externalName alone, whatever the nodes are; use another type for Services that follow the %s", source)}
}

// attachedOf counts the nodes that are not isolated.
func attachedOf(nodes []v1alpha1.ReplicaNode) int {
	attached := 0
	for _, node := range nodes {
		if !node.Isolated {
			attached++
		}
	}
	return attached
}

// validateSecret asks for the passwords of a set.
func validateSecret(path *field.Path, name string) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path.Child("name"), "name the Secret that holds the passwords")}
	}
	return nil
}
