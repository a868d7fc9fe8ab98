// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package rediscluster looks after Redis Cluster and Valkey clusters, 6.2 and newer.
//
//	slots.go     sets of hash slots
//	state.go     what is observed of a server, its view of the cluster included: plain values
//	action.go    the vocabulary of what can be done to a server: plain values
//	members.go   whom the spec and the record name
//	plan*.go     what to do: pure, no I/O, no clock
//	project.go   State → status: pure
//	observe.go   asks the servers
//	act*.go      carries actions out
//	engine.go    the adapter to the reconcile kernel
package rediscluster
