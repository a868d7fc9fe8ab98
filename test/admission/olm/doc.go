// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package olm has tests only: it runs managers against a real API server with the
// permissions and the environment that the Operator Lifecycle Manager would give
// them, in each of the install modes.
package olm
