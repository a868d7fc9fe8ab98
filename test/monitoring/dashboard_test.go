// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type dashboard struct {
	Title, UID    string
	SchemaVersion int
	Panels        []panel
	Templating    struct{ List []variable }
}

type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ X, Y, W, H int }
	Datasource  source
	Targets     []struct {
		RefID, Expr string
		Datasource  source
	}
}

type source struct{ Type, UID string }

type variable struct {
	Name, Type string
	// Query is a text or has one.
	Query json.RawMessage
}

// dashboards of config/grafana by file. encoding/json does not mind upper case.
func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "config/grafana/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	all := map[string]dashboard{}
	for _, file := range files {
		var d dashboard
		if err := json.Unmarshal(read(t, "config/grafana/"+filepath.Base(file)), &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = d
	}
	return all
}

var variableInText = regexp.MustCompile(`\$\{?(\w+)`)

func TestDashboards(t *testing.T) {
	all := exported(t)
	for file, d := range dashboards(t) {
		if d.Title == "" || d.UID == "" || d.SchemaVersion == 0 {
			t.Errorf("%s lacks a title, a uid or the version of its schema", file)
		}
		used, defined := checkPanels(t, all, d), []string{}
		for _, v := range d.Templating.List {
			defined = append(defined, v.Name)
			if v.Type == "query" {
				used = append(used, checkVariable(t, all, v)...)
			}
		}
		for _, name := range []string{"datasource", "kind", "namespace", "name"} {
			if !slices.Contains(defined, name) || !slices.Contains(used, name) {
				t.Errorf("%s: the variable %s is missing or not used", file, name)
			}
		}
		for _, name := range used {
			if !slices.Contains(defined, name) && !strings.HasPrefix(name, "__") {
				t.Errorf("%s uses the variable %s, which is not defined", file, name)
			}
		}
	}
}

// checkPanels returns the variables that the panels use.
func checkPanels(t *testing.T, all map[string][]string, d dashboard) (used []string) {
	t.Helper()
	for i, p := range d.Panels {
		if at := p.GridPos; at.W < 1 || at.H < 1 || at.X < 0 || at.X+at.W > 24 {
			t.Errorf("panel %q is outside the grid: %+v", p.Title, at)
		}
		for _, other := range d.Panels[:i] {
			a, b := p.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panels %q and %q overlap", p.Title, other.Title)
			}
			if p.ID == other.ID || p.Title == other.Title {
				t.Errorf("panels %q and %q have one id or title", p.Title, other.Title)
			}
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("panel %q has no query or a data source of its own", p.Title)
		}
		for _, target := range p.Targets {
			check(t, all, p.Title, target.Expr)
			for _, match := range variableInText.FindAllStringSubmatch(target.Expr+target.Datasource.UID, -1) {
				used = append(used, match[1])
			}
		}
	}
	return used
}

var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// checkVariable returns the variables that the query of a variable uses.
func checkVariable(t *testing.T, all map[string][]string, v variable) (used []string) {
	t.Helper()
	var query struct{ Query string }
	if err := json.Unmarshal(v.Query, &query); err != nil {
		t.Errorf("variable %s: %v", v.Name, err)
		return nil
	}
	match := labelValues.FindStringSubmatch(query.Query)
	if match == nil {
		t.Errorf("variable %s asks for %q, which are not a label's values", v.Name, query.Query)
		return nil
	}
	check(t, all, "variable "+v.Name, match[1])
	metrics, _ := usages(match[1])
	if !slices.Contains(all[metrics[0].metric], match[2]) {
		t.Errorf("variable %s: %s has no label %s", v.Name, metrics[0].metric, match[2])
	}
	for _, found := range variableInText.FindAllStringSubmatch(query.Query, -1) {
		used = append(used, found[1])
	}
	return used
}

// TestDashboardsAreFound: all of them are in the ConfigMap, which has the label that
// Grafana's sidecar looks for.
func TestDashboardsAreFound(t *testing.T) {
	kustomization := decode[struct {
		ConfigMapGenerator []struct {
			Files   []string
			Options struct{ Labels map[string]string }
		}
	}](t, "config/grafana/kustomization.yaml")
	if len(kustomization.ConfigMapGenerator) != 1 {
		t.Fatal("config/grafana makes no ConfigMap")
	}
	made := kustomization.ConfigMapGenerator[0]
	if made.Options.Labels["grafana_dashboard"] != "1" {
		t.Errorf("labels %v", made.Options.Labels)
	}
	for file := range dashboards(t) {
		if !slices.Contains(made.Files, file) {
			t.Errorf("%s is not in the ConfigMap", file)
		}
	}
}
