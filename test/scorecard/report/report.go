// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package report makes what the scorecard reads: a TestStatus in JSON, with errors
// that say what is wrong and suggestions that say what to do about it.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/operator-framework/api/pkg/apis/scorecard/v1alpha3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Problem is one thing that is wrong and the way out.
type Problem struct {
	// Error says what was found where something else was expected.
	Error string
	// Suggestion says what to do. May be empty when the error says it.
	Suggestion string
}

// Result of a test or of a part of one: it passes without problems and fails with some.
func Result(name, log string, problems []Problem) v1alpha3.TestResult {
	r := v1alpha3.TestResult{Name: name, Log: log, State: v1alpha3.PassState, CreationTimestamp: metav1.NewTime(time.Now())}
	for _, p := range problems {
		r.State = v1alpha3.FailState
		r.Errors = append(r.Errors, p.Error)
		if p.Suggestion != "" && !slices.Contains(r.Suggestions, p.Suggestion) {
			r.Suggestions = append(r.Suggestions, p.Suggestion)
		}
	}
	return r
}

// Broken is the result of a test that could not be run: it says nothing about the operator.
func Broken(name string, p Problem) v1alpha3.TestResult {
	r := Result(name, "", []Problem{p})
	r.State = v1alpha3.ErrorState
	return r
}

// Status of results.
func Status(results ...v1alpha3.TestResult) v1alpha3.TestStatus {
	return v1alpha3.TestStatus{Results: results}
}

// Print a status. The scorecard takes all that the container wrote, to either
// stream, for the status: nothing else may be written.
func Print(w io.Writer, status v1alpha3.TestStatus) error {
	text, err := json.MarshalIndent(status, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the status: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s\n", text); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	return nil
}
