// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/mysqld"
)

// cluster is a set of real servers a, b, c … and an engine that looks after them;
// a is the source of the spec.
type cluster struct {
	t       *testing.T
	engine  *Engine
	servers map[string]*mysqld.Server
	object  *v1alpha1.MysqlReplication
	creds   credential.Credentials
	// later is how much the operator's clock is put forward.
	later time.Duration
}

func newCluster(t *testing.T, n int, o mysqld.Options) *cluster {
	t.Helper()
	var servers []*mysqld.Server
	for range n {
		servers = append(servers, mysqld.New(t, o))
	}
	return clusterOf(t, servers...)
}

func clusterOf(t *testing.T, servers ...*mysqld.Server) *cluster {
	t.Helper()
	c := &cluster{t: t, engine: NewEngine(), servers: map[string]*mysqld.Server{}, object: &v1alpha1.MysqlReplication{}}
	c.object.Namespace, c.object.Name = "team", "db"
	for i, s := range servers {
		name := string(rune('a' + i))
		c.servers[name] = s
		node := v1alpha1.Node{Name: name, Host: s.Host, Port: s.Port}
		if i == 0 {
			c.object.Spec.Source = &node
			continue
		}
		c.object.Spec.Replica = append(c.object.Spec.Replica, v1alpha1.ReplicaNode{Node: node})
	}
	c.as(mysqld.User, mysqld.Password)
	t.Cleanup(func() { c.engine.Forget(c.scene().Key) })
	return c
}

// as makes the engine use another user.
func (c *cluster) as(user, password string) {
	c.object.Spec.Secret.Mysql = user
	c.creds = credential.Credentials{
		Version: user + password,
		Passwords: map[string]credential.Password{
			user:                   credential.NewPassword(password),
			mysqld.ReplicationUser: credential.NewPassword(mysqld.ReplicationPassword),
		},
	}
}

// secure sets spec.tls, and the Secret that belongs to it.
func (c *cluster) secure(spec v1alpha1.DatabaseTLS, m mysqld.Material) {
	c.t.Helper()
	c.object.Generation++
	c.object.Spec.TLS = &spec
	c.creds = mysqld.Secured(c.t, c.creds, spec.Mode, m)
}

func (c *cluster) scene() Scene {
	return Scene{
		Key:    types.NamespacedName{Namespace: c.object.Namespace, Name: c.object.Name},
		Object: c.object, Credentials: &c.creds, Now: time.Now().Add(c.later),
	}
}

func (c *cluster) observe() State {
	c.t.Helper()
	return c.engine.Observe(c.t.Context(), c.scene())
}

// server observes, and returns one that must have been seen.
func (c *cluster) server(name string) *Server {
	c.t.Helper()
	s := c.observe().Nodes[name]
	if !s.OK() {
		c.t.Fatalf("%s is not seen: %s", name, s.Problem)
	}
	return s
}

func (c *cluster) act(action reconcile.Action, facts reconcile.Facts) (reconcile.Facts, error) {
	deadline := reconcile.DefaultDeadline
	if d, own := action.(reconcile.Deadliner); own {
		deadline = d.Deadline()
	}
	ctx, cancel := context.WithTimeout(log.IntoContext(c.t.Context(), logr.Discard()), deadline)
	defer cancel()
	return c.engine.Act(ctx, c.scene(), action, facts)
}

// do runs an action that must succeed.
func (c *cluster) do(action reconcile.Action) reconcile.Facts {
	c.t.Helper()
	return c.doWith(action, nil)
}

func (c *cluster) doWith(action reconcile.Action, facts reconcile.Facts) reconcile.Facts {
	c.t.Helper()
	out, err := c.act(action, facts)
	if err != nil {
		c.t.Fatalf("%s on %s: %v", action.About(), action.Node(), err)
	}
	return out
}

// fails runs an action that must fail, with words in its error.
func (c *cluster) fails(action reconcile.Action, words ...string) {
	c.t.Helper()
	_ = c.failure(action, words...)
}

// failure is fails for those who look closer at the error.
func (c *cluster) failure(action reconcile.Action, words ...string) error {
	c.t.Helper()
	_, err := c.act(action, nil)
	if err == nil {
		c.t.Fatalf("%s on %s: no error", action.About(), action.Node())
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			c.t.Errorf("%s on %s: %q does not contain %q", action.About(), action.Node(), err, w)
		}
	}
	return err
}

// attachTo is the action that makes one node follow another.
func (c *cluster) attachTo(node, source string, semi bool) Attach {
	s := c.servers[source]
	return Attach{target: target{node}, Source: source, SourceHost: s.Host, SourcePort: s.Port, SemiSync: semi}
}

// replicate makes all others follow source.
func (c *cluster) replicate(source string, semi bool) {
	c.t.Helper()
	for name := range c.servers {
		if name != source {
			c.do(c.attachTo(name, source, semi))
		}
	}
	c.do(SetWritable{target: target{source}, SemiSync: SemiSyncWant{Enabled: semi}})
	// The servers' own time: a row that all have.
	c.servers[source].SQL("INSERT INTO app.entries (writer, seq) VALUES (0, 0)")
	c.caughtUp(source)
}

// caughtUp waits until everybody has what source has.
func (c *cluster) caughtUp(source string) {
	c.t.Helper()
	set := gtid.MustParse(c.servers[source].Executed())
	for name := range c.servers {
		if name != source {
			c.do(CatchUp{target: target{name}, Set: set, Timeout: time.Minute})
		}
	}
}
