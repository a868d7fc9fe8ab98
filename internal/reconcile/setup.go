// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/kube"
)

// DefaultMaxConcurrent is how many resources of a kind are worked on at a time,
// so that one whose databases hang does not hold up the others.
const DefaultMaxConcurrent = 8

// Options of Setup. The zero value works.
type Options struct {
	// OperatorNamespace is where an AES key is looked for that a resource's own
	// namespace does not have. Empty: nowhere else.
	OperatorNamespace string
	// MaxConcurrent resources are worked on at a time; zero: DefaultMaxConcurrent.
	MaxConcurrent int
	// Poll is how often a resource is looked at when nothing wakes the operator;
	// zero: DefaultPoll.
	Poll time.Duration
	// Claims are shared by all kinds of an operator, whose Setups are all called before
	// the manager starts. Nil: this kind is the only one.
	Claims *Claims
}

// Setup registers the controller of a kind with the manager. The manager's
// client must read from its cache, which must have kube.ServiceIndex; Secrets are read past it, from the API server.
func Setup[T client.Object, S, D any](mgr manager.Manager, engine Engine[T, S, D], options Options) error {
	if options.MaxConcurrent <= 0 {
		options.MaxConcurrent = DefaultMaxConcurrent
	}
	name := strings.ToLower(engine.Kind())
	r, err := newReconciler(engine, dependencies{
		client:   mgr.GetClient(),
		live:     mgr.GetAPIReader(),
		recorder: mgr.GetEventRecorder(name),
		resolver: &credential.Resolver{Reader: mgr.GetAPIReader(), OperatorNamespace: options.OperatorNamespace},
		poll:     options.Poll,
		now:      time.Now,
		random:   rand.Float64,
		claims:   options.Claims,
	})
	if err != nil {
		return err
	}
	// The manager has not started: nothing waits for the API server here.
	if r.keys.Name != "" {
		if err := kube.PodIndex(r.keys).Add(context.Background(), mgr.GetFieldIndexer()); err != nil {
			return fmt.Errorf("set up the controller of %s: %w", engine.Kind(), err)
		}
	}
	if r.marks.Owner != "" {
		if err := r.marks.Index().Add(context.Background(), mgr.GetFieldIndexer()); err != nil {
			return fmt.Errorf("set up the controller of %s: %w", engine.Kind(), err)
		}
	}
	recoverPanic := true
	set := ctrl.NewControllerManagedBy(mgr).
		Named(name).
		For(engine.New(), builder.WithPredicates(resourceChanged())).
		Owns(&corev1.Service{}, builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		Owns(&discoveryv1.EndpointSlice{}, builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		WatchesMetadata(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(r.resourcesOfPod),
			builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.resourcesOfSecret),
			builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: options.MaxConcurrent, RecoverPanic: &recoverPanic})
	for _, kind := range dependsOn(engine) {
		set = set.Watches(kind, handler.EnqueueRequestsFromMapFunc(r.resourcesOfUsed),
			builder.WithPredicates(predicate.ResourceVersionChangedPredicate{}))
	}
	if err := set.Complete(r); err != nil {
		return fmt.Errorf("set up the controller of %s: %w", engine.Kind(), err)
	}
	return nil
}

// resourceChanged lets through what a user does to a resource, and not the
// operator's own writes of its status.
func resourceChanged() predicate.Predicate {
	return predicate.Or[client.Object](
		predicate.GenerationChangedPredicate{},
		predicate.AnnotationChangedPredicate{},
		predicate.LabelChangedPredicate{},
		predicate.Funcs{
			CreateFunc: func(event.CreateEvent) bool { return true },
			UpdateFunc: func(e event.UpdateEvent) bool {
				return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() ||
					e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
			},
		},
	)
}

// resourcesOfPod are those that name the pod and the one that the pod's label
// names. As a watch begins with every pod that exists, this is also how the
// labels of a resource come off that was deleted while no operator ran.
//
// A pod's status is not in its metadata, but each change of it changes the
// resource version: any update of a pod that a resource names wakes it.
func (r *Reconciler[T, S, D]) resourcesOfPod(_ context.Context, pod client.Object) []ctrlreconcile.Request {
	resources := r.pods.of(client.ObjectKeyFromObject(pod))
	if name := r.keys.Of(pod).Name; r.keys.Name != "" && name != "" {
		resources = append(resources, types.NamespacedName{Namespace: pod.GetNamespace(), Name: name})
	}
	if name := r.marks.Of(pod); r.marks.Owner != "" && name != "" {
		resources = append(resources, types.NamespacedName{Namespace: pod.GetNamespace(), Name: name})
	}
	return requests(resources)
}

func (r *Reconciler[T, S, D]) resourcesOfSecret(_ context.Context, secret client.Object) []ctrlreconcile.Request {
	return requests(r.secrets.of(client.ObjectKeyFromObject(secret)))
}

func requests(resources []types.NamespacedName) []ctrlreconcile.Request {
	// The handler's queue drops those that are there twice.
	list := make([]ctrlreconcile.Request, 0, len(resources))
	for _, resource := range resources {
		list = append(list, ctrlreconcile.Request{NamespacedName: resource})
	}
	return list
}

// labelKeys asks the engine for the label keys, with an empty object.
func labelKeys[T client.Object, S, D any](engine Engine[T, S, D]) (keys kube.LabelKeys, marks kube.MarkKeys, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("the engine of %s cannot describe an empty object: %v", engine.Kind(), caught)
		}
	}()
	description := engine.Describe(engine.New())
	return kube.LabelKeys{Name: description.LabelName, Readonly: description.LabelReadonly}, description.Marks, nil
}
