// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func writeBundle(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, writeFile(filepath.Join(dir, "manifests", "csv.yaml"), []byte("kind: ClusterServiceVersion\n"), 0o600))
	must(t, writeFile(filepath.Join(dir, "metadata", "annotations.yaml"),
		[]byte("annotations:\n  "+bundleMediaTypeLabel+": registry+v1\n  example/package: p\n"), 0o644))
	return dir
}

func TestBundleImage(t *testing.T) {
	dir := writeBundle(t)
	spec, err := bundleImage(dir, "example/bundle:v1")
	must(t, err)
	if spec.labels["example/package"] != "p" || len(spec.labels) != 2 || len(spec.files) != 2 {
		t.Errorf("spec = %+v", spec)
	}
	must(t, writeFile(filepath.Join(dir, "tests", "scorecard", "config.yaml"), nil, 0o644))
	spec, err = bundleImage(dir, "example/bundle:v1")
	must(t, err)
	image, err := newImage(spec, t.TempDir())
	must(t, err)
	defer image.close()
	headers := readHeaders(t, image.image)
	// OLM reads them as a user of its own, also from a checkout that only its owner may read.
	for path, mode := range map[string]int64{
		"manifests": 0o755, "manifests/csv.yaml": 0o644, "metadata/annotations.yaml": 0o644, "tests/scorecard/config.yaml": 0o644,
	} {
		if h := headers[path]; h == nil || h.Mode&0o777 != mode {
			t.Errorf("%s = %+v", path, h)
		}
	}
	config, err := image.image.ConfigFile()
	must(t, err)
	if config.Config.Labels[bundleMediaTypeLabel] != "registry+v1" || len(config.Config.Entrypoint) != 0 {
		t.Errorf("config = %+v", config.Config)
	}
}

func TestBundleImageRefusesOtherDirectories(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"no annotations": func(dir string) error { return os.Remove(filepath.Join(dir, "metadata", "annotations.yaml")) },
		"no manifests":   func(dir string) error { return os.RemoveAll(filepath.Join(dir, "manifests")) },
		"other annotations": func(dir string) error {
			return writeFile(filepath.Join(dir, "metadata", "annotations.yaml"), []byte("annotations: {a: b}"), 0o644)
		},
		"no YAML": func(dir string) error {
			return writeFile(filepath.Join(dir, "metadata", "annotations.yaml"), []byte("\t"), 0o644)
		},
	} {
		dir := writeBundle(t)
		must(t, spoil(dir))
		if _, err := bundleImage(dir, "example/bundle:v1"); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestParseContentImage(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{dir, "--tag", "a/b:c"}, {"--tag", "a/b:c", dir}} {
		got, tag, err := parseContentImage("bundle-image", args)
		if err != nil || got != dir || tag != "a/b:c" {
			t.Errorf("%q: %s, %s, %v", args, got, tag, err)
		}
	}
	for _, args := range [][]string{{}, {dir}, {"--tag", "a/b:c"}, {dir, dir, "--tag", "a/b:c"}, {dir + "/none", "--tag", "a/b:c"}} {
		if _, _, err := parseContentImage("bundle-image", args); err == nil {
			t.Errorf("%q: accepted", args)
		}
	}
}

// A catalog pushed again with other content sends only the content.
func TestCatalogImage(t *testing.T) {
	dir := t.TempDir()
	opm := filepath.Join(dir, "opm")
	must(t, writeFile(opm, []byte("elf"), 0o755))
	configs := filepath.Join(dir, "configs")
	var programs []string
	for _, content := range []string{"one", "two"} {
		must(t, writeFile(filepath.Join(configs, "catalog.yaml"), []byte(content), 0o600))
		image, err := newImage(catalogImage(opmFiles{opm: opm, healthProbe: opm}, configs, "example/catalog:v1"), dir)
		must(t, err)
		defer image.close()
		config, err := image.image.ConfigFile()
		must(t, err)
		if config.Config.Labels[catalogLabel] != "/configs" || config.Config.User != nobody {
			t.Errorf("config = %+v", config.Config)
		}
		headers := readHeaders(t, image.image)
		for path, mode := range map[string]int64{"tmp": 0o1777, "bin/grpc_health_probe": 0o755, "configs/catalog.yaml": 0o644} {
			if h := headers[path]; h == nil || h.Mode&0o1777 != mode {
				t.Errorf("%s = %+v", path, h)
			}
		}
		layers, err := image.image.Layers()
		must(t, err)
		digest, err := layers[0].Digest()
		must(t, err)
		programs = append(programs, digest.String())
	}
	if programs[0] != programs[1] {
		t.Errorf("the programs' layers differ: %v", programs)
	}
}
