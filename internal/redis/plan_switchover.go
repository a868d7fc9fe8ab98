// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

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

// wantsSwitchover: the spec wants another source and the present one is there
// (or answers with an error, which is not the same as gone).
func (v *view) wantsSwitchover() bool { return v.wanted() != v.source && !v.skip }

// beginSwitchover checks everything that can be checked while nothing is touched,
// and then records that a switchover begins.
func (v *view) beginSwitchover() reconcile.Plan[Data] {
	if u := v.data.Switchover; u != nil && u.Phase == v1alpha1.SwitchoverUndone {
		if !v.source.OK() {
			return v.holdWithoutSource()
		}
		return v.steady()
	}
	from, to := v.source, v.wanted()
	if reason, why := v.unfit(from, to); reason != "" {
		return v.refuse("SwitchoverRefused", to, reason, why)
	}
	v.record(from, to, false)
	p := v.prepare()
	p.Persist = true
	p.Events = append(p.Events, reconcile.Event{Reason: "SwitchoverStarted", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("from %s to %s", from.Name, to.Name)})
	return p
}

// record begins a change of the source.
func (v *view) record(from, to *Server, failover bool) {
	r := &v1alpha1.RedisSwitchoverStatus{ReplicationID: v.data.ReplicationID}
	r.From, r.To, r.Failover, r.Phase = from.Name, to.Name, failover, v1alpha1.SwitchoverPreparing
	r.Generation, r.StartedAt, r.ToPodUID = v.gen, metav1.NewMicroTime(v.now), v.pods[to.Name].UID
	r.ToRunID = to.RunID
	if failover {
		r.Phase, r.SwitchingAt = v1alpha1.SwitchoverSwitching, new(r.StartedAt)
	} else {
		r.FromRunID = from.RunID
	}
	v.data.Switchover = r
}

// refuse leaves the source as it is, keeps looking after the nodes, and says what is in the way.
func (v *view) refuse(condition string, to *Server, reason, why string) reconcile.Plan[Data] {
	if v.resolves {
		// The nodes are not looked after under skip.
		return v.waitFor(to, fmt.Sprintf("it cannot take over (%s): %s. Nothing else is begun while %s is set", reason, why, v1alpha1.AnnotationSkipReconcile))
	}
	if u := v.data.Switchover; u == nil || u.Phase != v1alpha1.SwitchoverUndone {
		v.data.Switchover = nil
	}
	var p reconcile.Plan[Data]
	switch {
	case v.lost:
		p = v.reportLost()
	case !v.source.OK():
		p = v.holdWithoutSource()
	default:
		p = v.steady()
	}
	p.Conditions = reconcile.Topology(false, condition, fmt.Sprintf("%s stays the source: %s cannot take over (%s): %s", v.source.Name, to.Name, reason, why))
	p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: condition, Once: fmt.Sprintf("%d %s %s", v.gen, to.Name, reason), Message: p.Conditions[0].Message})
	p.Data.Result = "refused"
	p.Next = busy
	return p
}

// unfit says why a candidate cannot take over from a source that serves; "" when it can.
func (v *view) unfit(from, to *Server) (reason, why string) {
	switch {
	case from.Reach == server.ReachError:
		return "SourceAnswersWithError", fmt.Sprintf("%s answers with an error (%s). Mend that; or, if it is beyond repair, stop its pod or set the annotation %s: %s", from.Name, from.Problem, v1alpha1.AnnotationForcePromote, to.Name)
	case !from.OK():
		return "SourceUnreachable", fmt.Sprintf("%s is not seen (%s); a failover begins once it has been silent for %s", from.Name, from.Problem, failoverPatience)
	case !to.OK():
		return "CandidateUnreachable", to.Problem
	case from.Replica:
		return "SourceReplicates", fmt.Sprintf("%s replicates itself from %s:%d", from.Name, from.MasterHost, from.MasterPort)
	case from.Config == nil:
		return "LacksPermission", fmt.Sprintf("the operator's user may not run CONFIG on %s, and cannot fence it", from.Name)
	case v.data.Diverged[to.Name]:
		return "CandidateDiverged", v.data.Notes[to.Name]
	case !to.Replica || !to.Follows(from):
		return "NotAReplica", "it does not replicate from " + from.Name
	case to.SyncInProgress:
		return "CandidateSyncing", "it receives a full copy still. Wait until it has all"
	case !to.LinkUp:
		return "LinkDown", "its link to the source is down: see its log"
	case to.ReplID != from.ReplID:
		return "CandidateDiverged", "its replication id is not that of the source"
	case to.WritableReplica:
		return "CandidateWritable", "it takes writes itself, and is made read-only first"
	case to.Keys == 0 && from.Keys > 0:
		return "CandidateEmpty", "it holds nothing, and " + from.Name + " does"
	case from.Offset-to.Offset > lagBound:
		return "CandidateBehind", fmt.Sprintf("it is more than %d MiB behind. Wait until it has caught up", lagBound>>20)
	}
	return "", ""
}

// drains says whether the candidate can leave -readonly before the fence: others stay behind it.
func (v *view) drains(to *Server) bool {
	for _, m := range v.replicasOf(v.source) {
		if s := v.server(m.Name); s != to && v.serves(m, s) {
			return true
		}
	}
	return false
}

// switching: a planned change of the source is recorded.
func (v *view) switching() bool {
	r := v.data.Switchover
	return r != nil && !r.Failover && r.Phase != v1alpha1.SwitchoverUndone
}

// prepare is what happens before the fence: the old source gets what it needs to follow, and
// the candidate leaves -readonly. Clients notice nothing.
func (v *view) prepare() reconcile.Plan[Data] {
	to := v.server(v.data.Switchover.To)
	p := v.plan()
	p.Conditions = v.inProgress("is being prepared")
	if set := v.configurations(); len(set) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "configure", Optional: true, Actions: set})
	}
	r := v.routing()
	if v.drains(to) {
		r[to.Name] = reconcile.AccessNone
	}
	p.Steps = append(p.Steps, reconcile.Step{Name: "drain", Routing: r})
	p.Next = max(v.drainLeft(to), time.Millisecond)
	return p
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
	return reconcile.Topology(false, kind+"InProgress", fmt.Sprintf("the change of the source from %s to %s %s", r.From, r.To, what))
}

// resume looks at the set as the record of a change has it: the old source is the
// source until the change has ended. A node that nobody knows any more is nil.
func (v *view) resume() (r *v1alpha1.RedisSwitchoverStatus, from, to *Server) {
	r = v.data.Switchover
	from, to = v.server(r.From), v.server(r.To)
	if from != nil && to != nil && v.source != from {
		v.source = from
		v.assess()
	}
	return r, from, to
}

// resumeSwitchover goes on from whatever the record and the servers show.
func (v *view) resumeSwitchover() reconcile.Plan[Data] {
	r, from, to := v.resume()
	if from == nil || to == nil {
		return v.withoutNode()
	}
	if r.Phase == v1alpha1.SwitchoverPreparing {
		return v.resumePreparing(from, to)
	}
	cancelled := v.spec.Source.Name != r.To
	why := ""
	switch {
	case r.Phase == v1alpha1.SwitchoverUndoing:
		why = r.Message
	case cancelled:
		why = "spec.source was changed meanwhile"
	case v.overdue():
		why = fmt.Sprintf("it was not finished within %s", switchDeadline)
	}
	switch {
	case v.promoted(from, to):
		return v.finish(to)
	case !to.OK() && v.routed(to):
		return v.waitForPromoted(to, cancelled)
	case !to.OK() && v.mayServe(from, to):
		return v.waitFor(to, fmt.Sprintf("it may have been promoted and taken writes. If it is lost, make %s spec.source and set the annotation %s: %s", from.Name, v1alpha1.AnnotationForcePromote, from.Name))
	case !from.OK():
		return v.withoutOldSource(from, to, cancelled)
	case from.Master() && r.FromRunID != "" && from.RunID != r.FromRunID:
		// It has restarted: no fence is up, and what it holds is judged anew.
		return v.withoutRecord()
	case from.FailingOver && why == "" && to.OK():
		return v.waitFor(to, "FAILOVER is under way")
	case from.FailingOver:
		return v.abort(from, cmp.Or(why, "the candidate does not answer"))
	case from.Replica && !from.Follows(to):
		// Somebody else made it follow a third.
		return v.withoutRecord()
	case from.Replica && to.OK() && (to.ReplID != r.ReplicationID && to.ReplID2 != r.ReplicationID || to.Master() && r.ToRunID != "" && to.RunID != r.ToRunID) && !to.holds(from):
		// FAILOVER has demoted the old source, and the new one has restarted without what it had.
		return v.undo(from, cmp.Or(why, to.Name+" has lost what it held"))
	case from.Replica && to.OK() && !to.knows(r.ReplicationID) && !from.knows(r.ReplicationID):
		// The old source has taken over what a restarted candidate has: neither is what the others may follow.
		return v.undo(from, cmp.Or(why, to.Name+" has lost what it held, and "+from.Name+" has followed it"))
	case from.Replica && to.OK() && why == "":
		return v.switchNow(from, to)
	case from.Replica && to.OK() && to.holds(from) && !from.holds(to):
		// There is no way back: the candidate has more.
		return v.switchNow(from, to)
	case why != "":
		return v.undo(from, why)
	case !to.OK() && from.Writable():
		return v.waitForCandidate(to)
	case !to.OK():
		return v.waitFor(to, "the candidate does not answer")
	case from.Writable():
		if reason, cause := v.unfit(from, to); reason != "" {
			return v.refuse("SwitchoverRefused", to, reason, cause)
		}
	case to.Master():
		return v.undo(from, to.Name+" takes writes that are not those of "+from.Name)
	}
	return v.switchNow(from, to)
}

func (v *view) resumePreparing(from, to *Server) reconcile.Plan[Data] {
	r := v.data.Switchover
	switch {
	case v.spec.Source.Name != r.To:
		p := v.withoutRecord()
		p.Events = append(p.Events, reconcile.Event{Reason: "SwitchoverCancelled", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("%s stays the source", from.Name)})
		return p
	case !from.OK() || v.lost:
		return v.withoutRecord()
	}
	if reason, why := v.unfit(from, to); reason != "" {
		return v.refuse("SwitchoverRefused", to, reason, why)
	}
	if v.drainLeft(to) > 0 {
		return v.prepare()
	}
	r.Phase = v1alpha1.SwitchoverSwitching
	r.SwitchingAt = new(metav1.NewMicroTime(v.now))
	r.ReplicationID, r.FromRunID, r.ToRunID = from.ReplID, from.RunID, to.RunID
	p := v.switchNow(from, to)
	p.Persist = true
	return p
}

// promoted: the candidate takes writes and continues what the old source held, or it is
// led to already.
func (v *view) promoted(from, to *Server) bool {
	r := v.data.Switchover
	if !to.Master() || to.Fenced() {
		return false
	}
	// A process that has started since has read a snapshot, which has the id, and not all of it.
	same := r.ToRunID == "" || r.ToRunID == to.RunID
	continues := same && (to.ReplID2 == r.ReplicationID || to.ReplID == r.ReplicationID)
	if from.Master() && !from.Fenced() && from.RunID == r.FromRunID && !r.Failover {
		// The old source takes writes as well: what it has written since is not the candidate's.
		return v.routed(to) && continues && to.holds(from)
	}
	if !r.Failover && from.Master() && from.Writable() && from.AOF && from.Keys > 0 && v.routed(from) && !v.routed(to) {
		// The old source has restarted, which ended its fence, and clients are led to it still:
		// what they write there is acknowledged, and the candidate has taken no writes.
		return false
	}
	return continues || v.routed(to)
}

// routed: clients are led to it for writes.
func (v *view) routed(s *Server) bool { return v.pods[s.Name].Readonly == "false" }

// mayServe: the candidate, which does not answer, may have been led to: the labels change
// one right after the other, and a pod that was made anew has lost its own. force-promote of
// the old source says that it was not.
func (v *view) mayServe(from, to *Server) bool {
	old, was := v.pods[from.Name], v.data.Switchover.ToPodUID
	// One that was there before the change says nothing about it.
	forced := v.force == from.Name && v.data.Forced == ""
	anew := was != "" && v.pods[to.Name].UID != was
	return !forced && (!old.Gone() && old.Readonly != "false" || from.OK() && !from.Writable() && anew)
}

// waitForPromoted: the new source was promoted and is gone. It is the source all the
// same: if the user names another one, that is a failover from it.
func (v *view) waitForPromoted(to *Server, cancelled bool) reconcile.Plan[Data] {
	if !cancelled {
		return v.waitFor(to, "it was promoted and may have taken writes. If it is lost, make another node spec.source")
	}
	v.source = to
	v.end(to)
	v.judgeAgain()
	return v.withoutRecord()
}

// judgeAgain looks at everybody once the source is another one.
func (v *view) judgeAgain() {
	v.data.Switchover = nil
	v.judgeSource()
	v.assess()
}

func (v *view) overdue() bool {
	at := v.data.Switchover.SwitchingAt
	return at == nil || v.now.After(at.Add(switchDeadline))
}

// switchNow is the part that clients notice: hand over or fence and promote, then route.
func (v *view) switchNow(from, to *Server) reconcile.Plan[Data] {
	p := v.plan()
	p.Conditions = v.inProgress("is at work")
	p.MustFinish, p.Again, p.Next = true, true, busy
	if from.Writable() {
		p.Steps = append(p.Steps,
			// Right before the fence: whatever comes between them lets the candidate fall behind.
			reconcile.Step{Name: "catch-up", Actions: []reconcile.Action{CatchUp{target: target{to.Name}, Source: from.Name, Timeout: catchUpTimeout}}},
		)
		// FAILOVER makes the old source follow at once, whatever becomes of the candidate. Where
		// that would restart empty, the old source stays apart until the candidate was seen promoted.
		if to.AOF {
			p.Steps = append(p.Steps, reconcile.Step{Name: "hand-over", StopsWrites: true, Actions: []reconcile.Action{Handover{target: target{from.Name}, To: to.Name, ToRunID: to.RunID, Timeout: handoverTimeout}}})
		}
	}
	p.Steps = append(p.Steps,
		reconcile.Step{Name: "fence", StopsWrites: true, Actions: []reconcile.Action{FenceSource{target: target{from.Name}, ID: from.ReplID}}},
		reconcile.Step{Name: "promote", Actions: []reconcile.Action{Promote{target: target{to.Name}, From: from.Name, Timeout: promoteTimeout}}},
		reconcile.Step{Name: "route", RestoresWrites: true, Routing: reconcile.Routing{
			to.Name: reconcile.AccessReadWrite, from.Name: reconcile.AccessNone}},
		reconcile.Step{Name: "expel", Background: true, Actions: []reconcile.Action{Expel{target{from.Name}}}},
	)
	if follow := v.repoint(from, to); len(follow) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "repoint", Optional: true, Actions: follow})
	}
	p.Steps = append(p.Steps, reconcile.Step{Name: "persist", Optional: true, Actions: []reconcile.Action{Persist{target{to.Name}}, Persist{target{from.Name}}}})
	return p
}

// repoint makes those follow a new source who followed the old one, and the old one itself.
func (v *view) repoint(from, to *Server) []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.replicasOf(to) {
		s := v.server(m.Name)
		switch {
		case !s.OK() || v.data.Diverged[m.Name]:
		case s == from:
			out = append(out, Follow{target: target{m.Name}, Source: to.Name, SourceFact: true, ID: s.ReplID, Fenced: true})
		case s.Replica && (s.Follows(from) || s.Detached()):
			out = append(out, Follow{target: target{m.Name}, Source: to.Name, SourceFact: true, ID: s.ReplID, Offset: s.Offset})
		}
	}
	return out
}

// end records that the change of the source is finished.
func (v *view) end(to *Server) {
	r := v.data.Switchover
	last := &v1alpha1.RedisLastSwitchover{}
	last.From, last.To, last.Failover, last.StartedAt, last.FinishedAt = r.From, r.To, r.Failover, r.StartedAt, metav1.NewMicroTime(v.now)
	if !r.Failover {
		last.FromRunID, last.BehindRunIDs = r.FromRunID, v.behind()
	}
	// Who was not seen in a failover may hold more than the new source.
	v.data.Anew = v.data.Anew || r.Failover
	v.data.Last, v.data.Source = last, r.To
	v.data.Forced = ""
	if v.force == r.To {
		v.data.Forced = r.ToRunID
	}
	// One that has restarted since, from a snapshot, is judged as a source that has.
	same := r.ToRunID == "" || r.ToRunID == to.RunID
	if to.OK() && to.ReplID2 == r.ReplicationID && same {
		v.data.History = appendHistory(v.data.History, r.ReplicationID, to.SecondOffset-1)
		v.data.ReplicationID = to.ReplID
	} else if r.Failover && to.OK() && to.Keys > 0 && (same || to.AOF) && !to.knows(r.ReplicationID) {
		// It was forced, or has restarted: nobody can tell how much of the old source's it holds.
		v.data.History, v.data.ReplicationID = nil, to.ReplID
	} else if r.ReplicationID != "" {
		v.data.ReplicationID = r.ReplicationID
		if r.Failover && !to.OK() {
			// How much of it the candidate held when it was promoted, nobody has seen.
			v.data.History = []v1alpha1.RedisReplicationHistory{{ID: r.ReplicationID}}
		}
	}
}

// finish records that the candidate is the source, and goes on as usual.
func (v *view) finish(to *Server) reconcile.Plan[Data] {
	r := v.data.Switchover
	v.source = to
	v.end(to)
	v.judgeAgain()
	if v.lost {
		// It has restarted empty since: nobody is led to it, and the others keep what they hold.
		p := v.only(v.reportLost(), "route")
		p.Persist, p.Again = true, true
		return p
	}
	p := v.only(v.steady(), append(slices.Clone(opening), "attach")...)
	// The route first: clients wait for it, if an earlier operator died before it.
	first := reconcile.Routing{to.Name: reconcile.AccessReadWrite, r.From: reconcile.AccessNone}
	ahead := []reconcile.Step{{Name: "route", Routing: first}}
	if r.Failover {
		// Not to have two behind -readwrite: the old source may be writable and unseen.
		ahead = append([]reconcile.Step{{Name: "unroute", Routing: reconcile.Routing{r.From: reconcile.AccessNone}}}, ahead...)
	}
	// An operator that died after the route has not written its file: a source that restarts
	// as a replica of its own replica would take no writes.
	ahead = append(ahead, reconcile.Step{Name: "persist", Optional: true, Actions: []reconcile.Action{Persist{target{to.Name}}}})
	p.Steps = append(ahead, p.Steps...)
	p.Persist, p.Again = true, true
	e := reconcile.Event{Reason: "SwitchoverFinished", Once: r.StartedAt.String(), Message: fmt.Sprintf("%s is the source; it was %s", r.To, r.From)}
	p.Data.Result = "finished"
	if r.Failover {
		p.Data.Result, e.Reason, e.Warning = "failover", "FailoverFinished", true
	}
	p.Events = append(p.Events, e)
	return p
}

// undo gives the old source its writes back. It does not depend on the record: a
// source that is seen fenced is made writable first, and the record follows.
func (v *view) undo(from *Server, why string) reconcile.Plan[Data] {
	r := v.data.Switchover
	if from.Writable() && from.Master() {
		if v.spec.Source.Name == r.To {
			r.Phase, r.Message = v1alpha1.SwitchoverUndone, why
		} else {
			v.data.Switchover = nil
		}
		// Whatever came of the candidate, it is judged again by what it holds.
		v.judgeSource()
		v.assess()
		p := v.only(v.steady(), opening...)
		p.Data.Switchover, p.Data.Result = v.data.Switchover, "undone"
		p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "SwitchoverUndone", Once: r.StartedAt.String(),
			Message: fmt.Sprintf("%s is the source still: the switchover to %s was undone: %s", r.From, r.To, why)})
		return p
	}
	r.Phase, r.Message = v1alpha1.SwitchoverUndoing, why
	p := v.plan()
	p.Conditions = v.inProgress("is being undone: " + why)
	p.MustFinish, p.Again, p.Next = true, true, busy
	if to := v.server(r.To); to.Master() && !to.Fenced() && to.Config != nil {
		p.Steps = append(p.Steps, reconcile.Step{Name: "fence-extra", Actions: []reconcile.Action{Shut{target{to.Name}}}})
	}
	var open reconcile.Action = Open{target{from.Name}}
	if from.Replica {
		open = MakeSource{target: target{from.Name}, ID: from.ReplID}
	}
	p.Steps = append(p.Steps, reconcile.Step{Name: "undo", Actions: []reconcile.Action{open},
		Routing: reconcile.Routing{from.Name: reconcile.AccessReadWrite, r.To: reconcile.AccessNone}})
	return p
}

// abort ends a FAILOVER that does not come to an end by itself.
func (v *view) abort(from *Server, why string) reconcile.Plan[Data] {
	r := v.data.Switchover
	r.Phase, r.Message = v1alpha1.SwitchoverUndoing, why
	p := v.plan()
	p.Conditions = v.inProgress("is being undone: " + why)
	p.MustFinish, p.Again, p.Next = true, true, busy
	p.Steps = []reconcile.Step{{Name: "abort", Actions: []reconcile.Action{Abort{target{from.Name}}}}}
	return p
}

// withoutOldSource: the old source went away in the middle. What it held last is unknown, so
// nobody is promoted on a guess: it is waited for. A further edit of the spec, or
// force-promote, turns this into a failover.
func (v *view) withoutOldSource(from, to *Server, cancelled bool) reconcile.Plan[Data] {
	r := v.data.Switchover
	third := cancelled && v.spec.Source.Name != from.Name
	if third || !cancelled && (v.force == r.To || r.Generation != v.gen) {
		return v.withoutRecord()
	}
	return v.waitFor(from, fmt.Sprintf("the old source went away in the middle of it. It goes on when %s answers; if it never will, set the annotation %s: %s", from.Name, v1alpha1.AnnotationForcePromote, to.Name))
}

// waitForCandidate: it went away before the fence. It may be back before the deadline.
func (v *view) waitForCandidate(to *Server) reconcile.Plan[Data] {
	p := v.only(v.steady(to.Name), opening...)
	p.Conditions = v.inProgress(fmt.Sprintf("waits for %s (%s): the candidate does not answer", to.Name, to.Problem))
	p.Next = busy
	return p
}

// waitFor changes nothing but what protects, and says whom it waits for: who follows a server of the change
// whose process has ended is detached, as ever, so that it does not take over that this has
// restarted empty. The old source that FAILOVER has made a replica stays one: where it is pointed
// tells what became of the change.
func (v *view) waitFor(s *Server, why string) reconcile.Plan[Data] {
	p := v.plan()
	r := v.data.Switchover
	if keep := v.detached(func(m Member, s *Server) bool {
		follows := func(name string) bool { o := v.server(name); return o != nil && v.dead(o) && s.Follows(o) }
		return !v.skips && m.Name != r.From && (follows(r.From) || follows(r.To))
	}); len(keep) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "keep", Optional: true, Actions: keep})
	}
	p.Conditions = v.inProgress(fmt.Sprintf("waits for %s (%s): %s", s.Name, cmp.Or(s.Problem, "it answers"), why))
	p.Next = busy
	return p
}

// withoutRecord plans anew as if no change of the source had been recorded. Under skip another
// one is not begun, and the record stays.
func (v *view) withoutRecord() reconcile.Plan[Data] {
	v.skip = v.skips
	v.judgeAgain()
	return v.decide()
}
