// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package manager puts the operator together: flags and environment, the
// manager with its cache, probes, metrics and leader election, admission, and
// one line for each kind of resource.
package manager
