// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// hasTwins: two names lead to one server. Nothing can be said of either. A fence
// that is up does not wait for others to be told apart.
func (v *view) hasTwins() bool {
	twins := v.allTwins()
	if r := v.data.Switchover; r != nil && (r.Phase == v1alpha1.SwitchoverSwitching || r.Phase == v1alpha1.SwitchoverUndoing) {
		return slices.Contains(twins, r.From) || slices.Contains(twins, r.To)
	}
	return len(twins) > 0
}

// allTwins are the nodes that answer with the server_uuid of another one.
func (v *view) allTwins() []string {
	names := map[string][]string{}
	for _, m := range v.members {
		if s := v.server(m.Name); s.OK() {
			names[s.UUID] = append(names[s.UUID], m.Name)
		}
	}
	var out []string
	for _, same := range names {
		if len(same) > 1 {
			out = append(out, same...)
		}
	}
	slices.Sort(out)
	return out
}

func (v *view) twins() (string, string) {
	byUUID := map[string]string{}
	for _, m := range v.members {
		s := v.server(m.Name)
		if !s.OK() {
			continue
		}
		if other, dup := byUUID[s.UUID]; dup {
			return other, m.Name
		}
		byUUID[s.UUID] = m.Name
	}
	return "", ""
}

// tellTwinsApart takes a node for unseen whose address leads to another one while a change of
// the source is past its fence, or a failover: that must not wait for a name to be mended. Which of the two
// answers, the record tells.
func (v *view) tellTwinsApart() {
	switch r := v.data.Switchover; {
	case r == nil || r.Phase == v1alpha1.SwitchoverUndone:
		return
	case r.Failover, r.Phase == v1alpha1.SwitchoverSwitching, r.Phase == v1alpha1.SwitchoverUndoing:
	default:
		return
	}
	for v.tellTwoApart() {
	}
}

func (v *view) tellTwoApart() bool {
	a, b := v.twins()
	if a == "" {
		return false
	}
	there := isOf(v.server(a).UUID)
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		right, wrong := pair[0], pair[1]
		// One that nobody has ever seen is the wrong one, too.
		if there(v.onRecord(right)) && !there(v.onRecord(wrong)) {
			problem := fmt.Sprintf("its address leads to %s (server_uuid %s); mend the name", right, v.server(wrong).UUID)
			v.state.Nodes[wrong] = v.server(wrong).misled(problem)
			v.data.Misled[wrong] = problem
			return true
		}
	}
	return false
}

// misled is a node whose address leads to another one: it is not seen.
func (s *Server) misled(problem string) *Server {
	return &Server{Name: s.Name, Host: s.Host, Port: s.Port, Reach: ReachNone, Problem: problem}
}

// onRecord is the server_uuid of a node of a change, as it was seen last.
func (v *view) onRecord(name string) string {
	if r := v.data.Switchover; name == r.To && r.ToServerUUID != "" {
		return r.ToServerUUID
	}
	if name == v.data.Source && v.data.SourceUUID != "" {
		return v.data.SourceUUID
	}
	if n := v.status.Topology[name]; n != nil {
		return n.ServerUUID
	}
	return ""
}

func (v *view) reportTwins() reconcile.Plan[Data] {
	a, b := v.twins()
	p := v.plan()
	p.Conditions = reconcile.Topology(false, "DuplicateServer", fmt.Sprintf(
		"%s and %s answer with the same server_uuid: correct host and port in the spec, or take one of the two out of it, if both lead to one server; else delete auto.cnf from one copied data directory and restart it. Nothing is done until then.", a, b))
	return p
}

// lacksGTID: a member that the spec names runs without GTIDs.
func (v *view) lacksGTID() bool { return len(v.withoutGTID()) > 0 }

func (v *view) withoutGTID() []string {
	var out []string
	for _, m := range v.ours() {
		if s := v.server(m.Name); s.OK() && (!s.GTIDMode || !s.LogBin) {
			out = append(out, m.Name)
		}
	}
	return out
}

func (v *view) reportGTID() reconcile.Plan[Data] {
	p := v.plan()
	p.Conditions = reconcile.Topology(false, "GTIDRequired", fmt.Sprintf(
		"%s: gtid_mode and log_bin must be ON. Set gtid_mode=ON and enforce_gtid_consistency=ON on every node. Replication is not touched until then.", strings.Join(v.withoutGTID(), ", ")))
	if v.source != nil && v.source.Writable() {
		p.Steps = append(v.unroute(), reconcile.Step{Name: "route", Routing: v.routing()})
	}
	return p
}

func (v *view) sourceUnknown() bool { return v.source == nil }

// setUp chooses the first source. Nobody follows anybody, so every node's data
// must be seen: a node that is not seen may be the one that holds data.
func (v *view) setUp() reconcile.Plan[Data] {
	p := v.plan()
	refuse := func(reason, message string) reconcile.Plan[Data] {
		p.Conditions = reconcile.Topology(false, reason, message)
		p.Next = busy
		return p
	}
	if v.lacksGTID() {
		return v.reportGTID()
	}
	src := v.wanted()
	var unseen, ahead []string
	for _, m := range v.ours() {
		s := v.server(m.Name)
		switch {
		case !s.OK():
			unseen = append(unseen, m.Name+" ("+s.Problem+")")
		case s != src && src.OK() && !m.Isolated && !src.Received().Contains(s.Received()):
			extra := s.Received().Subtract(src.Received())
			ahead = append(ahead, fmt.Sprintf("%s holds %d transaction(s) that %s lacks: %s", m.Name, extra.Count(), src.Name, shorten(extra.String())))
		}
	}
	if lacking := v.lacking(); len(lacking) > 0 {
		p.Events = v.privilegeEvents()
		return refuse("PrivilegeMissing", strings.Join(lacking, "; ")+". Nothing was changed.")
	}
	if lost := v.notAdopted(); lost != "" {
		return refuse("SourceLacksTransactions", lost)
	}
	if both := v.twoTakeWrites(); both != "" {
		return refuse("TopologyAmbiguous", both)
	}
	if len(unseen) > 0 {
		return refuse("WaitingForNodes", "before replication is set up every node must be seen, for it may hold data. Not seen: "+strings.Join(unseen, ", "))
	}
	if followed := v.followsStranger(); followed != "" {
		return refuse("TopologyAmbiguous", followed)
	}
	if len(ahead) > 0 {
		return refuse("SourceLacksTransactions", strings.Join(ahead, "; ")+". Make the node with the most transactions spec.source, or rebuild the others from the source. Nothing was changed.")
	}
	v.source = src
	v.data.Source, v.data.SourceUUID = src.Name, src.UUID
	v.assess()
	p = v.steady()
	p.Persist = true
	p.Data.Source, p.Data.SourceUUID = src.Name, src.UUID
	return p
}

// notAdopted says why the head of a set that replicates already is not taken for its
// source: it lacks what it must have had. "" when that is not so.
func (v *view) notAdopted() string {
	src := v.head()
	holder := v.server(cmp.Or(v.lostBefore(src), v.lostTail(src)))
	if holder == nil {
		return ""
	}
	extra := holder.Received().Subtract(src.Executed)
	return fmt.Sprintf("%[1]s replicates from %[2]s and holds %[3]d transaction(s) that %[2]s lacks: %[4]s. %[2]s has lost data or was made anew, and is not taken for the source. To keep them end the replication of all nodes (STOP REPLICA; RESET REPLICA ALL) and make %[1]s spec.source; to go on with %[2]s leave %[1]s out of the spec. Nothing was changed.",
		holder.Name, src.Name, extra.Count(), shorten(extra.String()))
}

// twoTakeWrites says why a set that replicates already gives no one source although it
// has one head; "" when that is not so.
func (v *view) twoTakeWrites() string {
	head := v.head()
	rival := v.rival(head)
	if rival == nil {
		return ""
	}
	holds := fmt.Sprintf("holds %d transaction(s) that %s lacks: %s", rival.Received().Subtract(head.Executed).Count(), head.Name, shorten(rival.Received().Subtract(head.Executed).String()))
	if !head.OK() {
		holds = fmt.Sprintf("has committed transactions of its own, and %s is not seen", head.Name)
	}
	return fmt.Sprintf("other nodes replicate from %[1]s, and %[2]s takes writes too and %[3]s. Nothing says which of the two is the source. If it is %[2]s, end its replication (STOP REPLICA; RESET REPLICA ALL), point the others at it and make it spec.source; if it is %[1]s, make %[2]s read-only (SET GLOBAL super_read_only = ON). Nothing was changed.",
		head.Name, rival.Name, holds)
}

// followsStranger says why the replication that exists already gives no one source.
func (v *view) followsStranger() string {
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if !m.Isolated && s.OK() && s.Channel != nil && (s.Channel.IO != ThreadNo || s.Channel.SQL != ThreadNo) {
			return fmt.Sprintf("%s replicates from %s:%d, and the nodes do not agree on one source within spec. Point the replicas at one source, or stop their replication (STOP REPLICA; RESET REPLICA ALL) to have it set up anew. Nothing was changed.", m.Name, s.Channel.SourceHost, s.Channel.SourcePort)
		}
	}
	return ""
}

// sourceMadeAnew: the pod of the source answers as another server, without what the
// others hold, isolated ones included.
func (v *view) sourceMadeAnew() bool {
	s := v.source
	switch {
	case !s.OK() || s.UUID == v.data.SourceUUID:
		return false
	case v.data.SourceUUID == "":
		// It was taken for the source while it was not seen.
		return v.lostBefore(s) != ""
	}
	return slices.ContainsFunc(v.ours(), func(m Member) bool {
		r := v.server(m.Name)
		// What an unseen one holds is unknown.
		return r != s && (!r.OK() || !s.Executed.Contains(r.Received()))
	})
}
