// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package grants

import (
	"testing"
)

// all that the operator's user needs, PROCESS included.
var all = []Privilege{SystemVariablesAdmin, ReplicationSlaveAdmin, ConnectionAdmin, ReplicationClient, Reload, Process, PerformanceSchema}

// The lines are what servers answer to SHOW GRANTS: 9.7 where nothing else is said, the
// older ones as the reference manual of 8.0 shows them.
func TestLacks(t *testing.T) {
	for name, test := range map[string]struct {
		lines   []string
		account string
		lacks   string
	}{
		"the least": {
			[]string{
				"GRANT RELOAD, PROCESS, REPLICATION CLIENT ON *.* TO `mysql`@`%`",
				"GRANT CONNECTION_ADMIN,REPLICATION_SLAVE_ADMIN,SYSTEM_VARIABLES_ADMIN ON *.* TO `mysql`@`%`",
				"GRANT SELECT ON `performance_schema`.* TO `mysql`@`%`",
			},
			"'mysql'@'%'", "",
		},
		"nothing": {
			[]string{"GRANT USAGE ON *.* TO `mysql`@`10.0.0.%`"},
			"'mysql'@'10.0.0.%'", List(all),
		},
		"of an active role": {
			[]string{
				"GRANT RELOAD, PROCESS, REPLICATION CLIENT ON *.* TO `u1`@`%`",
				"GRANT CONNECTION_ADMIN,REPLICATION_SLAVE_ADMIN,SYSTEM_VARIABLES_ADMIN ON *.* TO `u1`@`%`",
				"GRANT SELECT ON `performance_schema`.* TO `u1`@`%`",
				"GRANT `replication ON all`@`%` TO `u1`@`%` WITH ADMIN OPTION",
			},
			"'u1'@'%'", "",
		},
		"a role alone gives nothing": {
			[]string{"GRANT USAGE ON *.* TO `u1`@`%`", "GRANT `RELOAD`@`%`,`SUPER`@`%` TO `u1`@`%`"},
			"'u1'@'%'", List(all),
		},
		"everything, listed": {
			[]string{
				"GRANT SELECT, INSERT, RELOAD, SHUTDOWN, PROCESS, SUPER, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `root`@`localhost` WITH GRANT OPTION",
				"GRANT BACKUP_ADMIN,CONNECTION_ADMIN,REPLICATION_SLAVE_ADMIN,SYSTEM_VARIABLES_ADMIN ON *.* TO `root`@`localhost` WITH GRANT OPTION",
				"GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION",
			},
			"'root'@'localhost'", "",
		},
		"everything in two words": {
			[]string{"GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' IDENTIFIED BY PASSWORD <secret> WITH GRANT OPTION"},
			"'root'@'localhost'", "",
		},
		"SUPER is most of it": {
			[]string{"GRANT SUPER ON *.* TO `u`@`%`"},
			"'u'@'%'", "RELOAD, PROCESS, SELECT ON performance_schema.*",
		},
		"SELECT on everything but one schema": {
			[]string{"GRANT SELECT, SUPER, RELOAD, PROCESS ON *.* TO `u`@`%`", "REVOKE SELECT ON `performance_schema`.* FROM `u`@`%`"},
			"'u'@'%'", "SELECT ON performance_schema.*",
		},
		"a partial revoke elsewhere": {
			[]string{"GRANT SELECT, SUPER, RELOAD, PROCESS ON *.* TO `u`@`%`", "REVOKE SELECT, INSERT ON `mysql`.* FROM `u`@`%`"},
			"'u'@'%'", "",
		},
		"SELECT on the tables that are read": {
			[]string{
				"GRANT SUPER, RELOAD, PROCESS ON *.* TO `u`@`%`",
				"GRANT SELECT ON `performance_schema`.`threads` TO `u`@`%`",
				"GRANT SELECT ON TABLE `performance_schema`.`session_connect_attrs` TO `u`@`%`",
				"GRANT SELECT ON `performance_schema`.`metadata_locks` TO `u`@`%`",
			},
			"'u'@'%'", "",
		},
		"SELECT on one of them, and on a column": {
			[]string{
				"GRANT SUPER, RELOAD, PROCESS ON *.* TO `u`@`%`",
				"GRANT SELECT ON `performance_schema`.`threads` TO `u`@`%`",
				"GRANT SELECT (`OBJECT_TYPE`, `LOCK_STATUS`), INSERT (`a`) ON `performance_schema`.`metadata_locks` TO `u`@`%`",
				"GRANT SELECT ON `performance_schema`.`session_connect_attrs` TO `u`@`%`",
			},
			"'u'@'%'", "SELECT ON performance_schema.*",
		},
		"a pattern": {
			[]string{"GRANT SUPER, RELOAD, PROCESS ON *.* TO `u`@`%`", "GRANT ALL PRIVILEGES ON `perf%\\_schema`.* TO `u`@`%`"},
			"'u'@'%'", "",
		},
		"a pattern for others": {
			[]string{"GRANT SUPER, RELOAD, PROCESS ON *.* TO `u`@`%`", "GRANT ALL PRIVILEGES ON `perf\\%schema`.* TO `u`@`%`"},
			"'u'@'%'", "SELECT ON performance_schema.*",
		},
		"all privileges of one schema are none of the server's": {
			[]string{"GRANT USAGE ON *.* TO `u`@`%`", "GRANT ALL PRIVILEGES ON `app`.* TO `u`@`%`", "GRANT EXECUTE ON PROCEDURE `app`.`p` TO `u`@`%`"},
			"'u'@'%'", List(all),
		},
		"names with every mark": {
			[]string{"GRANT SUPER, RELOAD, PROCESS, SELECT ON *.* TO `o'b``r TO i`@`%`"},
			"'o''b`r TO i'@'%'", "",
		},
		"ANSI_QUOTES": {
			[]string{`GRANT SUPER, RELOAD, PROCESS ON *.* TO "u"@"%"`, `GRANT SELECT ON "performance_schema".* TO "u"@"%"`},
			"'u'@'%'", "",
		},
		"sql_quote_show_create=OFF": {
			[]string{"GRANT SUPER, RELOAD, PROCESS ON *.* TO u@localhost", "GRANT SELECT ON performance_schema.* TO u@localhost"},
			"'u'@'localhost'", "",
		},
		"nonsense": {
			[]string{"", "GRANT", "GRANT RELOAD ON", "REVOKE ON", "GRANT RELOAD ON *.*", "hello `"},
			"", List(all),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := Parse(test.lines)
			if s.Account != test.account {
				t.Errorf("the account is %s, want %s", s.Account, test.account)
			}
			if got := List(s.Lacks(all)); got != test.lacks {
				t.Errorf("it lacks %q, want %q", got, test.lacks)
			}
		})
	}
}

// What is missing and granted is not missing any more.
func TestStatement(t *testing.T) {
	for _, test := range []struct {
		privileges []Privilege
		want       string
	}{
		{[]Privilege{Reload}, "GRANT RELOAD ON *.* TO 'u'@'%'"},
		{[]Privilege{PerformanceSchema}, "GRANT SELECT ON performance_schema.* TO 'u'@'%'"},
		{
			[]Privilege{SystemVariablesAdmin, PerformanceSchema, ReplicationClient},
			"GRANT SYSTEM_VARIABLES_ADMIN, REPLICATION CLIENT ON *.* TO 'u'@'%'; GRANT SELECT ON performance_schema.* TO 'u'@'%'",
		},
	} {
		if got := Statement("'u'@'%'", test.privileges); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

// No answer of a server brings it down.
func FuzzParse(f *testing.F) {
	f.Add("GRANT SELECT (`a`), RELOAD ON `x`.* TO 'u'@'%' WITH GRANT OPTION")
	f.Add("REVOKE SELECT ON `performance_schema`.* FROM `u`@`%`")
	f.Add("GRANT `r`@`%` TO `u`@`")
	f.Fuzz(func(_ *testing.T, line string) {
		Parse([]string{line}).Lacks(all)
	})
}
