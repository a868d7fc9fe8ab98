// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

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

func (v *view) identity() identity { return identity{SystemID: v.data.SystemID} }

// steady keeps a set with a known and seen primary as the spec says. except are left alone.
func (v *view) steady(except ...string) reconcile.Plan[Data] {
	sync, persist := v.syncChange()
	p := v.plan()
	p.Persist = persist
	add := func(name string, optional bool, actions ...reconcile.Action) {
		actions = slices.DeleteFunc(actions, func(a reconcile.Action) bool { return slices.Contains(except, a.Node()) })
		if len(actions) > 0 {
			p.Steps = append(p.Steps, reconcile.Step{Name: name, Optional: optional, Actions: actions})
		}
	}
	// A second node that takes writes first: it must be fenced before the primary is led to.
	add("fence-extra", v.primary.Writable(), v.strays()...)
	// Who is detached must not be waited for.
	add("synchronous", true, sync...)
	add("detach", true, v.detachments()...)
	add("slots", true, v.slotsToAdd()...)
	add("attach", true, v.attachments()...)
	add("drop-slots", true, v.slotsToDrop()...)
	add("seed", true, v.seed()...)
	p.Again = len(p.Steps) > 0
	v.dropLeaving()
	p.Steps = append(p.Steps, v.route())
	p.Conditions = v.steadyCondition()
	p.Events = append(p.Events, v.steadyEvents()...)
	p.Next = v.nextLook()
	return p
}

// nextLook is soon while something is not as it should be.
func (v *view) nextLook() (wait time.Duration) {
	for _, m := range v.ours() {
		if left := v.lingers(m); left > 0 {
			wait = min(cmp.Or(wait, left), left)
		}
		if !v.data.Ready[m.Name] {
			wait = min(cmp.Or(wait, busy), busy)
		}
	}
	return wait
}

// strays fences who takes writes of this database cluster and is not the primary. While the
// primary is not seen nobody is: a person may have promoted one in need.
func (v *view) strays() []reconcile.Action {
	if !v.primary.Writable() || v.lost != "" {
		return nil
	}
	var out []reconcile.Action
	for _, m := range v.members {
		// One that others stream from is told of only: who is right is for a person.
		followed := slices.ContainsFunc(v.members, func(o Member) bool { return v.server(o.Name).Streams(v.server(m.Name)) })
		if s := v.server(m.Name); s != v.primary && v.same(s) && s.Writable() && !followed {
			out = append(out, Shut{target{m.Name}, v.identity()})
		}
	}
	return out
}

// detachments ends replication that must not go on.
func (v *view) detachments() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.members {
		s := v.server(m.Name)
		if s == v.primary || !v.same(s) || !s.Recovery || s.Detached() {
			continue
		}
		if m.Isolated || m.Leaving && v.followsMember(s) {
			out = append(out, Detach{target{m.Name}, v.identity()})
		}
	}
	return out
}

// followsMember says whether a server streams, or is set to stream, from a member.
func (v *view) followsMember(s *Server) bool {
	return slices.ContainsFunc(v.members, func(m Member) bool {
		of := v.server(m.Name)
		return s.Follows(of) || s.Streams(of)
	})
}

// attachable: a standby of this database cluster that has nothing which the primary lacks.
func (v *view) attachable(m Member) bool {
	s := v.server(m.Name)
	if !v.same(s) || !s.Recovery || v.data.Diverged[m.Name] {
		return false
	}
	rel, _, _ := v.standing(s)
	return rel == within
}

// slotsToAdd are those of standbys that stream, or are to.
func (v *view) slotsToAdd() []reconcile.Action {
	if !v.primary.Primary() || v.lost != "" {
		return nil
	}
	var lacking []string
	for _, m := range v.standbysOf(v.primary) {
		if _, there := v.primary.slot(slotOf(m.Name)); !there && v.attachable(m) {
			lacking = append(lacking, slotOf(m.Name))
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return []reconcile.Action{AddSlots{target{v.primary.Name}, v.identity(), lacking}}
}

// slotsToDrop are those of nodes that left or are isolated, and those on standbys. A slot of no
// node that is known is somebody else's.
func (v *view) slotsToDrop() []reconcile.Action {
	if !v.primary.Primary() || v.lost != "" || underWay(v.data.Switchover) {
		return nil
	}
	used, known := map[string]bool{}, map[string]bool{}
	for _, m := range v.members {
		known[slotOf(m.Name)] = true
	}
	for _, old := range v.renamed {
		known[slotOf(old)] = true
	}
	for _, m := range v.standbysOf(v.primary) {
		used[slotOf(m.Name)] = true
	}
	var out []reconcile.Action
	for _, m := range v.members {
		s := v.server(m.Name)
		if !v.same(s) || s != v.primary && !s.Recovery {
			continue
		}
		var drop []string
		for _, one := range s.Slots {
			if known[one.Name] && !one.Active && (s != v.primary || !used[one.Name]) {
				drop = append(drop, one.Name)
			}
		}
		if len(drop) > 0 {
			out = append(out, DropSlots{target{m.Name}, v.identity(), drop})
		}
	}
	return out
}

// attachments have those stream from the primary who do not, or not as they should.
func (v *view) attachments() []reconcile.Action {
	if !v.primary.Primary() || v.lost != "" {
		return nil
	}
	var out []reconcile.Action
	for _, m := range v.standbysOf(v.primary) {
		if _, there := v.primary.slot(slotOf(m.Name)); !there || !v.attachable(m) {
			continue
		}
		if a, needed := v.attach(m, v.primary); needed {
			out = append(out, a)
		}
	}
	return out
}

// attach has a member stream from another node, and says whether anything is to be done for that.
func (v *view) attach(m Member, from *Server) (Attach, bool) {
	s := v.server(m.Name)
	a := Attach{target: target{m.Name}, identity: v.identity(), From: from.Name, Conninfo: v.conninfo(m.Name, s, from), Slot: slotOf(m.Name)}
	_, own := parseSyncNames(s.SyncNames)
	settled := s.Conninfo == a.Conninfo && s.Slot == a.Slot && !s.Fenced && (!s.SyncSet || !own || s.SyncNames == "")
	a.Password = settled
	return a, !settled || !s.PassOK
}

// seed has the primary name itself in primary_conninfo, which does nothing to it: a copy of it, by
// pg_basebackup or pg_rewind, has that, and the passfile, and streams from it at once.
func (v *view) seed() []reconcile.Action {
	p := v.primary
	if !p.Primary() || v.lost != "" || underWay(v.data.Switchover) {
		return nil
	}
	if own := v.conninfo(p.Name, p, p); p.Conninfo != own || p.Slot != "" || !p.PassOK {
		return []reconcile.Action{Prepare{target{p.Name}, v.identity(), own, ""}}
	}
	return nil
}

// dropLeaving forgets nodes that have no part any more, or that nobody can ask. One that may
// take writes stays, and so do all while the primary is not there: what they have counts then.
func (v *view) dropLeaving() {
	if !v.primary.Primary() || v.lost != "" {
		return
	}
	for _, m := range v.members {
		s := v.server(m.Name)
		if !m.Leaving || m.Name == v.data.Primary {
			continue
		}
		still := v.same(s) && (s.Recovery && v.followsMember(s) || s.Writable())
		if _, kept := v.primary.slot(slotOf(m.Name)); kept {
			continue
		}
		if s.OK() && !still || !m.External && v.pods[m.Name].Gone() {
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
	if w := v.wanted(); w != v.primary {
		note("PrimaryNotAsWanted", fmt.Sprintf("the primary is %s and spec.primary is %s", v.primary.Name, w.Name))
	}
	if u := v.data.Switchover; u != nil && u.Phase == v1alpha1.SwitchoverUndone {
		reason, problems = "SwitchoverUndone", []string{fmt.Sprintf("the switchover to %s was undone: %s. %s is the primary again. Put it back as spec.primary; to try again, name %s once more after that.", u.To, u.Message, u.From, u.To)}
	}
	if !v.data.Ready[v.primary.Name] {
		note("PrimaryNotReady", v.primary.Name+": "+v.data.Notes[v.primary.Name])
	}
	switch v.data.Sync {
	case v1alpha1.PostgresSyncCommitsWait:
		note("CommitsWait", "no standby streams, and commits wait until one does (spec.synchronous.noStandby: wait)")
	case v1alpha1.PostgresSyncDegraded:
		if v.notSet != "" {
			note("SynchronousNotSet", v.notSet)
			break
		}
		note("SynchronousDegraded", "no standby streams, and commits go on without one: what is acknowledged now is on the primary alone (spec.synchronous.noStandby: degrade)")
	case v1alpha1.PostgresSyncActive:
	}
	list := []string{}
	for _, m := range v.members {
		if m.Name != v.primary.Name && !v.data.Ready[m.Name] && (!m.Leaving || v.data.Diverged[m.Name] && !v.data.Drop[m.Name]) {
			list = append(list, m.Name)
		}
	}
	sort.Strings(list)
	for _, n := range list {
		s := v.server(n)
		switch {
		case v.data.Diverged[n]:
			note("StandbyDiverged", n+": "+v.data.Notes[n])
		case !s.OK():
			note("StandbyUnreachable", n+": "+v.data.Notes[n])
		case s.SystemID != v.data.SystemID:
			note("StandbyForeign", n+": "+v.data.Notes[n])
		default:
			note("StandbyNotReady", n+": "+v.data.Notes[n])
		}
	}
	if reason != "" {
		return reconcile.Topology(false, reason, strings.Join(problems, "; "))
	}
	return reconcile.Topology(true, "TopologyAsWanted", fmt.Sprintf("%s is the primary; %d of %d standbys stream from it",
		v.primary.Name, len(v.standbysOf(v.primary)), len(v.standbysOf(v.primary))))
}

// steadyEvents tell once what a person should know.
func (v *view) steadyEvents() []reconcile.Event {
	out := slices.Clone(v.events)
	for _, m := range v.members {
		s := v.server(m.Name)
		if !v.same(s) || !v.data.Diverged[m.Name] {
			continue
		}
		e := reconcile.Event{Warning: true, Reason: "StandbyDiverged", Once: m.Name + " " + s.Started, Message: m.Name + " " + v.data.Notes[m.Name]}
		if last := v.data.Last; last != nil && last.From == m.Name && last.Failover {
			e.Reason = "OldPrimaryReturned"
		}
		out = append(out, e)
	}
	switch v.data.Sync {
	case v1alpha1.PostgresSyncCommitsWait:
		out = append(out, reconcile.Event{Warning: true, Reason: "CommitsWait", Message: "no standby streams, and commits wait"})
	case v1alpha1.PostgresSyncDegraded:
		if v.notSet == "" {
			out = append(out, reconcile.Event{Warning: true, Reason: "SynchronousDegraded", Message: "no standby streams, and commits do not wait for one"})
		}
	case v1alpha1.PostgresSyncActive:
	}
	return out
}

// primaryUnseen: it gives no answer, or only errors.
func (v *view) primaryUnseen() bool { return !v.primary.OK() }

// usurper names a node that takes writes and is not the primary; "" when there is none.
func (v *view) usurper() string {
	for _, m := range v.members {
		if s := v.server(m.Name); s != v.primary && v.same(s) && s.Primary() {
			return m.Name
		}
	}
	return ""
}

// holdWithoutPrimary changes nothing: standbys wait for the primary by themselves. Those that a
// failover has detached which came to nothing wait for it again: it may be there for them.
func (v *view) holdWithoutPrimary() reconcile.Plan[Data] {
	p := v.plan()
	var back []reconcile.Action
	for _, m := range v.standbysOf(v.primary) {
		if s := v.server(m.Name); v.same(s) && s.Detached() && !v.onFile(m.Name).Diverged {
			a, _ := v.attach(m, v.primary)
			back = append(back, a)
		}
	}
	if len(back) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "reattach", Optional: true, Actions: back})
	}
	p.Steps = append(p.Steps, v.route())
	hint := "A failover happens only when you make another node spec.primary."
	if best := v.mostAdvanced(); best != "" {
		hint += " " + best + " has received the most."
	}
	if other := v.usurper(); other != "" {
		hint = fmt.Sprintf("%s runs as a primary, and the operator did not make it so: nobody is led to it. Make it spec.primary, and it is compared with the others and followed.", other)
	}
	reason, text := "PrimaryUnreachable", "the primary %s is not seen (%s). %s"
	if v.primary.Reach == server.ReachError {
		reason, text = "PrimaryAnswersWithError", "the primary %s answers with an error (%s): it may be serving clients, and is left alone. %s"
	}
	p.Conditions = reconcile.Topology(false, reason, fmt.Sprintf(text, v.primary.Name, v.primary.Problem, hint))
	p.Events = append(v.steadyEvents(), reconcile.Event{Warning: true, Reason: reason, Once: v.primary.Name, Message: p.Conditions[0].Message})
	p.Next = busy
	v.dropLeaving()
	return p
}

// primaryLost: it has not what it held.
func (v *view) primaryLost() bool { return v.lost != "" }

// reportLost leads nobody to it. What the others hold stays.
func (v *view) reportLost() reconcile.Plan[Data] {
	p := v.plan()
	p.Steps = append(p.Steps, v.route())
	message := fmt.Sprintf("the primary %s is not what it was: %s. Nobody is led to it", v.primary.Name, v.lost)
	if best := v.mostAdvanced(); best != "" {
		message += fmt.Sprintf(". Make %s spec.primary to go on with what it holds", best)
	}
	if v.primary.SystemID == v.data.SystemID {
		message += fmt.Sprintf(". To go on with %s as it is, set the annotation %s: %[1]s", v.primary.Name, v1alpha1.AnnotationForcePromote)
	} else {
		message += ". To go on with the other database cluster, delete this resource and create it again: that touches no data"
	}
	p.Conditions = reconcile.Topology(false, "PrimaryLostData", message)
	p.Events = append(v.steadyEvents(), reconcile.Event{Warning: true, Reason: "PrimaryLostData", Once: v.primary.Started, Message: message})
	p.Next = busy
	v.dropLeaving()
	return p
}

// primaryRecovers: the primary of the record is a standby, and no change is on record.
func (v *view) primaryRecovers() bool { return v.primary.Standby() }

// recoverable: it was left a standby, by nobody who has made another node the primary: every
// node is seen, as a standby that has nothing which it lacks, and none gets anything from
// outside. Where the spec wants another primary, that is switched to then; but only one that
// the operator itself has demoted, as its fence shows, is promoted for that.
func (v *view) recoverable() bool {
	s := v.primary
	if !v.same(s) || !s.Known || s.Paused || s.Hindrance != "" || v.wanted() != s && !s.Fenced {
		return false
	}
	if was, known := v.recordedAt(); known && !was.within(s.At) {
		return false
	}
	return !slices.ContainsFunc(v.members, func(m Member) bool {
		o := v.server(m.Name)
		return !v.same(o) || !o.Recovery || !o.Known || !o.At.within(s.At) || v.outside(o.Upstream) || o.Receiver != "" && v.outside(o.Sender)
	})
}

// outside says whether an address is of none of the nodes.
func (v *view) outside(address string) bool {
	return address != "" && !slices.ContainsFunc(v.members, func(m Member) bool { return v.server(m.Name).Address() == address })
}

// makePrimary promotes the old primary again, unless anybody else has become one by then.
func (v *view) makePrimary(s *Server, sync string) MakePrimary {
	do := MakePrimary{target: target{s.Name}, identity: v.identity(), Sync: sync, At: s.At}
	for _, m := range v.members {
		if m.Name != s.Name {
			do.Others = append(do.Others, m.Name)
		}
	}
	return do
}

func (v *view) reportRecovers() reconcile.Plan[Data] {
	if v.recoverable() {
		names := v.syncAt(v.primary)
		p := v.plan()
		p.Persist, p.Again, p.Next = true, true, busy
		p.Steps = []reconcile.Step{{Name: "primary", Actions: []reconcile.Action{v.makePrimary(v.primary, names)}}}
		p.Conditions = reconcile.Topology(false, "PrimaryRecovers", fmt.Sprintf("the primary %s is a standby, and so are all others; it has all that they have, and is promoted", v.primary.Name))
		p.Events = append(v.steadyEvents(), reconcile.Event{Warning: true, Reason: "PrimaryRecovers", Once: v.primary.Started, Message: p.Conditions[0].Message})
		return p
	}
	p := v.plan()
	p.Steps = append(p.Steps, v.route())
	message := fmt.Sprintf("the primary %s is a standby, and the operator did not make it one: nobody takes writes. Promote it by hand (SELECT pg_promote())", v.primary.Name)
	if other := v.usurper(); other != "" {
		message = fmt.Sprintf("the primary %s is a standby, and %s runs as a primary; the operator did neither. Nobody is led to %[2]s. Make it spec.primary, and it is compared with the others and followed", v.primary.Name, other)
	}
	p.Conditions = reconcile.Topology(false, "PrimaryRecovers", message)
	p.Events = append(v.steadyEvents(), reconcile.Event{Warning: true, Reason: "PrimaryRecovers", Once: v.primary.Started, Message: message})
	p.Next = busy
	v.dropLeaving()
	return p
}
