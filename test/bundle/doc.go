// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package bundle has tests only: they run OLM's own validators over the bundles and
// compare bundles, catalog, samples and custom resource definitions with one another.
// They need no cluster and no tool.
package bundle
