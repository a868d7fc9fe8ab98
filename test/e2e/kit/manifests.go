// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// Names of the objects of a set of MySQL pods, within its namespace.
const (
	mysqlName = "mysql"
	// usersSecret holds clear-text passwords for the pods, which make the users.
	usersSecret = "mysql-users"
	confMap     = "mysql-conf"
	mysqlUID    = 999
	mysqlPort   = 3306
	// dataMount is where the volume of a pod is.
	dataMount = "/var/lib/mysql"
)

// PodName of the i-th pod of a set.
func PodName(i int) string { return mysqlName + "-" + strconv.Itoa(i) }

// What a set's servers have beside the image's own configuration.
const (
	baseConf = "[mysqld]\nmax_connections=300\n"
	// SemiSyncConf is what a server needs for the semi-synchronous mode.
	SemiSyncConf = "plugin_load_add=semisync_source.so\nplugin_load_add=semisync_replica.so\n"
	// GroupConf is what a server needs for Group Replication, and the smallest cache of
	// messages that there can be. Which group it belongs to, the operator tells it.
	GroupConf = "plugin_load_add=group_replication.so\nplugin_load_add=mysql_clone.so\n" +
		"loose_group_replication_start_on_boot=OFF\nloose_group_replication_message_cache_size=134217728\n"
)

func configuration(namespace string, options SetOptions) *corev1.ConfigMap {
	conf := baseConf
	switch {
	case options.group:
		conf += GroupConf
	case !options.WithoutSemiSync:
		conf += SemiSyncConf
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: confMap},
		Data:       map[string]string{"my.cnf": conf},
	}
}

// ReportHost has the server of a pod tell the others of its group the name that they
// reach it by: the pod's, below a domain. A group's members find one another by that.
func ReportHost(pod *corev1.PodSpec, domain string) {
	const name = "POD_NAME"
	server := &pod.Containers[0]
	server.Env = append(server.Env, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"},
	}})
	server.Args = append(server.Args, "--report-host=$("+name+")."+domain)
}

// MySQLPod is the specification of a pod with an image that keeps the contract of
// test/testbed/images/mysql: users is the Secret with the clear-text password of each
// user, conf the ConfigMap with *.cnf files. The caller adds the volume "data".
func MySQLPod(image, users, conf string) corev1.PodSpec {
	return corev1.PodSpec{
		TerminationGracePeriodSeconds: ptr.To[int64](20),
		AutomountServiceAccountToken:  ptr.To(false),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](mysqlUID), RunAsGroup: ptr.To[int64](mysqlUID), FSGroup: ptr.To[int64](mysqlUID),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{mysqlContainer(image)},
		Volumes: []corev1.Volume{
			{Name: "users", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: users}}},
			{Name: "conf", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: conf}}}},
		},
	}
}

func mysqlContainer(image string) corev1.Container {
	return corev1.Container{
		Name: mysqlName, Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
		Ports: []corev1.ContainerPort{{Name: mysqlName, ContainerPort: mysqlPort, Protocol: corev1.ProtocolTCP}},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("20m"), corev1.ResourceMemory: resource.MustParse("200Mi"),
		}},
		ReadinessProbe: &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(mysqlPort)}},
			PeriodSeconds: 1, TimeoutSeconds: 2, FailureThreshold: 3,
		},
		VolumeMounts: []corev1.VolumeMount{
			{Name: "data", MountPath: dataMount},
			{Name: "users", MountPath: "/etc/mysql-users", ReadOnly: true},
			{Name: "conf", MountPath: "/etc/mysql-conf", ReadOnly: true},
		},
	}
}
