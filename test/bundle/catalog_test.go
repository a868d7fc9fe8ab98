// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
)

const (
	catalogFile  = "catalog/compose-operator/catalog.yaml"
	templateFile = "catalog/template.yaml"
	bundleImage  = "upmio/compose-operator-bundle:v"
)

// catalog is what the tests look at of a file-based catalog or its template.
type catalog struct {
	pkg          catalogPackage
	channels     map[string][]channelEntry
	bundles      []catalogBundle
	deprecations []deprecation
}

type catalogPackage struct {
	Name           string `json:"name"`
	DefaultChannel string `json:"defaultChannel"`
	Description    string `json:"description"`
	Icon           struct {
		Data      string `json:"base64data"`
		MediaType string `json:"mediatype"`
	} `json:"icon"`
}

type channelEntry struct {
	Name      string   `json:"name"`
	Replaces  string   `json:"replaces"`
	Skips     []string `json:"skips"`
	SkipRange string   `json:"skipRange"`
}

type catalogBundle struct {
	Name          string `json:"name"`
	Package       string `json:"package"`
	Image         string `json:"image"`
	RelatedImages []struct {
		Image string `json:"image"`
	} `json:"relatedImages"`
	Properties []struct {
		Type  string          `json:"type"`
		Value json.RawMessage `json:"value"`
	} `json:"properties"`
}

type deprecation struct {
	Reference struct {
		Schema string `json:"schema"`
		Name   string `json:"name"`
	} `json:"reference"`
	Message string `json:"message"`
}

// readCatalog reads a stream of documents, or a template with all of them in one.
func readCatalog(t *testing.T, name string) catalog {
	t.Helper()
	c := catalog{channels: map[string][]channelEntry{}}
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(read(t, name)), 4096)
	for {
		var document json.RawMessage
		if err := documents.Decode(&document); errors.Is(err, io.EOF) {
			return c
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c.add(t, document)
	}
}

func (c *catalog) add(t *testing.T, document json.RawMessage) {
	t.Helper()
	var meta struct {
		Schema  string            `json:"schema"`
		Name    string            `json:"name"`
		Entries []json.RawMessage `json:"entries"`
	}
	unmarshal(t, document, &meta)
	switch meta.Schema {
	case "olm.template.basic":
		for _, entry := range meta.Entries {
			c.add(t, entry)
		}
	case "olm.package":
		unmarshal(t, document, &c.pkg)
	case "olm.channel":
		entries := make([]channelEntry, len(meta.Entries))
		for i := range entries {
			unmarshal(t, meta.Entries[i], &entries[i])
		}
		c.channels[meta.Name] = entries
	case "olm.bundle":
		var bundle catalogBundle
		unmarshal(t, document, &bundle)
		c.bundles = append(c.bundles, bundle)
	case "olm.deprecations":
		entries := make([]deprecation, len(meta.Entries))
		for i := range entries {
			unmarshal(t, meta.Entries[i], &entries[i])
		}
		c.deprecations = append(c.deprecations, entries...)
	default:
		t.Errorf("the catalog has a %q", meta.Schema)
	}
}

func unmarshal(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
}

// property is the value of a bundle's only property of a type.
func property[T any](t *testing.T, bundle catalogBundle, kind string) T {
	t.Helper()
	var value T
	found := 0
	for _, p := range bundle.Properties {
		if p.Type == kind {
			unmarshal(t, p.Value, &value)
			found++
		}
	}
	if found != 1 {
		t.Errorf("%s has %d properties of type %s", bundle.Name, found, kind)
	}
	return value
}

// TestCatalogHasTheTemplate: rendering adds what is in the bundles and changes nothing.
func TestCatalogHasTheTemplate(t *testing.T) {
	rendered, template := readCatalog(t, catalogFile), readCatalog(t, templateFile)
	if !reflect.DeepEqual(rendered.pkg, template.pkg) || !reflect.DeepEqual(rendered.channels, template.channels) ||
		!reflect.DeepEqual(rendered.deprecations, template.deprecations) {
		t.Errorf("package, channels or deprecations of %s are not those of %s", catalogFile, templateFile)
	}
	if got, want := images(rendered), images(template); !slices.Equal(got, want) {
		t.Errorf("the bundles of %s are %v, %s has %v", catalogFile, got, templateFile, want)
	}
	if want := base64.StdEncoding.EncodeToString(read(t, "config/manifests/icon.svg")); rendered.pkg.Icon.Data != want {
		t.Error("the package's icon is not config/manifests/icon.svg")
	}
}

func images(c catalog) []string {
	var names []string
	for _, bundle := range c.bundles {
		names = append(names, bundle.Image)
	}
	slices.Sort(names)
	return names
}

// TestCatalogHasTheBundles: each of them once, with the images and the version that are
// in its directory.
func TestCatalogHasTheBundles(t *testing.T) {
	offered := map[string]catalogBundle{}
	for _, bundle := range readCatalog(t, catalogFile).bundles {
		if _, twice := offered[bundle.Name]; twice {
			t.Errorf("%s is in the catalog twice", bundle.Name)
		}
		offered[bundle.Name] = bundle
	}
	for _, dir := range bundleDirs(t) {
		bundle := load(t, dir)
		name, version := bundle.CSV.Name, version(t, bundle)
		if dir != current && !strings.HasSuffix(dir, "/v"+version) {
			t.Errorf("%s holds version %s", dir, version)
		}
		entry, ok := offered[name]
		if !ok {
			t.Errorf("%s is not in the catalog", name)
			continue
		}
		delete(offered, name)
		if entry.Package != packageName || entry.Image != bundleImage+version {
			t.Errorf("%s is of package %s and has the image %s", name, entry.Package, entry.Image)
		}
		var related []string
		for _, image := range entry.RelatedImages {
			related = append(related, image.Image)
		}
		if want := []string{bundleImage + version, operatorImage + ":" + version}; !slices.Equal(related, want) {
			t.Errorf("%s: related images are %v, want %v", name, related, want)
		}
		if got := property[struct{ PackageName, Version string }](t, entry, "olm.package"); got.PackageName != packageName || got.Version != version {
			t.Errorf("%s: property olm.package is %v", name, got)
		}
		metadata := property[struct {
			Annotations map[string]string
			Description string
		}](t, entry, "olm.csv.metadata")
		if !maps.Equal(metadata.Annotations, bundle.CSV.Annotations) || metadata.Description != bundle.CSV.Spec.Description {
			t.Errorf("%s: the catalog has other annotations or another description than %s: run make catalog", name, dir)
		}
		kinds := 0
		for _, p := range entry.Properties {
			switch p.Type {
			case "olm.gvk":
				kinds++
			case "olm.bundle.object":
				t.Errorf("%s: objects are repeated in the catalog; OLM takes them from the image", name)
			}
		}
		if kinds != len(bundle.CSV.Spec.CustomResourceDefinitions.Owned) {
			t.Errorf("%s: the catalog knows of %d kinds", name, kinds)
		}
	}
	for name := range offered {
		t.Errorf("%s is in the catalog and has no directory", name)
	}
}

// TestChannels: each is one line of releases, oldest first, each replacing the one
// before it, with the current release at its head.
func TestChannels(t *testing.T) {
	c := readCatalog(t, catalogFile)
	if want := []string{"candidate-v0", "stable-v0"}; !slices.Equal(slices.Sorted(maps.Keys(c.channels)), want) {
		t.Errorf("the channels are not %v", want)
	}
	if c.pkg.Name != packageName || c.channels[c.pkg.DefaultChannel] == nil {
		t.Errorf("package %s has the default channel %s", c.pkg.Name, c.pkg.DefaultChannel)
	}
	releases := map[string]string{}
	for _, dir := range bundleDirs(t) {
		releases[load(t, dir).CSV.Name] = dir
	}
	for channel, entries := range c.channels {
		for i, entry := range entries {
			if releases[entry.Name] == "" {
				t.Fatalf("%s: %s has no directory", channel, entry.Name)
			}
			if entry.SkipRange != "" || len(entry.Skips) > 0 {
				t.Errorf("%s: %s skips releases; each is to be upgraded to", channel, entry.Name)
			}
			if i == 0 {
				if entry.Replaces != "" {
					t.Errorf("%s: %s replaces %s, which is not in the channel", channel, entry.Name, entry.Replaces)
				}
				continue
			}
			before := entries[i-1].Name
			if entry.Replaces != before {
				t.Errorf("%s: %s replaces %q, want %s", channel, entry.Name, entry.Replaces, before)
			}
			this, previous := load(t, releases[entry.Name]).CSV, load(t, releases[before]).CSV
			if this.Spec.Version.LTE(previous.Spec.Version.Version) {
				t.Errorf("%s: %s replaces the newer %s", channel, entry.Name, before)
			}
		}
		if head := entries[len(entries)-1].Name; releases[head] != current {
			t.Errorf("%s: the head is %s, which is not the release in %s", channel, head, current)
		}
	}
}

// TestPreviousCatalog: it ends with the release before the current one.
func TestPreviousCatalog(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), filepath.Join(root, "catalog/previous.sh"), dir).CombinedOutput(); err != nil {
		t.Fatalf("catalog/previous.sh: %v\n%s", err, out)
	}
	now, before := readCatalog(t, catalogFile), readCatalog(t, filepath.Join(dir, packageName, "catalog.yaml"))
	if !reflect.DeepEqual(before.pkg, now.pkg) || len(before.bundles) != len(now.bundles)-1 || len(before.channels) != len(now.channels) {
		t.Errorf("the previous catalog has %d bundles and %d channels", len(before.bundles), len(before.channels))
	}
	for channel, entries := range now.channels {
		if want := entries[:len(entries)-1]; !reflect.DeepEqual(before.channels[channel], want) {
			t.Errorf("%s has %v, want %v", channel, before.channels[channel], want)
		}
	}
}

// TestDeprecations: they are about what the catalog has, and say what to do.
func TestDeprecations(t *testing.T) {
	c := readCatalog(t, catalogFile)
	head := load(t, current).CSV.Name
	deprecated := map[string]bool{}
	for _, d := range c.deprecations {
		if d.Reference.Schema != "olm.bundle" || d.Reference.Name == head {
			t.Errorf("%s %s is deprecated", d.Reference.Schema, d.Reference.Name)
		}
		if !strings.Contains(d.Message, head) {
			t.Errorf("the message about %s does not say to upgrade to %s", d.Reference.Name, head)
		}
		deprecated[d.Reference.Name] = true
	}
	for _, bundle := range c.bundles {
		if bundle.Name != head && !deprecated[bundle.Name] {
			t.Errorf("%s gets no fixes (SECURITY.md) and is not deprecated", bundle.Name)
		}
		delete(deprecated, bundle.Name)
	}
	for name := range deprecated {
		t.Errorf("%s is deprecated and not in the catalog", name)
	}
}

// TestGraphPage: the picture shows every release.
func TestGraphPage(t *testing.T) {
	page := string(read(t, "docs/catalog-graph.md"))
	for _, bundle := range readCatalog(t, catalogFile).bundles {
		if !strings.Contains(page, bundle.Name) {
			t.Errorf("docs/catalog-graph.md lacks %s: run make catalog", bundle.Name)
		}
	}
}
