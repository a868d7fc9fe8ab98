// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package olm tests, with the build tag e2e, the operator as users install it: by the
// Operator Lifecycle Manager from the catalog, with a Subscription. It needs a cluster
// on which OLM runs and the images of both releases; "make test-olm" sees to that.
package olm
