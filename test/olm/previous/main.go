// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command previous writes the catalog as it was before the newest release, for the
// upgrade test: previous CATALOG-FILE OUTPUT-FILE.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/upmio/compose-operator/test/e2e/kit"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "previous:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: previous CATALOG-FILE OUTPUT-FILE")
	}
	head, _, err := kit.Releases()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("the catalog: %w", err)
	}
	out, err := without(data, head)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if err := os.MkdirAll(filepath.Dir(args[1]), 0o755); err != nil {
		return fmt.Errorf("the older catalog: %w", err)
	}
	if err := os.WriteFile(args[1], out, 0o644); err != nil { //nolint:gosec // A catalog is no secret.
		return fmt.Errorf("the older catalog: %w", err)
	}
	return nil
}

// without leaves a release out of a file-based catalog, and what was deprecated in
// its favour.
func without(catalog []byte, release string) ([]byte, error) {
	var out bytes.Buffer
	found := false
	for reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(catalog))); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		var blob map[string]any
		if err := yaml.Unmarshal(document, &blob); err != nil {
			return nil, err
		}
		switch blob["schema"] {
		case nil, "olm.deprecations":
			continue
		case "olm.bundle":
			if blob["name"] == release {
				found = true
				continue
			}
		case "olm.channel":
			blob["entries"] = entriesWithout(blob["entries"], release)
		}
		text, err := yaml.Marshal(blob)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "---\n%s", text)
	}
	if !found {
		return nil, fmt.Errorf("there is no %s in it", release)
	}
	return out.Bytes(), nil
}

func entriesWithout(entries any, release string) []any {
	var kept []any
	list, _ := entries.([]any)
	for _, entry := range list {
		if of, ok := entry.(map[string]any); ok && of["name"] == release {
			continue
		}
		kept = append(kept, entry)
	}
	return kept
}
