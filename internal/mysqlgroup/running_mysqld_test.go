// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysqlgroup

import (
	"testing"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/test/mysqld"
)

// Running members take seeds and a new password.
func TestMembersThatRunAreGivenWhatTheyNeed(t *testing.T) {
	c := newCluster(t, 3)
	c.ready()
	c.pass()
	for name, s := range c.servers {
		if got := s.Value("SELECT LENGTH(VARIABLE_VALUE) - LENGTH(REPLACE(VARIABLE_VALUE, ',', '')) FROM performance_schema.persisted_variables WHERE VARIABLE_NAME='group_replication_group_seeds'"); got != "1" {
			t.Errorf("%s does not have two seeds", name)
		}
	}

	c.primary().SQL("ALTER USER '" + mysqld.ReplicationUser + "'@'%' IDENTIFIED BY 'another-p4ss'")
	c.creds.Version = "2"
	c.creds.Passwords[mysqld.ReplicationUser] = credential.NewPassword("another-p4ss")
	c.pass()
	for name, s := range c.servers {
		if got := s.Value("SELECT User_password FROM mysql.slave_master_info WHERE Channel_name='group_replication_recovery'"); got != "another-p4ss" {
			t.Errorf("%s would recover with another password", name)
		}
	}
	c.acted = nil
	c.pass()
	if len(c.acted) != 0 {
		t.Errorf("acted %v", c.acted)
	}
}
