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

// mysqlGroupReplication is the test of the kind over its own servers.
type mysqlGroupReplication struct {
	mysqlServers
	// resource as the test has created or edited it last.
	resource *v1alpha1.MysqlGroupReplication
	// group reads and edits the resource. It has no passwords.
	group *kit.Group
}

func mysqlGroupReplicationSteps(r *run) []step {
	t := &mysqlGroupReplication{
		mysqlServers: ofMySQL(r, kit.GroupConf, func(s *servers, pod *corev1.PodSpec) { kit.ReportHost(pod, s.domain()) }),
		group:        &kit.Group{Set: r.cluster.Set(r.Namespace, r.name)},
	}
	return []step{
		{"example", t.adapt},
		{"servers", t.bringUp},
		{"ready", t.ready},
		{"status", t.settled(t.status)},
		{"labels", t.settled(t.labels)},
		{"services", t.settled(t.routes)},
		{"printed", t.settled(t.printedColumns)},
		{"primary", t.changePrimary},
		{"primary-status", t.settled(t.primaryStatus)},
		{"primary-services", t.settled(t.routes)},
	}
}

// adapt the example to the pods of this test: everything that says where the servers
// are and how to log in. The rest is the example's.
func (t *mysqlGroupReplication) adapt(context.Context) error {
	t.resource = &v1alpha1.MysqlGroupReplication{}
	if err := t.exampleInto(t.resource); err != nil {
		return advise(err, "correct the example in the bundle; the test examples says more about it")
	}
	spec := &t.resource.Spec
	if len(spec.Member) < 2 {
		return advise(fmt.Errorf("the example of MysqlGroupReplication has %d members: there is nobody else who could be the primary", len(spec.Member)),
			"give the example in the bundle three members")
	}
	t.resource.ObjectMeta = metav1.ObjectMeta{Name: t.name}
	spec.Secret, spec.AESSecret = t.credential()
	for i := range spec.Member {
		if spec.Primary == spec.Member[i].Name {
			spec.Primary = t.pod(i)
		}
		spec.Member[i] = t.node(i)
	}
	return nil
}

// bringUp fresh pods, one for each member of the example.
func (t *mysqlGroupReplication) bringUp(ctx context.Context) error {
	return t.start(ctx, len(t.resource.Spec.Member))
}

// ready creates the resource and waits until its condition Ready is true.
func (t *mysqlGroupReplication) ready(ctx context.Context) error {
	err := t.noticed(ctx, t.resource, func(ctx context.Context) (bool, error) {
		resource, err := t.group.Get(ctx)
		return err == nil && (resource.Status.ObservedGeneration != 0 || len(resource.Status.Conditions) > 0), err
	})
	if err != nil {
		return err
	}
	return t.waitReady(ctx)
}

func (t *mysqlGroupReplication) waitReady(ctx context.Context) error {
	return t.wait(ctx, t.Timeout, func(ctx context.Context) error {
		resource, err := t.group.Get(ctx)
		if err != nil {
			return err
		}
		if err := kit.GroupReadyAsWanted(resource); err != nil {
			return err
		}
		t.log = kit.DescribeGroup(resource)
		return nil
	})
}

// secondaries of a resource, in order.
func secondaries(resource *v1alpha1.MysqlGroupReplication) []string {
	var names []string
	for _, member := range resource.Spec.Member {
		if member.Name != resource.Status.Primary {
			names = append(names, member.Name)
		}
	}
	slices.Sort(names)
	return names
}

// status says of the resource and of each member what is so.
func (t *mysqlGroupReplication) status(ctx context.Context) error {
	resource, err := t.group.Get(ctx)
	if err != nil {
		return err
	}
	t.log = kit.DescribeGroup(resource)
	status, n := resource.Status, len(t.resource.Spec.Member)
	var m mismatches
	want(&m, "status.ready", status.Ready, true)
	want(&m, "status.observedGeneration", status.ObservedGeneration, resource.Generation)
	if wanted := t.resource.Spec.Primary; wanted != "" {
		want(&m, "status.primary", status.Primary, wanted)
	}
	want(&m, "status.members", status.Members, fmt.Sprintf("%d/%[1]d", n))
	want(&m, "status.bootstrapped", status.Bootstrapped, true)
	want(&m, "whether status.groupName is set", status.GroupName != "", true)
	want(&m, "whether status.viewID is set", status.ViewID != "", true)
	want(&m, "status.readwriteService", status.ReadWriteService, t.group.ReadWriteService())
	want(&m, "status.readonlyService", status.ReadOnlyService, t.group.ReadOnlyService())
	wantConditions(&m, status.Conditions, resource.Generation)
	want(&m, "the number of nodes in status.topology", len(status.Topology), n)
	for _, member := range t.resource.Spec.Member {
		t.nodeStatus(&m, status, member)
	}
	return m.err()
}

func (t *mysqlGroupReplication) nodeStatus(m *mismatches, status v1alpha1.MysqlGroupReplicationStatus, node v1alpha1.Node) {
	n, at := status.Topology[node.Name], "status.topology."+node.Name
	if n == nil {
		m.addf("%s is missing", at)
		return
	}
	role := v1alpha1.MysqlGroupRoleSecondary
	if node.Name == status.Primary {
		role = v1alpha1.MysqlGroupRolePrimary
	}
	want(m, at+".role", n.Role, role)
	want(m, at+".status", n.Status, v1alpha1.NodeHealthy)
	want(m, at+".ready", n.Ready, true)
	want(m, at+".host", n.Host, node.Host)
	want(m, at+".port", n.Port, node.Port)
	want(m, at+".memberState", n.MemberState, "ONLINE")
	want(m, "whether "+at+".serverUUID is set", n.ServerUUID != "", true)
	want(m, at+".readonly", n.Readonly, role == v1alpha1.MysqlGroupRoleSecondary)
	want(m, at+".errantCount", n.ErrantCount, 0)
}

// labels of the pods say who is the primary.
func (t *mysqlGroupReplication) labels(ctx context.Context) error {
	resource, err := t.group.Get(ctx)
	if err != nil {
		return err
	}
	var m mismatches
	for _, member := range resource.Spec.Member {
		labels, err := t.group.ManagedLabels(ctx, member.Name)
		if err != nil {
			return err
		}
		want(&m, "the labels .name/.readonly of pod "+member.Name, labels, fmt.Sprintf("%s/%t", t.name, member.Name != resource.Status.Primary))
	}
	return m.err()
}

// routes are the Services and the pods behind them.
func (t *mysqlGroupReplication) routes(ctx context.Context) error {
	resource, err := t.group.Get(ctx)
	if err != nil {
		return err
	}
	return t.services(ctx, resource, serviceType(resource.Spec.Service),
		service{v1alpha1.ServiceSuffixReadWrite, "mysql", mysqlPort, []string{resource.Status.Primary}},
		service{v1alpha1.ServiceSuffixReadOnly, "mysql", mysqlPort, secondaries(resource)})
}

func (t *mysqlGroupReplication) printedColumns(ctx context.Context) error {
	resource, err := t.group.Get(ctx)
	if err != nil {
		return err
	}
	return t.columns(ctx, map[string]string{
		"Name": t.name, "Ready": "True", "Primary": resource.Status.Primary, "Members": fmt.Sprintf("%d/%[1]d", len(resource.Spec.Member)),
	})
}

// changePrimary asks for another primary, as a user does.
func (t *mysqlGroupReplication) changePrimary(ctx context.Context) error {
	resource, err := t.group.Get(ctx)
	if err != nil {
		return err
	}
	others := secondaries(resource)
	if len(others) == 0 {
		return errors.New("there is no secondary that could become the primary")
	}
	from, to := resource.Status.Primary, others[0]
	begun := time.Now()
	if t.resource, err = t.group.Edit(ctx, func(r *v1alpha1.MysqlGroupReplication) { r.Spec.Primary = to }); err != nil {
		return err
	}
	err = t.waitReady(ctx)
	t.log = fmt.Sprintf("%s to %s, Ready again after %s\n%s", from, to, time.Since(begun).Round(10*time.Millisecond), t.log)
	return err
}

// primaryStatus: status and labels are about the new primary.
func (t *mysqlGroupReplication) primaryStatus(ctx context.Context) error {
	return errors.Join(t.status(ctx), t.labels(ctx))
}
