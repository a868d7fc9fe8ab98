// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command olm-v1 writes config/olm-v1/installer.yaml: what a service account of OLM v1 may
// do, who installs an operator with no rights of its own. It is derived from bundle/, below
// the working directory; "make bundle" runs it. test/admission/olm tries it on a real API
// server.
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/operator-framework/api/pkg/manifests"
	"sigs.k8s.io/yaml"
)

const (
	boilerplate = "config/boilerplate.yaml.txt"
	output      = "config/olm-v1/installer.yaml"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "config/olm-v1:", err)
		os.Exit(1)
	}
}

func run() error {
	bundle, err := manifests.GetBundleFromDir("bundle")
	if err != nil {
		return fmt.Errorf("read the bundle: %w", err)
	}
	objects, err := installer(bundle)
	if err != nil {
		return err
	}
	header, err := os.ReadFile(boilerplate)
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	var out bytes.Buffer
	out.Write(header)
	out.WriteString("\n# Made from bundle/ by config/olm-v1: make bundle. See docs/install.md, section \"OLM v1\".\n")
	for i, object := range objects {
		document, err := yaml.Marshal(object)
		if err != nil {
			return fmt.Errorf("write YAML: %w", err)
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(document)
	}
	if err := os.WriteFile(output, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the installer's rights: %w", err)
	}
	return nil
}
