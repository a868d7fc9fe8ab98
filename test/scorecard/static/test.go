// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package static holds the tests that look at the bundle alone and need no cluster.
package static

import (
	"fmt"

	"github.com/upmio/compose-operator/test/scorecard/bundle"
	"github.com/upmio/compose-operator/test/scorecard/report"
)

// Test judges a bundle.
type Test struct {
	// Name by which the scorecard's configuration calls it.
	Name string
	// Summary in a line.
	Summary string
	judge   func(bundle.Kind) []report.Problem
	// whole judges what belongs to no kind; may be nil.
	whole func(*bundle.Bundle) []report.Problem
}

// Tests in the order in which they are listed.
func Tests() []Test {
	return []Test{
		{Name: "descriptors", Summary: "descriptors of the ClusterServiceVersion and fields of the CRDs agree", judge: descriptors},
		{Name: "examples", Summary: "each kind has an example with a status that the API server would accept", judge: examples, whole: strays},
		{Name: "crd-docs", Summary: "every field of every CRD has a description", judge: crdDocs},
	}
}

// Run the test over every kind that the bundle owns.
func (t Test) Run(b *bundle.Bundle) (log string, problems []report.Problem) {
	log = b.Name + " owns"
	for _, kind := range b.Kinds {
		log += fmt.Sprintf(" %s (examples: %d)", kind.Description.Kind, len(kind.Examples))
		problems = append(problems, t.judge(kind)...)
	}
	if t.whole != nil {
		problems = append(problems, t.whole(b)...)
	}
	return log, problems
}

// noSchema is the problem of a kind without one.
func noSchema(kind bundle.Kind, err error) []report.Problem {
	return []report.Problem{{
		Error: fmt.Sprintf("%s: %s", kind.Description.Kind, err),
		Suggestion: fmt.Sprintf("put the CustomResourceDefinition %s with version %s and its schema beside the ClusterServiceVersion, or correct spec.customresourcedefinitions.owned",
			kind.Description.Name, kind.Description.Version),
	}}
}
