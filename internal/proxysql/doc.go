// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package proxysql looks after ProxysqlSync: servers, replication hostgroup and users of
// ProxySQL follow a MysqlReplication or a MysqlGroupReplication.
//
// The writer is the topology's source, as the other kind has it on record and has seen it.
// A row is ours by its comment. Nothing else is changed, though LOAD and SAVE, which know
// whole tables only, take along what somebody has changed and not loaded yet.
//
// The tables and commands that are used, in ProxySQL's manual:
//
//	mysql_servers, mysql_replication_hostgroups, mysql_users, and their forms at run time:
//	https://proxysql.com/documentation/main-runtime/mysql-tables
//	runtime_checksums_values: https://proxysql.com/documentation/proxysql-cluster/
//	LOAD and SAVE: https://proxysql.com/documentation/proxysql-admin-commands/
//	mysql-server_version: https://proxysql.com/documentation/global-variables/mysql-variables/
//	hashes of passwords: https://proxysql.com/documentation/password-management/
package proxysql
