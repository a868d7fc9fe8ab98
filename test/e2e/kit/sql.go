// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/upmio/compose-operator/test/load"
)

// statementTimeout bounds one statement of a test.
const statementTimeout = 15 * time.Second

// serverCache holds a pool per address, which changes when a pod is made anew.
type serverCache struct {
	mu    sync.Mutex
	pools map[string]*sql.DB
}

func (c *serverCache) get(address string, login load.Login) (*sql.DB, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if db, ok := c.pools[address]; ok {
		return db, nil
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd = "tcp", address, login.User, login.Password
	config.Timeout, config.ReadTimeout, config.WriteTimeout = 3*time.Second, statementTimeout, statementTimeout
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("configure the connection to %s: %w", address, err)
	}
	db := sql.OpenDB(connector)
	// A connection that is kept may have been killed by a fence meanwhile.
	db.SetMaxIdleConns(0)
	if c.pools == nil {
		c.pools = map[string]*sql.DB{}
	}
	c.pools[address] = db
	return db, nil
}

func (c *serverCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, db := range c.pools {
		_ = db.Close()
	}
	c.pools = nil
}

func (s *Set) pool(ctx context.Context, pod string) (*sql.DB, error) {
	address, err := s.Address(ctx, pod)
	if err != nil {
		return nil, err
	}
	return s.servers.get(address, s.Admin())
}

// Exec runs statements on one connection of the administrator to a pod.
func (s *Set) Exec(ctx context.Context, pod string, statements ...string) error {
	db, err := s.pool(ctx, pod)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", pod, err)
	}
	defer func() { _ = conn.Close() }()
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s on %s: %w", statement, pod, err)
		}
	}
	return nil
}

// Query returns the first column of the first row as text.
func (s *Set) Query(ctx context.Context, pod, query string) (string, error) {
	db, err := s.pool(ctx, pod)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	var value sql.NullString
	if err := db.QueryRowContext(ctx, query).Scan(&value); err != nil {
		return "", fmt.Errorf("%s on %s: %w", query, pod, err)
	}
	return strings.ReplaceAll(value.String, "\n", ""), nil
}

// ReplicaStatus returns SHOW REPLICA STATUS of the default channel by column;
// nil when there is none.
func (s *Set) ReplicaStatus(ctx context.Context, pod string) (_ map[string]string, err error) {
	db, err := s.pool(ctx, pod)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	rows, err := db.QueryContext(ctx, "SHOW REPLICA STATUS")
	if err != nil {
		return nil, fmt.Errorf("replica status of %s: %w", pod, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("replica status of %s: %w", pod, err)
	}
	if !rows.Next() {
		return nil, rows.Err()
	}
	values := make([]sql.NullString, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return nil, fmt.Errorf("replica status of %s: %w", pod, err)
	}
	status := map[string]string{}
	for i, c := range columns {
		status[c] = values[i].String
	}
	return status, nil
}

// Session is one client's connection to a pod, for what has to stay open.
type Session struct {
	db   *sql.DB
	conn *sql.Conn
}

// OpenSession connects as a user with a password to a pod or, with an address, to that.
func OpenSession(ctx context.Context, address string, login load.Login) (*Session, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd = "tcp", address, login.User, login.Password
	config.Timeout = 3 * time.Second
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("configure the connection to %s: %w", address, err)
	}
	db := sql.OpenDB(connector)
	conn, err := db.Conn(ctx)
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("connect to %s as %s: %w", address, login.User, err)
	}
	return &Session{db, conn}, nil
}

// Exec runs a statement in the session.
func (s *Session) Exec(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	_, err := s.conn.ExecContext(ctx, statement)
	return err
}

// Close the session. What it held open is rolled back or released.
func (s *Session) Close() {
	_ = s.conn.Close()
	_ = s.db.Close()
}
