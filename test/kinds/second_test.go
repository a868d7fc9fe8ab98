// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/apis/scorecard/v1alpha3"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/upmio/compose-operator/config/kinds"
)

// second is an entry of a kind that does not exist.
const second = `- api:
    crdVersion: v1
    namespaced: true
  controller: true
  domain: syntropycloud.io
  group: upm
  kind: WidgetCluster
  path: github.com/upmio/compose-operator/api/v1alpha1
  version: v1alpha1
  webhooks:
    validation: true
    webhookVersion: v1
`

// TestASecondKind adds a kind to PROJECT in a copy of the repository: one entry in one
// file makes everything that can be made, and the rest is asked for.
func TestASecondKind(t *testing.T) {
	dir := copied(t)
	before := tree(t, dir)
	write(t, dir, kinds.ProjectFile, strings.Replace(before[kinds.ProjectFile], "version: \"3\"", second+"version: \"3\"", 1))
	if err := kinds.Write(dir); err != nil {
		t.Fatal(err)
	}
	after := tree(t, dir)

	changed := []string{}
	for path := range after {
		if before[path] != after[path] {
			changed = append(changed, path)
		}
	}
	slices.Sort(changed)
	if want := []string{
		"PROJECT",
		"config/crd/kustomization.yaml",
		"config/rbac/kustomization.yaml",
		"config/rbac/widgetcluster_roles.yaml",
		"config/samples/kustomization.yaml",
		"config/scorecard/kinds.yaml",
		"internal/manager/zz_generated.rbac.go",
		"test/scorecard/rbac.yaml",
	}; !slices.Equal(changed, want) {
		t.Errorf("changed are\n%s\nwant\n%s", strings.Join(changed, "\n"), strings.Join(want, "\n"))
	}

	t.Run("kustomizations", func(t *testing.T) {
		for file, want := range map[string]string{
			"config/crd/kustomization.yaml":     "bases/upm.syntropycloud.io_widgetclusters.yaml",
			"config/rbac/kustomization.yaml":    "widgetcluster_roles.yaml",
			"config/samples/kustomization.yaml": "upm_v1alpha1_widgetcluster.yaml",
		} {
			var was, is struct{ Resources []string }
			parse(t, before[file], &was)
			parse(t, after[file], &is)
			if want := append(was.Resources, want); !slices.Equal(is.Resources, want) {
				t.Errorf("%s has %v, want %v", file, is.Resources, want)
			}
		}
	})

	t.Run("roles for users", func(t *testing.T) {
		documents := strings.Split(after["config/rbac/widgetcluster_roles.yaml"], "\n---\n")
		if len(documents) != 2 {
			t.Fatalf("there are %d roles", len(documents))
		}
		for i, want := range []struct {
			name, label string
			writes      bool
		}{
			{"compose-operator-widgetcluster-editor", "rbac.authorization.k8s.io/aggregate-to-edit", true},
			{"compose-operator-widgetcluster-viewer", "rbac.authorization.k8s.io/aggregate-to-view", false},
		} {
			var role rbacv1.ClusterRole
			parse(t, documents[i], &role)
			rule := role.Rules[0]
			if role.Name != want.name || role.Labels[want.label] != "true" || !slices.Equal(rule.Resources, []string{"widgetclusters"}) ||
				!slices.Equal(rule.APIGroups, []string{"upm.syntropycloud.io"}) || slices.Contains(rule.Verbs, "create") != want.writes {
				t.Errorf("role %s has labels %v and rules %v", role.Name, role.Labels, role.Rules)
			}
		}
	})

	t.Run("rights of the operator", func(t *testing.T) {
		for _, want := range []string{"widgetclusters,verbs=get;list;watch;patch\n", "widgetclusters/status,verbs=patch\n", "widgetclusters/finalizers,verbs=update\n"} {
			if !strings.Contains(after["internal/manager/zz_generated.rbac.go"], "//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources="+want) {
				t.Errorf("there is no marker for %s", want)
			}
		}
	})

	t.Run("scorecard", func(t *testing.T) {
		was, is := scorecard(t, before), scorecard(t, after)
		if want := append(was, "compose-operator-scorecard widgetcluster widgetcluster"); len(was) == 0 || !slices.Equal(is, want) {
			t.Errorf("the tests are %v, want %v", is, want)
		}
		if !strings.Contains(after["test/scorecard/rbac.yaml"], "resources: [widgetclusters]") {
			t.Error("the test may not create the example")
		}
	})

	t.Run("the rest is asked for", func(t *testing.T) {
		all := listed(t, dir)
		r := present()
		r.root = dir
		for _, kind := range all[:len(all)-1] {
			if lacks := missing(r, kind); len(lacks) > 0 {
				t.Errorf("%s lacks %v", kind.Name, lacks)
			}
		}
		var where []string
		for _, one := range missing(r, all[len(all)-1]) {
			path, _, _ := strings.Cut(strings.TrimPrefix(one, "add to "), ": ")
			where = append(where, path)
		}
		if want := []string{
			"api/v1alpha1/widgetcluster_types.go",
			"api/v1alpha1/groupversion_info.go",
			"api/v1alpha1/widgetcluster_types.go",
			"api/v1alpha1/widgetcluster_types.go",
			"config/crd/bases/upm.syntropycloud.io_widgetclusters.yaml",
			"config/samples/upm_v1alpha1_widgetcluster.yaml",
			"internal/manager/kinds.go",
			"internal/webhook/widgetcluster_validator.go",
			"internal/manager/admission.go",
			"config/webhook/manifests.yaml",
			"test/admission",
			"test/e2e",
			"test/scorecard/live/kinds.go",
			"docs/scorecard.md",
			"docs/widgetcluster.md",
			"README.md",
			"examples",
			"config/manifests/bases/compose-operator.clusterserviceversion.yaml",
			"CHANGELOG.md",
		}; !slices.Equal(where, want) {
			t.Errorf("asked for is\n%s\nwant\n%s", strings.Join(where, "\n"), strings.Join(want, "\n"))
		}
	})

	t.Run("and taken out again", func(t *testing.T) {
		write(t, dir, kinds.ProjectFile, before[kinds.ProjectFile])
		if err := kinds.Write(dir); err != nil {
			t.Fatal(err)
		}
		if again := tree(t, dir); !maps.Equal(again, before) {
			t.Errorf("%d files are left, there were %d", len(again), len(before))
		}
	})
}

// scorecard are the tests that the patch adds: entrypoint and label.
func scorecard(t *testing.T, files map[string]string) []string {
	t.Helper()
	var patch []struct {
		Op, Path string
		Value    v1alpha3.StageConfiguration
	}
	parse(t, files["config/scorecard/kinds.yaml"], &patch)
	if len(patch) != 1 || patch[0].Op != "add" || patch[0].Path != "/stages/-" {
		t.Fatalf("the patch is %+v", patch)
	}
	var tests []string
	for _, test := range patch[0].Value.Tests {
		tests = append(tests, strings.Join(test.Entrypoint, " ")+" "+test.Labels["test"])
	}
	return tests
}

// copied is a copy of what the generator and the search look at.
func copied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"api", "config", "docs", "examples", "internal/manager", "internal/webhook", "test/admission", "test/e2e", "test/scorecard"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{kinds.ProjectFile, "README.md", "CHANGELOG.md"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(content))
	}
	return dir
}

// tree is the content of every file below a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir+"/")] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func parse(t *testing.T, content string, into any) {
	t.Helper()
	if err := yaml.Unmarshal(bytes.TrimSpace([]byte(content)), into); err != nil {
		t.Fatalf("%v in\n%s", err, content)
	}
}
