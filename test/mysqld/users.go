// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqld

import "strings"

// Users that every server has, with the passwords that they have on loopback.
// They were made without the binary log: a fresh server's gtid_executed is empty.
const (
	// User may do everything.
	User     = "mysql"
	Password = "mysql-p4ss"
	// ReplicationUser has REPLICATION SLAVE.
	ReplicationUser     = "replication"
	ReplicationPassword = "replication-p4ss"
	// LeastUser has what docs demand of the operator's user and no more.
	LeastUser     = "least"
	LeastPassword = "least-p4ss"
	// CloneUser has LeastUser's privileges and what spec.rejoinPolicy: Clone needs beside them.
	CloneUser     = "cloner"
	ClonePassword = "cloner-p4ss"
	// AppUser reads and writes the schema "app".
	AppUser     = "app"
	AppPassword = "app-p4ss"
)

// LeastPrivileges are what the operator's user needs at least.
var LeastPrivileges = []string{
	"SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN, REPLICATION_SLAVE_ADMIN, REPLICATION CLIENT, RELOAD ON *.*",
	"SELECT ON performance_schema.*",
}

// ClonePrivileges are what cloning needs beside them.
const ClonePrivileges = "BACKUP_ADMIN, CLONE_ADMIN ON *.*"

// initStatements make the users; one statement a line, as --init-file wants it.
func initStatements() string {
	lines := []string{
		"CREATE DATABASE app;",
		"CREATE TABLE app.entries (id BIGINT PRIMARY KEY AUTO_INCREMENT, writer INT NOT NULL, seq BIGINT NOT NULL, note VARCHAR(255));",
	}
	user := func(name, password string, grants ...string) {
		lines = append(lines, "CREATE USER '"+name+"'@'%' IDENTIFIED BY '"+password+"';")
		for _, grant := range grants {
			on, with, _ := strings.Cut(grant, "|")
			lines = append(lines, "GRANT "+on+" TO '"+name+"'@'%'"+with+";")
		}
	}
	user(User, Password, "ALL PRIVILEGES ON *.*| WITH GRANT OPTION")
	user(ReplicationUser, ReplicationPassword, "REPLICATION SLAVE ON *.*")
	user(LeastUser, LeastPassword, LeastPrivileges...)
	user(CloneUser, ClonePassword, append([]string{ClonePrivileges}, LeastPrivileges...)...)
	user(AppUser, AppPassword, "ALL PRIVILEGES ON app.*", "BACKUP_ADMIN, RELOAD ON *.*")
	return strings.Join(lines, "\n") + "\n"
}
