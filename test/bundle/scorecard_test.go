// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/apis/scorecard/v1alpha3"
)

// TestScorecard: operator-sdk's six tests, ours, and one of ours for each kind.
func TestScorecard(t *testing.T) {
	bundle := load(t, current)
	want := []string{
		"scorecard-test basic-check-spec",
		"scorecard-test olm-bundle-validation",
		"scorecard-test olm-crds-have-validation",
		"scorecard-test olm-crds-have-resources",
		"scorecard-test olm-spec-descriptors",
		"scorecard-test olm-status-descriptors",
		"compose-operator-scorecard descriptors",
		"compose-operator-scorecard examples",
		"compose-operator-scorecard crd-docs",
	}
	for _, kind := range bundle.CSV.Spec.CustomResourceDefinitions.Owned {
		want = append(want, "compose-operator-scorecard "+strings.ToLower(kind.Kind))
	}
	ours := "upmio/compose-operator-scorecard:" + version(t, bundle)

	config := decode[v1alpha3.Configuration](t, filepath.Join(current, "tests/scorecard/config.yaml"))
	var got []string
	for _, stage := range config.Stages {
		for _, test := range stage.Tests {
			got = append(got, strings.Join(test.Entrypoint, " "))
			if test.Labels["suite"] == "" || !strings.HasPrefix(test.Labels["test"], test.Entrypoint[1]) {
				t.Errorf("test %v has the labels %v", test.Entrypoint, test.Labels)
			}
			if test.Entrypoint[0] == "compose-operator-scorecard" && test.Image != ours {
				t.Errorf("test %v has the image %s, want %s", test.Entrypoint, test.Image, ours)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the tests are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
