// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestBuildImage(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "base")
	must(t, writeFile(filepath.Join(base, "etc", "os-release"), []byte("debian"), 0o644))
	must(t, os.Symlink("etc/os-release", filepath.Join(base, "link")))
	tree := filepath.Join(dir, "tree")
	must(t, writeFile(filepath.Join(tree, "sub", "file"), []byte("content"), 0o600))
	binary := filepath.Join(dir, "manager")
	must(t, writeFile(binary, []byte("elf"), 0o755))

	spec := imageSpec{
		ref: "example/operator:v1", base: base, user: nobody, entrypoint: []string{"/manager"},
		files: []imageFile{
			{path: "/manager", source: binary},
			{path: "/etc/tree", source: tree},
			{path: "/etc/made", data: []byte("x"), mode: 0o640},
		},
	}
	out := filepath.Join(dir, "image.tar")
	must(t, buildImage(spec, out))

	tag, err := name.NewTag("example/operator:v1")
	must(t, err)
	image, err := tarball.ImageFromPath(out, &tag)
	must(t, err)
	must(t, validate.Image(image))
	config, err := image.ConfigFile()
	must(t, err)
	if config.Config.User != nobody || !reflect.DeepEqual(config.Config.Entrypoint, []string{"/manager"}) || config.OS != "linux" {
		t.Errorf("config = %+v", config)
	}

	headers := readHeaders(t, image)
	for path, mode := range map[string]int64{"manager": 0o755, "etc/tree/sub/file": 0o600, "etc/made": 0o640, "etc/os-release": 0o644} {
		h, ok := headers[path]
		if !ok {
			t.Errorf("%s is not in the image", path)
			continue
		}
		if h.Mode&0o777 != mode || h.Uid != 0 || !h.ModTime.Equal(epoch) {
			t.Errorf("%s: mode %o, uid %d, time %s", path, h.Mode, h.Uid, h.ModTime)
		}
	}
	if h := headers["link"]; h == nil || h.Linkname != "etc/os-release" {
		t.Errorf("link = %+v", h)
	}
}

// Equal content must give an equal image, or nothing could be kept in a cache by its digest.
func TestBuildImageIsReproducible(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "manager")
	must(t, writeFile(binary, []byte("elf"), 0o755))
	var digests []v1.Hash
	for _, out := range []string{"one.tar", "two.tar"} {
		out = filepath.Join(dir, out)
		must(t, buildImage(imageSpec{ref: "example/operator", files: []imageFile{{path: "/manager", source: binary}}}, out))
		image, err := tarball.ImageFromPath(out, nil)
		must(t, err)
		digest, err := image.Digest()
		must(t, err)
		digests = append(digests, digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("digests differ: %v", digests)
	}
}

func TestBuildImageRefusesRelativePaths(t *testing.T) {
	err := buildImage(imageSpec{ref: "a/b:c", files: []imageFile{{path: "relative"}}}, filepath.Join(t.TempDir(), "image.tar"))
	if err == nil {
		t.Error("a relative path was accepted")
	}
}

func readHeaders(t *testing.T, image v1.Image) map[string]*tar.Header {
	t.Helper()
	r := mutate.Extract(image)
	defer func() { _ = r.Close() }()
	headers := map[string]*tar.Header{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return headers
		}
		must(t, err)
		headers[h.Name] = h
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
