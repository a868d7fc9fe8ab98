// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// claims says which resource of a kind this process lets work on a pod. Two that
// name the same pod would undo each other's work on its database.
type claims struct {
	mu sync.Mutex
	// holders by pod.
	holders map[types.NamespacedName]types.NamespacedName
}

func newClaims() *claims {
	return &claims{holders: map[types.NamespacedName]types.NamespacedName{}}
}

// holder of a pod, if there is one.
func (c *claims) holder(pod types.NamespacedName) (types.NamespacedName, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	resource, held := c.holders[pod]
	return resource, held
}

// take gives resource these pods and no others, or nothing new when another one
// holds one of them.
func (c *claims) take(resource types.NamespacedName, pods []types.NamespacedName) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pod := range pods {
		if by, held := c.holders[pod]; held && by != resource {
			return false
		}
	}
	for pod, by := range c.holders {
		if by == resource && !slices.Contains(pods, pod) {
			delete(c.holders, pod)
		}
	}
	for _, pod := range pods {
		c.holders[pod] = resource
	}
	return true
}

// give lets go of one pod, if resource holds it.
func (c *claims) give(resource, pod types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holders[pod] == resource {
		delete(c.holders, pod)
	}
}

// drop lets go of all that resource holds.
func (c *claims) drop(resource types.NamespacedName) { c.take(resource, nil) }

// staying are the pods of a description that the spec names.
func (d Description) staying() []string {
	return slices.DeleteFunc(slices.Clone(d.Pods), func(pod string) bool { return slices.Contains(d.Leaving, pod) })
}

// claim makes sure that the pods of this resource are its own before anything is
// done to their databases, and notes those that are not in p.foreign. A pod is of the
// resource that its label names. One without a label is of the resource that holds
// it in this process; else of one that another pod which both name is labeled for;
// else of the oldest that names it.
func (p *pass[T, S, D]) claim(ctx context.Context) error {
	p.foreign = map[string]string{}
	for node, pod := range p.podMetadata {
		if pod == nil {
			continue
		}
		other, err := p.claimedBy(ctx, pod)
		if err != nil {
			return err
		}
		if other != "" {
			p.foreign[node] = other
		}
	}
	var wanted []types.NamespacedName
	for _, node := range p.description.staying() {
		wanted = append(wanted, types.NamespacedName{Namespace: p.key.Namespace, Name: node})
	}
	if err := p.yield(ctx, wanted); err != nil {
		return err
	}
	if len(p.claimed()) == 0 && !p.claims.take(p.key, wanted) {
		p.noteHolders(wanted)
	}
	for _, node := range p.claimed() {
		p.claims.give(p.key, types.NamespacedName{Namespace: p.key.Namespace, Name: node})
	}
	return nil
}

// yield notes the pods that nobody has yet and others have the older right to.
func (p *pass[T, S, D]) yield(ctx context.Context, wanted []types.NamespacedName) error {
	undecided := slices.DeleteFunc(slices.Clone(wanted), func(pod types.NamespacedName) bool {
		_, held := p.claims.holder(pod)
		return held || p.foreign[pod.Name] != "" || p.isLabeled(pod.Name)
	})
	if len(undecided) == 0 {
		return nil
	}
	// Read past the cache: this decides who begins to work on a database.
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	list := p.engine.NewList()
	if err := p.live.List(ctx, list, client.InNamespace(p.key.Namespace)); err != nil {
		return fmt.Errorf("list the resources of kind %s in namespace %s, which may name the same pods: %w", p.engine.Kind(), p.key.Namespace, err)
	}
	return meta.EachListItem(list, func(item runtime.Object) error {
		other, is := item.(T)
		if !is || other.GetName() == p.key.Name || !older(other, p.object) {
			return nil
		}
		if !other.GetDeletionTimestamp().IsZero() && !p.holdsBack(other) {
			// It is about to go, and does nothing any more.
			return nil
		}
		named := p.engine.Describe(other).staying()
		if slices.ContainsFunc(named, p.isLabeled) {
			// It is stopped by that pod, so that the others are nobody's but ours.
			return nil
		}
		for _, pod := range undecided {
			if p.foreign[pod.Name] == "" && slices.Contains(named, pod.Name) {
				p.foreign[pod.Name] = other.GetName()
			}
		}
		return nil
	})
}

// noteHolders notes the pods that another resource holds in this process.
func (p *pass[T, S, D]) noteHolders(pods []types.NamespacedName) {
	for _, pod := range pods {
		if by, held := p.claims.holder(pod); held && by != p.key {
			p.foreign[pod.Name] = by.Name
		}
	}
}

// isLabeled says whether a pod has the label of this resource.
func (p *pass[T, S, D]) isLabeled(node string) bool {
	pod := p.podMetadata[node]
	return pod != nil && p.keys.Name != "" && p.keys.Of(pod).Name == p.key.Name
}

// claimed are the nodes of the spec whose pods belong to another resource.
func (p *pass[T, S, D]) claimed() []string {
	return slices.DeleteFunc(p.description.staying(), func(node string) bool { return p.foreign[node] == "" })
}

// older orders the resources of a kind in a namespace: by age, then by name.
func older(a, b client.Object) bool {
	made, other := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if !made.Equal(&other) {
		return made.Before(&other)
	}
	return a.GetName() < b.GetName()
}

// withoutPods reports only: pods of this resource belong to another one, and two
// that work on one database would fight.
func (p *pass[T, S, D]) withoutPods(nodes []string) {
	belongs := make([]string, 0, len(nodes))
	for _, node := range nodes {
		belongs = append(belongs, fmt.Sprintf("pod %s belongs to %s %s", node, p.engine.Kind(), p.foreign[node]))
	}
	message := strings.Join(belongs, ", ") + ". Nothing is done to any node of this resource until then: take the node out of one of the two specs, or delete one of the two resources"
	p.look = nil
	p.planned = []metav1.Condition{
		{Type: v1alpha1.ConditionTopologyReady, Status: metav1.ConditionFalse, Reason: reasonPodClaimed, Message: message},
		{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: reasonPodClaimed, Message: message},
	}
	p.trouble(problem{tell: true, reason: reasonPodClaimed, message: message})
}

// belongsTo returns the name of the other resource that a node's pod belongs to.
func (p *pass[T, S, D]) belongsTo(ctx context.Context, node string, pod *metav1.PartialObjectMetadata) (string, error) {
	if other := p.foreign[node]; other != "" {
		return other, nil
	}
	return p.claimedBy(ctx, pod)
}

// claimedBy returns the name of the other resource of this kind that a pod is
// labeled for, if that exists.
func (p *pass[T, S, D]) claimedBy(ctx context.Context, pod *metav1.PartialObjectMetadata) (string, error) {
	if p.keys.Name == "" {
		return "", nil
	}
	other := p.keys.Of(pod).Name
	if other == "" || other == p.key.Name {
		return "", nil
	}
	key := types.NamespacedName{Namespace: p.key.Namespace, Name: other}
	err := p.client.Get(ctx, key, p.engine.New())
	if apierrors.IsNotFound(err) {
		// Not to take a pod from a resource that the cache has not seen yet.
		err = p.live.Get(ctx, key, p.engine.New())
	}
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s %s, which pod %s is labeled for: %w", p.engine.Kind(), key, pod.GetName(), err)
	}
	return other, nil
}
