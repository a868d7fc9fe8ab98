// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/grants"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Project writes what was observed and decided into the status. Pure.
func Project(obj *v1alpha1.MysqlReplication, state State, p reconcile.Plan[Data]) {
	st, d := &obj.Status, p.Data
	st.Source, st.SourceUUID = d.Source, d.SourceUUID
	st.Switchover, st.LastSwitchover = d.Switchover.DeepCopy(), d.Last.DeepCopy()
	left := slices.DeleteFunc(slices.Clone(d.Deposed), func(uuid string) bool { return slices.Contains(st.DeposedSourceUUIDs, uuid) })
	st.DeposedSourceUUIDs, st.UnassuredSourceUUIDs = slices.Clone(d.Deposed), slices.Clone(d.Unassured)
	seen := func(name string) *Server { return d.seen(state, name) }
	topology := map[string]*v1alpha1.MysqlReplicationNode{}
	ready, wanted := 0, 0
	for _, m := range Members(obj) {
		if d.Drop[m.Name] {
			continue
		}
		s := seen(m.Name)
		n := projectNode(m, s, d)
		if obj.Spec.Mode == v1alpha1.MysqlSemiSync {
			n.SemiSync = semiSyncState(s, n.Role, st.Topology[m.Name])
			if !s.OK() && slices.ContainsFunc(left, isOf(serverUUID(st.Topology[m.Name]))) {
				// It was that as the source: it has acknowledged nothing to the new one.
				n.SemiSync = ""
			}
			if m.Name == d.Source {
				n.VouchedBy, n.WaitForReplicaCount = d.VouchedBy, waitCount(s, st.Topology[m.Name])
			}
		}
		if was := st.Topology[m.Name]; was != nil {
			remember(n, was, seen(d.Source).OK() && s.OK() && !d.Overtaken)
		}
		if n.ServerUUID == "" && m.Name == d.Source {
			n.ServerUUID = d.Told
		}
		if was := st.Topology[m.Name]; was != nil && d.unsure(m.Name) {
			n.VouchedBy, n.WaitForReplicaCount, n.StartedAt = was.VouchedBy, was.WaitForReplicaCount, was.StartedAt
		}
		n.Clone = d.Clones[m.Name].DeepCopy()
		if at, is := d.Started[m.Name]; is && !d.unsure(m.Name) {
			n.StartedAt = &at
		}
		topology[m.Name] = n
		if !m.Leaving && m.Name != d.Source {
			wanted++
			if d.Ready[m.Name] {
				ready++
			}
		}
	}
	st.Topology = topology
	st.Replicas = fmt.Sprintf("%d/%d", ready, wanted)
}

// semiSyncState of a node in its role, and what it was last while the node is not seen.
func semiSyncState(s *Server, role v1alpha1.MysqlRole, was *v1alpha1.MysqlReplicationNode) v1alpha1.MysqlSemiSyncState {
	switch {
	case !s.OK() && was != nil:
		return was.SemiSync
	case !s.OK() || role == v1alpha1.MysqlRoleNone:
		return ""
	case role == v1alpha1.MysqlRoleSource && s.SemiSync.SourceActive, role == v1alpha1.MysqlRoleReplica && s.SemiSync.ReplicaActive:
		return v1alpha1.MysqlSemiSyncActive
	}
	return v1alpha1.MysqlSemiSyncInactive
}

// serverUUID that is on record for a node; "" when none is.
func serverUUID(was *v1alpha1.MysqlReplicationNode) string {
	if was == nil {
		return ""
	}
	return was.ServerUUID
}

// waitCount of the source, and what it was last while it is not seen.
func waitCount(s *Server, was *v1alpha1.MysqlReplicationNode) int32 {
	switch {
	case s.OK() && s.SemiSync.SourceEnabled:
		return int32(s.SemiSync.WaitCount) //nolint:gosec // the server's bound is 65535
	case !s.OK() && was != nil:
		return was.WaitForReplicaCount
	}
	return 0
}

// remember keeps of what was known of a node what was not seen to be otherwise: who
// it was, and, unless both it and the source are seen, what the source lacked of it.
func remember(n, was *v1alpha1.MysqlReplicationNode, compared bool) {
	if n.ServerUUID == "" {
		n.ServerUUID = was.ServerUUID
	}
	if !compared && n.ServerUUID == was.ServerUUID {
		n.ErrantTransactions, n.ErrantCount = was.ErrantTransactions, was.ErrantCount
	}
}

func projectNode(m Member, s *Server, d Data) *v1alpha1.MysqlReplicationNode {
	n := &v1alpha1.MysqlReplicationNode{
		Host: m.Host, Port: m.Port, External: m.External, Role: v1alpha1.MysqlRoleNone, Status: v1alpha1.NodeFailed,
		Message: d.Notes[m.Name],
	}
	if !s.OK() {
		if n.Message == "" && s != nil {
			n.Message = s.Problem
		}
		return n
	}
	n.Status = v1alpha1.NodeHealthy
	if role, known := d.Roles[m.Name]; known {
		n.Role = role
	}
	n.Ready = d.Ready[m.Name]
	if n.Message == "" && len(s.Missing) > 0 {
		n.Message = "the operator's user lacks " + grants.List(s.Missing)
	}
	n.Readonly, n.SuperReadonly = s.ReadOnly, s.SuperReadOnly
	n.ServerUUID = s.UUID
	if c := s.Channel; c != nil && n.Role == v1alpha1.MysqlRoleReplica {
		n.SourceHost, n.SourcePort = c.SourceHost, c.SourcePort
		n.ReplicaIO, n.ReplicaSQL = string(c.IO), string(c.SQL)
		n.ReplicaTLS = c.TLS.mode()
		n.SourceLogFile, n.ReadSourceLogPos, n.ExecSourceLogPos = c.SourceLogFile, c.ReadSourceLogPos, c.ExecSourceLogPos
		n.SecondsBehindSource = c.Lag
	}
	if e, bad := d.Errant[m.Name]; bad && !d.Overtaken {
		n.ErrantTransactions, n.ErrantCount = shorten(e.set.String()), e.count
	}
	return n
}

// unsure says whether who answers at a node's address is not, or may not be, that node.
func (d Data) unsure(name string) bool {
	_, misled := d.Misled[name]
	return misled || slices.Contains(d.Twins, name)
}

// seen is what was seen of a node: nothing, where another one has answered.
func (d Data) seen(state State, name string) *Server {
	s := state.Nodes[name]
	why, misled := d.Misled[name]
	switch {
	case misled:
		return s.misled(why)
	case slices.Contains(d.Twins, name):
		return s.misled("it answers with the server_uuid of another node")
	}
	return s
}
