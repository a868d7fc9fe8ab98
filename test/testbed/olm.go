// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed manifests/olm.yaml
var olmManifest string

// installOLM puts the Operator Lifecycle Manager into the running testbed. What is there stays.
func installOLM(ctx context.Context, l layout, p *progress) error {
	if err := checkMachine(l); err != nil {
		return err
	}
	if !exists(netnsPath) || !exists(l.kubeconfig()) {
		return errors.New("the testbed is down: testbed up")
	}
	unlock, err := lock(l)
	if err != nil {
		return err
	}
	defer unlock()

	if err := installPackages(ctx, l, p); err != nil {
		return err
	}
	images, err := olmImages(ctx, l, p)
	if err != nil {
		return err
	}
	versions, err := readOLMVersions(l)
	if err != nil {
		return err
	}
	err = p.do("providing OLM's images", func(s *step) error {
		for i, spec := range images {
			s.progress("%d of %d images", i, len(images))
			if err := provideImage(ctx, l, spec); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.do("applying OLM's resource definitions", func(*step) error { return applyOLMDefinitions(ctx, l) }); err != nil {
		return err
	}
	if err := p.do("applying OLM", func(*step) error { return applyOLM(ctx, l, versions) }); err != nil {
		return err
	}
	if err := p.do("waiting for OLM", func(s *step) error { return waitOLM(ctx, l, s) }); err != nil {
		return err
	}
	p.printf("OLM %s is up; operator-sdk scorecard wants --untar-image %[2]s --storage-image %[2]s", versions.olm, busyboxImage)
	return nil
}

// applyOLMDefinitions applies the definitions that OLM's module holds, and waits until the API
// server serves them.
func applyOLMDefinitions(ctx context.Context, l layout) error {
	m, _, err := findTool("olm")
	if err != nil {
		return err
	}
	dir, err := m.sources(ctx, l)
	if err != nil {
		return err
	}
	definitions := filepath.Join(dir, "deploy", "chart", "crds")
	if err := apply(ctx, l, definitions); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	_, err = inNetns(ctx, kubectl(l, "wait", "--for=condition=Established", "--timeout=60s", "-f", definitions)...)
	return err
}

// renderOLM fills in OLM's manifest.
func renderOLM(v olmVersions) ([]byte, error) {
	t, err := template.New("olm.yaml").Option("missingkey=error").Parse(olmManifest)
	if err != nil {
		return nil, fmt.Errorf("OLM's manifest: %w", err)
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct{ OLMImage, OPMImage, OLMVersion string }{
		v.olmImage(), v.opmImage(), strings.TrimPrefix(v.olm, "v"),
	})
	if err != nil {
		return nil, fmt.Errorf("OLM's manifest: %w", err)
	}
	return out.Bytes(), nil
}

func applyOLM(ctx context.Context, l layout, v olmVersions) error {
	data, err := renderOLM(v)
	if err != nil {
		return err
	}
	file := l.in("config", "olm.yaml")
	if err := writeFile(file, data, 0o644); err != nil {
		return err
	}
	return apply(ctx, l, file)
}
