// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

const (
	redisPort = 6379
	// redisKey of the password, in both Secrets.
	redisKey = "redis"
)

// redisReplication is the test of the kind over its own servers.
type redisReplication struct {
	servers
	// resource as the test has created or edited it last.
	resource *v1alpha1.RedisReplication
	// set reads and edits the resource. It has no password.
	set *kit.RedisSet
}

func redisReplicationSteps(r *run) []step {
	t := &redisReplication{set: r.cluster.RedisSet(r.Namespace, r.name), servers: servers{
		run: r, database: "redis", port: redisPort, users: []string{redisKey},
		conf: "repl-diskless-sync-delay 0\n", confFile: "test.conf", imageFlag: "--redis-image=NAME",
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

// adapt the example to the pods of this test: everything that says where the servers
// are and how to log in. The rest is the example's.
func (t *redisReplication) adapt(context.Context) error {
	t.resource = &v1alpha1.RedisReplication{}
	if err := t.exampleInto(t.resource); err != nil {
		return advise(err, "correct the example in the bundle; the test examples says more about it")
	}
	spec := &t.resource.Spec
	if spec.Source == nil || len(spec.Replica) == 0 {
		return advise(errors.New("the example of RedisReplication has no source or no replica: there is nothing to switch over to"),
			"give the example in the bundle a source and a replica")
	}
	t.resource.ObjectMeta = metav1.ObjectMeta{Name: t.name}
	spec.Secret, spec.AESSecret = v1alpha1.RedisReplicationSecret{Name: t.object("credentials"), Redis: redisKey}, t.aes()
	*spec.Source = v1alpha1.RedisNode{Node: t.node(0)}
	for i := range spec.Replica {
		spec.Replica[i] = v1alpha1.RedisReplicaNode{RedisNode: v1alpha1.RedisNode{Node: t.node(i + 1)}}
	}
	return nil
}

// bringUp fresh pods, one for each node of the example.
func (t *redisReplication) bringUp(ctx context.Context) error {
	return t.start(ctx, 1+len(t.resource.Spec.Replica))
}

// source and replicas of the resource as it was written last.
func (t *redisReplication) source() string { return t.resource.Spec.Source.Name }

func (t *redisReplication) replicas() []string {
	var names []string
	for _, replica := range t.resource.Spec.Replica {
		names = append(names, replica.Name)
	}
	slices.Sort(names)
	return names
}

// ready creates the resource and waits until its condition Ready is true.
func (t *redisReplication) ready(ctx context.Context) error {
	err := t.noticed(ctx, t.resource, func(ctx context.Context) (bool, error) {
		resource, err := t.set.Get(ctx)
		return err == nil && (resource.Status.ObservedGeneration != 0 || len(resource.Status.Conditions) > 0), err
	})
	if err != nil {
		return err
	}
	return t.waitReady(ctx)
}

func (t *redisReplication) waitReady(ctx context.Context) error {
	return t.wait(ctx, t.Timeout, func(ctx context.Context) error {
		resource, err := t.set.Get(ctx)
		if err != nil {
			return err
		}
		if err := kit.RedisReadyAsWanted(resource); err != nil {
			if s := resource.Status.Switchover; s != nil && s.Phase == v1alpha1.SwitchoverUndone {
				return &final{fmt.Errorf("the switchover was undone: %s", s.Message)}
			}
			return err
		}
		t.log = kit.DescribeRedis(resource)
		return nil
	})
}

// status says of the resource and of each node what is so.
func (t *redisReplication) status(ctx context.Context) error {
	resource, err := t.set.Get(ctx)
	if err != nil {
		return err
	}
	t.log = kit.DescribeRedis(resource)
	status := resource.Status
	var m mismatches
	want(&m, "status.ready", status.Ready, true)
	want(&m, "status.observedGeneration", status.ObservedGeneration, resource.Generation)
	want(&m, "status.source", status.Source, t.source())
	want(&m, "status.replicas", status.Replicas, fmt.Sprintf("%d/%[1]d", len(t.replicas())))
	want(&m, "status.readwriteService", status.ReadWriteService, t.set.ReadWriteService())
	want(&m, "status.readonlyService", status.ReadOnlyService, t.set.ReadOnlyService())
	want(&m, "whether status.replicationID is set", status.ReplicationID != "", true)
	want(&m, "whether a switchover is in progress", status.Switchover != nil, false)
	wantConditions(&m, status.Conditions, resource.Generation)
	want(&m, "the number of nodes in status.topology", len(status.Topology), 1+len(t.replicas()))
	t.nodeStatus(&m, status, *t.resource.Spec.Source, v1alpha1.RedisRoleSource)
	for _, replica := range t.resource.Spec.Replica {
		t.nodeStatus(&m, status, replica.RedisNode, v1alpha1.RedisRoleReplica)
	}
	return m.err()
}

func (t *redisReplication) nodeStatus(m *mismatches, status v1alpha1.RedisReplicationStatus, node v1alpha1.RedisNode, role v1alpha1.RedisRole) {
	n, at := status.Topology[node.Name], "status.topology."+node.Name
	if n == nil {
		m.addf("%s is missing", at)
		return
	}
	want(m, at+".role", n.Role, role)
	want(m, at+".status", n.Status, v1alpha1.NodeHealthy)
	want(m, at+".ready", n.Ready, true)
	want(m, at+".host", n.Host, node.Host)
	want(m, at+".port", n.Port, node.Port)
	want(m, "whether "+at+".runID is set", n.RunID != "", true)
	want(m, at+".diverged", n.Diverged, false)
	if role == v1alpha1.RedisRoleReplica {
		want(m, at+".masterLinkStatus", n.MasterLinkStatus, "up")
		want(m, at+".sourceHost", n.SourceHost, t.resource.Spec.Source.Host)
		want(m, at+".sourcePort", n.SourcePort, t.resource.Spec.Source.Port)
	}
}

// labels of the pods say who is the source.
func (t *redisReplication) labels(ctx context.Context) error {
	var m mismatches
	for _, pod := range append([]string{t.source()}, t.replicas()...) {
		labels, err := t.set.ManagedLabels(ctx, pod)
		if err != nil {
			return err
		}
		want(&m, "the labels .name/.readonly of pod "+pod, labels, fmt.Sprintf("%s/%t", t.name, pod != t.source()))
	}
	return m.err()
}

// routes are the Services and the pods behind them.
func (t *redisReplication) routes(ctx context.Context) error {
	resource, err := t.set.Get(ctx)
	if err != nil {
		return err
	}
	return t.services(ctx, resource, serviceType(resource.Spec.Service),
		service{v1alpha1.ServiceSuffixReadWrite, "redis", redisPort, []string{t.source()}},
		service{v1alpha1.ServiceSuffixReadOnly, "redis", redisPort, t.replicas()})
}

func (t *redisReplication) printedColumns(ctx context.Context) error {
	return t.columns(ctx, map[string]string{
		"Name": t.name, "Ready": "True", "Source": t.source(), "Replicas": fmt.Sprintf("%d/%[1]d", len(t.replicas())),
	})
}

// switchover makes the first replica the source, as a user does.
func (t *redisReplication) switchover(ctx context.Context) error {
	from, to := t.source(), t.replicas()[0]
	begun := time.Now()
	written, err := t.set.Edit(ctx, kit.ExchangeRedisSource(to))
	if err != nil {
		return err
	}
	t.resource = written
	err = t.waitReady(ctx)
	t.log = fmt.Sprintf("%s to %s, Ready again after %s\n%s", from, to, time.Since(begun).Round(10*time.Millisecond), t.log)
	return err
}

// switchoverStatus: the status is about the new source, and remembers the change.
func (t *redisReplication) switchoverStatus(ctx context.Context) error {
	if err := t.status(ctx); err != nil {
		return err
	}
	resource, err := t.set.Get(ctx)
	if err != nil {
		return err
	}
	last := resource.Status.LastSwitchover
	if last == nil {
		return errors.New("status.lastSwitchover is missing after a switchover")
	}
	var m mismatches
	want(&m, "status.lastSwitchover.to", last.To, t.source())
	want(&m, "status.lastSwitchover.from", last.From, t.pod(0))
	want(&m, "status.lastSwitchover.failover", last.Failover, false)
	return errors.Join(m.err(), t.labels(ctx))
}
