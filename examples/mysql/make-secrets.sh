#!/usr/bin/env bash
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0

# Writes 01-secret.yaml: the Secret mysql-credentials with the two passwords,
# encrypted with the operator's AES key. It prints the file's name; apply it with
# kubectl -n YOUR_NAMESPACE apply -f 01-secret.yaml
#
# The passwords come from MYSQL_PASSWORD and REPLICATION_PASSWORD, or are asked for.
# The key comes from AES_SECRET_KEY, or from the cluster (Secret aes-secret-key in
# the operator's namespace, OPERATOR_NAMESPACE, by default upm-system).
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
operator_namespace="${OPERATOR_NAMESPACE:-upm-system}"
secret="${SECRET_NAME:-mysql-credentials}"
out="${1:-$here/01-secret.yaml}"

# A password never becomes an argument: arguments are in the list of processes.
password() { # VARIABLE USER
  if [[ -n "${!1:-}" ]]; then
    printf '%s' "${!1}"
    return
  fi
  local answer
  read -rsp "password of the user $2: " answer
  echo >&2
  printf '%s' "$answer"
}

if [[ -z "${AES_SECRET_KEY:-}" ]]; then
  AES_SECRET_KEY="$(kubectl -n "$operator_namespace" get secret aes-secret-key \
    -o go-template='{{index .data "AES_SECRET_KEY" | base64decode}}')"
fi
export AES_SECRET_KEY

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
tool="${AES_TOOL:-$work/aes-tool}"
if [[ -z "${AES_TOOL:-}" ]]; then
  (cd "$here/../.." && go build -o "$tool" ./tool)
fi
password MYSQL_PASSWORD mysql | "$tool" -username mysql -plaintext - -output "$work/mysql" >/dev/null
password REPLICATION_PASSWORD replication | "$tool" -username replication -plaintext - -output "$work/replication" >/dev/null

umask 077
cat >"$out" <<YAML
apiVersion: v1
kind: Secret
metadata:
  name: $secret
type: Opaque
data:
  mysql: $(base64 <"$work/mysql" | tr -d '\n')
  replication: $(base64 <"$work/replication" | tr -d '\n')
YAML
echo "$out"
