// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/proxysql/admin"
	"github.com/upmio/compose-operator/internal/server"
)

// lookQueries are what a node is asked at every look.
type lookQueries struct {
	// say is one query. ProxySQL makes the tables of the run time when a query names them.
	say string
}

// The modules whose checksums are looked at. Their version counts every LOAD, whoever it is
// from; mysql_servers_v2 and mysql_variables are there since 2.6 and 2.1.
var modules = []string{"mysql_servers", "mysql_servers_v2", "mysql_users", "mysql_variables"}

func newLookQueries(writer, reader int32) lookQueries {
	return lookQueries{say: "SELECT name,version,epoch,checksum FROM runtime_checksums_values WHERE name IN ('" + strings.Join(modules, "','") + "')" +
		" UNION ALL SELECT 'variable',variable_name,variable_value,'' FROM runtime_global_variables WHERE variable_name IN ('mysql-server_version','mysql-monitor_username')" +
		fmt.Sprintf(" UNION ALL SELECT 'server',hostgroup_id,hostname||':'||port,CASE WHEN status='SHUNNED' THEN 'ONLINE' ELSE status END FROM runtime_mysql_servers WHERE hostgroup_id IN (%d,%d)", writer, reader) +
		" ORDER BY 1,2,3"}
}

// say asks what tells of any change. whole is false where it does not tell of the users:
// admin-checksum_mysql_users is off, and all of them have to be read.
func (h *handle) say(ctx context.Context, q lookQueries) (said string, whole bool, err error) {
	rows, err := h.Rows(ctx, "look", q.say)
	if err != nil {
		return "", false, err
	}
	var out strings.Builder
	out.WriteString(q.say)
	for _, row := range rows {
		fmt.Fprintf(&out, "\n%q", row)
		if row[0] == "mysql_users" && strings.Trim(row[3], "0x") != "" {
			whole = true
		}
	}
	return out.String(), whole, nil
}

// inLayers is one query for a table in its three layers.
func inLayers(columns, table string, where string) string {
	var parts []string
	for l, name := range layerNames {
		from := [layers]string{table, "runtime_" + table, "disk." + table}[l]
		parts = append(parts, fmt.Sprintf("SELECT '%s',%s FROM %s%s", name, columns, from, where))
	}
	return strings.Join(parts, " UNION ALL ")
}

var (
	serversQuery    = inLayers("hostgroup_id,HEX(hostname),port,weight,max_connections,use_ssl,UPPER(status),HEX(comment)", "mysql_servers", "")
	hostgroupsQuery = inLayers("writer_hostgroup,reader_hostgroup,check_type,HEX(comment)", "mysql_replication_hostgroups", "")
	usersQuery      = inLayers("HEX(username),HEX(password),active,default_hostgroup,backend,frontend,HEX(comment)", "mysql_users", "")
	variablesQuery  = inLayers("variable_name,HEX(variable_value)", "global_variables", " WHERE variable_name IN ('mysql-server_version','mysql-monitor_username')")
)

// read reads all tables.
func (h *handle) read(ctx context.Context) (*Tables, error) {
	t := &Tables{}
	for _, one := range []struct {
		about, query string
		take         func(l layer, f *fields)
	}{
		{"read servers", serversQuery, func(l layer, f *fields) {
			t.Servers[l] = append(t.Servers[l], ServerRow{
				ServerKey: ServerKey{f.number(), Address{f.text(), f.number()}},
				Weight:    f.number(), MaxConnections: f.number(), UseSSL: f.number() != 0, Status: f.plain(), Comment: f.text(),
			})
		}},
		{"read replication hostgroups", hostgroupsQuery, func(l layer, f *fields) {
			t.Hostgroups[l] = append(t.Hostgroups[l], HostgroupRow{Writer: f.number(), Reader: f.number(), CheckType: f.plain(), Comment: f.text()})
		}},
		{"read users", usersQuery, func(l layer, f *fields) {
			t.Users[l] = append(t.Users[l], UserRow{
				Name: f.text(), Hash: credential.NewPassword(f.text()), Active: f.number() != 0, DefaultHostgroup: f.number(),
				Backend: f.number() != 0, Frontend: f.number() != 0, Comment: f.text(),
			})
		}},
		{"read variables", variablesQuery, func(l layer, f *fields) {
			switch name, value := f.plain(), f.text(); {
			case name == "mysql-server_version":
				t.Version[l] = value
			case l == runtime:
				t.Monitor = value
			}
		}},
	} {
		rows, err := h.Rows(ctx, one.about, one.query)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			f := &fields{row: row}
			l := f.layer()
			one.take(l, f)
			if f.err != nil {
				return nil, fmt.Errorf("%s: %w", one.about, f.err)
			}
		}
	}
	return t, nil
}

// fields are the columns of a row, one after another.
type fields struct {
	row []string
	err error
}

func (f *fields) plain() string {
	if len(f.row) == 0 {
		f.err = fmt.Errorf("a row is too short")
		return ""
	}
	value := f.row[0]
	f.row = f.row[1:]
	return value
}

func (f *fields) text() string {
	value, err := admin.Unhex(f.plain())
	if err != nil {
		// What it is may be the hash of a password.
		f.err = fmt.Errorf("a text is not in hexadecimal")
	}
	return value
}

func (f *fields) number() int32 {
	value, err := strconv.ParseInt(f.plain(), 10, 32)
	if err != nil {
		f.err = fmt.Errorf("a number is none")
	}
	return int32(value)
}

func (f *fields) layer() layer {
	name := f.plain()
	for l, known := range layerNames {
		if known == name {
			return layer(l)
		}
	}
	f.err = fmt.Errorf("a layer is unknown")
	return memory
}

// readAccounts reads mysql.user. The one who reads is in there: no accounts are an error.
func (h *sourceHandle) readAccounts(ctx context.Context) ([]Account, error) {
	rows, err := h.DB.QueryContext(ctx, accountsQuery)
	if err != nil {
		return nil, h.Fail("read mysql.user", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	var out []Account
	for rows.Next() {
		var user, host, hash string
		var a Account
		if err := rows.Scan(&user, &host, &a.Plugin, &hash, &a.Locked, &a.Expired); err != nil {
			return nil, h.Fail("read mysql.user", err)
		}
		f := &fields{row: []string{user, host, hash}}
		a.User, a.Host, a.Hash = f.text(), f.text(), credential.NewPassword(f.text())
		if f.err != nil {
			return nil, f.err
		}
		out = append(out, a)
	}
	if err := rows.Err(); err != nil {
		return nil, h.Fail("read mysql.user", err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("mysql.user is empty: that cannot be")
	}
	return out, nil
}

// observe asks all nodes and the source at the same time. It never fails.
func observe(ctx context.Context, nodes []*Node, look func(context.Context, *Node) *Node, source func(context.Context) *Source) State {
	state := State{Nodes: make(map[string]*Node, len(nodes))}
	found := make([]*Node, len(nodes))
	server.Each(len(nodes)+1, func(i int) {
		if i == len(nodes) {
			state.Source = source(ctx)
			return
		}
		n := look(ctx, nodes[i])
		found[i] = &Node{}
		*found[i] = *n
		found[i].Name, found[i].Host, found[i].Port = nodes[i].Name, nodes[i].Host, nodes[i].Port
	})
	for _, n := range found {
		state.Nodes[n.Name] = n
	}
	return state
}
