// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
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
	*Pods

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
	return &RedisSet{Pods: &Pods{Cluster: c, Namespace: namespace, Name: name, app: redisName, process: "redis-server", port: redisPort}}
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
		s.secret(v1alpha1.DefaultAESSecretName, v1alpha1.DefaultAESSecretKey, s.aesKey),
		redisConfiguration(namespace, options), s.headlessService(), s.statefulSet(c.Settings.StorageClass, options.Pods, RedisPod(c.Settings.RedisImage, redisUsers, redisConf)),
	} {
		if err := c.apply(ctx, obj); err != nil {
			return s, err
		}
	}
	return s, s.WaitPods(ctx, options.Pods)
}

func (s *RedisSet) secret(name, key string, value []byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name}, Data: map[string][]byte{key: value}}
}

// writePassword writes the Secret of fresh pods and the operator's.
func (s *RedisSet) writePassword(ctx context.Context) error {
	sealed, err := aesctr.Encrypt(s.aesKey, []byte(s.password))
	if err != nil {
		return fmt.Errorf("encrypt the password: %w", err)
	}
	for _, secret := range []*corev1.Secret{s.secret(redisUsers, redisName, []byte(s.password)), s.secret(RedisCredentialSecret, redisName, sealed)} {
		if err := s.Cluster.apply(ctx, secret); err != nil {
			return err
		}
	}
	return nil
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
	return v1alpha1.RedisNode{Node: v1alpha1.Node{Name: pod, Host: s.Host(pod), Port: s.port}}
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

// Login of clients, and of the operator.
func (s *RedisSet) Login() load.Login { return load.Login{Password: s.password} }

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

func (s *RedisSet) describeServer(ctx context.Context, pod corev1.Pod) string {
	text := fmt.Sprintf("IP %s, ready %t, labels %v\n", pod.Status.PodIP, podReady(&pod), pod.Labels)
	if pod.Labels["app"] != s.app || pod.Status.PodIP == "" {
		return text
	}
	info, err := s.Info(ctx, pod.Name, "replication")
	return text + info + errorText(err)
}
