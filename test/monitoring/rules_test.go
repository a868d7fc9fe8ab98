// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const runbooks = "https://github.com/upmio/compose-operator/blob/main/docs/runbooks/"

type rule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

type ruleTests struct {
	Tests []struct {
		Name        string
		InputSeries []struct{ Series string } `json:"input_series"`
		Alerts      []struct {
			Alert    string `json:"alertname"`
			Expected []any  `json:"exp_alerts"`
		} `json:"alert_rule_test"`
	}
}

// rules of config/prometheus, by alert.
func rules(t *testing.T) map[string]rule {
	t.Helper()
	manifest := decode[struct {
		Spec struct{ Groups []struct{ Rules []rule } }
	}](t, "config/prometheus/rules.yaml")
	all := map[string]rule{}
	for _, group := range manifest.Spec.Groups {
		for _, one := range group.Rules {
			if _, twice := all[one.Alert]; twice || one.Alert == "" {
				t.Errorf("there are two alerts %q", one.Alert)
			}
			all[one.Alert] = one
		}
	}
	if len(all) < 8 {
		t.Fatalf("only %d alerts were found", len(all))
	}
	return all
}

var labelInText = regexp.MustCompile(`\$labels\.(\w+)`)

func TestRules(t *testing.T) {
	all := exported(t)
	for name, one := range rules(t) {
		check(t, all, name, one.Expr)
		if severity := one.Labels["severity"]; severity != "warning" && severity != "critical" {
			t.Errorf("%s has the severity %q", name, severity)
		}
		if one.Annotations["summary"] == "" || one.Annotations["description"] == "" {
			t.Errorf("%s lacks a summary or a description", name)
		}
		if want := runbooks + name + ".md"; one.Annotations["runbook_url"] != want {
			t.Errorf("the runbook of %s is %q, want %s", name, one.Annotations["runbook_url"], want)
		}
		_, grouped := usages(one.Expr)
		for _, text := range one.Annotations {
			for _, match := range labelInText.FindAllStringSubmatch(text, -1) {
				if !slices.Contains(grouped, match[1]) {
					t.Errorf("%s speaks of the label %s, which its expression does not keep", name, match[1])
				}
			}
		}
	}
}

// TestRuleTests: they name what exists, and each alert has a case in which it fires and
// one in which it does not.
func TestRuleTests(t *testing.T) {
	all, alerts := exported(t), rules(t)
	fires, silent := map[string]bool{}, map[string]bool{}
	files, err := filepath.Glob("alerts/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of rules: %v", err)
	}
	for _, file := range files {
		for _, test := range decode[ruleTests](t, filepath.Join("test/monitoring", file)).Tests {
			for _, input := range test.InputSeries {
				check(t, all, test.Name, input.Series)
			}
			for _, expected := range test.Alerts {
				if alerts[expected.Alert].Alert == "" {
					t.Errorf("%s: there is no alert %s", test.Name, expected.Alert)
				}
				if len(expected.Expected) > 0 {
					fires[expected.Alert] = true
				} else {
					silent[expected.Alert] = true
				}
			}
		}
	}
	for name := range alerts {
		if !fires[name] || !silent[name] {
			t.Errorf("%s is tested to fire: %t, not to fire: %t", name, fires[name], silent[name])
		}
	}
}

var reasonRow = regexp.MustCompile("(?m)^\\| `(\\w+)` \\|")

// TestCredentialReasons: the alert knows each reason for which passwords are not to be
// had. The page's table is compared with the code by test/docs.
func TestCredentialReasons(t *testing.T) {
	_, section, found := strings.Cut(string(read(t, "docs/mysqlreplication.md")), "\n### Credentials\n")
	if !found {
		t.Fatal("docs/mysqlreplication.md has no section Credentials")
	}
	section, _, _ = strings.Cut(section, "\n### ")
	var wanted []string
	for _, match := range reasonRow.FindAllStringSubmatch(section, -1) {
		wanted = append(wanted, match[1])
	}
	match := regexp.MustCompile(`reason=~"([^"]*)"`).FindStringSubmatch(rules(t)["ComposeOperatorCredentialsBroken"].Expr)
	if match == nil {
		t.Fatal("the alert names no reasons")
	}
	got := strings.Split(match[1], "|")
	slices.Sort(got)
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) || len(got) < 5 {
		t.Errorf("the alert knows %q, the documented reasons are %q", got, wanted)
	}
}

// TestRunbooks: each alert has a page, each page an alert, and all have the same parts.
func TestRunbooks(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "docs/runbooks/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		pages = append(pages, name)
		page, from := string(read(t, "docs/runbooks/"+name+".md")), 0
		for _, part := range []string{"# " + name + "\n", "\n## Meaning\n", "\n## Impact\n", "\n## Diagnosis\n", "\n## Mitigation\n"} {
			at := strings.Index(page[from:], part)
			if at < 0 {
				t.Errorf("the runbook of %s lacks %q in its place", name, strings.TrimSpace(part))
				break
			}
			from += at
		}
		if !strings.Contains(page, "```sh\n") {
			t.Errorf("the runbook of %s has no commands", name)
		}
	}
	slices.Sort(pages)
	if alerts := slices.Sorted(maps.Keys(rules(t))); !slices.Equal(alerts, pages) {
		t.Errorf("alerts are %q, runbooks %q", alerts, pages)
	}
}
