// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// wantsFailover: the spec wants another source and the present one gives no answer;
// or answers with an error only, and the user forces it.
func (v *view) wantsFailover() bool {
	if v.wanted() == v.source || v.skip || v.undoneAndShort() {
		return false
	}
	return v.source.Reach == ReachNone || v.source.Reach == ReachError && v.forced()
}

// undoneAndShort: the change was undone and waits for the next edit, and the source has not
// been silent for long. The record of a failover would take the place of that one, and when
// the source answers again nobody would know that it was tried.
func (v *view) undoneAndShort() bool {
	r := v.data.Switchover
	return r != nil && r.Phase == v1alpha1.SwitchoverUndone && r.Generation == v.gen && v.source.Silent < v.patience()
}

// forced: the user names the wanted source as the one to promote whatever it lacks.
func (v *view) forced() bool { return v.force != "" && v.force == v.spec.Source.Name }

// beginFailover checks what can be checked while nothing is touched, and records it.
func (v *view) beginFailover() reconcile.Plan[Data] {
	from, to := v.source, v.wanted()
	if reason, why := v.unfitForFailover(to); reason != "" {
		return v.refuse("FailoverRefused", to, reason, why)
	}
	v.data.Switchover = &v1alpha1.SwitchoverStatus{
		From: from.Name, To: to.Name, Failover: true, Phase: v1alpha1.SwitchoverPreparing,
		Generation: v.gen, StartedAt: metav1.NewMicroTime(v.now), ToPodUID: v.pods[to.Name].UID, ToReplicas: v.followersOf(to),
	}
	p := v.plan()
	p.Steps = v.shutOut()
	p.Next = busy
	if left := v.patienceLeft(); left > 0 {
		p.Steps = append(p.Steps, v.drainEarly(to)...)
		p.Next = v.lookIn(left)
	} else {
		p = v.beginStarving(from)
	}
	p.Persist = true
	why, doubt := "the old source gives no answer", v.unassured()
	if from.OK() {
		why, doubt = "the old source has lost data", ""
	}
	p.Conditions = v.inProgress("begins: " + why + "." + doubt)
	p.Events = []reconcile.Event{{Warning: true, Reason: "FailoverStarted", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("from %s (%s) to %s.", from.Name, cmp.Or(from.Problem, why), to.Name) + doubt}}
	return p
}

// drainEarly takes the candidate from the readers while the old source is waited for: kube-proxy
// takes over one change at once and lets about a second pass before the next, and the next is
// the one that clients wait for. Somebody else must have the label of a reader; and where the
// source answers, that has changed the Services anyway.
func (v *view) drainEarly(to *Server) []reconcile.Step {
	othersRead := slices.ContainsFunc(v.members, func(m Member) bool {
		return m.Name != to.Name && v.server(m.Name).OK() && v.pods[m.Name].Readonly == "true"
	})
	if v.source.OK() || v.routed(to) || !othersRead || !v.drains(to) {
		return nil
	}
	return []reconcile.Step{{Name: "drain", Routing: reconcile.Routing{to.Name: reconcile.AccessNone}}}
}

// undrain gives the candidate of an abandoned failover back to the readers: of a source that
// has lost data, and while another failover is begun, nobody else does.
func (v *view) undrain(to *Server) []reconcile.Step {
	m, known := v.member(to.Name)
	if !known || m.Isolated || m.Leaving || !to.OK() || !to.Fenced() || v.pods[to.Name].Readonly != "" || !m.External && m.Port != v.readers || !to.Follows(v.source) || to.Channel.SQLErrno != 0 {
		return nil
	}
	return []reconcile.Step{{Name: "undrain", Routing: reconcile.Routing{to.Name: reconcile.AccessReadOnly}}}
}

// patienceLeft is how long the source is waited for still before it is left.
func (v *view) patienceLeft() time.Duration {
	waited := max(v.source.Silent, v.now.Sub(v.data.Switchover.StartedAt.Time))
	return max(0, v.patience()-waited)
}

// lookIn is when the next look has to begin, so that it ends when the patience does.
func (v *view) lookIn(left time.Duration) time.Duration {
	if v.source.Reach == ReachNone && !v.source.Refused {
		left = max(left-silentWait, time.Millisecond)
	}
	return min(busy, left)
}

// patience is how long a source must have been silent before it is left.
func (v *view) patience() time.Duration {
	pod, named := v.pods[v.source.Name]
	switch {
	case named && pod.Gone():
		return 0
	case !v.vouched():
		return failoverPatience
	case v.source.Refused:
		return 0
	}
	return vouchedPatience
}

// vouched: a replica has all that the unseen source has acknowledged, as far as is known.
func (v *view) vouched() bool {
	n := v.status.Topology[v.source.Name]
	return v.source.Reach == ReachNone && v.semi && n != nil && n.SemiSync == v1alpha1.MysqlSemiSyncActive && v.vouchedBy() > 0
}

// beginStarving records that the old source is left, and stops the receivers.
func (v *view) beginStarving(from *Server) reconcile.Plan[Data] {
	r, at := v.data.Switchover, metav1.NewMicroTime(v.now)
	r.Phase, r.SwitchingAt = v1alpha1.SwitchoverSwitching, &at
	r.Unassured = !v.forced() && v.unassured() != ""
	v.recordCandidate(v.server(r.To))
	// Where the labels tell nothing of a promotion, the candidate's own commits have to.
	r.KeepsOldRoute = r.ToServerUUID != "" && v.silenced(from)
	p := v.stopReceivers(from)
	p.Persist = true
	return p
}

// ownMost bounds the record of what a candidate has committed itself, in bytes. It is a few
// intervals; one that is torn to pieces is not recorded.
const ownMost = 2048

// recordCandidate writes down what the candidate has committed itself before it is promoted:
// it was the source once, or has errant transactions. What it has beyond that later tells of
// the promotion, when the labels are gone with a pod and nobody else can be asked.
func (v *view) recordCandidate(to *Server) {
	own := to.Received().Of(to.UUID).String()
	if r := v.data.Switchover; len(own) <= ownMost {
		r.ToServerUUID, r.ToTransactions = to.UUID, own
	}
}

// ownBefore is what recordCandidate has written down of that server.
func (v *view) ownBefore(to *Server) (own gtid.Set, known bool) {
	r := v.data.Switchover
	own, err := gtid.Parse(r.ToTransactions)
	return own, err == nil && isOf(r.ToServerUUID)(to.UUID)
}

// unfitForFailover says why a candidate must not take over from a dead source (law 4).
func (v *view) unfitForFailover(to *Server) (reason, why string) {
	switch {
	case !to.OK():
		return "CandidateUnreachable", to.Problem
	case !to.GTIDMode || !to.LogBin:
		return "CandidateConfiguration", "gtid_mode and log_bin must be ON"
	case v.hindrance(v.source, to) != "":
		return "LacksPrivilege", v.hindrance(v.source, to)
	case v.cloning(to):
		return "CandidateCloning", "what it held is being replaced: it " + v.cloneNote(to)
	case v.hollow(to) && !to.Executed.Empty():
		// Forced, it would be an empty source of which everybody believes that it has all.
		return "CandidateCloning", "it " + v.cloneNote(to) + ". It says to hold what is gone: to begin anew with it, empty its gtid_executed first (RESET BINARY LOGS AND GTIDS; before 8.4 RESET MASTER)"
	case v.forced():
		return "", ""
	case v.hollow(to):
		return "CandidateCloning", "it " + v.cloneNote(to)
	case v.lostTail(to) != "":
		return "CandidateLostData", v.wouldRepeat(to)
	case to.Received().Empty() && v.betterThan(to) == "":
		return "CandidateEmpty", "it holds no transaction at all. To begin anew with it, set the annotation " + v1alpha1.AnnotationForcePromote + ": " + to.Name
	case v.source.OK() && !v.sourceMadeAnew() && !to.Received().Contains(v.source.Executed):
		return "SourceHoldsMore", fmt.Sprintf("%s answers, and holds transactions that %s lacks: %s. To lose them, set the annotation %s: %s", v.source.Name, to.Name, shorten(v.source.Executed.Subtract(to.Received()).String()), v1alpha1.AnnotationForcePromote, to.Name)
	case v.source.OK() && !onlyOf(v.source.Executed.Subtract(to.Received()), v.source.UUID):
		return "SourceHoldsMore", fmt.Sprintf("%s answers, as another server (server_uuid %s), and holds transactions that %s lacks: %s. To lose them, set the annotation %s: %s", v.source.Name, v.source.UUID, to.Name, shorten(v.source.Executed.Subtract(to.Received()).String()), v1alpha1.AnnotationForcePromote, to.Name)
	case to.Channel == nil && !to.Writable() && !to.Follows(v.source):
		if better := v.betterThan(to); better == "" && !to.Executed.Empty() {
			return "", ""
		}
		return "NotAReplica", fmt.Sprintf("it did not replicate from %s. To promote it all the same, set the annotation %s: %s", v.source.Name, v1alpha1.AnnotationForcePromote, to.Name)
	case to.Channel != nil && to.Channel.Filters != "":
		return "CandidateFiltered", v.filtered(to)
	case to.Channel != nil && to.Channel.SQLErrno != 0 && (!to.Channel.interrupted() || !to.Executed.Contains(to.Channel.Retrieved)):
		// One that an operator has killed before it died has nothing left to apply.
		return "ApplierError", fmt.Sprintf("its applier has error %d: %s. Mend that first; or, to lose what it has not applied, set the annotation %s: %s", to.Channel.SQLErrno, shorten(to.Channel.SQLError), v1alpha1.AnnotationForcePromote, to.Name)
	case v.semi && !to.SemiSync.SourcePlugin:
		return "CandidateLacksPlugin", "spec.mode is rpl_semi_sync and the plugin semisync_source.so is not installed on it"
	}
	if better := v.betterThan(to); better != "" {
		extra := v.server(better).Received().Subtract(to.Received())
		return "CandidateBehind", fmt.Sprintf("%s has received %d transaction(s) that %s has not. Make %s spec.source; or, to lose them, set the annotation %s: %s", better, extra.Count(), to.Name, better, v1alpha1.AnnotationForcePromote, to.Name)
	}
	return "", ""
}

// failingOver: a failover is recorded.
func (v *view) failingOver() bool {
	r := v.data.Switchover
	return r != nil && r.Failover
}

// resumeFailover goes on from whatever the record and the servers show.
func (v *view) resumeFailover() reconcile.Plan[Data] {
	r, from, to := v.resume()
	if from == nil || to == nil {
		return v.withoutNode()
	}
	back := from.OK() && !v.sourceLost() || from.Reach == ReachError && !v.forced()
	switch {
	case r.Phase == v1alpha1.SwitchoverSwitching && v.promoted(from, to) && (v.routed(to) || len(v.receiving(from)) == 0):
		// One that was writable before is not led to while others vouch for the old source.
		return v.finish(to)
	case r.Phase == v1alpha1.SwitchoverSwitching && to.Writable() && v.routed(to) && to.Channel.Running():
		// It was promoted and clients may have written to it; somebody has started its
		// replication since. There is no way back.
		if len(v.receiving(from)) > 0 {
			return v.stopReceivers(from)
		}
		return v.promoteAfterDeath(from, to)
	case r.Phase == v1alpha1.SwitchoverSwitching && v.served(to):
		return v.waitForPromoted(to, v.spec.Source.Name != r.To)
	case r.Phase == v1alpha1.SwitchoverSwitching && v.mayHaveServed(from, to) && v.spec.Source.Name != from.Name:
		return v.waitForPromoted(to, v.spec.Source.Name != r.To)
	case r.Phase == v1alpha1.SwitchoverSwitching && v.mayHaveServed(from, to) && v.force != from.Name:
		// It is taken for the source on a guess only if the user goes on to another one.
		return v.waitFor(to, fmt.Sprintf("it may have been promoted and taken writes. If it is lost, set the annotation %s: %s", v1alpha1.AnnotationForcePromote, from.Name))
	case r.Phase == v1alpha1.SwitchoverSwitching && back && !v.notPromotedYet(from) && v.committedSince(from, to):
		// It was promoted, took writes of its own and lost its writability: forward. What
		// it only received does not count: the old source may still be about to commit that.
		// Nor does what somebody has written to it by hand, before anybody was promoted.
		return v.promoteAfterDeath(from, to)
	case r.Phase == v1alpha1.SwitchoverSwitching && v.committedAlone(from, to):
		// The same, and nobody knows what the old source has.
		if len(v.receiving(from)) > 0 {
			return v.stopReceivers(from)
		}
		return v.promoteAfterDeath(from, to)
	case r.Phase == v1alpha1.SwitchoverSwitching && back && v.spec.Source.Name == r.To && !to.OK() && v.podMadeAnew(to):
		return v.waitFor(to, fmt.Sprintf("it may have been promoted and taken writes. If it is lost, make %s spec.source", from.Name))
	case v.spec.Source.Name != r.To, back:
		return v.abandonFailover()
	case !to.OK():
		return v.waitFor(to, "the candidate does not answer")
	case r.Phase == v1alpha1.SwitchoverPreparing:
		if left := v.patienceLeft(); left > 0 {
			p := v.waitFor(from, "it may be a short silence")
			p.Steps, p.Next = append(v.shutOut(), v.drainEarly(to)...), v.lookIn(left)
			return p
		}
		if why := v.hindrance(from, to); why != "" {
			return v.refuse("FailoverRefused", to, "LacksPrivilege", why)
		}
		return v.beginStarving(from)
	case len(v.receiving(from)) > 0:
		return v.stopReceivers(from)
	}
	if reason, why := v.unfitForFailover(to); reason != "" {
		// The receivers go on with that.
		return v.refuse("FailoverRefused", to, reason, why)
	}
	return v.promoteAfterDeath(from, to)
}

// committedSince: both are seen, and the candidate has committed what the old source lacks.
func (v *view) committedSince(from, to *Server) bool {
	return from.OK() && to.OK() && v.committedMore(to, to.Executed.Subtract(from.Executed))
}

// committedAlone: the old source is not seen, and its label does not say that nobody was
// promoted; and the candidate, which was routed, or has another pod by now, has committed
// something since the old source was left. What it had committed before says nothing: it may
// have been the source once.
func (v *view) committedAlone(from, to *Server) bool {
	if from.OK() || !to.OK() || v.notPromotedYet(from) || !v.routed(to) && !v.podMadeAnew(to) {
		return false
	}
	before, known := v.ownBefore(to)
	return known && holdsOf(to.Executed.Subtract(before), to.UUID)
}

// committedMore: a server has committed some of what it has more than others, since the old
// source was left. Where an older operator has not recorded what it had by then, what it was
// reported to hold apart before tells nothing of a promotion. A report that was cut short says
// only how much that was; of a complete one the number may have come to be that of others.
func (v *view) committedMore(s *Server, extra gtid.Set) bool {
	if before, known := v.ownBefore(s); known {
		return holdsOf(extra.Subtract(before), s.UUID)
	}
	was := v.status.Topology[s.Name]
	if cutShort(was) && extra.Count() <= was.ErrantCount {
		return false
	}
	return holdsOf(extra.Subtract(reportedErrant(was)), s.UUID)
}

// notPromotedYet: the old source's label goes before the promotion, and it has it still. Where
// both are set at once it tells nothing, and neither does it where it is gone.
func (v *view) notPromotedYet(from *Server) bool {
	return v.routed(from) && !v.data.Switchover.KeepsOldRoute
}

// mayHaveServed: the candidate's pod was made anew and has lost its label.
func (v *view) mayHaveServed(from, to *Server) bool {
	return !to.OK() && v.podMadeAnew(to) && !v.notPromotedYet(from)
}

// receiving lists the seen nodes whose receiver could still acknowledge to the old source, or
// bring what that commits by way of a member that is not seen.
func (v *view) receiving(from *Server) []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.members {
		if s := v.server(m.Name); s != from && s.OK() && v.receives(s, from) {
			out = append(out, StopReceiver{target{m.Name}})
		}
	}
	return out
}

// receives: the receiver of a seen node leads to the old source or to a member that is not
// seen, or has reached the old source under another name, and is not stopped. (The uuid that a
// channel tells is that of its own last connection: CHANGE empties it.)
func (v *view) receives(s, from *Server) bool {
	if s.Channel == nil || s.Channel.IO == ThreadNo {
		return false
	}
	reached := isOf(s.Channel.SourceUUID)
	return s.Follows(from) || v.followsUnseen(s) || reached(v.uuidOf(from.Name)) || from.Name == v.status.Source && reached(v.status.SourceUUID)
}

// followsUnseen says whether the channel of a server points at a member that is not seen.
func (v *view) followsUnseen(s *Server) bool {
	return slices.ContainsFunc(v.members, func(m Member) bool {
		o := v.server(m.Name)
		return m.Name != s.Name && !o.OK() && s.Follows(o)
	})
}

// stopReceivers starves an unseen old source of acknowledgements before anybody is compared.
func (v *view) stopReceivers(from *Server) reconcile.Plan[Data] {
	p := v.plan()
	p.Conditions = v.inProgress("is at work: the receivers are stopped, so that what the replicas hold can be compared")
	p.Again, p.Next = true, busy
	p.Steps = v.shutOut()
	if actions := v.receiving(from); len(actions) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "stop-receivers", Whole: true, Actions: actions})
	}
	return p
}

// resumeReceivers lets replicas follow again whom they followed, those that the plan
// fences before included.
func (v *view) resumeReceivers() []reconcile.Step {
	var out []reconcile.Action
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if s.OK() && !m.Isolated && s != v.source && v.mayResume(s) && (s.Channel.SQLErrno == 0 || s.Channel.interrupted()) && (s.Channel.IO == ThreadNo || s.Channel.SQL == ThreadNo) {
			out = append(out, StartReplication{target: target{m.Name}})
		}
	}
	if out = v.allowed(out); len(out) == 0 {
		return nil
	}
	return []reconcile.Step{{Name: "restart-replication", Optional: true, Actions: out}}
}

// mayResume: it follows the source, or a member that is not seen, as it did before a failover
// stopped its receiver. One of those that was reported to hold what the source lacks is kept
// apart: nobody can compare them now.
func (v *view) mayResume(s *Server) bool {
	if s.Follows(v.source) {
		return s.Fenced() || s.Writable()
	}
	was := v.status.Topology[s.Name]
	return v.followsUnseen(s) && !v.followsLeft(s) && s.Fenced() && !v.hollow(s) && (was == nil || was.ErrantTransactions == "")
}

// followsLeft: the channel of a server leads to a member that was the source before, or may
// have been, as far as is known: it may take writes, and is not to be vouched for.
func (v *view) followsLeft(s *Server) bool {
	return slices.ContainsFunc(v.members, func(m Member) bool {
		uuid := v.uuidOf(m.Name)
		before := v.data.Last != nil && v.data.Last.From == m.Name
		return m.Name != s.Name && s.Follows(v.server(m.Name)) && (before || uuid == "" || slices.ContainsFunc(v.data.Deposed, isOf(uuid)))
	})
}

// abandonFailover: the old source answers again, or the user wants another one.
// Nobody was promoted; everybody follows again, and the next look decides.
func (v *view) abandonFailover() reconcile.Plan[Data] {
	r := v.data.Switchover
	v.data.Switchover = nil
	p := v.plan()
	if extra := v.fenceExtras(); len(extra) > 0 {
		// A promotion that was cut short; nobody was led to it.
		p.Steps = append(p.Steps, reconcile.Step{Name: "fence-extra", Actions: extra})
	}
	p.Steps = append(p.Steps, v.resumeReceivers()...)
	p.Steps = append(p.Steps, v.undrain(v.server(r.To))...)
	p.Again, p.Next = true, busy
	p.Conditions = reconcile.Topology(false, "FailoverAbandoned", fmt.Sprintf("%s is the source still: it answers again, or spec.source was changed", r.From))
	p.Events = []reconcile.Event{{Reason: "FailoverAbandoned", Once: r.StartedAt.String(), Message: p.Conditions[0].Message}}
	return p
}

// lender is a replica that the candidate may connect to for a moment: it has nothing that
// the candidate lacks, and has purged nothing that it would have to send.
func (v *view) lender(from, to *Server) Known {
	for _, m := range v.replicasOf(to) {
		s := v.server(m.Name)
		if s != from && s.OK() && s.Fenced() && s.LogBin && to.Received().Contains(s.Received()) && to.Executed.Contains(s.Purged) {
			return v.server(m.Name).known()
		}
	}
	return Known{}
}

// leftBehind are those who must not be led to once the candidate is promoted: the old
// source, which may be writable and unseen, and every replica that is not seen. That one
// follows the old source still, and may hold what the failover gives up; or it was the source
// before that, has its label still, and may take writes. So may one that is seen.
func (v *view) leftBehind(from, to *Server) reconcile.Routing {
	r := reconcile.Routing{from.Name: reconcile.AccessNone}
	for _, m := range v.members {
		if s := v.server(m.Name); s != to && (!s.OK() && v.pods[m.Name].Readonly != "" || v.routed(s)) {
			r[m.Name] = reconcile.AccessNone
		}
	}
	return r
}

// silenced: an old source that is not seen can acknowledge nothing any more once the
// receivers are stopped, whether it has died, hangs or is cut off. Its commits wait, without a
// timeout, for more replicas than those that are not seen, and so they do after a restart.
func (v *view) silenced(from *Server) bool {
	return v.semi && from.Reach == ReachNone && from.WaitsAfterRestart && !v.forced() && v.unassured() == ""
}

// keepsOldRoute says whether the old source may keep its label until the new one is routed,
// so that the route changes once: it takes no write that anybody is told of. It was on record
// before anybody could be promoted. Nobody else is routed who is not seen.
func (v *view) keepsOldRoute(from, to *Server) bool {
	if !v.data.Switchover.KeepsOldRoute || !v.silenced(from) || len(v.receiving(from)) > 0 {
		return false
	}
	return !slices.ContainsFunc(v.members, func(m Member) bool {
		s := v.server(m.Name)
		return s != from && s != to && !s.OK() && v.routed(s)
	})
}

// promoteAfterDeath promotes the candidate once it has executed all that it received.
func (v *view) promoteAfterDeath(from, to *Server) reconcile.Plan[Data] {
	p := v.plan()
	p.Conditions = v.inProgress("is at work: the candidate executes what it has received")
	p.MustFinish, p.Again, p.Next = true, true, busy
	// What it has more than an old source that is back is not kept apart: it is what counts.
	delete(v.data.Errant, to.Name)
	received, all := to.Received(), true
	if v.forced() {
		if to.Channel != nil && to.Channel.SQLErrno != 0 {
			// Its applier cannot go on. What it has not applied stays in the relay log.
			received, all = to.Executed, false
		}
		p.Events = []reconcile.Event{{Warning: true, Reason: "PromotionForced", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("%s is promoted as the annotation %s demands; what it has not received is lost", to.Name, v1alpha1.AnnotationForcePromote)}}
	} else if why := v.unassured(); why != "" && !from.OK() {
		p.Conditions = v.inProgress("is at work: the candidate executes what it has received." + why)
		p.Events = []reconcile.Event{{Warning: true, Reason: "PromotionUnassured", Once: v.data.Switchover.StartedAt.String(), Message: to.Name + " is promoted, and may lack what was acknowledged." + why}}
	}
	if doubt := !v.forced() && v.unassured() != ""; !from.OK() && doubt != v.data.Switchover.Unassured {
		// Before anybody is promoted, because nobody could tell it afterwards.
		v.data.Switchover.Unassured, p.Persist = doubt, true
	}
	route := reconcile.Routing{to.Name: reconcile.AccessReadWrite, from.Name: reconcile.AccessNone}
	if behind := v.leftBehind(from, to); v.keepsOldRoute(from, to) {
		maps.Copy(route, behind)
	} else {
		p.Steps = append(p.Steps, reconcile.Step{Name: "unroute", Routing: behind})
	}
	if from.Writable() {
		p.Steps = append(p.Steps, reconcile.Step{Name: "fence-extra", Whole: true, Actions: []reconcile.Action{v.fenceExtra(from.Name)}})
	}
	p.Steps = append(p.Steps, reconcile.Step{Name: "promote", Whole: true, Actions: []reconcile.Action{
		Promote{target: target{to.Name}, AfterSet: received, Timeout: failoverCatchUp, SemiSync: v.wantsAcks(to), Failover: all, Lender: v.lender(from, to)}}})
	p.Steps = append(p.Steps, beside("repoint", v.repoint(from, to, &received))...)
	p.Steps = append(p.Steps, reconcile.Step{Name: "route", Routing: route})
	return p
}
