// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/load"
)

// RedisSet is a StatefulSet of Redis pods in a namespace, and the RedisReplication over
// them when it was made.
type RedisSet struct {
	*RedisServers
	Replicated[*v1alpha1.RedisReplication]
}

// RedisSet of this name in a namespace, over pods that somebody else makes. It has no password.
func (c *Cluster) RedisSet(namespace, name string) *RedisSet {
	servers := c.redisServers(namespace, name)
	return &RedisSet{RedisServers: servers, Replicated: Replicated[*v1alpha1.RedisReplication]{pods: servers.Pods, kind: redisReplication}}
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

// RedisReadyAsWanted says why a resource is not Ready for its present spec, or another node is
// the source.
func RedisReadyAsWanted(r *v1alpha1.RedisReplication) error { return viewOfRedis(r).isAsWanted() }

// RedisReady says why a resource is not Ready for its present spec, whoever is the source.
func RedisReady(r *v1alpha1.RedisReplication) error { return viewOfRedis(r).isReady() }

// DescribeRedis describes a resource's status in a line or a few.
func DescribeRedis(r *v1alpha1.RedisReplication) string { return viewOfRedis(r).String() }

var redisReplication = replicationKind[*v1alpha1.RedisReplication]{
	name:     "RedisReplication",
	empty:    func() *v1alpha1.RedisReplication { return &v1alpha1.RedisReplication{} },
	list:     func() client.ObjectList { return &v1alpha1.RedisReplicationList{} },
	view:     viewOfRedis,
	exchange: ExchangeRedisSource,
	database: load.Redis{},

	nameLabel: v1alpha1.LabelRedisReplicationName, readonlyLabel: v1alpha1.LabelRedisReplicationReadonly,
}

func viewOfRedis(r *v1alpha1.RedisReplication) replicationView {
	v := replicationView{
		generation: r.Generation, observed: r.Status.ObservedGeneration, ready: r.Status.Ready, conditions: r.Status.Conditions,
		source: r.Status.Source, wanted: r.Spec.Source.Name,
		summary: fmt.Sprintf("source %q, replicas %s", r.Status.Source, r.Status.Replicas), nodes: map[string]string{},
	}
	for _, replica := range r.Spec.Replica {
		if replica.Isolated {
			v.isolated = append(v.isolated, replica.Name)
			continue
		}
		v.attached = append(v.attached, replica.Name)
	}
	if sw := r.Status.Switchover; sw != nil {
		v.switchover = &sw.SwitchoverStatus
	}
	if last := r.Status.LastSwitchover; last != nil {
		v.last = &last.LastSwitchover
	}
	for name, n := range r.Status.Topology {
		v.nodes[name] = fmt.Sprintf("%s %s ready=%t link=%s %s", n.Role, n.Status, n.Ready, n.MasterLinkStatus, n.Message)
	}
	return v
}

// StartTraffic sets clients to work through the Services.
func (s *RedisSet) StartTraffic(ctx context.Context, options load.Options) (*load.Run, error) {
	return s.startTraffic(ctx, options, s.Login())
}

// CheckTraffic checks a stopped run against the source that the status names and every
// attached replica of the spec. Pods in broken are not judged.
func (s *RedisSet) CheckTraffic(ctx context.Context, run *load.Run, broken ...string) (load.Verdict, error) {
	return s.checkTraffic(ctx, run, s.Login(), broken...)
}

// Diagnose returns everything that explains a failure of the set.
func (s *RedisSet) Diagnose(ctx context.Context, operator *Operator) string {
	return s.diagnose(ctx, operator, &v1alpha1.RedisReplication{}, s.describeServer)
}
