// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

// subject is a kind of resource, over three pods, whose writer an edit changes.
type subject struct {
	// change is what is measured, and over what.
	change, over string
	// write is what a client has acknowledged, one after another.
	write string
	// comparison is what the page says of others, if it does.
	comparison string
	rows       []row
	bar        bars
	// out is the file of the page, target what writes it.
	out, target string
	// pod is the name of the i-th one.
	pod  func(i int) string
	make func(ctx context.Context, cluster *kit.Cluster, namespace string) (kit.Topology, error)
}

const insert = "autocommit INSERT"

func replication() subject {
	return subject{
		change: "Planned switchover", over: "planned switchovers back and forth, MysqlReplication with three MySQL pods, rpl_semi_sync",
		comparison: "For comparison, on a machine of the same size: the original Compose Operator, 2.6 s without writes; a hand-written\n" +
			"sequence of statements and label patches, 79–100 ms.\n",
		rows: []row{
			{"edit → Preparing recorded", between(edited, started)},
			{"Preparing → Switching recorded", between(started, switching)},
			{"Switching → finished", between(switching, finished)},
			{"finished → Ready", between(finished, ready)},
			{"step ahead (writes go on)", logged("ahead")},
			{"step catch-up (writes go on)", logged("catch-up")},
			{"step fence", logged("fence")},
			{"step promote", logged("promote")},
			{"step route", logged("route")},
			{"step repoint (beside the others)", logged("repoint")},
			{"step rejoin (beside, after the route)", logged("rejoin")},
		},
		bar: bars{median: 150 * time.Millisecond, most: 500 * time.Millisecond},
		out: filepath.Join("docs", "benchmarks", "switchover.md"), target: "bench-switchover",
		write: insert, pod: kit.PodName,
		make: func(ctx context.Context, cluster *kit.Cluster, namespace string) (kit.Topology, error) {
			set, err := cluster.NewSet(ctx, namespace, kit.SetOptions{})
			if err != nil {
				return nil, err
			}
			return set, set.Create(ctx, set.Resource(v1alpha1.MysqlSemiSync, kit.PodName(0), kit.PodName(1), kit.PodName(2)))
		},
	}
}

func group() subject {
	return subject{
		change: "Planned change of a group's primary", over: "planned changes of the primary back and forth, MysqlGroupReplication with three MySQL pods",
		rows: []row{
			{"edit → the new primary in the status", between(edited, finished)},
			{"that → Ready", between(finished, ready)},
			{"step route (the candidate leaves the readers; writes go on)", logged("route")},
			{"step catch-up (writes go on)", logged("catch-up")},
			{"step elect (the election, and both labels)", logged("elect")},
			{"step expel (beside, after the route)", logged("expel")},
		},
		bar: bars{median: 300 * time.Millisecond},
		out: filepath.Join("docs", "benchmarks", "group.md"), target: "bench-group",
		write: insert, pod: kit.PodName,
		make: func(ctx context.Context, cluster *kit.Cluster, namespace string) (kit.Topology, error) {
			g, err := cluster.NewGroup(ctx, namespace, kit.SetOptions{})
			if err != nil {
				return nil, err
			}
			return g, g.Create(ctx, g.Resource(kit.PodName(0), kit.PodName(0), kit.PodName(1), kit.PodName(2)))
		},
	}
}

func redis() subject {
	return subject{
		change: "Planned switchover of Redis", over: "planned switchovers back and forth, RedisReplication with three Redis pods that append to a file",
		rows: []row{
			{"edit → Preparing recorded", between(edited, started)},
			{"Preparing → Switching recorded", between(started, switching)},
			{"Switching → finished", between(switching, finished)},
			{"finished → Ready", between(finished, ready)},
			{"step catch-up (writes go on)", logged("catch-up")},
			{"step hand-over (FAILOVER)", logged("hand-over")},
			{"step fence (nothing after FAILOVER)", logged("fence")},
			{"step promote (the same)", logged("promote")},
			{"step route", logged("route")},
			{"step repoint (after the route)", logged("repoint")},
			{"step expel (beside, after the route)", logged("expel")},
		},
		bar: bars{median: 150 * time.Millisecond},
		out: filepath.Join("docs", "benchmarks", "redis.md"), target: "bench-redis",
		write: "HSETNX", pod: kit.RedisPodName,
		make: func(ctx context.Context, cluster *kit.Cluster, namespace string) (kit.Topology, error) {
			set, err := cluster.NewRedisSet(ctx, namespace, kit.RedisOptions{})
			if err != nil {
				return nil, err
			}
			return set, set.Create(ctx, set.Resource(kit.RedisPodName(0), kit.RedisPodName(1), kit.RedisPodName(2)))
		},
	}
}

// postgres is measured a few times only: the kubelet starts the old primary again later each
// time, after 10 s, 20 s and so on.
func postgres() subject {
	return subject{
		change: "Planned switchover of PostgreSQL", over: "planned switchovers back and forth, PostgresReplication with three PostgreSQL pods, rpl_async",
		rows: []row{
			{"edit → Preparing recorded", between(edited, started)},
			{"Preparing → Switching recorded", between(started, switching)},
			{"Switching → finished", between(switching, finished)},
			{"finished → Ready (the old primary's container is started again)", between(finished, ready)},
			{"step prepare (writes go on)", logged("prepare")},
			{"step checkpoint (writes go on)", logged("checkpoint")},
			{"step catch-up (writes go on)", logged("catch-up")},
			{"step fence", logged("fence")},
			{"step demote", logged("demote")},
			{"step promote", logged("promote")},
			{"step route", logged("route")},
			{"step repoint (after the route)", logged("repoint")},
		},
		bar: bars{median: 500 * time.Millisecond},
		out: filepath.Join("docs", "benchmarks", "postgres.md"), target: "bench-postgres",
		write: insert, pod: kit.PostgresPodName,
		make: func(ctx context.Context, cluster *kit.Cluster, namespace string) (kit.Topology, error) {
			set, err := cluster.NewPostgresSet(ctx, namespace, 3)
			if err != nil {
				return nil, err
			}
			return set, set.Create(ctx, set.Resource(kit.PostgresPodName(0), kit.PostgresPodName(1), kit.PostgresPodName(2)))
		},
	}
}
