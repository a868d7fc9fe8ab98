// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package replication

import "github.com/upmio/compose-operator/internal/reconcile"

// Member is a node of a set, as far as the kernel and the Services must know it.
type Member struct {
	Name string
	Host string
	Port int32
	// External: it is no pod.
	External bool
	// Isolated as the spec says.
	Isolated bool
	// Leaving: the spec no longer names it, but the record does. It is looked at
	// until it is seen to have no part in the topology any more.
	Leaving bool
}

// Describe names the members to the kernel: pods, external nodes, and those that leave.
func Describe(d *reconcile.Description, members []Member) {
	for _, m := range members {
		if m.External {
			d.External = append(d.External, reconcile.ExternalNode{Name: m.Name, Host: m.Host, Port: m.Port})
		} else {
			d.Pods = append(d.Pods, m.Name)
		}
		if m.Leaving {
			d.Leaving = append(d.Leaving, m.Name)
		}
	}
}
