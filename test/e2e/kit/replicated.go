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

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential/aesctr"
	"github.com/upmio/compose-operator/test/load"
)

// What the kinds share whose resource names a node that takes writes and others that
// replicate from it, whatever a kind calls them.

// Replicated are pods and a resource of such a kind over them.
type Replicated[T client.Object] struct {
	pods *Pods
	kind replicationKind[T]
}

// replicationKind is what is particular to a kind.
type replicationKind[T client.Object] struct {
	name  string
	empty func() T
	list  func() client.ObjectList
	// view of a resource.
	view func(T) replicationView
	// exchange makes another node of the spec the source, and the source take its place.
	exchange func(to string) func(T)
	// database that clients speak with.
	database load.Database
	// names of the labels.
	nameLabel, readonlyLabel string
}

// replicationView is a resource, as tests look at it.
type replicationView struct {
	generation, observed int64
	ready                bool
	conditions           []metav1.Condition
	// source that the status names, and the spec.
	source, wanted string
	// replicas of the spec that are to replicate, and the others.
	attached, isolated []string
	switchover         *v1alpha1.SwitchoverStatus
	last               *v1alpha1.LastSwitchover
	// summary in a few words, and a line about each node.
	summary string
	nodes   map[string]string
}

// String describes it in a line or a few.
func (v replicationView) String() string {
	var b strings.Builder
	b.WriteString(v.summary)
	if sw := v.switchover; sw != nil {
		fmt.Fprintf(&b, ", switchover %s → %s %s %s", sw.From, sw.To, sw.Phase, sw.Message)
	}
	for _, c := range v.conditions {
		fmt.Fprintf(&b, "\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	for _, name := range slices.Sorted(maps.Keys(v.nodes)) {
		fmt.Fprintf(&b, "\n  %s: %s", name, v.nodes[name])
	}
	return b.String()
}

// isReady says why the resource is not Ready for its present spec, whoever is the source.
func (v replicationView) isReady() error {
	ready := meta.FindStatusCondition(v.conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return errors.New("the condition Ready is missing")
	case ready.ObservedGeneration != v.generation || v.observed != v.generation:
		return fmt.Errorf("generation %d is not observed yet: %s", v.generation, v)
	case ready.Status != metav1.ConditionTrue || !v.ready:
		return fmt.Errorf("not Ready: %s", v)
	}
	return nil
}

// isAsWanted says why it is not, or another node is the source than the spec wants.
func (v replicationView) isAsWanted() error {
	if err := v.isReady(); err != nil {
		return err
	}
	if v.source != v.wanted {
		return fmt.Errorf("the source is %q and %q is wanted", v.source, v.wanted)
	}
	return nil
}

// node of a pod under its DNS name.
func (p *Pods) node(pod string) v1alpha1.Node {
	return v1alpha1.Node{Name: pod, Host: p.Host(pod), Port: p.port}
}

// Create a resource.
func (s *Replicated[T]) Create(ctx context.Context, resource T) error {
	return s.pods.Cluster.create(ctx, resource)
}

// Get the resource.
func (s *Replicated[T]) Get(ctx context.Context) (T, error) {
	resource := s.kind.empty()
	return resource, s.pods.get(ctx, s.kind.name, resource)
}

// Edit the resource, as kubectl edit does. It returns what was written.
func (s *Replicated[T]) Edit(ctx context.Context, change func(T)) (T, error) {
	return edit(ctx, s.pods.Cluster, s.Get, change)
}

// WaitReady waits until the resource is Ready as its spec says now.
func (s *Replicated[T]) WaitReady(ctx context.Context, timeout time.Duration) error {
	return Wait(ctx, timeout, func(ctx context.Context) error {
		resource, err := s.Get(ctx)
		if err != nil {
			return err
		}
		return s.kind.view(resource).isAsWanted()
	})
}

// Describe a resource's status in a line or a few.
func (s *Replicated[T]) Describe(resource T) string { return s.kind.view(resource).String() }

// AsWanted says why a resource is not Ready for its present spec, or another node is the source.
func (s *Replicated[T]) AsWanted(resource T) error { return s.kind.view(resource).isAsWanted() }

// Nodes of a spec: its source, and all others in order.
func (s *Replicated[T]) Nodes(resource T) (source string, others []string) {
	v := s.kind.view(resource)
	return v.wanted, slices.Sorted(slices.Values(slices.Concat(v.attached, v.isolated)))
}

// Noticed says whether somebody looks after a resource.
func (s *Replicated[T]) Noticed(resource T) bool {
	v := s.kind.view(resource)
	return v.observed != 0 || len(v.conditions) > 0
}

// Undone says why the last change of the source was undone; "" when it was not.
func (s *Replicated[T]) Undone(resource T) string {
	if sw := s.kind.view(resource).switchover; sw != nil && sw.Phase == v1alpha1.SwitchoverUndone {
		return "the switchover was undone: " + sw.Message
	}
	return ""
}

// Last change of the source that is on record; nil without one.
func (s *Replicated[T]) Last(resource T) *v1alpha1.LastSwitchover { return s.kind.view(resource).last }

// Source that the status names.
func (s *Replicated[T]) Source(ctx context.Context) (string, error) {
	resource, err := s.Get(ctx)
	if err != nil {
		return "", err
	}
	return s.kind.view(resource).source, nil
}

// FailedOver says why the node that the status names is not that one by a failover.
func (s *Replicated[T]) FailedOver(ctx context.Context, to string) error {
	resource, err := s.Get(ctx)
	if err != nil {
		return err
	}
	v := s.kind.view(resource)
	if v.source != to || v.last == nil || !v.last.Failover {
		return fmt.Errorf("%s is not the source by a failover: %s", to, v)
	}
	return nil
}

// Exchange makes a replica of the spec its source and the source a replica.
func (s *Replicated[T]) Exchange(to string) func(T) { return s.kind.exchange(to) }

// ManagedLabels returns the managed labels of a pod as "name/readonly", "" without any.
func (s *Replicated[T]) ManagedLabels(ctx context.Context, pod string) (string, error) {
	return s.pods.labels(ctx, pod, s.kind.nameLabel, s.kind.readonlyLabel)
}

// SwitchOver makes a replica the source by editing the spec, and waits until the resource
// is Ready. run is what clients do meanwhile.
func (s *Replicated[T]) SwitchOver(ctx context.Context, operator *Operator, run *load.Run, to string, timeout time.Duration) (Switchover, error) {
	change := Switchover{To: to}
	edit := func(ctx context.Context) (T, error) {
		before, err := s.Get(ctx)
		if err != nil {
			return before, err
		}
		change.From, change.Edited = s.kind.view(before).source, time.Now()
		return s.Edit(ctx, s.kind.exchange(to))
	}
	look := func(resource T) (bool, error) {
		v := s.kind.view(resource)
		if sw := v.switchover; sw != nil && sw.Generation == v.generation {
			if sw.Phase == v1alpha1.SwitchoverUndone {
				return false, fmt.Errorf("undone: %s", sw.Message)
			}
			change.Started = sw.StartedAt.Time
			if sw.SwitchingAt != nil {
				change.Switching = sw.SwitchingAt.Time
			}
		}
		if done := v.last; done != nil && done.To == to && v.source == to {
			change.Finished = done.FinishedAt.Time
		}
		ready := v.isAsWanted() == nil
		if ready {
			change.Ready = time.Now()
		}
		return ready, nil
	}
	if err := watched(ctx, s.pods, s.kind.list(), timeout, s.Describe, edit, look); err != nil {
		return change, fmt.Errorf("the switchover to %s: %w", to, err)
	}
	return change, change.measure(ctx, s.pods.Namespace, operator, run, timeout)
}

// EditUntil edits the resource and waits until the status has shown a phase of the change that
// was asked for. It sees each version of the status, however short-lived.
func (s *Replicated[T]) EditUntil(ctx context.Context, change func(T), phase v1alpha1.SwitchoverPhase, timeout time.Duration) error {
	var generation int64
	edit := func(ctx context.Context) (T, error) {
		resource, err := s.Edit(ctx, change)
		generation = resource.GetGeneration()
		return resource, err
	}
	look := func(resource T) (bool, error) {
		sw := s.kind.view(resource).switchover
		return sw != nil && sw.Generation == generation && sw.Phase == phase, nil
	}
	if err := watched(ctx, s.pods, s.kind.list(), timeout, s.Describe, edit, look); err != nil {
		return fmt.Errorf("the phase %s: %w", phase, err)
	}
	return nil
}

// startTraffic sets clients to work through the Services, as a user.
func (s *Replicated[T]) startTraffic(ctx context.Context, options load.Options, login load.Login) (*load.Run, error) {
	var err error
	if options.ReadWrite, err = s.pods.ServiceAddress(ctx, s.pods.ReadWriteService()); err != nil {
		return nil, err
	}
	if options.Readers > 0 {
		if options.ReadOnly, err = s.pods.ServiceAddress(ctx, s.pods.ReadOnlyService()); err != nil {
			return nil, err
		}
	}
	options.Database, options.Login = s.kind.database, login
	r, err := load.Start(context.WithoutCancel(ctx), options)
	if err != nil {
		return nil, err
	}
	return r, WaitWrites(ctx, r, 50, 30*time.Second)
}

// checkTraffic checks a stopped run against the source that the status names and every
// attached replica of the spec. Pods in broken are not judged.
func (s *Replicated[T]) checkTraffic(ctx context.Context, run *load.Run, login load.Login, broken ...string) (load.Verdict, error) {
	resource, err := s.Get(ctx)
	if err != nil {
		return load.Verdict{}, err
	}
	v, servers := s.kind.view(resource), load.Servers{Login: login}
	add := func(name string, judged bool) {
		address, err := s.pods.Address(ctx, name)
		server := load.Server{Name: name, Address: address}
		switch {
		case name == v.source && err == nil:
			servers.Source = server
		case judged && !slices.Contains(broken, name):
			servers.Replicas = append(servers.Replicas, server)
		case err == nil: // A pod that is gone holds nothing that could be asked.
			servers.Others = append(servers.Others, server)
		}
	}
	for _, name := range append([]string{v.wanted}, v.attached...) {
		add(name, true)
	}
	for _, name := range v.isolated {
		add(name, false)
	}
	if servers.Source.Address == "" {
		return load.Verdict{}, fmt.Errorf("the source %q of the status has no pod to ask: %s", v.source, v)
	}
	return run.Check(ctx, servers)
}

// secret of the set's namespace.
func (p *Pods) secret(name string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: name}, Data: data}
}

// writePasswords writes two Secrets: of fresh pods, which make the users, and of the operator,
// where those that it needs are encrypted.
func (p *Pods) writePasswords(ctx context.Context, ofPods, ofOperator string, aesKey []byte, passwords map[string]string, needs ...string) error {
	plain, sealed := map[string][]byte{}, map[string][]byte{}
	for user, password := range passwords {
		plain[user] = []byte(password)
	}
	for _, user := range needs {
		secret, err := aesctr.Encrypt(aesKey, []byte(passwords[user]))
		if err != nil {
			return fmt.Errorf("encrypt the password of %s: %w", user, err)
		}
		sealed[user] = secret
	}
	for _, secret := range []*corev1.Secret{p.secret(ofPods, plain), p.secret(ofOperator, sealed)} {
		if err := p.Cluster.apply(ctx, secret); err != nil {
			return err
		}
	}
	return nil
}
