// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Images that the cluster itself needs.
const (
	pauseImage   = imagePrefix + "pause:1"
	corednsImage = imagePrefix + "coredns:1"
)

// nobody is the user of images made with build-image; "nonroot" in distroless images.
const nobody = "65532:65532"

func goarch() string { return runtime.GOARCH }

// imageArchive is where an image's archive is kept: name and a digest of what it was made from.
func imageArchive(l layout, ref, content string) string {
	sum := sha256.Sum256([]byte(content))
	base := strings.NewReplacer("/", "_", ":", "_").Replace(ref)
	return filepath.Join(l.cache, "images", base+"-"+hex.EncodeToString(sum[:])[:12]+".tar")
}

// databaseImage returns the archive of a database image, made when the cache has none.
func databaseImage(ctx context.Context, l layout, p *progress, d database) (string, error) {
	out := imageArchive(l, d.image(), fmt.Sprint(rootfsKey(d), d.entrypoint, d.files, d.stopSignal))
	if exists(out) {
		return out, nil
	}
	root, err := rootfs(ctx, l, p, d)
	if err != nil {
		return "", err
	}
	files := append([]imageFile{{path: "/entrypoint.sh", data: []byte(d.entrypoint), mode: 0o755}}, d.files...)
	return out, p.do("building image "+d.image(), func(*step) error {
		return buildCachedImage(imageSpec{
			ref: d.image(), base: root,
			files:      files,
			entrypoint: []string{"/entrypoint.sh"},
			env:        []string{"PATH=" + d.path, "HOME=" + d.volume, "LANG=C.UTF-8"},
			user:       fmt.Sprintf("%d:%d", d.uid, d.uid),
			workdir:    d.volume,
			stopSignal: d.stopSignal,
		}, out)
	})
}

// buildCachedImage builds an image into the cache.
func buildCachedImage(spec imageSpec, out string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return buildImage(spec, out)
}

// corednsArchive returns the archive of the CoreDNS image.
func corednsArchive(ctx context.Context, l layout, p *progress) (string, error) {
	binary, err := tool(ctx, l, p, "coredns")
	if err != nil {
		return "", err
	}
	out := imageArchive(l, corednsImage, binary)
	if exists(out) {
		return out, nil
	}
	return out, buildCachedImage(imageSpec{
		ref: corednsImage, files: []imageFile{{path: "/coredns", source: binary}},
		entrypoint: []string{"/coredns"}, user: nobody,
	}, out)
}

// pauseArchive returns the archive of the image that holds every pod's namespaces.
func pauseArchive(ctx context.Context, l layout) (string, error) {
	src := filepath.Join(l.repo, "test", "testbed", "images", "pause")
	code, err := os.ReadFile(filepath.Join(src, "main.go"))
	if err != nil {
		return "", fmt.Errorf("pause image: %w", err)
	}
	out := imageArchive(l, pauseImage, string(code))
	if exists(out) {
		return out, nil
	}
	tmp, err := os.MkdirTemp("", "testbed-pause-")
	if err != nil {
		return "", fmt.Errorf("pause image: %w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	binary := filepath.Join(tmp, "pause")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Dir, build.Env = src, goEnvironment()
	if err := runLogged(build, l.log("build-pause"), nil); err != nil {
		return "", err
	}
	return out, buildCachedImage(imageSpec{
		ref: pauseImage, files: []imageFile{{path: "/pause", source: binary}},
		entrypoint: []string{"/pause"}, user: nobody,
	}, out)
}

// loadImage imports an archive into containerd.
func loadImage(ctx context.Context, archive string) error {
	_, err := run(ctx, "ctr", ctrArgs("images", "import", archive)...)
	return err
}

// ctrArgs are the arguments that make ctr talk to the testbed's containerd, in the namespace of
// containerd that the kubelet uses.
func ctrArgs(args ...string) []string {
	return append([]string{"--address", containerdSocket, "--namespace", "k8s.io"}, args...)
}

// loadCachedImage imports an archive of the cache unless this containerd has it already.
func loadCachedImage(ctx context.Context, l layout, archive string) error {
	mark := l.in("images", filepath.Base(archive))
	if exists(mark) {
		return nil
	}
	if err := loadImage(ctx, archive); err != nil {
		return err
	}
	return writeFile(mark, nil, 0o644)
}
