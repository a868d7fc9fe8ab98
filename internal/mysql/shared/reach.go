// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package shared

import "github.com/upmio/compose-operator/internal/server"

// Reach says whether a server could be observed.
type Reach = server.Reach

// The values of Reach.
const (
	ReachOK    = server.ReachOK
	ReachError = server.ReachError
	ReachNone  = server.ReachNone
)
