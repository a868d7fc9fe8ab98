// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/validation"
	"github.com/operator-framework/api/pkg/validation/errors"
	interfaces "github.com/operator-framework/api/pkg/validation/interfaces"
)

// validators are those that are public and about bundles. The deprecated ones
// (operatorhub, community) say nothing that these do not.
var validators = map[string]interfaces.Validator{
	"default":              validation.DefaultBundleValidators,
	"object":               validation.ObjectValidator,
	"operatorhubv2":        validation.OperatorHubV2Validator,
	"capabilities":         validation.StandardCapabilitiesValidator,
	"categories":           validation.StandardCategoriesValidator,
	"alpha-deprecated-api": validation.AlphaDeprecatedAPIsValidator,
	"good-practices":       validation.GoodPracticesValidator,
	"multiarch":            validation.MultipleArchitecturesValidator,
}

// platforms that the Dockerfile builds the manager for, which is what the registry is
// going to say of the image.
var platforms = []string{"amd64", "arm64"}

func TestValidators(t *testing.T) {
	registryStandIn(t, platforms)
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		for name, validator := range validators {
			for _, finding := range findings(validator.Validate(objects(bundle)...)) {
				t.Errorf("%s: %v", name, finding)
			}
		}
	})
}

// TestValidatorsFind: each of the optional validators is really at work.
func TestValidatorsFind(t *testing.T) {
	for _, test := range []struct {
		validator string
		platforms []string
		spoil     func(*manifests.Bundle)
	}{
		{"default", platforms, func(b *manifests.Bundle) { b.CSV.Annotations["alm-examples"] = "[]" }},
		{"operatorhubv2", platforms, func(b *manifests.Bundle) { b.CSV.Spec.Icon = nil }},
		{"capabilities", platforms, func(b *manifests.Bundle) { b.CSV.Annotations["capabilities"] = "Wonderful" }},
		{"categories", platforms, func(b *manifests.Bundle) { b.CSV.Annotations["categories"] = "Wonderful" }},
		{"good-practices", platforms, func(b *manifests.Bundle) { b.CSV.Spec.CustomResourceDefinitions.Owned[0].Description = "" }},
		{"multiarch", []string{"amd64"}, func(*manifests.Bundle) {}},
		{"multiarch", platforms, func(b *manifests.Bundle) { b.CSV.Labels = nil }},
	} {
		t.Run(test.validator, func(t *testing.T) {
			registryStandIn(t, test.platforms)
			bundle := load(t, current)
			test.spoil(bundle)
			if len(findings(validators[test.validator].Validate(objects(bundle)...))) == 0 {
				t.Error("the validator finds nothing wrong in a spoilt bundle")
			}
		})
	}
}

// objects of a bundle for a validator: each picks out those that it knows.
func objects(bundle *manifests.Bundle) []any { return bundle.ObjectsToValidate() }

func findings(results []errors.ManifestResult) []errors.Error {
	var all []errors.Error
	for _, result := range results {
		all = slices.Concat(all, result.Errors, result.Warnings)
	}
	return all
}

// registryStandIn puts a program called docker in front of the PATH. The multiarch
// validator asks it for the platforms of an image; this one answers without a registry.
func registryStandIn(t *testing.T, architectures []string) {
	t.Helper()
	var index struct {
		Manifests []any `json:"manifests"`
	}
	for _, architecture := range architectures {
		index.Manifests = append(index.Manifests, map[string]any{
			"platform": map[string]string{"os": "linux", "architecture": architecture},
		})
	}
	answer, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = manifest ] && echo '%s'\nexit 0\n", answer)
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}
