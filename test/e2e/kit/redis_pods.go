// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Names of the objects of a set of Redis pods, within its namespace, and what the image of
// test/testbed/images/redis expects.
const (
	redisName  = "redis"
	redisUsers = "redis-users"
	redisConf  = "redis-conf"
	redisPort  = 6379
)

// RedisPodName of the i-th pod of a set.
func RedisPodName(i int) string { return fmt.Sprintf("%s-%d", redisName, i) }

func redisConfiguration(namespace string, options RedisOptions) *corev1.ConfigMap {
	// Replicas of a test lag little; a full resynchronization needs no pause for more of them.
	conf := "repl-diskless-sync-delay 0\nrepl-backlog-size 16mb\n"
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
	return server{
		name: redisName, image: image, port: redisPort, grace: 10, cpu: "10m", memory: "32Mi", data: "/data", users: users, conf: conf,
	}.pod()
}

// redisClientOptions of a connection that says things once.
func redisClientOptions(address, password string) *redis.Options {
	return &redis.Options{Addr: address, Password: password, MaxRetries: -1, Protocol: 2, DisableIdentity: true, ReadTimeout: statementTimeout}
}

// Do runs a command on a pod's server.
func (s *RedisSet) Do(ctx context.Context, pod string, command ...any) (any, error) {
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
func (s *RedisSet) RunID(ctx context.Context, pod string) (string, error) {
	info, err := s.Info(ctx, pod, "server")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(info) {
		if id, is := strings.CutPrefix(strings.TrimSpace(line), "run_id:"); is {
			return id, nil
		}
	}
	return "", fmt.Errorf("INFO of %s has no run_id", pod)
}

// Info is a section of what INFO says on a pod's server.
func (s *RedisSet) Info(ctx context.Context, pod, section string) (string, error) {
	answer, err := s.Do(ctx, pod, "INFO", section)
	return fmt.Sprint(answer), err
}
