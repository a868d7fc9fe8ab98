// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// deposed says whether a seen node that left the spec is the source of before the last
// change, or of before that if a failover left it behind: it is let go only once it is
// fenced, and what it holds was told. One whose pod another resource has taken is that one's.
func (v *view) deposed(m Member) bool {
	if name := v.pods[m.Name].Name; name != "" && name != v.name {
		return false
	}
	s, was := v.server(m.Name), v.status.Topology[m.Name]
	if !m.Leaving || s == v.source || !s.OK() {
		return false
	}
	last := v.data.Last != nil && v.data.Last.From == m.Name && (was == nil || was.ServerUUID == "" || was.ServerUUID == s.UUID)
	return last || v.mayReturn(m)
}

// mayReturn says whether a node that left the spec is a source that a failover left
// behind, as far as is known: it may come back any time, and takes writes then. That its
// pod is gone says nothing, because a StatefulSet makes another one on the same volume.
func (v *view) mayReturn(m Member) bool {
	if !m.Leaving {
		return false
	}
	if uuid := v.uuidOf(m.Name); uuid != "" {
		return slices.ContainsFunc(v.data.Deposed, isOf(uuid))
	}
	return v.data.Last != nil && v.data.Last.Failover && v.data.Last.From == m.Name
}

// awaited: it is not seen either.
func (v *view) awaited(m Member) bool {
	return v.mayReturn(m) && m.Name != v.data.Source && !v.server(m.Name).OK()
}

// awaitedNote says of such a node what ends the waiting.
func (v *view) awaitedNote(name string) string {
	return fmt.Sprintf("a failover has left it behind, and it left the spec: it may come back and take writes, so that it is waited for until it has been fenced. If it never will, set the annotation %s: %s", v1alpha1.AnnotationGiveUp, name)
}

// letGo says whether a deposed source that is seen stays read-only without the operator,
// after a restart as well.
func (v *view) letGo(m Member) bool {
	s := v.server(m.Name)
	return s.Fenced() && (s.ReadOnlyPersisted || v.isGivenUp(m.Name))
}

// isGivenUp says whether the user names the node as given up.
func (v *view) isGivenUp(name string) bool { return slices.Contains(v.givenUp, name) }

// forgotten: nobody has seen it fenced, and it is not looked after any more: the user gave
// it up, or later failovers have taken its place in the record.
func (v *view) forgotten(m Member) bool {
	known := v.mayReturn(m) || m.Leaving && slices.ContainsFunc(v.status.DeposedSourceUUIDs, isOf(v.uuidOf(m.Name)))
	return known && v.data.Drop[m.Name] && !v.server(m.Name).OK()
}

// fenceDeposed fences it. Whether that succeeds does not hold up the set that it left.
func (v *view) fenceDeposed() []reconcile.Action {
	for _, m := range v.members {
		if v.deposed(m) && !v.letGo(m) {
			return []reconcile.Action{v.fenceExtra(m.Name)}
		}
	}
	return nil
}

// deposedEvents tell of sources that were left behind and have left the spec: of one that
// is waited for, one that was fenced, and one that nobody has seen fenced.
func (v *view) deposedEvents() []reconcile.Event {
	var out []reconcile.Event
	tell := func(reason, name, text string, args ...any) {
		out = append(out, reconcile.Event{Warning: true, Reason: reason, Once: name, Message: name + " " + fmt.Sprintf(text, args...)})
	}
	for _, m := range v.members {
		e := v.data.Errant[m.Name]
		switch {
		case v.forgotten(m):
			tell("NodeForgotten", m.Name, "was a source that a failover left behind, left the spec, and is not looked after any more. Nobody has seen that it takes no writes: make sure that its server has stopped for good")
		case v.awaited(m):
			tell("OldSourceAwaited", m.Name, "is not seen: %s", v.awaitedNote(m.Name))
		case v.deposed(m) && v.data.Drop[m.Name] && (v.mayReturn(m) || v.data.Last.Failover || e.count > 0):
			tell("OldSourceReturned", m.Name, "was the source before %s and left the spec: it is back, fenced, and not looked after any more. It holds %d transaction(s) that %s lacks%s", v.source.Name, e.count, v.source.Name, listed(e.set))
		}
	}
	return out
}

// deposedMost bounds the record of deposed sources. Most of them come back, and are
// forgotten then.
const deposedMost = 16

// depose remembers the server that a failover leaves behind. One change of the source
// later the record of the failover is gone, and what was given up by it may come back with
// any node that replicated from that server when it was not seen.
func (v *view) depose(uuid string) { v.data.Deposed = remembered(v.data.Deposed, uuid) }

// doubt remembers a server whose acknowledged transactions a failover may have lost: who
// was not seen then may hold them, and nobody else.
func (v *view) doubt(uuid string) { v.data.Unassured = remembered(v.data.Unassured, uuid) }

// remembered is a record with one more server at its end.
func remembered(record []string, uuid string) []string {
	if record = slices.DeleteFunc(record, isOf(uuid)); uuid != "" {
		record = append(record, uuid)
	}
	return record[max(0, len(record)-deposedMost):]
}

// reinstate forgets that a server was left behind: it has all that it has acknowledged.
func (v *view) reinstate(uuid string) {
	v.data.Deposed = slices.DeleteFunc(v.data.Deposed, isOf(uuid))
	v.data.Unassured = slices.DeleteFunc(v.data.Unassured, isOf(uuid))
}

// doubtful: some of a set may have been acknowledged and been lost by a failover.
func (v *view) doubtful(s gtid.Set) bool {
	return slices.ContainsFunc(v.data.Unassured, func(uuid string) bool { return holdsOf(s, uuid) })
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

// cutShort: what the status says of a node is not all that it held.
func cutShort(n *v1alpha1.MysqlReplicationNode) bool {
	if n == nil {
		return false
	}
	_, err := gtid.Parse(n.ErrantTransactions)
	return err != nil
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
