// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package conn speaks to one MySQL server: connections, deadlines, errors that say
// what to do and show no secret, versions. Everything that looks after MySQL uses it;
// what a kind asks of a server is the kind's own.
package conn
