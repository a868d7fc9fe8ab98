// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestModuleVersion(t *testing.T) {
	for _, goMod := range []string{
		"module m\n\nrequire k8s.io/kubernetes v1.37.2\n",
		"module m\n\nrequire (\n\tk8s.io/kubernetes-extra v9.9.9\n\tk8s.io/kubernetes v1.37.2 // indirect\n)\n",
	} {
		got, err := moduleVersion(goMod, "k8s.io/kubernetes")
		if err != nil || got != "v1.37.2" {
			t.Errorf("%q: %q, %v", goMod, got, err)
		}
	}
	if _, err := moduleVersion("module m\n", "k8s.io/kubernetes"); err == nil {
		t.Error("a missing requirement was found")
	}
}

// Every tool has a module of that name with a pinned version, and every module is a tool.
func TestToolModules(t *testing.T) {
	l := layout{repo: filepath.Join("..", ".."), cache: t.TempDir()}
	known := map[string]bool{}
	for _, m := range toolModules {
		known[m.dir] = true
		dir, version, err := m.outDir(l)
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains(dir, m.dir+"-"+version+"-") {
			t.Errorf("%s %s is kept in %s", m.dir, version, dir)
		}
	}
	entries, err := os.ReadDir(l.tools())
	must(t, err)
	for _, e := range entries {
		if e.IsDir() && !known[e.Name()] {
			t.Errorf("test/tools/%s is built by nobody", e.Name())
		}
	}
	for _, c := range components {
		if c.binary == "" {
			continue
		}
		if _, _, err := findTool(c.binary); err != nil {
			t.Errorf("component %s: %v", c.name, err)
		}
	}
}

func TestBinaryName(t *testing.T) {
	for _, name := range []string{"etcd", "kubelet", "kustomize", "controller-gen", "golangci-lint", "opm", "cpb", "scorecard-test", "grpc-health-probe", "promtool"} {
		if _, _, err := findTool(name); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := findTool("v5"); err == nil {
		t.Error("a major version became a tool's name")
	}
}

func TestKubernetesVersionFlags(t *testing.T) {
	flags := kubernetesVersionFlags("v1.37.2")
	for _, want := range []string{"gitVersion=v1.37.2 ", "gitMajor=1 ", "gitMinor=37 "} {
		if !strings.Contains(flags, want) {
			t.Errorf("%q is not in %q", want, flags)
		}
	}
}
