// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"sort"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/replication"
)

// Member is a node that the operator looks at.
type Member = replication.Member

// Members lists whom the spec names, source first, and then those whom only the
// status still knows, sorted by name. Pure.
func Members(obj *v1alpha1.MysqlReplication) []Member {
	var out []Member
	seen := map[string]bool{}
	add := func(m Member) {
		if !seen[m.Name] {
			seen[m.Name] = true
			out = append(out, m)
		}
	}
	if s := obj.Spec.Source; s != nil {
		add(Member{Name: s.Name, Host: s.Host, Port: s.Port, External: s.External})
	}
	for _, r := range obj.Spec.Replica {
		add(Member{Name: r.Name, Host: r.Host, Port: r.Port, External: r.External, Isolated: r.Isolated})
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
