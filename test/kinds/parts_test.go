// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/upmio/compose-operator/config/kinds"
)

// repository is where the parts of a kind are looked for: files, and what the code says.
type repository struct {
	root string
	// scheme of the manager.
	scheme *runtime.Scheme
	// managed are the kinds that the manager has an engine for, tested those that the
	// scorecard has a test for.
	managed, tested []string
}

// part is something that a person has to write, or a tool other than config/kinds.
type part struct {
	// where it belongs; KIND, LOWER, VERSION and so on stand for the kind's.
	where string
	// what it is.
	what  string
	there func(r repository, k kinds.Kind) bool
}

// parts of a kind, in the order in which they are best written.
var parts = []part{
	{"api/VERSION/LOWER_types.go", "the types", file("api/VERSION/LOWER_types.go")},
	{"api/VERSION/groupversion_info.go", "KIND and KINDList in addKnownTypes", registered},
	{
		"api/VERSION/LOWER_types.go", `+kubebuilder:resource above KIND, with categories=compose: "kubectl get compose" shows every kind`,
		text("api/VERSION/LOWER_types.go", "+kubebuilder:resource:path=PLURAL", "categories=compose"),
	},
	{
		"api/VERSION/LOWER_types.go", "+operator-sdk:csv:customresourcedefinitions: displayName and resources above KIND, type=spec and type=status above the fields",
		text("api/VERSION/LOWER_types.go", "+operator-sdk:csv:customresourcedefinitions:displayName=", "resources={{",
			"+operator-sdk:csv:customresourcedefinitions:type=spec", "+operator-sdk:csv:customresourcedefinitions:type=status"),
	},
	{"config/crd/DEFINITION", "the definition (make generate)", file("config/crd/DEFINITION")},
	{"config/samples/SAMPLE", "an example with a status", text("config/samples/SAMPLE", "\nkind: KIND\n", "\nspec:\n", "\nstatus:\n")},
	{"internal/manager/kinds.go", "the kind's engine in kinds()", func(r repository, k kinds.Kind) bool { return slices.Contains(r.managed, k.Name) }},
	{"internal/webhook/LOWER_validator.go", "the validator, with its +kubebuilder:webhook marker", ifValidated(file("internal/webhook/LOWER_validator.go"))},
	{"internal/manager/admission.go", "webhook.SetupKIND in setupAdmission", ifValidated(text("internal/manager/admission.go", "webhook.SetupKIND("))},
	{"config/webhook/manifests.yaml", "the webhook (make generate)", ifValidated(text("config/webhook/manifests.yaml", "\n    - PLURAL\n"))},
	{"test/admission", "what the API server accepts and refuses", mentioned("test/admission", ".go", "KIND")},
	{"test/e2e", "the kind on a real cluster", mentioned("test/e2e", ".go", "KIND")},
	{"test/scorecard/live/kinds.go", "the kind's scorecard test in Kinds(), with its steps in LOWER.go", func(r repository, k kinds.Kind) bool { return slices.Contains(r.tested, k.Name) }},
	{"docs/scorecard.md", "a row about the test `LOWER`", text("docs/scorecard.md", "\n| `LOWER` |")},
	{"docs/LOWER.md", "the manual", file("docs/LOWER.md")},
	{"README.md", "a link to docs/LOWER.md", text("README.md", "](docs/LOWER.md")},
	{"examples", "a KIND that a user can start from", mentioned("examples", ".yaml", "\nkind: KIND\n")},
	{"config/manifests/bases/compose-operator.clusterserviceversion.yaml", "a row about `KIND` in the description (make bundle adds the rest)", text("config/manifests/bases/compose-operator.clusterserviceversion.yaml", "| `KIND` |")},
	{"CHANGELOG.md", "`KIND`, under Unreleased", text("CHANGELOG.md", "`KIND`")},
}

// missing parts of a kind, each as what to do.
func missing(r repository, k kinds.Kind) []string {
	var found []string
	for _, p := range parts {
		if !p.there(r, k) {
			found = append(found, "add to "+of(k, p.where)+": "+of(k, p.what))
		}
	}
	return found
}

// of fills in the kind's names.
func of(k kinds.Kind, s string) string {
	return strings.NewReplacer("KIND", k.Name, "LOWER", k.Lower(), "PLURAL", k.Plural, "VERSION", k.Version,
		"DEFINITION", k.DefinitionFile(), "SAMPLE", k.Sample()).Replace(s)
}

// file says whether there is one of this name.
func file(name string) func(repository, kinds.Kind) bool { return text(name) }

// text says whether a file has all of these texts.
func text(name string, texts ...string) func(repository, kinds.Kind) bool {
	return func(r repository, k kinds.Kind) bool {
		content, err := os.ReadFile(filepath.Join(r.root, of(k, name)))
		return err == nil && !slices.ContainsFunc(texts, func(want string) bool { return !strings.Contains(string(content), of(k, want)) })
	}
}

// mentioned says whether a file below a directory has the text.
func mentioned(dir, suffix, want string) func(repository, kinds.Kind) bool {
	return func(r repository, k kinds.Kind) bool {
		is := false
		// A directory that is not there mentions nothing.
		_ = filepath.WalkDir(filepath.Join(r.root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, suffix) {
				return err
			}
			content, err := os.ReadFile(path)
			is = is || strings.Contains(string(content), of(k, want))
			return err
		})
		return is
	}
}

// ifValidated asks for a part only when the webhook looks at the kind.
func ifValidated(there func(repository, kinds.Kind) bool) func(repository, kinds.Kind) bool {
	return func(r repository, k kinds.Kind) bool { return !k.Validated || there(r, k) }
}

func registered(r repository, k kinds.Kind) bool {
	gvk := schema.GroupVersionKind{Group: k.Group, Version: k.Version, Kind: k.Name}
	return r.scheme.Recognizes(gvk) && r.scheme.Recognizes(gvk.GroupVersion().WithKind(k.Name+"List"))
}
