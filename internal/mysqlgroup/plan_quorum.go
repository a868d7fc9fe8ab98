// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// stranded are the seen nodes that take part in a group, none of which sees a majority.
func (v *view) stranded() []string {
	var out []string
	for _, n := range v.nodes {
		if v.lead == nil && v.servers[n.Name].InGroup() {
			out = append(out, n.Name)
		}
	}
	return out
}

func (v *view) lostQuorum() bool { return len(v.stranded()) > 0 }

// unseenNodes are those that may take part in a group unseen. One that left the spec, and
// whose pod is gone, does not if it was out of the group when it was last seen. Else it may
// run on: a pod that is deleted by force is gone before its server has stopped.
func (v *view) unseenNodes() []string {
	var out []string
	for _, n := range v.nodes {
		if !v.servers[n.Name].OK() && (!n.Leaving || v.pods[n.Name].Exists || v.wasMember(n.Name)) {
			out = append(out, n.Name)
		}
	}
	return out
}

// holdWithoutQuorum changes nothing: the others may be a majority.
func (v *view) holdWithoutQuorum() reconcile.Plan[Data] {
	lost := map[string]bool{}
	for _, name := range v.stranded() {
		for _, m := range v.servers[name].Members {
			if m.State != MemberUnreachable {
				continue
			}
			if n, is := v.nodeOf(m.UUID); is {
				lost[n.Name] = true
			} else {
				lost[fmt.Sprintf("%s:%d", m.Host, m.Port)] = true
			}
		}
	}
	text := fmt.Sprintf("%s see no majority of the group%s. It is waited for", strings.Join(v.stranded(), ", "), away(lost))
	if why := v.cannotForce(); why != "" {
		text += fmt.Sprintf(". The annotation %s is not followed: %s", v1alpha1.AnnotationForceQuorum, why)
	} else {
		text += fmt.Sprintf(": bring them back; or, where they are lost for good, name the members to go on with in the annotation %s. What only the others hold is lost then", v1alpha1.AnnotationForceQuorum)
	}
	p := v.report("QuorumLost", text)
	p.Steps = append(v.fences(""), p.Steps...)
	return p
}

func away(lost map[string]bool) string {
	if len(lost) == 0 {
		return ""
	}
	names := make([]string, 0, len(lost))
	for name := range lost {
		names = append(names, name)
	}
	slices.Sort(names)
	return " (unreachable: " + strings.Join(names, ", ") + ")"
}

// mayDissolve: the members that are left lack a quorum, and everybody whom they miss is
// seen to be out of the group: no majority can be anywhere, and none will come back.
func (v *view) mayDissolve() bool {
	if !v.lostQuorum() || len(v.unseenNodes()) > 0 {
		return false
	}
	for _, name := range v.latest() {
		s := v.servers[name]
		if s.reachesMajority() {
			// It is on its way, in or out.
			return false
		}
		for _, m := range s.Members {
			n, is := v.nodeOf(m.UUID)
			if !is {
				return false
			}
			if m.State == MemberUnreachable != v.servers[n.Name].Out() {
				return false
			}
		}
	}
	return true
}

// latest are those of the stranded that hold the newest view. An older one was superseded
// by a majority, so that its holder cannot be of one any more.
func (v *view) latest() []string {
	var out []string
	made, number := "", int64(-1)
	for _, name := range v.stranded() {
		prefix, n := viewNumber(v.servers[name].ViewID)
		switch {
		case made != "" && prefix != made:
			// Remains of two groups: nobody can tell which is newer.
			return v.stranded()
		case n > number:
			out, number = nil, n
		}
		made = prefix
		if n == number {
			out = append(out, name)
		}
	}
	return out
}

// dissolve ends what is left of the group. The next look finds a group that is out
// altogether, and starts it from whoever holds everything.
func (v *view) dissolve() reconcile.Plan[Data] {
	p := v.plan()
	step := reconcile.Step{Name: "dissolve"}
	for _, name := range v.latest() {
		step.Actions = append(step.Actions, Dissolve{target{name}})
	}
	p.Steps = append(v.fences(""), v.route(""), step)
	text := fmt.Sprintf("%s see no majority of the group, and all others are seen to be out of it: they stop, and the group starts again from the member that holds everything", strings.Join(v.stranded(), ", "))
	p.Conditions = reconcile.Topology(false, "QuorumLost", text)
	p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "QuorumLost", Message: text})
	// A stop without a quorum takes half a minute: it is looked at again, and not waited for.
	p.Next = busy
	return p
}

// cannotForce says why the annotation is not followed; "" also when there is none.
func (v *view) cannotForce() string {
	if len(v.forced) == 0 {
		return ""
	}
	if v.data.Spent != "" {
		return "it was there already while the group had a quorum, so that it may be about another outage: take it off and, if it holds now, set it again"
	}
	for _, name := range v.forced {
		s := v.servers[name]
		switch {
		case s == nil:
			return name + " is no node of this resource"
		case !s.OK():
			return name + " is not seen"
		}
	}
	first := v.servers[v.forced[0]]
	for _, name := range v.forced {
		s := v.servers[name]
		if s.InGroup() != first.InGroup() {
			return fmt.Sprintf("%s and %s are not both in the group, or both out of it", first.Name, name)
		}
		if s.Out() {
			continue
		}
		if s.Self() != MemberOnline || s.ViewID != first.ViewID {
			return fmt.Sprintf("%s is %s in view %s, and %s in view %s", first.Name, first.Self(), first.ViewID, name, s.ViewID)
		}
		for _, other := range v.forced {
			if !s.reaches(v.servers[other].UUID) {
				return fmt.Sprintf("%s does not reach %s", name, other)
			}
		}
	}
	return v.leavesBehind(first)
}

// leavesBehind says whom the user has to name as well: somebody who is seen and would be
// cut off although he has a part in it.
func (v *view) leavesBehind(first *Server) string {
	for _, n := range v.nodes {
		s := v.servers[n.Name]
		if slices.Contains(v.forced, n.Name) || !s.OK() {
			continue
		}
		switch {
		case s.InGroup() && first.Out():
			return fmt.Sprintf("%s is %s in the group: name it, or stop it first", n.Name, s.Self())
		case s.InGroup() && first.reaches(s.UUID):
			return fmt.Sprintf("%s is reached by them: name it as well", n.Name)
		case s.InGroup():
			// With those that are not seen it may be a majority once more, or have been one.
			return fmt.Sprintf("%s is %s in the group, and they do not reach it: STOP GROUP_REPLICATION on it first", n.Name, s.Self())
		case v.heldBy(v.forced).Contains(s.Holds()):
		case first.Out():
			return fmt.Sprintf("%s holds transactions that they lack: name it as well", n.Name)
		default:
			return fmt.Sprintf("%s is out of the group and holds transactions that they lack: STOP GROUP_REPLICATION on them, and name it as well", n.Name)
		}
	}
	return ""
}

// heldBy is what the named nodes hold together.
func (v *view) heldBy(names []string) gtid.Set {
	var all gtid.Set
	for _, name := range names {
		all = all.Union(v.servers[name].Holds())
	}
	return all
}

// mayForce: nobody has a quorum, and the user names those that go on.
func (v *view) mayForce() bool {
	return v.lead == nil && len(v.forced) > 0 && v.cannotForce() == "" && !v.everybodySeenOut()
}

// everybodySeenOut: the ordinary start of a group needs no force.
func (v *view) everybodySeenOut() bool {
	return !v.lostQuorum() && len(v.unseenNodes()) == 0 && len(v.data.Unnamed) == 0 && v.vanished() == ""
}

// vanished says what the nodes of the spec held when a group was last seen, and nobody
// holds now: servers were emptied, restored, or run on another volume. "" when all is
// there as far as the record goes, which is shortened and not always of today.
func (v *view) vanished() string {
	if v.lead != nil || !v.status.Bootstrapped {
		return ""
	}
	var now gtid.Set
	for _, n := range v.nodes {
		if s := v.servers[n.Name]; s.OK() {
			now = now.Union(s.Holds())
		}
	}
	for _, n := range v.ours() {
		was := v.status.Topology[n.Name]
		if was == nil || was.ErrantCount > 0 {
			continue
		}
		held, err := gtid.Parse(was.GtidExecuted)
		if err != nil {
			// Cut: nothing is known of it.
			continue
		}
		if gone := held.Subtract(now); !gone.Empty() {
			return fmt.Sprintf("%s held %d transaction(s) that no node holds any more: %s", n.Name, gone.Count(), shared.Shorten(gone.String()))
		}
	}
	return ""
}

func (v *view) force() reconcile.Plan[Data] {
	if v.servers[v.forced[0]].Out() {
		return v.forceStart()
	}
	on := v.forced[0]
	for _, name := range v.forced {
		if s := v.servers[name]; s.sees(s.UUID).Primary {
			on = name
		}
	}
	p := v.plan()
	p.MustFinish = true
	p.Steps = append(v.fences(""), reconcile.Step{Name: "force-quorum", Actions: []reconcile.Action{ForceMembers{target: target{on}, Names: v.forced, Others: v.others(v.forced...)}}})
	v.tellForced(&p)
	return p
}

func (v *view) tellForced(p *reconcile.Plan[Data]) {
	text := fmt.Sprintf("the group is made to go on with %s, as the annotation %s says: what only the others hold is lost, and they stay out if they hold any. Take the annotation away", strings.Join(v.forced, ", "), v1alpha1.AnnotationForceQuorum)
	p.Conditions = reconcile.Topology(false, "QuorumForced", text)
	p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "QuorumForced", Message: text})
	p.Again = true
}

// node by its name.
func (v *view) node(name string) Node {
	i := slices.IndexFunc(v.nodes, func(n Node) bool { return n.Name == name })
	if i < 0 {
		return Node{Name: name}
	}
	return v.nodes[i]
}

// missesNodes: no group is seen, and somebody who may be in one is not seen either.
func (v *view) missesNodes() bool { return v.lead == nil && len(v.unseenNodes()) > 0 }

// holdWithoutNodes changes nothing but what keeps writes away from servers of a group.
func (v *view) holdWithoutNodes() reconcile.Plan[Data] {
	names := v.unseenNodes()
	notes := make([]string, 0, len(names))
	for _, name := range names {
		note := v.servers[name].Problem
		if n := v.node(name); n.Leaving && !v.pods[name].Exists {
			note += "; it left the spec as a member of the group, and its pod is gone: if that was deleted by force, its server may still run"
		}
		notes = append(notes, name+" ("+note+")")
	}
	text := fmt.Sprintf("no group is seen, and it is not known whether one is among those that are not seen: %s. All of them are waited for", strings.Join(notes, ", "))
	if why := v.cannotForce(); why != "" {
		text += fmt.Sprintf(". The annotation %s is not followed: %s", v1alpha1.AnnotationForceQuorum, why)
	} else if v.data.Bootstrapped {
		text += fmt.Sprintf("; where they are lost for good, name the members to go on with in the annotation %s. What only the others hold is lost then", v1alpha1.AnnotationForceQuorum)
	}
	p := v.plan()
	p.Steps = append(append(v.fences(""), v.route("")), v.disarmStep()...)
	p.Conditions = reconcile.Topology(false, "WaitingForNodes", text)
	p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "WaitingForNodes", Once: strings.Join(names, ","), Message: text})
	p.Next = busy
	return p
}

func (v *view) hasNoGroup() bool { return v.lead == nil }

// forceStart starts the group from those that the user names.
func (v *view) forceStart() reconcile.Plan[Data] {
	p := v.start(v.forced)
	if len(p.Events) == 0 {
		v.tellForced(&p)
	}
	return p
}

// setUp starts a group that does not exist, or that everybody has left, from the member
// that holds everything.
func (v *view) setUp() reconcile.Plan[Data] {
	if gone := v.vanished(); gone != "" {
		text := fmt.Sprintf("all members are out of the group, and %s. If a server runs on an empty or a wrong volume, give it the right one; or, to go on without them, name the members to go on with in the annotation %s", gone, v1alpha1.AnnotationForceQuorum)
		if why := v.cannotForce(); why != "" {
			text += fmt.Sprintf(". That is not followed: %s", why)
		}
		p := v.report("GroupDiverged", text)
		p.Steps = append(v.fences(""), p.Steps...)
		return p
	}
	var names []string
	for _, n := range v.nodes {
		if v.servers[n.Name].OK() {
			names = append(names, n.Name)
		}
	}
	p := v.start(names)
	if len(p.Events) == 0 {
		v.tellStarted(&p)
	}
	return p
}

func (v *view) tellStarted(p *reconcile.Plan[Data]) {
	text := "there is no group yet: %s makes one"
	if v.data.Bootstrapped {
		text = "all members are out of the group: it starts again from %s, which holds everything"
	}
	text = fmt.Sprintf(text, p.Steps[len(p.Steps)-1].Actions[0].Node())
	p.Data.Bootstrapped = true
	p.Conditions = reconcile.Topology(false, "GroupStarts", text)
	p.Events = append(p.Events, reconcile.Event{Reason: "GroupStarts", Message: text})
}

// start bootstraps among the named nodes, all of them seen and out. A plan with events
// says why it does not.
func (v *view) start(among []string) reconcile.Plan[Data] {
	name, why := v.groupName()
	if why != "" {
		return v.report("GroupNameUnknown", why)
	}
	seed, why := v.seed(among, name)
	if why != "" {
		p := v.report("GroupDiverged", why)
		p.Steps = append(v.fences(""), p.Steps...)
		return p
	}
	lost := v.others(seed)
	others := slices.DeleteFunc(slices.Clone(lost), func(name string) bool { return !v.servers[name].OK() })
	lost = slices.DeleteFunc(lost, func(name string) bool { return v.servers[name].OK() })
	p := v.plan()
	p.Data.GroupName, p.Data.Bootstrapped = name, true
	// A new operator must know that there was a group.
	p.Persist, p.MustFinish, p.Again = true, true, true
	step := reconcile.Step{Name: "bootstrap", Actions: []reconcile.Action{
		Bootstrap{target: target{seed}, Settings: v.settings(seed, name), Others: others, Lost: lost},
	}}
	p.Steps = append(v.fences(seed), v.route(""))
	p.Steps = append(append(p.Steps, v.disarmStep()...), step)
	return p
}

// others are the nodes but for some.
func (v *view) others(than ...string) []string {
	var out []string
	for _, n := range v.nodes {
		if !slices.Contains(than, n.Name) {
			out = append(out, n.Name)
		}
	}
	return out
}

// groupName of the group that is to start: the recorded one, or else what the servers are
// configured with, or else one that is made of the resource's uid.
func (v *view) groupName() (name, why string) {
	if v.data.GroupName != "" {
		return v.data.GroupName, ""
	}
	for _, n := range v.ours() {
		switch mine := v.servers[n.Name].Config.GroupName; {
		case mine == "" || mine == name:
		case name != "":
			return "", fmt.Sprintf("the servers are configured with different group names, %s and %s: set group_replication_group_name to the same on all", name, mine)
		default:
			name = mine
		}
	}
	if name == "" {
		name = v.fresh
	}
	if name == "" {
		return "", "no server has a group name: set group_replication_group_name to the same UUID on all"
	}
	return name, ""
}

// seed chooses the member that holds all that any other seen node holds: spec.primary if it
// is one of them, or else the first in the spec's order. why says that there is none.
func (v *view) seed(among []string, group string) (seed, why string) {
	var unfit []string
	left := ""
	for _, n := range v.nodes {
		if !slices.Contains(among, n.Name) {
			continue
		}
		s := v.servers[n.Name]
		behind := ""
		for _, o := range v.nodes {
			if other := v.servers[o.Name]; other.OK() && !s.Holds().Contains(other.Holds()) {
				behind = o.Name
			}
		}
		if behind != "" {
			continue
		}
		if n.Leaving {
			left = n.Name
			continue
		}
		bad := v.unfit(s)
		if mine := s.Config.GroupName; bad == "" && mine != "" && mine != group {
			bad = fmt.Sprintf("group_replication_group_name is %s and the group's is %s", mine, group)
		}
		if bad != "" {
			v.data.Notes[n.Name] = bad
			unfit = append(unfit, n.Name+": "+bad)
			continue
		}
		if seed == "" || n.Name == v.spec.Primary {
			seed = n.Name
		}
	}
	switch {
	case seed != "":
		return seed, ""
	case len(unfit) > 0:
		return "", "the member that holds everything cannot start the group: " + strings.Join(unfit, "; ")
	}
	why = v.differences()
	if left != "" {
		why += fmt.Sprintf(". %[1]s holds everything, and the spec no longer names it: to keep that name %[1]s again, and take it out when another member has caught up with it", left)
	}
	return "", why
}

// differences tells what the nodes hold that others lack.
func (v *view) differences() string {
	var out []string
	for _, n := range v.nodes {
		s := v.servers[n.Name]
		if !s.OK() {
			continue
		}
		for _, o := range v.nodes {
			other := v.servers[o.Name]
			if !other.OK() || o.Name == n.Name {
				continue
			}
			if extra := s.Holds().Subtract(other.Holds()); !extra.Empty() {
				out = append(out, fmt.Sprintf("%s holds %d transaction(s) that %s lacks: %s", n.Name, extra.Count(), o.Name, shared.Shorten(extra.String())))
			}
		}
	}
	return "no member that the spec names holds everything, so that none can start the group without loss. " + strings.Join(out, "; ") + ". Decide which data stay, and rebuild the other servers as empty ones"
}

// settings that a node is given for a start.
func (v *view) settings(name, group string) Settings {
	s := v.servers[name]
	var out Settings
	if s.Config.GroupName == "" {
		out.GroupName = group
	}
	if s.Config.LocalAddress == "" {
		out.LocalAddress = localAddress(v.node(name), s.Config.MySQLStack)
	}
	out.Seeds = strings.Join(v.seedsOf(name), ",")
	return out
}
