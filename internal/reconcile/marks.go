// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/internal/kube"
)

// mark gives further pods the labels that the plan wants, and takes them from those that
// the plan does not name any more.
func (p *pass[T, S, D]) mark(ctx context.Context) error {
	if p.marks.Owner == "" {
		return nil
	}
	labels := p.look.plan.Labels
	var errs []error
	for name, values := range labels {
		pod, err := p.pod(ctx, name)
		switch {
		case err != nil:
			errs = append(errs, err)
			continue
		case pod == nil:
			p.trouble(problem{reason: reasonPodMissing, message: fmt.Sprintf("pod %s does not exist: create it, or take it out of the spec", name)})
			continue
		case p.marks.Of(pod) != "" && p.marks.Of(pod) != p.key.Name:
			p.trouble(problem{tell: true, reason: reasonPodClaimed, message: fmt.Sprintf(
				"pod %s is labeled for %s %s and is left to it: take it out of one of the two specs", name, p.engine.Kind(), p.marks.Of(pod))})
			continue
		}
		patched, err := kube.PatchMarks(ctx, p.client, pod, p.marks, p.key.Name, values)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if patched != pod {
			p.known.pods[name] = patched
		}
	}
	errs = append(errs, p.unmark(ctx, p.key, func(pod string) bool { _, wanted := labels[pod]; return wanted }))
	return errors.Join(errs...)
}

// unmark takes the marks from the pods that are marked for the resource and are not to
// keep them.
func (r *Reconciler[T, S, D]) unmark(ctx context.Context, key types.NamespacedName, keep func(pod string) bool) error {
	if r.marks.Owner == "" {
		return nil
	}
	pods := kube.NewPodList()
	// They are only looked at: no copies.
	if err := r.client.List(ctx, pods, client.InNamespace(key.Namespace), r.marks.Index().Is(key.Name), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the pods that are marked for %s: %w", key, err)
	}
	var errs []error
	for i := range pods.Items {
		pod := &pods.Items[i]
		if keep(pod.Name) {
			continue
		}
		_, err := kube.PatchMarks(ctx, r.client, pod, r.marks, "", nil)
		// A pod made anew has none of them, or wakes us by having them.
		if err != nil && !errors.Is(err, kube.ErrPodChanged) {
			errs = append(errs, err)
		} else if err == nil {
			log.FromContext(ctx).Info("took the labels from a pod that the resource does not name any more", "pod", pod.Name)
		}
	}
	return errors.Join(errs...)
}
