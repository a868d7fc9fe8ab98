// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e proves on a real cluster what the operator promises, with clients
// writing through the Services the whole time. Its specs are built with the tag
// "e2e"; README.md says how to run them.
package e2e
