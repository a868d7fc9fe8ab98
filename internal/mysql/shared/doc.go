// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package shared holds the words that everything which looks after MySQL servers
// shares: whether one was seen, as whom it is asked, and how texts of it are cut. Pure.
package shared
