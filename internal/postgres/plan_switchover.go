// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// wantsSwitchover: the spec wants another primary and the present one is there (or answers
// with an error, which is not the same as gone).
func (v *view) wantsSwitchover() bool { return v.wanted() != v.primary && !v.skip }

// beginSwitchover checks everything that can be checked while nothing is touched, and then
// records that a switchover begins.
func (v *view) beginSwitchover() reconcile.Plan[Data] {
	if u := v.data.Switchover; u != nil && u.Phase == v1alpha1.SwitchoverUndone {
		if u.Failover && !v.primary.Primary() {
			p := v.asItIs()
			p.Conditions = reconcile.Topology(false, "FailoverRefused", fmt.Sprintf("%s stays the primary: %s cannot take over: %s. It is not tried again by itself: put %[1]s back as spec.primary first", u.From, u.To, u.Message))
			return p
		}
		return v.asItIs()
	}
	from, to := v.primary, v.wanted()
	if from.Standby() && v.recoverable() {
		return v.reportRecovers()
	}
	if reason, why := v.unfit(from, to); reason != "" {
		return v.refuse("SwitchoverRefused", to, reason, why)
	}
	v.record(from, to, false)
	p := v.prepare()
	p.Persist = true
	p.Events = append(p.Events, reconcile.Event{Reason: "SwitchoverStarted", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("from %s to %s", from.Name, to.Name)})
	return p
}

// asItIs looks after the set with the primary that it has.
func (v *view) asItIs() reconcile.Plan[Data] {
	switch {
	case v.lost != "":
		return v.reportLost()
	case !v.primary.OK():
		return v.holdWithoutPrimary()
	case v.primary.Recovery:
		return v.reportRecovers()
	}
	return v.steady()
}

// record begins a change of the primary.
func (v *view) record(from, to *Server, failover bool) {
	r := &v1alpha1.PostgresSwitchoverStatus{SystemIdentifier: v.data.SystemID, Timeline: int64(v.data.Timeline), LSN: v.data.LSN}
	r.From, r.To, r.Failover, r.Phase = from.Name, to.Name, failover, v1alpha1.SwitchoverPreparing
	r.Generation, r.StartedAt, r.ToPodUID = v.gen, metav1.NewMicroTime(v.now), v.pods[to.Name].UID
	if failover {
		r.Phase, r.SwitchingAt = v1alpha1.SwitchoverSwitching, new(r.StartedAt)
	}
	v.data.Switchover = r
	if !failover && v.force == to.Name {
		// It was there before: it does not count for what becomes of this.
		v.data.ForceSpent, v.force = v.force, ""
	}
}

// refuse leaves the primary as it is, keeps looking after the nodes, and says what is in the way.
func (v *view) refuse(condition string, to *Server, reason, why string) reconcile.Plan[Data] {
	if u := v.data.Switchover; u == nil || u.Phase != v1alpha1.SwitchoverUndone {
		v.data.Switchover = nil
	}
	p := v.asItIs()
	p.Conditions = reconcile.Topology(false, condition, fmt.Sprintf("%s stays the primary: %s cannot take over (%s): %s", v.primary.Name, to.Name, reason, why))
	p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: condition, Once: fmt.Sprintf("%d %s %s", v.gen, to.Name, reason), Message: p.Conditions[0].Message})
	p.Data.Result = "refused"
	p.Next = busy
	return p
}

// unfit says why a candidate cannot take over from a primary that serves; "" when it can.
func (v *view) unfit(from, to *Server) (reason, why string) {
	switch {
	case from.Reach == server.ReachError:
		return "PrimaryAnswersWithError", fmt.Sprintf("%s answers with an error (%s). Mend that; or, if it is beyond repair, stop its pod or set the annotation %s: %s", from.Name, from.Problem, v1alpha1.AnnotationForcePromote, to.Name)
	case !from.OK():
		return "PrimaryUnreachable", fmt.Sprintf("%s is not seen (%s); a failover begins once it has been silent for %s", from.Name, from.Problem, failoverPatience)
	case from.Recovery:
		return "PrimaryRecovers", from.Name + " is a standby itself"
	case from.ReadOnly && !v.inFlight():
		return "PrimaryReadOnly", fmt.Sprintf("default_transaction_read_only is on at %s. If it is not meant to be: %s", from.Name, unfence)
	case from.Backups > 0:
		return "BackupInProgress", fmt.Sprintf("%d base backup(s) of %s are being taken, and would fail. Wait until they have ended", from.Backups, from.Name)
	case !to.OK():
		return "CandidateUnreachable", to.Problem
	case to.SystemID != from.SystemID:
		return "CandidateForeign", v.data.Notes[to.Name]
	case !to.Recovery:
		return "CandidateIsPrimary", server.OrDefault(v.data.Notes[to.Name], "it runs as a primary")
	case v.data.Diverged[to.Name]:
		return "CandidateDiverged", v.data.Notes[to.Name]
	case to.Hindrance != "":
		return "CandidateMisconfigured", to.Hindrance
	case to.Paused:
		return "ReplayPaused", "its replay is paused: SELECT pg_wal_replay_resume()"
	case to.Delay > 0:
		return "ReplayDelayed", "recovery_min_apply_delay is set: it is behind on purpose. Take it off first"
	case !to.Streams(from):
		return "NotStreaming", fmt.Sprintf("it does not stream from %s: see its log", from.Name)
	case to.At.TLI != from.At.TLI:
		return "OtherTimeline", fmt.Sprintf("it is on timeline %d still, and %s on %d", to.At.TLI, from.Name, from.At.TLI)
	case from.At.LSN > to.Replay && from.At.LSN-to.Replay > lagBound:
		return "CandidateBehind", fmt.Sprintf("it is more than %d MiB behind. Wait until it has caught up", lagBound>>20)
	}
	return "", ""
}

// drains says whether the candidate can leave -readonly before the fence: others stay behind it.
func (v *view) drains(to *Server) bool {
	for _, m := range v.standbysOf(v.primary) {
		if s := v.server(m.Name); s != to && v.serves(m, s) {
			return true
		}
	}
	return false
}

// switching: a planned change of the primary is recorded.
func (v *view) switching() bool {
	r := v.data.Switchover
	return r != nil && !r.Failover && r.Phase != v1alpha1.SwitchoverUndone
}

// prepare is what happens before the fence: the old primary gets what it needs to become a
// standby, the new one slots for its standbys, and it leaves -readonly. Clients notice nothing.
func (v *view) prepare() reconcile.Plan[Data] {
	r := v.data.Switchover
	from, to := v.server(r.From), v.server(r.To)
	p := v.plan()
	p.Conditions = v.inProgress("is being prepared")
	p.Steps = append(p.Steps, reconcile.Step{Name: "prepare", Whole: true, Actions: v.preparations(from, to)})
	access := v.routing()
	if v.drains(to) {
		access[to.Name] = reconcile.AccessNone
	}
	p.Steps = append(p.Steps, reconcile.Step{Name: "drain", Routing: access},
		// The one at the stop is short, then.
		reconcile.Step{Name: "checkpoint", Actions: []reconcile.Action{Checkpoint{target{from.Name}, v.identity()}}})
	p.Next = max(v.drainLeft(to), time.Millisecond)
	return p
}

// preparations that are not made yet, or have to be made sure of.
func (v *view) preparations(from, to *Server) []reconcile.Action {
	out := []reconcile.Action{Prepare{target{from.Name}, v.identity(), v.conninfo(from.Name, from, to), slotOf(from.Name)}}
	var slots []string
	for _, m := range v.standbysOf(to) {
		slots = append(slots, slotOf(m.Name))
	}
	if lacking := missing(to, slots); len(lacking) > 0 {
		out = append(out, AddSlots{target{to.Name}, v.identity(), lacking})
	}
	return out
}

// drainLeft is how long the candidate has still to wait.
func (v *view) drainLeft(to *Server) time.Duration {
	if !v.drains(to) {
		return 0
	}
	return v.data.Switchover.StartedAt.Add(drainTime).Sub(v.now)
}

func (v *view) inProgress(what string) []metav1.Condition {
	r := v.data.Switchover
	kind := "Switchover"
	if r.Failover {
		kind = "Failover"
	}
	return reconcile.Topology(false, kind+"InProgress", fmt.Sprintf("the change of the primary from %s to %s %s", r.From, r.To, what))
}

// resume looks at the set as the record of a change has it: the old primary is the primary
// until the change has ended. A node that nobody knows any more is nil.
func (v *view) resume() (r *v1alpha1.PostgresSwitchoverStatus, from, to *Server) {
	r = v.data.Switchover
	from, to = v.server(r.From), v.server(r.To)
	if from != nil && to != nil && v.primary != from {
		v.primary = from
		v.judge()
		v.assess()
	}
	return r, from, to
}

// resumeSwitchover goes on from whatever the record and the servers show.
func (v *view) resumeSwitchover() reconcile.Plan[Data] {
	r, from, to := v.resume()
	switch {
	case from == nil, from.OK() && !v.same(from):
		return v.withoutRecord()
	case r.Phase != v1alpha1.SwitchoverPreparing && (to == nil || to.OK() && !v.same(to)):
		// It cannot be promoted, nor was it: the old primary goes on.
		if from.OK() {
			return v.undo(from, r.To+" is not there any more, or holds another database cluster")
		}
		return v.waitFor(from, r.To+" is not there any more, or holds another database cluster")
	case to == nil:
		return v.withoutRecord()
	}
	if r.Phase == v1alpha1.SwitchoverPreparing {
		return v.resumePreparing(from, to)
	}
	cancelled := v.spec.Primary.Name != r.To
	why := ""
	switch {
	case r.Phase == v1alpha1.SwitchoverUndoing:
		why = r.Message
	case cancelled:
		why = "spec.primary was changed meanwhile"
	case v.overdue():
		why = fmt.Sprintf("it was not finished within %s", switchDeadline)
	}
	switch {
	case v.promoted(from, to):
		return v.finish(to)
	case !to.OK() && v.routed(to):
		return v.waitForPromoted(to, cancelled)
	case !from.OK():
		return v.withoutOldPrimary(from, to, cancelled)
	case from.Primary() && from.Writable() && !from.Signal && why != "":
		return v.undo(from, why)
	case from.Primary() && to.Primary():
		return v.undo(from, to.Name+" takes writes that are not those of "+from.Name)
	case from.Primary() && why != "":
		return v.undo(from, why)
	case from.Primary() && !to.OK() && from.Writable():
		return v.waitForCandidate(to)
	case from.Primary() && (!from.Writable() || from.Signal):
		// It was fenced, and runs: it was not stopped. Clients wait no longer.
		return v.undo(from, fmt.Sprintf("%s was fenced and did not stop", from.Name))
	case from.Primary():
		if reason, cause := v.unfit(from, to); reason != "" {
			return v.refuse("SwitchoverRefused", to, reason, cause)
		}
		return v.switchNow(from, to)
	case !to.OK() && v.force == from.Name:
		return v.undo(from, "the candidate does not answer, and is given up")
	case !to.OK():
		return v.waitFor(to, fmt.Sprintf("%s is a standby by now, and the candidate, which may have been promoted, does not answer. If it will not be back, make %[1]s spec.primary and set the annotation %s: %[1]s", from.Name, v1alpha1.AnnotationForcePromote))
	case to.Primary():
		// Promoted, and not out of what the old primary had.
		return v.waitFor(to, fmt.Sprintf("%s runs as a primary with another log than %s had: stop it, or make %s spec.primary", to.Name, from.Name, from.Name))
	case cancelled:
		return v.undo(from, why)
	case from.Known && to.Known && from.At.within(to.At):
		// The old primary is back as a standby, and the candidate has all of it.
		return v.completeNow(from, to)
	case why != "":
		return v.undo(from, why)
	}
	return v.waitFor(to, fmt.Sprintf("it has not received yet all that %s has", from.Name))
}

func (v *view) resumePreparing(from, to *Server) reconcile.Plan[Data] {
	r := v.data.Switchover
	switch {
	case v.spec.Primary.Name != r.To:
		p := v.withoutRecord()
		p.Events = append(p.Events, reconcile.Event{Reason: "SwitchoverCancelled", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("%s stays the primary", from.Name)})
		return p
	case !from.OK() || v.lost != "":
		return v.withoutRecord()
	}
	if reason, why := v.unfit(from, to); reason != "" {
		return v.refuse("SwitchoverRefused", to, reason, why)
	}
	switch {
	case v.now.After(r.StartedAt.Add(prepareDeadline)):
		r.Phase, r.Message = v1alpha1.SwitchoverUndone, fmt.Sprintf("it could not be prepared within %s: see the events", prepareDeadline)
		p := v.steady()
		p.Data.Result = "undone"
		p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "SwitchoverUndone", Once: r.StartedAt.String(), Message: fmt.Sprintf("%s is the primary still: %s", from.Name, r.Message)})
		return p
	case v.drainLeft(to) > 0, !v.prepared(from, to):
		return v.prepare()
	}
	r.Phase = v1alpha1.SwitchoverSwitching
	r.SwitchingAt = new(metav1.NewMicroTime(v.now))
	r.SystemIdentifier, r.Timeline, r.LSN = from.SystemID, int64(from.At.TLI), from.At.LSN.String()
	p := v.switchNow(from, to)
	p.Persist = true
	return p
}

// prepared says whether both servers show what prepare gives them.
func (v *view) prepared(from, to *Server) bool {
	if from.Conninfo != v.conninfo(from.Name, from, to) || from.Slot != slotOf(from.Name) || !from.PassOK {
		return false
	}
	return !slices.ContainsFunc(v.standbysOf(to), func(m Member) bool { _, there := to.slot(slotOf(m.Name)); return !there })
}

// promoted: the candidate is a primary, and clients are led to it, or the old primary is seen as
// a standby of which it has all. What it has of the old one while that is not seen, nobody
// knows: somebody else may have promoted it too early.
func (v *view) promoted(from, to *Server) bool {
	return to.Primary() && v.same(to) && (v.routed(to) || v.same(from) && from.Recovery && from.Known && from.At.within(to.At))
}

// waitForPromoted: the new primary was promoted and is gone. It is the primary all the same:
// if the user names another one, that is a failover from it.
func (v *view) waitForPromoted(to *Server, cancelled bool) reconcile.Plan[Data] {
	if !cancelled {
		return v.waitFor(to, "it was promoted and may have taken writes. If it is lost, make another node spec.primary")
	}
	v.primary = to
	v.end()
	return v.withoutRecord()
}

func (v *view) overdue() bool {
	at := v.data.Switchover.SwitchingAt
	return at == nil || v.now.After(at.Add(switchDeadline))
}

// switchNow is the part that clients notice: fence, stop, promote, route.
func (v *view) switchNow(from, to *Server) reconcile.Plan[Data] {
	names := v.syncAt(to)
	p := v.plan()
	p.Conditions = v.inProgress("is at work")
	p.MustFinish, p.Again, p.Next = true, true, busy
	if from.Writable() {
		p.Steps = append(p.Steps,
			reconcile.Step{Name: "checkpoint", Actions: []reconcile.Action{Checkpoint{target{from.Name}, v.identity()}}},
			// Right before the fence: whatever comes between them lets the candidate fall behind.
			reconcile.Step{Name: "catch-up", Actions: []reconcile.Action{CatchUp{target: target{to.Name}, From: from.Name, Timeout: catchUpTimeout}}},
		)
	}
	p.Steps = append(p.Steps,
		reconcile.Step{Name: "fence", StopsWrites: true, Actions: []reconcile.Action{Fence{target{from.Name}, v.identity(), from.At.TLI}}},
		reconcile.Step{Name: "demote", Actions: []reconcile.Action{Demote{target{from.Name}, v.identity(), from.At.TLI}}},
		reconcile.Step{Name: "promote", Actions: []reconcile.Action{Promote{
			target: target{to.Name}, identity: v.identity(), From: from.Name, TLI: from.At.TLI, Sync: names, Timeout: promoteTimeout}}},
	)
	return v.routeAndRepoint(p, from, to)
}

// completeNow promotes the candidate where the old primary is a standby already.
func (v *view) completeNow(from, to *Server) reconcile.Plan[Data] {
	names := v.syncAt(to)
	p := v.plan()
	p.Conditions = v.inProgress("is at work")
	p.MustFinish, p.Again, p.Next = true, true, busy
	p.Persist = true
	p.Steps = []reconcile.Step{{Name: "promote", StopsWrites: true, Actions: []reconcile.Action{Promote{
		target: target{to.Name}, identity: v.identity(), TLI: from.At.TLI, At: from.At, Sync: names, Timeout: promoteTimeout}}}}
	return v.routeAndRepoint(p, from, to)
}

func (v *view) routeAndRepoint(p reconcile.Plan[Data], from, to *Server) reconcile.Plan[Data] {
	p.Steps = append(p.Steps, reconcile.Step{Name: "route", RestoresWrites: true, Routing: reconcile.Routing{
		to.Name: reconcile.AccessReadWrite, from.Name: reconcile.AccessNone}})
	var follow []reconcile.Action
	for _, m := range v.standbysOf(to) {
		if s := v.server(m.Name); s != from && v.same(s) && s.Recovery && !v.data.Diverged[m.Name] && s.Follows(from) {
			if a, needed := v.attach(m, to); needed {
				follow = append(follow, a)
			}
		}
	}
	if len(follow) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "repoint", Optional: true, Actions: follow})
	}
	return p
}

// end records that the change of the primary is finished.
func (v *view) end() {
	r := v.data.Switchover
	v.data.Last = &v1alpha1.LastSwitchover{From: r.From, To: r.To, Failover: r.Failover, StartedAt: r.StartedAt, FinishedAt: metav1.NewMicroTime(v.now)}
	v.data.Primary = r.To
	if r.Forced {
		v.data.ForceSpent = r.To
		v.force = ""
	}
	// What was on record is the old primary's.
	v.data.Timeline, v.data.LSN = 0, ""
}

// finish records that the candidate is the primary, and goes on as usual.
func (v *view) finish(to *Server) reconcile.Plan[Data] {
	r := v.data.Switchover
	v.primary = to
	v.end()
	v.judgeAgain()
	p := v.steady()
	// The route first: clients wait for it, if an earlier operator died before it.
	first := reconcile.Routing{r.From: reconcile.AccessNone}
	if to.Writable() {
		first[to.Name] = reconcile.AccessReadWrite
	}
	ahead := []reconcile.Step{{Name: "route", Routing: first}}
	if r.Failover {
		// Not to have two behind -readwrite: the old primary may be writable and unseen.
		ahead = append([]reconcile.Step{{Name: "unroute", Routing: reconcile.Routing{r.From: reconcile.AccessNone}}}, ahead...)
	}
	if to.Fenced {
		// It is a copy of a server that was fenced then.
		ahead = append([]reconcile.Step{{Name: "open", Actions: []reconcile.Action{Open{target{to.Name}, v.identity()}}}}, ahead...)
	}
	p.Steps = append(ahead, p.Steps...)
	p.Persist, p.Again = true, true
	e := reconcile.Event{Reason: "SwitchoverFinished", Once: r.StartedAt.String(), Message: fmt.Sprintf("%s is the primary; it was %s", r.To, r.From)}
	p.Data.Result = "finished"
	if r.Failover {
		p.Data.Result, e.Reason, e.Warning = "failover", "FailoverFinished", true
	}
	p.Events = append(p.Events, e)
	return p
}

// undo gives the old primary its writes back. It does not depend on the record: a primary that
// is seen fenced is made writable first, and the record follows.
func (v *view) undo(from *Server, why string) reconcile.Plan[Data] {
	r := v.data.Switchover
	if from.Writable() && !from.Signal {
		if v.spec.Primary.Name == r.To {
			r.Phase, r.Message = v1alpha1.SwitchoverUndone, why
		} else {
			v.data.Switchover = nil
		}
		// Whatever came of the candidate, it is judged again by what it holds.
		v.judge()
		v.assess()
		p := v.steady()
		p.Data.Switchover, p.Data.Result = v.data.Switchover, "undone"
		p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "SwitchoverUndone", Once: r.StartedAt.String(),
			Message: fmt.Sprintf("%s is the primary still: the switchover to %s was undone: %s", r.From, r.To, why)})
		return p
	}
	persist := r.Phase != v1alpha1.SwitchoverUndoing
	r.Phase, r.Message = v1alpha1.SwitchoverUndoing, why
	var open reconcile.Action = Open{target{from.Name}, v.identity()}
	if from.Recovery {
		open = v.makePrimary(from, v.syncAt(from))
	}
	p := v.plan()
	p.Conditions = v.inProgress("is being undone: " + why)
	p.MustFinish, p.Again, p.Persist, p.Next = true, true, persist, busy
	if to := v.server(r.To); v.same(to) && to.Writable() {
		p.Steps = append(p.Steps, reconcile.Step{Name: "fence-extra", Optional: true, Actions: []reconcile.Action{Shut{target{to.Name}, v.identity()}}})
	}
	p.Steps = append(p.Steps, reconcile.Step{Name: "undo", Actions: []reconcile.Action{open},
		Routing: reconcile.Routing{from.Name: reconcile.AccessReadWrite, r.To: reconcile.AccessNone}})
	return p
}

// withoutOldPrimary: the old primary went away in the middle: it stops, or it is lost. What it
// held last is unknown, and whether it is a standby when it is back, so nobody is promoted on a
// guess: it is waited for. Another spec.primary, or force-promote set since, turns this into a failover.
func (v *view) withoutOldPrimary(from, to *Server, cancelled bool) reconcile.Plan[Data] {
	r := v.data.Switchover
	third := cancelled && v.spec.Primary.Name != from.Name
	if third || !cancelled && v.force == r.To {
		if p := v.withoutRecord(); p.Data.Switchover != nil || v.skip {
			return p
		}
		// No failover has begun instead of it: it stays on record, for when the old primary is back.
		v.data.Switchover = r
		v.primary = from
		v.assess()
	}
	return v.waitFor(from, fmt.Sprintf("the old primary was stopped, or went away, in the middle of it. It goes on when %s answers; if it never will, set the annotation %s: %s (take it off first if it is there)", from.Name, v1alpha1.AnnotationForcePromote, to.Name))
}

// waitForCandidate: it went away before the fence. It may be back before the deadline.
func (v *view) waitForCandidate(to *Server) reconcile.Plan[Data] {
	p := v.steady(to.Name)
	p.Conditions = v.inProgress(fmt.Sprintf("waits for %s (%s): the candidate does not answer", to.Name, to.Problem))
	p.Next = busy
	return p
}

// waitFor changes nothing and says whom it waits for.
func (v *view) waitFor(s *Server, why string) reconcile.Plan[Data] {
	p := v.plan()
	p.Conditions = v.inProgress(fmt.Sprintf("waits for %s (%s): %s", s.Name, cmp.Or(s.Problem, "it answers"), why))
	p.Next = busy
	return p
}

// judgeAgain looks at everybody once the primary is another one.
func (v *view) judgeAgain() {
	v.data.Switchover = nil
	v.judge()
	v.assess()
}

// withoutRecord plans anew as if no change of the primary had been recorded. Where the user
// wants nothing to be touched, nothing new is begun.
func (v *view) withoutRecord() reconcile.Plan[Data] {
	v.judgeAgain()
	if v1alpha1.SkipsReconcile(v.in.Object.Annotations) {
		v.skip = true
		p := v.plan()
		p.Conditions = v.steadyConditionOr()
		return p
	}
	return v.decide()
}

// steadyConditionOr is the condition of a set of which the primary may not be seen.
func (v *view) steadyConditionOr() []metav1.Condition {
	if v.primary.Primary() && v.lost == "" {
		return v.steadyCondition()
	}
	return reconcile.Topology(false, "PrimaryNotReady", fmt.Sprintf("%s: %s", v.primary.Name, cmp.Or(v.lost, v.data.Notes[v.primary.Name], "it is a standby")))
}
