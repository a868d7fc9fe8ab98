// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/manifests"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	// root of the repository, as seen from this package.
	root        = "../.."
	packageName = "compose-operator"
	// current is the directory of the newest bundle, older that of its predecessors.
	current = "bundle"
	older   = "catalog/bundles"
)

// bundleDirs are all bundles, the newest last.
func bundleDirs(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(root, older, "v*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no bundle below %s (%v)", older, err)
	}
	for i, dir := range dirs {
		if dirs[i], err = filepath.Rel(root, dir); err != nil {
			t.Fatal(err)
		}
	}
	return append(dirs, current)
}

// load reads the bundle in a directory below the root.
func load(t *testing.T, dir string) *manifests.Bundle {
	t.Helper()
	bundle, err := manifests.GetBundleFromDir(filepath.Join(root, dir))
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return bundle
}

// eachBundle runs a test over every bundle.
func eachBundle(t *testing.T, test func(*testing.T, *manifests.Bundle)) {
	for _, dir := range bundleDirs(t) {
		t.Run(dir, func(t *testing.T) { test(t, load(t, dir)) })
	}
}

// read reads a file below the root, or one that has its whole path.
func read(t *testing.T, name string) []byte {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(root, name)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// decode reads a YAML file into a value of type T; a field that T
// lacks is an error.
func decode[T any](t *testing.T, name string) T {
	t.Helper()
	var value T
	if err := yaml.UnmarshalStrict(read(t, name), &value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}

// examples are the custom resources of the annotation alm-examples.
func examples(t *testing.T, bundle *manifests.Bundle) []unstructured.Unstructured {
	t.Helper()
	var list []unstructured.Unstructured
	if err := json.Unmarshal([]byte(bundle.CSV.Annotations["alm-examples"]), &list); err != nil {
		t.Fatalf("annotation alm-examples: %v", err)
	}
	return list
}

// schema of the version of a kind that the bundle's definitions give.
func schema(t *testing.T, bundle *manifests.Bundle, kind, version string) *apiextensionsv1.JSONSchemaProps {
	t.Helper()
	for _, definition := range bundle.V1CRDs {
		for _, v := range definition.Spec.Versions {
			if definition.Spec.Names.Kind == kind && v.Name == version {
				return v.Schema.OpenAPIV3Schema
			}
		}
	}
	t.Fatalf("the bundle has no definition of %s %s", kind, version)
	return nil
}

// version of a bundle, from its ClusterServiceVersion's name.
func version(t *testing.T, bundle *manifests.Bundle) string {
	t.Helper()
	version, ok := strings.CutPrefix(bundle.CSV.Name, packageName+".v")
	if !ok {
		t.Fatalf("the ClusterServiceVersion is called %s, not %s.vX.Y.Z", bundle.CSV.Name, packageName)
	}
	return version
}
