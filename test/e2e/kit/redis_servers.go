// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential/aesctr"
	"github.com/upmio/compose-operator/test/load"
)

// RedisCredentialSecret holds the encrypted password that the operator reads.
const RedisCredentialSecret = "redis-credentials"

// RedisOptions of a new set.
type RedisOptions struct {
	// Pods to start with; 3.
	Pods int
	// Forgetful servers keep nothing on disk: one that is started again is empty.
	Forgetful bool
	// Cluster mode, with a failure of a node noticed after two seconds.
	Cluster bool
	// DiskBytes limits the size of each pod's disk, which works on the node's own
	// machine only; zero: as large as the machine's.
	DiskBytes int64
}

// RedisServers are a StatefulSet of Redis pods in a namespace, whatever kind of resource is over them.
type RedisServers struct {
	*Pods

	password string
	aesKey   []byte
}

// redisServers in a namespace, below a resource of this name. They have no password.
func (c *Cluster) redisServers(namespace, name string) *RedisServers {
	return &RedisServers{Pods: &Pods{Cluster: c, Namespace: namespace, Name: name, app: redisName, process: "redis-server", port: redisPort}}
}

// start makes the Secrets and the pods and waits until they are ready.
func (s *RedisServers) start(ctx context.Context, options RedisOptions) error {
	s.password, s.aesKey = rand.Text(), []byte((rand.Text() + rand.Text())[:aesctr.KeySize])
	class := s.Cluster.Settings.StorageClass
	if options.DiskBytes > 0 {
		if err := s.limitDisks(ctx, options.Pods, class, options.DiskBytes); err != nil {
			s.disks.release()
			return err
		}
	}
	if err := s.writePassword(ctx); err != nil {
		return err
	}
	for _, obj := range []client.Object{
		s.secret(v1alpha1.DefaultAESSecretName, map[string][]byte{v1alpha1.DefaultAESSecretKey: s.aesKey}),
		redisConfiguration(s.Namespace, options), s.headlessService(), s.statefulSet(class, options.Pods, RedisPod(s.Cluster.Settings.RedisImage, redisUsers, redisConf)),
	} {
		if err := s.Cluster.apply(ctx, obj); err != nil {
			return err
		}
	}
	return s.WaitPods(ctx, options.Pods)
}

// writePassword writes the Secret of fresh pods and the operator's.
func (s *RedisServers) writePassword(ctx context.Context) error {
	return s.writePasswords(ctx, redisUsers, RedisCredentialSecret, s.aesKey, map[string]string{redisName: s.password}, redisName)
}

// Rotate gives the servers of some pods another password beside the one that they have, and the
// Secrets that one alone, as the manual says. forget takes the old one from a pod's server.
func (s *RedisServers) Rotate(ctx context.Context, pods ...string) (forget func(ctx context.Context, pod string) error, err error) {
	before, next := s.password, rand.Text()
	for _, pod := range pods {
		if _, err := s.Do(ctx, pod, "ACL", "SETUSER", "default", ">"+next); err != nil {
			return nil, err
		}
	}
	s.password = next
	forget = func(ctx context.Context, pod string) error {
		_, err := s.Do(ctx, pod, "ACL", "SETUSER", "default", "<"+before)
		return err
	}
	return forget, s.writePassword(ctx)
}

// Close releases limited disks.
func (s *RedisServers) Close() { s.disks.release() }

// Node of a pod under its DNS name.
func (s *RedisServers) Node(pod string) v1alpha1.RedisNode {
	return v1alpha1.RedisNode{Node: s.node(pod)}
}

// Login of clients, and of the operator.
func (s *RedisServers) Login() load.Login { return load.Login{Password: s.password} }

// Do runs a command on a pod's server.
func (s *RedisServers) Do(ctx context.Context, pod string, command ...any) (any, error) {
	address, err := s.Address(ctx, pod)
	if err != nil {
		return nil, err
	}
	c := redis.NewClient(redisClientOptions(address, s.password))
	defer func() { _ = c.Close() }()
	answer, err := c.Do(ctx, command...).Result()
	if err != nil {
		return nil, fmt.Errorf("%v on %s: %w", command[0], pod, err)
	}
	return answer, nil
}

// RunID names the process of a pod's server, as it is noted for Run.Turns.
func (s *RedisServers) RunID(ctx context.Context, pod string) (string, error) {
	info, err := s.Info(ctx, pod, "server")
	if err != nil {
		return "", err
	}
	return infoLine(info, "run_id")
}

// infoLine is a value of what INFO or CLUSTER INFO say.
func infoLine(info, name string) (string, error) {
	for line := range strings.Lines(info) {
		if value, is := strings.CutPrefix(strings.TrimSpace(line), name+":"); is {
			return value, nil
		}
	}
	return "", fmt.Errorf("there is no %s in %q", name, info)
}

// Info is a section of what INFO says on a pod's server.
func (s *RedisServers) Info(ctx context.Context, pod, section string) (string, error) {
	answer, err := s.Do(ctx, pod, "INFO", section)
	return fmt.Sprint(answer), err
}

func (s *RedisServers) describeServer(ctx context.Context, pod corev1.Pod) string {
	text := fmt.Sprintf("IP %s, ready %t, labels %v\n", pod.Status.PodIP, podReady(&pod), pod.Labels)
	if pod.Labels["app"] != s.app || pod.Status.PodIP == "" {
		return text
	}
	info, err := s.Info(ctx, pod.Name, "replication")
	text += info + errorText(err)
	if nodes, err := s.Do(ctx, pod.Name, "CLUSTER", "NODES"); err == nil {
		text += fmt.Sprint(nodes)
	}
	return text
}
