// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// Node of a pod under its DNS name.
func (s *Set) Node(pod string) v1alpha1.Node {
	return v1alpha1.Node{Name: pod, Host: s.Host(pod), Port: mysqlPort}
}

// Resource returns a MysqlReplication with the first pod as the source.
func (s *Set) Resource(mode v1alpha1.MysqlReplicationMode, source string, replicas ...string) *v1alpha1.MysqlReplication {
	node := s.Node(source)
	r := &v1alpha1.MysqlReplication{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "MysqlReplication"},
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name},
		Spec: v1alpha1.MysqlReplicationSpec{
			Mode: mode, Secret: v1alpha1.MysqlReplicationSecret{Name: CredentialSecret, Mysql: s.operator, Replication: userReplication},
			Source: &node,
		},
	}
	for _, name := range replicas {
		r.Spec.Replica = append(r.Spec.Replica, v1alpha1.ReplicaNode{Node: s.Node(name)})
	}
	return r
}

// Create a MysqlReplication.
func (s *Set) Create(ctx context.Context, r *v1alpha1.MysqlReplication) error {
	return s.Cluster.create(ctx, r.DeepCopy())
}

// Get the MysqlReplication.
func (s *Set) Get(ctx context.Context) (*v1alpha1.MysqlReplication, error) {
	r := &v1alpha1.MysqlReplication{}
	return r, s.get(ctx, "MysqlReplication", r)
}

// Edit the MysqlReplication, as kubectl edit does. It returns what was written.
func (s *Set) Edit(ctx context.Context, change func(*v1alpha1.MysqlReplication)) (*v1alpha1.MysqlReplication, error) {
	return edit(ctx, s.Cluster, s.Get, change)
}

// ExchangeSource makes a replica of the spec its source and the source a replica.
func ExchangeSource(to string) func(*v1alpha1.MysqlReplication) {
	return func(r *v1alpha1.MysqlReplication) {
		for i, replica := range r.Spec.Replica {
			if replica.Name == to {
				r.Spec.Replica[i] = v1alpha1.ReplicaNode{Node: *r.Spec.Source}
				r.Spec.Source = &replica.Node
				return
			}
		}
	}
}

// SetSpec replaces the spec.
func SetSpec(spec v1alpha1.MysqlReplicationSpec) func(*v1alpha1.MysqlReplication) {
	return func(r *v1alpha1.MysqlReplication) { spec.DeepCopyInto(&r.Spec) }
}

// WaitReady waits until the resource is Ready as its spec says now.
func (s *Set) WaitReady(ctx context.Context, timeout time.Duration) error {
	return Wait(ctx, timeout, func(ctx context.Context) error {
		r, err := s.Get(ctx)
		if err != nil {
			return err
		}
		return ReadyAsWanted(r)
	})
}

// ReadyAsWanted says why a resource is not Ready for its present spec.
func ReadyAsWanted(r *v1alpha1.MysqlReplication) error {
	ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return errors.New("the condition Ready is missing")
	case ready.ObservedGeneration != r.Generation || r.Status.ObservedGeneration != r.Generation:
		return fmt.Errorf("generation %d is not observed yet: %s", r.Generation, Describe(r))
	case ready.Status != metav1.ConditionTrue || !r.Status.Ready:
		return fmt.Errorf("not Ready: %s", Describe(r))
	case r.Status.Source != r.Spec.Source.Name:
		return fmt.Errorf("the source is %q and %q is wanted", r.Status.Source, r.Spec.Source.Name)
	}
	return nil
}

// Describe a resource's status in a line or a few.
func Describe(r *v1alpha1.MysqlReplication) string {
	var b strings.Builder
	fmt.Fprintf(&b, "source %q, replicas %s", r.Status.Source, r.Status.Replicas)
	if sw := r.Status.Switchover; sw != nil {
		fmt.Fprintf(&b, ", switchover %s → %s %s %s", sw.From, sw.To, sw.Phase, sw.Message)
	}
	for _, c := range r.Status.Conditions {
		fmt.Fprintf(&b, "\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	names := make([]string, 0, len(r.Status.Topology))
	for name := range r.Status.Topology {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		n := r.Status.Topology[name]
		fmt.Fprintf(&b, "\n  %s: %s %s ready=%t io=%s sql=%s %s", name, n.Role, n.Status, n.Ready, n.ReplicaIO, n.ReplicaSQL, n.Message)
	}
	return b.String()
}

// ManagedLabels returns the managed labels of a pod as "name/readonly", "" without any.
func (s *Set) ManagedLabels(ctx context.Context, pod string) (string, error) {
	return s.labels(ctx, pod, v1alpha1.LabelMysqlReplicationName, v1alpha1.LabelMysqlReplicationReadonly)
}
