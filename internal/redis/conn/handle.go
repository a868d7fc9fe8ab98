// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"strings"
	"sync"
	"time"

	"github.com/upmio/compose-operator/internal/credential"
)

// Handle speaks to one server, and knows since when it has given no answer.
type Handle struct {
	*Client

	// User and Password as which it speaks.
	User     string
	Password credential.Password

	mu sync.Mutex
	// heard is when it answered last, or when the first look at it began.
	heard time.Time
}

// NewHandle makes a handle. Nothing is asked of the server before the first use.
func NewHandle(a Access) (*Handle, error) {
	c, err := Open(a)
	if err != nil {
		return nil, err
	}
	return &Handle{Client: c, User: a.User, Password: a.Password}, nil
}

// Listen notes how a look ended that began at a time, and returns for how long the server
// has been silent by now.
func (h *Handle) Listen(began time.Time, answered bool) time.Duration {
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

// ParseInfo reads the lines "name:value" of INFO.
func ParseInfo(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			out[name] = value
		}
	}
	return out
}
