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
	// proxysqlAdmin is the user of the operator on the admin interface.
	proxysqlAdmin = "proxysql"
	// mysqlClient is the user that ProxySQL has to know.
	mysqlClient = "app"
	// syncedServers are the MySQL pods behind ProxySQL: a source and a replica.
	syncedServers = 2
)

// proxysqlSync is the test of the kind over its own ProxySQL and MySQL servers.
type proxysqlSync struct {
	servers
	// resource as the test has created it.
	resource *v1alpha1.ProxysqlSync
	// sync reads the resource. It has no password.
	sync *kit.Proxysql
	// mysql are the servers of the MysqlReplication, and set reads and edits that.
	mysql mysqlServers
	set   *kit.Set
}

func proxysqlSyncSteps(r *run) []step {
	r.also = append(r.also, v1alpha1.GroupVersion.WithKind("MysqlReplication"))
	t := &proxysqlSync{sync: r.cluster.Proxysql(r.Namespace, r.name), servers: servers{
		run: r, database: "admin", port: kit.ProxysqlAdminPort, users: []string{proxysqlAdmin, mysqlAdmin}, confFile: "unused.cnf", imageFlag: "--proxysql-image=NAME",
		files: func(passwords map[string][]byte) map[string][]byte {
			return map[string][]byte{kit.ProxysqlConfigKey: kit.ProxysqlConfiguration(string(passwords[proxysqlAdmin]))}
		},
		spec: func(users, _ string) corev1.PodSpec { return kit.ProxysqlPod(r.ProxysqlImage, users) },
	}}
	return []step{
		{"example", t.adapt},
		{"servers", t.bringUp},
		{"set", t.makeSet},
		{"ready", t.ready},
		{"status", t.settled(t.status)},
		{"printed", t.settled(t.printedColumns)},
		{"switchover", t.switchover},
		{"switchover-status", t.settled(t.status)},
	}
}

// adapt the example to the pods of this test: everything that says where the servers
// are, what is synced and how to log in. The rest is the example's.
func (t *proxysqlSync) adapt(context.Context) error {
	t.resource = &v1alpha1.ProxysqlSync{}
	if err := t.exampleInto(t.resource); err != nil {
		return advise(err, "correct the example in the bundle; the test examples says more about it")
	}
	spec := &t.resource.Spec
	if len(spec.Proxysql) == 0 {
		return advise(errors.New("the example of ProxysqlSync has no ProxySQL server"), "give the example in the bundle one")
	}
	// A run of another name, for objects of other names.
	behind := *t.run
	behind.name = t.name + "-mysql"
	t.mysql = ofMySQL(&behind, "", nil)
	t.mysql.users = append(t.mysql.users, mysqlClient)
	t.set = t.cluster.Set(t.Namespace, behind.name)
	t.resource.ObjectMeta = metav1.ObjectMeta{Name: t.name}
	spec.Secret, spec.AESSecret = v1alpha1.ProxysqlSyncSecret{Name: t.object("credentials"), Proxysql: proxysqlAdmin, Mysql: mysqlAdmin}, t.aes()
	spec.MysqlReplication, spec.MysqlGroupReplication = behind.name, ""
	for i := range spec.Proxysql {
		spec.Proxysql[i] = t.node(i)
	}
	return nil
}

// bringUp fresh pods: MySQL servers, and a ProxySQL for each node of the example.
func (t *proxysqlSync) bringUp(ctx context.Context) error {
	if err := t.mysql.start(ctx, syncedServers); err != nil {
		return err
	}
	t.passwords = map[string][]byte{mysqlAdmin: t.mysql.passwords[mysqlAdmin]}
	return t.start(ctx, len(t.resource.Spec.Proxysql))
}

// makeSet makes the MysqlReplication that is synced, and waits for it.
func (t *proxysqlSync) makeSet(ctx context.Context) error {
	source := t.mysql.node(0)
	set := &v1alpha1.MysqlReplication{ObjectMeta: metav1.ObjectMeta{Name: t.mysql.name}, Spec: v1alpha1.MysqlReplicationSpec{
		Mode: v1alpha1.MysqlAsync, Source: &source, Replica: []v1alpha1.ReplicaNode{{Node: t.mysql.node(1)}},
	}}
	set.Spec.Secret, set.Spec.AESSecret = t.mysql.credential()
	err := t.noticed(ctx, set, func(ctx context.Context) (bool, error) {
		resource, err := t.set.Get(ctx)
		return err == nil && (resource.Status.ObservedGeneration != 0 || len(resource.Status.Conditions) > 0), err
	})
	if err != nil {
		return err
	}
	return t.waitSet(ctx)
}

// waitSet waits until the MysqlReplication is as its spec says.
func (t *proxysqlSync) waitSet(ctx context.Context) error {
	return t.wait(ctx, t.Timeout, func(ctx context.Context) error {
		resource, err := t.set.Get(ctx)
		if err != nil {
			return err
		}
		return kit.ReadyAsWanted(resource)
	})
}

// ready creates the resource and waits until its condition Ready is true.
func (t *proxysqlSync) ready(ctx context.Context) error {
	err := t.noticed(ctx, t.resource, func(ctx context.Context) (bool, error) {
		resource, err := t.sync.Get(ctx)
		return err == nil && (resource.Status.ObservedGeneration != 0 || len(resource.Status.Conditions) > 0), err
	})
	if err != nil {
		return err
	}
	return t.waitReady(ctx)
}

// waitReady waits until the resource is Ready about the source that the set has now.
func (t *proxysqlSync) waitReady(ctx context.Context) error {
	return t.wait(ctx, t.Timeout, func(ctx context.Context) error {
		resource, err := t.sync.Get(ctx)
		if err != nil {
			return err
		}
		if err := kit.ProxysqlReady(resource); err != nil {
			return err
		}
		set, err := t.set.Get(ctx)
		if err != nil {
			return err
		}
		if resource.Status.Source != set.Status.Source {
			return fmt.Errorf("the source is %q and that of the MysqlReplication %q", resource.Status.Source, set.Status.Source)
		}
		t.log = kit.DescribeProxysql(resource)
		return nil
	})
}

// status says of the resource and of each ProxySQL what is so.
func (t *proxysqlSync) status(ctx context.Context) error {
	resource, err := t.sync.Get(ctx)
	if err != nil {
		return err
	}
	set, err := t.set.Get(ctx)
	if err != nil {
		return err
	}
	t.log = kit.DescribeProxysql(resource)
	status, n := resource.Status, len(t.resource.Spec.Proxysql)
	readers := []string{}
	for _, replica := range set.Spec.Replica {
		readers = append(readers, replica.Name)
	}
	if t.resource.Spec.WriterIsAlsoReader {
		readers = append(readers, set.Status.Source)
	}
	slices.Sort(readers)
	var m mismatches
	want(&m, "status.ready", status.Ready, true)
	want(&m, "status.observedGeneration", status.ObservedGeneration, resource.Generation)
	want(&m, "status.source", status.Source, set.Status.Source)
	want(&m, "status.synced", status.Synced, fmt.Sprintf("%d/%[1]d", n))
	want(&m, "whether status.mysqlVersion is set", status.MysqlVersion != "", true)
	wantConditions(&m, status.Conditions, resource.Generation, v1alpha1.ConditionServerReady, v1alpha1.ConditionUserReady)
	want(&m, "the number of nodes in status.topology", len(status.Topology), n)
	for _, node := range t.resource.Spec.Proxysql {
		t.nodeStatus(&m, status, node, readers)
	}
	return m.err()
}

func (t *proxysqlSync) nodeStatus(m *mismatches, status v1alpha1.ProxysqlSyncStatus, node v1alpha1.Node, readers []string) {
	n, at := status.Topology[node.Name], "status.topology."+node.Name
	if n == nil {
		m.addf("%s is missing", at)
		return
	}
	want(m, at+".status", n.Status, v1alpha1.NodeHealthy)
	want(m, at+".synced", n.Synced, true)
	want(m, at+".host", n.Host, node.Host)
	want(m, at+".port", n.Port, node.Port)
	want(m, at+".writer", n.Writer, status.Source)
	if !slices.Equal(slices.Sorted(slices.Values(n.Readers)), readers) {
		m.addf("%s.readers is %v, expected %v", at, n.Readers, readers)
	}
	if !slices.Contains(n.Users, mysqlClient) {
		m.addf("%s.users is %v, expected %s among them", at, n.Users, mysqlClient)
	}
	for _, user := range []string{mysqlAdmin, mysqlReplicator} {
		if slices.Contains(n.Users, user) {
			m.addf("%s.users has %s, which is never copied unless the spec asks for it", at, user)
		}
	}
	want(m, at+".lastError", n.LastError, "")
}

func (t *proxysqlSync) printedColumns(ctx context.Context) error {
	resource, err := t.sync.Get(ctx)
	if err != nil {
		return err
	}
	return t.columns(ctx, map[string]string{
		"Name": t.name, "Ready": "True", "Source": resource.Status.Source, "Synced": fmt.Sprintf("%d/%[1]d", len(t.resource.Spec.Proxysql)),
		"Users": fmt.Sprint(resource.Status.Users),
	})
}

// switchover makes the replica of the set its source, as a user does; ProxySQL follows.
func (t *proxysqlSync) switchover(ctx context.Context) error {
	begun := time.Now()
	written, err := t.set.Edit(ctx, kit.ExchangeSource(t.mysql.pod(1)))
	if err != nil {
		return err
	}
	if err := t.waitSet(ctx); err != nil {
		return err
	}
	err = t.waitReady(ctx)
	t.log = fmt.Sprintf("to %s, Ready again after %s\n%s", written.Spec.Source.Name, time.Since(begun).Round(10*time.Millisecond), t.log)
	return err
}
