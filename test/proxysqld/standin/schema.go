// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

// The tables, with the columns, checks and keys that ProxySQL's manual gives them:
// https://proxysql.com/documentation/main-runtime/mysql-tables
// https://proxysql.com/documentation/proxysql-cluster/ (runtime_checksums_values)

const serversColumns = `(
 hostgroup_id INT CHECK (hostgroup_id>=0) NOT NULL DEFAULT 0,
 hostname VARCHAR NOT NULL,
 port INT CHECK (port >= 0 AND port <= 65535) NOT NULL DEFAULT 3306,
 gtid_port INT CHECK ((gtid_port <> port OR gtid_port=0) AND gtid_port >= 0 AND gtid_port <= 65535) NOT NULL DEFAULT 0,
 status VARCHAR CHECK (UPPER(status) IN ('ONLINE','SHUNNED','OFFLINE_SOFT', 'OFFLINE_HARD')) NOT NULL DEFAULT 'ONLINE',
 weight INT CHECK (weight >= 0 AND weight <=10000000) NOT NULL DEFAULT 1,
 compression INT CHECK (compression IN(0,1)) NOT NULL DEFAULT 0,
 max_connections INT CHECK (max_connections >=0) NOT NULL DEFAULT 1000,
 max_replication_lag INT CHECK (max_replication_lag >= 0 AND max_replication_lag <= 126144000) NOT NULL DEFAULT 0,
 use_ssl INT CHECK (use_ssl IN(0,1)) NOT NULL DEFAULT 0,
 max_latency_ms INT UNSIGNED CHECK (max_latency_ms>=0) NOT NULL DEFAULT 0,
 comment VARCHAR NOT NULL DEFAULT '',
 PRIMARY KEY (hostgroup_id, hostname, port))`

const hostgroupsColumns = `(
 writer_hostgroup INT CHECK (writer_hostgroup>=0) NOT NULL PRIMARY KEY,
 reader_hostgroup INT NOT NULL CHECK (reader_hostgroup<>writer_hostgroup AND reader_hostgroup>=0),
 check_type VARCHAR CHECK (LOWER(check_type) IN ('read_only','innodb_read_only','super_read_only','read_only|innodb_read_only','read_only&innodb_read_only')) NOT NULL DEFAULT 'read_only',
 comment VARCHAR NOT NULL DEFAULT '',
 UNIQUE (reader_hostgroup))`

const usersColumns = `(
 username VARCHAR NOT NULL,
 password VARCHAR,
 active INT CHECK (active IN (0,1)) NOT NULL DEFAULT 1,
 use_ssl INT CHECK (use_ssl IN (0,1)) NOT NULL DEFAULT 0,
 default_hostgroup INT NOT NULL DEFAULT 0,
 default_schema VARCHAR,
 schema_locked INT CHECK (schema_locked IN (0,1)) NOT NULL DEFAULT 0,
 transaction_persistent INT CHECK (transaction_persistent IN (0,1)) NOT NULL DEFAULT 1,
 fast_forward INT CHECK (fast_forward IN (0,1)) NOT NULL DEFAULT 0,
 backend INT CHECK (backend IN (0,1)) NOT NULL DEFAULT 1,
 frontend INT CHECK (frontend IN (0,1)) NOT NULL DEFAULT 1,
 max_connections INT CHECK (max_connections >=0) NOT NULL DEFAULT 10000,
 attributes VARCHAR CHECK (JSON_VALID(attributes) OR attributes = '') NOT NULL DEFAULT '',
 comment VARCHAR NOT NULL DEFAULT '',
 PRIMARY KEY (username, backend),
 UNIQUE (username, frontend))`

const variablesColumns = `(variable_name VARCHAR NOT NULL PRIMARY KEY, variable_value VARCHAR NOT NULL)`

const checksumsTable = `CREATE TABLE runtime_checksums_values (name VARCHAR NOT NULL, version INT NOT NULL, epoch INT NOT NULL, checksum VARCHAR NOT NULL, PRIMARY KEY (name))`

// table of the configuration.
type table struct{ name, columns string }

// module is what one LOAD or SAVE takes over.
type module struct {
	// name in commands and of the checksum.
	name, checksum string
	tables         []table
}

var modules = []module{
	{"MYSQL SERVERS", "mysql_servers", []table{{"mysql_servers", serversColumns}, {"mysql_replication_hostgroups", hostgroupsColumns}}},
	{"MYSQL USERS", "mysql_users", []table{{"mysql_users", usersColumns}}},
	{"MYSQL VARIABLES", "mysql_variables", []table{{"global_variables", variablesColumns}}},
}

// defaults of the variables that matter here.
var defaults = map[string]string{
	"mysql-server_version": "8.0.11", "mysql-monitor_username": "monitor",
	"mysql-monitor_writer_is_also_reader": "true", "admin-checksum_mysql_users": "true",
}
