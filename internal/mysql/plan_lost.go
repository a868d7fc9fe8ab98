// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// sourceLost: the source is seen, and is not what it was.
func (v *view) sourceLost() bool {
	return v.sourceMadeAnew() || v.source.OK() && v.lostTail(v.source) != ""
}

// lostTail names a node which shows that a server has lost the last of its own commits: it
// crashed before they were on its disk, or its data was rolled back. Under its server_uuid it
// would commit others with the same numbers, and nothing would tell them apart.
//
// A replica that the server turns away for having more proves it: the server counts what it
// has still to commit. Of any other node a second look has to find what the first one has
// reported, because a commit may be on its way between the two servers' answers.
func (v *view) lostTail(src *Server) string {
	if !src.OK() {
		return ""
	}
	for _, m := range v.ours() {
		s, was := v.server(m.Name), v.status.Topology[m.Name]
		switch {
		case s == src:
		case !s.OK():
			if src.SemiSync.WaitSessions == 0 && !v.cloning(s) && holdsOf(reportedErrant(was).Subtract(src.Executed), src.UUID) {
				return m.Name
			}
		case v.lacksOf(src, s) && (s.turnedAwayBy(src) || reportedOf(was, src.UUID)):
			return m.Name
		}
	}
	return ""
}

// mayHaveLost: one look has found that, and the next one will tell.
func (v *view) mayHaveLost(src *Server) bool {
	return slices.ContainsFunc(v.ours(), func(m Member) bool { return v.lacksOf(src, v.server(m.Name)) })
}

// lacksOf: a seen node holds commits of a server which that lacks, and is not about to make.
func (v *view) lacksOf(src, s *Server) bool {
	if s == src || !s.OK() || v.hollow(s) {
		return false
	}
	extra := s.Received().Subtract(src.Executed)
	return holdsOf(extra, src.UUID) && (s.turnedAwayBy(src) || !v.onTheWay(src, s, extra))
}

// onTheWay: the server may have still to commit what a node has of it. It counts that for
// nobody whom it turns away.
func (v *view) onTheWay(src, s *Server, extra gtid.Set) bool {
	connected := s.Follows(src) && s.Channel.IO == ThreadYes
	if connected || v.streamsFrom(s, src) {
		return true
	}
	if r := v.recorded; src == v.source && r != nil && !r.Failover && r.From == src.Name && s.Follows(v.server(r.To)) {
		return v.stillCommits(s, extra)
	}
	return src.SemiSync.WaitSessions > 0
}

// turnedAwayBy: the receiver has stopped because its source refuses it the binary log. Among
// the causes is that it has more than the source; whether that is so the sets tell.
func (s *Server) turnedAwayBy(src *Server) bool {
	c := s.Channel
	return s.Follows(src) && c.IO != ThreadYes && (c.IOErrno == conn.NumberFatalSourceError || c.IOErrno == conn.NumberReadingBinlog)
}

// reportedOf: the status says that a node holds commits of a server which that lacks. A
// report that was cut short may have said so.
func reportedOf(n *v1alpha1.MysqlReplicationNode, uuid string) bool {
	if n == nil || n.ErrantTransactions == "" {
		return false
	}
	set, err := gtid.Parse(n.ErrantTransactions)
	return err != nil || holdsOf(set, uuid)
}

// wouldRepeat says what is wrong with a candidate that was a source once and has lost the
// last of its own commits, given up by a failover perhaps.
func (v *view) wouldRepeat(to *Server) string {
	holder := v.lostTail(to)
	return fmt.Sprintf("%[2]s holds transactions that %[1]s itself has committed and lacks now: as the source it would commit others under the same numbers. Make %[2]s spec.source, or, to lose them, rebuild %[2]s or leave it out of the spec", to.Name, holder)
}

// reportLost keeps clients from a source that is not what it was. Which data counts is for
// the user to say, and the wanted source may be another one already: that is the way out.
func (v *view) reportLost() reconcile.Plan[Data] {
	if v.wanted() != v.source && !v.skip {
		return v.beginFailover()
	}
	p := v.plan()
	p.Conditions = reconcile.Topology(false, "SourceLostData", v.whatIsLost())
	p.Steps = v.shutOut()
	p.Events = []reconcile.Event{{Warning: true, Reason: "SourceLostData", Once: v.source.Name, Message: p.Conditions[0].Message}}
	p.Next = busy
	return p
}

func (v *view) whatIsLost() string {
	src, best := v.source, v.mostAdvanced()
	if v.sourceMadeAnew() {
		return fmt.Sprintf(
			"%s came back as another server (server_uuid %s, before %s) and lacks transactions that its replicas hold, or a replica cannot be seen. It is kept out of -readwrite. Make the most advanced replica spec.source to fail over, or restore the data.",
			src.Name, src.UUID, cmp.Or(v.data.SourceUUID, "unknown"))
	}
	holder := v.lostTail(src)
	held := reportedErrant(v.status.Topology[holder])
	if s := v.server(holder); s.OK() {
		held = s.Received()
	}
	held = held.Subtract(src.Executed)
	return fmt.Sprintf(
		"%[1]s has committed transactions that it lacks now, and %[2]s holds them (%[3]d that %[1]s lacks: %[4]s). It crashed before they were on its disk (sync_binlog and innodb_flush_log_at_trx_commit must be 1), or its data was rolled back. It is kept read-only and out of -readwrite, for it would commit others under the same numbers. Make %[5]s spec.source to fail over, and leave %[1]s out of the spec until it is rebuilt. Do not rebuild %[2]s. To go on with %[1]s and lose them, leave all nodes out of the spec that hold them.",
		src.Name, holder, held.Count(), shorten(held.String()), cmp.Or(best, holder))
}

// shutOut keeps clients from a source that is not what it was; nothing for any other.
func (v *view) shutOut() []reconcile.Step {
	if !v.source.OK() || !v.sourceLost() {
		return nil
	}
	out := []reconcile.Step{{Name: "route", Routing: reconcile.Routing{v.source.Name: reconcile.AccessNone}}}
	if !v.source.Fenced() {
		out = append(out, reconcile.Step{Name: "fence-extra", Optional: true, Actions: []reconcile.Action{v.fenceExtra(v.source.Name)}})
	}
	return out
}
