// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"encoding/json"
	"testing"

	"github.com/operator-framework/api/pkg/manifests"
	"k8s.io/apimachinery/pkg/api/validation"
)

const (
	// maxBundleSize, compressed, in bytes: OLM unpacks a bundle into one ConfigMap, and
	// the API server takes 1 MiB for that (operator-framework/api,
	// pkg/validation/internal/bundle.go, max_bundle_size).
	maxBundleSize = 1 << 20
	// share of a limit that a bundle may use. Each of the six kinds takes a twelfth of that of
	// the annotations.
	share = 0.6
)

func TestBundleSize(t *testing.T) {
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		within(t, "the compressed bundle", bundle.CompressedSize, maxBundleSize)
		within(t, "the bundle", bundle.Size, maxBundleSize)
	})
}

// TestAnnotationsSize: the annotations of an object have a limit together. To those of
// the ClusterServiceVersion OLM adds one with the bundle's properties, in which a
// catalog repeats most of the ClusterServiceVersion.
func TestAnnotationsSize(t *testing.T) {
	properties := map[string]int64{}
	for _, bundle := range readCatalog(t, catalogFile).bundles {
		data, err := json.Marshal(bundle.Properties)
		if err != nil {
			t.Fatal(err)
		}
		properties[bundle.Name] = int64(len(data))
	}
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		size := properties[bundle.CSV.Name]
		if size == 0 {
			t.Fatalf("the catalog has no properties of %s", bundle.CSV.Name)
		}
		for key, value := range bundle.CSV.Annotations {
			size += int64(len(key) + len(value))
		}
		within(t, "the annotations of the ClusterServiceVersion", size, int64(validation.TotalAnnotationSizeLimitB))
	})
}

func within(t *testing.T, what string, size, limit int64) {
	t.Helper()
	if size == 0 {
		t.Errorf("%s: the size is not known", what)
	}
	if float64(size) > share*float64(limit) {
		t.Errorf("%s has %d bytes, more than %.0f %% of the limit of %d", what, size, share*100, limit)
	}
}
