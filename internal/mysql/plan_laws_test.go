// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/grants"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// lawyer reads a plan step by step and knows what is certain at each of them.
type lawyer struct {
	in  Input
	p   reconcile.Plan[Data]
	out []string

	members map[string]Member
	// writable: seen so, or made so by a step that has surely succeeded.
	writable map[string]bool
	// fenced by a step of this plan that has surely succeeded.
	fenced map[string]bool
	// fencedAs is whom they expect there.
	fencedAs map[string]string
	// labels readonly of the pods as the steps leave them.
	labels map[string]string
}

// brokenLaws says which laws a plan breaks. It knows nothing of the planner's
// reasons, only of what was seen and what is to be done.
func brokenLaws(in Input, p reconcile.Plan[Data]) []string {
	l := &lawyer{in: in, p: p, members: map[string]Member{}, writable: map[string]bool{}, fenced: map[string]bool{}, fencedAs: map[string]string{}, labels: map[string]string{}}
	for _, m := range Members(in.Object) {
		l.members[m.Name] = m
		l.writable[m.Name] = l.seen(m.Name) && in.State.Nodes[m.Name].Writable()
		l.labels[m.Name] = in.Pods[m.Name].Readonly
	}
	l.whole()
	background := map[string]string{}
	for _, s := range p.Steps {
		touched := map[string]bool{}
		for _, a := range s.Actions {
			l.action(a)
			if touched[a.Node()] {
				l.broken("step %s does two things to %s at the same time", s.Name, a.Node())
			}
			touched[a.Node()] = true
			if b := background[a.Node()]; b != "" {
				l.broken("step %s acts on %s while %s may still do so in the background", s.Name, a.Node(), b)
			}
			if s.Background {
				background[a.Node()] = s.Name
			}
		}
		for _, a := range s.Actions {
			l.done(a, !s.Optional && !s.Background)
		}
		l.route(s.Routing)
	}
	return l.out
}

func (l *lawyer) broken(format string, args ...any) {
	l.out = append(l.out, fmt.Sprintf(format, args...))
}

func (l *lawyer) server(name string) *Server { return l.in.State.Nodes[name] }

func (l *lawyer) seen(name string) bool {
	s := l.in.State.Nodes[name]
	return s != nil && s.OK()
}

// whole is about the plan as such.
func (l *lawyer) whole() {
	if len(l.p.Conditions) != 1 || l.p.Conditions[0].Reason == "" || l.p.Conditions[0].Message == "" {
		l.broken("law 3: a plan says in one condition what is the case and why")
	}
	changed := recordOf(l.p.Data.Switchover) != recordOf(l.in.Object.Status.Switchover)
	if l.p.Again && len(l.p.Steps) == 0 && !l.p.Persist && !changed {
		l.broken("it looks again at once without having done anything")
	}
	for _, a := range l.actions() {
		if l.skips() {
			l.broken("skip: %s", describeAction(a))
		}
	}
	l.letGo()
	l.waitsForDeposed()
	l.patient()
	l.starved()
	if src := l.server(l.p.Data.Source); l.in.Object.Spec.Mode == v1alpha1.MysqlSemiSync && l.seen(l.p.Data.Source) &&
		src.SemiSync.SourceEnabled && (!src.SemiSync.SourceActive || !src.SemiSync.waitsAs(wantedAcks(l.in.Object))) && l.p.Conditions[0].Status == metav1.ConditionTrue {
		l.broken("law 2: all is said to be well while %s goes on without acknowledgements", src.Name)
	}
	if l.in.Object.Status.Source != "" && l.p.Data.Source == "" {
		l.broken("the source is forgotten")
	}
}

// wantedAcks is what the spec says of acknowledgements.
func wantedAcks(o *v1alpha1.MysqlReplication) SemiSyncWant {
	want := SemiSyncWant{Enabled: o.Spec.Mode == v1alpha1.MysqlSemiSync, Count: o.Spec.SemiSync.EffectiveCount()}
	if s := o.Spec.SemiSync; s != nil && s.Timeout != nil {
		want.Timeout = s.Timeout.Duration
	}
	return want
}

// patient: a source is left when it has been without an answer for long enough.
func (l *lawyer) patient() {
	r, was := l.p.Data.Switchover, l.in.Object.Status.Switchover
	if r == nil || !r.Failover || r.Phase != v1alpha1.SwitchoverSwitching || working(was) {
		return
	}
	from, pod := l.server(r.From), l.in.Pods[r.From]
	last := l.in.Object.Status.Topology[r.From]
	enough := failoverPatience
	if last != nil && last.SemiSync == v1alpha1.MysqlSemiSyncActive && last.VouchedBy > 0 && from.Reach == ReachNone {
		if enough = vouchedPatience; from.Refused {
			return
		}
	}
	if !pod.Gone() && max(from.Silent, l.in.Now.Sub(r.StartedAt.Time)) < enough {
		l.broken("law 4: %s is left after %s of silence", r.From, from.Silent)
	}
}

// starved: nobody is led to a failover's new source while another that is seen may still
// acknowledge to the old one.
func (l *lawyer) starved() {
	r := l.in.Object.Status.Switchover
	if l.p.Data.Result != "failover" || r == nil || l.labels[r.To] == "false" {
		return
	}
	for name := range l.members {
		if o := l.server(name); name != r.From && l.seen(name) && l.receives(o, r.From) {
			l.broken("law 4: %s becomes the source while the receiver of %s runs", r.To, name)
		}
	}
}

// receives says whether a node's receiver may be connected to another, under whatever address.
func (l *lawyer) receives(o *Server, from string) bool {
	if o.Channel == nil || o.Channel.IO == ThreadNo {
		return false
	}
	for name := range l.members {
		if name != o.Name && !l.seen(name) && o.Follows(l.server(name)) {
			// It may bring what the old source commits.
			return true
		}
	}
	uuid := l.in.Object.Status.Topology[from].ServerUUID
	return o.Follows(l.server(from)) || o.Channel.IO == ThreadYes && !l.addressed(o) && isOf(uuid)(o.Channel.SourceUUID)
}

// addressed: the channel has the address of some member.
func (l *lawyer) addressed(o *Server) bool {
	for name := range l.members {
		if o.Follows(l.server(name)) {
			return true
		}
	}
	return false
}

// waitsForDeposed: a source that a failover left behind is not forgotten unseen, whatever
// has become of its pod, unless the user names it or the record is full.
func (l *lawyer) waitsForDeposed() {
	for name := range l.p.Data.Drop {
		was := l.in.Object.Status.Topology[name]
		if was == nil || l.seen(name) || slices.Contains(shared.Names(l.in.Object.Annotations[v1alpha1.AnnotationGiveUp]), name) {
			continue
		}
		if slices.ContainsFunc(l.p.Data.Deposed, isOf(was.ServerUUID)) {
			l.broken("law 5: %s was left behind, and is forgotten although it was not seen", name)
		}
	}
	for name := range l.p.Data.Drop {
		if s := l.server(name); l.seen(name) && s.SemiSync.ReplicaActive && !l.doubled(s) && l.receivesOurs(s) {
			l.broken("law 2: %s is forgotten and acknowledges still", name)
		}
	}
	for name := range l.p.Data.Drop {
		s, owner := l.server(name), l.in.Pods[name].Name
		if owner != "" && owner != l.in.Object.Name || !l.seen(name) || l.doubled(s) {
			continue
		}
		if s.Writable() && slices.ContainsFunc(l.p.Data.Deposed, isOf(s.UUID)) {
			l.broken("law 5: %s was left behind, and is forgotten writable", name)
		}
	}
}

// receivesOurs says whether a receiver runs that leads to a node which the spec names.
func (l *lawyer) receivesOurs(s *Server) bool {
	for name, m := range l.members {
		if !m.Leaving && name != s.Name && s.Channel != nil && s.Channel.IO != ThreadNo && s.Follows(l.server(name)) {
			return true
		}
	}
	return false
}

// doubled: another node is the same server.
func (l *lawyer) doubled(s *Server) bool {
	for name := range l.members {
		if o := l.server(name); name != s.Name && l.seen(name) && o.UUID == s.UUID {
			return true
		}
	}
	return false
}

// letGo: an old source that left the spec is not forgotten while it may take writes,
// unless another resource answers for it.
func (l *lawyer) letGo() {
	last := l.p.Data.Last
	if last != nil {
		if owner := l.in.Pods[last.From].Name; owner != "" && owner != l.in.Object.Name {
			return
		}
	}
	if last == nil || !l.p.Data.Drop[last.From] || !l.seen(last.From) || l.server(last.From).Fenced() {
		return
	}
	s, was := l.server(last.From), l.in.Object.Status.Topology[last.From]
	if l.doubled(s) {
		return
	}
	if was == nil || was.ServerUUID == s.UUID {
		l.broken("law 5: %s, which was the source, is forgotten and not fenced", s.Name)
	}
}

func (l *lawyer) actions() []reconcile.Action {
	var out []reconcile.Action
	for _, s := range l.p.Steps {
		out = append(out, s.Actions...)
	}
	return out
}

// skips: the annotation holds everything but a change of the source that is at work.
func (l *lawyer) skips() bool {
	return v1alpha1.SkipsReconcile(l.in.Object.Annotations) && !working(l.in.Object.Status.Switchover)
}

// working: a fence may be up.
func working(r *v1alpha1.SwitchoverStatus) bool {
	return r != nil && (r.Phase == v1alpha1.SwitchoverSwitching || r.Phase == v1alpha1.SwitchoverUndoing)
}

// recorded says whether a new operator would find the record that is being carried
// out: Switching, and written before the steps.
func (l *lawyer) recorded(failover bool) bool {
	r, was := l.p.Data.Switchover, l.in.Object.Status.Switchover
	// One that is being undone and goes forward again is found as well.
	if r == nil || r.Failover != failover || r.Phase != v1alpha1.SwitchoverSwitching && (failover || r.Phase != v1alpha1.SwitchoverUndoing) {
		return false
	}
	same := was != nil && was.Phase == r.Phase && was.From == r.From && was.To == r.To
	return same || l.p.Persist
}

// action checks what must be true before an action begins.
func (l *lawyer) action(a reconcile.Action) {
	name := a.Node()
	m, known := l.members[name]
	if !known || !l.seen(name) {
		l.broken("law 10: %s on a node that is not seen", describeAction(a))
		return
	}
	s := l.server(name)
	l.permitted(a, s)
	l.undisturbed(a, s)
	switch do := a.(type) {
	case Clone:
		l.clone(do, m, s)
	case FenceSource:
		if name == l.p.Data.Source && l.fencesOwn(name) {
			l.broken("law 7: the source %s is fenced before that is recorded", name)
		}
		l.ousts(m, s)
	case SetWritable:
		l.onlyOneWritable(a)
		l.keepsItsNumbers(name, describeAction(a))
		if r := l.in.Object.Status.Switchover; working(r) && name == r.From && !s.Writable() && l.seen(r.To) && !s.Executed.Contains(l.server(r.To).Executed) {
			l.broken("law 2: %s while %s holds what it lacks", describeAction(a), r.To)
		}
		if s.Channel != nil && (s.Channel.IO != ThreadNo || s.Channel.SQL != ThreadNo) && !l.detached(name) {
			l.broken("law 3: %s fails for ever: it replicates", describeAction(a))
		}
	case Promote:
		l.promote(do, s)
	case Settle:
		if name != l.p.Data.Source {
			l.broken("%s, which is not the source", describeAction(a))
		}
	case Attach:
		l.attach(do, m, s)
	case FollowAhead:
		l.followAhead(do, m, s)
	case ExpelClients:
		if name == l.p.Data.Source || s.Writable() {
			l.broken("law 2: %s, which takes writes", describeAction(a))
		}
	case StopReceiver:
		if !l.recorded(true) {
			l.broken("law 7: %s without a record of a failover", describeAction(a))
		}
	case Detach:
		src := l.server(l.p.Data.Source)
		if !do.KeepChannel && s.Channel != nil && (!src.OK() || !src.Executed.Union(s.Executed).Contains(s.Channel.Retrieved)) {
			l.broken("law 6: %s throws away what the source lacks", describeAction(a))
		}
	}
}

// permitted: nothing is begun that the operator's user may not do. What has begun is
// tried all the same, and a writable node that left is fenced if that can be.
func (l *lawyer) permitted(a reconcile.Action, s *Server) {
	r := l.in.Object.Status.Switchover
	if r != nil && r.Phase != v1alpha1.SwitchoverUndone && r.Phase != v1alpha1.SwitchoverPreparing {
		return
	}
	leads := false
	switch a.(type) {
	case Attach, FollowAhead, Promote, StopReceiver, StartReplication, Detach, SetSemiSync:
		leads = true
	}
	if leads && slices.Contains(s.Missing, grants.ReplicationSlaveAdmin) {
		l.broken("law 3: %s, which the operator's user may not do", describeAction(a))
	}
}

// undisturbed: nothing is done to a server that is being made anew, beyond a fence of
// one that takes writes.
func (l *lawyer) undisturbed(a reconcile.Action, s *Server) {
	if s.Clone == nil || s.Clone.Run == nil || !s.Clone.Run.Running {
		return
	}
	switch a.(type) {
	case AbortClone:
	case FenceSource:
		if !s.Writable() {
			l.broken("law 6: %s while it is being made anew", describeAction(a))
		}
	default:
		l.broken("law 6: %s while it is being made anew", describeAction(a))
	}
}

// clone: nothing is thrown away but by the user's leave, what is was compared with a sound
// source, and all that is on record before.
func (l *lawyer) clone(do Clone, m Member, s *Server) {
	what := describeAction(do)
	bad := func(format string, args ...any) { l.broken("law 6: %s: %s", what, fmt.Sprintf(format, args...)) }
	src, donor := l.server(do.Source), l.server(do.Donor)
	if l.in.Object.Spec.RejoinPolicy != v1alpha1.MysqlRejoinClone {
		bad("nobody asked for that")
	}
	if r := l.p.Data.Clones[do.On]; !l.p.Persist || r == nil || r.State != v1alpha1.MysqlCloneInProgress || !r.Emptied && r.DiscardedCount != do.Discards.Count() {
		bad("it is not on record")
	}
	if l.p.Data.Switchover != nil || l.in.Object.Spec.Source.Name != do.Source {
		bad("the source is being changed")
	}
	if do.On == do.Source || do.On == do.Donor || m.Isolated || m.Leaving || do.UUID != s.UUID || !s.Fenced() {
		bad("of such a node")
	}
	if !l.seen(do.Source) || !src.Writable() || do.Source != l.in.Object.Status.Source || do.SourceUUID != src.UUID || do.SourceUUID != l.in.Object.Status.SourceUUID {
		bad("there is no sound source")
		return
	}
	for _, uuid := range l.p.Data.Unassured {
		given := slices.Contains(shared.Names(l.in.Object.Annotations[v1alpha1.AnnotationGiveUp]), do.On)
		if r := l.p.Data.Clones[do.On]; holdsOf(do.Discards, uuid) && !given && !r.Emptied {
			bad("some of it may have been acknowledged and is nowhere else")
		}
	}
	if extra := s.Received().Subtract(src.Executed); extra.String() != do.Discards.String() || holdsOf(extra, src.UUID) {
		bad("it holds %s", letters(extra))
	}
	if !l.seen(do.Donor) || donor.Executed.Empty() || !onlyOf(donor.Executed.Subtract(src.Executed), src.UUID) {
		bad("the donor is not sound")
	}
	for name, o := range l.members {
		other := l.server(name)
		if !l.seen(name) || name == do.On {
			continue
		}
		if r := l.in.Object.Status.Topology[name]; other.Clone != nil && other.Clone.Run != nil && other.Clone.Run.Running && r != nil {
			bad("%s is at it", name)
		}
		if do.Donor == do.Source && name != do.Source && !o.Isolated && !o.Leaving && other.Follows(src) && other.Channel.Streams() && other.Fenced() && src.Executed.Contains(other.Executed) {
			bad("%s could have been copied", name)
		}
	}
}

// ousts: a node that takes writes is fenced for a source that was chosen with what it
// holds, and that takes the writes in its place.
func (l *lawyer) ousts(m Member, s *Server) {
	src, force := l.server(l.p.Data.Source), l.in.Object.Annotations[v1alpha1.AnnotationForcePromote]
	if !s.Writable() || s == src || !l.seen(l.p.Data.Source) || m.Isolated {
		return
	}
	extra := s.Received().Subtract(src.Executed)
	if l.in.Object.Status.Source == "" && !onlyOf(extra, src.UUID) {
		l.broken("law 6: %s takes writes and holds %s, and is fenced for %s, which nobody has chosen", s.Name, letters(extra), src.Name)
	}
	if src.Writable() || src.Channel.Running() || force == src.Name || l.p.Data.Switchover != nil || slices.ContainsFunc(l.in.Object.Status.DeposedSourceUUIDs, isOf(s.UUID)) {
		return
	}
	for _, a := range l.actions() {
		switch a.(type) {
		case SetWritable, Promote, StartReplication:
			if a.Node() == src.Name {
				return
			}
		}
	}
	if was := l.in.Object.Status.Switchover; working(was) && was.From == s.Name && was.To == src.Name {
		// The new source has taken writes already. What the old one has taken since, and
		// others have from it, is reported, and a person decides.
		return
	}
	for name := range l.members {
		if o := l.server(name); o != s && l.seen(name) && holdsOf(o.Received().Subtract(src.Executed), s.UUID) {
			l.broken("law 3: %s takes writes, %s follows it, and it is fenced while the source %s stays read-only", s.Name, name, src.Name)
		}
	}
}

// fencesOwn: a fence on the node that the plan remembers as the source is part of
// a recorded switchover, or it came back as another server: by its server_uuid; or, where
// that was never seen, by what its replicas hold and it lacks; or it has lost commits of its own.
func (l *lawyer) fencesOwn(name string) bool {
	known := l.in.Object.Status.SourceUUID
	anew := known != "" && l.server(name).UUID != known
	for other := range l.members {
		o := l.server(other)
		anew = anew || known == "" && l.seen(other) && o.Follows(l.server(name)) && !l.server(name).Executed.Contains(o.Received())
	}
	return !anew && l.holdersOfItsOwn(name) == "" && !l.recorded(false) && !l.recorded(true)
}

// holdersOfItsOwn names nodes that have of a server what it has committed itself and lacks:
// it turns them away, or the status has them so already. No receiver that is connected counts.
func (l *lawyer) holdersOfItsOwn(name string) (holder string) {
	s := l.server(name)
	for other, m := range l.members {
		o, was := l.server(other), l.in.Object.Status.Topology[other]
		held := gtid.Set{}
		if was != nil {
			held, _ = gtid.Parse(was.ErrantTransactions)
		}
		if l.seen(other) {
			turned := o.Follows(s) && (o.Channel.IOErrno == 13114 || o.Channel.IOErrno == 1236)
			if o.Follows(s) && o.Channel.IO == ThreadYes || !turned && !holdsOf(held, s.UUID) {
				continue
			}
			held = o.Received()
		}
		if other != name && !m.Leaving && !l.hollow(o) && holdsOf(held.Subtract(s.Executed), s.UUID) {
			holder = other
		}
	}
	return holder
}

// keepsItsNumbers: a server that is seen to have lost commits of its own must not make
// others under the same numbers.
func (l *lawyer) keepsItsNumbers(name, what string) {
	s := l.server(name)
	for other, m := range l.members {
		o := l.server(other)
		if l.in.Object.Annotations[v1alpha1.AnnotationForcePromote] == name {
			// The user loses them by name.
			continue
		}
		if other != name && l.seen(other) && !m.Leaving && !l.hollow(o) && o.Follows(s) && o.Channel.IO != ThreadYes &&
			(o.Channel.IOErrno == 13114 || o.Channel.IOErrno == 1236) && holdsOf(o.Received().Subtract(s.Executed), s.UUID) {
			l.broken("law 2: %s, which has lost what %s holds of it", what, other)
		}
	}
}

func (l *lawyer) detached(name string) bool {
	for _, a := range l.actions() {
		if d, is := a.(Detach); is && d.On == name {
			return true
		}
	}
	return false
}

// onlyOneWritable: nobody else that is seen takes writes when a node is let loose.
func (l *lawyer) onlyOneWritable(a reconcile.Action) {
	for name, m := range l.members {
		if name != a.Node() && !m.Leaving && l.writable[name] {
			l.broken("law 1: %s while %s takes writes", describeAction(a), name)
		}
	}
}

func (l *lawyer) promote(do Promote, s *Server) {
	r := l.p.Data.Switchover
	if do.Failover && do.On == l.in.Object.Status.Source && do.On == l.p.Data.Source {
		// The source itself, which has something in its relay log.
		l.onlyOneWritable(do)
		if !do.AfterSet.Contains(s.Received()) {
			l.broken("law 6: %s before it has executed what it has received", describeAction(do))
		}
		return
	}
	over := do.Failover || r != nil && r.Failover
	if !l.recorded(over) || r.To != do.On {
		l.broken("law 7: %s without the record of it", describeAction(do))
		return
	}
	if !over {
		if !l.fenced[r.From] || do.AfterFact != FencedFact(r.From) {
			l.broken("law 2: %s and %s is not fenced", describeAction(do), r.From)
		}
		if uuid := l.fencedAs[r.From]; uuid != l.server(r.From).UUID {
			l.broken("law 2: %s after a fence of whoever is called %s", describeAction(do), r.From)
		}
		if from := l.server(r.From); from.FedBy() != "" && !noWayBack(from, s) {
			l.broken("law 2: %s and %s goes on behind its fence", describeAction(do), r.From)
		}
		return
	}
	forced := l.in.Object.Annotations[v1alpha1.AnnotationForcePromote] == do.On
	hopeless := forced && s.Channel != nil && s.Channel.SQLErrno != 0
	if !do.AfterSet.Contains(s.Executed) || !hopeless && !do.AfterSet.Contains(s.Received()) {
		l.broken("law 6: %s before it has executed what it has received", describeAction(do))
	}
	// It was the source already and took writes: it is only made writable again, or
	// clients are led to it still.
	was := l.seen(r.From) && holdsOf(s.Executed.Subtract(l.server(r.From).Executed), s.UUID) ||
		s.Writable() && l.in.Pods[do.On].Readonly == "false" || l.hasCommitted(s, r)
	for name := range l.members {
		o := l.server(name)
		if was || name == do.On || name == r.From || !l.seen(name) {
			continue
		}
		if l.receives(o, r.From) {
			l.broken("law 4: %s while the receiver of %s runs", describeAction(do), name)
		}
		if !forced && !l.hollow(o) && !s.Received().Contains(o.Received().Subtract(l.reportedApart(o))) {
			l.broken("law 4: %s while %s has received more", describeAction(do), name)
		}
	}
	if from := l.server(r.From); l.seen(r.From) && l.writable[r.From] && !l.fenced[r.From] {
		l.broken("law 1: %s while %s takes writes", describeAction(do), from.Name)
	}
}

// hasCommitted: the candidate of a failover, which clients may have been led to, holds
// transactions of its own that it had not when the old source was left.
func (l *lawyer) hasCommitted(s *Server, r *v1alpha1.SwitchoverStatus) bool {
	pods := l.in.Pods
	if l.seen(r.From) || pods[r.From].Readonly == "false" && !r.KeepsOldRoute || pods[r.To].Readonly != "false" && pods[r.To].UID == r.ToPodUID {
		return false
	}
	return r.ToServerUUID == s.UUID && !gtid.MustParse(r.ToTransactions).Contains(s.Executed.Of(s.UUID))
}

// hollow: a clone of the node is on record that has not ended well, so that it may hold
// less than it says.
func (l *lawyer) hollow(o *Server) bool {
	n := l.in.Object.Status.Topology[o.Name]
	return n != nil && n.Clone != nil && (n.Clone.State == v1alpha1.MysqlCloneInProgress || n.Clone.State == v1alpha1.MysqlCloneFailed && n.Clone.Emptied)
}

// reportedApart is what a node that nothing is attached to was known to have of its
// own: that never was acknowledged by the set's source.
func (l *lawyer) reportedApart(o *Server) gtid.Set {
	n := l.in.Object.Status.Topology[o.Name]
	if o.Channel != nil || n == nil || holdsOf(gtid.MustParse(n.ErrantTransactions), l.in.Object.Status.SourceUUID) {
		return gtid.Set{}
	}
	return gtid.MustParse(n.ErrantTransactions)
}

func (l *lawyer) attach(do Attach, m Member, s *Server) {
	what := describeAction(do)
	src := l.members[do.Source]
	if do.On == do.Source || src.Host != do.SourceHost || src.Port != do.SourcePort {
		l.broken("%s at %s:%d", what, do.SourceHost, do.SourcePort)
	}
	if m.Isolated || m.Leaving {
		l.broken("%s, which is isolated or not named by the spec", what)
	}
	if do.Source != l.p.Data.Source && (l.p.Data.Switchover == nil || do.Source != l.p.Data.Switchover.To) {
		l.broken("%s, which is not the source", what)
	}
	srv := l.server(do.Source)
	if do.TLS != nil && l.p.Data.Switchover != nil && l.p.Data.Switchover.Phase != v1alpha1.SwitchoverUndone && srv != nil &&
		s.OK() && s.Follows(srv) && s.Channel.Streams() && !s.Channel.securedAs(do.TLS) {
		l.broken("%s changes the TLS of a channel that works, in the middle of a change of the source", what)
	}
	var within = do.Within
	if within == nil {
		if do.WithinFact == "" || l.p.Data.Switchover == nil || !l.fenced[l.p.Data.Switchover.From] || do.WithinFact != FencedFact(l.p.Data.Switchover.From) {
			l.broken("law 5: %s whatever it holds", what)
		}
		return
	}
	if !within.Contains(s.Executed) && !l.fenced[do.On] {
		l.broken("law 5: %s while it holds what the source lacks", what)
	}
	if (srv == nil || !s.Follows(srv)) && !within.Contains(s.Received()) && !l.fenced[do.On] {
		l.broken("law 6: %s throws away what the source lacks", what)
	}
}

// followAhead: only to the candidate of a planned switchover that is at work, which
// still follows the old source, and before anybody waits.
func (l *lawyer) followAhead(do FollowAhead, m Member, s *Server) {
	what := describeAction(do)
	r := l.p.Data.Switchover
	if !l.recorded(false) || do.Source != r.To || do.On == r.From {
		l.broken("law 7: %s without the record of a switchover to it", what)
		return
	}
	if to, from := l.server(r.To), l.server(r.From); !to.Follows(from) || !from.Writable() || l.fenced[r.From] || !s.Follows(from) && !s.Follows(to) {
		l.broken("%s, which is not before the fence, or not between replicas", what)
	}
	if m.Isolated || m.Leaving || !s.Fenced() {
		l.broken("%s, which is no replica", what)
	}
	left := 0
	for _, o := range l.in.State.Nodes {
		if o.Name != do.On && o.OK() && o.Follows(l.server(r.From)) && o.SemiSync.ReplicaActive {
			left++
		}
	}
	if from := l.server(r.From); !l.server(r.To).SemiSync.ReplicaActive || from.SemiSync.SourceEnabled && left < from.SemiSync.WaitCount {
		l.broken("law 3: %s, and nobody acknowledges to %s", what, from.Name)
	}
}

// done remembers what an action makes certain.
func (l *lawyer) done(a reconcile.Action, surely bool) {
	switch do := a.(type) {
	case FenceSource:
		if surely {
			l.fenced[do.On], l.writable[do.On], l.fencedAs[do.On] = true, false, do.UUID
		}
	case SetWritable, Promote:
		// It may have happened in any case; whether it is relied upon is another matter.
		l.writable[a.Node()] = surely || l.writable[a.Node()]
	case Attach, Detach:
		l.writable[a.Node()] = false
	}
}

// route checks law 1: the one node behind -readwrite is writable by what was seen
// or done, and no other keeps that label.
func (l *lawyer) route(r reconcile.Routing) {
	if rec := l.p.Data.Switchover; rec != nil && rec.Failover && r[rec.To] == reconcile.AccessReadWrite && (!l.seen(rec.From) || l.writable[rec.From]) && l.labels[rec.From] == "false" && !l.silenced() {
		l.broken("law 1: %s is routed while %s is routed and may be writable", rec.To, rec.From)
	}
	l.keepsTaken(r)
	for name, access := range r {
		switch access {
		case reconcile.AccessReadWrite:
			l.besideALooseSource(name)
			if !l.writable[name] {
				l.broken("law 1: %s is routed and not known to be writable", name)
			}
			l.besideAnother(name)
			if l.seen(name) {
				l.keepsItsNumbers(name, name+" is routed")
			}
			if to := l.p.Data.Switchover; name != l.p.Data.Source && (to == nil || name != to.To) {
				l.broken("law 1: %s is routed and is not the source", name)
			}
			l.labels[name] = "false"
		case reconcile.AccessReadOnly:
			l.labels[name] = "true"
			if s := l.server(name); !l.seen(name) || s.Writable() || s.Channel == nil {
				l.broken("%s is behind -readonly and is no replica", name)
			}
			if _, port := route(l.in.Object).Ports(); !l.members[name].External && l.members[name].Port != port {
				l.broken("%s is behind -readonly, which leads to port %d", name, port)
			}
			if m := l.members[name]; m.Isolated || m.Leaving {
				l.broken("%s is behind -readonly and is isolated or not named by the spec", name)
			}
		case reconcile.AccessNone:
			l.labels[name] = ""
		}
	}
	if len(r) == 0 {
		return
	}
	routed := 0
	for name, label := range l.labels {
		if label == "false" && l.writable[name] {
			routed++
		}
	}
	if routed > 1 {
		l.broken("law 1: two writable nodes are behind -readwrite")
	}
}

// keepsTaken: once clients were led to the candidate of a planned switchover and have
// written there, nobody else gets them, whatever the old source has taken since.
func (l *lawyer) keepsTaken(r reconcile.Routing) {
	was := l.in.Object.Status.Switchover
	if !working(was) || was.Failover || r[was.From] != reconcile.AccessReadWrite || !l.seen(was.To) || l.in.Pods[was.To].Readonly != "false" {
		return
	}
	to, from := l.server(was.To), l.server(was.From)
	if n := l.in.Object.Status.Topology[was.To]; n.ServerUUID == to.UUID && l.seen(was.From) && l.in.Object.Status.SourceUUID == from.UUID && !from.Executed.Contains(to.Executed) {
		if l.in.Pods[was.From].Readonly == "false" && !holdsOf(to.Executed.Subtract(from.Executed), to.UUID) {
			// The label is of the change before.
			return
		}
		l.broken("law 2: %s is routed again and %s has taken writes", was.From, was.To)
	}
}

// besideAnother: nobody is led to a node while another one has the label that takes writes, or
// is not seen and may. The fence of a planned switchover was verified.
func (l *lawyer) besideAnother(name string) {
	was := l.in.Object.Status.Switchover
	for other, label := range l.labels {
		harmless := working(was) && other == was.From && (!was.Failover || l.silenced())
		if other != name && label == "false" && !l.seen(other) && l.labels[name] != "false" && !harmless {
			l.broken("law 1: %s is routed while %s is, and is not seen", name, other)
		}
		if other != name && label == "false" && l.seen(other) && l.writable[other] && l.labels[name] != "false" {
			l.broken("law 1: %s is routed while %s is, and takes writes", name, other)
		}
	}
}

// silenced: the old source of a failover acknowledges nothing to anybody, whatever becomes of
// it. Its commits wait for as many as vouch for it, and so they do when it restarts; fewer
// than that are not seen, and those who are seen receive nothing. That was on record before.
func (l *lawyer) silenced() bool {
	r, was := l.p.Data.Switchover, l.in.Object.Status.Switchover
	if l.in.Object.Spec.Mode != v1alpha1.MysqlSemiSync || !working(was) || !was.KeepsOldRoute || r == nil || l.in.Object.Annotations[v1alpha1.AnnotationForcePromote] == r.To {
		return false
	}
	from, n := l.server(r.From), l.in.Object.Status.Topology[r.From]
	if from.Reach != ReachNone || !from.WaitsAfterRestart || n == nil || n.SemiSync != v1alpha1.MysqlSemiSyncActive {
		return false
	}
	left := int(n.VouchedBy)
	for name, m := range l.members {
		o, last := l.server(name), l.in.Object.Status.Topology[name]
		switch {
		case name == r.From:
		case l.seen(name) && l.receives(o, r.From):
			return false
		case l.seen(name) && last != nil && last.ServerUUID != "" && last.ServerUUID != o.UUID:
			left--
		case !l.seen(name) && (!m.Isolated && !m.Leaving || last != nil && last.SemiSync != ""):
			left--
		}
	}
	return left > 0
}

// besideALooseSource: nobody is led to a planned switchover's new source while the old one
// is seen to take writes.
func (l *lawyer) besideALooseSource(name string) {
	was := l.in.Object.Status.Switchover
	if working(was) && l.members[was.From].Leaving && l.seen(was.From) && l.server(was.From).UUID != l.in.Object.Status.SourceUUID {
		// Another server, which the spec does not name: it is led away from, and not touched.
		return
	}
	if working(was) && !was.Failover && name == was.To && l.labels[name] != "false" && l.writable[was.From] {
		l.broken("law 1: %s is routed while %s takes writes", name, was.From)
	}
}
