// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package redis looks after Redis 6.2 to 8 and Valkey servers: a source and its replicas.
//
//	state.go     what is observed of a server: plain values
//	lineage.go   which server holds what another one does: replication ids and offsets, pure
//	action.go    the vocabulary of what can be done to a server: plain values
//	members.go   whom the spec and the record name
//	plan*.go     what to do: pure, no I/O, no clock
//	project.go   State → status: pure
//	observe.go   asks the servers
//	act*.go      carries actions out
//	engine.go    the adapter to the reconcile kernel
package redis
