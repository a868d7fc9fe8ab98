// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package live holds the tests that create the example of a kind over real servers
// in a cluster where the operator runs, and look at what becomes of it.
//
//	kinds.go             the table: one entry for each kind
//	run.go               one run of a test: steps, in order, and their results
//	objects.go           creates what a test needs, and takes it away again
//	failure.go           errors that a person can use
//	look.go              what kubectl get prints, endpoints: for every kind
//	mysqlreplication*.go the test of that kind
package live
