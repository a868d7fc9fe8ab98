// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package kinds has tests only: they ask for everything that a kind of PROJECT needs and
// that config/kinds cannot make, all of it at once and with the names of the files.
package kinds
