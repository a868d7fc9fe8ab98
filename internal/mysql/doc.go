// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package mysql looks after source–replica replication of MySQL servers.
//
//	state.go            what is observed of servers: plain values
//	action.go           the vocabulary of what can be done to them: plain values
//	members.go          whom the spec, the record and the observation name
//	plan*.go            what to do: pure, no I/O, no clock
//	project.go          State → status: pure
//	observe.go          asks the servers
//	act*.go             carries actions out
//	vocabulary.go       the words of the server's version (source/replica or master/slave)
//	passwords.go        which password the channels have
//	privileges.go       what the operator's user may do on a server
//	handle.go           what is asked of one server by more than one action
//	channel_status.go   SHOW REPLICA STATUS under either vocabulary
//	engine.go           the adapter to the reconcile kernel
//	conn/               connections, their deadlines and their errors
//	gtid/               sets of transactions
//	grants/             what an account may do, out of SHOW GRANTS: pure
//	shared/             words of every kind of MySQL
package mysql
