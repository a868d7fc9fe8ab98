// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/server"
)

// ownName is the application_name of the operator's own connections.
const ownName = "compose-operator"

// database that the operator connects to. It is there unless somebody has dropped it.
const database = "postgres"

const (
	connectTimeout = 2 * time.Second
	// maxConnections of the operator to one server: one to look, one to act, one to spare.
	maxConnections = 3
)

// access is how a server is connected to.
type access struct {
	host string
	port int32
	// at are the addresses of an external server.
	at                  []netip.Addr
	user                string
	password            credential.Password
	replicationUser     string
	replicationPassword credential.Password
	tls                 credential.TLS
}

// handle speaks to one server, and knows since when it has given no answer.
type handle struct {
	*pgxpool.Pool
	access

	mu sync.Mutex
	// heard is when it answered last, whole when it was seen whole last, or when the first look
	// at it began.
	heard, whole time.Time
	// rest is what was seen of a standby's log, and since when it is so.
	rest  rest
	since time.Time
}

// rest is what does not change of a standby that receives and replays nothing.
type rest struct {
	started, receiver string
	replay, received  LSN
}

// still says for how long a standby has been like this.
func (h *handle) still(now rest) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rest != now {
		h.rest, h.since = now, time.Now()
	}
	return time.Since(h.since)
}

// newHandle makes a handle. Nothing is asked of the server before the first use.
func newHandle(a access) (*handle, error) {
	config, err := pgxpool.ParseConfig("host=localhost user=nobody password=none passfile=/dev/null sslmode=disable dbname=" + database)
	if err != nil {
		return nil, errors.New("the connection could not be set up")
	}
	config.MaxConns, config.MinConns = maxConnections, 0
	if err := a.configure(config.ConnConfig); err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, errors.New("the connection could not be set up")
	}
	return &handle{Pool: pool, access: a}, nil
}

// configure says how a connection is made; nothing of it comes from the environment.
func (a access) configure(c *pgx.ConnConfig) error {
	c.Host, c.Port = a.host, uint16(a.port) //nolint:gosec // a port of the API
	c.User, c.Password, c.Database = a.user, a.password.Reveal(), database
	c.RuntimeParams = map[string]string{"application_name": ownName}
	c.ConnectTimeout = connectTimeout
	// Nothing is prepared: what was prepared on a server is gone when it becomes a standby.
	c.DefaultQueryExecMode, c.StatementCacheCapacity, c.DescriptionCacheCapacity = pgx.QueryExecModeExec, 0, 0
	if len(a.at) > 0 {
		c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
		c.DialFunc = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return server.Dial(ctx, network, a.at, a.port)
		}
	}
	c.TLSConfig, c.Fallbacks = nil, nil
	mode := a.tls.Mode
	switch {
	case mode == v1alpha1.TLSDisable:
	case mode.Demands():
		secured, err := server.TLSConfig(a.host, a.tls)
		if err != nil {
			return err
		}
		c.TLSConfig = secured
	default:
		c.TLSConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // preferred verifies nothing
		c.Fallbacks = []*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port}}
	}
	return nil
}

// close does not wait for what the handle is busy with.
func (h *handle) close() { go h.Close() }

// listen notes how a look ended that began at a time, and returns for how long the server
// has been silent by now, and not seen whole.
func (h *handle) listen(began time.Time, answered, whole bool) (silent, unwell time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if answered || h.heard.IsZero() {
		h.heard = began
	}
	if whole || h.whole.IsZero() {
		h.whole = began
	}
	if !answered {
		silent = time.Since(h.heard)
	}
	if !whole {
		unwell = time.Since(h.whole)
	}
	return silent, unwell
}

// refusesReplicationPassword says whether the server refuses the password of the replication
// user. One that it does not let in for another reason (pg_hba.conf) has not refused it.
func (h *handle) refusesReplicationPassword(ctx context.Context) bool {
	config, err := pgx.ParseConfig("host=localhost user=nobody password=none passfile=/dev/null sslmode=disable dbname=" + database)
	if err != nil {
		return false
	}
	a := h.access
	a.user, a.password = a.replicationUser, a.replicationPassword
	if err := a.configure(config); err != nil {
		return false
	}
	config.RuntimeParams["replication"] = "true"
	c, err := pgx.ConnectConfig(ctx, config)
	if err == nil {
		_ = c.Close(ctx)
		return false
	}
	return code(err) == invalidPassword
}

// Codes of errors (SQLSTATE).
const (
	cannotConnectNow = "57P03"
	adminShutdown    = "57P01"
	invalidPassword  = "28P01"
)

// code is the SQLSTATE of an error of the server, "" when it is none.
func code(err error) string {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said.Code
	}
	return ""
}

// refusalError is an answer that is no use.
type refusalError string

func (r refusalError) Error() string { return string(r) }

func refusal(text string) error { return refusalError(text) }

// answered says whether an error came from the server itself.
func answered(err error) bool {
	var r refusalError
	return code(err) != "" || errors.As(err, &r)
}

// words is what a person reads of an error: what the server said, without the ports of the
// connection. A statement is never in it.
func words(err error) string {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return server.Shorten(fmt.Sprintf("%s (%s)", said.Message, said.Code))
	}
	var r refusalError
	if errors.As(err, &r) {
		return string(r)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	if server.AllRefused(err) {
		return "connection refused"
	}
	// Without the addresses: the port of this side is another one each time.
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Op + ": " + server.Shorten(op.Err.Error())
	}
	text := err.Error()
	if i := strings.LastIndex(text, "\n"); i >= 0 {
		text = text[i+1:]
	}
	return server.Shorten(strings.TrimSpace(text))
}
