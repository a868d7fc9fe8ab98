// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"fmt"

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
	return server{
		name: redisName, image: image, port: redisPort, grace: 10, cpu: "10m", memory: "32Mi", data: "/data", users: users, conf: conf,
	}.pod()
}

// redisClientOptions of a connection that says things once.
func redisClientOptions(address, password string) *redis.Options {
	return &redis.Options{Addr: address, Password: password, MaxRetries: -1, Protocol: 2, DisableIdentity: true, ReadTimeout: statementTimeout}
}
