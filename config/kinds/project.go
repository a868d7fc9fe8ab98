// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// ProjectFile is the list of kinds, in the form that kubebuilder and operator-sdk read.
const ProjectFile = "PROJECT"

// Kind is an entry of the list.
type Kind struct {
	// Name of the kind, such as MysqlReplication.
	Name string
	// Plural is the name of the resource in URLs and roles: mysqlreplications.
	Plural string
	// Group is the whole name of the API group, upm.syntropycloud.io.
	Group string
	// Version of the API, v1alpha1.
	Version string
	// Validated says that the admission webhook looks at it.
	Validated bool
}

// Lower is the name in lower case, which file names and tests are called by.
func (k Kind) Lower() string { return strings.ToLower(k.Name) }

// Definition is the name of the CustomResourceDefinition.
func (k Kind) Definition() string { return k.Plural + "." + k.Group }

// DefinitionFile is the definition's file in config/crd, as controller-gen names it.
func (k Kind) DefinitionFile() string { return "bases/" + k.Group + "_" + k.Plural + ".yaml" }

// Sample is the example's file in config/samples, as kubebuilder names it.
func (k Kind) Sample() string {
	group, _, _ := strings.Cut(k.Group, ".")
	return fmt.Sprintf("%s_%s_%s.yaml", group, k.Version, k.Lower())
}

// irregular are the endings of a word whose plural is not the word and an "s".
var irregular = regexp.MustCompile(`(s|x|z|ch|sh|[^aeiou]y)$`)

// Read the list from PROJECT in the directory root. The order is that of the file.
func Read(root string) ([]Kind, error) {
	data, err := os.ReadFile(filepath.Join(root, ProjectFile))
	if err != nil {
		return nil, fmt.Errorf("the list of kinds: %w", err)
	}
	var project struct {
		Resources []struct {
			Domain, Group, Kind, Version, Plural string
			Webhooks                             struct{ Validation bool }
		}
	}
	if err := yaml.Unmarshal(data, &project); err != nil {
		return nil, fmt.Errorf("%s: %w", ProjectFile, err)
	}
	var all []Kind
	seen := map[string]bool{}
	for i, r := range project.Resources {
		if r.Domain == "" || r.Group == "" || r.Kind == "" || r.Version == "" {
			return nil, fmt.Errorf("%s: entry %d of resources lacks domain, group, kind or version", ProjectFile, i+1)
		}
		kind := Kind{Name: r.Kind, Plural: r.Plural, Group: r.Group + "." + r.Domain, Version: r.Version, Validated: r.Webhooks.Validation}
		if kind.Plural == "" {
			if irregular.MatchString(kind.Lower()) {
				return nil, fmt.Errorf("%s: kind %s: say with plural: what its resource is called", ProjectFile, kind.Name)
			}
			kind.Plural = kind.Lower() + "s"
		}
		if seen[kind.Definition()] {
			return nil, fmt.Errorf("%s: kind %s stands there twice", ProjectFile, kind.Name)
		}
		seen[kind.Definition()] = true
		all = append(all, kind)
	}
	if len(all) == 0 {
		return nil, errors.New(ProjectFile + " has no resources")
	}
	return all, nil
}
