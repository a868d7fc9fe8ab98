// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package admin speaks to the admin interface of one ProxySQL: connections, deadlines,
// literals, and errors that show no secret.
//
// The interface speaks the MySQL protocol over SQLite: statements are SQLite's, there are
// no prepared ones, and what a driver says by itself after it has connected may be unknown
// there. Configuration has three layers, the tables of which are main (memory), runtime_
// and disk: https://proxysql.com/documentation/configuring-proxysql/
package admin
