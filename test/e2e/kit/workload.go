// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// The objects that pods are made of, whatever runs in them.

// headlessService gives every pod a DNS name that stays when its IP changes.
// Pods that are not ready have one too: a replica must find its source.
func (p *Pods) headlessService() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.app},
		Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true,
			Selector: map[string]string{"app": p.app},
			Ports:    []corev1.ServicePort{{Name: p.app, Port: p.port, TargetPort: intstr.FromInt32(p.port), Protocol: corev1.ProtocolTCP}},
		},
	}
}

// statefulSet of the pods, each with a volume "data".
func (p *Pods) statefulSet(storageClass string, pods int, pod corev1.PodSpec) *appsv1.StatefulSet {
	labels := map[string]string{"app": p.app}
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.app},
		Spec: appsv1.StatefulSetSpec{
			ServiceName: p.app, Replicas: ptr.To(int32(pods)), PodManagementPolicy: appsv1.ParallelPodManagement,
			Selector:             &metav1.LabelSelector{MatchLabels: labels},
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{dataClaim(storageClass)},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       pod,
			},
		},
	}
}

// dataClaim is the claim of a pod's data.
func dataClaim(storageClass string) corev1.PersistentVolumeClaim {
	claim := corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
	if storageClass != "" {
		claim.Spec.StorageClassName = &storageClass
	}
	return claim
}
