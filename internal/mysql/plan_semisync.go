// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// wantsAcks says whether the source of this set waits for acknowledgements, for how many
// and how long. More than could ever be given are not waited for: commits would hang for
// ever, and a set in which nobody could give one does not wait at all.
func (v *view) wantsAcks(source *Server) SemiSyncWant {
	able := v.ableToAcknowledge(source)
	if !v.semi || !source.SemiSync.SourcePlugin || able == 0 {
		return SemiSyncWant{}
	}
	want := SemiSyncWant{Enabled: true, Count: min(v.spec.SemiSync.EffectiveCount(), able)}
	if s := v.spec.SemiSync; s != nil && s.Timeout != nil && s.Timeout.Duration < SemiSyncTimeout {
		want.Timeout = s.Timeout.Duration
	}
	return want
}

// ableToAcknowledge counts the replicas of a source that have the plugin, or may have it.
func (v *view) ableToAcknowledge(source *Server) int {
	able := 0
	for _, m := range v.replicasOf(source) {
		if s := v.server(m.Name); !s.OK() || s.SemiSync.ReplicaPlugin {
			able++
		}
	}
	return able
}

// acknowledging counts the seen replicas that acknowledge to a source now.
func (v *view) acknowledging(source *Server) int {
	active := 0
	for _, m := range v.replicasOf(source) {
		if v.acknowledges(v.server(m.Name), source) {
			active++
		}
	}
	return active
}

// acknowledges: a seen replica does so to a source.
func (v *view) acknowledges(s, source *Server) bool {
	return s.OK() && s.Follows(source) && s.SemiSync.ReplicaActive && s.Channel.IO == ThreadYes
}

// settledAcks is wantsAcks for a source that takes writes. Its count is raised only once
// that many replicas acknowledge: an edit must not stop the writes because a replica
// happens to be away. It is lowered at once.
func (v *view) settledAcks(s *Server) SemiSyncWant {
	want, now := v.wantsAcks(s), 1
	if s.SemiSync.SourceEnabled {
		now = max(1, s.SemiSync.WaitCount)
	}
	if want.Enabled && want.count() > now && v.acknowledging(s) < want.count() {
		want.Count = now
	}
	return want
}

// needsSettling says whether the semi-sync setting of a source that takes writes has to be
// written.
func needsSettling(s SemiSync, want SemiSyncWant) bool {
	if s.SourceEnabled != want.Enabled {
		return true
	}
	// With enough replicas attached the server begins to wait again by itself, once they
	// have caught up: asking for it again and again changes nothing. One with a timeout is
	// left alone until then, or writes would stall for that long at every look.
	gaveUp := want.patient() && !s.SourceActive && s.Clients < want.count()
	return want.Enabled && (!s.waitsAs(want) || gaveUp)
}

// ackProblem says what is wrong with the semi-sync setting of the source.
func (v *view) ackProblem(s *Server) string {
	want, count := v.wantsAcks(s), v.spec.SemiSync.EffectiveCount()
	switch {
	case v.semi && !s.SemiSync.SourcePlugin:
		return "rpl_semi_sync needs the plugin semisync_source.so on the source: INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so', or set spec.mode: rpl_async"
	case v.goesUnacknowledged(s) && !want.patient():
		return fmt.Sprintf("commits are acknowledged that no replica need have, as spec.semiSync.timeout (%s) lets them (Rpl_semi_sync_source_status is OFF): a failover now can lose them. The source waits again once %s; see why the replicas were slow or gone, or leave the timeout out", want.Timeout, havingCaughtUp(want.count()))
	case v.goesUnacknowledged(s):
		return "semi-sync is on and inactive (Rpl_semi_sync_source_status is OFF): commits are acknowledged that no replica has. It is switched on again; see why the replicas were slow or gone"
	case v.commitsWait(s) && s.SemiSync.Clients == 0:
		return "commits wait for an acknowledgement and no semi-sync replica is attached: mend a replica, or set spec.mode: rpl_async"
	case v.commitsWait(s):
		return fmt.Sprintf("commits wait for the acknowledgements of %d replicas and %d of them are attached: mend a replica, or lower spec.semiSync.waitForReplicaCount", s.SemiSync.WaitCount, s.SemiSync.Clients)
	case v.acknowledgedByFewer(s) && want.count() < count:
		return fmt.Sprintf("commits wait for %d replica(s) and not for %d: no more could acknowledge. Install the plugin semisync_replica.so on the others, add or return replicas, or lower spec.semiSync.waitForReplicaCount", want.count(), count)
	case v.acknowledgedByFewer(s) && v.settledAcks(s).count() < count:
		return fmt.Sprintf("commits wait for %d replica(s) and not for the %d of spec.semiSync.waitForReplicaCount yet: %d acknowledge(s). See what keeps the others from it", max(1, s.SemiSync.WaitCount), count, v.acknowledging(s))
	case s.SemiSync.SourcePlugin && (want.Enabled != s.SemiSync.SourceEnabled || s.SemiSync.SourceEnabled && !s.SemiSync.waitsAs(want)):
		return "the semi-sync setting of the source is not as spec.mode and spec.semiSync want it yet"
	}
	return ""
}

// havingCaughtUp says what a source with a timeout waits for.
func havingCaughtUp(count int) string {
	if count == 1 {
		return "a replica has caught up"
	}
	return replicasInCount(count) + " have caught up"
}

// commitsWait: commits of the source hang, because fewer replicas are attached than have to acknowledge.
func (v *view) commitsWait(s *Server) bool {
	return v.wantsAcks(s).Enabled && s.SemiSync.SourceActive && s.SemiSync.WaitSessions > 0 && s.SemiSync.Clients < max(1, s.SemiSync.WaitCount)
}

// goesUnacknowledged: commits of the source should wait for a replica, are set to, and do not.
func (v *view) goesUnacknowledged(s *Server) bool {
	return v.wantsAcks(s).Enabled && s.SemiSync.SourceEnabled && !s.SemiSync.SourceActive
}

// acknowledgedByFewer: commits of the source wait, for fewer replicas than the spec wants.
func (v *view) acknowledgedByFewer(s *Server) bool {
	return v.wantsAcks(s).Enabled && s.SemiSync.SourceActive && s.SemiSync.WaitCount < v.spec.SemiSync.EffectiveCount()
}

// lowers: the count of the source is to be lowered. That comes before replicas are taken
// from it that it waits for.
func (v *view) lowers(s *Server) bool {
	return s.OK() && s.SemiSync.SourceEnabled && v.wantsAcks(s).count() < s.SemiSync.WaitCount
}

// lacksAcknowledgers says why a change of the source would hang for want of acknowledgements:
// the fence behind a commit that waits, or the new source's first commit. "" when it would not.
func (v *view) lacksAcknowledgers(from, to *Server) string {
	if semi := from.SemiSync; semi.SourceEnabled && semi.SourceActive {
		if have := v.acknowledging(from); have < semi.WaitCount {
			return fmt.Sprintf("commits of %s wait for %s, and %d acknowledge(s): the fence would wait behind them", from.Name, replicasInCount(semi.WaitCount), have)
		}
	}
	want := v.wantsAcks(to)
	if !want.Enabled || !want.patient() {
		return ""
	}
	have := 0
	for _, m := range v.replicasOf(to) {
		s := v.server(m.Name)
		if s == from && s.SemiSync.ReplicaPlugin || v.acknowledges(s, from) || v.acknowledges(s, to) {
			have++
		}
	}
	if have >= want.count() {
		return ""
	}
	return fmt.Sprintf("as the source its commits would wait for %s, and %d could acknowledge now", replicasInCount(want.count()), have)
}

func replicasInCount(n int) string {
	if n == 1 {
		return "a replica"
	}
	return fmt.Sprintf("%d replicas", n)
}

// fellBack: the source has just gone on without acknowledgements, as it was allowed to.
func (v *view) fellBack(s *Server) bool {
	n := v.status.Topology[s.Name]
	return s.Writable() && v.goesUnacknowledged(s) && !v.wantsAcks(s).patient() && n != nil && n.SemiSync == v1alpha1.MysqlSemiSyncActive
}
