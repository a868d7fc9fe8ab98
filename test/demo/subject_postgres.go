// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/upmio/compose-operator/test/e2e/kit"
)

func postgres() *subject {
	var set *kit.PostgresSet
	s := &subject{
		pods: "three PostgreSQL pods, two of them filled from the first", applied: "PostgresReplication", resource: "postgresreplication", name: "ledger",
		apply: func(ctx context.Context) error {
			return set.Create(ctx, set.Resource(kit.PostgresPodName(0), kit.PostgresPodName(1), kit.PostgresPodName(2)))
		},
		now: func(ctx context.Context) (string, error) { return described(set.Get, kit.DescribePostgres)(ctx) },
	}
	s.start = func(ctx context.Context, cluster *kit.Cluster) (kit.Topology, error) {
		made, err := cluster.NewPostgresSet(ctx, namespace, 3)
		return started(&set, made, err)
	}
	return s.exchange("primary", "standby", kit.PostgresPodName(0), kit.PostgresPodName(1))
}
