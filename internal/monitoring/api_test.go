// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"context"
	"errors"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const own = "ops"

// api stands for the API server, with one object of each kind at the most.
type api struct {
	mu      sync.Mutex
	objects map[string]*unstructured.Unstructured
	// unknown kinds of Prometheus.
	unknown bool
	// fail is asked before each request.
	fail         func(verb, kind string) error
	reads, write int
}

func newAPI() *api {
	a := &api{objects: map[string]*unstructured.Unstructured{}}
	deployment := &unstructured.Unstructured{}
	deployment.SetUID("u-deployment")
	a.objects[kindDeployment] = deployment
	return a
}

func (a *api) before(verb string, kind schema.GroupVersionKind) error {
	if a.fail != nil {
		if err := a.fail(verb, kind.Kind); err != nil {
			return err
		}
	}
	if a.unknown && kind.Kind != kindDeployment {
		return &meta.NoKindMatchError{GroupKind: kind.GroupKind(), SearchedVersions: []string{kind.Version}}
	}
	return nil
}

func (a *api) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reads++
	kind := into.GetObjectKind().GroupVersionKind()
	if err := a.before("get", kind); err != nil {
		return err
	}
	is := a.objects[kind.Kind]
	if is == nil || key.Namespace != own || key.Name != "compose-operator" {
		return apierrors.NewNotFound(schema.GroupResource{Group: kind.Group, Resource: kind.Kind}, key.Name)
	}
	switch into := into.(type) {
	case *metav1.PartialObjectMetadata:
		into.SetUID(is.GetUID())
	case *unstructured.Unstructured:
		into.Object = is.DeepCopy().Object
	}
	return nil
}

func (*api) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("nothing may be listed")
}

func (a *api) Apply(_ context.Context, configuration runtime.ApplyConfiguration, options ...client.ApplyOption) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	object := configuration.(client.Object) //nolint:forcetypeassert // client.ApplyConfigurationFromUnstructured promises it
	if err := a.before("apply", object.GetObjectKind().GroupVersionKind()); err != nil {
		return err
	}
	how := &client.ApplyOptions{}
	how.ApplyOptions(options)
	if how.FieldManager != "compose-operator" || how.Force == nil || !*how.Force {
		return errors.New("not applied as the operator")
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return err
	}
	a.write++
	applied := &unstructured.Unstructured{Object: content}
	if applied.GetUID() == "" {
		applied.SetUID("u-made")
	}
	a.objects[applied.GetKind()] = applied
	return nil
}

// edit changes what the API server has.
func (a *api) edit(kind string, change func(*unstructured.Unstructured)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a.objects[kind])
}

func (a *api) writes() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.write
	a.write = 0
	return n
}
