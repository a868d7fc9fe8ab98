// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
)

// statusRow is one row of SHOW REPLICA STATUS under the newer names of its columns: those
// that are looked at, which are less than half of them.
type statusRow map[string]sql.NullString

// filterColumns are what a replica leaves out, or puts elsewhere.
var filterColumns = []string{
	"Replicate_Do_DB", "Replicate_Ignore_DB", "Replicate_Do_Table", "Replicate_Ignore_Table",
	"Replicate_Wild_Do_Table", "Replicate_Wild_Ignore_Table", "Replicate_Rewrite_DB",
}

// readColumns are the columns that are looked at, under their older names too.
var readColumns = func() map[string]string {
	older := strings.NewReplacer("Source", "Master", "Replica", "Slave")
	names := map[string]string{}
	for _, name := range append(filterColumns,
		"Channel_Name", "Source_Host", "Source_Port", "Source_UUID", "Source_User", "Replica_IO_Running", "Replica_SQL_Running",
		"Last_IO_Errno", "Last_SQL_Errno", "Last_IO_Error", "Last_SQL_Error", "Auto_Position", "Retrieved_Gtid_Set",
		"Source_Log_File", "Read_Source_Log_Pos", "Exec_Source_Log_Pos", "Seconds_Behind_Source",
		"Source_SSL_Allowed", "Source_SSL_Verify_Server_Cert", "Source_SSL_CA_File", "Source_SSL_CA_Path", "Source_SSL_Cert", "Source_SSL_Key",
	) {
		names[name], names[older.Replace(name)] = name, name
	}
	return names
}()

// unread is where columns go that nobody looks at.
type unread struct{}

// Scan implements sql.Scanner.
func (unread) Scan(any) error { return nil }

func scanStatus(rows *sql.Rows, columns []string) (statusRow, error) {
	values := make([]sql.NullString, len(readColumns))
	read := make([]string, 0, len(readColumns))
	into := make([]any, len(columns))
	for i, column := range columns {
		if _, known := readColumns[column]; !known {
			into[i] = unread{}
			continue
		}
		into[i] = &values[len(read)]
		read = append(read, column)
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	return newStatusRow(read, values), nil
}

func newStatusRow(columns []string, values []sql.NullString) statusRow {
	row := make(statusRow, len(columns))
	for i, column := range columns {
		if name, known := readColumns[column]; known {
			row[name] = values[i]
		}
	}
	return row
}

func (r statusRow) text(column string) string { return r[column].String }

// number is 0 for what is not there; only figures where that is right are read by it.
func (r statusRow) number(column string) int64 {
	n, _ := strconv.ParseInt(r.text(column), 10, 64)
	return n
}

// running says whether a thread of the channel runs or tries to.
func (r statusRow) running() bool {
	c := Channel{IO: Thread(r.text("Replica_IO_Running")), SQL: Thread(r.text("Replica_SQL_Running"))}
	return c.Running()
}

func (r statusRow) filters() string {
	var out []string
	for _, name := range filterColumns {
		if value := r.text(name); value != "" {
			out = append(out, name+": "+value)
		}
	}
	return strings.Join(out, ", ")
}

func (r statusRow) channel() (*Channel, error) {
	retrieved, err := gtid.Parse(r.text("Retrieved_Gtid_Set"))
	if err != nil {
		return nil, fmt.Errorf("Retrieved_Gtid_Set: %w", err)
	}
	c := &Channel{
		SourceHost:   r.text("Source_Host"),
		SourcePort:   int32(r.number("Source_Port")), //nolint:gosec // a port
		SourceUUID:   r.text("Source_UUID"),
		User:         r.text("Source_User"),
		IO:           Thread(r.text("Replica_IO_Running")),
		SQL:          Thread(r.text("Replica_SQL_Running")),
		IOErrno:      int(r.number("Last_IO_Errno")),
		SQLErrno:     int(r.number("Last_SQL_Errno")),
		IOError:      r.text("Last_IO_Error"),
		SQLError:     r.text("Last_SQL_Error"),
		AutoPosition: r.number("Auto_Position") == 1,
		TLS: ChannelTLS{
			// "Ignored": the replica itself cannot.
			On:             r.text("Source_SSL_Allowed") != "No",
			VerifyIdentity: r.text("Source_SSL_Verify_Server_Cert") == "Yes",
			CA:             r.text("Source_SSL_CA_File"),
			CAPath:         r.text("Source_SSL_CA_Path"),
			Cert:           r.text("Source_SSL_Cert"),
			Key:            r.text("Source_SSL_Key"),
		},
		Retrieved:        retrieved,
		Filters:          r.filters(),
		SourceLogFile:    r.text("Source_Log_File"),
		ReadSourceLogPos: r.number("Read_Source_Log_Pos"),
		ExecSourceLogPos: r.number("Exec_Source_Log_Pos"),
	}
	if lag := r["Seconds_Behind_Source"]; lag.Valid {
		if n, err := strconv.ParseInt(lag.String, 10, 64); err == nil {
			c.Lag = &n
		}
	}
	return c, nil
}
