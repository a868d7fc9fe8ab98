// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/operators/v1alpha1"
)

const operatorImage = "upmio/compose-operator"

// TestImages: they are all of the bundle's version, and all are named where mirrors look.
func TestImages(t *testing.T) {
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		image := operatorImage + ":" + version(t, bundle)
		if got := manager(t, bundle).Image; got != image {
			t.Errorf("the manager's image is %s, want %s", got, image)
		}
		if got := bundle.CSV.Annotations["containerImage"]; got != image {
			t.Errorf("annotation containerImage is %s, want %s", got, image)
		}
		want := []v1alpha1.RelatedImage{{Name: "manager", Image: image}}
		if got := bundle.CSV.Spec.RelatedImages; !reflect.DeepEqual(got, want) {
			t.Errorf("relatedImages are %v, want %v", got, want)
		}
	})
}

// TestImageNames: a name without a host can be had from any registry.
func TestImageNames(t *testing.T) {
	for _, dir := range bundleDirs(t) {
		for _, related := range load(t, dir).CSV.Spec.RelatedImages {
			if host, _, _ := strings.Cut(related.Image, "/"); strings.ContainsAny(host, ".:") {
				t.Errorf("%s: image %s names the registry %s", dir, related.Image, host)
			}
		}
	}
}

// used are the images that the bundle's pods are started from.
func used(bundle *manifests.Bundle) []string {
	var names []string
	for _, deployment := range bundle.CSV.Spec.InstallStrategy.StrategySpec.DeploymentSpecs {
		pod := deployment.Spec.Template.Spec
		for _, container := range slices.Concat(pod.InitContainers, pod.Containers) {
			names = append(names, container.Image)
		}
	}
	return names
}

// TestMirrorsFindEveryImage: relatedImages are the images that are used, no fewer, or a
// cluster without access to the internet lacks one; and no more. A variable with an image
// in it would be another way to use one.
func TestMirrorsFindEveryImage(t *testing.T) {
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		var related []string
		for _, image := range bundle.CSV.Spec.RelatedImages {
			related = append(related, image.Image)
		}
		images := used(bundle)
		slices.Sort(related)
		slices.Sort(images)
		if !slices.Equal(related, slices.Compact(images)) {
			t.Errorf("relatedImages are %v, the pods use %v", related, images)
		}
		for _, variable := range manager(t, bundle).Env {
			if strings.HasPrefix(variable.Name, "RELATED_IMAGE") {
				t.Errorf("variable %s names an image beside relatedImages", variable.Name)
			}
		}
	})
}

// TestImageByDigest: make bundle IMG=… names any image in the three places where the
// bundle has it, and changes nothing else. A digest has no tag to be recognized by.
func TestImageByDigest(t *testing.T) {
	const digest = "sha256:3f1b2c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809"
	for _, image := range []string{
		"registry.example.com/compose-operator@" + digest,
		"registry.example.com:5000/databases/compose-operator:0.2.0@" + digest,
		"localhost:5000/compose-operator",
		operatorImage + ":0.2.0",
	} {
		t.Run(image, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, current))); err != nil {
				t.Fatal(err)
			}
			csv := filepath.Join(dir, "manifests", packageName+".clusterserviceversion.yaml")
			// There, over what is there then, and back.
			setImage(t, csv, "another.example.com/manager@"+digest)
			setImage(t, csv, image)
			bundle, err := manifests.GetBundleFromDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := used(bundle); !slices.Equal(got, []string{image}) {
				t.Errorf("the pods use %v", got)
			}
			if got := bundle.CSV.Annotations["containerImage"]; got != image {
				t.Errorf("annotation containerImage is %s", got)
			}
			if got := bundle.CSV.Spec.RelatedImages; !reflect.DeepEqual(got, []v1alpha1.RelatedImage{{Name: "manager", Image: image}}) {
				t.Errorf("relatedImages are %v", got)
			}
			setImage(t, csv, manager(t, load(t, current)).Image)
			again, err := os.ReadFile(csv)
			if err != nil {
				t.Fatal(err)
			}
			if string(again) != string(read(t, filepath.Join(current, "manifests", packageName+".clusterserviceversion.yaml"))) {
				t.Error("with its first image it is not what it was")
			}
		})
	}
}

func setImage(t *testing.T, csv, image string) {
	t.Helper()
	script := filepath.Join(root, "config/manifests/set_image.sh")
	if out, err := exec.CommandContext(t.Context(), script, csv, image).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// TestImageOfADeploymentThatDiffers: no image is left behind unnoticed.
func TestImageOfADeploymentThatDiffers(t *testing.T) {
	csv := filepath.Join(t.TempDir(), "csv.yaml")
	text := strings.Replace(string(read(t, filepath.Join(current, "manifests", packageName+".clusterserviceversion.yaml"))),
		"containerImage: "+operatorImage, "containerImage: another/"+operatorImage, 1)
	if err := os.WriteFile(csv, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(root, "config/manifests/set_image.sh"), csv, "new").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "does not have the image") {
		t.Errorf("%v\n%s", err, out)
	}
}
