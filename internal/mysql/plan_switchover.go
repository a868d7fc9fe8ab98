// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
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
	v.data.Switchover = &v1alpha1.SwitchoverStatus{
		From: from.Name, To: to.Name, Phase: v1alpha1.SwitchoverPreparing,
		Generation: v.gen, StartedAt: metav1.NewMicroTime(v.now), ToPodUID: v.pods[to.Name].UID, ToReplicas: v.followersOf(to),
	}
	p := v.prepare()
	p.Persist = true
	p.Events = append(p.Events, reconcile.Event{Reason: "SwitchoverStarted", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("from %s to %s", from.Name, to.Name)})
	return p
}

// refuse leaves the candidate and the source as they are, keeps looking after the
// other nodes, and says what is in the way.
func (v *view) refuse(condition string, to *Server, reason, why string) reconcile.Plan[Data] {
	fenced := v.data.Switchover
	if u := fenced; u == nil || u.Phase != v1alpha1.SwitchoverUndone {
		v.data.Switchover = nil
	}
	var p reconcile.Plan[Data]
	switch {
	case !v.source.OK():
		p = v.holdWithoutSource()
	case v.sourceLost():
		p = v.plan()
		p.Steps = v.shutOut()
	case fenced != nil && fenced.Phase == v1alpha1.SwitchoverSwitching:
		// Its replication may be stopped by an attempt to promote it.
		p = v.steady()
	default:
		p = v.steady(to.Name)
	}
	p.Conditions = reconcile.Topology(false, condition, fmt.Sprintf("%s stays the source: %s cannot take over (%s): %s", v.source.Name, to.Name, reason, why))
	p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: condition, Once: fmt.Sprintf("%d %s %s", v.gen, to.Name, reason), Message: p.Conditions[0].Message})
	p.Data.Result = "refused"
	p.Next = busy
	return p
}

// filtered says that a node has executed everything and does not hold everything.
func (v *view) filtered(s *Server) string {
	return fmt.Sprintf("its replication filters leave out or rename part of the data (%s), which would be gone for clients. Name another node; or, if nothing that clients need is left out, set the annotation %s: %s", shorten(s.Channel.Filters), v1alpha1.AnnotationForcePromote, s.Name)
}

// unfit says why a candidate cannot take over from a source that serves; "" when it can.
func (v *view) unfit(from, to *Server) (reason, why string) {
	c := to.Channel
	switch {
	case from.Reach == ReachError:
		return "SourceAnswersWithError", fmt.Sprintf("%s answers with an error (%s). Mend that; or, if it is beyond repair, stop its pod or set the annotation %s: %s", from.Name, from.Problem, v1alpha1.AnnotationForcePromote, to.Name)
	case !to.OK():
		return "CandidateUnreachable", to.Problem
	case v.hindrance(from, to) != "":
		return "LacksPrivilege", v.hindrance(from, to)
	case v.overtakenBy(from) != "":
		return "SourceOvertaken", v.data.Notes[from.Name]
	case from.Channel.Running():
		return "SourceReplicates", fmt.Sprintf("%s replicates itself from %s:%d and would go on to change behind a fence", from.Name, from.Channel.SourceHost, from.Channel.SourcePort)
	case from.FedBy() != "":
		return "SourceReplicates", from.Name + ": " + behindAFence(from.FedBy())
	case !to.GTIDMode || !to.LogBin || !to.LogReplicaUpdates:
		return "CandidateConfiguration", "gtid_mode, log_bin and log_replica_updates must be ON"
	case v.hollow(to):
		return "CandidateCloning", "it " + v.cloneNote(to)
	case v.lostTail(to) != "":
		return "CandidateLostData", v.wouldRepeat(to)
	case to.Writable():
		return "CandidateWritable", "it takes writes itself, and is made read-only first"
	case c == nil || !to.Follows(from):
		return "NotAReplica", "it does not replicate from " + from.Name
	case c.Filters != "" && v.force != to.Name:
		return "CandidateFiltered", v.filtered(to)
	case c.SQLErrno != 0:
		return "ApplierError", fmt.Sprintf("its applier has error %d: %s", c.SQLErrno, shorten(c.SQLError))
	case c.IOErrno != 0:
		return "ReceiverError", c.receiverTrouble()
	case c.IO != ThreadYes:
		return "ReceiverStopped", "its receiver (IO thread) is not running. Run START REPLICA on it"
	case c.SQL != ThreadYes:
		return "ApplierStopped", "its applier (SQL thread) is not running. Run START REPLICA on it"
	case c.Lag == nil:
		return "LagUnknown", "the server does not know how far it is behind"
	case *c.Lag > lagBound:
		return "CandidateBehind", fmt.Sprintf("it is more than %d seconds behind. Wait until it has caught up", lagBound)
	case !v.errantOn(to, from).Empty():
		return "CandidateDiverged", "it holds transactions that the source lacks: " + shorten(v.errantOn(to, from).String())
	case v.semi && !to.SemiSync.SourcePlugin:
		return "CandidateLacksPlugin", "spec.mode is rpl_semi_sync and the plugin semisync_source.so is not installed on it"
	case v.semi && !to.SemiSync.ReplicaActive && to.SemiSync.ReplicaPlugin:
		return "CandidateNotSemiSync", "it does not acknowledge semi-synchronously"
	case v.lacksAcknowledgers(from, to) != "":
		return "TooFewAcknowledge", v.lacksAcknowledgers(from, to) + ". Mend a replica, lower spec.semiSync.waitForReplicaCount, or set spec.mode: rpl_async"
	}
	for _, m := range v.replicasOf(to) {
		if o := v.server(m.Name); o != from && o.OK() && o.Follows(from) && !o.Executed.Contains(to.Purged) {
			return "CandidatePurged", fmt.Sprintf("it has purged transactions that %s still needs", m.Name)
		}
	}
	return "", ""
}

// drains says whether the candidate can leave -readonly before the fence: others stay behind it.
func (v *view) drains(to *Server) bool {
	for _, m := range v.replicasOf(v.source) {
		if s := v.server(m.Name); s != to && s.OK() && v.serves(m, s) {
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

// prepare is what happens before the fence: the source is armed, the candidate
// leaves -readonly. Clients notice nothing.
func (v *view) prepare() reconcile.Plan[Data] {
	from, to := v.source, v.server(v.data.Switchover.To)
	p := v.plan()
	p.Conditions = v.inProgress("is being prepared")
	p.Steps = v.unroute()
	if !from.ReadOnlyPersisted {
		p.Steps = append(p.Steps, reconcile.Step{Name: "arm", Optional: true, Actions: []reconcile.Action{ArmFence{target{from.Name}}}})
	}
	if v.drains(to) {
		r := v.routing()
		r[to.Name] = reconcile.AccessNone
		p.Steps = append(p.Steps, reconcile.Step{Name: "drain", Routing: r})
	}
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
func (v *view) resume() (r *v1alpha1.SwitchoverStatus, from, to *Server) {
	r = v.data.Switchover
	from, to = v.server(r.From), v.server(r.To)
	if from != nil && to != nil {
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
	switch {
	case v.promoted(from, to), v.tookOver(from, to) && (from.Writable() || !to.Executed.Contains(from.Executed)):
		// What has taken clients' writes is the source also when it is not writable now.
		return v.finish(to)
	case v.sourceLost():
		// What it held is gone: this is no switchover any more.
		return v.withoutRecord()
	case noWayBack(from, to):
		// The candidate has more than the fenced source: it was promoted, took writes,
		// and lost its writability (a restart). The only way is forward.
		return v.switchNow(from, to)
	case v.served(to):
		return v.waitForPromoted(to, cancelled)
	case v.mayServe(from, to):
		return v.waitFor(to, fmt.Sprintf("it may have been promoted and taken writes. If it is lost, make %s spec.source and set the annotation %s: %s", from.Name, v1alpha1.AnnotationForcePromote, from.Name))
	case !from.OK():
		return v.withoutOldSource(from, to, cancelled)
	case r.Phase == v1alpha1.SwitchoverUndoing:
		return v.undo(from, r.Message)
	case cancelled:
		return v.undo(from, "spec.source was changed meanwhile")
	case v.turnedAway(from, to) != "":
		return v.undo(from, v.turnedAway(from, to))
	case !from.Writable() && from.FedBy() != "":
		return v.undo(from, from.Name+": "+behindAFence(from.FedBy()))
	case v.overdue():
		return v.undo(from, fmt.Sprintf("it was not finished within %s", switchDeadline))
	case !to.OK() && from.Writable():
		return v.waitForCandidate(to)
	case !to.OK():
		return v.waitFor(to, "the candidate does not answer")
	case from.Writable():
		if reason, why := v.unfit(from, to); reason != "" {
			return v.refuse("SwitchoverRefused", to, reason, why)
		}
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
	case !from.OK() || v.sourceLost():
		return v.withoutRecord()
	}
	if reason, why := v.unfit(from, to); reason != "" {
		return v.refuse("SwitchoverRefused", to, reason, why)
	}
	if v.drainLeft(to) > 0 {
		return v.prepare()
	}
	r.Phase = v1alpha1.SwitchoverSwitching
	at := metav1.NewMicroTime(v.now)
	r.SwitchingAt = &at
	p := v.switchNow(from, to)
	p.Persist = true
	return p
}

// promoted: the candidate takes writes with its replication stopped, and holds all
// that it had to have for that: else somebody else made it writable, it was made anew, or
// the old source restarted unfenced before clients were led away from it. After a failover
// the old source does not count, and neither does it once the candidate has taken over: it
// is fenced and reported. One that is not seen says nothing, so that others are asked.
func (v *view) promoted(from, to *Server) bool {
	if !to.Writable() || to.Channel.Running() {
		return false
	}
	if v.data.Switchover.Failover || !from.OK() {
		// Where it is routed clients may have written to it, whatever others received since.
		// Else an old source that has returned with more is the better one.
		better := v.holdsMore(to, to.UUID) != "" || from.OK() && !v.sourceMadeAnew() && !to.Executed.Contains(from.Executed)
		return v.forced() || !to.Executed.Empty() && (v.routed(to) || !better)
	}
	switch {
	case v.tookOver(from, to):
		return true
	case !from.Writable() && from.Follows(to):
		// It may be a moment ahead of what was seen of the new source.
		return onlyOf(from.Executed.Subtract(to.Executed), to.UUID)
	case from.Writable() && v.routed(from) && !v.sourceMadeAnew() && !holdsOf(to.Executed.Subtract(from.Executed), to.UUID):
		// Clients may be writing there since it was looked at, and nobody has written here.
		return false
	}
	return to.Executed.Contains(from.Executed)
}

// tookOver: clients may have written to the seen candidate of a planned switchover. It was
// routed, which comes after the promotion; or it holds transactions of its own, and no
// label says that clients are still led to the old source, or that one has lost its fence
// by a restart. What the old source has taken since,
// after a restart that lost its fence, is what the new source lacks (law 5), and no reason
// to give up what was acknowledged there.
func (v *view) tookOver(from, to *Server) bool {
	if v.data.Switchover.Failover || !from.OK() || !to.OK() || to.Executed.Empty() || v.sourceMadeAnew() {
		return false
	}
	if was := v.status.Topology[to.Name]; was != nil && was.ServerUUID != "" && was.ServerUUID != to.UUID {
		// Made anew, it has nothing of what it took.
		return false
	}
	own := holdsOf(to.Executed.Subtract(from.Executed), to.UUID)
	if v.routed(from) {
		// Both labels are set between the two of a route, or because the change before this one
		// has not taken one off yet. Then it is read-only, and has nothing of its own.
		return v.routed(to) && (to.Writable() || own) || own && v.lostFence(from)
	}
	return v.routed(to) || own
}

// uptimeAllowance is by how much a server may have been started before its uptime says so,
// which is in whole seconds, rounded down.
const uptimeAllowance = time.Second

// lostFence: the old source takes writes and was surely restarted after the fence was begun.
// Until then nobody else could commit anything, and who has was promoted.
func (v *view) lostFence(from *Server) bool {
	at := v.data.Switchover.SwitchingAt
	return from.Writable() && at != nil && v.startOf(from).Add(-uptimeAllowance).After(at.Time)
}

// routed: clients are led to it for writes.
func (v *view) routed(s *Server) bool { return v.pods[s.Name].Readonly == "false" }

// served: a candidate that does not answer was routed, so that clients may have
// written to it; or others follow it already, which happens to it as it is promoted.
// Before the fence nobody was promoted, whoever follows; one replica that does, in
// semi-sync mode, may have been led ahead; and who did before the change began says nothing.
func (v *view) served(to *Server) bool {
	r := v.data.Switchover
	if to.OK() {
		return false
	}
	if v.routed(to) || !r.Failover && v.server(r.From).Writable() {
		return v.routed(to)
	}
	follow := 0
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if _, bad := v.data.Errant[m.Name]; bad || !s.OK() || !s.Follows(to) || slices.Contains(r.ToReplicas, m.Name) {
			continue
		}
		if follow++; m.Name == r.From || !v.semi {
			return true
		}
	}
	return follow > 1
}

// followersOf lists whose channels lead to a candidate already.
func (v *view) followersOf(to *Server) []string {
	var out []string
	for _, m := range v.members {
		if s := v.server(m.Name); s != to && s.OK() && s.Follows(to) {
			out = append(out, m.Name)
		}
	}
	return out
}

// mayServe: it may have been. The labels change one right after the other, and a pod
// that was made anew has lost its own: so the old source's tells as well, and where the
// candidate has another pod now nothing tells. force-promote of the old source says
// that it was not.
func (v *view) mayServe(from, to *Server) bool {
	old := v.pods[from.Name]
	forced := v.forced() && v.force == from.Name
	return !to.OK() && !forced && (!old.Gone() && old.Readonly != "false" || !from.Writable() && v.podMadeAnew(to))
}

// podMadeAnew: the candidate's pod is not the one that it was when the change began.
func (v *view) podMadeAnew(to *Server) bool {
	was := v.data.Switchover.ToPodUID
	return was != "" && v.pods[to.Name].UID != was
}

// waitForPromoted: the new source was promoted and is gone. It is the source all the
// same: if the user names another one, that is a failover from it.
func (v *view) waitForPromoted(to *Server, cancelled bool) reconcile.Plan[Data] {
	if !cancelled {
		return v.waitFor(to, "it was promoted and may have taken writes. If it is lost, make another node spec.source")
	}
	v.source = to
	v.end(v.uuidOf(to.Name))
	clear(v.data.Errant)
	clear(v.data.Notes)
	clear(v.data.Ready)
	v.assess()
	return v.withoutRecord()
}

func (v *view) overdue() bool {
	at := v.data.Switchover.SwitchingAt
	return at == nil || v.now.After(at.Add(switchDeadline))
}

// noWayBack: the candidate holds what the old source lacks, which is not writable.
func noWayBack(from, to *Server) bool {
	return from.OK() && to.OK() && !from.Writable() && !from.Executed.Contains(to.Executed)
}

// switchNow is the part that clients notice: fence, promote, route. Whoever else
// replicates is re-pointed beside it.
func (v *view) switchNow(from, to *Server) reconcile.Plan[Data] {
	p := v.plan()
	p.Conditions = v.inProgress("is at work")
	if v.overdue() {
		p.Conditions = v.inProgress(fmt.Sprintf("is at work after its deadline: %s holds transactions that %s lacks, so that there is no way back", to.Name, from.Name))
	}
	p.MustFinish, p.Again = true, true
	p.Next = busy
	p.Steps = v.unrouteOthers(from, to)
	attach := v.repoint(from, to, nil)
	var ahead Led
	if from.Writable() {
		if lead := v.leadAhead(attach, from, to); lead != nil {
			ahead = Led{Name: lead[0].Node(), Host: to.Host, Port: to.Port}
			p.Steps = append(p.Steps, reconcile.Step{Name: "ahead", Optional: true, Actions: lead})
		}
		// Right before the fence: whatever comes between them lets the candidate fall behind.
		p.Steps = append(p.Steps, reconcile.Step{Name: "catch-up", Actions: []reconcile.Action{
			CatchUp{target: target{to.Name}, Set: from.Executed, Source: from.Name, Ahead: ahead, Known: to.known(), Answers: v.wantsAcks(to).Enabled, Timeout: catchUpTimeout}}})
	}
	p.Steps = append(p.Steps,
		reconcile.Step{Name: "fence", StopsWrites: true, Actions: []reconcile.Action{
			FenceSource{target: target{from.Name}, Timeout: fenceTimeout, KillClients: true,
				UUID: from.UUID, Still: !noWayBack(from, to), Persist: !from.ReadOnlyPersisted}}},
		reconcile.Step{Name: "promote", Actions: []reconcile.Action{
			Promote{target: target{to.Name}, AfterFact: FencedFact(from.Name), From: from.Name, Timeout: promoteTimeout, SemiSync: v.wantsAcks(to)}}},
	)
	early, late := v.urgent(attach, from, to, ahead.Name)
	p.Steps = append(p.Steps, beside("repoint", early)...)
	p.Steps = append(p.Steps, reconcile.Step{Name: "route", RestoresWrites: true, Routing: reconcile.Routing{
		to.Name: reconcile.AccessReadWrite, from.Name: reconcile.AccessNone}})
	p.Steps = append(p.Steps, beside("rejoin", late)...)
	return p
}

// urgent splits off who need not follow the new source before it is routed: the
// replica that was led ahead, and the old source when enough others can acknowledge. It
// still has clients to get rid of, and every statement before the route costs clients time.
func (v *view) urgent(attach []reconcile.Action, old, to *Server, ahead string) (early, late []reconcile.Action) {
	spared := v.acknowledgersBut(old, attach, to) >= v.wantsAcks(to).count()
	for _, a := range attach {
		if a.Node() == ahead || a.Node() == old.Name && spared {
			late = append(late, a)
			continue
		}
		early = append(early, a)
	}
	return early, late
}

// acknowledgersBut counts those who follow the candidate already or are about to, without
// the old source.
func (v *view) acknowledgersBut(old *Server, attach []reconcile.Action, to *Server) int {
	count := 0
	for _, m := range v.replicasOf(to) {
		s := v.server(m.Name)
		follows := s.OK() && s.Follows(to) && s.Channel.Streams()
		if s != old && (follows || slices.ContainsFunc(attach, func(a reconcile.Action) bool { return a.Node() == m.Name })) {
			count++
		}
	}
	return count
}

// beside is a step that runs beside those that follow; none without actions.
func beside(name string, actions []reconcile.Action) []reconcile.Step {
	if len(actions) == 0 {
		return nil
	}
	return []reconcile.Step{{Name: name, Background: true, Actions: actions}}
}

// repoint attaches to a new source whoever followed the old one without trouble, and
// the old one itself. within is what the new source surely holds; nil: what the old
// one will have when it is fenced.
func (v *view) repoint(from, to *Server, within *gtid.Set) []reconcile.Action {
	var out []reconcile.Action
	twins := v.allTwins()
	for _, m := range v.replicasOf(to) {
		s := v.server(m.Name)
		// One that is stopped as a whole was to be led ahead, and starts as it is re-pointed.
		if !s.OK() || s != from && (!s.Follows(from) || !s.Fenced() || s.Channel.SQLErrno != 0 || s.Channel.SQL != ThreadYes && s.Channel.IO != ThreadNo) {
			continue
		}
		if slices.Contains(twins, m.Name) || v.hollow(s) {
			continue
		}
		// What the old source has lost is no fault of those who follow a new one that holds it.
		_, bad := v.data.Errant[m.Name]
		if bad && (within == nil || !v.sourceLost()) || !s.Executed.Contains(to.Purged) || within != nil && !within.Contains(s.Received()) {
			continue
		}
		a := Attach{target: target{m.Name}, Source: to.Name, SourceHost: to.Host, SourcePort: to.Port, SourceUUID: to.UUID, SemiSync: v.wantsReplicaAcks(s), Within: within}
		if within == nil {
			a.WithinFact = FencedFact(from.Name)
		}
		if !s.Follows(to) {
			// A channel that leads there already is left as it is until the change is over.
			a.TLS = v.wantsTLS(s, to)
		}
		out = append(out, a)
	}
	return out
}

// end records that the change of the source is finished. uuid is the new source's, where
// that is known.
func (v *view) end(uuid string) {
	r, before := v.data.Switchover, v.data.Last
	v.data.Last = &v1alpha1.LastSwitchover{From: r.From, To: r.To, Failover: r.Failover, StartedAt: r.StartedAt, FinishedAt: metav1.NewMicroTime(v.now)}
	if r.Failover {
		old := cmp.Or(v.data.SourceUUID, v.uuidOf(r.From))
		v.depose(old)
		if r.Unassured && before != nil && before.To == r.From {
			// The new source may have lagged behind the old one's own predecessor.
			v.doubt(v.uuidOf(before.From))
		}
		if r.Unassured {
			v.doubt(old)
		}
	}
	v.reinstate(uuid)
	v.data.Source, v.data.SourceUUID = r.To, uuid
}

// finish records that the candidate is the source, and goes on as usual.
func (v *view) finish(to *Server) reconcile.Plan[Data] {
	r := v.data.Switchover
	v.source = to
	v.end(to.UUID)
	v.data.Switchover = nil
	v.data.Result = "finished"
	clear(v.data.Errant)
	clear(v.data.Notes)
	clear(v.data.Ready)
	v.assess()
	from := v.server(r.From)
	if !r.Failover && from.OK() && !onlyOf(from.Executed.Subtract(to.Executed), to.UUID) {
		// Others may have it from there, and would be taken for those who know better.
		v.depose(from.UUID)
	}
	p := v.steady()
	p.Steps = routeFirst(from, to, append(v.unrouteOthers(from, to), p.Steps...), r.Failover)
	p.Persist, p.Again = true, true
	e := reconcile.Event{Reason: "SwitchoverFinished", Once: r.StartedAt.String(), Message: fmt.Sprintf("%s is the source; it was %s", r.To, r.From)}
	if r.Failover {
		v.data.Result = "failover"
		e.Reason, e.Warning = "FailoverFinished", true
	}
	p.Data.Result = v.data.Result
	p.Events = append(p.Events, e)
	return p
}

// routeFirst puts the route before the other steps of a change that is over: clients wait
// for it, if an earlier operator died before it. Two who may take writes are never behind it:
// an old source that was left, or has lost its fence, or is not seen and may have lost it,
// loses its label before. One that is seen to have lost its fence is fenced before, too; of
// one that was left nothing is expected.
func routeFirst(from, to *Server, steps []reconcile.Step, failover bool) []reconcile.Step {
	loose, others := from.OK() && !from.Fenced(), reconcile.Routing{}
	if failover || !from.Fenced() {
		others[from.Name] = reconcile.AccessNone
	}
	steps = slices.DeleteFunc(slices.Clone(steps), func(s reconcile.Step) bool {
		if s.Name != "unroute" {
			return false
		}
		for name, access := range s.Routing {
			if name != from.Name {
				others[name] = access
			}
		}
		return true
	})
	var first []reconcile.Step
	if len(others) > 0 {
		first = append(first, reconcile.Step{Name: "unroute", Routing: others})
	}
	fences := func(s reconcile.Step) bool {
		return slices.ContainsFunc(s.Actions, func(a reconcile.Action) bool { f, is := a.(FenceSource); return is && f.On == from.Name })
	}
	if i := slices.IndexFunc(steps, fences); loose && !failover && i >= 0 {
		fence := steps[i]
		fence.Optional = false
		first, steps = append(first, fence), slices.Delete(slices.Clone(steps), i, i+1)
	}
	if to.Writable() {
		first = append(first, reconcile.Step{Name: "route", Routing: reconcile.Routing{to.Name: reconcile.AccessReadWrite, from.Name: reconcile.AccessNone}})
	}
	return append(first, steps...)
}

// undo gives the old source its writes back. It does not depend on the record: a
// source that is seen fenced is made writable first, and the record follows.
func (v *view) undo(from *Server, why string) reconcile.Plan[Data] {
	r := v.data.Switchover
	if from.Writable() {
		if v.spec.Source.Name == r.To {
			r.Phase, r.Message = v1alpha1.SwitchoverUndone, why
		} else {
			v.data.Switchover = nil
		}
		p := v.steady()
		p.Data.Switchover, p.Data.Result = v.data.Switchover, "undone"
		p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "SwitchoverUndone", Once: r.StartedAt.String(),
			Message: fmt.Sprintf("%s is the source still: the switchover to %s was undone: %s", r.From, r.To, why)})
		return p
	}
	r.Phase, r.Message = v1alpha1.SwitchoverUndoing, why
	p := v.plan()
	p.Conditions = v.inProgress("is being undone: " + why)
	p.MustFinish, p.Again, p.Next = true, true, busy
	p.Steps = v.unroute()
	if extra := v.fenceExtras(); len(extra) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "fence-extra", Actions: extra})
	}
	if detach := v.detachSource(); len(detach) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "detach-source", Actions: detach})
	}
	p.Steps = append(p.Steps, reconcile.Step{Name: "undo", Actions: []reconcile.Action{SetWritable{target: target{from.Name}, SemiSync: v.wantsAcks(from)}},
		Routing: reconcile.Routing{from.Name: reconcile.AccessReadWrite, r.To: reconcile.AccessNone}})
	return p
}

// withoutOldSource: the old source went away between fence and promotion. What it
// held last is unknown, so nobody is promoted on a guess: it is waited for. A
// further edit of the spec, or force-promote, turns this into a failover.
func (v *view) withoutOldSource(from, to *Server, cancelled bool) reconcile.Plan[Data] {
	r := v.data.Switchover
	third := cancelled && v.spec.Source.Name != from.Name
	if third || !cancelled && (v.force == r.To || r.Generation != v.gen) {
		return v.withoutRecord()
	}
	return v.waitFor(from, fmt.Sprintf("the old source went away in the middle of it. It goes on when %s answers; if it never will, set the annotation %s: %s", from.Name, v1alpha1.AnnotationForcePromote, to.Name))
}

// waitForCandidate: it went away before the fence. It may be back before the deadline.
// Meanwhile the others are looked after as ever: a replica that was led ahead, or stopped
// for that, acknowledges to nobody while the old source waits for it.
func (v *view) waitForCandidate(to *Server) reconcile.Plan[Data] {
	p := v.steady(to.Name)
	p.Conditions = v.inProgress(fmt.Sprintf("waits for %s (%s): the candidate does not answer", to.Name, to.Problem))
	p.Next = busy
	return p
}

// waitFor changes nothing and says whom it waits for.
func (v *view) waitFor(s *Server, why string) reconcile.Plan[Data] {
	p := v.plan()
	p.Conditions = v.inProgress(fmt.Sprintf("waits for %s (%s): %s", s.Name, s.Problem, why))
	p.Next = busy
	return p
}

// withoutRecord plans anew as if no change of the source had been recorded. What may be up of
// that one is resolved whatever is asked since; another one is not begun under skip.
func (v *view) withoutRecord() reconcile.Plan[Data] {
	v.data.Switchover = nil
	v.skip = v.skips
	return v.decide()
}

// withoutNode is withoutRecord where a node of the record is known no more. A fence that may be
// up comes off also under skip, and nothing else is begun.
func (v *view) withoutNode() reconcile.Plan[Data] {
	if !v.skips {
		return v.withoutRecord()
	}
	v.data.Switchover = nil
	p := v.steady()
	p.Again, p.Events = false, nil
	p.Steps = slices.DeleteFunc(p.Steps, func(s reconcile.Step) bool { return !slices.Contains(opening, s.Name) })
	return p
}

// opening are the steps that have the source take writes, alone, and clients led to it.
var opening = []string{"unroute", "fence-extra", "detach-source", "source", "source-settings", "route"}
