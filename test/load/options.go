// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Login is a database user. The password is never printed.
type Login struct {
	User     string
	Password string
}

// Options of a run. A zero field takes its default.
type Options struct {
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

const (
	database = "compose_load"
	// Table of the writes. A server made anew has none; see Prepare.
	Table = database + ".acknowledged"
)

// config of one client's connection. The driver's log is silenced because a
// broken connection is an expected thing here; it is counted instead.
func (o Options) config(address string) *mysql.Config {
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", address
	c.User, c.Passwd = o.Login.User, o.Login.Password
	c.Timeout, c.ReadTimeout, c.WriteTimeout = o.ConnectTimeout, o.AnswerTimeout, o.AnswerTimeout
	c.AllowNativePasswords = true
	c.Logger = &mysql.NopLogger{}
	return c
}

// connection is a single connection without a pool behind it: a pool may repeat
// a statement on another connection, and then nobody knows what was attempted.
type connection struct{ driver.Conn }

func (o Options) connect(ctx context.Context, address string) (connection, error) {
	connector, err := mysql.NewConnector(o.config(address))
	if err != nil {
		return connection{}, fmt.Errorf("configure the connection to %s: %w", address, err)
	}
	// The handshake and the log-in count too: a pod that accepts connections and
	// says nothing must not hold a client up.
	ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout+o.AnswerTimeout)
	defer cancel()
	conn, err := connector.Connect(ctx)
	if err != nil {
		return connection{}, fmt.Errorf("connect to %s: %w", address, err)
	}
	return connection{conn}, nil
}

// server asks for the server's server_uuid.
func (c connection) server(ctx context.Context) (string, error) {
	queryer, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return "", fmt.Errorf("the driver's connection %T cannot query", c.Conn)
	}
	rows, err := queryer.QueryContext(ctx, "SELECT @@server_uuid", nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil {
		return "", err
	}
	if text, ok := row[0].([]byte); ok {
		return string(text), nil
	}
	return fmt.Sprint(row[0]), nil
}

// exec runs a statement without arguments.
func (c connection) exec(ctx context.Context, statement string) error {
	execer, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return fmt.Errorf("the driver's connection %T cannot execute a statement", c.Conn)
	}
	_, err := execer.ExecContext(ctx, statement, nil)
	return err
}
