// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"time"
)

// Login is a database user. The password is never printed.
type Login struct {
	User     string
	Password string
}

// Options of a run. A zero field takes its default.
type Options struct {
	// Database that the clients speak with; MySQL.
	Database Database
	// ReadWrite is the address, host:port, that writers connect to.
	ReadWrite string
	// ReadOnly is the address that readers connect to; needed with Readers only.
	ReadOnly string
	// Login of the clients: an ordinary user without administrative privileges.
	Login Login
	// Writers is the number of writing clients; 8.
	Writers int
	// Readers is the number of reading clients; none.
	Readers int
	// Interval between two writes of one writer, counted from start to start.
	// Zero writes again as soon as the answer is there.
	Interval time.Duration
	// ConnectTimeout of one attempt; 250 ms.
	ConnectTimeout time.Duration
	// AnswerTimeout is how long a client waits for an answer before it gives the
	// connection up and the outcome is unknown; 2 s.
	AnswerTimeout time.Duration
	// Pause after an error before the next attempt; 10 ms, as clients do that do not
	// want to storm a server.
	Pause time.Duration
	// NoteServers makes every writer ask who it is connected to, once for each connection,
	// for Run.Turns.
	NoteServers bool
}

// Defaults of Options.
const (
	DefaultWriters        = 8
	DefaultConnectTimeout = 250 * time.Millisecond
	DefaultAnswerTimeout  = 2 * time.Second
	DefaultPause          = 10 * time.Millisecond
)

// Paced is the Interval of the demo and the benchmark: up to a hundred writes of each
// client in a second. Without one, clients write more than a replica on a small machine
// can apply.
const Paced = 10 * time.Millisecond

func (o Options) withDefaults() Options {
	if o.Database == nil {
		o.Database = MySQL{}
	}
	if o.Writers == 0 {
		o.Writers = DefaultWriters
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = DefaultConnectTimeout
	}
	if o.AnswerTimeout == 0 {
		o.AnswerTimeout = DefaultAnswerTimeout
	}
	if o.Pause == 0 {
		o.Pause = DefaultPause
	}
	return o
}

// connect one client.
func (o Options) connect(ctx context.Context, address string) (Client, error) {
	// The handshake and the log-in count too: a pod that accepts connections and
	// says nothing must not hold a client up.
	ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout+o.AnswerTimeout)
	defer cancel()
	return o.Database.Connect(ctx, address, o)
}
