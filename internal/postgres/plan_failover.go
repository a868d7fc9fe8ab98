// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// wantsFailover: the spec wants another primary, and the present one is gone: it gives no
// answer, or has lost what it held, or the user says that it does not count.
func (v *view) wantsFailover() bool {
	if v.wanted() == v.primary || v.skip {
		return false
	}
	s := v.primary
	switch {
	case v.force == v.wanted().Name && (v.lost != "" || s.Unwell >= failoverPatience):
		return true
	case v.refusedFailover():
		return false
	case v.lost != "":
		return true
	case s.OK():
		return false
	}
	return s.Reach == server.ReachNone && (v.pods[s.Name].Gone() || s.Silent >= failoverPatience)
}

// refusedFailover: this generation of the spec was tried, and refused when all were compared.
func (v *view) refusedFailover() bool {
	u := v.data.Switchover
	return u != nil && u.Failover && u.Phase == v1alpha1.SwitchoverUndone
}

// beginFailover stops every standby where it is, so that nobody receives or acknowledges
// anything any more of a primary that is only unseen, and records that the failover begins.
func (v *view) beginFailover() reconcile.Plan[Data] {
	from, to := v.primary, v.wanted()
	if reason, why := v.unfitForFailover(to, len(v.unfrozen()) == 0); reason != "" {
		return v.refuse("FailoverRefused", to, reason, why)
	}
	v.record(from, to, true)
	v.data.Switchover.Forced = v.force == to.Name
	p := v.freeze()
	p.Persist = true
	p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "FailoverStarted", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("from %s, which is gone (%s), to %s", from.Name, v.data.Notes[from.Name], to.Name)})
	if v.force == to.Name {
		p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "PromotionForced", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("%s becomes the primary whatever others hold (%s)", to.Name, v1alpha1.AnnotationForcePromote)})
	}
	return p
}

// unfrozen are the seen standbys that may still receive, also those that the spec no longer names.
func (v *view) unfrozen() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.members {
		if s := v.server(m.Name); v.same(s) && s.Recovery && !s.Detached() {
			out = append(out, Detach{target{m.Name}, v.identity()})
		}
	}
	return out
}

func (v *view) freeze() reconcile.Plan[Data] {
	p := v.plan()
	p.Conditions = v.inProgress("stops the standbys where they are")
	p.MustFinish, p.Again, p.Next = true, true, busy
	p.Steps = []reconcile.Step{{Name: "freeze", Whole: true, Actions: v.unfrozen()}}
	return p
}

// unfitForFailover says why a candidate cannot take over from a primary that is gone; "" when
// it can. Once the standbys are frozen, what they have is compared to the byte.
func (v *view) unfitForFailover(to *Server, frozen bool) (reason, why string) {
	forced := v.force == to.Name
	was, recorded := v.recordedAt()
	switch {
	case !to.OK():
		return "CandidateUnreachable", to.Problem
	case to.SystemID != v.data.SystemID:
		return "CandidateForeign", fmt.Sprintf("it holds another database cluster (system identifier %s, not %s), or an empty one: nothing can make it the primary of this one", to.SystemID, v.data.SystemID)
	case to.Recovery && to.Paused:
		return "ReplayPaused", "its replay is paused: SELECT pg_wal_replay_resume()"
	case to.Recovery && to.Delay > 0 && to.Replay < to.At.LSN:
		return "ReplayDelayed", "recovery_min_apply_delay is set, and it has not replayed all that it has received: take it off"
	case to.Hindrance != "":
		return "CandidateMisconfigured", to.Hindrance
	case frozen && to.Recovery && !to.Settled:
		return "CandidateUnjudged", "it has not gone yet through all of the log that it has: see its log"
	case forced:
		return "", ""
	case v.onFile(to.Name).Diverged:
		return "CandidateDiverged", server.OrDefault(v.onFile(to.Name).Message, "it has a log of its own") + v.hint(to)
	}
	if recorded && to.Known {
		extra, at, known := was.beyond(to.At)
		switch {
		case !known:
			return "CandidateDiverged", fmt.Sprintf("it is on timeline %d, which %s, the primary's, does not lead to", to.At.TLI, was) + v.hint(to)
		case extra > v.loss():
			return "CandidateBehind", fmt.Sprintf("the primary is known to have come to %s, and it has all up to %s only: %d byte(s) would be lost", was, at, extra) + v.hint(to)
		}
	}
	if name := v.unseenSynchronous(to); name != "" {
		return "SynchronousStandbyUnseen", fmt.Sprintf("%s may be the only one that has what was acknowledged last, and is not seen (%s)", name, v.problemOf(name)) + v.hint(to)
	}
	if name := v.unjudged(to, frozen); name != "" {
		return "StandbyUnjudged", fmt.Sprintf("%s is there and does not say yet what it has (%s). Wait for it", name, server.OrDefault(v.server(name).Problem, "it has not gone through its log")) + v.hint(to)
	}
	if better := v.better(to); better != "" && (frozen || to.Receiver == "" && v.server(better).Receiver == "") {
		return "BetterCandidate", fmt.Sprintf("%s has received more. Make that spec.primary; or, to lose what only it has, set the annotation %s: %s", better, v1alpha1.AnnotationForcePromote, to.Name)
	}
	return "", ""
}

// loss is how much a candidate may be known to lack: nothing of what a planned switchover has recorded.
func (v *view) loss() uint64 {
	if r := v.recorded; r != nil && (!r.Failover && r.Phase == v1alpha1.SwitchoverSwitching) {
		return 0
	}
	return lossBound
}

// problemOf says why a node is not seen.
func (v *view) problemOf(name string) string {
	if s := v.server(name); s != nil {
		return server.OrDefault(s.Problem, "it holds another database cluster by now")
	}
	return "nobody knows it any more"
}

// hint says how to promote a node all the same.
func (v *view) hint(to *Server) string {
	if best := v.mostAdvanced(); best != "" && best != to.Name {
		return fmt.Sprintf(". Make %s spec.primary; or, to lose what others have, set the annotation %s: %s", best, v1alpha1.AnnotationForcePromote, to.Name)
	}
	return fmt.Sprintf(". To promote it all the same set the annotation %s: %s", v1alpha1.AnnotationForcePromote, to.Name)
}

// rivals are the seen nodes of this database cluster but the candidate, whatever the spec says
// of them now. The old primary is one when it is a standby by now. One that was found before to
// have a log of its own does not count.
func (v *view) rivals(to *Server) []*Server {
	var out []*Server
	for _, m := range v.members {
		s := v.server(m.Name)
		if s != to && (s != v.primary || s.Recovery) && v.same(s) && !v.onFile(m.Name).Diverged {
			out = append(out, s)
		}
	}
	return out
}

// better names a seen node that has something which s has not; "" when there is none.
func (v *view) better(s *Server) string {
	for _, o := range v.rivals(s) {
		if o.Known && !o.At.within(s.At) {
			return o.Name
		}
	}
	return ""
}

// unjudged names a node that is there and does not say what it has; "" when there is none.
func (v *view) unjudged(to *Server, frozen bool) string {
	for _, m := range v.members {
		if s := v.server(m.Name); s != to && s != v.primary && s.Reach == server.ReachError {
			return m.Name
		}
	}
	for _, o := range v.rivals(to) {
		if frozen && o.Recovery && (!o.Known || !o.Settled && !o.Paused) {
			return o.Name
		}
	}
	return ""
}

// mostAdvanced names the seen standby that has all that any other has; "" when there is none.
func (v *view) mostAdvanced() string {
	for _, m := range v.standbysOf(v.primary) {
		s := v.server(m.Name)
		if v.same(s) && s.Recovery && s.Known && !v.onFile(m.Name).Diverged && v.better(s) == "" {
			return m.Name
		}
	}
	return ""
}

// failingOver: a failover is recorded.
func (v *view) failingOver() bool {
	r := v.data.Switchover
	return r != nil && r.Failover && r.Phase != v1alpha1.SwitchoverUndone
}

// resumeFailover goes on from whatever the record and the servers show.
func (v *view) resumeFailover() reconcile.Plan[Data] {
	r, from, to := v.resume()
	if from == nil || to == nil {
		return v.withoutRecord()
	}
	if r.Forced {
		// What was asked for once is asked for until this has ended.
		v.force = r.To
	}
	cancelled := v.spec.Primary.Name != r.To
	switch {
	case to.OK() && !v.same(to):
		return v.withoutRecord()
	case to.Primary() && v.routed(to):
		return v.finish(to)
	case !to.OK() && v.routed(to):
		return v.waitForPromoted(to, cancelled)
	case cancelled:
		p := v.withoutRecord()
		p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "FailoverAbandoned", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("%s is not the primary: spec.primary was changed meanwhile", r.To)})
		return p
	case !to.OK():
		return v.waitFor(to, "the candidate does not answer")
	}
	if from.Primary() && v.same(from) && v.lacks(from) == "" && (!to.Primary() || v.routed(from)) {
		// It is back before anybody was promoted, or before it was left: it has taken writes since.
		p := v.withoutRecord()
		p.Events = append(p.Events, reconcile.Event{Reason: "FailoverAbandoned", Once: from.Started, Message: fmt.Sprintf("%s is back before another node was promoted", from.Name)})
		return p
	}
	if left := v.unfrozen(); len(left) > 0 {
		return v.freeze()
	}
	if reason, why := v.unfitForFailover(to, true); reason != "" {
		if reason == "CandidateUnjudged" || reason == "StandbyUnjudged" {
			return v.waitFor(to, why)
		}
		return v.giveUp(to, reason, why)
	}
	if to.Primary() {
		return v.finish(to)
	}
	return v.promoteNow(from, to)
}

// giveUp refuses a failover after the standbys were frozen: they get their upstream back, and it
// is not tried again until the spec, or force-promote, is another one.
func (v *view) giveUp(to *Server, reason, why string) reconcile.Plan[Data] {
	r := v.data.Switchover
	r.Phase, r.Message = v1alpha1.SwitchoverUndone, reason+": "+why
	return v.refuse("FailoverRefused", to, reason, why)
}

// promoteNow makes the candidate the primary. The old one leaves the route first: it may be
// writable and unseen.
func (v *view) promoteNow(from, to *Server) reconcile.Plan[Data] {
	names := v.syncAt(to)
	p := v.plan()
	p.Conditions = v.inProgress("is at work")
	p.MustFinish, p.Again, p.Persist, p.Next = true, true, true, busy
	var slots []string
	for _, m := range v.standbysOf(to) {
		slots = append(slots, slotOf(m.Name))
	}
	p.Steps = []reconcile.Step{{Name: "unroute", Routing: reconcile.Routing{from.Name: reconcile.AccessNone}}}
	if lacking := missing(to, slots); len(lacking) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "slots", Optional: true, Actions: []reconcile.Action{AddSlots{target{to.Name}, v.identity(), lacking}}})
	}
	p.Steps = append(p.Steps, reconcile.Step{
		Name: "promote", RestoresWrites: true,
		Actions: []reconcile.Action{Promote{target: target{to.Name}, identity: v.identity(), TLI: to.At.TLI, At: to.At, Sync: names, Timeout: promoteTimeout}},
		Routing: reconcile.Routing{to.Name: reconcile.AccessReadWrite},
	})
	return p
}
