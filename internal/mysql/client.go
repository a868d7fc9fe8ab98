// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
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
	// maxConnections to one server. Two stay open: an observation uses both, so that
	// a fence need not open one.
	maxConnections, idleConnections = 4, 2
	// programName marks the operator's connections in performance_schema.session_connect_attrs.
	programName = "compose-operator"
	// lockWait bounds the wait for metadata locks, so that a statement which the
	// operator cannot withdraw any more (it died) ends by itself. In seconds.
	lockWait = 3
)

// handle speaks to one server as one user.
type handle struct {
	db   *sql.DB
	user string

	// learned is what the last observation found of the server's vocabulary.
	learned atomic.Pointer[words]
}

// access is what is needed to speak to a server.
type access struct {
	host string
	port int32
	// user is also the key of the password in its Secret.
	user     string
	password credential.Password
}

func (a access) address() string { return net.JoinHostPort(a.host, strconv.Itoa(int(a.port))) }

// newHandle makes a handle. Nothing is asked of the server before the first use.
func newHandle(a access) (*handle, error) {
	cfg := driver.NewConfig()
	cfg.Net, cfg.Addr = "tcp", a.address()
	cfg.User, cfg.Passwd = a.user, a.password.Reveal()
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = dialTimeout, silence, silence
	// Arguments are put into the statement by the driver: one round trip, not three,
	// and statements that cannot be prepared take arguments too.
	cfg.InterpolateParams = true
	// TLS where the server has it. Its certificate is not verified: servers make
	// their own, and nobody has told the operator which to trust.
	cfg.TLSConfig = "preferred"
	cfg.ConnectionAttributes = "program_name:" + programName
	cfg.Logger = &driver.NopLogger{}
	cfg.Params = map[string]string{
		"autocommit":        "1",
		"lock_wait_timeout": strconv.Itoa(lockWait),
		// What a string means must not depend on the server's configuration.
		"sql_mode": "''",
		// A connection that the operator loses is not kept for hours.
		"wait_timeout": strconv.Itoa(int((connectionLifetime + time.Minute).Seconds())),
	}
	h := &handle{user: a.user}
	connector, err := driver.NewConnector(cfg)
	if err != nil {
		return nil, h.fail("prepare the connection to "+a.address(), err)
	}
	h.db = sql.OpenDB(connector)
	h.db.SetMaxOpenConns(maxConnections)
	h.db.SetMaxIdleConns(idleConnections)
	h.db.SetConnMaxLifetime(connectionLifetime)
	return h, nil
}

// close gives up the connections; those in use are closed when they come back.
func (h *handle) close() { _ = h.db.Close() }

// exec runs a statement without a result. The statement is part of the error, its arguments are not.
func (h *handle) exec(ctx context.Context, statement string, args ...any) error {
	_, err := h.db.ExecContext(ctx, statement, args...)
	return h.fail(statement, err)
}

// execSecret is exec for a statement with a password among its arguments.
func (h *handle) execSecret(ctx context.Context, statement string, args ...any) error {
	_, err := h.db.ExecContext(ctx, statement, args...)
	return h.failSecret(statement, err)
}

// row runs a query that gives one row.
func (h *handle) row(ctx context.Context, query string, args []any, into ...any) error {
	return h.fail(query, h.db.QueryRowContext(ctx, query, args...).Scan(into...))
}

// basics are what every action looks at before it does something.
type basics struct {
	uuid                    string
	readOnly, superReadOnly bool
	executed                gtid.Set
}

func (b basics) writable() bool { return !b.readOnly && !b.superReadOnly }
func (b basics) fenced() bool   { return b.readOnly && b.superReadOnly }

// basics reads the read-only variables and gtid_executed in one look.
func (h *handle) basics(ctx context.Context) (basics, error) {
	var b basics
	var executed string
	if err := h.row(ctx, "SELECT @@GLOBAL.server_uuid, @@GLOBAL.read_only, @@GLOBAL.super_read_only, @@GLOBAL.gtid_executed",
		nil, &b.uuid, &b.readOnly, &b.superReadOnly, &executed); err != nil {
		return b, err
	}
	var err error
	b.executed, err = gtid.Parse(executed)
	return b, err
}

// pairs reads a query of name and value.
func (h *handle) pairs(ctx context.Context, query string) (map[string]string, error) {
	rows, err := h.db.QueryContext(ctx, query)
	if err != nil {
		return nil, h.fail(query, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	out := map[string]string{}
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return nil, h.fail(query, err)
		}
		out[strings.ToLower(name)] = value.String
	}
	return out, h.fail(query, rows.Err())
}

// words returns the server's vocabulary: the one of the last observation, or else it asks.
func (h *handle) words(ctx context.Context) (words, error) {
	if w := h.learned.Load(); w != nil {
		return *w, nil
	}
	var text string
	if err := h.row(ctx, "SELECT @@GLOBAL.version", nil, &text); err != nil {
		return words{}, err
	}
	figures, err := h.pairs(ctx, figuresQuery)
	if err != nil {
		return words{}, err
	}
	return h.learn(text, figures)
}

func (h *handle) learn(text string, figures map[string]string) (words, error) {
	v, err := parseVersion(text)
	if err != nil {
		return words{}, err
	}
	if why := unsupported(text, v); why != "" {
		return words{}, fmt.Errorf("%s", why)
	}
	w := newWords(v, figures)
	h.learned.Store(&w)
	return w, nil
}

// channel reads the default channel, nil when it is not configured, and the others.
func (h *handle) channel(ctx context.Context, w words) (*Channel, []ForeignChannel, error) {
	query := w.showStatus()
	rows, err := h.db.QueryContext(ctx, query)
	if err != nil {
		return nil, nil, h.fail(query, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	columns, err := rows.Columns()
	if err != nil {
		return nil, nil, h.fail(query, err)
	}
	var ours *Channel
	var foreign []ForeignChannel
	for rows.Next() {
		row, err := scanStatus(rows, columns)
		if err != nil {
			return nil, nil, h.fail(query, err)
		}
		if name := row.text("Channel_Name"); name != "" {
			foreign = append(foreign, ForeignChannel{Name: name, Running: row.running()})
			continue
		}
		if row.text("Source_Host") == "" {
			// RESET REPLICA without ALL leaves such a row.
			continue
		}
		if ours, err = row.channel(); err != nil {
			return nil, nil, err
		}
	}
	return ours, foreign, h.fail(query, rows.Err())
}
