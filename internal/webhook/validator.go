// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// rules are what is particular to a kind. All functions are pure.
type rules[T client.Object] struct {
	kind string
	// unserved: its resources have no Services.
	unserved bool
	// newList returns an empty list of the kind.
	newList func() client.ObjectList
	// spec is a pointer to the object's spec, to see whether that has changed.
	spec func(T) any
	// nodes of the spec, in its own order.
	nodes func(T) []placedNode
	// validate checks a spec by itself.
	validate func(T) field.ErrorList
	// warn says what is allowed and unwise.
	warn func(T) admission.Warnings
}

// Validator is the admission of a kind.
type Validator[T client.Object] struct {
	// Reader lists the resources of a namespace, from a cache.
	Reader client.Reader
	rules  rules[T]
}

// setup serves the admission of a kind.
func setup[T client.Object](mgr ctrl.Manager, empty T, rules rules[T]) error {
	return ctrl.NewWebhookManagedBy(mgr, empty).
		WithValidator(&Validator[T]{Reader: mgr.GetClient(), rules: rules}).
		Complete()
}

// ValidateCreate refuses every mistake.
func (v *Validator[T]) ValidateCreate(ctx context.Context, obj T) (admission.Warnings, error) {
	return v.validate(ctx, obj, nil)
}

// ValidateUpdate refuses mistakes that the old object did not have. It has nothing
// to say when the spec stays as it is, or when the object is being deleted: its
// finalizers must come off.
func (v *Validator[T]) ValidateUpdate(ctx context.Context, old, updated T) (admission.Warnings, error) {
	if !updated.GetDeletionTimestamp().IsZero() || equality.Semantic.DeepEqual(v.rules.spec(old), v.rules.spec(updated)) {
		return nil, nil
	}
	return v.validate(ctx, updated, &old)
}

// ValidateDelete allows it.
func (v *Validator[T]) ValidateDelete(context.Context, T) (admission.Warnings, error) {
	return nil, nil
}

// validate an object; old is nil for a new one.
func (v *Validator[T]) validate(ctx context.Context, obj T, old *T) (admission.Warnings, error) {
	warnings := v.rules.warn(obj)
	errs := v.rules.validate(obj)
	var oldNodes []placedNode
	if old != nil {
		errs = newErrors(errs, v.rules.validate(*old))
		oldNodes = v.rules.nodes(*old)
	}
	self := owner{kind: v.rules.kind, name: obj.GetName()}
	claims, namesakes, err := claimsOf(ctx, v.Reader, obj.GetNamespace(), self)
	if err != nil {
		// The same choice as failurePolicy Ignore: better let an edit pass than stop it.
		log.FromContext(ctx).Error(err, "Could not check whether another resource names the same pods")
		warnings = append(warnings, "it could not be checked whether another resource of this namespace names the same pods")
	}
	if old == nil && !v.rules.unserved {
		warnings = append(warnings, warnNamesakes(namesakes)...)
	}
	errs = append(errs, validateClaims(v.rules.nodes(obj), oldNodes, claims)...)
	return warnings, invalid(self, errs)
}

// invalid is the API server's own form of a refusal, which clients show field by field.
func invalid(of owner, errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind(of.kind).GroupKind(), of.name, errs)
}
