// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package postgres looks after PostgresReplication: who of a set of PostgreSQL servers is the
// primary, and that the others stream from it.
//
//   - observe.go reads, act*.go change the servers; plan*.go decide, and touch nothing.
//   - lineage.go compares what two servers hold, by timeline and LSN.
//   - waltail.go finds out whether what a standby has received ends in a shutdown checkpoint.
//
// All is done over SQL, as a superuser: no agent runs beside the servers. What needs one
// (filling an empty data directory, pg_rewind) is left to a person, who is told the command.
package postgres
