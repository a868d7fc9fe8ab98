// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// stringList is a flag that may be given several times.
type stringList []string

func (s *stringList) String() string     { return strings.Join(*s, ",") }
func (s *stringList) Set(v string) error { *s = append(*s, v); return nil }

// imageRequest is a parsed build-image command line.
type imageRequest struct {
	spec   imageSpec
	base   string // a database's name or a directory
	output string
	push   bool
}

// parseMixed parses flags that may stand before, between and after other arguments, and returns
// the others.
func parseMixed(flags *flag.FlagSet, args []string) (others []string, err error) {
	for len(args) > 0 {
		if !strings.HasPrefix(args[0], "-") {
			others, args = append(others, args[0]), args[1:]
			continue
		}
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		args = flags.Args()
	}
	return others, nil
}

// parseBuildImage reads build-image's arguments. The name may come before or after the flags.
func parseBuildImage(args []string) (imageRequest, error) {
	var add, entrypoint stringList
	flags := flag.NewFlagSet("testbed build-image NAME[:TAG]", flag.ContinueOnError)
	binary := flags.String("binary", "", "a static binary; it goes to / under its own name and is the entrypoint")
	base := flags.String("base", "", "put it on a root file system: mysql, redis, postgres or a directory")
	output := flags.String("output", "", "write the archive here too")
	user := flags.String("user", nobody, "user and group ids")
	push := flags.Bool("push", false, "push it into the testbed's registry too")
	flags.Var(&add, "add", "SRC:DST, a file or directory to add; may be repeated")
	flags.Var(&entrypoint, "entrypoint", "entrypoint, one word each; may be repeated (default: the binary)")

	names, err := parseMixed(flags, args)
	if err != nil {
		return imageRequest{}, err
	}
	if len(names) != 1 {
		return imageRequest{}, errors.New("usage: testbed build-image NAME[:TAG] --binary PATH [--add SRC:DST …] [--entrypoint WORD …] [--base ROOTFS] [--push]")
	}
	if *binary == "" && len(entrypoint) == 0 {
		return imageRequest{}, errors.New("build-image: give a --binary, or an --entrypoint of what --base and --add bring")
	}
	spec := imageSpec{ref: names[0], user: *user, entrypoint: entrypoint, env: []string{"PATH=" + standardPath}}
	if *binary != "" {
		at := path.Join("/", filepath.Base(*binary))
		spec.files = append(spec.files, imageFile{path: at, source: *binary})
		if len(entrypoint) == 0 {
			spec.entrypoint = []string{at}
		}
	}
	for _, a := range add {
		source, target, ok := strings.Cut(a, ":")
		if !ok || source == "" || !path.IsAbs(target) {
			return imageRequest{}, fmt.Errorf("build-image: --add %s: want SRC:DST with an absolute DST", a)
		}
		spec.files = append(spec.files, imageFile{path: target, source: source})
	}
	return imageRequest{spec: spec, base: *base, output: *output, push: *push}, nil
}

// buildImageCommand makes an image and loads it when the testbed is up.
func buildImageCommand(ctx context.Context, l layout, args []string) error {
	req, err := parseBuildImage(args)
	if err != nil {
		return err
	}
	up := exists(containerdSocket)
	if !up && (req.output == "" || req.push) {
		return errors.New("the testbed is down, so the image has nowhere to go: testbed up, or give --output FILE without --push")
	}
	return withProgress(func(ctx context.Context, l layout, p *progress) error {
		if req.base != "" {
			if req.spec.base, err = baseDirectory(ctx, l, p, req.base); err != nil {
				return err
			}
		}
		return p.do("building image "+req.spec.ref, func(*step) error {
			return buildAndLoad(ctx, req, up)
		})
	})(ctx, l)
}

// baseDirectory resolves --base.
func baseDirectory(ctx context.Context, l layout, p *progress, base string) (string, error) {
	if d, err := findDatabase(base); err == nil {
		return rootfs(ctx, l, p, d)
	}
	if info, err := os.Stat(base); err != nil || !info.IsDir() {
		return "", fmt.Errorf("build-image: --base %s is neither a database nor a directory", base)
	}
	return base, nil
}

func buildAndLoad(ctx context.Context, req imageRequest, load bool) error {
	tmp, err := os.MkdirTemp("", "testbed-image-")
	if err != nil {
		return fmt.Errorf("build-image: %w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	out := req.output
	if out == "" {
		out = filepath.Join(tmp, "image.tar")
	}
	image, err := newImage(req.spec, tmp)
	if err != nil {
		return err
	}
	if err := image.write(out); err != nil {
		return err
	}
	if load {
		if err := loadImage(ctx, out); err != nil {
			return err
		}
	}
	if req.push {
		return image.push(ctx)
	}
	return nil
}
