// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/server"
)

const (
	// dialTimeout bounds the making of a connection.
	dialTimeout = time.Second
	// silence is a last resort: every statement has a context with a shorter deadline.
	silence = 30 * time.Second
	// connectionLifetime makes old connections new, so that a changed address behind a DNS
	// name is noticed.
	connectionLifetime = 30 * time.Minute
	// maxConnections to one server; one is kept.
	maxConnections, idleConnections = 2, 1
	// maxPacket is what is sent at the most. It is given so that the driver does not ask.
	maxPacket = 16 << 20
)

// Access is what is needed to speak to an admin interface.
type Access struct {
	Host string
	Port int32
	// User is one of admin-admin_credentials.
	User     string
	Password credential.Password
}

// Address is "host:port".
func (a Access) Address() string { return net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))) }

// Client speaks to one admin interface. Its methods may be called at the same time.
type Client struct {
	db     *sql.DB
	access Access
	// statements that were sent.
	statements atomic.Int64
}

// Open makes a client. Nothing is asked of the server before the first use, and nothing
// but what the methods are told: the interface does not know what drivers set by themselves.
func Open(a Access) (*Client, error) {
	cfg := driver.NewConfig()
	cfg.Net, cfg.Addr = "tcp", a.Address()
	cfg.User, cfg.Passwd = a.User, a.Password.Reveal()
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = dialTimeout, silence, silence
	cfg.MaxAllowedPacket = maxPacket
	cfg.TLSConfig = "preferred"
	// What goes wrong is in the errors.
	cfg.Logger = &driver.NopLogger{}
	connector, err := driver.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection to %s: %w", a.Address(), err)
	}
	c := &Client{db: sql.OpenDB(connector), access: a}
	c.db.SetMaxOpenConns(maxConnections)
	c.db.SetMaxIdleConns(idleConnections)
	c.db.SetConnMaxLifetime(connectionLifetime)
	return c, nil
}

// Close gives up the connections; those in use are closed when they come back.
func (c *Client) Close() { _ = c.db.Close() }

// Statements is how many were sent.
func (c *Client) Statements() int64 { return c.statements.Load() }

// Exec runs a statement without a result. about is what the error says of it: the statement
// itself may hold the hash of a password.
func (c *Client) Exec(ctx context.Context, about, statement string) error {
	c.statements.Add(1)
	_, err := c.db.ExecContext(ctx, statement)
	return fail(about, err)
}

// Rows runs a query and returns its rows as texts. NULL is the empty one.
func (c *Client) Rows(ctx context.Context, about, query string) ([][]string, error) {
	c.statements.Add(1)
	rows, err := c.db.QueryContext(ctx, query)
	if err != nil {
		return nil, fail(about, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	columns, err := rows.Columns()
	if err != nil {
		return nil, fail(about, err)
	}
	raw, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range raw {
		into[i] = &raw[i]
	}
	var out [][]string
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fail(about, err)
		}
		row := make([]string, len(columns))
		for i := range raw {
			row[i] = string(raw[i])
		}
		out = append(out, row)
	}
	return out, fail(about, rows.Err())
}

// Numbers of errors that mean something to the operator.
const (
	numberAccessDenied = 1045
	// numberLocalOnly is how ProxySQL refuses the user admin from elsewhere:
	// https://proxysql.com/documentation/global-variables/admin-variables/#admin-admin_credentials
	numberLocalOnly = 1040
)

// Error is a failure without anything of the statement.
type Error struct {
	about, text string
	cause       error
}

func (e *Error) Error() string { return e.about + ": " + e.text }

func (e *Error) Unwrap() error { return e.cause }

func fail(about string, err error) error {
	if err == nil {
		return nil
	}
	said := (*driver.MySQLError)(nil)
	if !errors.As(err, &said) {
		return fmt.Errorf("%s: %w", about, err)
	}
	// A syntax error of SQLite shows the place, which may be a hash.
	text := said.Message
	if at := strings.IndexAny(text, `"'`); at >= 0 && said.Number != numberAccessDenied {
		text = strings.TrimSpace(text[:at])
	}
	switch said.Number {
	case numberAccessDenied:
		text += " (the password of the Secret must be that of a user in admin-admin_credentials; the user admin may connect from the server itself only)"
	case numberLocalOnly:
		text += " (name another user of admin-admin_credentials in spec.secret.proxysql)"
	}
	return &Error{about: about, text: fmt.Sprintf("error %d: %s", said.Number, server.Shorten(text)), cause: errRefused}
}

// errRefused marks what the server itself has said.
var errRefused = errors.New("refused by the server")

// ReachOf says what an error tells of a server.
func ReachOf(err error) server.Reach {
	return server.ReachOf(err, func(err error) bool { return errors.Is(err, errRefused) })
}
