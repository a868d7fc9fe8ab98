// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

// redisCluster is the test of the kind over its own servers.
type redisCluster struct {
	servers
	// resource as the test has created or edited it last.
	resource *v1alpha1.RedisCluster
	// set reads and edits the resource. It has no password.
	set *kit.RedisCluster
}

func redisClusterSteps(r *run) []step {
	t := &redisCluster{set: r.cluster.RedisCluster(r.Namespace, r.name), servers: servers{
		run: r, database: "redis", port: redisPort, users: []string{redisKey},
		conf: "repl-diskless-sync-delay 0\ncluster-enabled yes\n", confFile: "test.conf", imageFlag: "--redis-image=NAME",
		spec: func(users, conf string) corev1.PodSpec { return kit.RedisPod(r.RedisImage, users, conf) },
	}}
	return []step{
		{"example", t.adapt},
		{"servers", t.bringUp},
		{"ready", t.ready},
		{"status", t.settled(t.status)},
		{"labels", t.settled(t.labels)},
		{"services", t.settled(t.routes)},
		{"printed", t.settled(t.printedColumns)},
		{"switchover", t.switchover},
		{"switchover-status", t.settled(t.switchoverStatus)},
		{"switchover-services", t.settled(t.routes)},
	}
}

// shards of the resource, by name.
func (t *redisCluster) shards() []string {
	return slices.Sorted(maps.Keys(t.resource.Spec.Members))
}

// pods of the resource, in order.
func (t *redisCluster) pods() []string {
	var names []string
	for _, nodes := range t.resource.Spec.Members {
		for _, node := range nodes {
			names = append(names, node.Name)
		}
	}
	slices.Sort(names)
	return names
}

// adapt the example to the pods of this test: everything that says where the servers
// are and how to log in. The rest is the example's.
func (t *redisCluster) adapt(context.Context) error {
	t.resource = &v1alpha1.RedisCluster{}
	if err := t.exampleInto(t.resource); err != nil {
		return advise(err, "correct the example in the bundle; the test examples says more about it")
	}
	spec, at, replicas := &t.resource.Spec, 0, false
	for _, shard := range t.shards() {
		nodes := spec.Members[shard]
		replicas = replicas || len(nodes) > 1
		for i := range nodes {
			nodes[i] = v1alpha1.RedisClusterMember{RedisNode: v1alpha1.RedisNode{Node: t.node(at)}}
			at++
		}
	}
	if !replicas || spec.Service == nil {
		return advise(errors.New("the example of RedisCluster has no shard with a replica, or no service: there is nothing to promote, or to be routed through"),
			"give the example in the bundle two nodes of each shard, and a service")
	}
	t.resource.ObjectMeta = metav1.ObjectMeta{Name: t.name}
	spec.Secret, spec.AESSecret = v1alpha1.RedisReplicationSecret{Name: t.object("credentials"), Redis: redisKey}, t.aes()
	return nil
}

// bringUp fresh pods, one for each node of the example.
func (t *redisCluster) bringUp(ctx context.Context) error { return t.start(ctx, len(t.pods())) }

// ready creates the resource and waits until its condition Ready is true.
func (t *redisCluster) ready(ctx context.Context) error {
	err := t.noticed(ctx, t.resource, func(ctx context.Context) (bool, error) {
		resource, err := t.set.Get(ctx)
		return err == nil && (resource.Status.ObservedGeneration != 0 || len(resource.Status.Conditions) > 0), err
	})
	if err != nil {
		return err
	}
	return t.waitReady(ctx)
}

func (t *redisCluster) waitReady(ctx context.Context) error {
	return t.wait(ctx, t.Timeout, func(ctx context.Context) error {
		resource, err := t.set.Get(ctx)
		if err != nil {
			return err
		}
		t.log = kit.DescribeRedisCluster(resource)
		return kit.RedisClusterReady(resource)
	})
}

// status says of the resource and of each node what is so.
func (t *redisCluster) status(ctx context.Context) error {
	resource, err := t.set.Get(ctx)
	if err != nil {
		return err
	}
	t.log = kit.DescribeRedisCluster(resource)
	status, pods := resource.Status, t.pods()
	var m mismatches
	want(&m, "status.ready", status.Ready, true)
	want(&m, "status.observedGeneration", status.ObservedGeneration, resource.Generation)
	want(&m, "status.nodes", status.Nodes, fmt.Sprintf("%d/%[1]d", len(pods)))
	want(&m, "status.numberOfShard", status.NumberOfShard, int32(len(t.shards())))
	want(&m, "status.slotsAssigned", status.SlotsAssigned, int32(kit.RedisClusterSlots))
	want(&m, "status.clusterJoined", status.ClusterJoined, true)
	want(&m, "status.clusterSynced", status.ClusterSynced, true)
	want(&m, "the number of moves in status.moves", len(status.Moves), 0)
	wantConditions(&m, status.Conditions, resource.Generation)
	want(&m, "the number of nodes in status.topology", len(status.Topology), len(pods))
	for _, shard := range t.shards() {
		nodes := t.resource.Spec.Members[shard]
		for i, node := range nodes {
			t.nodeStatus(&m, status, shard, node, i == 0, nodes[0].Name)
		}
	}
	return m.err()
}

func (t *redisCluster) nodeStatus(m *mismatches, status v1alpha1.RedisClusterStatus, shard string, node v1alpha1.RedisClusterMember, source bool, of string) {
	n, at := status.Topology[node.Name], "status.topology."+node.Name
	if n == nil {
		m.addf("%s is missing", at)
		return
	}
	role := v1alpha1.RedisRoleReplica
	if source {
		role = v1alpha1.RedisRoleSource
	}
	want(m, at+".role", n.Role, role)
	want(m, at+".status", n.Status, v1alpha1.NodeHealthy)
	want(m, at+".ready", n.Ready, true)
	want(m, at+".host", n.Host, node.Host)
	want(m, at+".port", n.Port, node.Port)
	want(m, at+".shard", n.Shard, shard)
	want(m, "whether "+at+".id is set", n.ID != "", true)
	want(m, "whether "+at+".slots has some", len(n.Slots) > 0, source)
	if above := status.Topology[of]; !source && above != nil {
		want(m, at+".masterRef", n.MasterRef, above.ID)
		want(m, at+".masterLinkStatus", n.MasterLinkStatus, "up")
	}
}

// labels of the pods say who are the sources.
func (t *redisCluster) labels(ctx context.Context) error {
	var m mismatches
	for _, shard := range t.shards() {
		for i, node := range t.resource.Spec.Members[shard] {
			labels, err := t.set.ManagedLabels(ctx, node.Name)
			if err != nil {
				return err
			}
			want(&m, "the labels .name/.readonly of pod "+node.Name, labels, fmt.Sprintf("%s/%t", t.name, i > 0))
		}
	}
	return m.err()
}

// routes are the Services and the pods behind them.
func (t *redisCluster) routes(ctx context.Context) error {
	resource, err := t.set.Get(ctx)
	if err != nil {
		return err
	}
	return errors.Join(
		t.services(ctx, resource, serviceType(resource.Spec.Service), service{"", "redis", redisPort, t.pods()}),
		t.services(ctx, resource, corev1.ServiceTypeClusterIP, service{v1alpha1.ServiceSuffixHeadless, "redis", redisPort, t.pods()}))
}

func (t *redisCluster) printedColumns(ctx context.Context) error {
	return t.columns(ctx, map[string]string{
		"Name": t.name, "Ready": "True", "Shards": fmt.Sprint(len(t.shards())), "Nodes": fmt.Sprintf("%d/%[1]d", len(t.pods())),
	})
}

// switchover puts the first replica that there is before its source, as a user does.
func (t *redisCluster) switchover(ctx context.Context) error {
	shards := t.shards()
	shard := shards[slices.IndexFunc(shards, func(shard string) bool { return len(t.resource.Spec.Members[shard]) > 1 })]
	to := t.resource.Spec.Members[shard][1].Name
	begun := time.Now()
	written, err := t.set.Edit(ctx, kit.PreferRedisSource(shard, to))
	if err != nil {
		return err
	}
	t.resource = written
	err = t.waitReady(ctx)
	t.log = fmt.Sprintf("%s of %s, Ready again after %s\n%s", to, shard, time.Since(begun).Round(10*time.Millisecond), strings.TrimSpace(t.log))
	return err
}

// switchoverStatus: status and labels are about the new source.
func (t *redisCluster) switchoverStatus(ctx context.Context) error {
	if err := t.status(ctx); err != nil {
		return err
	}
	return t.labels(ctx)
}
