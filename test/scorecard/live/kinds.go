// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import "strings"

// Kind of custom resource that has a test.
type Kind struct {
	// Kind as the ClusterServiceVersion spells it.
	Kind string
	// Summary of the test in a line.
	Summary string
	// steps of the test, in order. They share what they close over.
	steps func(*run) []step
}

// Kinds that have a test. A new kind is a new entry, and a file with its steps.
func Kinds() []Kind {
	return []Kind{
		{Kind: "MysqlReplication", Summary: "its example over MySQL pods becomes Ready, is routed, and switches over", steps: mysqlReplicationSteps},
		{Kind: "MysqlGroupReplication", Summary: "its example over MySQL pods becomes a group, is routed, and changes its primary", steps: mysqlGroupReplicationSteps},
		{Kind: "RedisReplication", Summary: "its example over Redis pods becomes Ready, is routed, and switches over", steps: redisReplicationSteps},
		{Kind: "ProxysqlSync", Summary: "its example over ProxySQL pods before a MysqlReplication becomes Ready, has its servers and users, and follows a switchover", steps: proxysqlSyncSteps},
	}
}

// Name of the test: the scorecard's configuration calls it by the kind in lower case.
func (k Kind) Name() string { return strings.ToLower(k.Kind) }
