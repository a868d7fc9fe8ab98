// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// toolModule is a module below test/tools whose binaries are built into the cache. Versions are
// pinned by its go.mod, nowhere else.
type toolModule struct {
	dir      string   // below test/tools
	requires string   // the module in its go.mod whose version names the build
	packages []string // what to build; "." is the directory's own main package
	tags     string   // of the build
	ldflags  func(version string) string
}

// pureGoSignatures is the build tag without which what reads image registries needs a C library to
// check signatures.
const pureGoSignatures = "containers_image_openpgp"

var toolModules = []toolModule{
	{dir: "etcd", requires: "go.etcd.io/etcd/server/v3", packages: []string{"."}},
	{
		dir: "kubernetes", requires: "k8s.io/kubernetes",
		packages: []string{
			"k8s.io/kubernetes/cmd/kube-apiserver",
			"k8s.io/kubernetes/cmd/kubectl",
			"k8s.io/kubernetes/cmd/kube-controller-manager",
			"k8s.io/kubernetes/cmd/kube-scheduler",
			"k8s.io/kubernetes/cmd/kube-proxy",
			"k8s.io/kubernetes/cmd/kubelet",
		},
		ldflags: kubernetesVersionFlags,
	},
	{dir: "coredns", requires: "github.com/coredns/coredns", packages: []string{"."}},
	{dir: "controller-gen", requires: "sigs.k8s.io/controller-tools", packages: []string{"sigs.k8s.io/controller-tools/cmd/controller-gen"}},
	{dir: "kustomize", requires: "sigs.k8s.io/kustomize/kustomize/v5", packages: []string{"sigs.k8s.io/kustomize/kustomize/v5"}},
	{dir: "golangci-lint", requires: "github.com/golangci/golangci-lint/v2", packages: []string{"github.com/golangci/golangci-lint/v2/cmd/golangci-lint"}},
	{
		dir: "operator-lifecycle-manager", requires: olmModule,
		packages: []string{
			olmModule + "/cmd/olm",
			olmModule + "/cmd/catalog",
			olmModule + "/cmd/package-server",
			olmModule + "/cmd/copy-content",
			olmModule + "/util/cpb",
		},
		tags: pureGoSignatures,
	},
	{
		dir: "operator-registry", requires: "github.com/operator-framework/operator-registry",
		packages: []string{"github.com/operator-framework/operator-registry/cmd/opm"}, tags: pureGoSignatures,
	},
	{
		// A module of its own, because its Kubernetes is an older one.
		dir: "operator-sdk", requires: "github.com/operator-framework/operator-sdk",
		packages: []string{
			"github.com/operator-framework/operator-sdk/cmd/operator-sdk",
			"github.com/operator-framework/operator-sdk/images/scorecard-test",
		},
		tags: pureGoSignatures,
	},
	{
		dir: "grpc-health-probe", requires: "github.com/grpc-ecosystem/grpc-health-probe",
		packages: []string{"github.com/grpc-ecosystem/grpc-health-probe"},
	},
	{
		// Most of Prometheus is the discovery of targets, which rules have no use for.
		dir: "prometheus", requires: "github.com/prometheus/prometheus",
		packages: []string{"github.com/prometheus/prometheus/cmd/promtool"}, tags: "remove_all_sd",
	},
	// Nothing of it is built: tests read the definitions in its sources.
	{dir: "prometheus-operator", requires: "github.com/prometheus-operator/prometheus-operator"},
}

// olmModule is the Operator Lifecycle Manager, whose module also holds its resource definitions.
const olmModule = "github.com/operator-framework/operator-lifecycle-manager"

// kubernetesVersionFlags gives the binaries the version that Kubernetes' own build stamps in;
// without it a kubelet reports v0.0.0 and version skew checks fail.
func kubernetesVersionFlags(version string) string {
	part := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	const pkg = "k8s.io/component-base/version."
	return fmt.Sprintf("-X %sgitVersion=%s -X %sgitMajor=%s -X %sgitMinor=%s -X %sgitTreeState=clean",
		pkg, version, pkg, part[0], pkg, part[1], pkg)
}

// binaryName is the name of the binary that `go build` makes of a package.
func (m toolModule) binaryName(pkg string) string {
	if pkg == "." {
		return m.dir
	}
	base := filepath.Base(pkg)
	if regexp.MustCompile(`^v[0-9]+$`).MatchString(base) {
		base = filepath.Base(filepath.Dir(pkg))
	}
	return base
}

// moduleVersion reads the pinned version of a module from a go.mod file's text.
func moduleVersion(goMod, module string) (string, error) {
	m := regexp.MustCompile(`(?m)^(?:require)?\s*` + regexp.QuoteMeta(module) + ` (v\S+)`).FindStringSubmatch(goMod)
	if m == nil {
		return "", fmt.Errorf("go.mod requires no %s", module)
	}
	return m[1], nil
}

// outDir is where a module's binaries are kept: its version, and a digest of what the build reads
// from this repository, so that an edited pin of a dependency is a new build too.
func (m toolModule) outDir(l layout) (dir, version string, err error) {
	src := filepath.Join(l.tools(), m.dir)
	goMod, err := os.ReadFile(filepath.Join(src, "go.mod"))
	if err != nil {
		return "", "", fmt.Errorf("tool %s: %w", m.dir, err)
	}
	version, err = moduleVersion(string(goMod), m.requires)
	if err != nil {
		return "", "", fmt.Errorf("tool %s: %w", m.dir, err)
	}
	sum := sha256.New()
	for _, name := range []string{"go.sum", "main.go"} {
		data, err := os.ReadFile(filepath.Join(src, name))
		if err != nil && !os.IsNotExist(err) {
			return "", "", fmt.Errorf("tool %s: %w", m.dir, err)
		}
		sum.Write(data)
	}
	key := hex.EncodeToString(sum.Sum(nil))[:8]
	return filepath.Join(l.cache, "bin", m.dir+"-"+version+"-"+key), version, nil
}

// findTool returns the module and package that make a binary.
func findTool(name string) (toolModule, string, error) {
	var names []string
	for _, m := range toolModules {
		for _, pkg := range m.packages {
			if m.binaryName(pkg) == name {
				return m, pkg, nil
			}
			names = append(names, m.binaryName(pkg))
		}
	}
	return toolModule{}, "", fmt.Errorf("no tool %q: known are %s", name, strings.Join(names, ", "))
}

// tool returns the path of a pinned binary and builds it when the cache has none.
func tool(ctx context.Context, l layout, p *progress, name string) (string, error) {
	m, pkg, err := findTool(name)
	if err != nil {
		return "", err
	}
	dir, version, err := m.outDir(l)
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, name)
	return out, once(ctx, out, func() error {
		return p.do(fmt.Sprintf("building %s %s", name, version), func(s *step) error {
			return buildTool(ctx, l, s, m, pkg, version, out)
		})
	})
}

// goEnvironment is the environment of Go commands in a tool's module. No cgo: the binaries run
// anywhere, also inside images, and packages that the product also compiles this way come out of
// Go's build cache.
func goEnvironment() []string { return append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off") }

// moduleTimeout bounds the download of a module whose sources are not there any more.
const moduleTimeout = 5 * time.Minute

// sources is the directory where Go keeps the sources of the pinned module.
func (m toolModule) sources(ctx context.Context, l layout) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, moduleTimeout)
	defer cancel()
	// Unlike go list, it also works when only the binaries are left of what was downloaded.
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", m.requires)
	download.Dir, download.Env = filepath.Join(l.tools(), m.dir), goEnvironment()
	out, err := download.Output()
	var answer struct{ Dir, Error string }
	if err = errors.Join(err, json.Unmarshal(out, &answer)); err == nil && answer.Dir == "" {
		err = errors.New("go mod download names no directory")
	}
	if err != nil {
		return "", fmt.Errorf("sources of %s: %w %s", m.requires, err, answer.Error)
	}
	return answer.Dir, nil
}

// buildTool compiles into a temporary name and renames: what is in the cache is complete.
func buildTool(ctx context.Context, l layout, s *step, m toolModule, pkg, version, out string) error {
	src := filepath.Join(l.tools(), m.dir)
	env := goEnvironment()

	list := exec.CommandContext(ctx, "go", "list", "-deps", "-tags", m.tags, pkg)
	list.Dir, list.Env = src, env
	total := 0
	if deps, err := list.Output(); err == nil {
		total = strings.Count(string(deps), "\n")
	}

	flags := "-s -w"
	if m.ldflags != nil {
		flags += " " + m.ldflags(version)
	}
	tmp := fmt.Sprintf("%s.%d.tmp", out, os.Getpid())
	defer func() { _ = os.Remove(tmp) }()
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	build := exec.CommandContext(ctx, "go", "build", "-v", "-tags", m.tags, "-ldflags", flags, "-o", tmp, pkg)
	build.Dir, build.Env = src, env
	count := &lineCounter{each: func(n int) { s.progress("compiled %d of at most %d packages", n, total) }}
	if err := runLogged(build, l.log("build-"+filepath.Base(out)), count); err != nil {
		return err
	}
	if err := os.Rename(tmp, out); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// assets returns a directory with etcd, kube-apiserver and kubectl, as envtest wants it in
// KUBEBUILDER_ASSETS. The three are links, so that the cache holds each binary once.
func assets(ctx context.Context, l layout, p *progress) (string, error) {
	var targets []string
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		path, err := tool(ctx, l, p, name)
		if err != nil {
			return "", err
		}
		targets = append(targets, path)
	}
	key := sha256.Sum256([]byte(strings.Join(targets, "\n")))
	dir := filepath.Join(l.cache, "assets", hex.EncodeToString(key[:])[:12])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cache: %w", err)
	}
	for _, path := range targets {
		link := filepath.Join(dir, filepath.Base(path))
		if exists(link) {
			continue
		}
		if err := os.Symlink(path, link); err != nil && !os.IsExist(err) {
			return "", fmt.Errorf("cache: %w", err)
		}
	}
	return dir, nil
}
