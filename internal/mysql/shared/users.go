// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/server"
)

// Users when the spec names none. The spec's defaults say the same; an object
// from before they existed does not have them.
const (
	defaultOperatorUser    = "mysql"
	defaultReplicationUser = "replication"
)

// PortName of the Services.
const PortName = "mysql"

// OperatorUser is whom the operator connects as.
func OperatorUser(s v1alpha1.MysqlReplicationSecret) string {
	return OrDefault(s.Mysql, defaultOperatorUser)
}

// ReplicationUser is whom the servers connect to one another as.
func ReplicationUser(s v1alpha1.MysqlReplicationSecret) string {
	return OrDefault(s.Replication, defaultReplicationUser)
}

// OrDefault is value, or otherwise when that is empty.
func OrDefault(value, otherwise string) string { return server.OrDefault(value, otherwise) }
