// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"net"

	"github.com/upmio/compose-operator/internal/server"
)

// dial connects to the first of the server's addresses that answers.
func (a Access) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return server.Dial(ctx, network, a.At, a.Port)
}
