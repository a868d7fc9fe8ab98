// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
)

// lastWords lets a server say why it ends a connection that is being made. One that
// refuses a client certificate sends its reason and closes; when the driver writes after
// that, the write fails and the reason, which has arrived, would not be read.
type lastWords struct {
	// dial; nil: as the driver does.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	// over: the connection is made, and a write that fails is an error again.
	over atomic.Bool
}

func (w *lastWords) connect(ctx context.Context, network, address string) (net.Conn, error) {
	dial := w.dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	c, err := dial(ctx, network, address)
	if tcp, is := c.(*net.TCPConn); is {
		return &listening{TCPConn: tcp, words: w}, err
	}
	return c, err
}

// listening is a connection of lastWords. It embeds the TCP connection, which the driver
// asks for its file descriptor before it uses an idle one again.
type listening struct {
	*net.TCPConn
	words *lastWords
}

// Write implements net.Conn. The read that comes next returns what the server has said,
// or that the connection is gone.
func (c *listening) Write(b []byte) (int, error) {
	n, err := c.TCPConn.Write(b)
	if err != nil && !c.words.over.Load() && (errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)) {
		return len(b), nil
	}
	return n, err
}
