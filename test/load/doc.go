// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package load writes to a replication set through its Services, as
// clients do, and checks afterwards that every write that a server acknowledged
// is still there.
//
// A write is one of an id that is used once: (run, writer, seq). It has one of two
// outcomes. Acknowledged: the server said so. Unknown: anything else; it may or may not exist, and both are right. A writer never
// repeats a write, so an id that was never attempted must not exist either.
//
//	options.go    what a run is made of
//	database.go   what clients need of a database
//	mysql.go      MySQL
//	redis.go      Redis and Valkey
//	postgres.go   PostgreSQL
//	run.go        starts and stops the clients
//	writer.go     one writing client
//	reader.go     one reading client
//	journal.go    what one writer was told
//	outage.go     the longest time without an acknowledged write
//	compare.go    what was told against what is there: pure
//	check.go      asks the servers what is there
package load
