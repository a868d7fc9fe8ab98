// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"fmt"
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Project writes what was observed and decided into the status. Pure.
func Project(obj *v1alpha1.RedisCluster, state State, p reconcile.Plan[Data]) {
	st, d := &obj.Status, p.Data
	st.Established, st.Creating = d.Established, d.Creating
	st.Moves, st.Migration = slices.Clone(d.Moves), d.Migration.DeepCopy()
	st.FormerNodes, st.UnknownNodes, st.Preferred = slices.Clone(d.Former), slices.Clone(d.Unknown), d.Preferred
	st.ClusterJoined, st.ClusterSynced = d.Joined, d.Synced
	st.ForceSpent, st.GiveUpSpent = d.ForceSpent, d.GiveUpSpent
	if d.Judged || !d.Established {
		// What is not known stays as it was.
		st.NumberOfShard, st.SlotsAssigned = int32(d.Shards), int32(d.Slots) //nolint:gosec // slots
	}
	topology := map[string]*v1alpha1.RedisClusterNode{}
	ready, wanted := 0, 0
	for _, m := range Members(obj) {
		if d.Drop[m.Name] {
			continue
		}
		topology[m.Name] = projectNode(m, state.Nodes[m.Name], st.Topology[m.Name], d)
		if !m.Leaving {
			wanted++
			if d.Ready[m.Name] {
				ready++
			}
		}
	}
	st.Topology = topology
	st.Nodes = fmt.Sprintf("%d/%d", ready, wanted)
}

func projectNode(m Member, s *Server, was *v1alpha1.RedisClusterNode, d Data) *v1alpha1.RedisClusterNode {
	n := &v1alpha1.RedisClusterNode{
		Host: m.Host, Port: m.Port, Role: v1alpha1.RedisRoleNone, Status: v1alpha1.NodeFailed, Message: d.Notes[m.Name],
		ID: d.IDs[m.Name], Shard: m.Shard, AnnounceHost: m.AnnounceHost, AnnouncePort: m.AnnouncePort, AnnounceBusPort: m.AnnounceBus,
	}
	owned := d.Owned[m.Name]
	n.Slots = owned.Ranges()
	if !d.Judged && d.Established && was != nil {
		n.Slots = was.Slots
	}
	if was != nil && was.ID == n.ID {
		n.Replicated = was.Replicated
	}
	if !s.OK() {
		return n
	}
	n.Status, n.Ready = v1alpha1.NodeHealthy, d.Ready[m.Name]
	n.Keys, n.ReplOffset = new(s.Keys), new(s.Offset)
	switch {
	case s.Replica:
		n.Role, n.MasterRef, n.MasterLinkStatus = v1alpha1.RedisRoleReplica, s.MasterID, "down"
		if s.LinkUp {
			n.MasterLinkStatus = "up"
		}
		if s.LinkUp && !s.SyncInProgress {
			n.Replicated = s.MasterID
		} else if n.Replicated != s.MasterID || s.SyncInProgress {
			n.Replicated = ""
		}
	case !owned.Empty():
		n.Role = v1alpha1.RedisRoleSource
	}
	return n
}
