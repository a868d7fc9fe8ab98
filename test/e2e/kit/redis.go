// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/load"
)

// RedisSet is a StatefulSet of Redis pods in a namespace, and the RedisReplication over
// them when it was made.
type RedisSet struct{ *RedisServers }

// RedisSet of this name in a namespace, over pods that somebody else makes. It has no password.
func (c *Cluster) RedisSet(namespace, name string) *RedisSet {
	return &RedisSet{c.redisServers(namespace, name)}
}

// NewRedisSet makes the Secrets and the pods in a namespace and waits until they are ready.
// The pods are fresh and empty: nothing replicates.
func (c *Cluster) NewRedisSet(ctx context.Context, namespace string, options RedisOptions) (*RedisSet, error) {
	if options.Pods == 0 {
		options.Pods = 3
	}
	s := c.RedisSet(namespace, "sessions")
	return s, s.start(ctx, options)
}

// Resource returns a RedisReplication with the first pod as the source.
func (s *RedisSet) Resource(source string, replicas ...string) *v1alpha1.RedisReplication {
	node := s.Node(source)
	r := &v1alpha1.RedisReplication{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "RedisReplication"},
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name},
		Spec:       v1alpha1.RedisReplicationSpec{Secret: v1alpha1.RedisReplicationSecret{Name: RedisCredentialSecret, Redis: redisName}, Source: &node},
	}
	for _, name := range replicas {
		r.Spec.Replica = append(r.Spec.Replica, v1alpha1.RedisReplicaNode{RedisNode: s.Node(name)})
	}
	return r
}

// Create a RedisReplication.
func (s *RedisSet) Create(ctx context.Context, r *v1alpha1.RedisReplication) error {
	return s.Cluster.create(ctx, r)
}

// Get the RedisReplication.
func (s *RedisSet) Get(ctx context.Context) (*v1alpha1.RedisReplication, error) {
	r := &v1alpha1.RedisReplication{}
	return r, s.get(ctx, "RedisReplication", r)
}

// Edit the RedisReplication, as kubectl edit does. It returns what was written.
func (s *RedisSet) Edit(ctx context.Context, change func(*v1alpha1.RedisReplication)) (*v1alpha1.RedisReplication, error) {
	return edit(ctx, s.Cluster, s.Get, change)
}

// ExchangeRedisSource makes a replica of the spec its source and the source a replica.
func ExchangeRedisSource(to string) func(*v1alpha1.RedisReplication) {
	return func(r *v1alpha1.RedisReplication) {
		for i, replica := range r.Spec.Replica {
			if replica.Name == to {
				r.Spec.Replica[i] = v1alpha1.RedisReplicaNode{RedisNode: *r.Spec.Source}
				r.Spec.Source = &replica.RedisNode
				return
			}
		}
	}
}

// WaitReady waits until the resource is Ready as its spec says now.
func (s *RedisSet) WaitReady(ctx context.Context, timeout time.Duration) error {
	return Wait(ctx, timeout, func(ctx context.Context) error {
		r, err := s.Get(ctx)
		if err != nil {
			return err
		}
		return RedisReadyAsWanted(r)
	})
}

// RedisReadyAsWanted says why a resource is not Ready for its present spec, or another node is
// the source.
func RedisReadyAsWanted(r *v1alpha1.RedisReplication) error {
	if err := RedisReady(r); err != nil {
		return err
	}
	if r.Status.Source != r.Spec.Source.Name {
		return fmt.Errorf("the source is %q and %q is wanted", r.Status.Source, r.Spec.Source.Name)
	}
	return nil
}

// RedisReady says why a resource is not Ready for its present spec, whoever is the source.
func RedisReady(r *v1alpha1.RedisReplication) error {
	ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return errors.New("the condition Ready is missing")
	case ready.ObservedGeneration != r.Generation || r.Status.ObservedGeneration != r.Generation:
		return fmt.Errorf("generation %d is not observed yet: %s", r.Generation, DescribeRedis(r))
	case ready.Status != metav1.ConditionTrue || !r.Status.Ready:
		return fmt.Errorf("not Ready: %s", DescribeRedis(r))
	}
	return nil
}

// DescribeRedis describes a resource's status in a line or a few.
func DescribeRedis(r *v1alpha1.RedisReplication) string {
	var b strings.Builder
	fmt.Fprintf(&b, "source %q, replicas %s", r.Status.Source, r.Status.Replicas)
	if sw := r.Status.Switchover; sw != nil {
		fmt.Fprintf(&b, ", switchover %s → %s %s %s", sw.From, sw.To, sw.Phase, sw.Message)
	}
	for _, c := range r.Status.Conditions {
		fmt.Fprintf(&b, "\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Status.Topology)) {
		n := r.Status.Topology[name]
		fmt.Fprintf(&b, "\n  %s: %s %s ready=%t link=%s %s", name, n.Role, n.Status, n.Ready, n.MasterLinkStatus, n.Message)
	}
	return b.String()
}

// ManagedLabels returns the managed labels of a pod as "name/readonly", "" without any.
func (s *RedisSet) ManagedLabels(ctx context.Context, pod string) (string, error) {
	return s.labels(ctx, pod, v1alpha1.LabelRedisReplicationName, v1alpha1.LabelRedisReplicationReadonly)
}

// SwitchOver makes a replica the source by editing the spec, and waits until the resource
// is Ready. run is what clients do meanwhile.
func (s *RedisSet) SwitchOver(ctx context.Context, operator *Operator, run *load.Run, to string, timeout time.Duration) (Switchover, error) {
	change := Switchover{To: to}
	edit := func(ctx context.Context) (*v1alpha1.RedisReplication, error) {
		before, err := s.Get(ctx)
		if err != nil {
			return nil, err
		}
		change.From, change.Edited = before.Status.Source, time.Now()
		return s.Edit(ctx, ExchangeRedisSource(to))
	}
	look := func(r *v1alpha1.RedisReplication) (bool, error) {
		if sw := r.Status.Switchover; sw != nil && sw.Generation == r.Generation {
			if sw.Phase == v1alpha1.SwitchoverUndone {
				return false, fmt.Errorf("undone: %s", sw.Message)
			}
			change.Started = sw.StartedAt.Time
			if sw.SwitchingAt != nil {
				change.Switching = sw.SwitchingAt.Time
			}
		}
		if done := r.Status.LastSwitchover; done != nil && done.To == to && r.Status.Source == to {
			change.Finished = done.FinishedAt.Time
		}
		ready := RedisReadyAsWanted(r) == nil
		if ready {
			change.Ready = time.Now()
		}
		return ready, nil
	}
	if err := watched(ctx, s.Pods, &v1alpha1.RedisReplicationList{}, timeout, DescribeRedis, edit, look); err != nil {
		return change, fmt.Errorf("the switchover to %s: %w", to, err)
	}
	return change, change.measure(ctx, s.Namespace, operator, run, timeout)
}

// EditUntil edits the resource and waits until the status has shown a phase of the change that
// was asked for. It sees each version of the status, however short-lived.
func (s *RedisSet) EditUntil(ctx context.Context, change func(*v1alpha1.RedisReplication), phase v1alpha1.SwitchoverPhase, timeout time.Duration) error {
	var generation int64
	edit := func(ctx context.Context) (*v1alpha1.RedisReplication, error) {
		r, err := s.Edit(ctx, change)
		generation = r.GetGeneration()
		return r, err
	}
	look := func(r *v1alpha1.RedisReplication) (bool, error) {
		sw := r.Status.Switchover
		return sw != nil && sw.Generation == generation && sw.Phase == phase, nil
	}
	if err := watched(ctx, s.Pods, &v1alpha1.RedisReplicationList{}, timeout, DescribeRedis, edit, look); err != nil {
		return fmt.Errorf("the phase %s: %w", phase, err)
	}
	return nil
}

// StartTraffic sets clients to work through the Services.
func (s *RedisSet) StartTraffic(ctx context.Context, options load.Options) (*load.Run, error) {
	var err error
	if options.ReadWrite, err = s.ServiceAddress(ctx, s.ReadWriteService()); err != nil {
		return nil, err
	}
	if options.Readers > 0 {
		if options.ReadOnly, err = s.ServiceAddress(ctx, s.ReadOnlyService()); err != nil {
			return nil, err
		}
	}
	options.Database, options.Login = load.Redis{}, s.Login()
	r, err := load.Start(context.WithoutCancel(ctx), options)
	if err != nil {
		return nil, err
	}
	return r, WaitWrites(ctx, r, 50, 30*time.Second)
}

// CheckTraffic checks a stopped run against the source that the status names and every
// attached replica of the spec. Pods in broken are not judged.
func (s *RedisSet) CheckTraffic(ctx context.Context, run *load.Run, broken ...string) (load.Verdict, error) {
	r, err := s.Get(ctx)
	if err != nil {
		return load.Verdict{}, err
	}
	servers := load.Servers{Login: s.Login()}
	add := func(name string, judged bool) {
		address, err := s.Address(ctx, name)
		server := load.Server{Name: name, Address: address}
		switch {
		case name == r.Status.Source && err == nil:
			servers.Source = server
		case judged && !slices.Contains(broken, name):
			servers.Replicas = append(servers.Replicas, server)
		case err == nil: // A pod that is gone holds nothing that could be asked.
			servers.Others = append(servers.Others, server)
		}
	}
	add(r.Spec.Source.Name, true)
	for _, replica := range r.Spec.Replica {
		add(replica.Name, !replica.Isolated)
	}
	if servers.Source.Address == "" {
		return load.Verdict{}, fmt.Errorf("the source %q of the status has no pod to ask: %s", r.Status.Source, DescribeRedis(r))
	}
	return run.Check(ctx, servers)
}

// Diagnose returns everything that explains a failure of the set.
func (s *RedisSet) Diagnose(ctx context.Context, operator *Operator) string {
	return s.diagnose(ctx, operator, &v1alpha1.RedisReplication{}, s.describeServer)
}
