// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
)

// Database is how the clients of one database speak with it. Nil in Options: MySQL.
type Database interface {
	// Connect makes one connection without a pool behind it: a pool may repeat a write on
	// another connection, and then nobody knows what was attempted.
	Connect(ctx context.Context, address string, o Options) (Client, error)
	// Read returns what a server holds of a run, and how far it was before that, in the
	// database's own terms. With a value in after, it first waits until the server has got as far.
	Read(ctx context.Context, server Server, login Login, run int64, after string) (rows map[ID]struct{}, executed string, err error)
	// Ended says whether an error means that the connection was ended.
	Ended(err error) bool
	// Kind names an answer of the server, or what the driver says in its place, without what
	// differs from one time to the next; "" when the error is neither.
	Kind(err error) string
}

// Client is one connection. After an error it is closed and not used again.
type Client interface {
	// Write what was never written before. nil: the server has acknowledged it.
	// ErrDuplicate: it is there already. Anything else: it may be there.
	Write(ctx context.Context, run int64, id ID) error
	// ReadOne asks something that the server has to look up.
	ReadOne(ctx context.Context, run int64) error
	// Server is what identifies the server at the other end.
	Server(ctx context.Context) (string, error)
	Close() error
}

// ErrDuplicate is the answer to a write that is there although it was never sent before.
var ErrDuplicate = errors.New("it is there already")
