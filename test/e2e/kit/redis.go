// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential/aesctr"
	"github.com/upmio/compose-operator/test/load"
)

// RedisCredentialSecret holds the encrypted password that the operator reads.
const RedisCredentialSecret = "redis-credentials"

// RedisSet is a StatefulSet of Redis pods in a namespace, and the RedisReplication over
// them when it was made.
type RedisSet struct {
	Replicated[*v1alpha1.RedisReplication]

	password string
	aesKey   []byte
}

// RedisOptions of a new set.
type RedisOptions struct {
	// Pods to start with; 3.
	Pods int
	// Forgetful servers keep nothing on disk: one that is started again is empty.
	Forgetful bool
	// DiskBytes limits the size of each pod's disk, which works on the node's own
	// machine only; zero: as large as the machine's.
	DiskBytes int64
}

// RedisSet of this name in a namespace, over pods that somebody else makes. It has no password.
func (c *Cluster) RedisSet(namespace, name string) *RedisSet {
	return &RedisSet{Replicated: Replicated[*v1alpha1.RedisReplication]{
		kind: redisReplication,
		Pods: &Pods{Cluster: c, Namespace: namespace, Name: name, app: redisName, process: "redis-server", port: redisPort},
	}}
}

// NewRedisSet makes the Secrets and the pods in a namespace and waits until they are ready.
// The pods are fresh and empty: nothing replicates.
func (c *Cluster) NewRedisSet(ctx context.Context, namespace string, options RedisOptions) (*RedisSet, error) {
	if options.Pods == 0 {
		options.Pods = 3
	}
	s := c.RedisSet(namespace, "sessions")
	s.password, s.aesKey = rand.Text(), []byte((rand.Text() + rand.Text())[:aesctr.KeySize])
	if options.DiskBytes > 0 {
		if err := s.limitDisks(ctx, options.Pods, c.Settings.StorageClass, options.DiskBytes); err != nil {
			s.disks.release()
			return s, err
		}
	}
	if err := s.writePassword(ctx); err != nil {
		return s, err
	}
	for _, obj := range []client.Object{
		s.secret(v1alpha1.DefaultAESSecretName, map[string][]byte{v1alpha1.DefaultAESSecretKey: s.aesKey}),
		redisConfiguration(namespace, options), s.headlessService(), s.statefulSet(c.Settings.StorageClass, options.Pods, RedisPod(c.Settings.RedisImage, redisUsers, redisConf)),
	} {
		if err := c.apply(ctx, obj); err != nil {
			return s, err
		}
	}
	return s, s.WaitPods(ctx, options.Pods)
}

// writePassword writes the Secret of fresh pods and the operator's.
func (s *RedisSet) writePassword(ctx context.Context) error {
	return s.writePasswords(ctx, redisUsers, RedisCredentialSecret, s.aesKey, map[string]string{redisName: s.password}, redisName)
}

// Rotate gives the servers of some pods another password beside the one that they have, and the
// Secrets that one alone, as the manual says. forget takes the old one from a pod's server.
func (s *RedisSet) Rotate(ctx context.Context, pods ...string) (forget func(ctx context.Context, pod string) error, err error) {
	before, next := s.password, rand.Text()
	for _, pod := range pods {
		if _, err := s.Do(ctx, pod, "ACL", "SETUSER", "default", ">"+next); err != nil {
			return nil, err
		}
	}
	s.password = next
	forget = func(ctx context.Context, pod string) error {
		_, err := s.Do(ctx, pod, "ACL", "SETUSER", "default", "<"+before)
		return err
	}
	return forget, s.writePassword(ctx)
}

// Close releases limited disks.
func (s *RedisSet) Close() { s.disks.release() }

// Node of a pod under its DNS name.
func (s *RedisSet) Node(pod string) v1alpha1.RedisNode {
	return v1alpha1.RedisNode{Node: s.node(pod)}
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

// Login of clients, and of the operator.
func (s *RedisSet) Login() load.Login { return load.Login{Password: s.password} }

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

func (s *RedisSet) describeServer(ctx context.Context, pod corev1.Pod) string {
	text := fmt.Sprintf("IP %s, ready %t, labels %v\n", pod.Status.PodIP, podReady(&pod), pod.Labels)
	if pod.Labels["app"] != s.app || pod.Status.PodIP == "" {
		return text
	}
	info, err := s.Info(ctx, pod.Name, "replication")
	return text + info + errorText(err)
}
