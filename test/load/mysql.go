// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
)

// MySQL is the Database of MySQL. A write is one autocommit INSERT.
type MySQL struct{}

const (
	database = "compose_load"
	// Table of the writes. A server made anew has none; see Prepare.
	Table = database + ".acknowledged"
	// errDuplicateKey is ER_DUP_ENTRY.
	errDuplicateKey = 1062
)

// Prepare makes the table of the writes. login needs CREATE, and address is a
// writable server or the Service that reaches it.
func Prepare(ctx context.Context, address string, login Login) error {
	options := Options{Login: login, ConnectTimeout: 2 * time.Second, AnswerTimeout: 20 * time.Second}.withDefaults()
	conn, err := connectMySQL(ctx, address, options)
	if err != nil {
		return fmt.Errorf("prepare the table of the writes: %w", err)
	}
	defer func() { _ = conn.Close() }()
	for _, statement := range []string{
		"CREATE DATABASE IF NOT EXISTS " + database,
		"CREATE TABLE IF NOT EXISTS " + Table + " (run BIGINT NOT NULL, writer INT NOT NULL, seq INT NOT NULL, PRIMARY KEY (run, writer, seq))",
	} {
		if err := conn.exec(ctx, statement); err != nil {
			return fmt.Errorf("prepare the table of the writes on %s: %w", address, err)
		}
	}
	return nil
}

// mysqlConfig of one client's connection. The driver's log is silenced because a
// broken connection is an expected thing here; it is counted instead.
func mysqlConfig(address string, o Options) *mysql.Config {
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", address
	c.User, c.Passwd = o.Login.User, o.Login.Password
	c.Timeout, c.ReadTimeout, c.WriteTimeout = o.ConnectTimeout, o.AnswerTimeout, o.AnswerTimeout
	c.AllowNativePasswords = true
	c.Logger = &mysql.NopLogger{}
	return c
}

// Connect implements Database.
func (MySQL) Connect(ctx context.Context, address string, o Options) (Client, error) {
	return connectMySQL(ctx, address, o)
}

func connectMySQL(ctx context.Context, address string, o Options) (*mysqlClient, error) {
	connector, err := mysql.NewConnector(mysqlConfig(address, o))
	if err != nil {
		return nil, fmt.Errorf("configure the connection to %s: %w", address, err)
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return &mysqlClient{conn}, nil
}

type mysqlClient struct{ driver.Conn }

// Write implements Client.
func (c *mysqlClient) Write(ctx context.Context, run int64, id ID) error {
	err := c.exec(ctx, fmt.Sprintf("INSERT INTO %s VALUES (%d, %d, %d)", Table, run, id.Writer, id.Seq))
	var answer *mysql.MySQLError
	if errors.As(err, &answer) && answer.Number == errDuplicateKey {
		return fmt.Errorf("%w: %w", ErrDuplicate, err)
	}
	return err
}

// exec runs a statement without arguments.
func (c *mysqlClient) exec(ctx context.Context, statement string) error {
	execer, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return fmt.Errorf("the driver's connection %T cannot execute a statement", c.Conn)
	}
	_, err := execer.ExecContext(ctx, statement, nil)
	return err
}

// ReadOne implements Client.
func (c *mysqlClient) ReadOne(ctx context.Context, run int64) error {
	_, err := c.first(ctx, fmt.Sprintf("SELECT MAX(seq) FROM %s WHERE run = %d AND writer = 0", Table, run))
	return err
}

// Server implements Client by the server_uuid.
func (c *mysqlClient) Server(ctx context.Context) (string, error) {
	value, err := c.first(ctx, "SELECT @@server_uuid")
	if text, ok := value.([]byte); ok {
		return string(text), err
	}
	return fmt.Sprint(value), err
}

// first value of a query's first row.
func (c *mysqlClient) first(ctx context.Context, query string) (value driver.Value, err error) {
	queryer, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, fmt.Errorf("the driver's connection %T cannot run a query", c.Conn)
	}
	rows, err := queryer.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	row := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(row); err != nil {
		return nil, err
	}
	return row[0], nil
}

// Ended implements Database.
func (MySQL) Ended(err error) bool {
	return errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn)
}

// Kind implements Database.
func (MySQL) Kind(err error) string {
	var answer *mysql.MySQLError
	switch {
	case errors.As(err, &answer):
		return fmt.Sprintf("error %d: %s", answer.Number, firstWords(answer.Message))
	case errors.Is(err, mysql.ErrInvalidConn):
		return "connection closed by the server or without an answer in time"
	}
	return ""
}

// Read implements Database; how far a server is, is its gtid_executed.
func (MySQL) Read(ctx context.Context, server Server, login Login, run int64, after string) (_ map[ID]struct{}, executed string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout+catchUpTimeout)
	defer cancel()
	options := Options{Login: login, ConnectTimeout: 5 * time.Second, AnswerTimeout: checkTimeout + catchUpTimeout}
	connector, err := mysql.NewConnector(mysqlConfig(server.Address, options))
	if err != nil {
		return nil, "", fmt.Errorf("configure the connection to %s: %w", server.Name, err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	if after != "" {
		var timedOut int
		seconds := int(catchUpTimeout.Seconds())
		if err := db.QueryRowContext(ctx, fmt.Sprintf("SELECT WAIT_FOR_EXECUTED_GTID_SET('%s', %d)", after, seconds)).Scan(&timedOut); err != nil {
			return nil, "", fmt.Errorf("wait until %s has executed what the source has: %w", server.Name, err)
		}
		if timedOut != 0 {
			return nil, "", fmt.Errorf("%s has not executed within %d s what the source has", server.Name, seconds)
		}
	}
	if err := db.QueryRowContext(ctx, "SELECT @@GLOBAL.gtid_executed").Scan(&executed); err != nil {
		return nil, "", fmt.Errorf("read gtid_executed of %s: %w", server.Name, err)
	}
	rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT writer, seq FROM %s WHERE run = %d", Table, run))
	if err != nil {
		return nil, "", fmt.Errorf("read the writes on %s: %w", server.Name, err)
	}
	defer func() { _ = rows.Close() }()
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
