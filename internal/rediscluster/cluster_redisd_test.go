// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build redisd

package rediscluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/redisd"
)

// fleet is real servers, an engine that looks after them, and what the kernel does around it.
type fleet struct {
	t       *testing.T
	engine  *Engine
	options redisd.Options
	servers map[string]*redisd.Server
	creds   credential.Credentials

	mu     sync.Mutex
	object *v1alpha1.RedisCluster
	labels map[string]reconcile.Access
	plan   reconcile.Plan[Data]
	events []reconcile.Event
	// dies says of an action that was done that the operator ends after it.
	dies func(did reconcile.Action) bool
	// failures of steps.
	failures []string
	patience time.Duration
}

// errDied ends a pass in the middle.
var errDied = errors.New("the operator dies")

// newFleet has shards of so many nodes: the first of shard a is a0.
func newFleet(t *testing.T, o redisd.Options, shards, nodes int) *fleet {
	t.Helper()
	o.Cluster = true
	f := &fleet{t: t, engine: NewEngine(), options: o, servers: map[string]*redisd.Server{}, object: &v1alpha1.RedisCluster{}, labels: map[string]reconcile.Access{}, patience: 4 * time.Minute}
	f.object.Namespace, f.object.Name, f.object.Generation = "team", "cache", 1
	f.object.Spec.Members = map[string]v1alpha1.RedisClusterShard{}
	f.as(redisd.Password)
	for i := range shards {
		f.grow(string(rune('a'+i)), nodes)
	}
	t.Cleanup(func() { f.engine.Forget(f.scene().Key) })
	return f
}

func (f *fleet) as(password string) {
	f.creds = credential.Credentials{Version: password, Passwords: map[string]credential.Password{"redis": credential.NewPassword(password)}}
}

// grow adds nodes to a shard of the spec.
func (f *fleet) grow(shard string, nodes int) {
	f.t.Helper()
	for range nodes {
		name := fmt.Sprintf("%s%d", shard, len(f.object.Spec.Members[shard]))
		s := redisd.New(f.t, f.options)
		f.mu.Lock()
		f.servers[name] = s
		f.object.Spec.Members[shard] = append(f.object.Spec.Members[shard], v1alpha1.RedisClusterMember{
			RedisNode: v1alpha1.RedisNode{Node: v1alpha1.Node{Name: name, Host: s.Host, Port: s.Port}}})
		f.object.Generation++
		f.mu.Unlock()
	}
}

// first puts a node first in its shard.
func (f *fleet) first(shard, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.object.Spec.Members[shard]
	at := slices.IndexFunc(list, func(m v1alpha1.RedisClusterMember) bool { return m.Name == name })
	m := list[at]
	f.object.Spec.Members[shard] = append(v1alpha1.RedisClusterShard{m}, slices.Delete(slices.Clone(list), at, at+1)...)
	f.object.Generation++
}

func (f *fleet) scene() Scene {
	pods := map[string]reconcile.Pod{}
	for _, m := range Members(f.object) {
		pods[m.Name] = reconcile.Pod{Exists: true, UID: types.UID(m.Name)}
	}
	return Scene{
		Key:    types.NamespacedName{Namespace: f.object.Namespace, Name: f.object.Name},
		Object: f.object, Credentials: &f.creds, Pods: pods, Now: time.Now(),
	}
}

// pass looks, decides and acts once, as the kernel does. It says when to look again.
func (f *fleet) pass() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	scene := f.scene()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	before := f.object.Status.DeepCopy()
	state := f.engine.Observe(ctx, scene)
	p := f.engine.Plan(scene, state)
	f.engine.Project(scene, state, p)
	f.plan = p
	f.events = append(f.events, p.Events...)
	err := f.carryOut(ctx, scene, p)
	if errors.Is(err, errDied) {
		// The next one knows what was written, and that was only what had to be before acting.
		if !p.Persist {
			before.DeepCopyInto(&f.object.Status)
		}
		f.engine.Forget(scene.Key)
		f.engine = NewEngine()
		return time.Millisecond
	}
	if err != nil {
		f.t.Logf("step failed: %v", err)
		return 100 * time.Millisecond
	}
	if p.Next > 0 {
		return min(p.Next, 200*time.Millisecond)
	}
	return 200 * time.Millisecond
}

func (f *fleet) carryOut(ctx context.Context, scene Scene, p reconcile.Plan[Data]) error {
	for _, step := range p.Steps {
		err := f.step(ctx, scene, step)
		if errors.Is(err, errDied) {
			return err
		}
		if err != nil {
			f.failures = append(f.failures, err.Error())
			if !step.Optional {
				return err
			}
			f.t.Logf("optional: %v", err)
			continue
		}
		maps.Copy(f.labels, step.Routing)
	}
	return nil
}

func (f *fleet) step(ctx context.Context, scene Scene, step reconcile.Step) error {
	errs := make([]error, len(step.Actions))
	var running sync.WaitGroup
	for i, action := range step.Actions {
		running.Go(func() {
			deadline := reconcile.DefaultDeadline
			if own, has := action.(reconcile.Deadliner); has {
				deadline = own.Deadline()
			}
			ctx, cancel := context.WithTimeout(ctx, deadline)
			defer cancel()
			if _, err := f.engine.Act(ctx, scene, action, nil); err != nil {
				errs[i] = fmt.Errorf("%s: %s on %s: %w", step.Name, action.About(), action.Node(), err)
			}
			if f.dies != nil && f.dies(action) {
				errs[i] = errDied
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return nil
}

// until makes passes until something holds.
func (f *fleet) until(what string, holds func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(f.patience); ; {
		wait := f.pass()
		if holds() {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%s: not so; %v\n%s", what, f.plan.Conditions, f.show())
		}
		<-time.After(wait)
	}
}

// show is what the status says, for a person.
func (f *fleet) show() string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.object.Status.Topology)) {
		n := f.object.Status.Topology[name]
		fmt.Fprintf(&out, "%s %s %s ready %v shard %s slots %v of %.8s: %s\n", name, n.ID, n.Role, n.Ready, n.Shard, n.Slots, n.MasterRef, n.Message)
	}
	fmt.Fprintf(&out, "moves %v former %v unknown %v", f.object.Status.Moves, f.object.Status.FormerNodes, f.object.Status.UnknownNodes)
	return out.String()
}

// settle makes passes until everything is as wanted.
func (f *fleet) settle(what string) {
	f.t.Helper()
	f.until(what, func() bool {
		return f.plan.Conditions[0].Status == metav1.ConditionTrue && f.object.Status.ClusterJoined && f.object.Status.ClusterSynced
	})
}

// reports makes passes until the topology has a reason.
func (f *fleet) reports(reason string) {
	f.t.Helper()
	f.until(reason, func() bool { return f.plan.Conditions[0].Reason == reason })
}

func (f *fleet) node(name string) *v1alpha1.RedisClusterNode { return f.object.Status.Topology[name] }

// all servers that the spec names.
func (f *fleet) all() []*redisd.Server {
	var out []*redisd.Server
	for _, m := range Members(f.object) {
		if !m.Leaving {
			out = append(out, f.servers[m.Name])
		}
	}
	return out
}

func (f *fleet) told(reason string) bool {
	return slices.ContainsFunc(f.events, func(e reconcile.Event) bool { return e.Reason == reason })
}

// whole says with an error what of the cluster is not as it should be, as the servers see it.
func (f *fleet) whole() {
	f.t.Helper()
	for _, s := range f.all() {
		s.Eventually("the cluster is up for everybody", func() bool {
			info := fmt.Sprint(s.Do("CLUSTER", "INFO"))
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_slots_assigned:16384") && strings.Contains(info, "cluster_slots_ok:16384")
		})
	}
}

// secrets: no password is in an event, condition or error.
func (f *fleet) secrets() {
	f.t.Helper()
	all := fmt.Sprint(f.events, f.plan.Conditions, f.failures, f.show())
	if strings.Contains(all, redisd.Password) {
		f.t.Errorf("a password is shown: %s", all)
	}
}

func rangesOf(slots []string) string { return strings.Join(slots, ",") }
