// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// deposed says whether a seen node that left the spec is the source of before the last
// change: it is let go only once it is fenced, and what it holds was told. One whose pod
// another resource has taken is that one's.
func (v *view) deposed(m Member) bool {
	if name := v.pods[m.Name].Name; name != "" && name != v.name {
		return false
	}
	s, was := v.server(m.Name), v.status.Topology[m.Name]
	return m.Leaving && v.data.Last != nil && v.data.Last.From == m.Name && s != v.source && s.OK() &&
		(was == nil || was.ServerUUID == "" || was.ServerUUID == s.UUID)
}

// fenceDeposed fences it. Whether that succeeds does not hold up the set that it left.
func (v *view) fenceDeposed() []reconcile.Action {
	for _, m := range v.members {
		if v.deposed(m) && !v.server(m.Name).Fenced() {
			return []reconcile.Action{v.fenceExtra(m.Name)}
		}
	}
	return nil
}

// deposedMost bounds the record of deposed sources. Most of them come back, and are
// forgotten then.
const deposedMost = 16

// depose remembers the server that a failover leaves behind. One change of the source
// later the record of the failover is gone, and what was given up by it may come back with
// any node that replicated from that server when it was not seen.
func (v *view) depose(uuid string) {
	v.reinstate(uuid)
	if uuid != "" {
		v.data.Deposed = append(v.data.Deposed, uuid)
	}
	v.data.Deposed = v.data.Deposed[max(0, len(v.data.Deposed)-deposedMost):]
}

// reinstate forgets that a server was left behind.
func (v *view) reinstate(uuid string) {
	v.data.Deposed = slices.DeleteFunc(v.data.Deposed, isOf(uuid))
}

// forgetDeposed forgets those that are the source again, or a replica that holds nothing
// which the source lacks: what they commit from now on is given up by nobody.
func (v *view) forgetDeposed() {
	v.reinstate(v.data.SourceUUID)
	for _, m := range v.members {
		s := v.server(m.Name)
		if _, bad := v.data.Errant[m.Name]; !bad && s.OK() && v.source.OK() && v.source.Writable() && s.Follows(v.source) && s.Channel.Streams() {
			v.reinstate(s.UUID)
		}
	}
}

// keptApart is what a node that is not attached was reported to hold and the source to
// lack, when both were seen last: that is no part of the set. What the source itself
// committed first is, whatever was reported. A report that was cut short says nothing.
func (v *view) keptApart(s *Server) gtid.Set {
	apart := reportedErrant(v.status.Topology[s.Name])
	if s.Channel != nil || holdsOf(apart, v.data.SourceUUID) {
		return gtid.Set{}
	}
	return apart
}

// reportedErrant is what the status says of a node; empty when that was cut short.
func reportedErrant(n *v1alpha1.MysqlReplicationNode) gtid.Set {
	if n == nil {
		return gtid.Set{}
	}
	set, err := gtid.Parse(n.ErrantTransactions)
	if err != nil {
		return gtid.Set{}
	}
	return set
}
