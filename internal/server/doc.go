// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package server holds what is the same for database servers of every make: whether one
// was seen, how one is connected to, and how what it says is shown.
package server
