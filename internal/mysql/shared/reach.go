// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package shared

// Reach says whether a server could be observed.
type Reach string

// The values of Reach.
const (
	// ReachOK: everything was read.
	ReachOK Reach = "OK"
	// ReachError: the server answers, but with an error (credentials, privileges,
	// too many connections). It may well be serving clients: it is not gone.
	ReachError Reach = "Error"
	// ReachNone: no answer within the deadline, or the connection was refused.
	// Unknown, neither empty nor dead.
	ReachNone Reach = "None"
)
