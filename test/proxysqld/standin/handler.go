// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"vitess.io/vitess/go/mysql"
	"vitess.io/vitess/go/mysql/replication"
	"vitess.io/vitess/go/mysql/sqlerror"
	"vitess.io/vitess/go/sqltypes"
	querypb "vitess.io/vitess/go/vt/proto/query"
	"vitess.io/vitess/go/vt/vtenv"
)

// version is what the admin interface of ProxySQL says it is.
const version = "8.0.11"

type handler struct {
	mysql.UnimplementedHandler
	config *config
	delay  time.Duration
	env    *vtenv.Environment
}

func newHandler(c *config, delay time.Duration) (*handler, error) {
	env, err := vtenv.New(vtenv.Options{MySQLServerVersion: version})
	return &handler{config: c, delay: delay, env: env}, err
}

// Env implements mysql.Handler, as do the methods after it.
func (h *handler) Env() *vtenv.Environment { return h.env }

func (h *handler) ComQuery(_ *mysql.Conn, query string, callback func(*sqltypes.Result) error) error {
	if h.delay > 0 {
		<-time.After(h.delay)
	}
	a, err := h.config.answer(query)
	if err != nil {
		return sqlerror.NewSQLErrorf(sqlerror.ERParseError, "HY000", "ProxySQL Admin Error: %s", err)
	}
	result := &sqltypes.Result{RowsAffected: uint64(a.affected)}
	for _, name := range a.columns {
		result.Fields = append(result.Fields, &querypb.Field{Name: name, Type: sqltypes.VarChar, Charset: 33, ColumnLength: 1 << 16})
	}
	for _, row := range a.rows {
		values := make([]sqltypes.Value, len(row))
		for i, value := range row {
			if value != nil {
				values[i] = sqltypes.NewVarChar(string(value))
			}
		}
		result.Rows = append(result.Rows, values)
	}
	return callback(result)
}

func (*handler) WarningCount(*mysql.Conn) uint16 { return 0 }

var errNotSupported = sqlerror.NewSQLError(sqlerror.ERParseError, "HY000", "Command not supported")

func (*handler) ComQueryMulti(*mysql.Conn, string, func(sqltypes.QueryResponse, bool, bool) error) error {
	return errNotSupported
}

func (*handler) ComPrepare(*mysql.Conn, string) ([]*querypb.Field, uint16, error) {
	return nil, 0, errNotSupported
}

func (*handler) ComStmtExecute(*mysql.Conn, *mysql.PrepareData, func(*sqltypes.Result) error) error {
	return errNotSupported
}

func (*handler) ComRegisterReplica(*mysql.Conn, string, uint16, string, string) error {
	return errNotSupported
}

func (*handler) ComBinlogDump(*mysql.Conn, string, uint32) error { return errNotSupported }

func (*handler) ComBinlogDumpGTID(*mysql.Conn, string, uint64, replication.GTIDSet, uint16) error {
	return errNotSupported
}
