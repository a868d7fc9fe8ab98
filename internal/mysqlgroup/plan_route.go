// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"fmt"

	"github.com/upmio/compose-operator/internal/reconcile"
)

// route is the step that puts labels on what is observed. candidate, when not empty, is
// about to be elected and serves no readers until then.
func (v *view) route(candidate string) reconcile.Step {
	routing := reconcile.Routing{}
	for _, n := range v.nodes {
		if access, known := v.access(n); known {
			if n.Name == candidate && access == reconcile.AccessReadOnly {
				access = reconcile.AccessNone
			}
			routing[n.Name] = access
		}
	}
	for _, name := range v.aliases {
		routing[name] = reconcile.AccessNone
	}
	return reconcile.Step{Name: "route", Routing: routing}
}

// access of a node; not known: it keeps what it has.
func (v *view) access(n Node) (access reconcile.Access, known bool) {
	s, m := v.servers[n.Name], v.listed(n.Name)
	switch {
	case v.stranger != "" && s.HasMajority():
		// What it holds is another group's, for readers too.
		return reconcile.AccessNone, true
	case v.lead == nil || v.primaries > 1:
		// Nobody is known to be the one that takes writes. Who serves readers goes on.
		return reconcile.AccessNone, s.OK() && v.takesWrites(n.Name)
	case !s.OK() && n.Name == v.primary:
		// Either the operator alone does not see it, or the group has elected nobody else yet.
		return "", false
	case !s.OK() && m != nil && m.State == MemberOnline && !n.Leaving:
		return reconcile.AccessNone, v.takesWrites(n.Name)
	case !s.OK():
		return reconcile.AccessNone, true
	case n.Name == v.primary && v.member(n.Name) && s.Writable() && s.sees(s.UUID).Primary:
		return reconcile.AccessReadWrite, true
	case n.Name == v.primary || n.Leaving || !v.data.Ready[n.Name] || n.Port != v.readers || s.Writable():
		return reconcile.AccessNone, true
	}
	return reconcile.AccessReadOnly, true
}

// takesWrites says whether -readwrite leads to the pod of a node.
func (v *view) takesWrites(name string) bool {
	return v.pods[name].Name != "" && v.pods[name].Readonly == "false"
}

// servesReaders says whether -readonly leads to the pod of a node.
func (v *view) servesReaders(name string) bool {
	return v.pods[name].Name != "" && v.pods[name].Readonly == "true"
}

// hasTwins: two nodes are one server.
func (v *view) hasTwins() bool { return v.twins() != "" }

func (v *view) twins() string {
	by := map[string]string{}
	for _, n := range v.nodes {
		s := v.servers[n.Name]
		if !s.OK() {
			continue
		}
		if other := by[s.UUID]; other != "" {
			return fmt.Sprintf("%s and %s have the same server_uuid %s", other, n.Name, s.UUID)
		}
		by[s.UUID] = n.Name
	}
	return ""
}

// reportTwins touches nothing, the route included.
func (v *view) reportTwins() reconcile.Plan[Data] {
	p := v.report("DuplicateServer", v.twins()+": they are one server under two names, or one is a copy of the other with its auto.cnf: correct the spec, or delete that file and restart")
	p.Steps = nil
	return p
}

func (v *view) hasStranger() bool { return v.stranger != "" }

// reportStranger: whatever the other group holds, it is not what this one held.
func (v *view) reportStranger() reconcile.Plan[Data] {
	return v.report("ForeignGroup", fmt.Sprintf("%s is in the group %s, and this resource's is %s, of which no majority is seen. Nothing is changed, and nobody is led to the other group: correct the node's host in the spec, take it out, or STOP GROUP_REPLICATION on it", v.stranger, v.servers[v.stranger].Config.GroupName, v.status.GroupName))
}

func (v *view) hasPrimaries() bool { return v.primaries > 1 }

func (v *view) reportPrimaries() reconcile.Plan[Data] {
	return v.report("MultiPrimaryMode", fmt.Sprintf("the group has %d primaries; only groups with one are looked after: SELECT group_replication_switch_to_single_primary_mode()", v.primaries))
}
