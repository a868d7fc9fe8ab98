// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"fmt"
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Project writes what was observed and decided into the status. Pure.
func Project(obj *v1alpha1.RedisReplication, state State, p reconcile.Plan[Data]) {
	st, d := &obj.Status, p.Data
	st.Source, st.ReplicationID, st.History = d.Source, d.ReplicationID, slices.Clone(d.History)
	st.ForcedRunID = d.Forced
	st.Switchover, st.LastSwitchover = d.Switchover.DeepCopy(), d.Last.DeepCopy()
	topology := map[string]*v1alpha1.RedisReplicationNode{}
	ready, wanted := 0, 0
	for _, m := range Members(obj) {
		if d.Drop[m.Name] {
			continue
		}
		n := projectNode(m, state.Nodes[m.Name], d)
		if was := st.Topology[m.Name]; was != nil {
			remember(n, was, state.Nodes[m.Name].OK() && (!d.Lost || m.Name != d.Source) && m.Name != d.Unjudged)
			n.Replicated = n.Replicated || was.Replicated && !d.Anew && !n.Diverged && n.Role != v1alpha1.RedisRoleSource
			if !d.Compared[m.Name] && m.Name != d.Source {
				n.ExtraBytes, n.Diverged = was.ExtraBytes, was.Diverged
			}
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

// remember keeps of what was known of a node what was not seen to be otherwise.
func remember(n, was *v1alpha1.RedisReplicationNode, seen bool) {
	if !seen {
		n.ReplicationID, n.RunID, n.HeldData = was.ReplicationID, was.RunID, was.HeldData
	}
}

func projectNode(m Member, s *Server, d Data) *v1alpha1.RedisReplicationNode {
	n := &v1alpha1.RedisReplicationNode{
		Host: m.Host, Port: m.Port, External: m.External, Role: v1alpha1.RedisRoleNone, Status: v1alpha1.NodeFailed,
		Message: d.Notes[m.Name], AnnounceHost: m.AnnounceHost, AnnouncePort: m.AnnouncePort,
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
	n.Ready, n.Diverged = d.Ready[m.Name], d.Diverged[m.Name]
	n.ReplicationID, n.RunID, n.HeldData = s.ReplID, s.RunID, s.Keys > 0
	n.MasterReplOffset = new(s.Offset)
	if s.Replica {
		n.MasterReplOffset, n.SlaveReplOffset = nil, new(s.Offset)
		n.MasterSyncInProgress = s.SyncInProgress
		n.MasterLinkStatus = "down"
		if s.LinkUp {
			n.MasterLinkStatus = "up"
		}
		if !s.Detached() {
			n.SourceHost, n.SourcePort = s.MasterHost, s.MasterPort
		}
	}
	n.Replicated = n.Role == v1alpha1.RedisRoleReplica && s.LinkUp
	if extra, known := d.Extra[m.Name]; known {
		n.ExtraBytes = new(extra)
	}
	return n
}
