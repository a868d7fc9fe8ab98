// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

const (
	sentinelName = "sentinel"
	sentinelConf = "sentinel-conf"
	sentinelPort = 26379
	// sentinelGroup is the name under which the Sentinels know the set.
	sentinelGroup = "sessions"
)

// Sentinels are the pods of Sentinels over a set, one StatefulSet.
type Sentinels struct {
	*Pods
	of *RedisSet
}

// SentinelName of the i-th pod.
func SentinelName(i int) string { return sentinelName + "-" + strconv.Itoa(i) }

// NewSentinels makes Sentinels over a set whose replicas are connected, and waits until all of
// them know one another and so many replicas. A source that is silent for downAfter is replaced
// when the majority of them has noticed. They have the set's password themselves.
func (s *RedisSet) NewSentinels(ctx context.Context, n int, source string, replicas int, downAfter time.Duration) (*Sentinels, error) {
	all := &Sentinels{of: s, Pods: &Pods{
		Cluster: s.Cluster, Namespace: s.Namespace, Name: s.Name, app: sentinelName, process: "redis-server", port: sentinelPort,
	}}
	// Servers announce the names of the spec, so Sentinel has to know them by names as well, and
	// to tell them to one another.
	conf := fmt.Sprintf("sentinel resolve-hostnames yes\nsentinel announce-hostnames yes\n"+
		"sentinel monitor %[1]s %[2]s %[3]d %[4]d\nsentinel auth-pass %[1]s %[5]s\n"+
		"sentinel down-after-milliseconds %[1]s %[6]d\nsentinel failover-timeout %[1]s %[7]d\n",
		sentinelGroup, s.Host(source), s.port, n/2+1, s.password, downAfter.Milliseconds(), 3*downAfter.Milliseconds())
	pod := RedisPod(s.Cluster.Settings.RedisImage, redisUsers, sentinelConf)
	server := &pod.Containers[0]
	server.Name, server.Args = sentinelName, []string{"--sentinel"}
	server.Env = append(server.Env, corev1.EnvVar{Name: "REDIS_PORT", Value: strconv.Itoa(sentinelPort)})
	server.Ports = []corev1.ContainerPort{{Name: sentinelName, ContainerPort: sentinelPort, Protocol: corev1.ProtocolTCP}}
	server.ReadinessProbe.TCPSocket.Port = intstr.FromInt32(sentinelPort)
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	set := all.statefulSet(s.Cluster.Settings.StorageClass, n, pod)
	set.Spec.VolumeClaimTemplates = nil
	for _, obj := range []client.Object{
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: sentinelConf}, Data: map[string]string{"sentinel.conf": conf}},
		all.headlessService(), set,
	} {
		if err := s.Cluster.apply(ctx, obj); err != nil {
			return all, err
		}
	}
	if err := all.WaitPods(ctx, n); err != nil {
		return all, err
	}
	return all, Wait(ctx, time.Minute, func(ctx context.Context) error {
		for i := range n {
			is, err := all.source(ctx, SentinelName(i))
			if err != nil {
				return err
			}
			if is["num-slaves"] != strconv.Itoa(replicas) || is["num-other-sentinels"] != strconv.Itoa(n-1) {
				return fmt.Errorf("%s knows %s replicas and %s other Sentinels", SentinelName(i), is["num-slaves"], is["num-other-sentinels"])
			}
		}
		return nil
	})
}

// source is what a Sentinel says of the source.
func (s *Sentinels) source(ctx context.Context, pod string) (map[string]string, error) {
	address, err := s.Address(ctx, pod)
	if err != nil {
		return nil, err
	}
	c := redis.NewClient(redisClientOptions(address, s.of.password))
	defer func() { _ = c.Close() }()
	flat, err := c.Do(ctx, "SENTINEL", "MASTER", sentinelGroup).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("SENTINEL MASTER on %s: %w", pod, err)
	}
	is := map[string]string{}
	for i := 0; i+1 < len(flat); i += 2 {
		is[flat[i]] = flat[i+1]
	}
	return is, nil
}

// Elected is the address, host:port, of the source that a Sentinel has made or found.
func (s *Sentinels) Elected(ctx context.Context, pod string) (string, error) {
	is, err := s.source(ctx, pod)
	return net.JoinHostPort(is["ip"], is["port"]), err
}

// Labelled is what a Sentinel's pod is labelled with: the pod of the source, "" without.
func (s *Sentinels) Labelled(ctx context.Context, pod string) (string, error) {
	of, err := s.Pod(ctx, pod)
	if err != nil {
		return "", err
	}
	return of.Labels[v1alpha1.LabelSentinelSource], nil
}
