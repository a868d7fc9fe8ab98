// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres is the Database of PostgreSQL. A write is one autocommit INSERT.
type Postgres struct{}

// The SQLSTATEs that matter here.
const (
	uniqueViolation = "23505"
	adminShutdown   = "57P01"
	crashShutdown   = "57P02"
)

// PreparePostgres makes the table of the writes for a user. login is the superuser's, and
// address is a writable server or the Service that reaches it.
func PreparePostgres(ctx context.Context, address string, login Login, user string) error {
	options := Options{Login: login, ConnectTimeout: 2 * time.Second, AnswerTimeout: 20 * time.Second}.withDefaults()
	c, err := connectPostgres(ctx, address, options)
	if err != nil {
		return fmt.Errorf("prepare the table of the writes: %w", err)
	}
	defer func() { _ = c.Close() }()
	to := pgx.Identifier{user}.Sanitize()
	for _, statement := range []string{
		"CREATE SCHEMA IF NOT EXISTS " + database,
		"CREATE TABLE IF NOT EXISTS " + Table + " (run BIGINT NOT NULL, writer INT NOT NULL, seq INT NOT NULL, PRIMARY KEY (run, writer, seq))",
		"GRANT USAGE ON SCHEMA " + database + " TO " + to,
		"GRANT SELECT, INSERT ON " + Table + " TO " + to,
	} {
		if err := c.exec(ctx, statement); err != nil {
			return fmt.Errorf("prepare the table of the writes on %s: %w", address, err)
		}
	}
	return nil
}

// postgresClient is one connection, which says things once.
type postgresClient struct {
	conn    *pgx.Conn
	timeout time.Duration
}

// Connect implements Database.
func (Postgres) Connect(ctx context.Context, address string, o Options) (Client, error) {
	return connectPostgres(ctx, address, o)
}

func connectPostgres(ctx context.Context, address string, o Options) (*postgresClient, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", address, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", address, err)
	}
	// Of one server alone, and not of what the environment says.
	config, err := pgx.ParseConfig("host=localhost dbname=postgres sslmode=disable")
	if err != nil {
		return nil, fmt.Errorf("configure the connection to %s: %w", address, err)
	}
	config.Host, config.Port, config.User, config.Password = host, uint16(number), o.Login.User, o.Login.Password
	// As with the other databases, the login is an answer, and only who answers at all is dialled for.
	config.DialFunc = (&net.Dialer{Timeout: o.ConnectTimeout}).DialContext
	config.ConnectTimeout, config.Fallbacks = o.ConnectTimeout+o.AnswerTimeout, nil
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return &postgresClient{conn: conn, timeout: o.AnswerTimeout}, nil
}

// Close implements Client.
func (c *postgresClient) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return c.conn.Close(ctx)
}

func (c *postgresClient) exec(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	_, err := c.conn.Exec(ctx, statement)
	return err
}

// Write implements Client.
func (c *postgresClient) Write(ctx context.Context, run int64, id ID) error {
	err := c.exec(ctx, fmt.Sprintf("INSERT INTO %s VALUES (%d, %d, %d)", Table, run, id.Writer, id.Seq))
	if stateOf(err) == uniqueViolation {
		return fmt.Errorf("%w: %w", ErrDuplicate, err)
	}
	return err
}

// ReadOne implements Client.
func (c *postgresClient) ReadOne(ctx context.Context, run int64) error {
	return c.exec(ctx, fmt.Sprintf("SELECT max(seq) FROM %s WHERE run = %d AND writer = 0", Table, run))
}

// Server implements Client by the address and the start of the process at the other end.
func (c *postgresClient) Server(ctx context.Context) (name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err = c.conn.QueryRow(ctx, PostgresProcess).Scan(&name)
	return name, err
}

// PostgresProcess asks a server how it is noted for Run.Turns, another one for each start.
const PostgresProcess = "SELECT host(inet_server_addr()) || ' since ' || to_char(pg_postmaster_start_time(), 'HH24:MI:SS.US')"

// stateOf is the SQLSTATE of a server's answer; "" when the error is none.
func stateOf(err error) string {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

// Ended implements Database.
func (Postgres) Ended(err error) bool {
	state := stateOf(err)
	return state == adminShutdown || state == crashShutdown || errors.Is(err, io.ErrUnexpectedEOF)
}

// Kind implements Database.
func (Postgres) Kind(err error) string {
	var answer *pgconn.PgError
	switch {
	case errors.As(err, &answer):
		return fmt.Sprintf("error %s: %s", answer.Code, firstWords(answer.Message))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed by the server"
	}
	return ""
}

// Read implements Database; how far a server is, is its LSN: as a standby, what it has replayed.
func (Postgres) Read(ctx context.Context, server Server, login Login, run int64, after string) (_ map[ID]struct{}, executed string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout+catchUpTimeout)
	defer cancel()
	c, err := connectPostgres(ctx, server.Address, Options{Login: login, ConnectTimeout: 5 * time.Second, AnswerTimeout: checkTimeout})
	if err != nil {
		return nil, "", fmt.Errorf("connect to %s: %w", server.Name, err)
	}
	defer func() { _ = c.Close() }()
	const lsn = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END"
	for deadline := time.Now().Add(catchUpTimeout); after != ""; pause(ctx, 50*time.Millisecond) {
		var there bool
		if err := c.conn.QueryRow(ctx, fmt.Sprintf("SELECT coalesce(%s >= '%s'::pg_lsn, false)", lsn, after)).Scan(&there); err != nil {
			return nil, "", fmt.Errorf("wait until %s has replayed what the primary has: %w", server.Name, err)
		}
		if there {
			break
		}
		if time.Now().After(deadline) {
			return nil, "", fmt.Errorf("%s has not replayed %s within %s", server.Name, after, catchUpTimeout)
		}
	}
	if err := c.conn.QueryRow(ctx, fmt.Sprintf("SELECT coalesce((%s)::text, '')", lsn)).Scan(&executed); err != nil {
		return nil, "", fmt.Errorf("read the LSN of %s: %w", server.Name, err)
	}
	rows, err := c.conn.Query(ctx, fmt.Sprintf("SELECT writer, seq FROM %s WHERE run = %d", Table, run))
	if err != nil {
		return nil, "", fmt.Errorf("read the writes on %s: %w", server.Name, err)
	}
	defer rows.Close()
	present := map[ID]struct{}{}
	for rows.Next() {
		var id ID
		if err := rows.Scan(&id.Writer, &id.Seq); err != nil {
			return nil, "", fmt.Errorf("read the writes on %s: %w", server.Name, err)
		}
		present[id] = struct{}{}
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("read the writes on %s: %w", server.Name, err)
	}
	return present, executed, nil
}
