// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// Depender is an Engine whose resources follow others of the same namespace: they are
// looked at whenever one that they use changes, its status included.
type Depender interface {
	// DependsOn returns an empty object of each kind that Description.Uses can name.
	DependsOn() []client.Object
}

// Use names a resource of the same namespace that the observation needs.
type Use struct {
	// Kind is an empty object of its kind.
	Kind client.Object
	Name string
}

func dependsOn(engine any) []client.Object {
	if one, is := engine.(Depender); is {
		return one.DependsOn()
	}
	return nil
}

// usedKey tells resources of different kinds apart that have one name. An object that was
// read says nothing of its kind but by its Go type.
func usedKey(namespace string, kind client.Object, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: fmt.Sprintf("%T/%s", kind, name)}
}

func (r *Reconciler[T, S, D]) resourcesOfUsed(_ context.Context, object client.Object) []ctrlreconcile.Request {
	return requests(r.used.of(usedKey(object.GetNamespace(), object, object.GetName())))
}

func (p *pass[T, S, D]) usedKeys() []types.NamespacedName {
	keys := make([]types.NamespacedName, 0, len(p.description.Uses))
	for _, use := range p.description.Uses {
		keys = append(keys, usedKey(p.key.Namespace, use.Kind, use.Name))
	}
	return keys
}

// gatherUsed reads the resources that this one uses. One that does not exist is nil.
func (p *pass[T, S, D]) gatherUsed(ctx context.Context, scene *Scene[T]) error {
	for _, use := range p.description.Uses {
		object := copyOf(use.Kind)
		err := p.client.Get(ctx, types.NamespacedName{Namespace: p.key.Namespace, Name: use.Name}, object)
		switch {
		case apierrors.IsNotFound(err):
			object = nil
		case err != nil:
			return fmt.Errorf("read %T %s/%s: %w", use.Kind, p.key.Namespace, use.Name, err)
		}
		scene.Used = append(scene.Used, object)
	}
	return nil
}

// judged are the conditions that are the planner's.
func (d Description) judged() []string {
	if len(d.Conditions) == 0 {
		return []string{v1alpha1.ConditionTopologyReady}
	}
	return d.Conditions
}
