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

// claims says which resource of a kind this process lets work on a node. Two that
// name the same one would undo each other's work on its database. A node is its pod;
// an external one is its host and port, in no namespace.
type claims struct {
	mu sync.Mutex
	// holders by node, and what each of them holds.
	holders map[types.NamespacedName]types.NamespacedName
	held    map[types.NamespacedName][]types.NamespacedName
}

func newClaims() *claims {
	return &claims{
		holders: map[types.NamespacedName]types.NamespacedName{},
		held:    map[types.NamespacedName][]types.NamespacedName{},
	}
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
	// Not by a walk over all holders: every pass comes here.
	for _, pod := range c.held[resource] {
		if c.holders[pod] == resource && !slices.Contains(pods, pod) {
			delete(c.holders, pod)
		}
	}
	delete(c.held, resource)
	if len(pods) > 0 {
		c.held[resource] = pods
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

// nodeClaim is what stands for a node in claims.
type nodeClaim struct {
	node string
	key  types.NamespacedName
}

// claims of the nodes that the spec names.
func (d Description) claims(namespace string) []nodeClaim {
	var out []nodeClaim
	for _, pod := range d.Pods {
		out = append(out, nodeClaim{pod, types.NamespacedName{Namespace: namespace, Name: pod}})
	}
	for _, node := range d.External {
		out = append(out, nodeClaim{node.Name, types.NamespacedName{Name: node.server()}})
	}
	return slices.DeleteFunc(out, func(c nodeClaim) bool { return slices.Contains(d.Leaving, c.node) })
}

func keysOf(list []nodeClaim) []types.NamespacedName {
	out := make([]types.NamespacedName, 0, len(list))
	for _, one := range list {
		out = append(out, one.key)
	}
	return out
}

// words name a node for a person.
func (p *pass[T, S, D]) words(node string) string {
	if external, is := p.external(node); is {
		return fmt.Sprintf("the server %s of the external node %s", external.server(), node)
	}
	return "pod " + node
}

// claim makes sure that the pods of this resource are its own before anything is
// done to their databases, and notes those that are not in p.foreign. A pod is of the
// resource that its label names. One without a label is of the resource that holds
// it in this process; else of one that another pod which both name is labeled for;
// else of the oldest that names it. The slices of an external node are what a label is
// for a pod, but only the resource that has them sees them.
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
	wanted := p.description.claims(p.key.Namespace)
	if err := p.yield(ctx, wanted); err != nil {
		return err
	}
	if len(p.claimed()) == 0 && !p.claims.take(p.key, keysOf(wanted)) {
		p.noteHolders(wanted)
	}
	for _, one := range wanted {
		if p.foreign[one.node] != "" {
			p.claims.give(p.key, one.key)
		}
	}
	return nil
}

// yield notes the nodes that nobody has yet and others have the older right to.
func (p *pass[T, S, D]) yield(ctx context.Context, wanted []nodeClaim) error {
	undecided := slices.DeleteFunc(slices.Clone(wanted), func(one nodeClaim) bool {
		_, held := p.claims.holder(one.key)
		return held || p.foreign[one.node] != "" || p.isLabeled(one.node)
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
	external := slices.ContainsFunc(undecided, func(one nodeClaim) bool { return one.key.Namespace == "" })
	if err := p.yieldTo(list, wanted, undecided); err != nil || !external {
		return err
	}
	// A server outside can be named from any namespace; of the others the cache knows
	// those that are watched.
	everywhere := p.engine.NewList()
	if err := p.client.List(ctx, everywhere); err != nil {
		return fmt.Errorf("list the resources of kind %s, which may name the same external nodes: %w", p.engine.Kind(), err)
	}
	return p.yieldTo(everywhere, wanted, undecided)
}

// yieldTo notes the undecided nodes that older resources of a list name.
func (p *pass[T, S, D]) yieldTo(list client.ObjectList, wanted, undecided []nodeClaim) error {
	return meta.EachListItem(list, func(item runtime.Object) error {
		other, is := item.(T)
		if !is || client.ObjectKeyFromObject(other) == p.key || !older(other, p.object) {
			return nil
		}
		if !other.GetDeletionTimestamp().IsZero() && !p.holdsBack(other) {
			// It is about to go, and does nothing any more.
			return nil
		}
		named := keysOf(p.engine.Describe(other).claims(other.GetNamespace()))
		if slices.ContainsFunc(wanted, func(one nodeClaim) bool { return p.podIsLabeled(one.node) && slices.Contains(named, one.key) }) {
			// It is stopped by that pod, so that the others are nobody's but ours.
			return nil
		}
		for _, one := range undecided {
			if p.foreign[one.node] == "" && slices.Contains(named, one.key) {
				p.foreign[one.node] = p.nameOf(client.ObjectKeyFromObject(other))
			}
		}
		return nil
	})
}

// noteHolders notes the nodes that another resource holds in this process.
func (p *pass[T, S, D]) noteHolders(wanted []nodeClaim) {
	for _, one := range wanted {
		if by, held := p.claims.holder(one.key); held && by != p.key {
			p.foreign[one.node] = p.nameOf(by)
		}
	}
}

// nameOf another resource, as seen from this one.
func (p *pass[T, S, D]) nameOf(other types.NamespacedName) string {
	if other.Namespace == p.key.Namespace {
		return other.Name
	}
	return other.String()
}

// isLabeled says whether a node is led to by this resource's labels or slices.
func (p *pass[T, S, D]) isLabeled(node string) bool {
	_, external := p.external(node)
	return p.podIsLabeled(node) || external && p.access(node) != ""
}

// podIsLabeled says whether a pod has the label of this resource.
func (p *pass[T, S, D]) podIsLabeled(node string) bool {
	pod := p.podMetadata[node]
	return pod != nil && p.keys.Name != "" && p.keys.Of(pod).Name == p.key.Name
}

// claimed are the nodes of the spec that belong to another resource.
func (p *pass[T, S, D]) claimed() []string {
	var out []string
	for _, one := range p.description.claims(p.key.Namespace) {
		if p.foreign[one.node] != "" {
			out = append(out, one.node)
		}
	}
	return out
}

// older orders the resources of a kind: by age, then by name.
func older(a, b client.Object) bool {
	made, other := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if !made.Equal(&other) {
		return made.Before(&other)
	}
	return client.ObjectKeyFromObject(a).String() < client.ObjectKeyFromObject(b).String()
}

// withoutPods reports only: pods of this resource belong to another one, and two
// that work on one database would fight.
func (p *pass[T, S, D]) withoutPods(nodes []string) {
	belongs := make([]string, 0, len(nodes))
	for _, node := range nodes {
		belongs = append(belongs, fmt.Sprintf("%s belongs to %s %s", p.words(node), p.engine.Kind(), p.foreign[node]))
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
