#!/usr/bin/env bash
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0

# Writes what the tests of upgrades install as an older release:
# catalog/previous-bundle.sh VERSION DIR makes a bundle in DIR.
#
# No image of an older release is published anywhere, so that the tests run today's
# program under the older version. That needs today's rights and definitions: the bundle
# is today's as well, under the older name. catalog/bundles has what was released.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version="${1:?usage: catalog/previous-bundle.sh VERSION DIR}"
out="${2:?usage: catalog/previous-bundle.sh VERSION DIR}"
csv=manifests/compose-operator.clusterserviceversion.yaml
newest="$(sed -n 's/^  version: \(.*\)/\1/p' "bundle/$csv")"

rm -rf "$out" && mkdir -p "$(dirname "$out")" && cp -r bundle "$out"
sed -i -e '/^  replaces: /d' -e '/^    olm.skipRange: /d' -e "s/${newest//./\\.}/$version/g" "$out/$csv"
