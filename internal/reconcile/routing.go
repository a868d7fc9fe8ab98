// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/internal/kube"
)

// pod returns the metadata of a pod in the newest version that this process
// knows, and nil when there is no such pod.
func (p *pass[T, S, D]) pod(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	pod := kube.NewPod()
	err := p.client.Get(ctx, types.NamespacedName{Namespace: p.key.Namespace, Name: name}, pod)
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

// podChange is what a step changes of the labels of a pod.
type podChange struct {
	pod  *metav1.PartialObjectMetadata
	want kube.PodLabels
	err  error
}

// route gives each node the labels of its access: all at the same time, because
// clients wait while one has changed and the next has not. It returns how many
// pods were labeled.
func (p *pass[T, S, D]) route(ctx context.Context, routing Routing) (int, error) {
	if len(routing) == 0 {
		return 0, nil
	}
	p.routes.Lock()
	defer p.routes.Unlock()
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	var changes []*podChange
	for node, access := range routing {
		pod, err := p.podOf(ctx, node)
		if err != nil {
			return 0, err
		}
		want := p.labelsFor(access)
		if pod == nil || p.keys.Of(pod) == want {
			continue
		}
		other, err := p.belongsTo(ctx, node, pod)
		if err != nil {
			return 0, err
		}
		if other != "" && access == AccessNone {
			// What it has is not ours to take.
			continue
		}
		if other != "" {
			p.trouble(problem{tell: true, reason: reasonPodClaimed, message: fmt.Sprintf(
				"pod %s belongs to %s %s and is left to it: take the node out of one of the two specs", node, p.engine.Kind(), other)})
			continue
		}
		changes = append(changes, &podChange{pod: pod, want: want})
	}
	// Who comes to -readwrite first, and then all others at once: kube-proxy takes over
	// the first change that it sees, and lets a second pass before the next. Had the old
	// node left first, there would be nobody to write to for that second.
	for _, first := range []bool{true, false} {
		var running sync.WaitGroup
		for _, one := range changes {
			if first != (one.want.Readonly == kube.ReadonlyValue(false)) {
				continue
			}
			running.Go(func() {
				var patched *metav1.PartialObjectMetadata
				if patched, one.err = kube.PatchPodLabels(ctx, p.client, one.pod, p.keys, one.want); one.err == nil {
					one.pod = patched
				}
			})
		}
		running.Wait()
		if first && ledTo(changes) {
			faultPoint(p.log, "routing", "readwrite")
		}
	}
	var errs []error
	for _, one := range changes {
		errs = append(errs, one.err)
		if one.err == nil {
			p.podMetadata[one.pod.GetName()] = one.pod
			p.known.pods[one.pod.GetName()] = one.pod
		}
	}
	return len(changes), errors.Join(errs...)
}

// ledTo says whether somebody has just come to -readwrite while others still have
// to leave it or to change.
func ledTo(changes []*podChange) bool {
	come := 0
	for _, one := range changes {
		if one.want.Readonly == kube.ReadonlyValue(false) {
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
