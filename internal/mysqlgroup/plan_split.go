// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/upmio/compose-operator/internal/reconcile"
)

// Two groups that both have a majority of their own cannot be put together here, and writes
// of clients are not to go to one today and to the other one tomorrow. That is no reason to
// take them from a group that has them: one of the groups keeps the route if it cannot be
// doubted that it is the one that had it. A route is never given to another one.

// undisputed are those of the holders of a majority whose group is beyond doubt the one that
// the resource has been about; none when there is a doubt.
func (v *view) undisputed(holders []*Server) []*Server {
	var out []*Server
	for _, s := range holders {
		if v.continues(s) && v.disputed(s, holders) == "" {
			out = append(out, s)
		}
	}
	for i, a := range out {
		for _, b := range out[i+1:] {
			if !agree(a, b) {
				return nil
			}
		}
	}
	return out
}

// continues says whether a server's group is the one on record, made by the same bootstrap,
// with an ONLINE primary; or, without a record, whether -readwrite leads to that.
func (v *view) continues(s *Server) bool {
	primary := v.primaryOf(s)
	if primary == "" {
		return false
	}
	if v.status.ViewID == "" {
		return v.takesWrites(primary)
	}
	made, _ := viewNumber(s.ViewID)
	recorded, _ := viewNumber(v.status.ViewID)
	return s.Config.GroupName == v.status.GroupName && made == recorded
}

// primaryOf is the node that a server sees as the ONLINE primary; "" when it sees none.
func (v *view) primaryOf(s *Server) string {
	for _, m := range s.Members {
		if n, is := v.nodeOf(m.UUID); is && m.Primary && m.State == MemberOnline {
			return n.Name
		}
	}
	return ""
}

// disputed says what speaks against a group's being the one that goes on: it has not more
// than half of the spec's nodes, or another one has the primary that writes were led to.
func (v *view) disputed(s *Server, holders []*Server) string {
	mine := v.primaryOf(s)
	var apart []string
	for _, o := range holders {
		if agree(s, o) {
			continue
		}
		apart = append(apart, o.Name)
		for _, name := range []string{o.Name, v.primaryOf(o)} {
			if name != "" && name != mine && (name == v.status.Primary || v.takesWrites(name)) {
				return fmt.Sprintf("%s, to which writes were led, is not in the group of %s", name, s.Name)
			}
		}
	}
	in := 0
	for _, n := range v.ours() {
		if uuid := v.uuidOf(n.Name); uuid != "" && s.reaches(uuid) && !slices.Contains(apart, n.Name) && !v.servers[n.Name].Out() {
			in++
		}
	}
	if in*2 <= len(v.ours()) {
		return fmt.Sprintf("the group of %s has %d of the spec's %d nodes", s.Name, in, len(v.ours()))
	}
	return ""
}

// isApart: the node has a majority of another group than the one that counts.
func (v *view) isApart(name string) bool { return slices.Contains(v.apart, name) }

func (v *view) isSplit() bool { return v.split != "" && v.lead == nil }

// reportSplit: each of them may have taken writes, or may be the one that should.
func (v *view) reportSplit() reconcile.Plan[Data] {
	return v.report("SplitGroup", "there are two groups with a majority of their own: "+v.split+". It cannot be told which of them goes on the one on record: that takes the same bootstrap, more than half of the spec's nodes, and the primary that writes were led to. Nothing is changed, and nobody is led to either for writes, so that they do not go to both. Decide which one stays, and STOP GROUP_REPLICATION on the members of the other")
}

// besides tells of the groups beside the one that counts.
func (v *view) besides() string {
	return fmt.Sprintf("there are two groups with a majority of their own: %s. That of %s goes on the one on record, with more than half of the spec's nodes and the primary that writes were led to: it keeps them, and nobody is led to %s. STOP GROUP_REPLICATION there, after a look at what was written to it", v.split, v.lead.Name, strings.Join(v.apart, ", "))
}
