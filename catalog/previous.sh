#!/usr/bin/env bash
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0

# Writes the catalog as it was before the newest release came to it, for tests of
# upgrades: catalog/previous.sh DIR makes DIR/compose-operator/catalog.yaml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out="${1:?usage: catalog/previous.sh DIR}/compose-operator"
newest="$(sed -n 's/^  name: \(compose-operator\.v.*\)/\1/p' bundle/manifests/compose-operator.clusterserviceversion.yaml)"

mkdir -p "$out"
# Each document is a record. Without the newest bundle, what is deprecated because of
# it, and its entries in the channels.
awk -v newest="$newest" '
  BEGIN { RS = "\n---\n"; ORS = "" }
  /(^|\n)schema: olm\.deprecations(\n|$)/ { next }
  /(^|\n)schema: olm\.bundle(\n|$)/ && index("\n" $0 "\n", "\nname: " newest "\n") { next }
  { sub("\n- name: " newest "\n  replaces: [^\n]*", "") ; print separator $0; separator = "\n---\n" }
' catalog/compose-operator/catalog.yaml >"$out/catalog.yaml"

if grep -n "$newest" "$out/catalog.yaml"; then
  echo "catalog/previous.sh: $newest is still in the catalog (above)" >&2
  exit 1
fi
