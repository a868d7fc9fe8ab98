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
	postgresPort = 5432
	// The users, and the keys of their passwords in both Secrets.
	postgresUser        = "postgres"
	postgresReplication = "replication"
)

// postgresReplicationTest is the test of the kind over its own servers. The first one is a
// primary; the others are filled from it, and follow nobody yet.
type postgresReplicationTest struct {
	replicated[*v1alpha1.PostgresReplication]
}

func postgresReplicationSteps(r *run) []step {
	t := &postgresReplicationTest{replicated[*v1alpha1.PostgresReplication]{
		set:     &r.cluster.PostgresSet(r.Namespace, r.name).Replicated,
		exposed: func(o *v1alpha1.PostgresReplication) *v1alpha1.ServiceSpec { return o.Spec.Service },
		servers: servers{
			run: r, database: "postgresql", port: postgresPort, users: []string{postgresUser, postgresReplication},
			conf: kit.PostgresConf, confFile: "test.conf", imageFlag: "--postgres-image=NAME",
		},
	}}
	t.spec = func(users, conf string) corev1.PodSpec {
		return kit.PostgresPod(r.PostgresImage, users, conf, t.node(0).Host)
	}
	t.status = t.reported
	return t.steps(t.adapt, t.printedColumns)
}

// adapt the example to the pods of this test: everything that says where the servers
// are and how to log in. The rest is the example's.
func (t *postgresReplicationTest) adapt(context.Context) error {
	t.resource = &v1alpha1.PostgresReplication{}
	if err := t.exampleInto(t.resource); err != nil {
		return advise(err, "correct the example in the bundle; the test examples says more about it")
	}
	spec := &t.resource.Spec
	if spec.Primary == nil || len(spec.Standby) == 0 {
		return advise(errors.New("the example of PostgresReplication has no primary or no standby: there is nothing to switch over to"),
			"give the example in the bundle a primary and a standby")
	}
	t.resource.ObjectMeta = metav1.ObjectMeta{Name: t.name}
	spec.AESSecret = t.aes()
	spec.Secret = v1alpha1.PostgresReplicationSecret{Name: t.object("credentials"), Postgres: postgresUser, Replication: postgresReplication}
	*spec.Primary = t.node(0)
	for i := range spec.Standby {
		spec.Standby[i] = v1alpha1.ReplicaNode{Node: t.node(i + 1)}
	}
	return nil
}

// reported is what the status says of the resource and of each node.
func (t *postgresReplicationTest) reported(ctx context.Context) error {
	resource, err := t.set.Get(ctx)
	if err != nil {
		return err
	}
	t.log = kit.DescribePostgres(resource)
	status := resource.Status
	var m mismatches
	want(&m, "status.ready", status.Ready, true)
	want(&m, "status.observedGeneration", status.ObservedGeneration, resource.Generation)
	want(&m, "status.primary", status.Primary, t.source())
	want(&m, "status.standbys", status.Standbys, t.count())
	want(&m, "status.readwriteService", status.ReadWriteService, t.name+v1alpha1.ServiceSuffixReadWrite)
	want(&m, "status.readonlyService", status.ReadOnlyService, t.name+v1alpha1.ServiceSuffixReadOnly)
	want(&m, "whether status.systemIdentifier is set", status.SystemIdentifier != "", true)
	want(&m, "whether a switchover is in progress", status.Switchover != nil, false)
	wantConditions(&m, status.Conditions, resource.Generation)
	want(&m, "the number of nodes in status.topology", len(status.Topology), 1+len(t.others()))
	t.nodeStatus(&m, status, *t.resource.Spec.Primary, v1alpha1.PostgresRolePrimary)
	for _, standby := range t.resource.Spec.Standby {
		t.nodeStatus(&m, status, standby.Node, v1alpha1.PostgresRoleStandby)
	}
	return m.err()
}

func (t *postgresReplicationTest) nodeStatus(m *mismatches, status v1alpha1.PostgresReplicationStatus, node v1alpha1.Node, role v1alpha1.PostgresRole) {
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
	want(m, at+".systemIdentifier", n.SystemIdentifier, status.SystemIdentifier)
	want(m, at+".diverged", n.Diverged, false)
	if role == v1alpha1.PostgresRoleStandby {
		want(m, at+".walReceiver", n.WalReceiver, "streaming")
	}
}

func (t *postgresReplicationTest) printedColumns(ctx context.Context) error {
	return t.columns(ctx, map[string]string{
		"Name": t.name, "Ready": "True", "Primary": t.source(), "Standbys": t.count(), "Mode": string(t.resource.Spec.Mode),
	})
}
