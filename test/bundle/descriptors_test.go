// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/manifests"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// descriptor is what spec and status descriptors have in common.
type descriptor struct {
	path, name, description string
}

// TestDescriptors: each leads to a field of the definition, and each field directly
// below spec and status has one.
func TestDescriptors(t *testing.T) {
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		owned := bundle.CSV.Spec.CustomResourceDefinitions.Owned
		if len(owned) != len(bundle.V1CRDs) {
			t.Errorf("the ClusterServiceVersion owns %d kinds, the bundle defines %d", len(owned), len(bundle.V1CRDs))
		}
		for _, kind := range owned {
			schema := schema(t, bundle, kind.Kind, kind.Version)
			var spec, status []descriptor
			for _, d := range kind.SpecDescriptors {
				spec = append(spec, descriptor{d.Path, d.DisplayName, d.Description})
			}
			for _, d := range kind.StatusDescriptors {
				status = append(status, descriptor{d.Path, d.DisplayName, d.Description})
			}
			checkDescriptors(t, kind.Kind+".spec", spec, schema.Properties["spec"])
			checkDescriptors(t, kind.Kind+".status", status, schema.Properties["status"])
			if len(kind.Resources) == 0 || kind.DisplayName == "" || kind.Description == "" {
				t.Errorf("%s: resources, displayName or description is missing", kind.Kind)
			}
		}
	})
}

func checkDescriptors(t *testing.T, where string, descriptors []descriptor, schema apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	var paths []string
	for _, d := range descriptors {
		if err := resolve(schema, d.path); err != nil {
			t.Errorf("%s: descriptor %s: %v", where, d.path, err)
		}
		if d.name == "" || d.description == "" {
			t.Errorf("%s: descriptor %s lacks a display name or a description: the field's comment in api/ is the description", where, d.path)
		}
		if slices.Contains(paths, d.path) {
			t.Errorf("%s: there are two descriptors of %s", where, d.path)
		}
		paths = append(paths, d.path)
	}
	for field := range schema.Properties {
		if !slices.Contains(paths, field) {
			t.Errorf("%s.%s has no descriptor: mark it with +operator-sdk:csv:customresourcedefinitions in api/", where, field)
		}
	}
}

// resolve follows a path such as replica[0].name.
func resolve(schema apiextensionsv1.JSONSchemaProps, path string) error {
	for segment := range strings.SplitSeq(path, ".") {
		field, inList := strings.CutSuffix(segment, "[0]")
		next, ok := schema.Properties[field]
		if !ok {
			return fmt.Errorf("the definition has no field %s", field)
		}
		if inList {
			if next.Items == nil || next.Items.Schema == nil {
				return fmt.Errorf("field %s is not a list", field)
			}
			next = *next.Items.Schema
		}
		schema = next
	}
	return nil
}
