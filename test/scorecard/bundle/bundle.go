// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package bundle reads an OLM bundle from a directory and pairs each kind that its
// ClusterServiceVersion owns with its CustomResourceDefinition and its examples.
package bundle

import (
	"errors"
	"fmt"

	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
)

// examplesAnnotation holds the examples: a JSON array of custom resources.
const examplesAnnotation = "alm-examples"

// Bundle is what a directory holds.
type Bundle struct {
	// Name of the ClusterServiceVersion.
	Name string
	// Kinds that it owns, in its order.
	Kinds []Kind
	// Strays are examples of other kinds.
	Strays []*unstructured.Unstructured
}

// Kind that the ClusterServiceVersion owns.
type Kind struct {
	// Description is the ClusterServiceVersion's.
	Description v1alpha1.CRDDescription
	// Definition of the kind; nil when the bundle has none of that name.
	Definition *apiextensionsv1.CustomResourceDefinition
	// Version of the definition that is described; nil when it has none of that name.
	Version *apiextensionsv1.CustomResourceDefinitionVersion
	// Examples of the kind.
	Examples []*unstructured.Unstructured
}

// Read a bundle. It fails when there is nothing to judge: no directory, no
// ClusterServiceVersion, no kind, or examples that are not JSON.
func Read(directory string) (*Bundle, error) {
	read, err := manifests.GetBundleFromDir(directory)
	if err != nil {
		return nil, fmt.Errorf("read the bundle in %s: %w", directory, err)
	}
	b := &Bundle{Name: read.CSV.Name}
	for _, description := range read.CSV.Spec.CustomResourceDefinitions.Owned {
		kind := Kind{Description: description}
		for _, definition := range read.V1CRDs {
			if definition.Name != description.Name {
				continue
			}
			kind.Definition = definition
			for i := range definition.Spec.Versions {
				if definition.Spec.Versions[i].Name == description.Version {
					kind.Version = &definition.Spec.Versions[i]
				}
			}
		}
		b.Kinds = append(b.Kinds, kind)
	}
	if len(b.Kinds) == 0 {
		return nil, fmt.Errorf("read the bundle in %s: %s owns no kind: name them in spec.customresourcedefinitions.owned", directory, b.Name)
	}
	return b, b.addExamples(read.CSV.Annotations[examplesAnnotation])
}

func (b *Bundle) addExamples(text string) error {
	if text == "" {
		return nil
	}
	// This decoder tells integers from other numbers, as the API server does.
	var contents []any
	if err := json.Unmarshal([]byte(text), &contents); err != nil {
		return fmt.Errorf("annotation %s of %s: %w: it must be a JSON array of custom resources", examplesAnnotation, b.Name, err)
	}
	for i, content := range contents {
		object, is := content.(map[string]any)
		if !is {
			return fmt.Errorf("annotation %s of %s: entry %d is not an object", examplesAnnotation, b.Name, i)
		}
		example := &unstructured.Unstructured{Object: object}
		if kind := b.kindOf(example.GroupVersionKind()); kind != nil {
			kind.Examples = append(kind.Examples, example)
		} else {
			b.Strays = append(b.Strays, example)
		}
	}
	return nil
}

func (b *Bundle) kindOf(gvk schema.GroupVersionKind) *Kind {
	for i := range b.Kinds {
		k := &b.Kinds[i]
		if k.Description.Kind == gvk.Kind && k.Description.Version == gvk.Version && (k.Definition == nil || k.Definition.Spec.Group == gvk.Group) {
			return k
		}
	}
	return nil
}

// Example returns the first example of a kind, and that kind.
func (b *Bundle) Example(kind string) (*unstructured.Unstructured, *Kind, error) {
	for i := range b.Kinds {
		k := &b.Kinds[i]
		if k.Description.Kind != kind {
			continue
		}
		if len(k.Examples) == 0 {
			return nil, k, fmt.Errorf("%s has no example of %s: add one to the annotation %s", b.Name, kind, examplesAnnotation)
		}
		return k.Examples[0].DeepCopy(), k, nil
	}
	return nil, nil, fmt.Errorf("%s does not own the kind %s", b.Name, kind)
}

// Schema of a kind's version.
func (k Kind) Schema() (*apiextensionsv1.JSONSchemaProps, error) {
	switch {
	case k.Definition == nil:
		return nil, fmt.Errorf("the bundle has no CustomResourceDefinition %s", k.Description.Name)
	case k.Version == nil:
		return nil, fmt.Errorf("CustomResourceDefinition %s has no version %s", k.Description.Name, k.Description.Version)
	case k.Version.Schema == nil || k.Version.Schema.OpenAPIV3Schema == nil:
		return nil, errors.New("CustomResourceDefinition " + k.Description.Name + ", version " + k.Description.Version + " has no schema")
	}
	return k.Version.Schema.OpenAPIV3Schema, nil
}
