// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"regexp"
	"strconv"
	"strings"

	"vitess.io/vitess/go/mysql"
	"vitess.io/vitess/go/mysql/replication"
	"vitess.io/vitess/go/mysql/sqlerror"
	"vitess.io/vitess/go/sqltypes"
	querypb "vitess.io/vitess/go/vt/proto/query"
)

var (
	replicationThreads = regexp.MustCompile(`^(START|STOP) REPLICA(?: (IO_THREAD|SQL_THREAD))?(?: FOR CHANNEL '')?$`)
	resetReplica       = regexp.MustCompile(`^RESET REPLICA ALL(?: FOR CHANNEL '')?$`)
	changeSource       = regexp.MustCompile(`^CHANGE REPLICATION SOURCE TO (.*?)(?: FOR CHANNEL '')?$`)
	kill               = regexp.MustCompile(`^KILL (\d+)$`)
	waitExecuted       = regexp.MustCompile(`^SELECT WAIT_FOR_EXECUTED_GTID_SET\('([^']*)', [0-9.e+-]+\)$`)
	setPurged          = regexp.MustCompile(`^SET GLOBAL gtid_purged='([^']*)'$`)
	// joined expressions are one more pair, before those of tables.
	joined       = regexp.MustCompile(`^SELECT '([^']*)' VARIABLE_NAME, CONCAT_WS\('([^']*)', (.*?)\) VARIABLE_VALUE UNION ALL `)
	literal      = regexp.MustCompile(`'((?:[^'\\]|\\.)*)'`)
	aString      = regexp.MustCompile(`^'([^'\\]*)'$`)
	onePersisted = regexp.MustCompile(`^\(SELECT VARIABLE_VALUE FROM performance_schema\.persisted_variables WHERE VARIABLE_NAME = '([^']*)'\)$`)
	oneStatus    = regexp.MustCompile(`^\(SELECT VARIABLE_VALUE FROM performance_schema\.global_status WHERE VARIABLE_NAME = '([^']*)'\)$`)
)

// What is asked of lists that are empty here: clients, waiting commits, held locks.
var empty = []string{
	"SELECT t.PROCESSLIST_ID FROM performance_schema.threads t ",
	"SELECT DISTINCT t.PROCESSLIST_ID, t.PROCESSLIST_USER FROM performance_schema.metadata_locks l ",
}

// answer runs one statement.
func (s *server) answer(c *mysql.Conn, query string) (*sqltypes.Result, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	s.statements++
	for _, list := range empty {
		if strings.HasPrefix(query, list) {
			return table([]string{"PROCESSLIST_ID", "PROCESSLIST_USER"}), nil
		}
	}
	switch {
	case strings.HasPrefix(query, "SELECT COUNT(*) FROM performance_schema.threads "):
		return table([]string{"COUNT(*)"}, []sqltypes.Value{text("0")}), nil
	case strings.HasPrefix(query, "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM ") || joined.MatchString(query):
		return s.figures(c, query)
	case strings.HasPrefix(query, "SELECT @@") || strings.HasPrefix(query, "SELECT CONNECTION_ID()"):
		return s.expressions(c, query)
	case query == "SHOW GRANTS":
		return table([]string{"Grants"}, []sqltypes.Value{text("GRANT ALL PRIVILEGES ON *.* TO `mysql`@`%` WITH GRANT OPTION")}), nil
	case query == "SHOW REPLICA STATUS":
		return s.showReplicaStatus(), nil
	case query == "FLUSH BINARY LOGS":
		return &sqltypes.Result{}, nil
	case strings.HasPrefix(query, "INSERT INTO app.entries "):
		if s.on("super_read_only") {
			return nil, sqlerror.NewSQLError(sqlerror.EROptionPreventsStatement, sqlerror.SSUnknownSQLState, "The MySQL server is running with the --super-read-only option so it cannot execute this statement")
		}
		return &sqltypes.Result{RowsAffected: 1}, s.commit()
	}
	return s.command(c, query)
}

// command runs the statements that change something.
func (s *server) command(c *mysql.Conn, query string) (*sqltypes.Result, error) {
	done := &sqltypes.Result{}
	if m := waitExecuted.FindStringSubmatch(query); m != nil {
		return s.waitExecuted(m[1])
	}
	if m := replicationThreads.FindStringSubmatch(query); m != nil {
		return done, s.threads(m[1] == "START", m[2] != "SQL_THREAD", m[2] != "IO_THREAD")
	}
	if resetReplica.MatchString(query) {
		if s.channel != nil && (s.channel.receives || s.channel.applies) {
			return nil, sqlerror.NewSQLError(3081, sqlerror.SSUnknownSQLState, "This operation cannot be performed with running replication threads; run STOP REPLICA FOR CHANNEL '' first")
		}
		s.channel = nil
		return done, nil
	}
	if m := changeSource.FindStringSubmatch(query); m != nil {
		return done, s.change(m[1])
	}
	if m := kill.FindStringSubmatch(query); m != nil {
		id, _ := strconv.ParseUint(m[1], 10, 32)
		victim := s.open[uint32(id)]
		if victim == nil {
			return nil, sqlerror.NewSQLErrorf(sqlerror.ERNoSuchThread, sqlerror.SSUnknownSQLState, "Unknown thread id: %d", id)
		}
		if victim != c {
			victim.Close()
		}
		return done, nil
	}
	if m := setPurged.FindStringSubmatch(query); m != nil {
		set, err := replication.ParseMysql56GTIDSet(m[1])
		if err != nil {
			return nil, err
		}
		s.purged = set
		s.executed = s.executed.Union(set).(replication.Mysql56GTIDSet)
		return done, nil
	}
	if list, is := strings.CutPrefix(query, "SET "); is {
		return done, s.assign(query, list)
	}
	return nil, refuse(query)
}

// figures answers pairs of names and values from four tables, with UNION ALL between.
func (s *server) figures(c *mysql.Conn, query string) (*sqltypes.Result, error) {
	result := table([]string{"VARIABLE_NAME", "VARIABLE_VALUE"})
	if m := joined.FindStringSubmatch(query); m != nil {
		query = strings.TrimPrefix(query, m[0])
		row, err := s.expressions(c, "SELECT "+m[3])
		if err != nil {
			return nil, err
		}
		var values []string
		for _, v := range row.Rows[0] {
			values = append(values, v.ToString())
		}
		result.Rows = append(result.Rows, []sqltypes.Value{text(m[1]), text(strings.Join(values, m[2]))})
	}
	for _, part := range strings.Split(query, " UNION ALL ") {
		value, prefix := s.status, ""
		switch {
		case strings.Contains(part, "performance_schema.global_variables"):
			value = func(name string) (string, bool) { v, has := s.variables[strings.ToLower(name)]; return v, has }
		case strings.Contains(part, "performance_schema.persisted_variables"):
			value = func(name string) (string, bool) { v, has := s.persisted[strings.ToLower(name)]; return v, has }
			prefix = "persisted."
			part = strings.Replace(part, "'"+prefix+"'", "", 1)
		case strings.Contains(part, "performance_schema.session_status"):
			value = func(name string) (string, bool) { return cipher(c), name == "Ssl_cipher" }
		case !strings.Contains(part, "performance_schema.global_status"):
			return nil, refuse(query)
		}
		for _, name := range literal.FindAllStringSubmatch(part, -1) {
			if v, has := value(name[1]); has {
				result.Rows = append(result.Rows, []sqltypes.Value{text(prefix + name[1]), text(v)})
			}
		}
	}
	return result, nil
}

// cipher of a connection; the library does not tell which one.
func cipher(c *mysql.Conn) string {
	if c.TLSEnabled() {
		return "TLS_AES_128_GCM_SHA256"
	}
	return ""
}

// expressions answers a SELECT without a table.
func (s *server) expressions(c *mysql.Conn, query string) (*sqltypes.Result, error) {
	s.replicate()
	var names []string
	var row []sqltypes.Value
	for _, e := range split(strings.TrimPrefix(query, "SELECT ")) {
		names = append(names, e)
		if m := oneStatus.FindStringSubmatch(e); m != nil {
			if v, has := s.status(m[1]); has {
				row = append(row, text(v))
			} else {
				row = append(row, sqltypes.NULL)
			}
			continue
		}
		if m := onePersisted.FindStringSubmatch(e); m != nil {
			if v, has := s.persisted[m[1]]; has {
				row = append(row, text(v))
			} else {
				row = append(row, sqltypes.NULL)
			}
			continue
		}
		name, variable := strings.CutPrefix(e, "@@GLOBAL.")
		switch {
		case e == "CONNECTION_ID()":
			row = append(row, text(strconv.FormatUint(uint64(c.ConnectionID), 10)))
		case e == "0":
			row = append(row, text("0"))
		case aString.MatchString(e):
			row = append(row, text(aString.FindStringSubmatch(e)[1]))
		case !variable:
			return nil, refuse(query)
		default:
			v, err := s.variable(name)
			if err != nil {
				return nil, err
			}
			row = append(row, text(v))
		}
	}
	return table(names, row), nil
}

// variable is what @@GLOBAL.name gives: 1 and 0 for switches.
func (s *server) variable(name string) (string, error) {
	switch name {
	case "server_uuid":
		return s.uuid, nil
	case "gtid_executed":
		return s.executed.String(), nil
	case "gtid_purged":
		return s.purged.String(), nil
	case "gtid_mode":
		return s.variables[name], nil
	}
	v, has := s.variables[name]
	switch {
	case !has:
		return "", sqlerror.NewSQLErrorf(sqlerror.ERUnknownSystemVariable, sqlerror.SSUnknownSQLState, "Unknown system variable '%s'", name)
	case v == "ON":
		return "1", nil
	case v == "OFF":
		return "0", nil
	}
	return v, nil
}

// assign runs SET. A server checks all assignments before it carries out the first.
func (s *server) assign(query, list string) error {
	type assignment struct{ scope, name, value string }
	var all []assignment
	for _, one := range split(list) {
		target, value, is := strings.Cut(one, "=")
		if !is {
			return refuse(query)
		}
		scope, name, scoped := strings.Cut(strings.TrimSpace(target), " ")
		if !scoped {
			// A variable of the session: the driver's own, which change nothing here.
			continue
		}
		if _, has := s.variables[name]; !has {
			return sqlerror.NewSQLErrorf(sqlerror.ERUnknownSystemVariable, sqlerror.SSUnknownSQLState, "Unknown system variable '%s'", name)
		}
		all = append(all, assignment{scope, name, strings.Trim(value, "'")})
	}
	for _, a := range all {
		switch a.scope {
		case "PERSIST_ONLY":
			s.persisted[a.name] = a.value
			continue
		case "PERSIST":
			s.persisted[a.name] = a.value
		case "GLOBAL":
		default:
			return refuse(query)
		}
		s.variables[a.name] = a.value
		switch {
		case a.name == "super_read_only" && a.value == "ON":
			s.variables["read_only"] = "ON"
		case a.name == "read_only" && a.value == "OFF":
			s.variables["super_read_only"] = "OFF"
		}
	}
	return nil
}

func (s *server) threads(start, receiver, applier bool) error {
	if s.channel == nil {
		if !start {
			return nil
		}
		return sqlerror.NewSQLError(1200, sqlerror.SSUnknownSQLState, "The server is not configured as replica; fix in config file or with CHANGE REPLICATION SOURCE TO")
	}
	s.replicate()
	if receiver {
		if start && !s.channel.receives {
			s.channel.acknowledges = s.on("rpl_semi_sync_replica_enabled")
		}
		s.channel.receives = start
	}
	if applier {
		s.channel.applies = start
	}
	return nil
}

func (s *server) change(options string) error {
	s.replicate()
	// A channel of which nothing is said insists on TLS.
	next := channel{ssl: true}
	if s.channel != nil {
		next = *s.channel
	}
	moved := false
	for _, option := range split(options) {
		name, value, _ := strings.Cut(option, "=")
		value = strings.ReplaceAll(strings.Trim(value, "'"), `\`, "")
		switch name {
		case "SOURCE_HOST":
			next.host, moved = value, true
		case "SOURCE_PORT":
			next.port, _ = strconv.Atoi(value)
			moved = true
		case "SOURCE_USER":
			next.user = value
		case "SOURCE_PASSWORD":
			next.password = value
		case "SOURCE_SSL":
			next.ssl = value == "1"
		case "SOURCE_SSL_VERIFY_SERVER_CERT":
			next.verify = value == "1"
		case "SOURCE_SSL_CA":
			next.ca = value
		case "SOURCE_SSL_CAPATH":
			next.caPath = value
		case "SOURCE_SSL_CERT":
			next.cert = value
		case "SOURCE_SSL_KEY":
			next.key = value
		case "SOURCE_AUTO_POSITION":
			next.autoPosition = value == "1"
		}
	}
	if s.channel != nil && s.channel.receives {
		return sqlerror.NewSQLError(3021, sqlerror.SSUnknownSQLState, "This operation cannot be performed with a running replica io thread; run STOP REPLICA IO_THREAD FOR CHANNEL '' first.")
	}
	if moved && s.channel != nil && s.channel.applies {
		return sqlerror.NewSQLError(3081, sqlerror.SSUnknownSQLState, "This operation cannot be performed with running replication threads; run STOP REPLICA FOR CHANNEL '' first")
	}
	if moved || next.retrieved == nil {
		// The relay log goes.
		next.retrieved, next.connected = replication.Mysql56GTIDSet{}, nil
	}
	s.channel = &next
	return nil
}

func (s *server) waitExecuted(list string) (*sqltypes.Result, error) {
	set, err := replication.ParseMysql56GTIDSet(list)
	if err != nil {
		return nil, err
	}
	s.replicate()
	// Nothing is under way here: what is not there does not come by waiting.
	timedOut := "1"
	if s.executed.Contains(set) {
		timedOut = "0"
	}
	return table([]string{"WAIT_FOR_EXECUTED_GTID_SET"}, []sqltypes.Value{text(timedOut)}), nil
}

// split cuts a list at its commas, not within quotes or parentheses.
func split(list string) []string {
	var out []string
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case quoted && c == '\\':
			i++
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(list[from:i]))
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(list[from:]))
}

func text(s string) sqltypes.Value { return sqltypes.NewVarChar(s) }

func table(columns []string, rows ...[]sqltypes.Value) *sqltypes.Result {
	fields := make([]*querypb.Field, len(columns))
	for i, name := range columns {
		fields[i] = &querypb.Field{Name: name, Type: querypb.Type_VARCHAR, Charset: 255}
	}
	return &sqltypes.Result{Fields: fields, Rows: rows}
}
