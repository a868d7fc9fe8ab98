// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/manifests"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// TestExamplesAreTheSamples: the examples that consoles show are the files of
// config/samples, one for each kind, and have a status.
func TestExamplesAreTheSamples(t *testing.T) {
	bundle := load(t, current)
	shown := map[string]map[string]any{}
	for _, example := range examples(t, bundle) {
		shown[example.GetKind()] = example.Object
		if status, _, _ := unstructured.NestedMap(example.Object, "status"); len(status) == 0 {
			t.Errorf("the example of %s has no status", example.GetKind())
		}
	}
	for _, kind := range bundle.CSV.Spec.CustomResourceDefinitions.Owned {
		if shown[kind.Kind] == nil {
			t.Errorf("%s has no example in config/samples", kind.Kind)
		}
	}
	files, err := filepath.Glob(filepath.Join(root, "config/samples/upm_*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples (%v)", err)
	}
	for _, file := range files {
		sample := decode[unstructured.Unstructured](t, strings.TrimPrefix(file, root+"/"))
		kind := sample.GetKind()
		if !reflect.DeepEqual(shown[kind], sample.Object) {
			t.Errorf("the example of %s is not %s: run make bundle\n%v\n%v", kind, file, shown[kind], sample.Object)
		}
		delete(shown, kind)
	}
	for kind := range shown {
		t.Errorf("the example of %s is not in config/samples", kind)
	}
}

// TestExamplesAreValid: under the schema of their own bundle, with no field that it
// lacks. Rules in CEL are tried on a real API server (test/admission).
func TestExamplesAreValid(t *testing.T) {
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		for _, example := range examples(t, bundle) {
			schema := schema(t, bundle, example.GetKind(), example.GroupVersionKind().Version)
			for _, problem := range violations(t, schema, example.Object) {
				t.Errorf("%s: %s", example.GetKind(), problem)
			}
		}
	})
}

// TestOldExamplesAreValidUnderNewSchema: OLM refuses an upgrade whose definitions an
// existing object does not satisfy.
func TestOldExamplesAreValidUnderNewSchema(t *testing.T) {
	newest := load(t, current)
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		for _, example := range examples(t, bundle) {
			schema := schema(t, newest, example.GetKind(), example.GroupVersionKind().Version)
			for _, problem := range violations(t, schema, example.Object) {
				t.Errorf("%s: %s", example.GetKind(), problem)
			}
		}
	})
}

// TestNoStoredVersionVanishes: nor one whose definitions lack a version that may be
// stored.
func TestNoStoredVersionVanishes(t *testing.T) {
	newest := load(t, current)
	served := map[string]bool{}
	for _, definition := range newest.V1CRDs {
		for _, version := range definition.Spec.Versions {
			served[definition.Name+" "+version.Name] = true
		}
	}
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		for _, definition := range bundle.V1CRDs {
			for _, version := range definition.Spec.Versions {
				if version.Storage && !served[definition.Name+" "+version.Name] {
					t.Errorf("%s %s, which is stored in clusters, is not in the newest bundle", definition.Name, version.Name)
				}
			}
		}
	})
}

// violations of a schema by an object.
func violations(t *testing.T, schema *apiextensionsv1.JSONSchemaProps, object map[string]any) []string {
	t.Helper()
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(schema, &internal, nil); err != nil {
		t.Fatal(err)
	}
	validator, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, err := range validation.ValidateCustomResource(field.NewPath(""), object, validator) {
		found = append(found, err.Error())
	}
	for _, part := range []string{"spec", "status"} {
		found = append(found, unknown(part, schema.Properties[part], object[part])...)
	}
	return found
}

// unknown are the fields of a value that its schema lacks.
func unknown(path string, schema apiextensionsv1.JSONSchemaProps, value any) []string {
	var found []string
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			property, known := schema.Properties[key]
			if !known && schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
				property, known = *schema.AdditionalProperties.Schema, true
			}
			if !known {
				found = append(found, fmt.Sprintf("%s.%s: the definition has no such field", path, key))
				continue
			}
			found = append(found, unknown(path+"."+key, property, inner)...)
		}
	case []any:
		for i, inner := range value {
			if schema.Items != nil && schema.Items.Schema != nil {
				found = append(found, unknown(fmt.Sprintf("%s[%d]", path, i), *schema.Items.Schema, inner)...)
			}
		}
	}
	return found
}
