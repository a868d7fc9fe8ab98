// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root of the repository, as seen from this package.
const root = "../.."

// TestCommitted: what is committed is what PROJECT makes. make verify asks for the same
// of everything that is generated; this needs no tool.
func TestCommitted(t *testing.T) {
	all, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := Files(all)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		if have, err := os.ReadFile(filepath.Join(root, path)); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not what PROJECT makes (%v): make generate, and commit the result", path, err)
		}
	}
}

func TestRead(t *testing.T) {
	const entry = "resources:\n- {domain: syntropycloud.io, group: upm, version: v1alpha1, kind: "
	for name, c := range map[string]struct{ project, want, problem string }{
		"a plural by rule":   {project: entry + "RedisCluster}", want: "redisclusters.upm.syntropycloud.io"},
		"a plural of one's":  {project: entry + "Proxy, plural: proxies}", want: "proxies.upm.syntropycloud.io"},
		"no plural by rule":  {project: entry + "Proxy}", problem: "say with plural:"},
		"another one":        {project: entry + "Redis}", problem: "say with plural:"},
		"a kind twice":       {project: entry + "A}\n" + strings.TrimPrefix(entry, "resources:\n") + "A}", problem: "stands there twice"},
		"an entry that ails": {project: "resources:\n- {kind: A}", problem: "entry 1 of resources lacks"},
		"no kind":            {project: "version: \"3\"", problem: "has no resources"},
		"no YAML":            {project: "resources: [", problem: "PROJECT"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, ProjectFile), []byte(c.project), 0o600); err != nil {
				t.Fatal(err)
			}
			all, err := Read(dir)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("%v, %v; want an error with %q", all, err, c.problem)
				}
				return
			}
			if err != nil || all[0].Definition() != c.want {
				t.Errorf("%v, %v; want %s", all, err, c.want)
			}
		})
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("no error without a list")
	}
}

// TestWriteKeepsOthers: a file beside the generated ones that a person wrote stays.
func TestWriteKeepsOthers(t *testing.T) {
	dir := t.TempDir()
	project, err := os.ReadFile(filepath.Join(root, ProjectFile))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		ProjectFile:                      string(project),
		"config/rbac/auditor_roles.yaml": "# Written by a person.\n",
		"config/rbac/gone_roles.yaml":    "# Made from PROJECT by config/kinds: make generate.\n",
	}
	if err := os.MkdirAll(filepath.Join(dir, "config/rbac"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"auditor_roles.yaml": true, "gone_roles.yaml": false, "mysqlreplication_roles.yaml": true} {
		if _, err := os.Stat(filepath.Join(dir, "config/rbac", name)); (err == nil) != want {
			t.Errorf("%s is there: %t, want %t", name, err == nil, want)
		}
	}
}
