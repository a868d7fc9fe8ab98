// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
)

func TestOLMManifest(t *testing.T) {
	versions, err := readOLMVersions(layout{repo: filepath.Join("..", ".."), cache: t.TempDir()})
	must(t, err)
	data, err := renderOLM(versions)
	must(t, err)
	kinds := map[string]int{}
	for documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096); ; {
		var object struct {
			APIVersion, Kind string
			Spec             struct{ Version string }
		}
		err := documents.Decode(&object)
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		kinds[object.Kind]++
		if object.Kind == "ClusterServiceVersion" && (object.Spec.Version == "" || strings.HasPrefix(object.Spec.Version, "v")) {
			t.Errorf("version %q is no semantic version", object.Spec.Version)
		}
	}
	if kinds["Deployment"] != 2 || kinds["ClusterServiceVersion"] != 1 || kinds["OperatorGroup"] != 2 {
		t.Errorf("kinds = %v", kinds)
	}
	for _, image := range []string{versions.olmImage(), versions.opmImage()} {
		if !bytes.Contains(data, []byte(image)) {
			t.Errorf("%s is not in the manifest", image)
		}
	}
}

func TestOLMStatus(t *testing.T) {
	for text, want := range map[string]struct{ available, succeeded bool }{
		`{}`: {},
		`{"conditions": [{"type": "Available", "status": "True"}]}`:                                             {available: true},
		`{"conditions": [{"type": "Progressing", "status": "True"}, {"type": "Available", "status": "False"}]}`: {},
		`{"phase": "Succeeded", "conditions": [{"phase": "Pending"}]}`:                                          {succeeded: true},
		`{"phase": "Installing", "message": "waiting"}`:                                                         {},
	} {
		var status objectStatus
		must(t, json.Unmarshal([]byte(text), &status))
		if err := hasCondition("Available")(status); (err == nil) != want.available {
			t.Errorf("%s: %v", text, err)
		}
		if err := hasSucceeded(status); (err == nil) != want.succeeded {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The README tells people which images there are.
func TestREADMENamesOLMImages(t *testing.T) {
	versions, err := readOLMVersions(layout{repo: filepath.Join("..", ".."), cache: t.TempDir()})
	must(t, err)
	readme, err := os.ReadFile("README.md")
	must(t, err)
	for _, image := range []string{versions.olmImage(), versions.opmImage(), versions.scorecardImage(), busyboxImage} {
		if !bytes.Contains(readme, []byte("`"+image+"`")) {
			t.Errorf("README.md does not name %s", image)
		}
	}
}
