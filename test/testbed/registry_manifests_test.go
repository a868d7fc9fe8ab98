// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// serve runs a registry on dir and returns the address.
func serve(t *testing.T, dir string) (address string, stop func()) {
	t.Helper()
	handler, err := newRegistry(dir)
	must(t, err)
	server := httptest.NewServer(handler)
	at, err := url.Parse(server.URL)
	must(t, err)
	return at.Host, server.Close
}

func TestRegistryKeepsManifests(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	address, stop := serve(t, dir)
	var digests []v1.Hash
	for _, content := range []string{"one", "two"} { // the same tag, with other content
		image, err := newImage(imageSpec{ref: "example/bundle:v1", files: []imageFile{{path: "/x", data: []byte(content), mode: 0o644}}}, t.TempDir())
		must(t, err)
		defer image.close()
		ref, err := name.NewTag(address+"/example/bundle:v1", name.Insecure)
		must(t, err)
		must(t, remote.Write(ref, image.image, remote.WithContext(ctx)))
		digest, err := image.image.Digest()
		must(t, err)
		digests = append(digests, digest)
	}
	stop()

	address, stop = serve(t, dir)
	defer stop()
	for reference, want := range map[string]v1.Hash{
		":v1":                     digests[1],
		"@" + digests[0].String(): digests[0],
		"@" + digests[1].String(): digests[1],
	} {
		ref, err := name.ParseReference(address+"/example/bundle"+reference, name.Insecure)
		must(t, err)
		image, err := remote.Image(ref, remote.WithContext(ctx))
		must(t, err)
		must(t, validate.Image(image, validate.Fast))
		if got, err := image.Digest(); err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", reference, got, want, err)
		}
	}
}

func TestRegistrySurvivesAManifestItRefuses(t *testing.T) {
	dir := t.TempDir()
	store := &manifestStore{dir: filepath.Join(dir, "manifests"), next: http.NotFoundHandler()}
	must(t, store.save(storedManifest{Path: "/v2/a/b/manifests/c", Body: []byte("no manifest")}))
	must(t, store.restore())
}

func TestIsManifestPath(t *testing.T) {
	for path, want := range map[string]bool{
		"/v2/upmio/bundle/manifests/v1": true,
		"/v2/upmio/bundle/blobs/sha256": false,
		"/v2/manifests":                 false,
		"/v2/":                          false,
	} {
		if isManifestPath(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}

// Every name of an image leads to the place where containerd looks for it.
func TestRegistryTag(t *testing.T) {
	for ref, want := range map[string]string{
		"upmio/bundle:v1":                      registryAddress + "/upmio/bundle:v1",
		"bundle:v1":                            registryAddress + "/library/bundle:v1",
		"registry.example/team/bundle:v1":      registryAddress + "/team/bundle:v1",
		registryAddress + "/team/bundle:v1":    registryAddress + "/team/bundle:v1",
		"registry.example:5000/a/b/bundle:dev": registryAddress + "/a/b/bundle:dev",
	} {
		tag, err := name.NewTag(ref)
		must(t, err)
		got, err := registryTag(tag)
		must(t, err)
		if got.String() != want || got.Scheme() != "http" {
			t.Errorf("%s is pushed to %s (%s)", ref, got, got.Scheme())
		}
	}
}
