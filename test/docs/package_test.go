// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"regexp"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// operatorPackage is what the catalog and the bundle say of the operator.
type operatorPackage struct {
	name, defaultChannel string
	// channels are the releases of each.
	channels map[string][]string
	// images of all releases: bundles and related ones.
	images []string
	// catalogImage as the tests install it.
	catalogImage string
	// csv of the newest release, namespace the one that it suggests.
	csv       *v1alpha1.ClusterServiceVersion
	namespace string
}

// catalogTag is where the Makefile names the catalog's image.
var catalogTag = regexp.MustCompile(`catalog-image catalog/compose-operator --tag (\S+)`)

func readPackage(t *testing.T) operatorPackage {
	t.Helper()
	p := operatorPackage{channels: map[string][]string{}, csv: &v1alpha1.ClusterServiceVersion{}}
	for document := range strings.SplitSeq(read(t, "catalog/compose-operator/catalog.yaml"), "\n---\n") {
		var entry struct {
			Schema, Name, DefaultChannel string
			Entries                      []struct{ Name string }
			RelatedImages                []struct{ Image string }
		}
		if err := yaml.Unmarshal([]byte(document), &entry); err != nil {
			t.Fatal(err)
		}
		switch entry.Schema {
		case "olm.package":
			p.name, p.defaultChannel = entry.Name, entry.DefaultChannel
		case "olm.channel":
			for _, release := range entry.Entries {
				p.channels[entry.Name] = append(p.channels[entry.Name], release.Name)
			}
		case "olm.bundle":
			for _, related := range entry.RelatedImages {
				p.images = append(p.images, related.Image)
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "bundle/manifests/compose-operator.clusterserviceversion.yaml")), p.csv); err != nil {
		t.Fatal(err)
	}
	p.namespace = p.csv.Annotations["operatorframework.io/suggested-namespace"]
	tag := catalogTag.FindStringSubmatch(read(t, "Makefile"))
	if p.name == "" || len(p.channels[p.defaultChannel]) == 0 || len(p.images) == 0 || p.namespace == "" || tag == nil {
		t.Fatalf("catalog, bundle or Makefile is not what this test expects: %+v", p)
	}
	p.catalogImage = tag[1]
	return p
}

// objects of a text with YAML.
func objects(t *testing.T, text string) []unstructured.Unstructured {
	t.Helper()
	var all []unstructured.Unstructured
	for document := range strings.SplitSeq(text, "\n---\n") {
		var content map[string]any
		if err := yaml.UnmarshalStrict([]byte(document), &content); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		all = append(all, unstructured.Unstructured{Object: content})
	}
	return all
}

// oneObject is the object of a file.
func oneObject(t *testing.T, name string) unstructured.Unstructured {
	t.Helper()
	return objects(t, read(t, name))[0]
}

// ownPages are links from elsewhere to files of this repository.
var ownPages = regexp.MustCompile(`https://github\.com/upmio/compose-operator/blob/main/([\w./-]+[\w])(?:#([\w-]+))?`)

// TestBundleLinksLeadSomewhere: consoles show the descriptions of all releases. What they
// link to is still there, also when it has moved since.
func TestBundleLinksLeadSomewhere(t *testing.T) {
	links := ownPages.FindAllStringSubmatch(read(t, "catalog/compose-operator/catalog.yaml"), -1)
	if len(links) < 4 {
		t.Fatalf("only %d links were found: the search is broken", len(links))
	}
	for _, link := range links {
		switch {
		case !exists(link[1]):
			t.Errorf("the catalog links to %s, which is not there", link[0])
		case link[2] != "" && !hasAnchor(t, root+"/"+link[1], link[2]):
			t.Errorf("the catalog links to %s, and that page has no such heading", link[0])
		}
	}
}
