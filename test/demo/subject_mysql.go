// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

const threeMySQL = "three MySQL pods, fresh and empty"

func mysql() *subject {
	s, _ := mysqlSet()
	return s
}

// mysqlSet also returns where the set is once it is made.
func mysqlSet() (*subject, **kit.Set) {
	var set *kit.Set
	s := &subject{
		pods: threeMySQL, applied: "MysqlReplication (rpl_semi_sync)", resource: "mysqlreplication", name: "orders",
		apply: func(ctx context.Context) error {
			return set.Create(ctx, set.Resource(v1alpha1.MysqlSemiSync, kit.PodName(0), kit.PodName(1), kit.PodName(2)))
		},
		now: func(ctx context.Context) (string, error) { return described(set.Get, kit.Describe)(ctx) },
	}
	s.start = func(ctx context.Context, cluster *kit.Cluster) (kit.Topology, error) {
		made, err := cluster.NewSet(ctx, namespace, kit.SetOptions{Name: s.name})
		return started(&set, made, err)
	}
	return s.exchange("source", "replica", kit.PodName(0), kit.PodName(1)), &set
}

func mysqlGroup() *subject {
	var group *kit.Group
	s := &subject{
		pods: threeMySQL + ", with Group Replication", applied: "MysqlGroupReplication", resource: "mysqlgroupreplication", name: "orders",
		edit: "wanting " + kit.PodName(1) + " as the primary", edited: "spec.primary changed", again: "name another primary",
		change: "Planned change of the group's primary", to: kit.PodName(1),
		apply: func(ctx context.Context) error {
			return group.Create(ctx, group.Resource(kit.PodName(0), kit.PodName(0), kit.PodName(1), kit.PodName(2)))
		},
		now: func(ctx context.Context) (string, error) { return described(group.Get, kit.DescribeGroup)(ctx) },
	}
	s.way = readWrite(s.name)
	s.start = func(ctx context.Context, cluster *kit.Cluster) (kit.Topology, error) {
		made, err := cluster.NewGroup(ctx, namespace, kit.SetOptions{Name: s.name})
		return started(&group, made, err)
	}
	return s
}

// throughProxysql is a set whose clients write through ProxySQL.
type throughProxysql struct {
	*kit.Set
	proxysql *kit.Proxysql
}

func (t *throughProxysql) StartTraffic(ctx context.Context, options load.Options) (*load.Run, error) {
	return t.proxysql.StartTraffic(ctx, kit.ProxysqlPodName(0), options)
}

func (t *throughProxysql) Diagnose(ctx context.Context, operator *kit.Operator) string {
	text := t.Set.Diagnose(ctx, operator)
	if t.proxysql != nil {
		text += t.proxysql.Diagnose(ctx, operator)
	}
	return text
}

func proxysql() *subject {
	s, set := mysqlSet()
	t := &throughProxysql{}
	start, now := s.start, s.now
	s.way = "ProxySQL " + kit.ProxysqlPodName(0)
	s.start = func(ctx context.Context, cluster *kit.Cluster) (kit.Topology, error) {
		_, err := start(ctx, cluster)
		if t.Set = *set; t.Set == nil {
			return nil, err
		}
		return t, err
	}
	s.then = func(ctx context.Context) []demoStep {
		return []demoStep{
			{"starting two ProxySQL pods, which know no servers and no users", func() (err error) {
				t.proxysql, err = t.NewProxysql(ctx, 2)
				return err
			}},
			{"applying a ProxysqlSync and waiting for Ready", func() error {
				if err := t.proxysql.Create(ctx, t.proxysql.Resource(kit.ProxysqlPodName(0), kit.ProxysqlPodName(1))); err != nil {
					return err
				}
				return t.proxysql.WaitReady(ctx, time.Minute)
			}},
		}
	}
	s.now = func(ctx context.Context) (string, error) {
		of, err := now(ctx)
		if err != nil {
			return "", err
		}
		synced, err := described(t.proxysql.Get, kit.DescribeProxysql)(ctx)
		return of + "\nProxysqlSync " + s.name + ": " + synced, err
	}
	return s
}
