#!/usr/bin/env bash
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0

# Renders catalog/compose-operator/catalog.yaml and docs/catalog-graph.md, below the
# working directory, from catalog/template.yaml and the bundles' directories. "make
# catalog" runs it, with the tool OPM and with BUNDLE_IMG, the name of the bundles' image
# without its tag. The same input gives the same output.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# Packages, channels and deprecations. Bundles are left out: opm would pull their images,
# which need not be published yet.
mkdir "$work/catalog"
awk '/^  - schema: /{bundle = $3 == "olm.bundle"} !bundle' catalog/template.yaml |
  "$OPM" alpha render-template basic - --output yaml >"$work/catalog/channels.yaml"

"$OPM" render catalog/bundles/* bundle \
  --alpha-image-ref-template "$BUNDLE_IMG"':v{{.Version}}' \
  --migrate-level bundle-object-to-csv-metadata --output yaml >"$work/catalog/bundles.yaml"

mkdir -p catalog/compose-operator
{
  cat config/boilerplate.yaml.txt
  # A document before the first one would be an object without a schema.
  "$OPM" render "$work/catalog" --output yaml | sed 1d
} >catalog/compose-operator/catalog.yaml

{
  cat <<'TEXT'
# The upgrade graph

Made by `make catalog`. An arrow leads from a release to the one that replaces it.

```mermaid
TEXT
  "$OPM" alpha render-graph catalog
  echo '```'
} >docs/catalog-graph.md
