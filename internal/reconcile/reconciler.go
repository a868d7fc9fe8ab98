// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/kube"
	"github.com/upmio/compose-operator/internal/metrics"
)

// Time limits of the kernel's own work.
const (
	// apiTimeout of one request to the API server, or of a few that belong together.
	apiTimeout = 5 * time.Second
	// observeTimeout of a look at all nodes of a resource.
	observeTimeout = 5 * time.Second
)

// dependencies of a Reconciler.
type dependencies struct {
	// client writes, and reads from the cache.
	client client.Client
	// live reads from the API server.
	live     client.Reader
	recorder events.EventRecorder
	resolver *credential.Resolver
	// lookup of the hosts of external nodes; nil: DNS.
	lookup LookupIP
	poll   time.Duration
	now    func() time.Time
	// random is in [0,1).
	random func() float64
	// claims of all kinds of the operator; nil: this kind is the only one.
	claims *Claims
}

// Reconciler is the kernel for one kind of resource.
type Reconciler[T client.Object, S, D any] struct {
	dependencies
	engine   Engine[T, S, D]
	keys     kube.LabelKeys
	marks    kube.MarkKeys
	memories *memories[T]
	// pods, secrets and used say which resources depend on one.
	pods, secrets, used *index
}

func newReconciler[T client.Object, S, D any](engine Engine[T, S, D], with dependencies) (*Reconciler[T, S, D], error) {
	keys, marks, err := labelKeys(engine)
	if err != nil {
		return nil, err
	}
	if with.poll <= 0 {
		with.poll = DefaultPoll
	}
	if with.lookup == nil {
		with.lookup = lookupIP
	}
	if with.claims == nil {
		with.claims = NewClaims()
	}
	r := &Reconciler[T, S, D]{
		dependencies: with, engine: engine, keys: keys, marks: marks, memories: newMemories[T](), pods: newIndex(), secrets: newIndex(), used: newIndex(),
	}
	r.claims.know(r.claiming())
	return r, nil
}

// Reconcile makes one pass over one resource. It returns no errors: what failed
// is logged and reported, and when to try again is decided here.
func (r *Reconciler[T, S, D]) Reconcile(ctx context.Context, request ctrlreconcile.Request) (result ctrlreconcile.Result, _ error) {
	key := request.NamespacedName
	known := r.memories.of(key)
	defer func() {
		if caught := recover(); caught != nil {
			r.caught(ctx, "a pass", caught)
			result = r.tryAgain(known)
		}
	}()
	object, err := r.read(ctx, key, known)
	switch {
	case ctx.Err() != nil:
		return ctrlreconcile.Result{}, nil
	case apierrors.IsNotFound(err):
		return r.cleanUp(ctx, key, known), nil
	case err != nil:
		log.FromContext(ctx).Error(err, "could not read the resource")
		return r.tryAgain(known), nil
	case !object.GetDeletionTimestamp().IsZero() && !r.holdsBack(object):
		r.abandon(ctx, object)
		return r.letGo(ctx, object, known), nil
	}
	p := &pass[T, S, D]{Reconciler: r, key: key, known: known, object: object, log: log.FromContext(ctx)}
	return p.run(ctx), nil
}

// cleanUp takes away what a resource had that is gone.
func (r *Reconciler[T, S, D]) cleanUp(ctx context.Context, key types.NamespacedName, known *memory[T]) ctrlreconcile.Result {
	if err := r.forget(ctx, key); err != nil && ctx.Err() == nil {
		log.FromContext(ctx).Error(err, "could not clean up after a deleted resource")
		return r.tryAgain(known)
	}
	return ctrlreconcile.Result{}
}

func (r *Reconciler[T, S, D]) tryAgain(known *memory[T]) ctrlreconcile.Result {
	known.failures++
	return ctrlreconcile.Result{RequeueAfter: backoff(known.failures)}
}

// caught reports a panic.
func (r *Reconciler[T, S, D]) caught(ctx context.Context, in string, what any) {
	metrics.CountPanic(r.engine.Kind())
	log.FromContext(ctx).Error(fmt.Errorf("panic in %s: %v", in, what), "a panic was caught; this is a bug", "stack", string(debug.Stack()))
}

// read returns a copy of the resource in the newest version that this process
// can know. The cache can lag behind the process's own writes, so what was
// written last counts when it is newer; what this process has never seen, or
// what the cache says is gone, is read from the API server.
func (r *Reconciler[T, S, D]) read(ctx context.Context, key types.NamespacedName, known *memory[T]) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	object := r.engine.New()
	err := r.client.Get(ctx, key, object)
	if apierrors.IsNotFound(err) || (err == nil && !known.known) {
		object = r.engine.New()
		err = r.live.Get(ctx, key, object)
	}
	if err != nil {
		return object, fmt.Errorf("read %s %s: %w", r.engine.Kind(), key, err)
	}
	if known.known && known.newest.GetUID() != object.GetUID() && newer(object, known.newest) {
		// Deleted and made anew: nothing that is held belongs to this one.
		r.engine.Forget(key)
		*known = *newMemory[T]()
	}
	if !known.known {
		known.lastWrite = r.now()
	}
	if !known.known || newer(object, known.newest) {
		known.remember(object)
	}
	return copyOf(known.newest), nil
}

// forget takes away what the operator gave to a resource that is gone: the
// labels of its pods, its EndpointSlices and its Services. The databases stay as they are.
func (r *Reconciler[T, S, D]) forget(ctx context.Context, key types.NamespacedName) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	object := r.engine.New()
	object.SetNamespace(key.Namespace)
	object.SetName(key.Name)
	owner, err := kube.OwnerOf(object, r.client.Scheme())
	if err != nil {
		return err
	}
	err = errors.Join(
		r.unlabel(ctx, key, func(string) bool { return false }),
		r.unmark(ctx, key, func(string) bool { return false }),
		kube.DeleteEndpointSlices(ctx, r.client, owner),
		kube.DeleteServices(ctx, r.client, owner, func(string) bool { return false }),
	)
	r.engine.Forget(key)
	metrics.ForgetObject(r.engine.Kind(), key.Namespace, key.Name)
	r.pods.put(key)
	r.secrets.put(key)
	r.used.put(key)
	r.claims.drop(r.claimant(key))
	if err != nil {
		return err
	}
	r.memories.drop(key)
	return nil
}

// unlabel takes the managed labels from the pods that carry the resource's name
// and are not to keep them.
func (r *Reconciler[T, S, D]) unlabel(ctx context.Context, key types.NamespacedName, keep func(pod string) bool) error {
	if r.keys.Name == "" {
		return nil
	}
	pods := kube.NewPodList()
	// They are only looked at: no copies.
	if err := r.client.List(ctx, pods, client.InNamespace(key.Namespace), kube.PodIndex(r.keys).Is(key.Name), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the pods that are labeled for %s: %w", key, err)
	}
	var errs []error
	for i := range pods.Items {
		pod := &pods.Items[i]
		if keep(pod.Name) {
			continue
		}
		_, err := kube.PatchPodLabels(ctx, r.client, pod, r.keys, kube.PodLabels{})
		// A pod made anew has none of the labels, or wakes us by having them.
		if err != nil && !errors.Is(err, kube.ErrPodChanged) {
			errs = append(errs, err)
		} else if err == nil {
			log.FromContext(ctx).Info("took the labels from a pod that does not belong to the resource", "pod", pod.Name)
		}
	}
	return errors.Join(errs...)
}
