// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReadSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "proxysql.cnf")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`datadir="/var/lib/proxysql"
admin_variables=
{
  admin_credentials="admin:one;proxysql:two"
  mysql_ifaces="0.0.0.0:6032;/tmp/admin.sock"
}
mysql_variables=
{
  interfaces="0.0.0.0:6033"
  monitor_username="watcher";
  threads=4
}
`)
	s, err := readSettings(file)
	if err != nil || s.admin != "0.0.0.0:6032" || s.traffic != "0.0.0.0:6033" || s.user != "proxysql" || s.password != "two" ||
		s.variables["mysql-monitor_username"] != "watcher" || s.variables["mysql-threads"] != "4" {
		t.Errorf("%+v, %v", s, err)
	}
	write(`datadir="/var/lib/proxysql"`)
	if _, err := readSettings(file); err == nil {
		t.Error("a file without a user is accepted")
	}
}
