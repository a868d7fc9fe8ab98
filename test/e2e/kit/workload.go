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

// server says what is particular to a database's pods. All images run as one user, and find a
// Secret with passwords and a ConfigMap below /etc.
type server struct {
	name, image string
	port        int32
	// grace in seconds between a pod's end and that of its server.
	grace  int64
	cpu    string
	memory string
	// data is where the volume "data" is mounted.
	data string
	// users is the Secret with a clear-text password for each user, conf the ConfigMap with
	// what the server has beside the image's own configuration.
	users, conf string
}

// serverUID is the user of all images.
const serverUID = 999

// pod of one server, without its volume "data".
func (s server) pod() corev1.PodSpec {
	return corev1.PodSpec{
		TerminationGracePeriodSeconds: ptr.To(s.grace),
		AutomountServiceAccountToken:  ptr.To(false),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](serverUID), RunAsGroup: ptr.To[int64](serverUID), FSGroup: ptr.To[int64](serverUID),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name: s.name, Image: s.image, ImagePullPolicy: corev1.PullIfNotPresent,
			Ports: []corev1.ContainerPort{{Name: s.name, ContainerPort: s.port, Protocol: corev1.ProtocolTCP}},
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse(s.cpu), corev1.ResourceMemory: resource.MustParse(s.memory),
			}},
			ReadinessProbe: &corev1.Probe{
				ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(s.port)}},
				PeriodSeconds: 1, TimeoutSeconds: 2, FailureThreshold: 3,
			},
			VolumeMounts: []corev1.VolumeMount{
				{Name: "data", MountPath: s.data},
				{Name: "users", MountPath: "/etc/" + s.name + "-users", ReadOnly: true},
				{Name: "conf", MountPath: "/etc/" + s.name + "-conf", ReadOnly: true},
			},
		}},
		Volumes: []corev1.Volume{
			{Name: "users", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: s.users}}},
			{Name: "conf", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: s.conf}}}},
		},
	}
}
