// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Finalizer is on a resource only while a change that a user asked for is on
// record (Description.UnderWay), so that a deletion in that moment leaves databases
// that take writes. It goes on with the record and comes off with it.
const Finalizer = "upm.syntropycloud.io/change-under-way"

// letGoAfter is how long a deletion waits for a change to be taken back, at the
// most: a server that would be needed for it may never answer again.
const letGoAfter = time.Minute

// Canceller is an Engine that can take back a change which is on record when its
// resource is deleted. One without it lets the resource go at once.
type Canceller[T client.Object] interface {
	// Cancel edits the spec of a working copy, which is never written, as a user
	// would who wants that no change is made or that one is undone: what the status
	// says to be so is what the spec asks for. It is pure, and is called before each
	// look at a resource that is being deleted.
	Cancel(T)
}

// holdsBack says whether a resource that is being deleted has to wait for a change
// to be taken back.
func (r *Reconciler[T, S, D]) holdsBack(object T) bool {
	_, can := r.engine.(Canceller[T])
	return can && controllerutil.ContainsFinalizer(object, Finalizer) &&
		r.now().Before(object.GetDeletionTimestamp().Add(letGoAfter))
}

// abandon tells of a change that could not be taken back in time.
func (r *Reconciler[T, S, D]) abandon(ctx context.Context, object T) {
	if !controllerutil.ContainsFinalizer(object, Finalizer) || !r.engine.Describe(object).UnderWay {
		return
	}
	announce(r.recorder, log.FromContext(ctx), object, []Event{{Warning: true, Reason: reasonChangeAbandoned, Message: fmt.Sprintf(
		"%s %s was deleted in the middle of a change, which could not be taken back within %s. Look which of its servers take writes: one may have been left read-only",
		r.engine.Kind(), object.GetName(), letGoAfter)}})
}

// letGo cleans up after a resource that is being deleted, and lets it go.
func (r *Reconciler[T, S, D]) letGo(ctx context.Context, object T, known *memory[T]) ctrlreconcile.Result {
	overdue := !r.now().Before(object.GetDeletionTimestamp().Add(letGoAfter))
	if result := r.cleanUp(ctx, client.ObjectKeyFromObject(object), known); result.RequeueAfter > 0 && !overdue {
		return result
	}
	if !controllerutil.ContainsFinalizer(object, Finalizer) {
		return ctrlreconcile.Result{}
	}
	if _, err := r.putFinalizer(ctx, object, false); err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil {
		log.FromContext(ctx).Error(err, "could not let a deleted resource go")
		return r.tryAgain(known)
	}
	return ctrlreconcile.Result{}
}

// cancel has the engine plan for a resource that is being deleted as if its user
// had taken the change back.
func (p *pass[T, S, D]) cancel() {
	if canceller, can := p.engine.(Canceller[T]); can && !p.object.GetDeletionTimestamp().IsZero() {
		canceller.Cancel(p.object)
	}
}

// takenBack says whether a resource that is being deleted can go: nothing is under
// way, and what the last plan asked for was done.
func (p *pass[T, S, D]) takenBack() bool {
	return !p.object.GetDeletionTimestamp().IsZero() && p.look != nil && p.failure == nil && !p.unfinished &&
		!p.engine.Describe(p.object).UnderWay
}

// depart ends the last pass over a resource that is being deleted.
func (p *pass[T, S, D]) depart(ctx context.Context) ctrlreconcile.Result {
	p.announce()
	return p.letGo(ctx, copyOf(p.known.newest), p.known)
}

// hold puts the finalizer on before a change is recorded.
func (p *pass[T, S, D]) hold(ctx context.Context) error {
	if !p.engine.Describe(p.object).UnderWay {
		return nil
	}
	return p.finalizer(ctx, true)
}

// release takes the finalizer off once no change is on record.
func (p *pass[T, S, D]) release(ctx context.Context) error {
	if p.engine.Describe(p.object).UnderWay || !p.object.GetDeletionTimestamp().IsZero() {
		return nil
	}
	return p.finalizer(ctx, false)
}

// finalizer puts the finalizer on or takes it off, and remembers what came of it.
func (p *pass[T, S, D]) finalizer(ctx context.Context, on bool) error {
	if _, can := p.engine.(Canceller[T]); on && !can || controllerutil.ContainsFinalizer(p.known.newest, Finalizer) == on {
		return nil
	}
	written, err := p.putFinalizer(ctx, p.known.newest, on)
	if apierrors.IsConflict(err) {
		if err := p.readLive(ctx); err != nil {
			return err
		}
		return errRaced
	}
	if err != nil {
		return err
	}
	p.known.remember(written)
	p.object.SetFinalizers(written.GetFinalizers())
	p.object.SetResourceVersion(written.GetResourceVersion())
	return nil
}

// putFinalizer writes the finalizer over a version of the resource, and returns
// what that made of it. The API server refuses it for any other version.
func (r *Reconciler[T, S, D]) putFinalizer(ctx context.Context, base T, on bool) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	finalizers := slices.DeleteFunc(append([]string{}, base.GetFinalizers()...), func(name string) bool { return name == Finalizer })
	if on {
		finalizers = append(finalizers, Finalizer)
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": base.GetUID(), "resourceVersion": base.GetResourceVersion(), "finalizers": finalizers,
	}})
	if err != nil {
		return base, fmt.Errorf("encode the finalizers of %s: %w", base.GetName(), err)
	}
	written := copyOf(base)
	if err := r.client.Patch(ctx, written, client.RawPatch(client.Merge.Type(), patch)); err != nil {
		return base, fmt.Errorf("write the finalizers of %s %s/%s: %w", r.engine.Kind(), base.GetNamespace(), base.GetName(), err)
	}
	return written, nil
}
