// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package mysqlgroup looks after single-primary groups of MySQL servers (Group
// Replication), MySQL 8.0.27 and newer.
//
//	state.go     what is observed of servers and of the group as each sees it: plain values
//	action.go    the vocabulary of what can be done to them: plain values
//	members.go   whom the spec and the record name, and the defaults of the group's own settings
//	plan*.go     what to do: pure, no I/O, no clock
//	project.go   State → status: pure
//	observe.go   asks the servers
//	act*.go      carries actions out
//	engine.go    the adapter to the reconcile kernel
package mysqlgroup
