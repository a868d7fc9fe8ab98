// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package docs has tests only: they compare the documents with the code, so that
// neither says what the other does not.
package docs
