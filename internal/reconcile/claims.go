// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"cmp"
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
	"github.com/upmio/compose-operator/internal/kube"
)

// Claims says which resource this process lets work on a node: one for all kinds of an
// operator. Two that name the same one would undo each other's work on its database, and
// worse so when they are of different kinds. A node is its pod; an external one is its
// host and port, in no namespace.
type Claims struct {
	mu sync.Mutex
	// kinds that name pods; complete before the first pass.
	kinds []claimingKind
	// holders by node, and what each of them holds.
	holders map[types.NamespacedName]claimant
	held    map[claimant][]types.NamespacedName
}

// NewClaims returns claims that nobody has made yet.
func NewClaims() *Claims {
	return &Claims{holders: map[types.NamespacedName]claimant{}, held: map[claimant][]types.NamespacedName{}}
}

// claimant is a resource of some kind. The zero value is nobody.
type claimant struct {
	kind string
	key  types.NamespacedName
}

// claimingKind is what the kernel of one kind has to know of another.
type claimingKind struct {
	name    string
	keys    kube.LabelKeys
	new     func() client.Object
	newList func() client.ObjectList
	// named are the nodes that the spec of a resource names.
	named func(client.Object) []types.NamespacedName
	// holdsBack says whether a resource that is being deleted still does something.
	holdsBack func(client.Object) bool
}

// know adds a kind.
func (c *Claims) know(kind claimingKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds = append(c.kinds, kind)
}

// known kinds.
func (c *Claims) known() []claimingKind {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.kinds)
}

// holder of a pod, if there is one.
func (c *Claims) holder(pod types.NamespacedName) (claimant, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	resource, held := c.holders[pod]
	return resource, held
}

// take gives resource these pods and no others, or nothing new when another one
// holds one of them.
func (c *Claims) take(resource claimant, pods []types.NamespacedName) bool {
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
func (c *Claims) give(resource claimant, pod types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holders[pod] == resource {
		delete(c.holders, pod)
	}
}

// drop lets go of all that resource holds.
func (c *Claims) drop(resource claimant) { c.take(resource, nil) }

// claiming is this kind, for the kernels of the others.
func (r *Reconciler[T, S, D]) claiming() claimingKind {
	return claimingKind{
		name: r.engine.Kind(), keys: r.keys, newList: r.engine.NewList,
		new: func() client.Object { return r.engine.New() },
		named: func(object client.Object) []types.NamespacedName {
			resource, is := object.(T)
			if !is {
				return nil
			}
			return keysOf(r.engine.Describe(resource).claims(resource.GetNamespace()))
		},
		holdsBack: func(object client.Object) bool {
			resource, is := object.(T)
			return is && r.holdsBack(resource)
		},
	}
}

// claimant is a resource of this kind.
func (r *Reconciler[T, S, D]) claimant(key types.NamespacedName) claimant {
	return claimant{kind: r.engine.Kind(), key: key}
}

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
		out = append(out, nodeClaim{node.Name, node.claim()})
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
// for a pod.
func (p *pass[T, S, D]) claim(ctx context.Context) error {
	p.foreign = map[string]claimant{}
	for node, pod := range p.podMetadata {
		if pod == nil {
			continue
		}
		other, err := p.claimedBy(ctx, pod)
		if err != nil {
			return err
		}
		if other != (claimant{}) {
			p.foreign[node] = other
		}
	}
	p.noteGivenAway()
	wanted := p.description.claims(p.key.Namespace)
	if err := p.yield(ctx, wanted); err != nil {
		return err
	}
	self := p.claimant(p.key)
	if len(p.claimed()) == 0 && !p.claims.take(self, keysOf(wanted)) {
		p.noteHolders(wanted)
	}
	for _, one := range wanted {
		if p.isForeign(one.node) {
			p.claims.give(self, one.key)
		}
	}
	return nil
}

// noteGivenAway notes the external nodes that have left this resource and are another
// one's by now. Those that are pods have the label of that one.
func (p *pass[T, S, D]) noteGivenAway() {
	for _, node := range p.description.External {
		if !slices.Contains(p.description.Leaving, node.Name) {
			continue
		}
		if by, held := p.claims.holder(node.claim()); held && by != p.claimant(p.key) {
			p.foreign[node.Name] = by
		}
	}
}

// yield notes the nodes that nobody has yet and others have the older right to.
func (p *pass[T, S, D]) yield(ctx context.Context, wanted []nodeClaim) error {
	undecided := slices.DeleteFunc(slices.Clone(wanted), func(one nodeClaim) bool {
		_, held := p.claims.holder(one.key)
		return held || p.isForeign(one.node) || p.isLabeled(one.node)
	})
	if len(undecided) == 0 {
		return nil
	}
	// Read past the cache: this decides who begins to work on a database.
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	external := slices.ContainsFunc(undecided, func(one nodeClaim) bool { return one.key.Namespace == "" })
	if external {
		if err := p.yieldToSlices(ctx, undecided); err != nil {
			return err
		}
	}
	// Of several the oldest, whatever the order of the kinds.
	var rights []right
	for _, kind := range p.claims.known() {
		list := kind.newList()
		if err := p.live.List(ctx, list, client.InNamespace(p.key.Namespace)); err != nil {
			return fmt.Errorf("list the resources of kind %s in namespace %s, which may name the same pods: %w", kind.name, p.key.Namespace, err)
		}
		more, err := p.olderRights(kind, list, wanted)
		if err != nil {
			return err
		}
		rights = append(rights, more...)
		if !external {
			continue
		}
		// A server outside can be named from any namespace; of the others the cache knows
		// those that are watched.
		everywhere := kind.newList()
		if err := p.client.List(ctx, everywhere); err != nil {
			return fmt.Errorf("list the resources of kind %s, which may name the same external nodes: %w", kind.name, err)
		}
		if more, err = p.olderRights(kind, everywhere, wanted); err != nil {
			return err
		}
		rights = append(rights, more...)
	}
	slices.SortStableFunc(rights, func(a, b right) int { return a.compare(b) })
	for _, by := range rights {
		for _, one := range undecided {
			if !p.isForeign(one.node) && slices.Contains(by.named, one.key) {
				p.foreign[one.node] = by.claimant
			}
		}
	}
	return nil
}

// right of a resource to nodes, which its age gives it.
type right struct {
	claimant
	made  metav1.Time
	named []types.NamespacedName
}

// compare orders by age, then by name and kind.
func (r right) compare(other right) int {
	if !r.made.Equal(&other.made) {
		return r.made.Compare(other.made.Time)
	}
	return cmp.Or(strings.Compare(r.key.String(), other.key.String()), strings.Compare(r.kind, other.kind))
}

// olderRights are those of the resources in a list of a kind that are older than this one.
func (p *pass[T, S, D]) olderRights(kind claimingKind, list client.ObjectList, wanted []nodeClaim) ([]right, error) {
	own := right{claimant: p.claimant(p.key), made: p.object.GetCreationTimestamp()}
	var older []right
	err := meta.EachListItem(list, func(item runtime.Object) error {
		other, is := item.(client.Object)
		if !is {
			return fmt.Errorf("a %T is not a resource", item)
		}
		one := right{claimant: claimant{kind.name, client.ObjectKeyFromObject(other)}, made: other.GetCreationTimestamp()}
		if one.compare(own) >= 0 {
			return nil
		}
		if !other.GetDeletionTimestamp().IsZero() && !kind.holdsBack(other) {
			// It is about to go, and does nothing any more.
			return nil
		}
		one.named = kind.named(other)
		if slices.ContainsFunc(wanted, func(claim nodeClaim) bool { return p.podIsLabeled(claim.node) && slices.Contains(one.named, claim.key) }) {
			// It is stopped by that pod, so that the others are nobody's but ours.
			return nil
		}
		older = append(older, one)
		return nil
	})
	return older, err
}

// yieldToSlices notes the undecided external nodes that the slices of another resource
// lead to, as a label does for a pod: a process that has just started knows no holders.
func (p *pass[T, S, D]) yieldToSlices(ctx context.Context, undecided []nodeClaim) error {
	led, err := kube.LedTo(ctx, p.client, p.engine.Kind())
	if err != nil {
		return err
	}
	for _, one := range undecided {
		for _, way := range led {
			server := ExternalNode{Host: way.Host, Port: way.Port}
			if way.By == p.key || one.key != server.claim() || p.isForeign(one.node) {
				continue
			}
			exists, err := p.exists(ctx, way.By)
			if err != nil {
				return fmt.Errorf("read %s %s, which leads to the server %s: %w", p.engine.Kind(), way.By, one.key.Name, err)
			}
			if exists {
				p.foreign[one.node] = p.claimant(way.By)
			}
		}
	}
	return nil
}

// noteHolders notes the nodes that another resource holds in this process.
func (p *pass[T, S, D]) noteHolders(wanted []nodeClaim) {
	for _, one := range wanted {
		if by, held := p.claims.holder(one.key); held && by != p.claimant(p.key) {
			p.foreign[one.node] = by
		}
	}
}

// isForeign says whether a node was found to belong to another resource.
func (p *pass[T, S, D]) isForeign(node string) bool { return p.foreign[node] != claimant{} }

// nameOf another resource, as seen from this one.
func (p *pass[T, S, D]) nameOf(other claimant) string {
	if other.key.Namespace == p.key.Namespace {
		return other.kind + " " + other.key.Name
	}
	return other.kind + " " + other.key.String()
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
		if p.isForeign(one.node) {
			out = append(out, one.node)
		}
	}
	return out
}

// withoutPods reports only: pods of this resource belong to another one, and two
// that work on one database would fight.
func (p *pass[T, S, D]) withoutPods(nodes []string) {
	belongs := make([]string, 0, len(nodes))
	for _, node := range nodes {
		belongs = append(belongs, fmt.Sprintf("%s belongs to %s", p.words(node), p.nameOf(p.foreign[node])))
	}
	message := strings.Join(belongs, ", ") + ". Nothing is done to any node of this resource until then: take the node out of one of the two specs, or delete one of the two resources"
	p.look = nil
	p.planned = []metav1.Condition{
		{Type: v1alpha1.ConditionTopologyReady, Status: metav1.ConditionFalse, Reason: reasonPodClaimed, Message: message},
		{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: reasonPodClaimed, Message: message},
	}
	p.trouble(problem{tell: true, reason: reasonPodClaimed, message: message})
}

// belongsTo returns the other resource that a node's pod belongs to, or nobody.
func (p *pass[T, S, D]) belongsTo(ctx context.Context, node string, pod *metav1.PartialObjectMetadata) (claimant, error) {
	if p.isForeign(node) {
		return p.foreign[node], nil
	}
	return p.claimedBy(ctx, pod)
}

// claimedBy returns the other resource that a pod is labeled for, if that exists:
// each kind has labels of its own.
func (p *pass[T, S, D]) claimedBy(ctx context.Context, pod *metav1.PartialObjectMetadata) (claimant, error) {
	for _, kind := range p.claims.known() {
		if kind.keys.Name == "" {
			continue
		}
		other := claimant{kind.name, types.NamespacedName{Namespace: p.key.Namespace, Name: kind.keys.Of(pod).Name}}
		if other.key.Name == "" || other == p.claimant(p.key) {
			continue
		}
		err := p.client.Get(ctx, other.key, kind.new())
		if apierrors.IsNotFound(err) {
			// Not to take a pod from a resource that the cache has not seen yet.
			err = p.live.Get(ctx, other.key, kind.new())
		}
		if err == nil {
			return other, nil
		}
		if !apierrors.IsNotFound(err) {
			return claimant{}, fmt.Errorf("read %s %s, which pod %s is labeled for: %w", kind.name, other.key, pod.GetName(), err)
		}
	}
	return claimant{}, nil
}

// exists says whether there is a resource of this kind. The cache may not have seen yet
// one that is not to lose a node.
func (p *pass[T, S, D]) exists(ctx context.Context, key types.NamespacedName) (bool, error) {
	err := p.client.Get(ctx, key, p.engine.New())
	if apierrors.IsNotFound(err) {
		err = p.live.Get(ctx, key, p.engine.New())
	}
	return err == nil, client.IgnoreNotFound(err)
}
