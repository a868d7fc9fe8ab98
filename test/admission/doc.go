// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package admission tests what a user meets at the API server: the rules and
// defaults of the custom resource definitions, the webhook, and the manifests of
// dist/ as kubectl applies them. A real API server runs, and beside it the manager
// with the permissions that the manifests grant and nothing more. The tests are
// built with the tag "admission" and find the API server in KUBEBUILDER_ASSETS:
// make test-admission.
package admission
