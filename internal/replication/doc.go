// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package replication holds what the kinds with one source and its replicas have in common,
// whatever the database calls them: who the members are, and which Services lead to them.
package replication
