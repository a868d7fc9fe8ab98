// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"sort"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/replication"
)

// Member is a node that the operator looks at.
type Member = replication.Member

// Members lists whom the spec names, primary first, and then those whom only the status still
// knows, sorted by name. Pure.
func Members(obj *v1alpha1.PostgresReplication) []Member {
	var out []Member
	seen := map[string]bool{}
	add := func(m Member) {
		if !seen[m.Name] {
			seen[m.Name] = true
			out = append(out, m)
		}
	}
	of := func(n v1alpha1.Node) Member {
		return Member{Name: n.Name, Host: n.Host, Port: n.Port, External: n.External}
	}
	if p := obj.Spec.Primary; p != nil {
		add(of(*p))
	}
	for _, r := range obj.Spec.Standby {
		m := of(r.Node)
		m.Isolated = r.Isolated
		add(m)
	}
	var gone []string
	for name := range obj.Status.Topology {
		if !seen[name] {
			gone = append(gone, name)
		}
	}
	sort.Strings(gone)
	for _, name := range gone {
		if n := obj.Status.Topology[name]; n != nil && n.Host != "" {
			add(Member{Name: name, Host: n.Host, Port: n.Port, External: n.External, Leaving: true})
		}
	}
	return out
}
