// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/internal/kube"
)

// pod returns the metadata of a pod in the newest version that this process
// knows, and nil when there is no such pod.
func (p *pass[T, S, D]) pod(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	pod := kube.NewPod()
	// Nobody changes what this returns: no copy.
	err := p.client.Get(ctx, types.NamespacedName{Namespace: p.key.Namespace, Name: name}, pod, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		delete(p.known.pods, name)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read pod %s/%s: %w", p.key.Namespace, name, err)
	}
	if labeled := p.known.pods[name]; labeled != nil {
		if newer(labeled, pod) {
			return labeled, nil
		}
		delete(p.known.pods, name)
	}
	return pod, nil
}

// change is what a step changes of the way to a node.
type change struct {
	access Access
	// pod that gets labels; nil: none does.
	pod  *metav1.PartialObjectMetadata
	want kube.PodLabels
	// put and drop are EndpointSlices.
	put  []kube.SliceWant
	drop []*discoveryv1.EndpointSlice
	err  error
}

func (c *change) empty() bool { return c.pod == nil && len(c.put) == 0 && len(c.drop) == 0 }

// route gives each node its access, by labels or by EndpointSlices: all at the same
// time, because clients wait while one has changed and the next has not. It returns how
// many changes were made.
func (p *pass[T, S, D]) route(ctx context.Context, routing Routing) (int, error) {
	if len(routing) == 0 {
		return 0, nil
	}
	p.routes.Lock()
	defer p.routes.Unlock()
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	owner, err := kube.OwnerOf(p.object, p.client.Scheme())
	if err != nil {
		return 0, err
	}
	var changes []*change
	for node, access := range routing {
		list, err := p.changesOf(ctx, owner, node, access)
		if err != nil {
			return 0, err
		}
		changes = append(changes, slices.DeleteFunc(list, (*change).empty)...)
	}
	// Who comes to -readwrite first, and then all others at once: kube-proxy takes over
	// the first change that it sees, and lets a second pass before the next. Had the old
	// node left first, there would be nobody to write to for that second.
	for _, first := range []bool{true, false} {
		var running sync.WaitGroup
		for _, one := range changes {
			if first == (one.access == AccessReadWrite) {
				running.Go(func() { one.err = p.apply(ctx, owner, one) })
			}
		}
		running.Wait()
		if first && ledTo(changes) {
			faultPoint(p.log, "routing", "readwrite")
		}
	}
	var errs []error
	for _, one := range changes {
		errs = append(errs, one.err)
		if one.err != nil || one.pod == nil {
			continue
		}
		name := one.pod.GetName()
		if _, external := p.external(name); !external {
			p.podMetadata[name] = one.pod
		}
		p.known.pods[name] = one.pod
	}
	return len(changes), errors.Join(errs...)
}

// changesOf says what gives a node its access. What it has of the other kind goes with
// those that leave: slices of a node that was external, labels of a pod that has the
// name of an external node.
func (p *pass[T, S, D]) changesOf(ctx context.Context, owner kube.Owner, node string, access Access) ([]*change, error) {
	external, is := p.external(node)
	if !is {
		labels, err := p.labelChange(ctx, node, access)
		return []*change{labels, {access: AccessNone, drop: p.slicesOf(node)}}, err
	}
	if p.isForeign(node) {
		p.tellForeign(node, p.foreign[node], access)
		return nil, nil
	}
	one := &change{access: access}
	var err error
	if one.put, one.drop, err = p.planSlices(ctx, owner, external, access); err != nil {
		return nil, err
	}
	left, err := p.leftOver(ctx, node)
	return []*change{one, left}, err
}

// labelChange says which labels a pod gets.
func (p *pass[T, S, D]) labelChange(ctx context.Context, node string, access Access) (*change, error) {
	one := &change{access: access, want: p.labelsFor(access)}
	pod, err := p.podOf(ctx, node)
	if err != nil || pod == nil || p.keys.Of(pod) == one.want {
		return one, err
	}
	other, err := p.belongsTo(ctx, node, pod)
	if err != nil {
		return one, err
	}
	if other != (claimant{}) {
		p.tellForeign(node, other, access)
		return one, nil
	}
	one.pod = pod
	return one, nil
}

// tellForeign tells of a node that should be led to and belongs to another resource.
// What it has is not ours to take, and nothing is said of that.
func (p *pass[T, S, D]) tellForeign(node string, other claimant, access Access) {
	if access != AccessNone {
		p.trouble(problem{tell: true, reason: reasonPodClaimed, message: fmt.Sprintf(
			"%s belongs to %s and is left to it: take the node out of one of the two specs", p.words(node), p.nameOf(other))})
	}
}

// leftOver takes our labels from a pod that has the name of an external node: it was
// the node before.
func (p *pass[T, S, D]) leftOver(ctx context.Context, node string) (*change, error) {
	left := &change{access: AccessNone}
	pod, err := p.pod(ctx, node)
	if err == nil && pod != nil && p.keys.Name != "" && p.keys.Of(pod).Name == p.key.Name {
		left.pod = pod
	}
	return left, err
}

// apply makes one change.
func (p *pass[T, S, D]) apply(ctx context.Context, owner kube.Owner, one *change) error {
	if one.pod != nil {
		patched, err := kube.PatchPodLabels(ctx, p.client, one.pod, p.keys, one.want)
		if err != nil {
			return err
		}
		one.pod = patched
	}
	if one.access == AccessReadWrite {
		// Never to be led to from nowhere in between.
		return errors.Join(p.putSlices(ctx, owner, one.put), p.dropSlices(ctx, one.drop))
	}
	return errors.Join(p.dropSlices(ctx, one.drop), p.putSlices(ctx, owner, one.put))
}

// ledTo says whether somebody has just come to -readwrite while others still have
// to leave it or to change.
func ledTo(changes []*change) bool {
	come := 0
	for _, one := range changes {
		if one.access == AccessReadWrite {
			come++
		}
	}
	return come > 0 && come < len(changes)
}

// podOf returns the pod of a node as this round knows it. A plan can also name
// a node that the description does not, e.g. one that left the spec.
func (p *pass[T, S, D]) podOf(ctx context.Context, node string) (*metav1.PartialObjectMetadata, error) {
	if pod, described := p.podMetadata[node]; described {
		return pod, nil
	}
	return p.pod(ctx, node)
}

func (p *pass[T, S, D]) labelsFor(access Access) kube.PodLabels {
	if access == AccessNone {
		return kube.PodLabels{}
	}
	return kube.PodLabels{Name: p.key.Name, Readonly: kube.ReadonlyValue(access != AccessReadWrite)}
}
