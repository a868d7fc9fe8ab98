// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/upmio/compose-operator/internal/mysql/conn"
)

// recorded is a server of a version that cannot be had here. It knows the variables,
// the status variables and the columns of that version and nothing else, and
// plays no more than the states that the statements which are sent to it lead to.
// Names and columns are those of the MySQL 8.0 and 8.4 Reference Manuals:
//
//	SHOW SLAVE STATUS up to 8.0.21, SHOW REPLICA STATUS from 8.0.22:
//	https://dev.mysql.com/doc/refman/8.0/en/show-replica-status.html
//	https://dev.mysql.com/doc/refman/8.4/en/show-replica-status.html
//	variables and when they got their names:
//	https://dev.mysql.com/doc/refman/8.0/en/replication-options-replica.html
//	https://dev.mysql.com/doc/refman/8.0/en/replication-options-source.html
type recorded struct {
	mu sync.Mutex
	// variables and status by name in lower case.
	variables, status map[string]string
	persisted         map[string]string
	// older: columns and statements say master and slave.
	older bool
	// words that the parser of this version does not know.
	unknown *regexp.Regexp
	channel map[string]string
	// executed are the statements that change something, in order.
	executed []string
}

const (
	recordedUUID   = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
	recordedSource = "7b4f6d1a-71ca-11e1-9e33-c80aa9429562"
)

// statusColumns of SHOW REPLICA STATUS, in the server's order.
const statusColumns = "Replica_IO_State Source_Host Source_User Source_Port Connect_Retry Source_Log_File Read_Source_Log_Pos Relay_Log_File Relay_Log_Pos " +
	"Relay_Source_Log_File Replica_IO_Running Replica_SQL_Running Replicate_Do_DB Replicate_Ignore_DB Replicate_Do_Table Replicate_Ignore_Table " +
	"Replicate_Wild_Do_Table Replicate_Wild_Ignore_Table Last_Errno Last_Error Skip_Counter Exec_Source_Log_Pos Relay_Log_Space Until_Condition " +
	"Until_Log_File Until_Log_Pos Source_SSL_Allowed Source_SSL_CA_File Source_SSL_CA_Path Source_SSL_Cert Source_SSL_Cipher Source_SSL_Key " +
	"Seconds_Behind_Source Source_SSL_Verify_Server_Cert Last_IO_Errno Last_IO_Error Last_SQL_Errno Last_SQL_Error Replicate_Ignore_Server_Ids " +
	"Source_Server_Id Source_UUID Source_Info_File SQL_Delay SQL_Remaining_Delay Replica_SQL_Running_State Source_Retry_Count Source_Bind " +
	"Last_IO_Error_Timestamp Last_SQL_Error_Timestamp Source_SSL_Crl Source_SSL_Crlpath Retrieved_Gtid_Set Executed_Gtid_Set Auto_Position " +
	"Replicate_Rewrite_DB Channel_Name Source_TLS_Version Source_public_key_path Get_Source_public_key Network_Namespace"

var olderNames = strings.NewReplacer("Get_Source_public_key", "Get_master_public_key", "Source", "Master", "Replica_", "Slave_")

// newRecorded makes a server of a version, with the semi-sync plugins under the
// names source and replica, master and slave, or without any.
func newRecorded(version, plugins string) *recorded {
	v, err := conn.ParseVersion(version)
	if err != nil {
		panic(err)
	}
	r := &recorded{
		variables: map[string]string{
			"server_uuid": recordedUUID, "server_id": "7", "version": version, "read_only": "0", "super_read_only": "0",
			"gtid_mode": "ON", "log_bin": "1", "gtid_executed": recordedUUID + ":1-5", "gtid_purged": "", "performance_schema": "ON", "ssl_ca": "ca.pem",
		},
		status: map[string]string{"uptime": "100", "ssl_cipher": "TLS_AES_256_GCM_SHA384"}, persisted: map[string]string{},
		older: !v.AtLeast(replicaWords),
	}
	// 8.0.26 has both names, 8.4 no longer the older ones of statements.
	r.variables["log_slave_updates"], r.variables["slave_net_timeout"] = "ON", "60"
	switch {
	case v.AtLeast(conn.Version{Major: 8, Minor: 4}):
		r.unknown = regexp.MustCompile(`(?i)\b(SLAVE STATUS|(START|STOP|RESET) SLAVE|CHANGE MASTER|MASTER_[A-Z]+)\b`)
	case v.AtLeast(sourceWords):
	case v.AtLeast(replicaWords):
		r.unknown = regexp.MustCompile(`(?i)\b(CHANGE REPLICATION SOURCE|SOURCE_[A-Z]+)\b`)
	default:
		r.unknown = regexp.MustCompile(`(?i)\b(REPLICA STATUS|(START|STOP|RESET) REPLICA|CHANGE REPLICATION SOURCE|SOURCE_[A-Z]+)\b`)
	}
	if v.AtLeast(replicaVariables) {
		r.variables["log_replica_updates"], r.variables["replica_net_timeout"] = "ON", "60"
	}
	source, replica, acks := "source", "replica", "replica"
	if plugins == "master" {
		source, replica, acks = "master", "slave", "slave"
	}
	if plugins != "" {
		r.variables["rpl_semi_sync_"+source+"_enabled"] = "0"
		r.variables["rpl_semi_sync_"+source+"_timeout"] = "10000"
		r.variables["rpl_semi_sync_"+source+"_wait_for_"+acks+"_count"] = "1"
		r.variables["rpl_semi_sync_"+source+"_wait_no_"+acks] = "1"
		r.variables["rpl_semi_sync_"+replica+"_enabled"] = "0"
		r.status["rpl_semi_sync_"+source+"_status"] = "OFF"
		r.status["rpl_semi_sync_"+source+"_clients"] = "0"
		r.status["rpl_semi_sync_"+source+"_wait_sessions"] = "0"
		r.status["rpl_semi_sync_"+replica+"_status"] = "OFF"
	}
	return r
}

// replicating has it follow a source.
func (r *recorded) replicating(io, sql string) *recorded {
	r.channel = map[string]string{
		"Source_Host": "a", "Source_Port": "3306", "Source_User": "replication", "Replica_IO_Running": io, "Replica_SQL_Running": sql,
		"Seconds_Behind_Source": "0", "Source_UUID": recordedSource, "Auto_Position": "1", "Source_Log_File": "binlog.000007",
		"Read_Source_Log_Pos": "4711", "Exec_Source_Log_Pos": "815", "Last_IO_Errno": "0", "Last_SQL_Errno": "0",
		"Source_SSL_Allowed": "Yes", "Source_SSL_CA_File": "/tls/ca.crt", "Source_SSL_CA_Path": "", "Source_SSL_Cert": "/tls/tls.crt",
		"Source_SSL_Key": "/tls/tls.key", "Source_SSL_Verify_Server_Cert": "Yes",
	}
	return r
}

func (r *recorded) readOnly() *recorded {
	r.variables["read_only"], r.variables["super_read_only"] = "1", "1"
	return r
}

// handle speaks to it.
func (r *recorded) handle() *handle {
	return &handle{Handle: &conn.Handle{DB: sql.OpenDB(r), User: "mysql"}}
}

// Connect and Driver make it a driver.Connector.
func (r *recorded) Connect(context.Context) (driver.Conn, error) { return recordedConn{r}, nil }
func (r *recorded) Driver() driver.Driver                        { return nil }

type recordedConn struct{ *recorded }

func (recordedConn) Prepare(string) (driver.Stmt, error) {
	return nil, errors.New("nothing is prepared")
}
func (recordedConn) Close() error              { return nil }
func (recordedConn) Begin() (driver.Tx, error) { return nil, errors.New("no transactions") }

func mysqlError(number uint16, text string) error {
	return &mysqldriver.MySQLError{Number: number, Message: text}
}

func (c recordedConn) ExecContext(_ context.Context, statement string, _ []driver.NamedValue) (driver.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.executed = append(c.executed, statement)
	if c.unknown != nil && c.unknown.MatchString(statement) {
		return nil, mysqlError(conn.NumberParse, "You have an error in your SQL syntax")
	}
	return driver.ResultNoRows, c.change(statement)
}

var assigned = regexp.MustCompile(`(GLOBAL|PERSIST|PERSIST_ONLY) (\w+)=(\w+)`)

// change is what a statement does to the state.
func (r *recorded) change(statement string) error {
	for _, a := range assigned.FindAllStringSubmatch(statement, -1) {
		if _, known := r.variables[a[2]]; !known {
			return mysqlError(1193, "Unknown system variable '"+a[2]+"'")
		}
		value := strings.NewReplacer("ON", "1", "OFF", "0").Replace(a[3])
		if a[1] != "GLOBAL" {
			r.persisted[a[2]] = a[3]
		}
		if a[1] != "PERSIST_ONLY" {
			r.variables[a[2]] = value
		}
	}
	running := func(thread, is string) {
		if r.channel != nil {
			r.channel["Replica_"+thread+"_Running"] = is
		}
	}
	for _, thread := range []string{"IO", "SQL"} {
		other := map[string]string{"IO": "SQL_THREAD", "SQL": "IO_THREAD"}[thread]
		switch {
		case strings.Contains(statement, other):
		case strings.HasPrefix(statement, "START "):
			running(thread, "Yes")
		case strings.HasPrefix(statement, "STOP "):
			running(thread, "No")
		}
	}
	switch {
	case strings.HasPrefix(statement, "RESET "):
		r.channel = nil
	case strings.HasPrefix(statement, "CHANGE ") && r.channel == nil:
		r.replicating("No", "No")
	}
	return nil
}

func (c recordedConn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.unknown != nil && c.unknown.MatchString(query):
		return nil, mysqlError(conn.NumberParse, "You have an error in your SQL syntax")
	case strings.HasPrefix(query, "SHOW GRANTS"):
		return rowsOf([]string{"Grants"}, []driver.Value{"GRANT SUPER, RELOAD, SELECT ON *.* TO `mysql`@`%`"}), nil
	case strings.HasSuffix(query, " STATUS"):
		return c.showStatus(), nil
	case query == figuresQuery:
		return c.figures(), nil
	case query == quietQuery:
		identity, err := c.evaluate(identityColumns)
		if err != nil {
			return nil, err
		}
		var said []string
		for _, value := range identity.(*recordedRows).rows[0] {
			said = append(said, fmt.Sprint(value))
		}
		figures := c.figures().(*recordedRows)
		figures.rows = append(figures.rows, []driver.Value{quietIdentity, strings.Join(append(said, quietEnd), quietSeparator)})
		return figures, nil
	case strings.Contains(query, "WAIT_FOR_EXECUTED_GTID_SET"):
		return rowsOf([]string{"0"}, []driver.Value{"0"}), nil
	case strings.HasPrefix(query, "SELECT @@") || strings.HasPrefix(query, "SELECT CONNECTION_ID()"):
		return c.evaluate(strings.TrimPrefix(query, "SELECT "))
	}
	// Clients and who holds locks: nobody.
	return rowsOf([]string{"ID"}), nil
}

func (r *recorded) showStatus() driver.Rows {
	names := strings.Fields(statusColumns)
	if r.channel == nil {
		return rowsOf(names)
	}
	row := make([]driver.Value, len(names))
	for i, name := range names {
		row[i] = r.channel[name]
		if r.older {
			names[i] = olderNames.Replace(name)
		}
	}
	return rowsOf(names, row)
}

var quotedName = regexp.MustCompile(`'([A-Za-z_]+)'`)

// figures gives what there is of what is asked for.
func (r *recorded) figures() driver.Rows {
	var rows [][]driver.Value
	for _, m := range quotedName.FindAllStringSubmatch(figuresQuery, -1) {
		name := strings.ToLower(m[1])
		for _, from := range []map[string]string{r.variables, r.status} {
			if value, known := from[name]; known && name != "super_read_only" {
				rows = append(rows, []driver.Value{m[1], strings.NewReplacer("1", "ON", "0", "OFF").Replace(value)})
				if strings.Contains(name, "timeout") || strings.Contains(name, "count") || name == "uptime" {
					rows[len(rows)-1][1] = value
				}
			}
		}
	}
	if value, set := r.persisted["super_read_only"]; set {
		rows = append(rows, []driver.Value{"persisted.super_read_only", value})
	}
	return rowsOf([]string{"VARIABLE_NAME", "VARIABLE_VALUE"}, rows...)
}

// evaluate a list of variables and of looks at performance_schema.
func (r *recorded) evaluate(list string) (driver.Rows, error) {
	var names []string
	var row []driver.Value
	for item := range strings.SplitSeq(list, ", ") {
		names = append(names, item)
		name, is := strings.CutPrefix(item, "@@GLOBAL.")
		value, known := r.variables[name]
		switch {
		case is && !known:
			return nil, mysqlError(1193, "Unknown system variable '"+name+"'")
		case is:
			row = append(row, value)
		case strings.Contains(item, "performance_schema.global_status"):
			row = append(row, r.looked(r.status, item))
		case strings.Contains(item, "performance_schema.persisted_variables"):
			row = append(row, r.looked(r.persisted, item))
		case item == "CONNECTION_ID()":
			row = append(row, "1")
		default:
			row = append(row, item)
		}
	}
	return rowsOf(names, row), nil
}

// looked up by the name in a condition; NULL when there is none.
func (*recorded) looked(in map[string]string, item string) driver.Value {
	if m := quotedName.FindStringSubmatch(item); m != nil {
		if value, known := in[strings.ToLower(m[1])]; known {
			return value
		}
	}
	return nil
}

type recordedRows struct {
	names []string
	rows  [][]driver.Value
}

func rowsOf(names []string, rows ...[]driver.Value) driver.Rows {
	return &recordedRows{names: names, rows: rows}
}

func (r *recordedRows) Columns() []string { return r.names }
func (*recordedRows) Close() error        { return nil }
func (r *recordedRows) Next(into []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(into, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}
