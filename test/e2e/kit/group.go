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

// Group is a set whose servers have Group Replication, and the MysqlGroupReplication
// over them when it was made.
type Group struct{ *Set }

// NewGroup is NewSet for a group: no server belongs to one yet.
func (c *Cluster) NewGroup(ctx context.Context, namespace string, options SetOptions) (*Group, error) {
	options.group = true
	s, err := c.NewSet(ctx, namespace, options)
	if s == nil {
		return nil, err
	}
	return &Group{s}, err
}

// Resource returns a MysqlGroupReplication of the members; primary may be empty.
func (g *Group) Resource(primary string, members ...string) *v1alpha1.MysqlGroupReplication {
	r := &v1alpha1.MysqlGroupReplication{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "MysqlGroupReplication"},
		ObjectMeta: metav1.ObjectMeta{Namespace: g.Namespace, Name: g.Name},
		Spec: v1alpha1.MysqlGroupReplicationSpec{
			Secret:  v1alpha1.MysqlReplicationSecret{Name: CredentialSecret, Mysql: g.operator, Replication: userReplication},
			Primary: primary,
		},
	}
	for _, name := range members {
		r.Spec.Member = append(r.Spec.Member, g.Node(name))
	}
	return r
}

// Create a MysqlGroupReplication.
func (g *Group) Create(ctx context.Context, r *v1alpha1.MysqlGroupReplication) error {
	return g.Cluster.create(ctx, r)
}

// Get the MysqlGroupReplication.
func (g *Group) Get(ctx context.Context) (*v1alpha1.MysqlGroupReplication, error) {
	r := &v1alpha1.MysqlGroupReplication{}
	return r, g.get(ctx, "MysqlGroupReplication", r)
}

// Edit the MysqlGroupReplication, as kubectl edit does. It returns what was written.
func (g *Group) Edit(ctx context.Context, change func(*v1alpha1.MysqlGroupReplication)) (*v1alpha1.MysqlGroupReplication, error) {
	return edit(ctx, g.Cluster, g.Get, change)
}

// WaitReady waits until the resource is Ready as its spec says now.
func (g *Group) WaitReady(ctx context.Context, timeout time.Duration) error {
	return Wait(ctx, timeout, func(ctx context.Context) error {
		r, err := g.Get(ctx)
		if err != nil {
			return err
		}
		return GroupReadyAsWanted(r)
	})
}

// SwitchOver has a member elected by editing spec.primary, and waits until the resource is
// Ready. run is what clients do meanwhile.
func (g *Group) SwitchOver(ctx context.Context, operator *Operator, run *load.Run, to string, timeout time.Duration) (Switchover, error) {
	change := Switchover{To: to}
	edit := func(ctx context.Context) (*v1alpha1.MysqlGroupReplication, error) {
		before, err := g.Get(ctx)
		if err != nil {
			return nil, err
		}
		change.From, change.Edited = before.Status.Primary, time.Now()
		return g.Edit(ctx, WantPrimary(to))
	}
	look := func(r *v1alpha1.MysqlGroupReplication) (bool, error) {
		if r.Status.Primary == to && change.Finished.IsZero() {
			change.Finished = time.Now()
		}
		ready := GroupReadyAsWanted(r) == nil
		if ready {
			change.Ready = time.Now()
		}
		return ready, nil
	}
	if err := watched(ctx, g.Pods, &v1alpha1.MysqlGroupReplicationList{}, timeout, DescribeGroup, edit, look); err != nil {
		return change, fmt.Errorf("the change of the primary to %s: %w", to, err)
	}
	return change, change.measure(ctx, g.Namespace, operator, run, timeout)
}

// WantPrimary names a member that should be the primary.
func WantPrimary(to string) func(*v1alpha1.MysqlGroupReplication) {
	return func(r *v1alpha1.MysqlGroupReplication) { r.Spec.Primary = to }
}

// GroupReadyAsWanted says why a resource is not Ready for its present spec.
func GroupReadyAsWanted(r *v1alpha1.MysqlGroupReplication) error {
	ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return errors.New("the condition Ready is missing")
	case ready.ObservedGeneration != r.Generation || r.Status.ObservedGeneration != r.Generation:
		return fmt.Errorf("generation %d is not observed yet: %s", r.Generation, DescribeGroup(r))
	case ready.Status != metav1.ConditionTrue || !r.Status.Ready:
		return fmt.Errorf("not Ready: %s", DescribeGroup(r))
	case r.Spec.Primary != "" && r.Status.Primary != r.Spec.Primary:
		return fmt.Errorf("the primary is %q and %q is wanted", r.Status.Primary, r.Spec.Primary)
	case r.Status.Primary == "":
		return errors.New("there is no primary")
	}
	return nil
}

// DescribeGroup describes a resource's status in a line or a few.
func DescribeGroup(r *v1alpha1.MysqlGroupReplication) string {
	var b strings.Builder
	fmt.Fprintf(&b, "primary %q, members %s, group %s, view %s", r.Status.Primary, r.Status.Members, r.Status.GroupName, r.Status.ViewID)
	for _, c := range r.Status.Conditions {
		fmt.Fprintf(&b, "\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Status.Topology)) {
		n := r.Status.Topology[name]
		fmt.Fprintf(&b, "\n  %s: %s %s ready=%t %s %s", name, n.Role, n.Status, n.Ready, n.MemberState, n.Message)
	}
	return b.String()
}

// ManagedLabels returns the managed labels of a pod as "name/readonly", "" without any.
func (g *Group) ManagedLabels(ctx context.Context, pod string) (string, error) {
	return g.labels(ctx, pod, v1alpha1.LabelMysqlGroupReplicationName, v1alpha1.LabelMysqlGroupReplicationReadonly)
}

// CheckTraffic checks a stopped run against the primary that the status names and every
// member of the spec. Pods in broken are not judged.
func (g *Group) CheckTraffic(ctx context.Context, run *load.Run, broken ...string) (load.Verdict, error) {
	r, err := g.Get(ctx)
	if err != nil {
		return load.Verdict{}, err
	}
	servers := load.Servers{Login: g.Admin()}
	for _, member := range r.Spec.Member {
		address, err := g.Address(ctx, member.Name)
		server := load.Server{Name: member.Name, Address: address}
		switch {
		case member.Name == r.Status.Primary && err == nil:
			servers.Source = server
		case !slices.Contains(broken, member.Name):
			servers.Replicas = append(servers.Replicas, server)
		case err == nil: // A pod that is gone holds nothing that could be asked.
			servers.Others = append(servers.Others, server)
		}
	}
	if servers.Source.Address == "" {
		return load.Verdict{}, fmt.Errorf("the primary %q of the status has no pod to ask: %s", r.Status.Primary, DescribeGroup(r))
	}
	return run.Check(ctx, servers)
}

// Diagnose returns everything that explains a failure of the group.
func (g *Group) Diagnose(ctx context.Context, operator *Operator) string {
	return g.diagnose(ctx, operator, &v1alpha1.MysqlGroupReplication{}, g.describeServer)
}
