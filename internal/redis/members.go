// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"cmp"
	"sort"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// Member is a node that the operator looks at.
type Member struct {
	Name string
	Host string
	Port int32
	// AnnounceHost and AnnouncePort under which the others know it.
	AnnounceHost string
	AnnouncePort int32
	// External: it is no pod.
	External bool
	// Isolated as the spec says.
	Isolated bool
	// Leaving: the spec no longer names it, but the record does. It is looked at
	// until it is seen to have no part in the topology any more.
	Leaving bool
}

// Members lists whom the spec names, source first, and then those whom only the
// status still knows, sorted by name. Pure.
func Members(obj *v1alpha1.RedisReplication) []Member {
	var out []Member
	seen := map[string]bool{}
	add := func(m Member) {
		if !seen[m.Name] {
			seen[m.Name] = true
			out = append(out, m)
		}
	}
	of := func(n v1alpha1.RedisNode) Member {
		return Member{
			Name: n.Name, Host: n.Host, Port: n.Port, External: n.External,
			AnnounceHost: cmp.Or(n.AnnounceHost, n.Host), AnnouncePort: cmp.Or(n.AnnouncePort, n.Port),
		}
	}
	if s := obj.Spec.Source; s != nil {
		add(of(*s))
	}
	for _, r := range obj.Spec.Replica {
		m := of(r.RedisNode)
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
			add(Member{
				Name: name, Host: n.Host, Port: n.Port, External: n.External, Leaving: true,
				AnnounceHost: cmp.Or(n.AnnounceHost, n.Host), AnnouncePort: cmp.Or(n.AnnouncePort, n.Port),
			})
		}
	}
	return out
}
