// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/config/kinds"
	"github.com/upmio/compose-operator/internal/manager"
	"github.com/upmio/compose-operator/test/scorecard/live"
)

// root of the repository, as seen from this package.
const root = "../.."

// present is this repository.
func present() repository {
	return repository{root: root, scheme: manager.Scheme(), managed: manager.Kinds(), tested: tested()}
}

func tested() []string {
	var names []string
	for _, kind := range live.Kinds() {
		names = append(names, kind.Kind)
	}
	return names
}

func listed(t *testing.T, root string) []kinds.Kind {
	t.Helper()
	all, err := kinds.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEveryKindIsComplete: what is in PROJECT is everywhere else too.
func TestEveryKindIsComplete(t *testing.T) {
	for _, kind := range listed(t, root) {
		if lacks := missing(present(), kind); len(lacks) > 0 {
			t.Errorf("kind %s of PROJECT is not complete:\n  %s\nCONTRIBUTING.md, section \"A new kind\", has the steps", kind.Name, strings.Join(lacks, "\n  "))
		}
	}
}

// TestEveryKindIsListed: what the code, the definitions or the bundle know is in PROJECT.
func TestEveryKindIsListed(t *testing.T) {
	var names []string
	for _, kind := range listed(t, root) {
		names = append(names, kind.Name)
	}
	known := map[string][]string{
		"internal/manager/kinds.go":        manager.Kinds(),
		"test/scorecard/live/kinds.go":     tested(),
		"the scheme of internal/manager":   inScheme(),
		"config/crd/bases":                 defined(t),
		"the bundle's owned definitions":   owned(t),
		"the entries of resources, itself": names,
	}
	for where, have := range known {
		for _, name := range unlisted(have, names) {
			t.Errorf("%s has the kind %s, which is not in PROJECT: add it there", where, name)
		}
		if len(have) == 0 {
			t.Errorf("%s: no kind was found there: the search is broken", where)
		}
	}
}

func unlisted(have, names []string) []string {
	var found []string
	for _, name := range have {
		if !slices.Contains(names, name) {
			found = append(found, name)
		}
	}
	return found
}

// TestUnlistedKindIsFound: the comparison can fail.
func TestUnlistedKindIsFound(t *testing.T) {
	if got := unlisted([]string{"Widget", "MysqlReplication"}, []string{"MysqlReplication"}); !slices.Equal(got, []string{"Widget"}) {
		t.Errorf("%v are not listed", got)
	}
}

// inScheme are the kinds of our group: the types that have a list.
func inScheme() []string {
	var names []string
	types := manager.Scheme().KnownTypes(v1alpha1.GroupVersion)
	for name := range types {
		if _, is := types[name+"List"]; is {
			names = append(names, name)
		}
	}
	return names
}

func defined(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "config/crd/bases/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		var definition struct {
			Spec struct{ Names struct{ Kind string } }
		}
		read(t, file, &definition)
		names = append(names, definition.Spec.Names.Kind)
	}
	return names
}

func owned(t *testing.T) []string {
	t.Helper()
	var csv struct {
		Spec struct {
			Definitions struct{ Owned []struct{ Kind string } } `json:"customresourcedefinitions"`
		}
	}
	read(t, filepath.Join(root, "bundle/manifests/compose-operator.clusterserviceversion.yaml"), &csv)
	var names []string
	for _, definition := range csv.Spec.Definitions.Owned {
		names = append(names, definition.Kind)
	}
	return names
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
