// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package grants reads what a MySQL account may do out of SHOW GRANTS, and says what
// it lacks. Pure: whoever speaks to the server asks.
package grants
