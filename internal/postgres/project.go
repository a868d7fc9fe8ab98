// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Project writes what was observed and decided into the status. Pure.
func Project(obj *v1alpha1.PostgresReplication, state State, p reconcile.Plan[Data]) {
	st, d := &obj.Status, p.Data
	st.Primary, st.SystemIdentifier, st.Timeline, st.LSN = d.Primary, d.SystemID, int64(d.Timeline), d.LSN
	st.SynchronousStandbys, st.Synchronous, st.ForceSpent = slices.Clone(d.SyncNodes), d.Sync, d.ForceSpent
	st.Switchover, st.LastSwitchover = d.Switchover.DeepCopy(), d.Last.DeepCopy()
	topology := map[string]*v1alpha1.PostgresReplicationNode{}
	ready, wanted := 0, 0
	for _, m := range Members(obj) {
		if d.Drop[m.Name] {
			continue
		}
		n := projectNode(m, state, d)
		if was := st.Topology[m.Name]; was != nil {
			if !state.Nodes[m.Name].OK() {
				n.SystemIdentifier, n.Timeline = was.SystemIdentifier, was.Timeline
			}
			if !d.Compared[m.Name] && m.Name != d.Primary {
				n.ExtraBytes, n.Diverged = was.ExtraBytes, was.Diverged
			}
		}
		topology[m.Name] = n
		if !m.Leaving && m.Name != d.Primary {
			wanted++
			if d.Ready[m.Name] {
				ready++
			}
		}
	}
	st.Topology = topology
	st.Standbys = fmt.Sprintf("%d/%d", ready, wanted)
}

func projectNode(m Member, state State, d Data) *v1alpha1.PostgresReplicationNode {
	s := state.Nodes[m.Name]
	n := &v1alpha1.PostgresReplicationNode{
		Host: m.Host, Port: m.Port, External: m.External, Role: v1alpha1.PostgresRoleNone, Status: v1alpha1.NodeFailed,
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
	n.Ready, n.Diverged = d.Ready[m.Name], d.Diverged[m.Name]
	n.SystemIdentifier = s.SystemID
	if s.Known {
		n.Timeline, n.LSN = int64(s.At.TLI), s.At.LSN.String()
	}
	if extra, known := d.Extra[m.Name]; known {
		n.ExtraBytes = new(int64(extra)) //nolint:gosec // a log is never as long
	}
	if !s.Recovery {
		return n
	}
	n.ReplayLSN, n.WalReceiver = s.Replay.String(), s.Receiver
	if s.Receiver == "" {
		n.WalReceiver = "down"
	}
	p := state.Nodes[d.Primary]
	if p == nil || s.SystemID != p.SystemID {
		return n
	}
	if f, found := p.follower(m.Name); found {
		n.SyncState = f.SyncState
	}
	if p.Primary() && s.Follows(p) {
		// It may have been seen a moment after the primary.
		n.WalDiff = new(int64(max(p.At.LSN, s.Replay) - s.Replay)) //nolint:gosec // a log is never as long
	}
	return n
}
