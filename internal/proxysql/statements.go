// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"fmt"
	"strings"

	"github.com/upmio/compose-operator/internal/proxysql/admin"
)

// statement of the admin interface, and what is said of it where it fails.
type statement struct{ about, sql string }

// maxRowsOf one INSERT.
const maxRowsOf = 200

// statements of a set of changes, in the order in which they are made: in groups, of which
// one that fails does not keep the next from being made. Each statement checks on the server
// that the row is still ours, or still nobody's. LOAD takes a whole table over at once; no
// change before it is seen by clients, unless somebody else loads meanwhile, and then no half
// of it has two writers. What is loaded is saved before anything else is done: a ProxySQL
// that restarts must not come back with the writer before.
func (s Sync) statements() [][]statement {
	var out [][]statement
	group := func(fill func(adder)) {
		var one []statement
		fill(func(about, format string, args ...any) {
			one = append(one, statement{about, fmt.Sprintf(format, args...)})
		})
		if len(one) > 0 {
			out = append(out, one)
		}
	}
	group(func(add adder) {
		s.addServers(add)
		if s.Servers.Load {
			add("load servers", "LOAD MYSQL SERVERS TO RUNTIME")
		}
		if s.Servers.Save {
			add("save servers", "SAVE MYSQL SERVERS TO DISK")
		}
	})
	group(func(add adder) {
		if s.Version != "" {
			add("set mysql-server_version", "UPDATE global_variables SET variable_value=%s WHERE variable_name='mysql-server_version'", admin.Text(s.Version))
		}
		if s.LoadVersion {
			add("load variables", "LOAD MYSQL VARIABLES TO RUNTIME")
		}
		if s.SaveVersion {
			add("save variables", "SAVE MYSQL VARIABLES TO DISK")
		}
	})
	group(func(add adder) {
		s.addUsers(add)
		if s.Users.Load {
			add("load users", "LOAD MYSQL USERS TO RUNTIME")
		}
		if s.Users.Save {
			add("save users", "SAVE MYSQL USERS TO DISK")
		}
	})
	return out
}

type adder func(about, format string, args ...any)

func (s Sync) addServers(add adder) {
	mark := admin.Text(s.Mark)
	key := func(k ServerKey) string {
		return fmt.Sprintf("hostgroup_id=%d AND hostname=%s AND port=%d", k.Hostgroup, admin.Text(k.Host), k.Port)
	}
	group := func(r HostgroupRow) string {
		return fmt.Sprintf("writer_hostgroup=%d AND reader_hostgroup=%d", r.Writer, r.Reader)
	}
	c := s.Servers
	for _, one := range c.Delete {
		add("remove a server", "DELETE FROM mysql_servers WHERE %s AND comment=%s", key(one), mark)
	}
	for _, one := range c.DropHostgroup {
		add("remove a replication hostgroup", "DELETE FROM mysql_replication_hostgroups WHERE %s AND comment=%s", group(one), mark)
	}
	for _, one := range c.Update {
		add("update a server", "UPDATE mysql_servers SET weight=%d,max_connections=%d,use_ssl=%d WHERE %s AND comment=%s",
			one.Weight, one.MaxConnections, b2i(one.UseSSL), key(one.ServerKey), mark)
	}
	for _, one := range c.Adopt {
		add("adopt a server", "UPDATE mysql_servers SET comment=%s WHERE %s AND comment='' AND weight=%d AND max_connections=%d AND use_ssl=%d",
			mark, key(one.ServerKey), one.Weight, one.MaxConnections, b2i(one.UseSSL))
	}
	for _, one := range c.AdoptHostgroup {
		add("adopt a replication hostgroup", "UPDATE mysql_replication_hostgroups SET comment=%s WHERE %s AND comment='' AND LOWER(check_type)=%s", mark, group(one), admin.Text(one.CheckType))
	}
	for _, one := range c.InsertHG {
		add("add a replication hostgroup", "INSERT INTO mysql_replication_hostgroups (writer_hostgroup,reader_hostgroup,check_type,comment) VALUES (%d,%d,%s,%s)",
			one.Writer, one.Reader, admin.Text(one.CheckType), mark)
	}
	for _, one := range c.Insert {
		guard := ""
		if one.Hostgroup == s.Writer {
			// Never beside another one, whoever it is of.
			guard = fmt.Sprintf(" WHERE NOT EXISTS (SELECT 1 FROM mysql_servers WHERE hostgroup_id=%d AND UPPER(status) NOT LIKE 'OFFLINE%%')", s.Writer)
		}
		add("add a server", "INSERT INTO mysql_servers (hostgroup_id,hostname,port,status,weight,max_connections,use_ssl,comment) SELECT %d,%s,%d,'ONLINE',%d,%d,%d,%s%s",
			one.Hostgroup, admin.Text(one.Host), one.Port, one.Weight, one.MaxConnections, b2i(one.UseSSL), mark, guard)
	}
}

func (s Sync) addUsers(add adder) {
	mark := admin.Text(s.Mark)
	c := s.Users
	for names := c.Delete; len(names) > 0; {
		n := min(maxRowsOf, len(names))
		texts := make([]string, n)
		for i, name := range names[:n] {
			texts[i] = admin.Text(name)
		}
		names = names[n:]
		add("remove users", "DELETE FROM mysql_users WHERE comment=%s AND username IN (%s)", mark, strings.Join(texts, ","))
	}
	for _, one := range c.Update {
		add("update a user", "UPDATE mysql_users SET password=%s,active=1,default_hostgroup=%d,backend=1,frontend=1 WHERE username=%s AND comment=%s",
			admin.Text(one.Hash.Reveal()), one.DefaultHostgroup, admin.Text(one.Name), mark)
	}
	for _, one := range c.Adopt {
		add("adopt a user", "UPDATE mysql_users SET comment=%s WHERE username=%s AND comment='' AND HEX(password)=%s AND default_hostgroup=%d AND active=1 AND backend=1 AND frontend=1",
			mark, admin.Text(one.Name), admin.Text(hexOf(one.Hash.Reveal())), one.DefaultHostgroup)
	}
	for rows := c.Insert; len(rows) > 0; {
		n := min(maxRowsOf, len(rows))
		values := make([]string, n)
		for i, one := range rows[:n] {
			values[i] = fmt.Sprintf("(%s,%s,1,%d,1,1,%s)", admin.Text(one.Name), admin.Text(one.Hash.Reveal()), one.DefaultHostgroup, mark)
		}
		rows = rows[n:]
		// One that has come meanwhile, by a peer of a ProxySQL cluster, keeps out none but itself.
		add("add users", "INSERT OR IGNORE INTO mysql_users (username,password,active,default_hostgroup,backend,frontend,comment) VALUES %s", strings.Join(values, ","))
	}
}

func hexOf(text string) string { return fmt.Sprintf("%X", text) }
