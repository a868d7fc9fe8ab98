// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysqlgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/mysqld"
)

// cluster is a set of real servers a, b, c … and an engine that looks after them, with
// a kernel that does what the real one does with plans and keeps the labels in a map.
type cluster struct {
	t       *testing.T
	engine  *Engine
	servers map[string]*mysqld.Server
	object  *v1alpha1.MysqlGroupReplication
	creds   credential.Credentials
	pods    map[string]reconcile.Pod
	// port of all servers: one Service leads to one port.
	port   int32
	events []string
	acted  []string
	plan   reconcile.Plan[Data]
	state  State
	// routed is told who is led to for writes.
	routed func(name string)
}

// longGroups makes the tests go through all that a group can meet, and not only through what
// nothing else shows: that takes twice as long, and make soak does it.
const longGroups = "LONG_GROUPS"

func long() bool { return os.Getenv(longGroups) != "" }

func newCluster(t *testing.T, n int) *cluster {
	t.Helper()
	// Most of the time such a test waits for the plugin.
	t.Parallel()
	c := &cluster{
		t: t, engine: NewEngine(), servers: map[string]*mysqld.Server{}, pods: map[string]reconcile.Pod{},
		object: &v1alpha1.MysqlGroupReplication{}, port: mysqld.FreePort(t, "127.0.0.1"),
		creds: credential.Credentials{Version: "1", Passwords: map[string]credential.Password{
			mysqld.LeastUser:       credential.NewPassword(mysqld.LeastPassword),
			mysqld.ReplicationUser: credential.NewPassword(mysqld.ReplicationPassword),
		}},
	}
	// With no more privileges than it needs.
	c.object.Spec.Secret.Mysql = mysqld.LeastUser
	c.object.Namespace, c.object.Name, c.object.UID = "team", "db", types.UID("uid of "+t.Name())
	for i := range n {
		c.add(string(rune('a' + i)))
	}
	t.Cleanup(func() { c.engine.Forget(c.scene().Key) })
	return c
}

// add makes a server and names it in the spec. All have a local address of their own: the
// plugin takes only addresses that an interface has.
func (c *cluster) add(name string) *mysqld.Server {
	c.t.Helper()
	s := mysqld.New(c.t, mysqld.Options{Port: c.port, Args: []string{
		"--plugin-load-add=group_replication.so", "--plugin-load-add=mysql_clone.so",
		"--loose-group-replication-start-on-boot=OFF",
		fmt.Sprintf("--loose-group-replication-local-address=127.0.0.1:%d", mysqld.FreePort(c.t, "127.0.0.1")),
		// Detection as fast as the plugin allows, and little memory.
		"--loose-group-replication-member-expel-timeout=0",
		"--loose-group-replication-message-cache-size=134217728",
		"--loose-group-replication-recovery-reconnect-interval=1",
	}})
	// A donor is read, and copied, by the replication user.
	c.grant(s)
	c.servers[name] = s
	c.pods[name] = reconcile.Pod{Exists: true}
	c.object.Spec.Member = append(c.object.Spec.Member, v1alpha1.Node{Name: name, Host: s.Host, Port: s.Port})
	return s
}

func (c *cluster) grant(s *mysqld.Server) {
	c.t.Helper()
	conn := s.Session(mysqld.User, mysqld.Password)
	defer conn.Close() //nolint:errcheck // the test is over then
	for _, q := range []string{"SET SESSION sql_log_bin=0", "GRANT GROUP_REPLICATION_ADMIN ON *.* TO '" + mysqld.LeastUser + "'@'%'", "GRANT BACKUP_ADMIN, CONNECTION_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO '" + mysqld.ReplicationUser + "'@'%'"} {
		if _, err := conn.ExecContext(c.t.Context(), q); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *cluster) scene() Scene {
	return Scene{
		Key:    types.NamespacedName{Namespace: c.object.Namespace, Name: c.object.Name},
		Object: c.object, Credentials: &c.creds, Pods: c.pods, Now: time.Now(),
	}
}

// pass is one round of observe, plan, project and act.
func (c *cluster) pass() {
	c.t.Helper()
	ctx := log.IntoContext(c.t.Context(), logr.Discard())
	scene := c.scene()
	c.state = c.engine.Observe(ctx, scene)
	c.plan = c.engine.Plan(scene, c.state)
	c.engine.Project(scene, c.state, c.plan)
	for _, e := range c.plan.Events {
		c.events = append(c.events, e.Reason)
	}
	for _, step := range c.plan.Steps {
		errs := make([]error, len(step.Actions))
		done := make(chan bool)
		for i, action := range step.Actions {
			c.acted = append(c.acted, action.About()+" "+action.Node())
			go func() {
				defer func() { done <- true }()
				deadline := reconcile.DefaultDeadline
				if d, own := action.(reconcile.Deadliner); own {
					deadline = d.Deadline()
				}
				ctx, cancel := context.WithTimeout(ctx, deadline)
				defer cancel()
				_, errs[i] = c.engine.Act(ctx, scene, action, nil)
				if errs[i] != nil {
					errs[i] = fmt.Errorf("%s on %s: %w", action.About(), action.Node(), errs[i])
				}
			}()
		}
		for range step.Actions {
			<-done
		}
		if err := errors.Join(errs...); err != nil {
			c.t.Logf("step %s: %v", step.Name, err)
			if !step.Optional {
				return
			}
			continue
		}
		c.label(step.Routing)
	}
}

// label does what the kernel does, and checks the first law as it goes: nobody comes to
// -readwrite who does not take writes.
func (c *cluster) label(routing reconcile.Routing) {
	c.t.Helper()
	for name, access := range routing {
		pod := reconcile.Pod{Exists: true}
		switch access {
		case reconcile.AccessReadWrite:
			pod.Name, pod.Readonly = c.object.Name, "false"
			if c.routed != nil && c.pods[name].Readonly != "false" {
				c.routed(name)
			}
			if c.servers[name].Value("SELECT @@GLOBAL.super_read_only") != "0" {
				c.t.Errorf("%s is led to for writes and is read-only", name)
			}
		case reconcile.AccessReadOnly:
			pod.Name, pod.Readonly = c.object.Name, "true"
		}
		c.pods[name] = pod
	}
	writers := 0
	for name := range c.pods {
		if c.pods[name].Readonly == "false" {
			writers++
		}
	}
	if writers > 1 {
		c.t.Errorf("%d nodes are led to for writes: %v", writers, c.pods)
	}
}

// until makes passes until something holds.
func (c *cluster) until(what string, holds func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; <-time.After(200 * time.Millisecond) {
		c.pass()
		if holds() {
			return
		}
		if time.Now().After(deadline) {
			for name, s := range c.state.Nodes {
				c.t.Logf("%s: %+v", name, s)
			}
			c.t.Fatalf("%s: not so in time; %+v; acted %v; labels %v", what, c.plan.Conditions, c.acted, c.pods)
		}
	}
}

// ready makes passes until the topology is as the spec wants it.
func (c *cluster) ready() {
	c.t.Helper()
	c.until("the topology is as wanted", func() bool { return c.reason() == "TopologyAsWanted" })
}

func (c *cluster) reason() string { return c.plan.Conditions[0].Reason }

func (c *cluster) message() string { return c.plan.Conditions[0].Message }

func (c *cluster) primary() *mysqld.Server {
	c.t.Helper()
	return c.servers[c.object.Status.Primary]
}

// serves says whether a node is the only one that is led to for writes.
func (c *cluster) serves(name string) bool {
	return c.pods[name].Readonly == "false"
}

func (c *cluster) has(list []string, word string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, word) })
}

func (c *cluster) write(n int) {
	c.t.Helper()
	for i := range n {
		c.primary().SQL(fmt.Sprintf("INSERT INTO app.entries (writer, seq) VALUES (99, %d)", i))
	}
}

// same waits until a node has what the primary has.
func (c *cluster) same(name string) {
	c.t.Helper()
	set := c.primary().Executed()
	c.servers[name].Eventually(name+" has what the primary has", func() bool {
		return c.servers[name].Value("SELECT GTID_SUBSET(?, @@GLOBAL.gtid_executed)", set) == "1"
	})
}
