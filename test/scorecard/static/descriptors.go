// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"fmt"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/upmio/compose-operator/test/scorecard/bundle"
	"github.com/upmio/compose-operator/test/scorecard/report"
)

// descriptor is what spec and status descriptors have in common.
type descriptor struct {
	path, displayName, description string
}

// descriptors: a console makes a form of the spec and a page of the status. So every
// field of the spec that a path can name has a descriptor, and every field directly in
// the status; what a descriptor names exists and is said in words.
func descriptors(kind bundle.Kind) []report.Problem {
	schema, err := kind.Schema()
	if err != nil {
		return noSchema(kind, err)
	}
	var problems []report.Problem
	if kind.Description.DisplayName == "" || kind.Description.Description == "" {
		problems = append(problems, report.Problem{
			Error:      fmt.Sprintf("%s has no displayName or no description in the ClusterServiceVersion", kind.Description.Kind),
			Suggestion: fmt.Sprintf("say in displayName and description of the owned CRD %s what it is for", kind.Description.Name),
		})
	}
	var spec, status []descriptor
	for _, d := range kind.Description.SpecDescriptors {
		spec = append(spec, descriptor{d.Path, d.DisplayName, d.Description})
	}
	for _, d := range kind.Description.StatusDescriptors {
		status = append(status, descriptor{d.Path, d.DisplayName, d.Description})
	}
	problems = append(problems, sectionDescriptors(kind, schema, "spec", spec)...)
	return append(problems, sectionDescriptors(kind, schema, "status", status)...)
}

func sectionDescriptors(kind bundle.Kind, schema *apiextensionsv1.JSONSchemaProps, section string, have []descriptor) []report.Problem {
	name, list := kind.Description.Kind, section+"Descriptors"
	properties := schema.Properties[section]
	described := map[string]bool{}
	var problems []report.Problem
	for _, d := range have {
		switch {
		case !exists(&properties, d.path):
			problems = append(problems, report.Problem{
				Error:      fmt.Sprintf("%s: %s has the path %q and the CRD has no field %s.%s", name, list, d.path, section, d.path),
				Suggestion: fmt.Sprintf("%s: remove the descriptor %q from %s or correct its path; entries of a list are written name[0].field", name, d.path, list),
			})
		case described[d.path]:
			problems = append(problems, report.Problem{
				Error:      fmt.Sprintf("%s: %s has the path %q twice", name, list, d.path),
				Suggestion: fmt.Sprintf("%s: remove one of the descriptors %q from %s", name, d.path, list),
			})
		}
		described[d.path] = true
		var missing []string
		if d.displayName == "" {
			missing = append(missing, "displayName")
		}
		if d.description == "" {
			missing = append(missing, "description")
		}
		if len(missing) > 0 {
			problems = append(problems, report.Problem{
				Error:      fmt.Sprintf("%s: the descriptor %q in %s has no %s", name, d.path, list, strings.Join(missing, " and no ")),
				Suggestion: fmt.Sprintf("%s: write %s of the descriptor %q in %s", name, strings.Join(missing, " and "), d.path, list),
			})
		}
	}
	for _, field := range bundle.Fields("", &properties) {
		path := strings.ReplaceAll(field.Path, "[]", "[0]")
		// The keys of a map are the user's: no path can name what is below them.
		if described[path] || strings.Contains(path, "{}") || (section == "status" && strings.ContainsAny(path, ".[")) {
			continue
		}
		problems = append(problems, report.Problem{
			Error:      fmt.Sprintf("%s: %s.%s has no descriptor", name, section, path),
			Suggestion: fmt.Sprintf("%s: add a descriptor with path, displayName and description for %q to %s", name, path, list),
		})
	}
	return problems
}

// exists says whether a schema has a field. Segments of the path are separated by
// dots, an entry of a list is name[0], and below a map any key may stand.
func exists(schema *apiextensionsv1.JSONSchemaProps, path string) bool {
	for segment := range strings.SplitSeq(path, ".") {
		name, index, isEntry := strings.Cut(segment, "[")
		next, found := schema.Properties[name]
		switch {
		case found:
			schema = &next
		case schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil && name != "":
			schema = schema.AdditionalProperties.Schema
		default:
			return false
		}
		if isEntry {
			if !strings.HasSuffix(index, "]") || schema.Items == nil || schema.Items.Schema == nil {
				return false
			}
			schema = schema.Items.Schema
		}
	}
	return true
}
