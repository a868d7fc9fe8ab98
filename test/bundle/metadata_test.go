// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"bufio"
	"bytes"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// annotations of a bundle.
func annotations(t *testing.T, dir string) map[string]string {
	t.Helper()
	return decode[struct {
		Annotations map[string]string `json:"annotations"`
	}](t, filepath.Join(dir, "metadata/annotations.yaml")).Annotations
}

// TestMetadata: every bundle is in the catalog's channels, and the image says of itself
// what its annotations say.
func TestMetadata(t *testing.T) {
	channels := slices.Sorted(maps.Keys(readCatalog(t, catalogFile).channels))
	for _, dir := range bundleDirs(t) {
		annotations := annotations(t, dir)
		for key, want := range map[string]string{
			"operators.operatorframework.io.bundle.package.v1":         packageName,
			"operators.operatorframework.io.bundle.channels.v1":        strings.Join(channels, ","),
			"operators.operatorframework.io.bundle.channel.default.v1": readCatalog(t, catalogFile).pkg.DefaultChannel,
			"operators.operatorframework.io.test.config.v1":            "tests/scorecard/",
		} {
			if got := annotations[key]; got != want {
				t.Errorf("%s: annotation %s is %q, want %q", dir, key, got, want)
			}
		}
	}
	labels := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(read(t, "bundle.Dockerfile")))
	for lines.Scan() {
		if label, ok := strings.CutPrefix(lines.Text(), "LABEL "); ok {
			key, value, _ := strings.Cut(label, "=")
			labels[key] = value
		}
	}
	if !maps.Equal(labels, annotations(t, current)) {
		t.Errorf("bundle.Dockerfile has the labels\n%v\nthe annotations are\n%v", labels, annotations(t, current))
	}
}
