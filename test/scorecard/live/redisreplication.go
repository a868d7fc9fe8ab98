// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"

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
	replicated[*v1alpha1.RedisReplication]
}

func redisReplicationSteps(r *run) []step {
	t := &redisReplication{replicated[*v1alpha1.RedisReplication]{
		set:     &r.cluster.RedisSet(r.Namespace, r.name).Replicated,
		exposed: func(o *v1alpha1.RedisReplication) *v1alpha1.ServiceSpec { return o.Spec.Service },
		servers: servers{
			run: r, database: "redis", port: redisPort, users: []string{redisKey},
			conf: "repl-diskless-sync-delay 0\n", confFile: "test.conf", imageFlag: "--redis-image=NAME",
			spec: func(users, conf string) corev1.PodSpec { return kit.RedisPod(r.RedisImage, users, conf) },
		},
	}}
	t.status = t.reported
	return t.steps(t.adapt, t.printedColumns)
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

// reported is what the status says of the resource and of each node what is so.
func (t *redisReplication) reported(ctx context.Context) error {
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
	want(&m, "status.replicas", status.Replicas, t.count())
	want(&m, "status.readwriteService", status.ReadWriteService, t.name+v1alpha1.ServiceSuffixReadWrite)
	want(&m, "status.readonlyService", status.ReadOnlyService, t.name+v1alpha1.ServiceSuffixReadOnly)
	want(&m, "whether status.replicationID is set", status.ReplicationID != "", true)
	want(&m, "whether a switchover is in progress", status.Switchover != nil, false)
	wantConditions(&m, status.Conditions, resource.Generation)
	want(&m, "the number of nodes in status.topology", len(status.Topology), 1+len(t.others()))
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

func (t *redisReplication) printedColumns(ctx context.Context) error {
	return t.columns(ctx, map[string]string{
		"Name": t.name, "Ready": "True", "Source": t.source(), "Replicas": t.count(),
	})
}
