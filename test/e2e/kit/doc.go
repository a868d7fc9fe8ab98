// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package kit is what the end-to-end suite, the demo and the benchmark share: a
// cluster, the operator in it, sets of MySQL pods, and a MysqlReplication over
// them. Nothing in it judges; it makes, edits, waits and reads.
//
//	settings.go     what the environment says
//	cluster.go      the API server
//	operator.go     the operator's installation
//	set.go          MySQL pods
//	manifests.go    what those pods are made of: pure
//	replication.go  the custom resource over a set
//	sql.go          a server under its own address
//	traffic.go      clients and the check of what they were told
//	diagnose.go     everything that explains a failure
package kit
