// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package grants

import (
	"slices"
	"strings"
)

// Privilege is something that the operator's user is to be allowed, in the words in which
// a person reads it and GRANT takes it.
type Privilege string

// What the operator's user needs.
const (
	SystemVariablesAdmin  Privilege = "SYSTEM_VARIABLES_ADMIN"
	ReplicationSlaveAdmin Privilege = "REPLICATION_SLAVE_ADMIN"
	ConnectionAdmin       Privilege = "CONNECTION_ADMIN"
	ReplicationClient     Privilege = "REPLICATION CLIENT"
	Reload                Privilege = "RELOAD"
	Process               Privilege = "PROCESS"
	// PerformanceSchema is SELECT on it.
	PerformanceSchema Privilege = "SELECT ON performance_schema.*"
)

// instead names what includes a privilege. SUPER does so on servers that still have it:
// https://dev.mysql.com/doc/refman/8.4/en/privileges-provided.html
var instead = map[Privilege][]string{
	SystemVariablesAdmin:  {"SUPER"},
	ReplicationSlaveAdmin: {"SUPER"},
	ConnectionAdmin:       {"SUPER"},
	ReplicationClient:     {"SUPER"},
}

// watched are the tables of performance_schema that are read and that not everybody may
// read. A user may have been given those instead of the whole schema.
var watched = []string{"threads", "session_connect_attrs", "metadata_locks"}

// Lacks lists those of the privileges that the account does not have, in their order.
func (s Set) Lacks(needed []Privilege) []Privilege {
	return slices.DeleteFunc(slices.Clone(needed), s.allows)
}

func (s Set) allows(p Privilege) bool {
	if p == PerformanceSchema {
		return !slices.ContainsFunc(watched, func(table string) bool { return !s.On("SELECT", "performance_schema", table) })
	}
	return s.Has(string(p)) || slices.ContainsFunc(instead[p], s.Has)
}

// Statement gives an account privileges.
func Statement(account string, privileges []Privilege) string {
	var out, global []string
	for _, p := range privileges {
		if p != PerformanceSchema {
			global = append(global, string(p))
		}
	}
	if len(global) > 0 {
		out = append(out, "GRANT "+strings.Join(global, ", ")+" ON *.* TO "+account)
	}
	if slices.Contains(privileges, PerformanceSchema) {
		out = append(out, "GRANT "+string(PerformanceSchema)+" TO "+account)
	}
	return strings.Join(out, "; ")
}

// List joins privileges for a sentence.
func List(privileges []Privilege) string {
	names := make([]string, 0, len(privileges))
	for _, p := range privileges {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}
