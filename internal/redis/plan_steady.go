// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// steady keeps a set with a known and seen source as the spec says. except are left alone.
func (v *view) steady(except ...string) reconcile.Plan[Data] {
	p := v.plan()
	add := func(name string, optional bool, actions ...reconcile.Action) {
		actions = slices.DeleteFunc(actions, func(a reconcile.Action) bool { return slices.Contains(except, a.Node()) })
		if len(actions) > 0 {
			p.Steps = append(p.Steps, reconcile.Step{Name: name, Optional: optional, Actions: actions})
		}
	}
	// A second node that takes writes first: it must be fenced before the source is let loose.
	add("fence-extra", v.source.Writable(), v.strays()...)
	add("detach", true, v.detachments()...)
	add("configure", true, v.configurations()...)
	add("source", false, v.opens()...)
	add("attach", true, v.attachments(except)...)
	p.Again, p.Persist = len(p.Steps) > 0, v.distrusted
	v.dropLeaving()
	p.Steps = append(p.Steps, v.route())
	p.Conditions = v.steadyCondition()
	p.Events = append(p.Events, v.steadyEvents()...)
	p.Next = v.nextLook()
	return p
}

// nextLook is soon where much depends on seeing the end of the source at once: a replica
// connects to one that restarts within a second, and takes over that it is empty.
func (v *view) nextLook() (wait time.Duration) {
	if v.source.OK() && !v.source.AOF {
		wait = busy
	}
	for _, m := range v.ours() {
		if left := v.lingers(m); left > 0 {
			wait = min(cmp.Or(wait, left), left)
		}
		if !v.data.Ready[m.Name] {
			wait = busy
		}
	}
	return wait
}

// strays fences who takes writes and is not the source.
func (v *view) strays() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if s == v.source || !s.Master() || s.Fenced() || s.Config == nil {
			continue
		}
		if m.Isolated || v.data.Diverged[m.Name] && !v.resyncs() {
			out = append(out, Shut{target{m.Name}})
		}
	}
	return out
}

// resyncs says whether a node's own data may be thrown away.
func (v *view) resyncs() bool { return v.spec.RejoinPolicy == v1alpha1.RedisRejoinResync }

// detachments ends replication that must not go on.
func (v *view) detachments() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.members {
		s := v.server(m.Name)
		switch {
		case !s.OK() || s == v.source:
		case m.Leaving:
			if v.followsMember(s) || s.Detached() || s.Fenced() {
				out = append(out, Release{target{m.Name}})
			}
		case m.Isolated && (!s.Detached() || s.WritableReplica),
			s.Replica && !s.Detached() && v.data.Diverged[m.Name] && !v.resyncs():
			// It would throw away what it holds as soon as it is connected.
			out = append(out, Detach{target{m.Name}})
		}
	}
	return out
}

// followsMember says whether a server replicates from a member.
func (v *view) followsMember(s *Server) bool {
	return slices.ContainsFunc(v.members, func(m Member) bool { return s.Follows(v.server(m.Name)) })
}

// configurations set what differs.
func (v *view) configurations() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if s != v.source && s.OK() && s.Replica && !s.Detached() && v.data.Diverged[m.Name] && !v.resyncs() {
			// With the right password it would be connected, and throw away what it holds.
			continue
		}
		if s.OK() && (s.WritableReplica || s.Config != nil && (!s.Config.AuthOK || !v.announces(s) || s.Config.TLSReplication != v.tls)) {
			out = append(out, Configure{target{m.Name}})
		}
	}
	return out
}

func (v *view) announces(s *Server) bool {
	return s.Config.AnnounceHost == s.AnnounceHost && s.Config.AnnouncePort == s.AnnouncePort
}

// opens makes the source take writes.
func (v *view) opens() []reconcile.Action {
	s := v.source
	switch {
	case !s.OK():
		return nil
	case s.Detached(), v.circles():
		return []reconcile.Action{MakeSource{target: target{s.Name}, ID: s.ReplID}}
	case s.Master() && s.Fenced():
		return []reconcile.Action{Open{target{s.Name}}}
	}
	return nil
}

// circles: the source has come back as a replica of a node that is none of its own right, e.g.
// because its file or its arguments say so, and it holds what it held. Nobody takes writes until
// it is the source again.
func (v *view) circles() bool {
	s, id := v.source, v.data.ReplicationID
	if !s.Replica || s.LinkUp || s.SyncInProgress || s.Keys == 0 || !s.AOF && (!s.knows(id) || v.ahead(s) != "") {
		return false
	}
	return slices.ContainsFunc(v.ours(), func(m Member) bool {
		o := v.server(m.Name)
		return s.Follows(o) && o.OK() && o.Replica && !o.LinkUp && (o.Follows(s) || o.Detached())
	})
}

// attachments points those at the source who do not follow it and may. One of except is no
// candidate, but is attached where it follows nobody.
func (v *view) attachments(except []string) []reconcile.Action {
	if !v.source.Master() || v.lost {
		return nil
	}
	var out []reconcile.Action
	for _, m := range v.replicasOf(v.source) {
		s := v.server(m.Name)
		if slices.Contains(except, m.Name) || !s.OK() || s.Follows(v.source) || v.data.Diverged[m.Name] && (!v.resyncs() || v.source.Keys == 0) {
			// Nothing is thrown away for a source that has nothing.
			continue
		}
		out = append(out, v.followAction(m, s, v.source))
	}
	return out
}

// followAction makes a server follow the source, which stands as it was seen.
func (v *view) followAction(m Member, s, src *Server) Follow {
	return Follow{
		target: target{m.Name}, Source: src.Name, SourceID: src.ReplID,
		ID: s.ReplID, Offset: s.Offset, Discard: v.data.Diverged[m.Name] && v.resyncs(), Fenced: v.former(s),
	}
}

// dropLeaving forgets nodes that have no part any more, or that nobody can ask.
func (v *view) dropLeaving() {
	for _, m := range v.members {
		s := v.server(m.Name)
		if !m.Leaving || m.Name == v.data.Source {
			continue
		}
		if s.OK() && !v.followsMember(s) && !s.Detached() && !s.Fenced() || !m.External && v.pods[m.Name].Gone() {
			v.data.Drop[m.Name] = true
		}
	}
}

// steadyCondition says whether everything is as wanted, and otherwise what is not.
func (v *view) steadyCondition() []metav1.Condition {
	var problems []string
	reason := ""
	note := func(r, text string) {
		if reason == "" {
			reason = r
		}
		problems = append(problems, text)
	}
	if w := v.wanted(); w != v.source {
		note("SourceNotAsWanted", fmt.Sprintf("the source is %s and spec.source is %s", v.source.Name, w.Name))
	}
	if u := v.data.Switchover; u != nil && u.Phase == v1alpha1.SwitchoverUndone {
		reason, problems = "SwitchoverUndone", []string{fmt.Sprintf("the switchover to %s was undone: %s. %s is the source again. Put it back as spec.source; to try again, name %s once more after that.", u.To, u.Message, u.From, u.To)}
	}
	if !v.data.Ready[v.source.Name] {
		note("SourceNotReady", v.source.Name+": "+v.data.Notes[v.source.Name])
	}
	names := []string{}
	for _, m := range v.ours() {
		if m.Name != v.source.Name && !v.data.Ready[m.Name] {
			names = append(names, m.Name)
		}
	}
	sort.Strings(names)
	for _, n := range names {
		switch {
		case v.data.Diverged[n]:
			note("ReplicaDiverged", n+": "+v.data.Notes[n])
		case !v.server(n).OK():
			note("ReplicaUnreachable", n+": "+v.data.Notes[n])
		default:
			note("ReplicaNotReady", n+": "+v.data.Notes[n])
		}
	}
	if reason != "" {
		return reconcile.Topology(false, reason, strings.Join(problems, "; "))
	}
	return reconcile.Topology(true, "TopologyAsWanted", fmt.Sprintf("%s is the source; %d of %d replicas follow it%s",
		v.source.Name, len(v.replicasOf(v.source)), len(v.replicasOf(v.source)), v.butForgets()))
}

// butForgets ends the message of a healthy set whose source would not have its data after a restart.
func (v *view) butForgets() string {
	if !v.forgetful() {
		return ""
	}
	return ". " + v.source.Name + ": " + forgets
}

// forgetfulEvent says the same once of each process.
func (v *view) forgetfulEvent() []reconcile.Event {
	if !v.forgetful() {
		return nil
	}
	return []reconcile.Event{{Warning: true, Reason: "SourceNotPersistent", Once: v.source.RunID, Message: v.source.Name + ": " + forgets}}
}

// steadyEvents tell once what a person should know.
func (v *view) steadyEvents() []reconcile.Event {
	out := append(slices.Clone(v.events), v.forgetfulEvent()...)
	for _, m := range v.ours() {
		if s := v.server(m.Name); s.OK() && v.data.Diverged[m.Name] && !m.Isolated {
			e := reconcile.Event{Warning: true, Reason: "ReplicaDiverged", Once: m.Name + " " + s.RunID, Message: m.Name + " " + v.data.Notes[m.Name]}
			if last := v.data.Last; last != nil && last.From == m.Name && last.Failover {
				e.Reason = "OldSourceReturned"
			}
			if v.resyncs() {
				e.Reason, e.Message = "RejoinStarted", m.Name+" is made a replica again, and what it holds is thrown away (spec.rejoinPolicy: Resync)"
			}
			out = append(out, e)
		}
	}
	return out
}

// sourceUnseen: it gives no answer, or only errors.
func (v *view) sourceUnseen() bool { return !v.source.OK() }

// holdWithoutSource changes nothing but what protects: replicas that have lost it are
// detached, so that they do not take over that it has restarted empty.
func (v *view) holdWithoutSource() reconcile.Plan[Data] {
	p := v.plan()
	p.Persist = v.distrusted
	if extra := v.strays(); len(extra) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "fence-extra", Optional: true, Actions: extra})
	}
	if keep := v.keeps(); len(keep) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "keep", Optional: true, Actions: keep})
	}
	p.Steps = append(p.Steps, v.route())
	hint := "A failover happens only when you make another node spec.source."
	if best := v.mostAdvanced(); best != "" {
		hint += " " + best + " has received the most."
	}
	reason, text := "SourceUnreachable", "the source %s is not seen (%s). %s"
	if v.source.Reach == server.ReachError {
		reason, text = "SourceAnswersWithError", "the source %s answers with an error (%s): it may be serving clients, and is left alone. %s"
	}
	p.Conditions = reconcile.Topology(false, reason, fmt.Sprintf(text, v.source.Name, v.source.Problem, hint))
	p.Events = append(v.steadyEvents(), reconcile.Event{Warning: true, Reason: reason, Once: v.source.Name, Message: p.Conditions[0].Message})
	p.Next = busy
	v.dropLeaving()
	return p
}

// keeps detaches the replicas with data whose link to a silent source is down. That of a
// source whose process is gone is down, whether they have noticed or not; so it is while a new
// process loads, and what that has loaded in the end may be older.
func (v *view) keeps() []reconcile.Action {
	if v.source.Reach == server.ReachError && !v.source.Loading {
		return nil
	}
	dead := v.dead(v.source)
	return v.detached(func(_ Member, s *Server) bool { return s.Follows(v.source) && (dead || !s.LinkUp) })
}

// dead says whether the process of a server that is not seen has ended for certain, or loads.
func (v *view) dead(s *Server) bool {
	return !s.OK() && (s.Refused || s.Loading || v.pods[s.Name].Gone())
}

// detached points the seen replicas with data at nowhere that are meant.
func (v *view) detached(meant func(Member, *Server) bool) []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.ours() {
		if s := v.server(m.Name); s.OK() && s.Replica && s.Keys > 0 && meant(m, s) {
			out = append(out, Detach{target{m.Name}})
		}
	}
	return out
}

// sourceLost: it has restarted empty, and another node holds what it held.
func (v *view) sourceLost() bool { return v.lost }

// reportLost keeps what the others hold: nobody follows the empty node or writes to it.
func (v *view) reportLost() reconcile.Plan[Data] {
	p := v.plan()
	var keep []reconcile.Action
	for _, m := range v.ours() {
		if s := v.server(m.Name); s.OK() && s.Replica && !s.Detached() && s.Keys > 0 {
			keep = append(keep, Detach{target{m.Name}})
		}
	}
	if len(keep) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "keep", Optional: true, Actions: keep})
	}
	if v.source.Config != nil && v.source.Master() && !v.source.Fenced() {
		p.Steps = append(p.Steps, reconcile.Step{Name: "fence-empty", Optional: true, Actions: []reconcile.Action{Shut{target{v.source.Name}}}})
	}
	p.Steps = append(p.Steps, v.route())
	reason := "SourceRestartedEmpty"
	if v.restartedBehind() {
		reason = "SourceRestartedBehind"
	}
	message := fmt.Sprintf("the source %s has restarted %s: nobody follows %[1]s or is led to it. Make %[3]s spec.source to go on with the data; or, to go on without it, set the annotation %[4]s: %[1]s",
		v.source.Name, v.lack(), cmp.Or(v.mostAdvanced(), v.keeper), v1alpha1.AnnotationForcePromote)
	if v.force == v.source.Name {
		message += ". The one that is there was followed for an earlier process: take it off, and set it again some seconds later"
	}
	p.Conditions = reconcile.Topology(false, reason, message)
	p.Events = append(v.steadyEvents(), reconcile.Event{Warning: true, Reason: reason, Once: v.source.RunID, Message: message})
	p.Next = busy
	// One that is gone for good is given up by taking it out of the spec.
	v.dropLeaving()
	return p
}

// restartedBehind: what the source has after its restart is not nothing, but a part of what it
// held, or may be: a snapshot.
func (v *view) restartedBehind() bool {
	s := v.source
	return s.Keys > 0 && (s.Untouched || s.continues())
}

// lack says what a source that has restarted lacks, and who has it.
func (v *view) lack() string {
	if !v.restartedBehind() {
		return fmt.Sprintf("without what it held, and %s holds what it held", v.keeper)
	}
	if !v.server(v.keeper).OK() {
		return fmt.Sprintf("from a snapshot, and %s, which is not seen, may hold more", v.keeper)
	}
	return fmt.Sprintf("from a snapshot, and %s holds more, or may", v.keeper)
}
