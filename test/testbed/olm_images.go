// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// olmVersions are the pinned versions of what OLM's images are made of; they are the images' tags.
type olmVersions struct{ olm, registry, sdk string }

func readOLMVersions(l layout) (v olmVersions, err error) {
	for binary, version := range map[string]*string{"olm": &v.olm, "opm": &v.registry, "operator-sdk": &v.sdk} {
		m, _, err := findTool(binary)
		if err != nil {
			return v, err
		}
		if _, *version, err = m.outDir(l); err != nil {
			return v, err
		}
	}
	return v, nil
}

// Names of OLM's images. The scorecard's is the one that config/scorecard names.
func (v olmVersions) olmImage() string       { return imagePrefix + "olm:" + v.olm }
func (v olmVersions) opmImage() string       { return imagePrefix + "opm:" + v.registry }
func (v olmVersions) scorecardImage() string { return "upmio/scorecard-test:" + v.sdk }

// busyboxImage is what operator-sdk scorecard unpacks bundles and collects results with.
const busyboxImage = imagePrefix + "busybox:1"

// busybox is the program of Debian's package busybox-static.
const busybox = "/bin/busybox"

// busyboxFiles are the program and links to it, by whose names it knows what to do.
func busyboxFiles(names ...string) []imageFile {
	files := []imageFile{{path: busybox, source: busybox, public: true}}
	for _, name := range names {
		files = append(files, imageFile{path: "/bin/" + name, link: "busybox"})
	}
	return files
}

// olmImages are the images that OLM, and operator-sdk scorecard, start pods from. They are built
// into the cache.
func olmImages(ctx context.Context, l layout, p *progress) ([]imageSpec, error) {
	versions, err := readOLMVersions(l)
	if err != nil {
		return nil, err
	}
	env := []string{"PATH=" + standardPath}

	// OLM copies cpb and copy-content out of its image, with cp, into the pods that unpack.
	olm := imageSpec{ref: versions.olmImage(), user: nobody, env: env, files: busyboxFiles("cp"), entrypoint: []string{"/bin/olm"}}
	for _, name := range []string{"olm", "catalog", "package-server", "copy-content", "cpb"} {
		binary, err := tool(ctx, l, p, name)
		if err != nil {
			return nil, err
		}
		olm.files = append(olm.files, imageFile{path: "/bin/" + name, source: binary, public: true})
	}
	programs, err := opmPrograms(ctx, l, p)
	if err != nil {
		return nil, err
	}
	scorecard, err := tool(ctx, l, p, "scorecard-test")
	if err != nil {
		return nil, err
	}
	return []imageSpec{
		olm,
		opmImage(programs, versions.opmImage()),
		// No entrypoints: pods give a command, which would become arguments of one.
		{ref: busyboxImage, user: nobody, env: env, files: busyboxFiles("sh", "tar", "gunzip", "gzip", "cat", "ls", "cp", "mkdir", "sleep", "wget", "nc")},
		{
			ref: versions.scorecardImage(), user: nobody, env: env,
			files: []imageFile{{path: "/usr/bin/scorecard-test", source: scorecard, public: true}},
		},
	}, nil
}

// provideImage makes an image once, and loads it into the node and pushes it into the registry
// once per testbed. Both, because pods of OLM pull some images every time and others never.
func provideImage(ctx context.Context, l layout, spec imageSpec) error {
	archive := imageArchive(l, spec.ref, fmt.Sprint(spec))
	cached := exists(archive)
	if cached && isPushed(ctx, spec.ref) {
		return loadCachedImage(ctx, l, archive)
	}
	if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	image, err := newImage(spec, filepath.Dir(archive))
	if err != nil {
		return err
	}
	defer image.close()
	if !cached {
		if err := image.write(archive); err != nil {
			return err
		}
	}
	if err := loadCachedImage(ctx, l, archive); err != nil {
		return err
	}
	return image.push(ctx)
}
