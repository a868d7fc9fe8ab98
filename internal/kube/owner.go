// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// FieldOwner is the name under which the operator applies fields.
const FieldOwner = "compose-operator"

// Labels of what the operator makes, from the recommended set of Kubernetes.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	LabelInstance  = "app.kubernetes.io/instance"
	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "compose-operator"
)

// Owner is the custom resource that something belongs to.
type Owner struct {
	GVK       schema.GroupVersionKind
	Namespace string
	Name      string
	// UID is empty when the resource is gone and was never seen.
	UID types.UID
}

// OwnerOf returns object as an owner.
func OwnerOf(object client.Object, scheme *runtime.Scheme) (Owner, error) {
	gvk, err := apiutil.GVKForObject(object, scheme)
	if err != nil {
		return Owner{}, fmt.Errorf("find the kind of %T: %w", object, err)
	}
	return Owner{GVK: gvk, Namespace: object.GetNamespace(), Name: object.GetName(), UID: object.GetUID()}, nil
}

// Made says whether object was made for this owner, or for one of the same kind
// and name that was deleted since: its controller reference names it.
func (o Owner) Made(object metav1.Object) bool {
	reference := metav1.GetControllerOfNoCopy(object)
	if reference == nil || reference.Kind != o.GVK.Kind || reference.Name != o.Name {
		return false
	}
	group, err := schema.ParseGroupVersion(reference.APIVersion)
	return err == nil && group.Group == o.GVK.Group
}

// controls says whether object's controller reference is to this very owner.
func (o Owner) controls(object metav1.Object) bool {
	return o.Made(object) && metav1.GetControllerOfNoCopy(object).UID == o.UID
}
