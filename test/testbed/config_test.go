// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// Every file below config/ is rendered somewhere, completely, and is still what its name says.
func TestConfiguration(t *testing.T) {
	entries, err := configFiles.ReadDir("config")
	must(t, err)
	for _, e := range entries {
		if _, ok := configTargets[e.Name()]; !ok {
			t.Errorf("config/%s is written nowhere", e.Name())
		}
		data, err := render(e.Name(), newSettings(layout{repo: "/repo", state: "/repo/.testbed"}))
		must(t, err)
		if bytes.Contains(data, []byte("{{")) || bytes.Contains(data, []byte("<no value>")) {
			t.Errorf("%s is not filled in:\n%s", e.Name(), data)
		}
		switch {
		case strings.HasSuffix(e.Name(), ".yaml"):
			documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
			for {
				var object struct{ APIVersion, Kind string }
				err := documents.Decode(&object)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil || object.APIVersion == "" || object.Kind == "" {
					t.Fatalf("%s: %+v, %v", e.Name(), object, err)
				}
			}
		case strings.HasSuffix(e.Name(), ".conflist"):
			if !json.Valid(data) {
				t.Errorf("%s is not JSON:\n%s", e.Name(), data)
			}
		}
	}
}

// A component whose configuration has changed ends; one whose has not, stays.
func TestWriteConfigurationEndsReaders(t *testing.T) {
	ctx := context.Background()
	l := layout{repo: "/repo", state: t.TempDir()}
	r, err := readRecord(l)
	must(t, err)
	must(t, writeConfiguration(ctx, l, r))
	for name, reader := range configReaders {
		if _, ok := configTargets[name]; !ok {
			t.Errorf("%s reads %s, which is written nowhere", reader, name)
		}
		_, err := findComponent(reader)
		must(t, err)
		must(t, r.set(reader, startSleep(t)))
	}
	must(t, writeFile(l.in("config", "containerd.toml"), []byte("another"), 0o644))
	must(t, writeConfiguration(ctx, l, r))
	for _, reader := range configReaders {
		if proc, _ := r.get(reader); proc.alive() == (reader == "containerd") {
			t.Errorf("%s is alive: %v", reader, proc.alive())
		}
	}
	data, err := os.ReadFile(l.in("config", "containerd.toml"))
	if err != nil || !bytes.Contains(data, []byte(registryAddress)) {
		t.Errorf("containerd.toml was not written: %v", err)
	}
}

func TestKubeconfigsAndCertificates(t *testing.T) {
	l := layout{state: t.TempDir()}
	must(t, createCertificates(l))
	if _, err := newClient(l); err != nil {
		t.Error(err)
	}
	// A second run must not replace what running components use.
	before, err := tail(l.kubeconfig(), 100)
	must(t, err)
	must(t, createCertificates(l))
	after, err := tail(l.kubeconfig(), 100)
	must(t, err)
	if before != after {
		t.Error("certificates were made again")
	}
}
