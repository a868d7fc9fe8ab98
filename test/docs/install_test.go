// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	corev1 "k8s.io/api/core/v1"
)

const installPage = "docs/install.md"

// fence is a block of code with its language.
var fence = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// blocks of code of a language.
func blocks(page, language string) []string {
	var found []string
	for _, match := range fence.FindAllStringSubmatch(page, -1) {
		if match[1] == language {
			found = append(found, match[2])
		}
	}
	return found
}

// commands of a page: what is in blocks of shell, without the objects in it.
func commands(page string) []string {
	var found []string
	for _, block := range blocks(page, "sh") {
		block = heredoc.ReplaceAllString(strings.ReplaceAll(block, "\\\n", ""), "")
		for line := range strings.SplitSeq(block, "\n") {
			if line, _, _ = strings.Cut(line, "  #"); strings.TrimSpace(line) != "" {
				found = append(found, strings.TrimSpace(line))
			}
		}
	}
	return found
}

// TestInstallNamesReleases: releases, images and channels are those of the catalog.
func TestInstallNamesReleases(t *testing.T) {
	page, p := read(t, installPage), readPackage(t)
	for _, name := range regexp.MustCompile(`compose-operator\.v\d+\.\d+\.\d+`).FindAllString(page, -1) {
		if !slices.Contains(p.channels[p.defaultChannel], name) {
			t.Errorf("%s names %s, which is not in channel %s", installPage, name, p.defaultChannel)
		}
	}
	known := slices.Concat(p.images, []string{p.catalogImage})
	for _, image := range regexp.MustCompile(`upmio/[a-z-]+:[\w.]+`).FindAllString(page, -1) {
		if !slices.Contains(known, image) {
			t.Errorf("%s names the image %s; there are %v", installPage, image, known)
		}
	}
	if !strings.Contains(page, "Kubernetes "+strings.TrimSuffix(p.csv.Spec.MinKubeVersion, ".0")+" ") {
		t.Errorf("%s does not say that Kubernetes %s is needed", installPage, p.csv.Spec.MinKubeVersion)
	}
	if got, want := firstCells(t, page, "### Channels"), sortedKeys(p.channels); !slices.Equal(got, want) {
		t.Errorf("%s explains the channels %v; there are %v", installPage, got, want)
	}
	var modes []string
	for _, mode := range p.csv.Spec.InstallModes {
		if mode.Supported {
			modes = append(modes, string(mode.Type))
		}
	}
	slices.Sort(modes)
	if got := firstCells(t, page, "### Install modes"); !slices.Equal(got, modes) {
		t.Errorf("%s explains the install modes %v; there are %v", installPage, got, modes)
	}
}

// firstCells of the table of a section, in order and without the header.
func firstCells(t *testing.T, page, heading string) []string {
	t.Helper()
	var cells []string
	for _, row := range tableRows(section(t, page, heading))[1:] {
		cells = append(cells, strings.Trim(row[0], "`"))
	}
	slices.Sort(cells)
	return cells
}

// TestInstallCommands: what the commands name is there.
func TestInstallCommands(t *testing.T) {
	page, p := read(t, installPage), readPackage(t)
	lines := commands(page)
	if len(lines) < 40 {
		t.Fatalf("only %d commands were found: the search is broken", len(lines))
	}
	// Commands stand in sentences, too.
	for _, span := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(page, -1) {
		if strings.HasPrefix(span[1], "kubectl ") || strings.HasPrefix(span[1], "make ") {
			lines = append(lines, span[1])
		}
	}
	makefile := read(t, "Makefile")
	deployment := p.csv.Spec.InstallStrategy.StrategySpec.DeploymentSpecs[0].Name
	for _, line := range lines {
		words := strings.Fields(line)
		for i, word := range words {
			next := ""
			if i+1 < len(words) {
				next = words[i+1]
			}
			switch {
			case word == "-n" && words[0] == "kubectl" && next != p.namespace:
				t.Errorf("%q: the operator's namespace is %s", line, p.namespace)
			case (word == "-f" || word == "-k") && words[0] == "kubectl" && next != "-" && !exists(next):
				t.Errorf("%q: there is no %s", line, next)
			case (word == "deployment" && next != deployment) || (strings.HasPrefix(word, "deployment/") && word != "deployment/"+deployment):
				t.Errorf("%q: the Deployment is called %s", line, deployment)
			case words[0] == "make" && i > 0 && !strings.Contains(word, "=") && !strings.Contains(makefile, "\n"+word+":"):
				t.Errorf("%q: the Makefile has no target %s", line, word)
			case strings.HasPrefix(word, "catalog/") && !exists(word):
				t.Errorf("%q: there is no %s", line, word)
			}
		}
	}
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, name))
	return err == nil
}

// TestInstallSelects: the page's commands name no kind. They rely on a category and on
// labels, which every kind and every object that stays behind must have, those of older
// releases too.
func TestInstallSelects(t *testing.T) {
	page, p := read(t, installPage), readPackage(t)
	for _, want := range []string{
		"kubectl delete compose --all --all-namespaces",
		"--selector=app.kubernetes.io/part-of=compose-operator",
		"--selector=operators.coreos.com/" + p.name + "." + p.namespace,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s does not have %q any more: correct the test with it", installPage, want)
		}
	}
	dirs, err := filepath.Glob(filepath.Join(root, "catalog/bundles/v*/manifests/*.yaml"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no bundle of an older release (%v)", err)
	}
	current, err := filepath.Glob(filepath.Join(root, "bundle/manifests/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	definitions := 0
	for _, file := range append(dirs, current...) {
		name := strings.TrimPrefix(file, root+"/")
		object := oneObject(t, name)
		switch object.GetKind() {
		case "CustomResourceDefinition":
			definitions++
			if !strings.Contains(read(t, name), "\n    categories:\n    - compose\n") {
				t.Errorf("%s is not of the category compose", name)
			}
		case "ClusterRole", "Role", "RoleBinding":
		default:
			continue
		}
		if object.GetLabels()["app.kubernetes.io/part-of"] != "compose-operator" {
			t.Errorf("%s lacks the label app.kubernetes.io/part-of: nobody would remove it", name)
		}
	}
	if definitions == 0 {
		t.Error("no definition was found: the search is broken")
	}
}

// TestInstallFindsEveryImage: the command that lists the images to mirror finds all of
// them, and every image that the newest release's pods use is among them.
func TestInstallFindsEveryImage(t *testing.T) {
	const list = `sed -n 's/^- image: //p' catalog/compose-operator/catalog.yaml`
	if !strings.Contains(read(t, installPage), list) {
		t.Fatalf("%s does not have %q any more: correct the test with it", installPage, list)
	}
	found := map[string]bool{}
	for line := range strings.SplitSeq(read(t, "catalog/compose-operator/catalog.yaml"), "\n") {
		if image, is := strings.CutPrefix(line, "- image: "); is {
			found[image] = true
		}
	}
	p := readPackage(t)
	if got, want := sortedKeys(found), slices.Compact(slices.Sorted(slices.Values(p.images))); !slices.Equal(got, want) {
		t.Errorf("the command finds %v, the catalog has %v", got, want)
	}
	for _, image := range podImages(p.csv) {
		if !found[image] {
			t.Errorf("the command does not find %s", image)
		}
	}
}

func podImages(csv *v1alpha1.ClusterServiceVersion) []string {
	images := map[string]bool{}
	for _, deployment := range csv.Spec.InstallStrategy.StrategySpec.DeploymentSpecs {
		pod := deployment.Spec.Template.Spec
		for _, container := range slices.Concat([]corev1.Container{}, pod.InitContainers, pod.Containers) {
			images[container.Image] = true
		}
	}
	return slices.Sorted(maps.Keys(images))
}
