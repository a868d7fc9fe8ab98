// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// serveRegistry is an image registry, for what has to be pulled. Blobs and manifests are files
// below dir, so that one that is started again has what the one before it had.
func serveRegistry(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	handler, err := newRegistry(dir)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: registryAddress, ReadHeaderTimeout: 10 * time.Second, Handler: handler}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("registry: %w", err)
	}
	return nil
}

// newRegistry is the registry whose content is below dir.
func newRegistry(dir string) (http.Handler, error) {
	manifests := &manifestStore{dir: filepath.Join(dir, "manifests"), next: registry.New(
		registry.WithBlobHandler(registry.NewDiskBlobHandler(dir)),
		registry.Logger(log.New(os.Stderr, "", log.LstdFlags)),
	)}
	return manifests, manifests.restore()
}
