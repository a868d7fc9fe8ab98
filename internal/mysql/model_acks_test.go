// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"math/bits"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// mAcks is the semi-sync source side of a server: how its commits wait.
type mAcks struct {
	// count of replicas, 0: one; timeout, 0: none. Those with a P are persisted.
	count, countP     int
	timeout, timeoutP time.Duration
	// gaveUp: a timeout has passed, and it goes on without until replicas have caught up.
	gaveUp bool
	// by says which of the pending commits each replica has acknowledged.
	by map[string]txs
}

// waiting says whether commits of a server wait.
func (s *mServer) waiting() bool { return s.semiSource && !s.acks.gaveUp }

// waitsAfterRestart: see Server.
func (s *mServer) waitsAfterRestart() bool {
	return s.roPersisted || !s.forgets && s.semiSource && s.semiSourceP && s.acks.count == s.acks.countP && s.acks.timeout == s.acks.timeoutP
}

// acknowledges says whether a server that takes writes can tell anybody that one is safe: it
// does not wait, or has a timeout, or enough replicas are attached to it. One that was seen,
// and has restarted since, does not count: its receiver runs again until it is pointed
// elsewhere, and whoever was connected before has that acknowledgement, label or not.
func (w *world) acknowledges(s *mServer) bool {
	if !s.waiting() || s.acks.timeout > 0 {
		return true
	}
	attached := 0
	for _, n := range w.names {
		r := w.servers[n]
		restarted := w.asked != nil && w.asked(n) && r.restarts != w.seen[n]
		if r.up && r.ch != nil && r.ch.io && r.ch.active && r.ch.to == s.name && !restarted {
			attached++
		}
	}
	return attached >= max(1, s.acks.count)
}

// semiSync is what the operator sees of it.
func (w *world) semiSync(s *mServer) SemiSync {
	out := SemiSync{
		SourcePlugin: true, ReplicaPlugin: true, SourceEnabled: s.semiSource, SourceActive: s.waiting(), ReplicaEnabled: s.semiRep,
		Timeout: SemiSyncWant{Timeout: s.acks.timeout}.patience(), WaitCount: max(1, s.acks.count), WaitNoReplica: true,
		WaitSessions: bits.OnesCount64(uint64(s.pending)),
	}
	if w.counts {
		for _, n := range w.names {
			if r := w.servers[n]; r.up && r.ch != nil && r.ch.io && r.ch.active && r.ch.to == s.name && w.linked(n, s.name) {
				out.Clients++
			}
		}
	}
	return out
}

// wait sets how commits wait. Setting it makes a server wait again that has given up, and
// a lower count lets go of those that enough replicas have.
func (w *world) wait(s *mServer, want SemiSyncWant, persist bool) {
	if want.Enabled {
		s.acks.count, s.acks.timeout, s.acks.gaveUp = want.Count, want.Timeout, false
		if persist {
			s.acks.countP, s.acks.timeoutP = want.Count, want.Timeout
		}
	}
	w.semiSource(s, want.Enabled)
	w.complete(s, "")
}

// complete lets go of the commits that enough replicas have acknowledged, by at last.
func (w *world) complete(s *mServer, by string) bool {
	last := -1
	for _, i := range s.log {
		have := 0
		for _, acked := range s.acks.by {
			if acked.has(i) {
				have++
			}
		}
		if s.pending.has(i) && have >= max(1, s.acks.count) {
			last = i
		}
	}
	if last < 0 {
		return false
	}
	w.tracef("%s acknowledged up to %d to %s", by, last, s.name)
	w.release(s, last, by)
	return true
}

// acknowledge tells the source which of its commits a replica has received.
func (w *world) acknowledge(r *mServer) bool {
	src := w.servers[r.ch.to]
	if !r.ch.active || !src.semiSource {
		return false
	}
	has := r.executed | r.ch.relaySet()
	if src.acks.gaveUp && has.contains(src.executed) {
		w.caughtUp(src)
	}
	fresh := src.pending & has &^ src.acks.by[r.name]
	if fresh == 0 {
		return false
	}
	if src.acks.by == nil {
		src.acks.by = map[string]txs{}
	}
	src.acks.by[r.name] |= fresh
	w.complete(src, r.name)
	return true
}

// caughtUp has a source wait again once enough replicas have all.
func (w *world) caughtUp(src *mServer) {
	have := 0
	for _, n := range w.names {
		r := w.servers[n]
		if r.up && r.ch != nil && r.ch.io && r.ch.active && r.ch.to == src.name && (r.executed | r.ch.relaySet()).contains(src.executed) {
			have++
		}
	}
	if have >= max(1, src.acks.count) {
		src.acks.gaveUp = false
		w.tracef("%s waits again", src.name)
	}
}

// tire lets a timeout pass now and then: all that waits is acknowledged.
func (w *world) tire() {
	for _, n := range w.names {
		if s := w.servers[n]; s.up && s.waiting() && s.acks.timeout > 0 && s.pending != 0 && w.acksRng.IntN(100) < 5 {
			w.tracef("%s has waited for long enough", n)
			s.acks.gaveUp = true
			w.release(s, -1, "")
		}
	}
}

// surely judges a failover that said nothing of a doubt: all that was acknowledged is on the
// new source, and nothing more will be acknowledged that is not. A leader that was frozen may
// have changed what the record says, and a channel of somebody else waits for nobody.
func (w *world) surely(to *mServer) {
	w.sure = ""
	if !w.claims || to == w.stale || w.forced || w.anew > 0 || w.lateRan {
		return
	}
	w.sure = to.name
	w.claimed++
	if lost := w.acked &^ to.executed &^ w.ofUUID(w.acked, feedUUID); lost != 0 {
		w.violate("law 4: the failover to %s was sure to lose nothing, and it lacks acknowledged %s", to.name, w.show(lost))
	}
}

// acknowledgedApart: a source that was left has told a client that a commit is safe.
func (w *world) acknowledgedApart(s *mServer, i int, by string) {
	to := w.servers[w.sure]
	if to == nil || by == "" || w.lateRan || w.forced || w.anew > 0 || !w.deposed[s.name] {
		return
	}
	for n, epoch := range w.starved {
		if w.servers[n].restarts != epoch {
			// Its receiver runs again, and acknowledges until it is pointed elsewhere.
			return
		}
	}
	if !(to.holds()).has(i) {
		w.violate("law 4: %s was sure to have all, and %d was acknowledged on %s by %s", to.name, i, s.name, by)
	}
}

// claim says whether a plan promotes without a doubt in semi-sync mode.
func claim(o *v1alpha1.MysqlReplication, p reconcile.Plan[Data]) bool {
	return o.Spec.Mode == v1alpha1.MysqlSemiSync && !slices.ContainsFunc(p.Events, func(e reconcile.Event) bool {
		return e.Reason == "PromotionUnassured" || e.Reason == "PromotionForced"
	})
}

// countEdit changes spec.semiSync, within what admission lets pass.
func (s *schedule) countEdit() {
	spec := &s.api.object.Spec
	if spec.SemiSync == nil {
		spec.SemiSync = &v1alpha1.MysqlSemiSyncSettings{}
	}
	spec.SemiSync = spec.SemiSync.DeepCopy()
	if s.acksRng.IntN(4) > 0 {
		spec.SemiSync.WaitForReplicaCount = int32(1 + s.acksRng.IntN(3)) //nolint:gosec // at most 3
	} else if spec.SemiSync.Timeout == nil {
		spec.SemiSync.Timeout = &metav1.Duration{Duration: 10 * time.Second}
	} else {
		spec.SemiSync.Timeout = nil
	}
	s.admitCount()
}

// admitCount lowers the count to the replicas that are left, as admission asks for.
func (s *schedule) admitCount() {
	spec := &s.api.object.Spec
	if spec.SemiSync == nil {
		return
	}
	attached := 0
	for _, r := range spec.Replica {
		if !r.Isolated {
			attached++
		}
	}
	spec.SemiSync = spec.SemiSync.DeepCopy()
	spec.SemiSync.WaitForReplicaCount = min(spec.SemiSync.WaitForReplicaCount, int32(max(1, attached))) //nolint:gosec // at most 3
}

// finalAcks: the source waits as the spec says.
func (s *schedule) finalAcks(src *mServer, attached int) {
	if s.api.object.Spec.Mode != v1alpha1.MysqlSemiSync || attached == 0 || s.api.object.Spec.Source.Name != src.name {
		return
	}
	want := wantedAcks(s.api.object)
	if count := min(want.count(), attached); max(1, src.acks.count) != count || src.acks.timeout != want.Timeout {
		s.violate("the source %s waits for %d replicas for %s, not for %d for %s", src.name, max(1, src.acks.count), src.acks.timeout, count, want.Timeout)
	}
	count := min(want.count(), attached, max(0, max(1, src.acks.count)-s.strangers(src)))
	if n := s.api.object.Status.Topology[src.name]; want.patient() && int(n.VouchedBy) != count && s.op.last.Conditions[0].Status == metav1.ConditionTrue {
		s.violate("%d vouch for the source %s, not %d", n.VouchedBy, src.name, count)
	}
}

// strangers acknowledge to the source and are nodes of the resource no more: they could not be
// told as they left the spec.
func (s *schedule) strangers(src *mServer) int {
	count := 0
	if !s.counts {
		return 0
	}
	for _, name := range s.names {
		r, topology := s.servers[name], s.api.object.Status.Topology
		if r != src && topology[name] == nil && r.up && r.ch != nil && r.ch.io && r.ch.active && r.ch.to == src.name && s.linked(name, src.name) {
			count++
		}
	}
	return count
}
