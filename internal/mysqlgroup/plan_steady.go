// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"fmt"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// steady looks after a group that has a quorum: the route first, then the primary that
// is wanted, then whoever is to come and to go. Nobody waits for a node that is not seen.
func (v *view) steady() reconcile.Plan[Data] {
	candidate, refused := v.candidate()
	election := v.election(candidate)
	v.dropLeaving()
	p := v.plan()
	if len(election) == 0 {
		p.Steps = append(p.Steps, v.route(""))
	}
	p.Steps = append(p.Steps, v.fences("")...)
	add := func(name string, actions []reconcile.Action) {
		if len(actions) > 0 {
			p.Steps = append(p.Steps, reconcile.Step{Name: name, Optional: true, Actions: actions})
		}
	}
	add("disarm", v.disarms())
	if len(election) > 0 {
		p.Steps = append(p.Steps, election...)
		p.Again = true
	} else {
		add("seeds", v.reseeds())
		add("leave", v.leaves())
		add("recovery-user", v.recoveryUsers())
		add("welcome", v.welcomes())
		add("join", v.joins())
	}
	p.Conditions = v.steadyCondition(refused)
	p.Events = append(p.Events, v.steadyEvents()...)
	if p.Conditions[0].Status != metav1.ConditionTrue || len(election) > 0 {
		p.Next = busy
	}
	return p
}

// fences make servers read-only that are out of the group and take writes. Before there
// was a group nobody has asked for that.
func (v *view) fences(except string) []reconcile.Step {
	if !v.data.Bootstrapped && except == "" {
		return nil
	}
	step := reconcile.Step{Name: "fence-outside", Optional: true}
	for _, n := range v.nodes {
		s := v.servers[n.Name]
		// Nobody looks after one that left any more once it is fenced.
		loose := !s.ReadOnly || !s.SuperReadOnly || n.Leaving && !s.staysReadOnly()
		if n.Name != except && s.Out() && loose {
			step.Actions = append(step.Actions, Fence{target: target{n.Name}, Persist: n.Leaving})
		}
	}
	if len(step.Actions) == 0 {
		return nil
	}
	return []reconcile.Step{step}
}

// disarms: the next start of such a server would make a second group, or fail.
func (v *view) disarms() []reconcile.Action {
	var out []reconcile.Action
	for _, n := range v.nodes {
		if s := v.servers[n.Name]; s.OK() && (s.Config.Bootstrap || s.Config.ForceMembers != "") {
			out = append(out, Disarm{target{n.Name}})
		}
	}
	return out
}

// disarmStep is disarms as a step of a plan without a group: an operator that died in the
// middle of a bootstrap has left it on.
func (v *view) disarmStep() []reconcile.Step {
	if list := v.disarms(); v.data.Bootstrapped && len(list) > 0 {
		return []reconcile.Step{{Name: "disarm", Optional: true, Actions: list}}
	}
	return nil
}

// joins start the nodes of the spec that are out of the group.
func (v *view) joins() []reconcile.Action {
	donor := v.donor()
	var out []reconcile.Action
	for _, n := range v.ours() {
		if donor != "" && v.servers[n.Name].Out() && v.cannotJoin(n) == "" {
			out = append(out, Join{target: target{n.Name}, Donor: donor, Settings: v.settings(n.Name, v.data.GroupName)})
		}
	}
	return out
}

// donor is a member to compare with, the primary if it is seen: nobody has more.
func (v *view) donor() string {
	if v.member(v.primary) {
		return v.primary
	}
	for _, n := range v.nodes {
		if v.member(n.Name) {
			return n.Name
		}
	}
	return ""
}

// leaves take the nodes that left the spec out of the group, one at a time, the primary
// only after another one was elected.
func (v *view) leaves() []reconcile.Action {
	for _, n := range v.nodes {
		s := v.servers[n.Name]
		if n.Leaving && s.InGroup() && v.listed(n.Name) != nil && !v.isApart(n.Name) && n.Name != v.primary && s.cannotLeave() == "" {
			return []reconcile.Action{Leave{target{n.Name}}}
		}
	}
	return nil
}

// welcomes let clients to members that are back and that the server itself had closed.
func (v *view) welcomes() []reconcile.Action {
	var out []reconcile.Action
	for _, n := range v.ours() {
		if s := v.servers[n.Name]; v.member(n.Name) && s.OfflineMode && s.Config.OfflineOnExit {
			out = append(out, Welcome{target{n.Name}})
		}
	}
	return out
}

// recoveryUsers: a member whose channel has another user or password than the Secret could
// not come back. It may be given them while it is ONLINE: nothing uses the channel then.
func (v *view) recoveryUsers() []reconcile.Action {
	var out []reconcile.Action
	for _, n := range v.ours() {
		if s := v.servers[n.Name]; v.member(n.Name) && (s.RecoveryOutdated || s.RecoveryUser != shared.ReplicationUser(v.spec.Secret)) {
			out = append(out, SetRecoveryUser{target{n.Name}})
		}
	}
	return out
}

// dropLeaving marks the leaving nodes that have no part in the group any more.
func (v *view) dropLeaving() {
	for _, n := range v.nodes {
		if !n.Leaving || v.listed(n.Name) != nil {
			continue
		}
		s := v.servers[n.Name]
		if s.Out() && s.staysReadOnly() || v.isLost(n) {
			v.data.Drop[n.Name] = true
		}
	}
}

// isLost: nobody can look at it, and the group has gone on without it.
func (v *view) isLost(n Node) bool {
	return n.Leaving && v.listed(n.Name) == nil && !v.servers[n.Name].OK() && !v.pods[n.Name].Exists
}

// strangers are members that no node is.
func (v *view) strangers() []string {
	var out []string
	for _, m := range v.lead.Members {
		// Those that are unreachable are on their way out.
		if _, is := v.nodeOf(m.UUID); !is && m.State != MemberUnreachable {
			out = append(out, fmt.Sprintf("%s:%d", m.Host, m.Port))
		}
	}
	return out
}

// online counts the nodes of the spec that are members in order.
func (v *view) online() int {
	count := 0
	for _, n := range v.ours() {
		if v.data.Ready[n.Name] {
			count++
		}
	}
	return count
}

// steadyCondition reports the first thing that is not as the spec wants it.
func (v *view) steadyCondition(refused string) []metav1.Condition {
	var problems []string
	reason := ""
	note := func(r, text string) {
		if reason == "" {
			reason = r
		}
		problems = append(problems, text)
	}
	if len(v.apart) > 0 {
		note("SplitGroup", v.besides())
	}
	switch {
	case v.primary == "":
		note("NoPrimary", "the group has no primary that is a node of the spec")
	case !v.data.Ready[v.primary]:
		note("PrimaryNotReady", v.primary+": "+v.data.Notes[v.primary])
	}
	if w := v.wanted(); w != "" && w != v.primary {
		text := fmt.Sprintf("the primary is %s and %s is wanted", v.primary, w)
		if refused != "" {
			text += ": " + refused
		}
		note("PrimaryNotAsWanted", text)
	}
	names := make([]string, 0, len(v.nodes))
	for _, n := range v.ours() {
		if n.Name != v.primary {
			names = append(names, n.Name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		if v.data.Ready[name] {
			continue
		}
		switch _, bad := v.data.Errant[name]; {
		case bad:
			note("MemberDiverged", name+": "+v.data.Notes[name])
		case !v.servers[name].OK():
			note("NodeUnreachable", name+" is not seen: "+v.data.Notes[name]+v.saidOf(name))
		default:
			note("MemberNotReady", name+": "+v.data.Notes[name])
		}
	}
	for _, n := range v.nodes {
		if m := v.listed(n.Name); n.Leaving && m != nil {
			note("MemberLeaving", v.leaving(n, m))
		}
	}
	if others := v.strangers(); len(others) > 0 {
		note("UnknownMember", "the group has members that the spec does not name: "+strings.Join(others, ", ")+". Add them to spec.member, or STOP GROUP_REPLICATION on them")
	}
	if reason != "" {
		return reconcile.Topology(false, reason, strings.Join(problems, "; "))
	}
	return reconcile.Topology(true, "TopologyAsWanted", fmt.Sprintf("%s is the primary; %d of %d members are ONLINE", v.primary, v.online(), len(v.ours())))
}

// saidOf is what the group says of a node that is not seen.
func (v *view) saidOf(name string) string {
	if m := v.listed(name); m != nil {
		return " (the group says " + string(m.State) + ")"
	}
	return " (it is not in the group)"
}

// leaving says how far a node is that left the spec.
func (v *view) leaving(n Node, m *Member) string {
	s := v.servers[n.Name]
	switch {
	case !s.OK():
		return fmt.Sprintf("%s left the spec and is %s in the group, and it is not seen: STOP GROUP_REPLICATION on it, or delete its pod", n.Name, m.State)
	case n.Name == v.primary:
		return n.Name + " left the spec and is the primary: it stays until another member can be elected"
	case s.cannotLeave() != "":
		return fmt.Sprintf("%s left the spec and stays in the group: %s", n.Name, s.cannotLeave())
	}
	return n.Name + " left the spec and leaves the group"
}

// steadyEvents tell of what a person did not ask for.
func (v *view) steadyEvents() []reconcile.Event {
	var out []reconcile.Event
	if v.data.Moved {
		e := reconcile.Event{Reason: "PrimaryChanged", Message: fmt.Sprintf("%s is the primary; it was %s", v.primary, v.status.Primary)}
		e.Warning = !v.data.Asked
		out = append(out, e)
	}
	for _, n := range v.nodes {
		s := v.servers[n.Name]
		if s.Out() && !s.ReadOnly && v.status.Topology[n.Name] != nil {
			out = append(out, reconcile.Event{Warning: true, Reason: "OutsiderWasWritable", Message: n.Name + " is out of the group and took writes: it is made read-only"})
		}
		if extra, bad := v.data.Errant[n.Name]; bad {
			out = append(out, reconcile.Event{Warning: true, Reason: "MemberDiverged", Once: n.Name, Message: fmt.Sprintf("%s holds %d transaction(s) that the group lacks, and stays out of it: %s", n.Name, extra.Count(), shared.Shorten(extra.String()))})
		}
		if n.Port != v.readers && n.Name != v.primary && !n.Leaving {
			out = append(out, reconcile.Event{Warning: true, Reason: "PortsDiffer", Once: n.Name, Message: fmt.Sprintf("%s listens on port %d and the Service for readers leads to port %d: it is left out of it. Have all nodes listen on one port", n.Name, n.Port, v.readers)})
		}
		if v.isLost(n) {
			out = append(out, reconcile.Event{Warning: true, Reason: "NodeForgotten", Once: n.Name, Message: fmt.Sprintf("%s left the spec, it is not seen, the group does not have it, and its pod is gone: it is not looked after any more. If the pod was deleted by force, its server may still run, and nobody has seen that it takes no writes: make sure that it has stopped", n.Name)})
		}
		if s.OK() && s.Config.Bootstrap {
			out = append(out, reconcile.Event{Warning: true, Reason: "BootstrapLeftOn", Once: n.Name, Message: n.Name + " has group_replication_bootstrap_group=ON, so that it would make a group of its own at its next start: it is switched off. Take it out of the server's configuration"})
		}
	}
	if len(v.apart) > 0 {
		out = append(out, reconcile.Event{Warning: true, Reason: "SplitGroup", Once: strings.Join(v.apart, ","), Message: v.besides()})
	}
	if len(v.forced) > 0 {
		out = append(out, reconcile.Event{Warning: true, Reason: "ForceQuorumIdle", Once: strings.Join(v.forced, ","), Message: fmt.Sprintf("the group has a quorum: take the annotation %s away: it does not count the next time", v1alpha1.AnnotationForceQuorum)})
	}
	return out
}
