#!/usr/bin/env bash
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0

# Makes bundle/, bundle.Dockerfile and config/olm-v1/installer.yaml, below the working
# directory, of config/ and of the markers in api/. "make bundle" runs it, with the tools
# OPERATOR_SDK and KUSTOMIZE, and with VERSION and IMG. The same input gives the same output.
set -euo pipefail

boilerplate=config/boilerplate.yaml.txt
base=config/manifests/bases/compose-operator.clusterserviceversion.yaml
manifests=bundle/manifests
csv=$manifests/compose-operator.clusterserviceversion.yaml

# with_header puts the license header in front of each file.
with_header() {
  local file
  for file in "$@"; do
    printf '%s\n' "$(cat "$boilerplate" "$file")" >"$file.new"
    mv "$file.new" "$file"
  done
}

# The descriptions of the kinds in the base, from api/.
"$OPERATOR_SDK" generate kustomize manifests --quiet --interactive=false
with_header "$base"

rm -rf bundle
"$KUSTOMIZE" build config/manifests | "$OPERATOR_SDK" generate bundle --quiet --overwrite \
  --package compose-operator --version "$VERSION" --channels candidate-v0,stable-v0 --default-channel stable-v0

# OLM makes a Service for the webhook itself.
rm "$manifests/compose-operator-webhook_v1_service.yaml"
"$KUSTOMIZE" build config/manifests/own-namespace --output "$manifests"

# The time and the tool of the build are not part of a release, its images are.
created="$(sed -n 's/^ *createdAt: //p' "$base")"
sed -i \
  -e "s|^\( *createdAt: \).*|\1$created|" \
  -e '/^ *operators\.operatorframework\.io\/\(builder\|project_layout\): /d' \
  "$csv"
config/manifests/set_image.sh "$csv" "$IMG"
sed -i '/operators\.operatorframework\.io\.metrics\./d' bundle/metadata/annotations.yaml bundle.Dockerfile
sed -i "s|\(image: upmio/compose-operator-scorecard\)$|\1:$VERSION|" bundle/tests/scorecard/config.yaml

find bundle -name '*.yaml' | while read -r file; do with_header "$file"; done
with_header bundle.Dockerfile

# What an installer of OLM v1 may do follows from the bundle.
go run ./config/olm-v1
