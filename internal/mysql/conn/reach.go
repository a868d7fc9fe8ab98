// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import "github.com/upmio/compose-operator/internal/server"

// ReachOf says what an error tells of a server: it refuses, or it was not seen.
func ReachOf(err error) server.Reach { return server.ReachOf(err, Answered) }
