// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/upmio/compose-operator/test/scorecard/report"
)

// advice is an error whose way out is known where it happens.
type advice struct {
	error
	suggestion string
}

func (a *advice) Unwrap() error { return a.error }

// advise adds the way out to an error; nil stays nil.
func advise(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &advice{err, fmt.Sprintf(format, args...)}
}

// mismatches collects everything that is not as it should be, so that a person
// sees all of it at once.
type mismatches []error

func (m *mismatches) addf(format string, args ...any) { *m = append(*m, fmt.Errorf(format, args...)) }

// want adds a mismatch unless both are the same.
func want[T comparable](m *mismatches, what string, got, wanted T) {
	if got != wanted {
		m.addf("%s is %#v, expected %#v", what, got, wanted)
	}
}

// err is nil without mismatches.
func (m mismatches) err() error { return errors.Join(m...) }

// problems of a step: one for each mismatch, with the way out of the whole.
func (r *run) problems(err error) []report.Problem {
	suggestion := r.suggestion(err)
	var problems []report.Problem
	for text := range strings.SplitSeq(err.Error(), "\n") {
		// Continued lines are the details of the line before.
		if len(problems) > 0 && strings.HasPrefix(text, "  ") {
			problems[len(problems)-1].Error += "\n" + text
			continue
		}
		problems = append(problems, report.Problem{Error: text, Suggestion: suggestion})
	}
	return problems
}

// suggestion for an error.
func (r *run) suggestion(err error) string {
	known := (*advice)(nil)
	text := err.Error()
	switch {
	case errors.As(err, &known):
		return known.suggestion
	case unknownKind(err):
		return fmt.Sprintf("the cluster does not know %s: install Compose Operator from this bundle (docs/install.md) before its scorecard runs", r.gvk)
	case apierrors.IsForbidden(err) && strings.Contains(text, "PodSecurity"):
		return fmt.Sprintf("the pods of this test keep to the restricted Pod Security profile and namespace %s refuses them all the same: run the scorecard in another namespace", r.Namespace)
	case apierrors.IsForbidden(err) && strings.Contains(text, "exceeded quota"):
		return fmt.Sprintf("raise the quota of namespace %s, or run the scorecard in another namespace", r.Namespace)
	case apierrors.IsForbidden(err):
		return fmt.Sprintf("let the test's service account do this: kubectl apply -n %s -f test/scorecard/rbac.yaml, and operator-sdk scorecard --service-account compose-operator-scorecard", r.Namespace)
	case apierrors.IsInvalid(err):
		return "correct the example in the bundle; the test examples says more about it"
	case strings.Contains(text, "failed calling webhook"):
		return "the operator's admission webhook does not answer: see that its pod is Ready and that the webhook's Service reaches it, then run the test again"
	case errors.Is(err, context.DeadlineExceeded):
		return "give the test more time with --timeout, and the scorecard with --wait-time"
	}
	return fmt.Sprintf("read the log of the operator and kubectl -n %s describe %s.%s %s while the test runs", r.Namespace, r.plural, r.gvk.Group, r.name)
}

// unknownKind says whether the cluster lacks a kind's CRD.
func unknownKind(err error) bool {
	none := (*meta.NoKindMatchError)(nil)
	return errors.As(err, &none) || (err != nil && strings.Contains(err.Error(), "no matches for kind"))
}
