// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// Releases returns the names of the newest release, in bundle/, and of the one that
// it replaces in the channel DefaultChannel of catalog/template.yaml.
func Releases() (head, previous string, err error) {
	root, err := RepositoryRoot()
	if err != nil {
		return "", "", err
	}
	files, err := filepath.Glob(filepath.Join(root, "bundle", "manifests", "*.clusterserviceversion.yaml"))
	if err != nil || len(files) != 1 {
		return "", "", fmt.Errorf("bundle/manifests has %d ClusterServiceVersions, not one: make bundle", len(files))
	}
	var csv struct {
		Metadata struct{ Name string }
	}
	if err := readYAML(files[0], &csv); err != nil {
		return "", "", err
	}
	var template struct {
		Entries []struct {
			Schema, Name string
			Entries      []struct{ Name, Replaces string }
		}
	}
	file := filepath.Join(root, "catalog", "template.yaml")
	if err := readYAML(file, &template); err != nil {
		return "", "", err
	}
	for _, channel := range template.Entries {
		if channel.Schema != "olm.channel" || channel.Name != DefaultChannel {
			continue
		}
		for _, entry := range channel.Entries {
			if entry.Name == csv.Metadata.Name && entry.Replaces != "" {
				return entry.Name, entry.Replaces, nil
			}
		}
	}
	return "", "", fmt.Errorf("%s: channel %s has no %s that replaces another release", file, DefaultChannel, csv.Metadata.Name)
}

func readYAML(file string, into any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read a release: %w", err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
