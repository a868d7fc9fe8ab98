// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/grants"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// steady brings every node to the part that it plays under the present source,
// and reports. It runs also while a wanted switchover is refused: `except` names
// a candidate whose replication is then left running or stopped, as it is.
func (v *view) steady(except ...string) reconcile.Plan[Data] {
	if s := v.source; s.OK() && !v.sourceMadeAnew() {
		// Restored with all its data under another uuid, it is the source still.
		v.data.SourceUUID = s.UUID
	}
	p := v.plan()
	untouched := map[string]bool{}
	for _, n := range except {
		untouched[n] = true
	}
	add := func(name string, optional bool, actions ...reconcile.Action) {
		if actions = v.allowed(actions); len(actions) > 0 {
			p.Steps = append(p.Steps, reconcile.Step{Name: name, Optional: optional, Actions: actions})
		}
	}

	// A second writable node first: it must be fenced before the source is let loose.
	extras := v.fenceIntruders()
	first := v.unroute()
	p.Steps = first
	add("fence-extra", false, extras...)

	acks := v.replicaSettings()
	source := v.sourceSettings()
	detach := v.detachSource()
	hindered := func(actions []reconcile.Action) bool { return len(v.allowed(actions)) < len(actions) }
	if hindered(detach) || !v.source.Writable() && hindered(extras) {
		// It replicates itself, or somebody else takes writes, and that cannot be ended.
		source = nil
	}
	attach := v.attachments(untouched)
	add("detach-source", false, detach...)
	if v.semi && !v.lowers(v.source) {
		// Replicas learn to acknowledge before the source begins to wait for them.
		add("replica-settings", true, acks...)
		add("source-settings", false, source...)
	} else {
		add("source-settings", false, source...)
		add("replica-settings", true, acks...)
	}
	add("attach", true, attach...)
	add("detach", true, v.detachments()...)
	add("hold-read-only", true, v.holds()...)
	p.Again = len(p.Steps) > len(first)

	add("renew-password", true, v.renewals()...)
	add("secure-channels", true, v.securing(untouched)...)
	if retry := v.restarts(untouched); len(retry) > 0 {
		add("restart-replication", true, retry...)
	}
	if old := v.fenceDeposed(); len(old) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "fence-old-source", Optional: true, Actions: old})
	}
	add("abort-clone", true, v.aborts()...)
	v.dropLeaving()
	add("expel", true, v.expulsions()...)
	p.Steps = append(p.Steps, reconcile.Step{Name: "route", Routing: v.routing()})
	if !p.Again {
		// Everybody has the place that is left to them, and readers are led elsewhere.
		anew := v.rejoins()
		add("clone", true, anew...)
		p.Persist, p.Again = len(anew) > 0, len(anew) > 0
	}
	p.Conditions = v.steadyCondition()
	p.Events = append(p.Events, v.steadyEvents()...)
	p.Next = v.lingering()
	if p.Conditions[0].Status != metav1.ConditionTrue {
		p.Next = busy
	}
	return p
}

// unroute comes before clients are led to the source, and before anything that may fail: whoever
// is not seen may take writes, and has its label still when the end of a failover is on record
// and the step after that failed, or was not begun. So does an old source that is back.
func (v *view) unroute() []reconcile.Step {
	return v.unrouteThose(func(s *Server) bool { return s != v.source && !s.Fenced() })
}

// unrouteOthers takes the label of a source from all who have no part in a change of it: nobody has
// fenced those who are seen.
func (v *view) unrouteOthers(from, to *Server) []reconcile.Step {
	return v.unrouteThose(func(s *Server) bool { return s != from && s != to })
}

func (v *view) unrouteThose(which func(s *Server) bool) []reconcile.Step {
	others := reconcile.Routing{}
	for _, m := range v.members {
		if s := v.server(m.Name); which(s) && v.routed(s) {
			others[m.Name] = reconcile.AccessNone
		}
	}
	if len(others) == 0 {
		return nil
	}
	return []reconcile.Step{{Name: "unroute", Routing: others}}
}

// fenceExtra fences a node that nobody should write to.
func (v *view) fenceExtra(name string) FenceSource {
	return FenceSource{target: target{name}, Timeout: fenceTimeout, KillClients: true, ReleaseAcks: true, Persist: true}
}

// fenceExtras are the members other than the source that take writes.
func (v *view) fenceExtras() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.ours() {
		if s := v.server(m.Name); s != v.source && s.Writable() {
			out = append(out, v.fenceExtra(m.Name))
		}
	}
	return out
}

// fenceIntruders are the fenceExtras without one that has overtaken the source: that stays
// read-only for it, and with both of them nobody would take writes any more.
func (v *view) fenceIntruders() []reconcile.Action {
	return slices.DeleteFunc(v.fenceExtras(), func(a reconcile.Action) bool { return v.overtakes(v.server(a.Node())) })
}

// overtakes: it takes writes, and others hold of it what a read-only source lacks.
func (v *view) overtakes(s *Server) bool {
	_, theirs := v.overtaking(v.source)
	return s.Writable() && hasPartIn(s, theirs)
}

// fenceFailedClones fence nodes that a clone has left with super_read_only OFF.
func (v *view) fenceFailedClones() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.replicasOf(v.source) {
		s, r := v.server(m.Name), v.data.Clones[m.Name]
		if s.OK() && r != nil && r.State == v1alpha1.MysqlCloneFailed && !s.Writable() && !s.Fenced() && !v.cloning(s) {
			out = append(out, v.fenceExtra(m.Name))
		}
	}
	return out
}

// holds keep a node read-only that is not attached, because it holds what the source
// lacks or the source is not seen to hold it: nothing else would see to it that it stays so,
// for those too who may write in spite of read_only, and after a restart.
func (v *view) holds() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.replicasOf(v.source) {
		s := v.server(m.Name)
		if s.OK() && !s.Writable() && !v.attachable(s) && !v.cloning(s) && (!s.Fenced() || !s.ReadOnlyPersisted) {
			out = append(out, v.fenceExtra(m.Name))
		}
	}
	return out
}

// sourceSettings make the source writable and tidy.
func (v *view) sourceSettings() []reconcile.Action {
	s := v.source
	if !s.OK() {
		return nil
	}
	want := v.wantsAcks(s)
	switch {
	case s.Channel.Running() && !v.followsMember(s):
		// Somebody feeds it from outside: that is not ours to end.
		return nil
	case v.overtakenBy(s) != "":
		return nil
	case !s.Writable() && v.mayHaveLost(s):
		// The next look tells.
		return nil
	case v.holdsBack(s) && s.Writable() && s.Channel.Running():
		// It will have executed that in a moment.
		return nil
	case v.holdsBack(s) && s.Writable():
		// A forced promotion has left it there; the rest is to be settled.
	case v.holdsBack(s) && s.Channel.SQL == ThreadNo:
		return []reconcile.Action{StartReplication{target: target{s.Name}}}
	case v.holdsBack(s):
		// It restarted before it was settled and has received from its old source since.
		return []reconcile.Action{Promote{target: target{s.Name}, AfterSet: s.Received(), Timeout: failoverCatchUp, SemiSync: want, Failover: true}}
	case s.Channel.Running() || !s.Writable():
		// A source that replicates from a member is detached before, and read-only then.
		return []reconcile.Action{SetWritable{target: target{s.Name}, SemiSync: want}}
	}
	mayReset := len(missingOn(s, []grants.Privilege{grants.Reload})) == 0
	stale := mayReset && s.Channel != nil && s.Channel.IO == ThreadNo && s.Channel.SQL == ThreadNo && s.Executed.Contains(s.Channel.Retrieved)
	want = v.settledAcks(s)
	if stale || s.ReadOnlyPersisted || needsSettling(s.SemiSync, want) || v.mayForget(s, want) || s.SemiSync.ReplicaEnabled {
		return []reconcile.Action{Settle{target: target{s.Name}, SemiSync: want, KeepChannel: !mayReset}}
	}
	return nil
}

// mayForget: a restart takes away that its commits wait, which it would not if that were
// persisted.
func (v *view) mayForget(s *Server, want SemiSyncWant) bool {
	return want.Enabled && s.SemiSync.SourceEnabled && !s.WaitsAfterRestart && !s.IgnoresPersisted
}

// holdsBack: a source has received from a member what it has not executed. That may
// have been acknowledged, and is not left behind unless the user says so by name.
func (v *view) holdsBack(s *Server) bool {
	return v.force != s.Name && s.Channel != nil && v.followsMember(s) && !s.Executed.Contains(s.Channel.Retrieved)
}

// detachSource ends the replication of a source from a member: it was to become a
// replica when the change of the source was undone, and cannot be writable before.
func (v *view) detachSource() []reconcile.Action {
	s := v.source
	if !s.OK() || !s.Channel.Running() || !v.followsMember(s) || v.holdsBack(s) {
		return nil
	}
	mayReset := len(missingOn(s, []grants.Privilege{grants.Reload})) == 0
	return []reconcile.Action{Detach{target: target{s.Name}, KeepChannel: !mayReset || !s.Executed.Contains(s.Channel.Retrieved)}}
}

// vouches says whether a seen node acknowledges, now or after a restart, to one that the
// spec names. A receiver that was started with the setting on goes on after that is off.
func (v *view) vouches(s *Server) bool {
	return v.followsOurs(s) && (s.SemiSync.ReplicaEnabled || s.SemiSync.ReplicaActive && s.Channel.IO != ThreadNo)
}

// wantsReplicaAcks says whether a replica should acknowledge.
func (v *view) wantsReplicaAcks(s *Server) bool { return v.semi && s.SemiSync.ReplicaPlugin }

// replicaSettings bring semi-sync on running replicas to the mode.
func (v *view) replicaSettings() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.members {
		s := v.server(m.Name)
		if s == v.source || !s.OK() || m.Isolated {
			continue
		}
		if m.Leaving {
			// What no longer belongs to the set must not vouch for its commits.
			if v.vouches(s) {
				out = append(out, SetSemiSync{target: target{m.Name}})
			}
			continue
		}
		want := v.wantsReplicaAcks(s)
		running := s.Follows(v.source) && s.Channel.IO == ThreadYes
		// A receiver does not become active while its source lacks the plugin.
		inactive := s.SemiSync.ReplicaActive != want && v.source.SemiSync.SourcePlugin
		if s.Fenced() && running && (s.SemiSync.ReplicaEnabled != want || inactive || s.SemiSync.SourceEnabled) {
			out = append(out, SetSemiSync{target: target{m.Name}, Replica: want})
		}
	}
	return out
}

// attachments make replicas of members that are not, where nothing is lost by it.
func (v *view) attachments(untouched map[string]bool) []reconcile.Action {
	var out []reconcile.Action
	losing := false
	for _, m := range v.replicasOf(v.source) {
		s := v.server(m.Name)
		if !v.attachable(s) || v.rejected(s) {
			continue
		}
		if v.losesRelayLog(s) {
			// One after the other: the rest has what was acknowledged.
			if losing {
				continue
			}
			losing = true
		}
		right := s.Follows(v.source) && s.Channel.AutoPosition && !s.Channel.Elsewhere
		if !right || !untouched[m.Name] && (!s.Fenced() || !s.ReadOnlyPersisted) {
			do := v.attach(s, false)
			if right {
				// Channels that work get other TLS one after the other: securing.
				do.TLS = nil
			}
			out = append(out, do)
		}
	}
	return out
}

// renewals give the credential again to receivers that cannot authenticate. That
// may not help, so that nobody looks again at once because of it.
func (v *view) renewals() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.replicasOf(v.source) {
		if s := v.server(m.Name); v.attachable(s) && v.rejected(s) {
			out = append(out, v.attach(s, true))
		}
	}
	return append(out, v.rotation()...)
}

// rotation gives a running channel the Secret's new password, so that it has that when it
// reconnects some day. One at a time, because its receiver stops for it, and others
// acknowledge meanwhile; and not while the source is being changed, when it may be given
// that anyway.
func (v *view) rotation() []reconcile.Action {
	if underWay(v.data.Switchover) {
		return nil
	}
	for _, m := range v.replicasOf(v.source) {
		s := v.server(m.Name)
		right := s.OK() && s.Follows(v.source) && s.Channel.AutoPosition && !s.Channel.Elsewhere && s.Channel.Streams()
		if right && s.PasswordOutdated && s.Fenced() && s.ReadOnlyPersisted && v.attachable(s) {
			do := v.attach(s, true)
			// That is changed where it is seen whether it works.
			do.TLS = nil
			return []reconcile.Action{do}
		}
	}
	return nil
}

// rejected: the channel is right and the source refuses its password, or the channel
// does not send it because it was made without GET_SOURCE_PUBLIC_KEY and has no TLS.
func (v *view) rejected(s *Server) bool {
	return s.OK() && s.Follows(v.source) && s.Channel.AutoPosition &&
		(s.Channel.IOErrno == conn.NumberAccessDenied || s.Channel.IOErrno == receiverNeedsTLS)
}

// securing gives channels the TLS of the spec. Like renewals it may not help.
func (v *view) securing(untouched map[string]bool) []reconcile.Action {
	var out []reconcile.Action
	for _, s := range v.resecured(untouched) {
		out = append(out, v.attach(s, false))
	}
	return out
}

// attachable says whether a seen member may be pointed at the source: the source
// is seen, and has all that the member has executed or received (law 5, law 6),
// and the member has all that the source has purged.
func (v *view) attachable(s *Server) bool {
	src := v.source
	if !s.OK() || !src.OK() || !s.GTIDMode || v.hollow(s) {
		return false
	}
	if s.Follows(src) && !s.Channel.Elsewhere {
		return src.Executed.Contains(s.Executed) || v.awaitsMore(s, s.Executed.Subtract(src.Executed))
	}
	extra := s.Received().Subtract(src.Executed)
	return (extra.Empty() || v.stillCommits(s, extra) || v.awaitsMore(s, extra)) && s.Executed.Contains(src.Purged)
}

// stillCommits: what a replica has more than the source are commits of it that wait for an
// acknowledgement. The replica was led ahead of a switchover and has them through a
// candidate that went away, and the source must not wait for ever for one that it does not
// know. It is not excused when the source has restarted since: that may have lost them.
func (v *view) stillCommits(s *Server, extra gtid.Set) bool {
	src, r := v.source, v.recorded
	return r != nil && !r.Failover && r.From == src.Name && s.Follows(v.server(r.To)) &&
		src.SemiSync.WaitSessions > 0 && onlyOf(extra, src.UUID) && v.now.Add(-src.Uptime).Before(r.StartedAt.Time)
}

// awaitsMore: what a replica has more than the source are commits that wait for the
// acknowledgement of further replicas, or that it has through a node which does not
// acknowledge. Of a source that has lost them its receiver reports an error. Of one that was
// led ahead of a switchover stillCommits knows more.
//
// With a count of one a replica that follows the source itself would have ended that, unless
// it was cut off or taken out of replication in between: then the source waits for what only
// attaching it again can tell.
func (v *view) awaitsMore(s *Server, extra gtid.Set) bool {
	semi, c := v.source.SemiSync, s.Channel
	if r := v.recorded; semi.WaitCount < 2 && r != nil && s.Follows(v.server(r.To)) {
		return false
	}
	if !semi.SourceActive || semi.WaitSessions == 0 || !onlyOf(extra, v.source.UUID) {
		return false
	}
	if c != nil && (semi.WaitCount > 1 || !s.Follows(v.source)) {
		return c.IOErrno == 0
	}
	return !s.turnedAwayBy(v.source) && v.ranOn(s)
}

// ranOn: the source runs since it was seen without what the replica has more than it, so
// that it cannot have lost that in between, and commit something else under its number now.
func (v *view) ranOn(s *Server) bool {
	was := v.status.Topology[v.source.Name]
	return was != nil && was.StartedAt != nil && !v.restarted(v.source) && !reportedOf(v.status.Topology[s.Name], v.source.UUID)
}

// attach points a member at the source.
func (v *view) attach(s *Server, renew bool) Attach {
	within := v.source.Executed
	if extra := s.Received().Subtract(within); v.stillCommits(s, extra) || v.awaitsMore(s, extra) {
		within = within.Union(extra)
	}
	return Attach{
		target: target{s.Name}, Source: v.source.Name, SourceHost: v.source.Host, SourcePort: v.source.Port, SourceUUID: v.source.UUID,
		SemiSync: v.wantsReplicaAcks(s), Within: &within, RenewPassword: renew,
		TLS: v.wantsTLS(s, v.source),
	}
}

// restarts start threads that are stopped without an error of the applier. An
// error of the receiver is tried again at every look: it may have been mended.
func (v *view) restarts(untouched map[string]bool) []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.replicasOf(v.source) {
		s := v.server(m.Name)
		if v.clones() && s.OK() && v.needsClone(m, s) != "" {
			continue
		}
		if !s.OK() || untouched[m.Name] || !s.Follows(v.source) || !s.Fenced() || !s.ReadOnlyPersisted || len(v.data.Errant[m.Name].set.String()) > 0 {
			continue
		}
		c := s.Channel
		if c.SQLErrno == 0 && !v.rejected(s) && (c.IO == ThreadNo || c.SQL == ThreadNo) {
			out = append(out, StartReplication{target: target{m.Name}, Source: v.source.known()})
		}
	}
	return out
}

// detachments take isolated members out of replication. The relay log is kept
// while it holds what the source lacks.
func (v *view) detachments() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if !m.Isolated || !s.OK() || s == v.source || v.cloning(s) {
			continue
		}
		running := s.Channel != nil && (s.Channel.IO != ThreadNo || s.Channel.SQL != ThreadNo)
		safe := v.source.OK() && v.source.Executed.Contains(s.Received())
		if running || s.Channel != nil && safe || !s.Fenced() || !s.ReadOnlyPersisted || s.SemiSync.ReplicaEnabled {
			out = append(out, Detach{target: target{m.Name}, KeepChannel: !safe, Elsewhere: v.source.Executed})
		}
	}
	return out
}

// dropLeaving marks the leaving nodes that have no part any more.
func (v *view) dropLeaving() {
	for _, m := range v.members {
		if !m.Leaving {
			continue
		}
		s := v.server(m.Name)
		gone := !s.OK() && (v.pods[m.Name].Gone() && !v.mayReturn(m) || v.isGivenUp(m.Name)) || v.unanswered(m, s)
		// While the source is not seen, a node that leaves may hold what nobody else has.
		free := s.OK() && v.source.OK() && !v.vouches(s)
		// Named again, it would be taken to hold what it says, and its data is gone.
		free = free && !v.cloning(s) && (!v.hollow(s) || s.Executed.Empty())
		// A source that is not settled still has its channel to the old one.
		named := v.source.OK() && v.source.Follows(s)
		if s != v.source && !named && (gone || free && (!v.deposed(m) || v.letGo(m))) {
			v.data.Drop[m.Name] = true
		}
	}
}

// unanswered: an external node gives no answer, and the user no longer names it. No pod's
// absence will ever tell that it is gone. An old source is waited for: it may come back
// writable.
func (v *view) unanswered(m Member, s *Server) bool {
	return m.External && s.Reach == ReachNone && v.source.OK() && !v.mayReturn(m) && (v.data.Last == nil || v.data.Last.From != m.Name)
}

// steadyCondition reports the first thing that is not as the spec wants it.
func (v *view) steadyCondition() []metav1.Condition {
	var problems []string
	reason := ""
	note := func(r, text string) {
		if reason == "" {
			reason = r
		}
		problems = append(problems, text)
	}
	if lacking := v.lacking(); len(lacking) > 0 {
		note("PrivilegeMissing", strings.Join(lacking, "; "))
	}
	if w := v.wanted(); w != v.source && v.source != nil {
		note("SourceNotAsWanted", fmt.Sprintf("the source is %s and spec.source is %s", v.source.Name, w.Name))
	}
	if u := v.data.Switchover; u != nil && u.Phase == v1alpha1.SwitchoverUndone {
		reason, problems = "SwitchoverUndone", []string{fmt.Sprintf("the switchover to %s was undone: %s. %s is the source again. Put it back as spec.source; to try again, name %s once more after that.", u.To, u.Message, u.From, u.To)}
	}
	if v.source != nil && v.source.OK() && !v.data.Ready[v.source.Name] {
		why := "SourceNotReady"
		if v.source.Writable() && v.goesUnacknowledged(v.source) {
			why = "SemiSyncInactive"
		} else if v.source.Writable() && v.commitsWait(v.source) {
			why = "CommitsWaitForReplica"
		} else if v.source.Writable() && v.acknowledgedByFewer(v.source) {
			why = "FewerAcknowledgements"
		}
		note(why, v.source.Name+": "+v.data.Notes[v.source.Name])
	}
	names := make([]string, 0, len(v.members))
	for _, m := range v.ours() {
		if v.source == nil || m.Name != v.source.Name {
			names = append(names, m.Name)
		}
	}
	sort.Strings(names)
	for _, n := range names {
		if v.data.Ready[n] {
			continue
		}
		switch _, bad := v.data.Errant[n]; {
		case v.server(n).OK() && v.rejoinProblem(n) != "":
			note(v.rejoinProblem(n), n+": "+v.data.Notes[n])
		case bad:
			note("ReplicaDiverged", n+": "+v.data.Notes[n])
		case len(v.server(n).Missing) > 0 && !v.server(n).OK():
			// Named above.
		case !v.server(n).OK():
			note("NodeUnreachable", n+" is not seen: "+v.data.Notes[n])
		default:
			note("ReplicaNotReady", n+": "+v.data.Notes[n])
		}
	}
	for _, m := range v.members {
		if v.deposed(m) && !v.letGo(m) {
			note("OldSourceReturned", fmt.Sprintf("%s was the source before %s and left the spec: it takes writes, now or after a restart, and is fenced before it is let go", m.Name, v.source.Name))
		}
	}
	if reason == "" {
		return reconcile.Topology(true, "TopologyAsWanted", fmt.Sprintf("%s is the source; %s", v.source.Name, replicasInWords(v.readyReplicas(), len(names))))
	}
	return reconcile.Topology(false, reason, strings.Join(problems, "; "))
}

func replicasInWords(ready, wanted int) string {
	if wanted == 0 {
		return "there is no replica"
	}
	return fmt.Sprintf("%d of %d replicas are as wanted", ready, wanted)
}

func (v *view) readyReplicas() int {
	n := 0
	for _, m := range v.ours() {
		if v.source != nil && m.Name != v.source.Name && v.data.Ready[m.Name] {
			n++
		}
	}
	return n
}

// steadyEvents tell of what a person did not ask for.
func (v *view) steadyEvents() []reconcile.Event {
	var out []reconcile.Event
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if s != v.source && s.Writable() && !v.overtakes(s) && v.status.Source != "" && v.status.Topology[m.Name] != nil {
			out = append(out, reconcile.Event{Warning: true, Reason: "ReplicaWasWritable", Message: m.Name + " is not the source and took writes: read_only and super_read_only are switched on again. Somebody set read_only=OFF, or it came back as the old source." + v.tookMeanwhile(m.Name)})
		}
		if was := v.status.Topology[m.Name]; s != v.source && s.OK() && s.ReadOnly && !s.SuperReadOnly && was != nil && was.SuperReadonly {
			out = append(out, reconcile.Event{Warning: true, Reason: "ReplicaWasWritable", Message: m.Name + " is not the source, and administrators could write to it: super_read_only is switched on again. Somebody set super_read_only=OFF." + v.tookMeanwhile(m.Name)})
		}
		if m.Port != v.readers && s != v.source && !m.Isolated && !m.External {
			out = append(out, reconcile.Event{Warning: true, Reason: "PortsDiffer", Once: m.Name, Message: fmt.Sprintf("%s listens on port %d and the Service for readers leads to port %d: it is left out of it. Have all nodes listen on one port", m.Name, m.Port, v.readers)})
		}
		if e, bad := v.data.Errant[m.Name]; bad {
			out = append(out, reconcile.Event{Warning: true, Reason: "ReplicaDiverged", Once: m.Name, Message: fmt.Sprintf("%s holds %d transaction(s) that the source %s lacks: %s", m.Name, e.count, v.source.Name, shorten(e.set.String()))})
		}
	}
	out = append(out, v.deposedEvents()...)
	out = append(out, v.privilegeEvents()...)
	out = append(out, v.persistenceEvents()...)
	if s := v.source; s.OK() && s.Writable() && v.commitsWait(s) {
		out = append(out, reconcile.Event{Warning: true, Reason: "CommitsWaitForReplica", Once: s.Name, Message: s.Name + ": " + v.ackProblem(s)})
	}
	if s := v.source; s.OK() && v.fellBack(s) {
		out = append(out, reconcile.Event{Warning: true, Reason: "SemiSyncInactive", Once: s.Name, Message: s.Name + ": " + v.ackProblem(s)})
	}
	if v.moved {
		out = append(out, reconcile.Event{Warning: true, Reason: "SourceMovedByOthers", Message: fmt.Sprintf("%s was the source and now follows %s, which is writable: it is taken as the source", v.status.Source, v.source.Name)})
	}
	return out
}

// persistenceEvents name the servers that forget a fence when they restart.
func (v *view) persistenceEvents() []reconcile.Event {
	var out []reconcile.Event
	for _, m := range v.ours() {
		if s := v.server(m.Name); s.OK() && s.IgnoresPersisted {
			out = append(out, reconcile.Event{Warning: true, Reason: "PersistedIgnored", Once: m.Name,
				Message: m.Name + ": persisted_globals_load is OFF, so that a restart forgets read_only: a replica or an old source comes back taking writes until it is fenced again. Set persisted_globals_load=ON in its configuration and restart it, or set read_only=ON and super_read_only=ON there"})
		}
	}
	return out
}

// tookMeanwhile says what a node that was writable holds and the source lacks.
func (v *view) tookMeanwhile(name string) string {
	e, bad := v.data.Errant[name]
	if !bad {
		return ""
	}
	return fmt.Sprintf(" It holds %d transaction(s) that the source %s lacks: %s", e.count, v.source.Name, shorten(e.set.String()))
}

// listed is a set at the end of a sentence.
func listed(s gtid.Set) string {
	if s.Empty() {
		return ""
	}
	return ": " + shorten(s.String())
}

// sourceUnseen: the source that the spec wants does not answer, or not in full.
func (v *view) sourceUnseen() bool { return !v.source.OK() }

// holdWithoutSource changes no replication: whether the source is dead is not known.
// Extra writable nodes are fenced all the same, isolated ones stay isolated.
func (v *view) holdWithoutSource() reconcile.Plan[Data] {
	p := v.plan()
	if extra := v.allowed(append(v.fenceExtras(), v.fenceFailedClones()...)); len(extra) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "fence-extra", Optional: true, Actions: extra})
	}
	if old := v.fenceDeposed(); len(old) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "fence-old-source", Optional: true, Actions: old})
	}
	p.Steps = append(p.Steps, v.resumeReceivers()...)
	p.Steps = append(p.Steps, reconcile.Step{Name: "route", Routing: v.routing()})
	hint := "A failover happens only when you make another node spec.source."
	if best := v.mostAdvanced(); best != "" {
		hint += " " + best + " has received the most."
	}
	hint += v.unassured()
	reason, text := "SourceUnreachable", "the source %s is not seen (%s). %s"
	if v.source.Reach == ReachError {
		reason, text = "SourceAnswersWithError", "the source %s answers with an error (%s): it may be serving clients, and is left alone. %s"
	}
	p.Conditions = reconcile.Topology(false, reason, fmt.Sprintf(text, v.source.Name, v.source.Problem, hint))
	v.dropLeaving()
	p.Events = append(v.steadyEvents(), reconcile.Event{Warning: true, Reason: reason, Once: v.source.Name, Message: p.Conditions[0].Message})
	p.Next = busy
	return p
}

// mostAdvanced names the seen replica that has received all that any other has; "" when there is none.
func (v *view) mostAdvanced() string {
	for _, m := range v.replicasOf(v.source) {
		if s := v.server(m.Name); s.OK() && !v.hollow(s) && v.betterThan(s) == "" {
			return m.Name
		}
	}
	return ""
}

// betterThan names a seen replica that has received something that s has not.
func (v *view) betterThan(s *Server) string { return v.holdsMore(s, "") }

// holdsMore is betterThan without what was first committed on the server with that uuid.
func (v *view) holdsMore(s *Server, except string) string {
	for _, m := range v.members {
		o := v.server(m.Name)
		if o == s || o == v.source || !o.OK() || v.hollow(o) {
			continue
		}
		if !onlyOf(o.Received().Subtract(s.Received()).Subtract(v.keptApart(o)), except) {
			return m.Name
		}
	}
	return ""
}
