// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	operatorsv1 "github.com/operator-framework/api/pkg/operators/v1"
	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// heredoc is what a command of the page is given to read.
var heredoc = regexp.MustCompile(`(?ms)<<'EOF'\n(.*?)^EOF$`)

// installed is what the checks of the page's objects share.
type installed struct {
	operatorPackage
	// sources are the CatalogSources of the page, by namespace and name.
	sources []string
}

// objectChecks by what the page's objects are. A kind that is not here is an error.
var objectChecks = map[string]func(*testing.T, *installed, string, unstructured.Unstructured){
	"v1 Namespace": func(t *testing.T, p *installed, _ string, u unstructured.Unstructured) {
		equal(t, "the namespace", u.GetName(), p.namespace)
	},
	"operators.coreos.com/v1alpha1 CatalogSource": func(t *testing.T, p *installed, text string, u unstructured.Unstructured) {
		source := strict[v1alpha1.CatalogSource](t, text)
		equal(t, "the namespace", u.GetNamespace(), p.namespace)
		equal(t, "the image", source.Spec.Image, p.catalogImage)
		p.sources = append(p.sources, source.Namespace+"/"+source.Name)
	},
	"operators.coreos.com/v1 OperatorGroup": func(t *testing.T, p *installed, text string, u unstructured.Unstructured) {
		strict[operatorsv1.OperatorGroup](t, text)
		equal(t, "the namespace", u.GetNamespace(), p.namespace)
	},
	"operators.coreos.com/v1alpha1 Subscription": func(t *testing.T, p *installed, text string, u unstructured.Unstructured) {
		subscription := strict[v1alpha1.Subscription](t, text)
		equal(t, "the namespace", u.GetNamespace(), p.namespace)
		equal(t, "the package", subscription.Spec.Package, p.name)
		equal(t, "the channel", subscription.Spec.Channel, p.defaultChannel)
		if source := subscription.Spec.CatalogSourceNamespace + "/" + subscription.Spec.CatalogSource; !slices.Contains(p.sources, source) {
			t.Errorf("the catalog is %s, and the page makes %v", source, p.sources)
		}
		if csv := subscription.Spec.StartingCSV; csv != "" && !slices.Contains(p.channels[subscription.Spec.Channel], csv) {
			t.Errorf("the channel has no %s", csv)
		}
	},
	"olm.operatorframework.io/v1 ClusterCatalog": func(t *testing.T, p *installed, _ string, u unstructured.Unstructured) {
		equal(t, "the type", field(t, u, "spec", "source", "type"), "Image")
		equal(t, "the image", field(t, u, "spec", "source", "image", "ref"), "docker.io/"+p.catalogImage)
	},
	"olm.operatorframework.io/v1 ClusterExtension": func(t *testing.T, p *installed, _ string, u unstructured.Unstructured) {
		account := objects(t, read(t, "config/olm-v1/installer.yaml"))[0]
		equal(t, "the namespace", field(t, u, "spec", "namespace"), p.namespace)
		equal(t, "the namespace of the installer", account.GetNamespace(), p.namespace)
		equal(t, "the service account", field(t, u, "spec", "serviceAccount", "name"), account.GetName())
		equal(t, "the type", field(t, u, "spec", "source", "sourceType"), "Catalog")
		equal(t, "the package", field(t, u, "spec", "source", "catalog", "packageName"), p.name)
		equal(t, "the version", field(t, u, "spec", "source", "catalog", "version"), p.csv.Spec.Version.String())
		channels, _, err := unstructured.NestedStringSlice(u.Object, "spec", "source", "catalog", "channels")
		if err != nil || !slices.Equal(channels, []string{p.defaultChannel}) {
			t.Errorf("the channels are %v (%v), want %s", channels, err, p.defaultChannel)
		}
		if !strings.Contains(read(t, "config/olm-v1/installer.yaml"), "  resourceNames:\n  - "+u.GetName()+"\n  resources:\n  - clusterextensions/finalizers\n") {
			t.Errorf("the installer may not update the finalizers of %s", u.GetName())
		}
	},
	"config.openshift.io/v1 ImageTagMirrorSet": func(t *testing.T, p *installed, _ string, u unstructured.Unstructured) {
		mirrors, _, err := unstructured.NestedSlice(u.Object, "spec", "imageTagMirrors")
		if err != nil || len(mirrors) != 1 {
			t.Fatalf("there is not one mirror (%v)", err)
		}
		mirror, _ := mirrors[0].(map[string]any)
		source, _ := mirror["source"].(string)
		for _, image := range append(p.images, p.catalogImage) {
			if !strings.HasPrefix("docker.io/"+image, source+"/") {
				t.Errorf("the mirror of %s is none of %s", source, image)
			}
		}
	},
	"mirror.openshift.io/v2alpha1 ImageSetConfiguration": func(t *testing.T, p *installed, text string, _ unstructured.Unstructured) {
		_, name, _ := strings.Cut(p.catalogImage, "/")
		for _, want := range []string{"/" + name + "\n", "- name: " + p.name + "\n", "- name: " + p.defaultChannel + "\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("there is no %q in it", want)
			}
		}
	},
}

// TestInstallObjects: each object of the page fits to the bundle and the catalog, and
// those that the ways of installing are made of are all there.
func TestInstallObjects(t *testing.T) {
	page, p := read(t, installPage), &installed{operatorPackage: readPackage(t)}
	texts := blocks(page, "yaml")
	for _, block := range blocks(page, "sh") {
		for _, match := range heredoc.FindAllStringSubmatch(block, -1) {
			texts = append(texts, match[1])
		}
	}
	seen := map[string]bool{}
	for _, text := range texts {
		for document := range strings.SplitSeq(text, "\n---\n") {
			u := objects(t, document)[0]
			what := u.GetAPIVersion() + " " + u.GetKind()
			seen[what] = true
			t.Run(u.GetKind()+" "+u.GetName(), func(t *testing.T) {
				check := objectChecks[what]
				if check == nil {
					t.Fatalf("%s has a %s, which this test does not know: add a check to it", installPage, what)
				}
				check(t, p, document+"\n", u)
			})
		}
	}
	for _, what := range sortedKeys(objectChecks) {
		if !seen[what] {
			t.Errorf("%s has no %s any more", installPage, what)
		}
	}
}

// strict reads an object into its type: a field that the type lacks is an error.
func strict[T any](t *testing.T, text string) T {
	t.Helper()
	var object T
	if err := yaml.UnmarshalStrict([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func field(t *testing.T, u unstructured.Unstructured, path ...string) string {
	t.Helper()
	value, _, err := unstructured.NestedString(u.Object, path...)
	if err != nil {
		t.Error(err)
	}
	return value
}

func equal(t *testing.T, what, have, want string) {
	t.Helper()
	if have != want || want == "" {
		t.Errorf("%s is %q, want %q", what, have, want)
	}
}
