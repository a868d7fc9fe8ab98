// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"fmt"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Project writes what was observed and decided into the status. Pure.
func Project(obj *v1alpha1.MysqlGroupReplication, state State, p reconcile.Plan[Data]) {
	st, d := &obj.Status, p.Data
	st.Primary, st.GroupName, st.ViewID, st.Bootstrapped = d.Primary, d.GroupName, d.ViewID, d.Bootstrapped
	st.ForceQuorumSpent, st.UnknownMembers = d.Spent, d.Unnamed
	topology := map[string]*v1alpha1.MysqlGroupReplicationNode{}
	online, wanted := 0, 0
	for _, n := range Nodes(obj) {
		if d.Drop[n.Name] {
			continue
		}
		node := projectNode(n, state.Nodes[n.Name], d)
		if was := st.Topology[n.Name]; was != nil {
			remember(node, was, d.Compared[n.Name])
			if d.Without && was.GtidExecuted != "" {
				// It is what a start of the group is measured against.
				node.GtidExecuted = was.GtidExecuted
			}
		}
		topology[n.Name] = node
		if !n.Leaving {
			wanted++
			if d.Ready[n.Name] {
				online++
			}
		}
	}
	st.Topology = topology
	st.Members = fmt.Sprintf("%d/%d", online, wanted)
}

// remember keeps of what was known of a node what was not seen to be otherwise: who
// it was, and, unless it was compared with the group, what the group lacked of it.
func remember(n, was *v1alpha1.MysqlGroupReplicationNode, compared bool) {
	if n.ServerUUID == "" {
		n.ServerUUID = was.ServerUUID
	}
	if !compared && n.ServerUUID == was.ServerUUID {
		n.ErrantTransactions, n.ErrantCount = was.ErrantTransactions, was.ErrantCount
	}
}

func projectNode(n Node, s *Server, d Data) *v1alpha1.MysqlGroupReplicationNode {
	out := &v1alpha1.MysqlGroupReplicationNode{
		Host: n.Host, Port: n.Port, Role: v1alpha1.MysqlGroupRoleNone, Status: v1alpha1.NodeFailed,
		Message: d.Notes[n.Name], MemberState: string(d.States[n.Name]), Member: d.Member[n.Name],
	}
	if !s.OK() {
		return out
	}
	out.Status = v1alpha1.NodeHealthy
	if role, known := d.Roles[n.Name]; known {
		out.Role = role
	}
	out.Ready = d.Ready[n.Name]
	out.Readonly, out.SuperReadonly = s.ReadOnly, s.SuperReadOnly
	out.ServerUUID = s.UUID
	out.GtidExecuted = shared.Shorten(s.Executed.String())
	if extra, bad := d.Errant[n.Name]; bad {
		out.ErrantTransactions, out.ErrantCount = shared.Shorten(extra.String()), extra.Count()
	}
	return out
}
