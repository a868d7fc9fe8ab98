#!/usr/bin/env bash
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0

# Runs every check and every test ("make test"), in two lanes:
#
#   cluster   the testbed comes up, with OLM and all images; OLM's tests and the scorecard
#   checks    what needs no cluster, on what the other lane leaves of the machine
#
# OLM's tests wait for OLM most of the time. What the operator does on the cluster is tested
# when both lanes have ended: clients at work there want the machine for themselves. What a
# check says is shown when it ends. The first failure ends both lanes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

checks=(verify bundle-validate lint test-unit test-alerts test-admission test-mysql test-redis test-postgres test-proxysql)
beside_checks=(on-testbed-up on-testbed-olm on-testbed-scorecard)
at_work=(on-testbed-e2e on-testbed-plain)

out=bin/test-all

# stage NAME runs make NAME and says how long it took.
stage() {
  local name=$1 from=$SECONDS
  if ! make "$name"; then
    echo "==> make $name FAILED after $((SECONDS - from)) s" | tee -a "$out/summary"
    return 1
  fi
  printf '==> %-20s %5d s\n' "$name" $((SECONDS - from)) | tee -a "$out/summary"
}

# give_way lets everything else go first. The kernel may weigh sessions before it looks at
# how nice the processes in them are; then the session has to be nice, too.
give_way() {
  renice -n 10 $$ >/dev/null
  { echo 19 >/proc/self/autogroup; } 2>/dev/null || true
}

run_checks() {
  local name failed
  for name in "${checks[@]}"; do
    failed=0
    stage "$name" >"$out/$name.log" 2>&1 || failed=1
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

# Every lane is this script again, in a session of its own.
case "${1:-}" in
  lane-checks) give_way; run_checks; exit ;;
  lane-cluster) run_cluster "${@:2}"; exit ;;
esac

begin=$SECONDS
rm -rf "$out" && mkdir -p "$out"
: >"$out/summary"
# Both lanes need it, and it must not change while one of them runs it.
make bin/testbed

lanes=()
finish() {
  local lane
  for lane in "${lanes[@]}"; do kill -TERM -- "-$lane" 2>/dev/null || true; done
  wait || true
  [[ -n "${KEEP_TESTBED:-}" ]] || bin/testbed down
}
trap finish EXIT
trap 'exit 130' INT TERM

lane() {
  setsid test/all.sh "$@" &
  lanes+=($!)
}

# ended waits for all lanes, or for the first that fails.
ended() {
  for _ in "${lanes[@]}"; do
    wait -n || { cat "$out/summary" >&2; exit 1; }
  done
  lanes=()
}

lane lane-checks
lane lane-cluster "${beside_checks[@]}"
ended
lane lane-cluster "${at_work[@]}"
ended

printf '\n'
cat "$out/summary"
printf '==> everything passed in %d min %d s\n' $(((SECONDS - begin) / 60)) $(((SECONDS - begin) % 60))
