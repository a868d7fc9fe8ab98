// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/upmio/compose-operator/internal/credential"
)

const (
	// dialTimeout bounds the making of a connection.
	dialTimeout = 2 * time.Second
	// silence is a last resort against a server that says nothing: every statement
	// has a context with a shorter deadline, and waits on the server are shorter too.
	silence = 90 * time.Second
	// connectionLifetime makes old connections new, so that a changed address
	// behind a DNS name is noticed.
	connectionLifetime = 30 * time.Minute
	// maxConnections to one server. Two are kept, so that a fence need not open one after
	// an observation that used both.
	maxConnections, idleConnections = 4, 2
	// idleTime is how long the second one is kept that nobody uses. It is above every poll
	// interval: the first one stays open.
	idleTime = time.Minute
	// ProgramName marks the operator's connections in performance_schema.session_connect_attrs.
	ProgramName = "compose-operator"
	// lockWait bounds the wait for metadata locks, so that a statement which the
	// operator cannot withdraw any more (it died) ends by itself. In seconds.
	lockWait = 3
)

// Handle speaks to one server as one user. Its methods may be called at the same time.
type Handle struct {
	// DB is the pool of connections.
	DB *sql.DB
	// User as whom.
	User string

	access Access
	// refused is what is remembered of logins that were refused, asked the same of AskAt.
	refused, asked *refusal
}

// Access is what is needed to speak to a server.
type Access struct {
	Host string
	Port int32
	// At are addresses of the server to connect to instead of looking Host up: the first
	// that answers.
	At []netip.Addr
	// User is also the key of the password in its Secret.
	User     string
	Password credential.Password
	// Silence that is borne while a statement runs; 0: 90 s. A statement that runs for
	// longer needs more.
	Silence time.Duration
	// TLS that comes with the password; its zero value uses TLS where the server offers it.
	TLS credential.TLS
}

// Address is "host:port".
func (a Access) Address() string { return net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))) }

// String is the Address, and where that is to be connected to.
func (a Access) String() string {
	if len(a.At) == 0 {
		return a.Address()
	}
	return fmt.Sprint(a.Address(), " ", a.At)
}

// Open makes a handle. Nothing is asked of the server before the first use.
func Open(a Access) (*Handle, error) { return open(a, &refusal{}) }

func open(a Access, refused *refusal) (*Handle, error) {
	cfg := driver.NewConfig()
	cfg.Net, cfg.Addr = "tcp", a.Address()
	if len(a.At) > 0 {
		cfg.DialFunc = a.dial
	}
	cfg.User, cfg.Passwd = a.User, a.Password.Reveal()
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = dialTimeout, max(a.Silence, silence), silence
	// Arguments are put into the statement by the driver: one round trip, not three,
	// and statements that cannot be prepared take arguments too.
	cfg.InterpolateParams = true
	if err := a.secure(cfg); err != nil {
		return nil, err
	}
	cfg.ConnectionAttributes = "program_name:" + ProgramName
	cfg.Params = map[string]string{
		"autocommit":        "1",
		"lock_wait_timeout": strconv.Itoa(lockWait),
		// What a string means must not depend on the server's configuration.
		"sql_mode": "''",
		// A connection that the operator loses is not kept for hours.
		"wait_timeout": strconv.Itoa(int((connectionLifetime + time.Minute).Seconds())),
	}
	h := &Handle{User: a.User, access: a, refused: refused, asked: &refusal{}}
	if _, err := driver.NewConnector(cfg); err != nil {
		return nil, h.Fail("prepare the connection to "+a.Address(), err)
	}
	h.DB = sql.OpenDB(connector{cfg: cfg, refused: refused})
	h.DB.SetMaxOpenConns(maxConnections)
	h.DB.SetMaxIdleConns(idleConnections)
	h.DB.SetConnMaxLifetime(connectionLifetime)
	h.DB.SetConnMaxIdleTime(idleTime)
	return h, nil
}

// Close gives up the connections; those in use are closed when they come back.
func (h *Handle) Close() { _ = h.DB.Close() }

// Exec runs a statement without a result. The statement is part of the error, its arguments are not.
func (h *Handle) Exec(ctx context.Context, statement string, args ...any) error {
	_, err := h.DB.ExecContext(ctx, statement, args...)
	return h.Fail(statement, err)
}

// ExecSecret is Exec for a statement with a password among its arguments.
func (h *Handle) ExecSecret(ctx context.Context, statement string, args ...any) error {
	_, err := h.DB.ExecContext(ctx, statement, args...)
	return h.FailSecret(statement, err)
}

// Row runs a query that gives one row.
func (h *Handle) Row(ctx context.Context, query string, args []any, into ...any) error {
	return h.Fail(query, h.DB.QueryRowContext(ctx, query, args...).Scan(into...))
}

// Pairs reads a query of name and value; names are in lower case.
func (h *Handle) Pairs(ctx context.Context, query string) (map[string]string, error) {
	rows, err := h.DB.QueryContext(ctx, query)
	if err != nil {
		return nil, h.Fail(query, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	out := map[string]string{}
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return nil, h.Fail(query, err)
		}
		out[strings.ToLower(name)] = value.String
	}
	return out, h.Fail(query, rows.Err())
}
