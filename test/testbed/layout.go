// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// modulePath names the repository's root module; its go.mod marks the repository root.
const modulePath = "github.com/upmio/compose-operator"

// runDir holds sockets and containerd's state. It is a short fixed path because a unix socket's
// path is limited to 108 bytes, which a checkout deep in somebody's home exceeds.
const runDir = "/run/compose-testbed"

// layout knows where everything is.
type layout struct {
	repo  string // the repository's root
	state string // <repo>/.testbed: kubeconfig, logs, certificates, data
	cache string // pinned binaries, root file systems and images; outlives the testbed
}

// newLayout finds the repository root: dir itself, or (when dir is empty) the nearest directory
// upwards from the working directory whose go.mod declares the root module.
func newLayout(dir string) (layout, error) {
	root, err := repoRoot(dir)
	if err != nil {
		return layout{}, err
	}
	cache := os.Getenv("COMPOSE_OPERATOR_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return layout{}, fmt.Errorf("no cache directory (set COMPOSE_OPERATOR_CACHE): %w", err)
		}
		cache = filepath.Join(base, "compose-operator")
	}
	cache, err = filepath.Abs(cache)
	if err != nil {
		return layout{}, fmt.Errorf("cache directory %s: %w", cache, err)
	}
	return layout{repo: root, state: filepath.Join(root, ".testbed"), cache: cache}, nil
}

func repoRoot(dir string) (string, error) {
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("--dir %s: %w", dir, err)
		}
		if !declaresRootModule(abs) {
			return "", fmt.Errorf("--dir %s: its go.mod does not declare module %s", dir, modulePath)
		}
		return abs, nil
	}
	at, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for {
		if declaresRootModule(at) {
			return at, nil
		}
		up := filepath.Dir(at)
		if up == at {
			return "", errors.New("not inside the compose-operator repository: give its root with --dir")
		}
		at = up
	}
}

func declaresRootModule(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if strings.TrimSpace(line) == "module "+modulePath {
			return true
		}
	}
	return false
}

// in returns a path below the testbed's state directory.
func (l layout) in(elem ...string) string {
	return filepath.Join(append([]string{l.state}, elem...)...)
}

func (l layout) kubeconfig() string      { return l.in("kubeconfig") }
func (l layout) log(name string) string  { return l.in("logs", name+".log") }
func (l layout) cert(name string) string { return l.in("certs", name) }
func (l layout) tools() string           { return filepath.Join(l.repo, "test", "tools") }
