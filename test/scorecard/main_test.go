// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/apis/scorecard/v1alpha3"
	"sigs.k8s.io/yaml"

	"github.com/upmio/compose-operator/test/scorecard/live"
	"github.com/upmio/compose-operator/test/scorecard/report"
)

const (
	definition = "manifests/example.org_widgets.yaml"
	csv        = "manifests/widgets.clusterserviceversion.yaml"
)

// run the command with a bundle, as main does.
func run(t *testing.T, args ...string) v1alpha3.TestStatus {
	t.Helper()
	var out bytes.Buffer
	if err := report.Print(&out, status(t.Context(), args, func(string) string { return "" })); err != nil {
		t.Fatal(err)
	}
	var read v1alpha3.TestStatus
	if err := json.Unmarshal(out.Bytes(), &read); err != nil {
		t.Fatalf("the scorecard cannot read this: %v\n%s", err, out.String())
	}
	if len(read.Results) == 0 {
		t.Fatal("there is no result")
	}
	return read
}

// broken copies the bundle of testdata with one text in one file exchanged.
func broken(t *testing.T, file, from, to string) string {
	t.Helper()
	directory := t.TempDir()
	if err := os.CopyFS(directory, os.DirFS("testdata/bundle")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(directory, file)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("%s has no %q", file, from)
	}
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(string(text), from, to)), 0o600); err != nil {
		t.Fatal(err)
	}
	return directory
}

func TestGoodBundlePasses(t *testing.T) {
	for _, test := range []string{"descriptors", "examples", "crd-docs"} {
		result := run(t, test, "--bundle", "testdata/bundle").Results[0]
		if result.State != v1alpha3.PassState || len(result.Errors) > 0 || len(result.Suggestions) > 0 || result.Name != test {
			t.Errorf("%s: %+v", test, result)
		}
	}
}

func TestBrokenBundleFails(t *testing.T) {
	for name, c := range map[string]struct {
		test, file, from, to string
		// failure and suggestion are parts of what a person reads.
		failure, suggestion string
		state               v1alpha3.State
	}{
		"a spec field without a descriptor": {
			"descriptors", csv, "- {path: mode, displayName: Mode, description: Mode that it works in.}\n", "\n",
			"Widget: spec.mode has no descriptor", `for "mode" to specDescriptors`, v1alpha3.FailState,
		},
		"a field of a list's entries without a descriptor": {
			"descriptors", csv, "- {path: \"parts[0].name\", displayName: Part, description: Name of the part.}\n", "\n",
			"Widget: spec.parts[0].name has no descriptor", `for "parts[0].name" to specDescriptors`, v1alpha3.FailState,
		},
		"a status field without a descriptor": {
			"descriptors", csv, "- {path: ready, displayName: Ready, description: Whether it works.}\n", "\n",
			"Widget: status.ready has no descriptor", `for "ready" to statusDescriptors`, v1alpha3.FailState,
		},
		"a descriptor of no field": {
			"descriptors", csv, "path: size,", "path: weight,",
			`specDescriptors has the path "weight" and the CRD has no field spec.weight`, `remove the descriptor "weight"`, v1alpha3.FailState,
		},
		"a descriptor of no field of a list's entries": {
			"descriptors", csv, "parts[0].name", "parts[0].weight",
			"the CRD has no field spec.parts[0].weight", "correct its path", v1alpha3.FailState,
		},
		"an index into what is no list": {
			"descriptors", csv, "path: size,", "path: \"size[0]\",",
			"the CRD has no field spec.size[0]", "correct its path", v1alpha3.FailState,
		},
		"a descriptor twice": {
			"descriptors", csv, "path: mode, displayName: Mode", "path: size, displayName: Size",
			`specDescriptors has the path "size" twice`, "remove one of the descriptors", v1alpha3.FailState,
		},
		"a descriptor without a description": {
			"descriptors", csv, "displayName: Ready, description: Whether it works.", "displayName: Ready",
			`the descriptor "ready" in statusDescriptors has no description`, `write description of the descriptor "ready"`, v1alpha3.FailState,
		},
		"a descriptor without a display name": {
			"descriptors", csv, "displayName: Size, ", "",
			`the descriptor "size" in specDescriptors has no displayName`, "write displayName", v1alpha3.FailState,
		},
		"a kind without a description": {
			"descriptors", csv, "description: A widget.", "description: ''",
			"Widget has no displayName or no description", "what it is for", v1alpha3.FailState,
		},
		"a CRD that is missing": {
			"descriptors", csv, "name: widgets.example.org", "name: gadgets.example.org",
			"the bundle has no CustomResourceDefinition gadgets.example.org", "beside the ClusterServiceVersion", v1alpha3.FailState,
		},
		"a version that is missing": {
			"crd-docs", csv, "version: v1\n", "version: v2\n",
			"has no version v2", "correct spec.customresourcedefinitions.owned", v1alpha3.FailState,
		},
		"no example": {
			"examples", csv, "alm-examples", "no-examples",
			"Widget has no example", "add a Widget with spec and status", v1alpha3.FailState,
		},
		"an example without a status": {
			"examples", csv, `"status": {"ready": true, "parts": {"left": {"state": "good"}}}`, `"status": {}`,
			`the example "one" has no status`, "the status of a set that is Ready", v1alpha3.FailState,
		},
		"an example with a wrong type": {
			"examples", csv, `"size": 3`, `"size": "3"`,
			"spec.size: Invalid value", `correct the example "one"`, v1alpha3.FailState,
		},
		"an example with a fraction for a whole number": {
			"examples", csv, `"size": 3`, `"size": 3.5`,
			"spec.size: Invalid value", `correct the example "one"`, v1alpha3.FailState,
		},
		"an example with a wrong value": {
			"examples", csv, `"size": 3`, `"size": 3, "mode": "lazy"`,
			`spec.mode: Unsupported value: "lazy"`, `correct the example "one"`, v1alpha3.FailState,
		},
		"an example without a required field": {
			"examples", csv, `"size": 3, `, ``,
			"spec.size: Required value", `correct the example "one"`, v1alpha3.FailState,
		},
		"an example with an unknown field": {
			"examples", csv, `"size": 3`, `"size": 3, "weight": 1`,
			"spec.weight: Invalid value: \"\": the CRD has no such field", "kubectl apply --dry-run=server", v1alpha3.FailState,
		},
		"an example with an unknown status field": {
			"examples", csv, `"ready": true`, `"redy": true`,
			"status.redy", `correct the example "one"`, v1alpha3.FailState,
		},
		"an example that breaks a rule": {
			"examples", csv, `"size": 3`, `"size": 1`,
			"a widget of size 1 has no parts", `correct the example "one"`, v1alpha3.FailState,
		},
		"an example with an entry twice": {
			"examples", csv, `"right"`, `"left"`,
			"spec.parts[1]: Duplicate value", `correct the example "one"`, v1alpha3.FailState,
		},
		"an example with a bad name": {
			"examples", csv, `"name": "one"`, `"name": "One"`,
			"metadata.name: Invalid value", `correct the example "One"`, v1alpha3.FailState,
		},
		"an example of another kind": {
			"examples", csv, `"kind": "Widget"`, `"kind": "Gadget"`,
			"does not own the kind of the example example.org/v1, Kind=Gadget one", "remove the example one", v1alpha3.FailState,
		},
		"examples that are no JSON": {
			"examples", csv, `"kind": "Widget",`, `"kind": "Widget"`,
			"annotation alm-examples of widgets.v1.0.0", "make bundle", v1alpha3.ErrorState,
		},
		"examples that are not objects": {
			"examples", csv, "alm-examples: |-\n", "alm-examples: '[1]'\n    other: |-\n",
			"entry 0 is not an object", "make bundle", v1alpha3.ErrorState,
		},
		"a field without a description": {
			"crd-docs", definition, ", description: Name of the part.", "",
			"Widget: spec.parts[].name has no description", "write a comment above the Go field of spec.parts[].name", v1alpha3.FailState,
		},
		"a field of a map's entries without a description": {
			"crd-docs", definition, "description: State of the part.", "description: ' '",
			"Widget: status.parts{}.state has no description", "make generate and make bundle", v1alpha3.FailState,
		},
		"a kind without a comment": {
			"crd-docs", definition, "description: Widget is an example.", "description: ''",
			"Widget: the kind has no description", "its Go type", v1alpha3.FailState,
		},
		"no kind": {
			"crd-docs", csv, "    owned:\n", "    required:\n",
			"widgets.v1.0.0 owns no kind", "make bundle", v1alpha3.ErrorState,
		},
		"no ClusterServiceVersion": {
			"crd-docs", csv, "kind: ClusterServiceVersion", "kind: Something",
			"unable to find a csv", "make bundle", v1alpha3.ErrorState,
		},
	} {
		t.Run(name, func(t *testing.T) {
			result := run(t, "--bundle", broken(t, c.file, c.from, c.to), c.test).Results[0]
			if result.State != c.state || result.Name != c.test {
				t.Errorf("%s is %s, want %s", result.Name, result.State, c.state)
			}
			has := func(list []string, part string) bool {
				return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, part) })
			}
			if !has(result.Errors, c.failure) {
				t.Errorf("no error with %q in\n%s", c.failure, strings.Join(result.Errors, "\n"))
			}
			if !has(result.Suggestions, c.suggestion) {
				t.Errorf("no suggestion with %q in\n%s", c.suggestion, strings.Join(result.Suggestions, "\n"))
			}
		})
	}
}

func TestArguments(t *testing.T) {
	for name, c := range map[string]struct {
		args       []string
		suggestion string
	}{
		"none":          {nil, "descriptors, examples, crd-docs, mysqlreplication"},
		"two tests":     {[]string{"examples", "descriptors"}, "descriptors, examples"},
		"an odd flag":   {[]string{"examples", "--odd"}, "entrypoint:"},
		"unknown test":  {[]string{"--bundle", "testdata/bundle", "odd"}, "the tests are descriptors"},
		"no directory":  {[]string{"examples", "--bundle", "testdata/nowhere"}, "make bundle"},
		"no namespace":  {[]string{"mysqlreplication", "--bundle", "testdata/bundle"}, "--namespace"},
		"asks for help": {[]string{"--help"}, "entrypoint:"},
	} {
		t.Run(name, func(t *testing.T) {
			result := run(t, c.args...).Results[0]
			if result.State != v1alpha3.ErrorState || len(result.Errors) == 0 || len(result.Suggestions) != 1 || !strings.Contains(result.Suggestions[0], c.suggestion) {
				t.Errorf("%+v, want a suggestion with %q", result, c.suggestion)
			}
		})
	}
}

func TestFlagsGoBeforeVariables(t *testing.T) {
	environment := map[string]string{"SCORECARD_NAMESPACE": "of-the-pod", "MYSQL_IMAGE": "mirror/mysql:1", "REDIS_IMAGE": "mirror/redis:1", "PROXYSQL_IMAGE": "mirror/proxysql:1", "HOSTNAME": "scorecard-test-abcd"}
	a, err := parse([]string{"mysqlreplication"}, func(name string) string { return environment[name] })
	if err != nil || a.Namespace != "of-the-pod" || a.MySQLImage != "mirror/mysql:1" || a.RedisImage != "mirror/redis:1" || a.ProxysqlImage != "mirror/proxysql:1" || a.Pod != "scorecard-test-abcd" || a.bundle != "/bundle" {
		t.Errorf("from the environment: %+v, %v", a, err)
	}
	environment["KUBECONFIG"] = "file"
	a, err = parse([]string{"--mysql-image=a", "mysqlreplication", "--namespace", "b"}, func(name string) string { return environment[name] })
	if err != nil || a.Namespace != "b" || a.MySQLImage != "a" || a.Pod != "" || a.test != "mysqlreplication" {
		t.Errorf("from the flags: %+v, %v", a, err)
	}
}

// The bundle of this repository passes the tests that need no cluster, and what it
// has the scorecard run is what there is.
func TestOwnBundle(t *testing.T) {
	const own = "../../bundle"
	text, err := os.ReadFile(filepath.Join(own, "tests/scorecard/config.yaml"))
	if err != nil {
		t.Fatalf("%v: make bundle writes it", err)
	}
	var configuration v1alpha3.Configuration
	if err := yaml.Unmarshal(text, &configuration); err != nil {
		t.Fatal(err)
	}
	called := []string{}
	for _, stage := range configuration.Stages {
		for _, test := range stage.Tests {
			if test.Entrypoint[0] == "compose-operator-scorecard" {
				called = append(called, test.Entrypoint[1])
			}
		}
	}
	have := names()
	slices.Sort(called)
	slices.Sort(have)
	if !slices.Equal(called, have) {
		t.Errorf("the scorecard's configuration calls %v and there are %v", called, have)
	}
	for _, test := range []string{"descriptors", "examples", "crd-docs"} {
		result := run(t, test, "--bundle", own).Results[0]
		if result.State != v1alpha3.PassState {
			t.Errorf("%s: %s\n%s", test, strings.Join(result.Errors, "\n"), strings.Join(result.Suggestions, "\n"))
		}
	}
}

// The role for the tests on the cluster names every kind that has one.
func TestRoleNamesEveryKind(t *testing.T) {
	text, err := os.ReadFile("rbac.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range live.Kinds() {
		if !strings.Contains(string(text), kind.Name()+"s") {
			t.Errorf("rbac.yaml does not name %ss", kind.Name())
		}
	}
}
