// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"fmt"
	"strings"

	"github.com/upmio/compose-operator/test/scorecard/bundle"
	"github.com/upmio/compose-operator/test/scorecard/report"
)

// crdDocs: kubectl explain has something to say about every field. The metadata is
// Kubernetes' own and described there.
func crdDocs(kind bundle.Kind) []report.Problem {
	schema, err := kind.Schema()
	if err != nil {
		return noSchema(kind, err)
	}
	name := kind.Description.Kind
	var problems []report.Problem
	missing := func(what, where string) {
		problems = append(problems, report.Problem{
			Error:      fmt.Sprintf("%s: %s has no description", name, what),
			Suggestion: fmt.Sprintf("write a comment above %s, then make generate and make bundle", where),
		})
	}
	if strings.TrimSpace(schema.Description) == "" {
		missing("the kind", "its Go type")
	}
	for _, field := range bundle.Fields("", schema) {
		if field.Path != "metadata" && strings.TrimSpace(field.Schema.Description) == "" {
			missing(field.Path, "the Go field of "+field.Path)
		}
	}
	return problems
}
