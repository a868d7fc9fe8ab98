// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"sync"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/conn"
)

// handle speaks to one server, and knows what this process has under way on it.
type handle struct {
	*conn.Handle

	mu sync.Mutex
	// underWay: a START or STOP GROUP_REPLICATION of this process has not ended.
	underWay bool
	// failed is how the last one ended, and ended when.
	failed error
	ended  time.Time
	// gave is the server_uuid of the server whose recovery channel was given this handle's
	// credential: another credential has another handle.
	gave string
}

// newHandle makes a handle. Nothing is asked of the server before the first use.
func newHandle(a conn.Access) (*handle, error) {
	c, err := conn.Open(a)
	if err != nil {
		return nil, err
	}
	return &handle{Handle: c}, nil
}
