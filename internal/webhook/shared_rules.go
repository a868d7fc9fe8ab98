// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

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

// validateSecret asks for the passwords of MySQL servers.
func validateSecret(path *field.Path, secret v1alpha1.MysqlReplicationSecret) field.ErrorList {
	if secret.Name == "" {
		return field.ErrorList{field.Required(path.Child("name"), "name the Secret that holds the passwords")}
	}
	return nil
}
