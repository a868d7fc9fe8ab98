// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build postgresd

package postgres

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/postgresd"
)

// cluster is a set of real servers a, b, c …, an engine that looks after them, and what the
// kernel does around it; a is the primary, and the others stream from it.
type cluster struct {
	t       *testing.T
	engine  *Engine
	servers map[string]*postgresd.Server
	creds   credential.Credentials

	mu     sync.Mutex
	object *v1alpha1.PostgresReplication
	// labels are the value of the label readonly, by node; absent without.
	labels map[string]string
	gone   map[string]bool
	// routed is told which node -readwrite leads to.
	routed func(node string)
	plan   reconcile.Plan[Data]
	events []reconcile.Event
	// refuses says of an action that it fails before anything is done.
	refuses func(reconcile.Action) error
	// dies says of a step that was done that the operator ends after it; nil: it lives.
	dies func(did string) bool
	// ahead is added to the planner's clock.
	ahead time.Duration
}

// errDied ends a pass in the middle.
var errDied = errors.New("the operator dies")

// patience of until.
const patience = time.Minute

func newCluster(t *testing.T, n int, o postgresd.Options) *cluster {
	t.Helper()
	c := &cluster{
		t: t, engine: NewEngine(), servers: map[string]*postgresd.Server{}, object: &v1alpha1.PostgresReplication{},
		labels: map[string]string{}, gone: map[string]bool{}, routed: func(string) {},
		refuses: func(reconcile.Action) error { return nil },
	}
	c.object.Namespace, c.object.Name, c.object.Generation = "team", "books", 1
	c.as(postgresd.Password, postgresd.ReplicationPassword)
	for i := range n {
		name := string(rune('a' + i))
		if i > 0 {
			o.Of = c.servers["a"]
		}
		s := postgresd.New(t, o)
		c.servers[name] = s
		node := v1alpha1.Node{Name: name, Host: s.Host, Port: s.Port}
		if i == 0 {
			c.object.Spec.Primary = &node
			continue
		}
		c.object.Spec.Standby = append(c.object.Spec.Standby, v1alpha1.ReplicaNode{Node: node})
	}
	t.Cleanup(func() { c.engine.Forget(c.scene().Key) })
	return c
}

func (c *cluster) as(password, replication string) {
	c.creds = credential.Credentials{Version: password + replication, Passwords: map[string]credential.Password{
		"postgres": credential.NewPassword(password), "replication": credential.NewPassword(replication),
	}}
}

func (c *cluster) scene() Scene {
	pods := map[string]reconcile.Pod{}
	for _, m := range Members(c.object) {
		pod := reconcile.Pod{Exists: !c.gone[m.Name], UID: types.UID(m.Name)}
		if value, has := c.labels[m.Name]; has {
			pod.Name, pod.Readonly = c.object.Name, value
		}
		pods[m.Name] = pod
	}
	return Scene{
		Key:    types.NamespacedName{Namespace: c.object.Namespace, Name: c.object.Name},
		Object: c.object, Credentials: &c.creds, Pods: pods, Now: time.Now().Add(c.ahead),
	}
}

// pass looks, decides and acts once, as the kernel does. It says when to look again.
func (c *cluster) pass() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	scene := c.scene()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	before := c.object.Status.DeepCopy()
	state := c.engine.Observe(ctx, scene)
	p := c.engine.Plan(scene, state)
	c.engine.Project(scene, state, p)
	reason := p.Conditions[0].Reason
	if c.plan.Conditions == nil || c.plan.Conditions[0].Reason != reason || len(p.Steps) > 1 {
		c.t.Logf("%s: %s; %s", reason, p.Conditions[0].Message, steps(p))
	}
	c.plan = p
	c.events = append(c.events, p.Events...)
	err := c.carryOut(ctx, scene, p)
	if errors.Is(err, errDied) {
		// The next one knows what was written, and that was only what had to be before acting.
		if !p.Persist {
			before.DeepCopyInto(&c.object.Status)
		}
		c.engine.Forget(scene.Key)
		c.engine = NewEngine()
		return time.Millisecond
	}
	if err != nil {
		c.t.Logf("step failed: %v", err)
		return 20 * time.Millisecond
	}
	switch {
	case p.Again:
		return time.Millisecond
	case p.Next > 0:
		return min(p.Next, 200*time.Millisecond)
	}
	return 200 * time.Millisecond
}

func (c *cluster) carryOut(ctx context.Context, scene Scene, p reconcile.Plan[Data]) error {
	facts := reconcile.Facts{}
	for _, step := range p.Steps {
		if err := c.step(ctx, scene, step, facts); err != nil && !step.Optional {
			return err
		} else if err != nil {
			c.t.Logf("optional: %v", err)
		}
		if len(step.Actions) > 0 && c.dies != nil && c.dies(step.Name) {
			return errDied
		}
		c.lead(step.Routing)
		if len(step.Routing) > 0 && c.dies != nil && c.dies("route of "+step.Name) {
			return errDied
		}
	}
	return nil
}

func (c *cluster) step(ctx context.Context, scene Scene, step reconcile.Step, facts reconcile.Facts) error {
	learned, errs := make([]reconcile.Facts, len(step.Actions)), make([]error, len(step.Actions))
	var running sync.WaitGroup
	for i, action := range step.Actions {
		running.Go(func() {
			if errs[i] = c.refuses(action); errs[i] != nil {
				return
			}
			deadline := reconcile.DefaultDeadline
			if own, has := action.(reconcile.Deadliner); has {
				deadline = own.Deadline()
			}
			ctx, cancel := context.WithTimeout(ctx, deadline)
			defer cancel()
			learned[i], errs[i] = c.engine.Act(ctx, scene, action, facts)
			if errs[i] != nil {
				errs[i] = errors.Join(errors.New(step.Name+": "+action.About()+" on "+action.Node()), errs[i])
			}
		})
	}
	running.Wait()
	for _, of := range learned {
		maps.Copy(facts, of)
	}
	return errors.Join(errs...)
}

func (c *cluster) lead(routing reconcile.Routing) {
	for node, access := range routing {
		switch access {
		case reconcile.AccessReadWrite:
			if c.labels[node] != "false" {
				c.labels[node] = "false"
				c.routed(node)
			}
		case reconcile.AccessReadOnly:
			c.labels[node] = "true"
		case reconcile.AccessNone:
			delete(c.labels, node)
		}
	}
	writers := 0
	for _, value := range c.labels {
		if value == "false" {
			writers++
		}
	}
	if writers > 1 {
		c.t.Errorf("-readwrite leads to %d nodes: %v", writers, c.labels)
	}
}

// until makes passes until something holds.
func (c *cluster) until(what string, holds func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		wait := c.pass()
		if holds() {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: not so; %v; labels %v; status %+v", what, c.plan.Conditions, c.labels, c.object.Status)
		}
		<-time.After(wait)
	}
}

// settle makes passes until everything is as wanted.
func (c *cluster) settle(what string) {
	c.t.Helper()
	c.until(what, func() bool {
		return !c.plan.Again && c.plan.Data.Switchover == nil && c.plan.Conditions[0].Status == metav1.ConditionTrue
	})
}

// reports makes passes until the topology has a reason.
func (c *cluster) reports(reason string) {
	c.t.Helper()
	c.until(reason, func() bool { return c.plan.Conditions[0].Reason == reason })
}

// converge makes passes until a node is the primary and everything is as wanted. An undone
// switchover is asked for again. Nothing here follows the time that kube-proxy needs.
func (c *cluster) converge(what, to string) {
	c.t.Helper()
	c.until(what, func() bool {
		r := c.object.Status.Switchover
		if r != nil && r.Phase == v1alpha1.SwitchoverPreparing {
			c.ahead += drainTime
		}
		if r != nil && r.Phase == v1alpha1.SwitchoverUndone {
			c.t.Logf("undone: %s", r.Message)
			c.edit(r.From)
			c.edit(to)
			return false
		}
		return c.primary() == to && c.object.Status.Primary == to && r == nil && !c.plan.Again && c.plan.Conditions[0].Status == metav1.ConditionTrue
	})
}

// edit makes another node the primary of the spec.
func (c *cluster) edit(to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.object.Generation++
	for i := range c.object.Spec.Standby {
		if r := &c.object.Spec.Standby[i]; r.Name == to {
			primary := r.Node
			c.object.Spec.Primary, r.Node = &primary, *c.object.Spec.Primary
			return
		}
	}
	c.t.Fatalf("%s is no standby of the spec", to)
}

// primary is where -readwrite leads to.
func (c *cluster) primary() string {
	for node, value := range c.labels {
		if value == "false" {
			return node
		}
	}
	return ""
}

func (c *cluster) told(reason string) bool {
	for _, e := range c.events {
		if e.Reason == reason {
			return true
		}
	}
	return false
}

func (c *cluster) node(name string) *v1alpha1.PostgresReplicationNode {
	return c.object.Status.Topology[name]
}

// load has clients write where -readwrite leads to.
func (c *cluster) load(clients int64) *postgresd.Load {
	l := postgresd.StartLoad(c.t, c.servers[c.primary()], clients)
	c.routed = func(node string) { l.MoveTo(c.servers[node]) }
	return l
}

// writes waits until clients have written some more.
func (c *cluster) writes(l *postgresd.Load) {
	c.t.Helper()
	before := l.Acknowledged()
	c.servers["a"].Eventually("clients write", func() bool { return l.Acknowledged() > before+20 })
}
