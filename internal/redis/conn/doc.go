// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package conn speaks to Redis and Valkey servers: connections, deadlines, and errors in
// words that say what to do and show no password.
package conn
