// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

func redis() *subject {
	var set *kit.RedisSet
	s := &subject{
		pods: "three Redis pods, fresh and empty", applied: "RedisReplication", resource: "redisreplication", name: "sessions",
		apply: func(ctx context.Context) error {
			return set.Create(ctx, set.Resource(kit.RedisPodName(0), kit.RedisPodName(1), kit.RedisPodName(2)))
		},
		now: func(ctx context.Context) (string, error) { return described(set.Get, kit.DescribeRedis)(ctx) },
	}
	s.start = func(ctx context.Context, cluster *kit.Cluster) (kit.Topology, error) {
		made, err := cluster.NewRedisSet(ctx, namespace, kit.RedisOptions{})
		return started(&set, made, err)
	}
	return s.exchange("source", "replica", kit.RedisPodName(0), kit.RedisPodName(1))
}

// The shard whose source is changed, and the nodes of it.
const shard = "shard-0"

// sharded is a cluster of three shards, of which one gets another source.
type sharded struct{ *kit.RedisCluster }

func (s *sharded) SwitchOver(ctx context.Context, operator *kit.Operator, run *load.Run, to string, timeout time.Duration) (kit.Switchover, error) {
	return s.Promote(ctx, operator, run, shard, to, timeout)
}

func (s *sharded) CheckTraffic(ctx context.Context, run *load.Run, _ ...string) (load.Verdict, error) {
	return s.RedisCluster.CheckTraffic(ctx, run, kit.RedisPodName(0))
}

func redisCluster() *subject {
	var cluster *sharded
	pod := kit.RedisPodName
	s := &subject{
		pods: "six Redis pods in cluster mode, fresh and empty", applied: "RedisCluster of three shards", resource: "rediscluster", name: "carts",
		edit: "putting " + pod(3) + " before " + pod(0) + " in " + shard, edited: "spec.members." + shard + " reordered", again: "put another node of a shard first",
		change: "Planned promotion in " + shard, to: pod(3),
		apply: func(ctx context.Context) error {
			return cluster.Create(ctx, cluster.Resource(kit.Shards{
				shard: {pod(0), pod(3)}, "shard-1": {pod(1), pod(4)}, "shard-2": {pod(2), pod(5)},
			}))
		},
		now: func(ctx context.Context) (string, error) {
			return described(cluster.Get, kit.DescribeRedisCluster)(ctx)
		},
	}
	s.way = "the Service " + s.name + ", which leads to all nodes"
	s.start = func(ctx context.Context, on *kit.Cluster) (kit.Topology, error) {
		made, err := on.NewRedisCluster(ctx, namespace, 6)
		if made == nil {
			return nil, err
		}
		cluster = &sharded{made}
		return cluster, err
	}
	return s
}
