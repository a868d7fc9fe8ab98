#!/usr/bin/env bash
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0

# Runs every check and every test ("make test"), in two lanes:
#
#   cluster   the testbed comes up, with OLM and all images
#   checks    everything that needs no cluster, with low priority meanwhile
#
# The tests on the cluster begin when the checks have ended: databases under load, and
# clients that must see no error, want the machine for themselves. What a check says is shown when it ends. The first failure
# ends both lanes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

checks=(verify bundle-validate lint test-unit test-alerts test-admission test-mysql)
beside_checks=(on-testbed-up)
after_checks=(on-testbed-olm on-testbed-scorecard on-testbed-e2e on-testbed-plain)

begin=$SECONDS
out=bin/test-all
rm -rf "$out" && mkdir -p "$out"
: >"$out/summary"
# Both lanes need it, and it must not change while one of them runs it.
make bin/testbed

# stage NAME PREFIX… runs make NAME under PREFIX and says how long it took.
stage() {
  local name=$1 from=$SECONDS
  shift
  if ! "$@" make "$name"; then
    echo "==> make $name FAILED after $((SECONDS - from)) s" | tee -a "$out/summary"
    return 1
  fi
  printf '==> %-20s %5d s\n' "$name" $((SECONDS - from)) | tee -a "$out/summary"
}

run_checks() {
  local name failed
  for name in "${checks[@]}"; do
    failed=0
    stage "$name" nice -n 10 >"$out/$name.log" 2>&1 || failed=1
    { echo "==> make $name"; cat "$out/$name.log"; }
    ((failed == 0)) || return 1
  done
}

run_cluster() {
  local name
  for name in "$@"; do
    echo "==> make $name"
    stage "$name" || return 1
  done
}

lanes=()
finish() {
  local lane
  for lane in "${lanes[@]}"; do kill -TERM -- "-$lane" 2>/dev/null || true; done
  wait || true
  [[ -n "${KEEP_TESTBED:-}" ]] || bin/testbed down
}
trap finish EXIT
trap 'exit 130' INT TERM

# Every lane is a process group of its own, so that it can be ended with all that it runs.
set -m
run_checks &
lanes+=($!)
run_cluster "${beside_checks[@]}" &
lanes+=($!)
for _ in "${lanes[@]}"; do
  wait -n || { cat "$out/summary" >&2; exit 1; }
done
run_cluster "${after_checks[@]}" &
lanes+=($!)
wait -n || { cat "$out/summary" >&2; exit 1; }
lanes=()

printf '\n'
cat "$out/summary"
printf '==> everything passed in %d min %d s\n' $(((SECONDS - begin) / 60)) $(((SECONDS - begin) % 60))
