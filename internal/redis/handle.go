// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"sync"
	"time"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/redis/conn"
)

// handle speaks to one server, and knows since when it has given no answer.
type handle struct {
	*conn.Client

	user     string
	password credential.Password

	mu sync.Mutex
	// heard is when it answered last, or when the first look at it began.
	heard time.Time
}

// newHandle makes a handle. Nothing is asked of the server before the first use.
func newHandle(a conn.Access) (*handle, error) {
	c, err := conn.Open(a)
	if err != nil {
		return nil, err
	}
	return &handle{Client: c, user: a.User, password: a.Password}, nil
}

// listen notes how a look ended that began at a time, and returns for how long the server
// has been silent by now.
func (h *handle) listen(began time.Time, answered bool) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if answered || h.heard.IsZero() {
		h.heard = began
	}
	if answered {
		return 0
	}
	return time.Since(h.heard)
}
