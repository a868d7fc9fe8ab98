// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "github.com/upmio/compose-operator/internal/redis/conn"

// handle speaks to one server.
type handle struct{ *conn.Handle }

// newHandle makes a handle. Nothing is asked of the server before the first use.
func newHandle(a conn.Access) (*handle, error) {
	h, err := conn.NewHandle(a)
	if err != nil {
		return nil, err
	}
	return &handle{h}, nil
}
