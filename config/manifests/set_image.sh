#!/usr/bin/env bash
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0

# Names the operator's image in a ClusterServiceVersion: set_image.sh CSV IMAGE. It is then
# the image of the Deployment, of the annotation containerImage, and the only one of
# relatedImages. IMAGE has a tag, a digest or both; what was named before does not matter.
set -euo pipefail

csv="${1:?usage: set_image.sh CSV IMAGE}"
image="${2:?usage: set_image.sh CSV IMAGE}"

now="$(sed -n 's/^ *containerImage: //p' "$csv")"
if [[ -z "$now" ]]; then
  echo "set_image.sh: $csv has no annotation containerImage, which names the present image" >&2
  exit 1
fi

# Compared as text, because a name may have any of the characters of an expression.
awk -v now="$now" -v image="$image" '
  /^  relatedImages:/ { inside = 1; next }
  inside && !/^  [- ] / { inside = 0 }
  inside { next }
  /^  version: / { print "  relatedImages:\n  - image: " image "\n    name: manager" }
  NF > 1 && $(NF - 1) ~ /^(image|containerImage):$/ && $NF == now { sub(/[^ ]+$/, ""); $0 = $0 image; named++ }
  { print }
  END { exit named < 2 }
' "$csv" >"$csv.new" || {
  rm -f "$csv.new"
  echo "set_image.sh: the Deployment in $csv does not have the image $now of the annotation containerImage" >&2
  exit 1
}
mv "$csv.new" "$csv"
