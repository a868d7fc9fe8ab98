// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import "context"

// catalogImageCommand makes the image of a file-based catalog and pushes it.
func catalogImageCommand(ctx context.Context, l layout, args []string) error {
	dir, tag, err := parseContentImage("catalog-image", args)
	if err != nil {
		return err
	}
	return withProgress(func(ctx context.Context, l layout, p *progress) error {
		programs, err := opmPrograms(ctx, l, p)
		if err != nil {
			return err
		}
		// A catalog that opm refuses would be a pod that crashes.
		if _, err := run(ctx, programs.opm, "validate", dir); err != nil {
			return err
		}
		return pushStep(ctx, p, catalogImage(programs, dir, tag))
	})(ctx, l)
}

// opmFiles are the programs of an image that serves a catalog, on this machine.
type opmFiles struct{ opm, healthProbe string }

// opmPrograms builds what an image that serves catalogs consists of.
func opmPrograms(ctx context.Context, l layout, p *progress) (files opmFiles, err error) {
	if files.opm, err = tool(ctx, l, p, "opm"); err != nil {
		return opmFiles{}, err
	}
	files.healthProbe, err = tool(ctx, l, p, "grpc-health-probe")
	return files, err
}

// opmImage is the image with opm: OLM unpacks bundles with it, and catalogs are served by it. OLM
// calls its programs by these names.
func opmImage(programs opmFiles, ref string) imageSpec {
	return imageSpec{
		ref: ref, user: nobody, env: []string{"PATH=" + standardPath},
		programs: []imageFile{
			{path: "/bin/opm", source: programs.opm, public: true},
			{path: "/bin/grpc_health_probe", source: programs.healthProbe, public: true},
			// The cache of a catalog that is served goes there, whatever user OLM chooses.
			{path: "/tmp", dir: true, mode: 0o1777},
		},
		entrypoint: []string{"/bin/opm"},
	}
}

// catalogImage is an image that serves the catalog in dir.
func catalogImage(programs opmFiles, dir, ref string) imageSpec {
	spec := opmImage(programs, ref)
	spec.files = []imageFile{{path: "/configs", source: dir, public: true}}
	// The cache is made when the pod starts, so nothing can be required of one.
	spec.command = []string{"serve", "/configs", "--cache-dir=/tmp/cache", "--cache-enforce-integrity=false"}
	spec.labels = map[string]string{catalogLabel: "/configs"}
	return spec
}
