// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// The labels that OLM's tools look for, on images and in a bundle's annotations.
const (
	bundleMediaTypeLabel = "operators.operatorframework.io.bundle.mediatype.v1"
	catalogLabel         = "operators.operatorframework.io.index.configs.v1"
)

// parseContentImage reads the arguments of a command that makes an image of a directory.
func parseContentImage(command string, args []string) (dir, tag string, err error) {
	usage := fmt.Errorf("usage: testbed %s DIR --tag NAME:TAG", command)
	flags := flag.NewFlagSet("testbed "+command+" DIR", flag.ContinueOnError)
	flags.StringVar(&tag, "tag", "", "name and tag of the image")
	others, err := parseMixed(flags, args)
	if err != nil {
		return "", "", err
	}
	if len(others) != 1 || tag == "" {
		return "", "", usage
	}
	if dir, err = filepath.EvalSymlinks(others[0]); err != nil {
		return "", "", fmt.Errorf("%s: %w", command, err)
	}
	return dir, tag, nil
}

// bundleImageCommand makes the image of a bundle and pushes it.
func bundleImageCommand(ctx context.Context, l layout, args []string) error {
	dir, tag, err := parseContentImage("bundle-image", args)
	if err != nil {
		return err
	}
	spec, err := bundleImage(dir, tag)
	if err != nil {
		return fmt.Errorf("bundle-image: %w", err)
	}
	return withProgress(func(ctx context.Context, _ layout, p *progress) error {
		return pushStep(ctx, p, spec)
	})(ctx, l)
}

// bundleImage is the image of a bundle: its directories, and its annotations as labels. OLM runs
// a program of its own in it.
func bundleImage(dir, ref string) (imageSpec, error) {
	annotations := filepath.Join(dir, "metadata", "annotations.yaml")
	data, err := os.ReadFile(annotations)
	if err != nil {
		return imageSpec{}, fmt.Errorf("%s is no bundle: %w", dir, err)
	}
	var metadata struct {
		Annotations map[string]string `json:"annotations"`
	}
	if err := yaml.Unmarshal(data, &metadata); err != nil {
		return imageSpec{}, fmt.Errorf("%s: %w", annotations, err)
	}
	if metadata.Annotations[bundleMediaTypeLabel] == "" {
		return imageSpec{}, fmt.Errorf("%s has no annotation %s: is it a bundle's?", annotations, bundleMediaTypeLabel)
	}
	spec := imageSpec{ref: ref, labels: metadata.Annotations, user: nobody}
	for _, name := range []string{"manifests", "metadata", "tests"} {
		source := filepath.Join(dir, name)
		_, err := os.Stat(source)
		if errors.Is(err, os.ErrNotExist) && name == "tests" {
			continue
		}
		if err != nil {
			return imageSpec{}, fmt.Errorf("%s is no bundle: %w", dir, err)
		}
		spec.files = append(spec.files, imageFile{path: "/" + name, source: source, public: true})
	}
	return spec, nil
}
