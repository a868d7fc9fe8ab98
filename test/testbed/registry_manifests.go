// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// manifestStore keeps the manifests that are put into a registry which has them in memory only.
type manifestStore struct {
	dir  string
	next http.Handler
}

// storedManifest is a manifest as it was put: a tag's newest one, or one by its digest.
type storedManifest struct {
	Path        string `json:"path"` // of the URL
	ContentType string `json:"contentType"`
	Body        []byte `json:"body"`
}

// maxManifest is far more than any manifest has, in bytes.
const maxManifest = 16 << 20

func (m *manifestStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut || !isManifestPath(r.URL.Path) {
		m.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxManifest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	stored := storedManifest{Path: r.URL.Path, ContentType: r.Header.Get("Content-Type"), Body: body}
	// Kept before it is acknowledged. One that the registry then refuses is refused again when it
	// is restored.
	if err := m.save(stored); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	m.next.ServeHTTP(w, r)
}

// isManifestPath says whether a path is /v2/NAME/manifests/REFERENCE.
func isManifestPath(p string) bool {
	return strings.HasPrefix(p, "/v2/") && path.Base(path.Dir(p)) == "manifests"
}

// save keeps a manifest under the reference it was put with and under its digest, which a pod may
// ask for after the tag has moved on.
func (m *manifestStore) save(stored storedManifest) error {
	sum := sha256.Sum256(stored.Body)
	byDigest := stored
	byDigest.Path = path.Join(path.Dir(stored.Path), "sha256:"+hex.EncodeToString(sum[:]))
	for _, s := range []storedManifest{byDigest, stored} {
		data, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("registry: %w", err)
		}
		key := sha256.Sum256([]byte(s.Path))
		file := filepath.Join(m.dir, hex.EncodeToString(key[:])+".json")
		if err := writeFile(file+".tmp", data, 0o644); err != nil {
			return err
		}
		if err := os.Rename(file+".tmp", file); err != nil {
			return fmt.Errorf("registry: %w", err)
		}
	}
	return nil
}

// restore puts what was kept into the registry. A manifest that it refuses is left out: its image
// has to be pushed again.
func (m *manifestStore) restore() error {
	entries, err := os.ReadDir(m.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(m.dir, e.Name()))
		if err != nil {
			return fmt.Errorf("registry: %w", err)
		}
		var stored storedManifest
		if err := json.Unmarshal(data, &stored); err != nil {
			return fmt.Errorf("registry: %s: %w", e.Name(), err)
		}
		req, err := http.NewRequest(http.MethodPut, stored.Path, bytes.NewReader(stored.Body))
		if err != nil {
			return fmt.Errorf("registry: %s: %w", e.Name(), err)
		}
		req.Header.Set("Content-Type", stored.ContentType)
		m.next.ServeHTTP(discard{http.Header{}}, req)
	}
	return nil
}

// discard takes an answer that nobody reads; the registry logs its refusals itself.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
