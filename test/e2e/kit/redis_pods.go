// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"fmt"

	"github.com/redis/go-redis/v9"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// Names of the objects of a set of Redis pods, within its namespace, and what the image of
// test/testbed/images/redis expects.
const (
	redisName  = "redis"
	redisUsers = "redis-users"
	redisConf  = "redis-conf"
	redisUID   = 999
	redisPort  = 6379
)

// RedisPodName of the i-th pod of a set.
func RedisPodName(i int) string { return fmt.Sprintf("%s-%d", redisName, i) }

func redisConfiguration(namespace string, options RedisOptions) *corev1.ConfigMap {
	// Replicas of a test lag little; a full resynchronization needs no pause for more of them.
	conf := "repl-diskless-sync-delay 0\nrepl-backlog-size 16mb\n"
	if options.Cluster {
		conf += "cluster-enabled yes\ncluster-node-timeout 2000\n"
	}
	if options.Forgetful {
		conf += "appendonly no\nsave \"\"\n"
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: redisConf},
		Data:       map[string]string{"test.conf": conf},
	}
}

// RedisPod is a pod of one Redis server, without its volume "data". users and conf are the
// names of the Secret of its password, under the key "redis", and of the ConfigMap of its configuration.
func RedisPod(image, users, conf string) corev1.PodSpec {
	return corev1.PodSpec{
		TerminationGracePeriodSeconds: ptr.To[int64](10),
		AutomountServiceAccountToken:  ptr.To(false),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](redisUID), RunAsGroup: ptr.To[int64](redisUID), FSGroup: ptr.To[int64](redisUID),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name: redisName, Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
			Ports: []corev1.ContainerPort{{Name: redisName, ContainerPort: redisPort, Protocol: corev1.ProtocolTCP}},
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi"),
			}},
			ReadinessProbe: &corev1.Probe{
				ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(redisPort)}},
				PeriodSeconds: 1, TimeoutSeconds: 2, FailureThreshold: 3,
			},
			VolumeMounts: []corev1.VolumeMount{
				{Name: "data", MountPath: "/data"},
				{Name: "users", MountPath: "/etc/redis-users", ReadOnly: true},
				{Name: "conf", MountPath: "/etc/redis-conf", ReadOnly: true},
			},
		}},
		Volumes: []corev1.Volume{
			{Name: "users", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: users}}},
			{Name: "conf", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: conf}}}},
		},
	}
}

// redisClientOptions of a connection that says things once.
func redisClientOptions(address, password string) *redis.Options {
	return &redis.Options{Addr: address, Password: password, MaxRetries: -1, Protocol: 2, DisableIdentity: true, ReadTimeout: statementTimeout}
}
