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

// RedisCluster is a StatefulSet of Redis pods in cluster mode, and the RedisCluster over them when
// it was made.
type RedisCluster struct{ *RedisServers }

// RedisClusterSlots are all there are.
const RedisClusterSlots = 16384

// Shards of a cluster: the pods of each by its name, the preferred source first.
type Shards map[string][]string

// RedisCluster of this name in a namespace, over pods that somebody else makes. It has no password.
func (c *Cluster) RedisCluster(namespace, name string) *RedisCluster {
	return &RedisCluster{c.redisServers(namespace, name)}
}

// NewRedisCluster makes the Secrets and so many pods in a namespace and waits until they are
// ready. No server knows another one.
func (c *Cluster) NewRedisCluster(ctx context.Context, namespace string, pods int) (*RedisCluster, error) {
	s := c.RedisCluster(namespace, "carts")
	return s, s.start(ctx, RedisOptions{Pods: pods, Cluster: true})
}

// Service that leads to all nodes.
func (s *RedisCluster) Service() string { return s.Name }

// HeadlessService resolves to the addresses of all nodes.
func (s *RedisCluster) HeadlessService() string { return s.Name + v1alpha1.ServiceSuffixHeadless }

// Members of a spec.
func (s *RedisCluster) Members(shards Shards) map[string]v1alpha1.RedisClusterShard {
	members := map[string]v1alpha1.RedisClusterShard{}
	for name, pods := range shards {
		for _, pod := range pods {
			members[name] = append(members[name], v1alpha1.RedisClusterMember{RedisNode: s.Node(pod)})
		}
	}
	return members
}

// Resource returns a RedisCluster of the shards, with Services.
func (s *RedisCluster) Resource(shards Shards) *v1alpha1.RedisCluster {
	return &v1alpha1.RedisCluster{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "RedisCluster"},
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name},
		Spec: v1alpha1.RedisClusterSpec{
			Secret:  v1alpha1.RedisReplicationSecret{Name: RedisCredentialSecret, Redis: redisName},
			Members: s.Members(shards), Service: &v1alpha1.ServiceSpec{},
		},
	}
}

// Create a RedisCluster.
func (s *RedisCluster) Create(ctx context.Context, r *v1alpha1.RedisCluster) error {
	return s.Cluster.create(ctx, r)
}

// Get the RedisCluster.
func (s *RedisCluster) Get(ctx context.Context) (*v1alpha1.RedisCluster, error) {
	r := &v1alpha1.RedisCluster{}
	return r, s.get(ctx, "RedisCluster", r)
}

// Edit the RedisCluster, as kubectl edit does. It returns what was written.
func (s *RedisCluster) Edit(ctx context.Context, change func(*v1alpha1.RedisCluster)) (*v1alpha1.RedisCluster, error) {
	return edit(ctx, s.Cluster, s.Get, change)
}

// WaitReady waits until the resource is Ready as its spec says now.
func (s *RedisCluster) WaitReady(ctx context.Context, timeout time.Duration) error {
	return Wait(ctx, timeout, func(ctx context.Context) error {
		r, err := s.Get(ctx)
		if err != nil {
			return err
		}
		return RedisClusterReady(r)
	})
}

// PreferRedisSource puts a node of a shard first.
func PreferRedisSource(shard, to string) func(*v1alpha1.RedisCluster) {
	return func(r *v1alpha1.RedisCluster) {
		nodes := r.Spec.Members[shard]
		if i := slices.IndexFunc(nodes, func(n v1alpha1.RedisClusterMember) bool { return n.Name == to }); i > 0 {
			first := nodes[i]
			r.Spec.Members[shard] = slices.Concat(v1alpha1.RedisClusterShard{first}, nodes[:i], nodes[i+1:])
		}
	}
}

// Promote puts a node of a shard first and waits until the resource is Ready, with that node as
// the shard's source. run is what clients do meanwhile.
func (s *RedisCluster) Promote(ctx context.Context, operator *Operator, run *load.Run, shard, to string, timeout time.Duration) (Switchover, error) {
	change := Switchover{To: to}
	edit := func(ctx context.Context) (*v1alpha1.RedisCluster, error) {
		before, err := s.Get(ctx)
		if err != nil {
			return nil, err
		}
		change.From, change.Edited = sourceOf(before, shard), time.Now()
		return s.Edit(ctx, PreferRedisSource(shard, to))
	}
	look := func(r *v1alpha1.RedisCluster) (bool, error) {
		if sourceOf(r, shard) == to && change.Finished.IsZero() {
			change.Finished = time.Now()
		}
		ready := !change.Finished.IsZero() && RedisClusterReady(r) == nil
		if ready {
			change.Ready = time.Now()
		}
		return ready, nil
	}
	if err := watched(ctx, s.Pods, &v1alpha1.RedisClusterList{}, timeout, DescribeRedisCluster, edit, look); err != nil {
		return change, fmt.Errorf("the promotion of %s: %w", to, err)
	}
	return change, change.measure(ctx, s.Namespace, operator, run, timeout)
}

// sourceOf a shard as the status says; "" when it names none.
func sourceOf(r *v1alpha1.RedisCluster, shard string) string {
	for name, n := range r.Status.Topology {
		if n.Shard == shard && n.Role == v1alpha1.RedisRoleSource {
			return name
		}
	}
	return ""
}

// RedisClusterReady says why a resource is not Ready for its present spec.
func RedisClusterReady(r *v1alpha1.RedisCluster) error {
	ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return errors.New("the condition Ready is missing")
	case ready.ObservedGeneration != r.Generation || r.Status.ObservedGeneration != r.Generation:
		return fmt.Errorf("generation %d is not observed yet: %s", r.Generation, DescribeRedisCluster(r))
	case ready.Status != metav1.ConditionTrue || !r.Status.Ready:
		return fmt.Errorf("not Ready: %s", DescribeRedisCluster(r))
	}
	return nil
}

// DescribeRedisCluster describes a resource's status in a few lines.
func DescribeRedisCluster(r *v1alpha1.RedisCluster) string {
	var b strings.Builder
	status := r.Status
	fmt.Fprintf(&b, "%d shards, nodes %s, %d slots, joined=%t synced=%t", status.NumberOfShard, status.Nodes, status.SlotsAssigned, status.ClusterJoined, status.ClusterSynced)
	if m := status.Migration; m != nil {
		fmt.Fprintf(&b, ", %d of %d slots to move", m.SlotsLeft, m.Slots)
	}
	for _, c := range status.Conditions {
		fmt.Fprintf(&b, "\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	for _, name := range slices.Sorted(maps.Keys(status.Topology)) {
		n := status.Topology[name]
		fmt.Fprintf(&b, "\n  %s: %s of %s %s ready=%t slots=%v link=%s %s", name, n.Role, n.Shard, n.Status, n.Ready, n.Slots, n.MasterLinkStatus, n.Message)
	}
	return b.String()
}

// ManagedLabels returns the managed labels of a pod as "name/readonly", "" without any.
func (s *RedisCluster) ManagedLabels(ctx context.Context, pod string) (string, error) {
	return s.labels(ctx, pod, v1alpha1.LabelRedisClusterName, v1alpha1.LabelRedisClusterReadonly)
}

// StartTraffic sets clients to work, which find the cluster through the Service.
func (s *RedisCluster) StartTraffic(ctx context.Context, options load.Options) (*load.Run, error) {
	var err error
	if options.ReadWrite, err = s.ServiceAddress(ctx, s.Service()); err != nil {
		return nil, err
	}
	// Readers of a cluster ask like writers, and who acknowledges differs from key to key.
	options.Readers, options.NoteServers = 0, false
	options.Database, options.Login = load.RedisCluster{}, s.Login()
	r, err := load.Start(context.WithoutCancel(ctx), options)
	if err != nil {
		return nil, err
	}
	return r, WaitWrites(ctx, r, 50, 30*time.Second)
}

// CheckTraffic checks a stopped run against what all sources hold and serve together. The node
// named is asked who they are.
func (s *RedisCluster) CheckTraffic(ctx context.Context, run *load.Run, ask string) (load.Verdict, error) {
	address, err := s.Address(ctx, ask)
	if err != nil {
		return load.Verdict{}, err
	}
	return run.Check(ctx, load.Servers{Source: load.Server{Name: ask, Address: address}, Login: s.Login()})
}

// ClusterInfo is a value of what CLUSTER INFO says on a pod's server.
func (s *RedisCluster) ClusterInfo(ctx context.Context, pod, name string) (string, error) {
	answer, err := s.Do(ctx, pod, "CLUSTER", "INFO")
	if err != nil {
		return "", err
	}
	return infoLine(fmt.Sprint(answer), name)
}

// ClusterID is the node id of a pod's server.
func (s *RedisCluster) ClusterID(ctx context.Context, pod string) (string, error) {
	answer, err := s.Do(ctx, pod, "CLUSTER", "MYID")
	return fmt.Sprint(answer), err
}

// Diagnose returns everything that explains a failure of the cluster.
func (s *RedisCluster) Diagnose(ctx context.Context, operator *Operator) string {
	return s.diagnose(ctx, operator, &v1alpha1.RedisCluster{}, s.describeServer)
}
