// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// The parts of which every scene of the cross product is made. Each names itself
// and changes a node or a scene.
type nodePart struct {
	name string
	make func(*node) *node
}

type scenePart struct {
	name   string
	change func(*scene)
}

// positions of a server: whether it takes writes, and its channel to the other.
func positions(other string) []nodePart {
	var out []nodePart
	for _, fence := range []nodePart{
		{"writable", func(n *node) *node { return n.readOnly(false, false, false) }},
		{"armed", func(n *node) *node { return n.readOnly(false, false, true) }},
		{"fenced", (*node).fenced},
		{"half fenced", (*node).halfFenced},
	} {
		for _, channel := range []nodePart{
			{"", func(n *node) *node { return n }},
			{" following", func(n *node) *node { return n.follows(other) }},
			{" receiver stopped", func(n *node) *node { return n.follows(other).threads(ThreadNo, ThreadYes) }},
			{" stopped", func(n *node) *node { return n.follows(other).stopped() }},
		} {
			out = append(out, nodePart{fence.name + channel.name, func(n *node) *node { return channel.make(fence.make(n)) }})
		}
	}
	return append(out,
		nodePart{"unseen", (*node).unseen}, nodePart{"failing", (*node).failing},
		nodePart{"made anew", func(n *node) *node { return fresh(n.Name).uuid("e") }})
}

// pasts say what from and to hold.
var pasts = []struct{ name, from, to string }{
	{"equal", "a:1-100", "a:1-100"},
	{"to is behind", "a:1-100", "a:1-90"},
	{"to wrote", "a:1-100", "a:1-100 b:1-3"},
	{"to has received more", "a:1-100", "a:1-103"},
	{"both wrote", "a:1-105", "a:1-100 b:1-3"},
}

// records of a change of the source in all phases.
func records() []scenePart {
	out := []scenePart{{"no record", func(*scene) {}}}
	for _, phase := range []v1alpha1.SwitchoverPhase{v1alpha1.SwitchoverPreparing, v1alpha1.SwitchoverSwitching, v1alpha1.SwitchoverUndoing, v1alpha1.SwitchoverUndone} {
		out = append(out, scenePart{string(phase), func(s *scene) { s.record("a", "b", phase) }})
	}
	for _, phase := range []v1alpha1.SwitchoverPhase{v1alpha1.SwitchoverPreparing, v1alpha1.SwitchoverSwitching} {
		out = append(out, scenePart{"failover " + string(phase), func(s *scene) { s.failover("a", "b", phase) }})
	}
	return out
}

// wishes of the user.
var wishes = []struct {
	name string
	spec []string
}{
	{"b is wanted", []string{"b", "a", "c"}},
	{"a is wanted again", []string{"a", "b", "c"}},
	{"c is wanted", []string{"c", "a", "b"}},
	{"b is wanted and a left", []string{"b", "c"}},
}

// circumstances are gone through in turn, not all with all.
var circumstances = [][]scenePart{
	{{"", func(*scene) {}}, {"late", func(s *scene) { s.after(time.Minute) }}, {"soon", func(s *scene) { s.after(time.Second) }}},
	{{"", func(*scene) {}}, {"", func(*scene) {}}, {"forced", func(s *scene) { s.forcing("b") }}, {"skip", func(s *scene) { s.skipping() }}, {"force another", func(s *scene) { s.forcing("c") }}},
	{
		{"", func(s *scene) { s.seeing(replica("c", "a")) }},
		{"c ahead", func(s *scene) { s.seeing(replica("c", "a").received("a:1-110")) }},
		{"c ahead and detached", func(s *scene) { s.seeing(replica("c", "a").unattached().has("a:1-110")) }},
		{"c unseen", func(s *scene) { s.seeing(replica("c", "a").unseen()) }},
		{"c follows a elsewhere", func(s *scene) { s.seeing(replica("c", "a").through("10.0.0.1")) }},
		{"c follows b", func(s *scene) { s.seeing(replica("c", "b")) }},
		{"c starved", func(s *scene) { s.seeing(replica("c", "a").threads(ThreadNo, ThreadYes)) }},
		{"c errant", func(s *scene) { s.seeing(replica("c", "a").has("a:1-90 c:1-2")) }},
		{"c writable", func(s *scene) { s.seeing(replica("c", "a").writable()) }},
	},
	{
		{"", func(*scene) {}},
		{"to is routed", func(s *scene) { s.relabel("b", "false"); s.relabel("a", "") }},
		{"nobody is routed", func(s *scene) { s.relabel("b", ""); s.relabel("a", "") }},
		{"candidate drained", func(s *scene) { s.relabel("b", "") }},
		{"to has a new pod", func(s *scene) {
			s.Pods["b"] = reconcile.Pod{Exists: true, UID: podUID("b", 1)}
		}},
		{"both are routed", func(s *scene) { s.relabel("b", "false") }},
	},
	{{"", func(*scene) {}}, {"semi-sync", func(s *scene) {
		s.semiSync()
		for _, n := range s.State.Nodes {
			n.SemiSync = SemiSync{SourcePlugin: true, ReplicaPlugin: true, ReplicaEnabled: true, ReplicaActive: true}
		}
	}}},
	{{"", func(*scene) {}}, {"", func(*scene) {}}, {"a is fed", func(s *scene) {
		s.State.Nodes["a"].ForeignChannels = []ForeignChannel{{Name: "feed", Running: true}}
	}}},
	{{"", func(*scene) {}}, {"", func(*scene) {}}, {"edited", func(s *scene) { s.edited() }}},
}

func (s *scene) relabel(name, label string) {
	p := s.Pods[name]
	p.Readonly = label
	s.Pods[name] = p
}

// TestPlanKeepsTheLawsEverywhere makes every combination of where two servers can be,
// what they hold, which record there is and what the user wants.
func TestPlanKeepsTheLawsEverywhere(t *testing.T) {
	t.Parallel()
	count, turn, failed := 0, 0, 0
	for _, from := range positions("b") {
		for _, to := range positions("a") {
			for _, past := range pasts {
				for _, record := range records() {
					for _, wish := range wishes {
						s := given(wish.spec...).knowing("a", "a", "b", "c").seeing(
							from.make(server("a").has(past.from).labelled("false")),
							to.make(server("b").has(past.to).labelled("true")))
						s.pod("a", "false")
						s.pod("b", "true")
						record.change(s)
						name := fmt.Sprintf("a %s, b %s, %s, %s, %s", from.name, to.name, past.name, record.name, wish.name)
						turn++
						at := turn
						for _, of := range circumstances {
							c := of[at%len(of)]
							at = at/len(of) + turn
							c.change(s)
							name += ", " + c.name
						}
						count++
						if !judge(t, name, s) {
							if failed++; failed == 12 {
								t.FailNow()
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d scenes", count)
}

func (s *scene) pod(name, label string) {
	p := s.Pods[name]
	p.Exists, p.Readonly, p.UID = true, label, podUID(name, 0)
	s.Pods[name] = p
}

// judge plans a scene and says whether the plan keeps the laws.
func judge(t *testing.T, name string, s *scene) bool {
	t.Helper()
	ok := true
	p := Plan(s.Input)
	if broken := brokenLaws(s.Input, p); len(broken) > 0 {
		ok = false
		t.Errorf("%s:\n  %v\n  plan %s, record %q, %s", name, broken, quoted(stepsOf(p)), recordOf(p.Data.Switchover), p.Conditions[0].Reason)
	}
	if again := Plan(s.Input); !reflect.DeepEqual(stepsOf(p), stepsOf(again)) {
		ok = false
		t.Errorf("%s: two plans for one scene: %s and %s", name, quoted(stepsOf(p)), quoted(stepsOf(again)))
	}
	return ok
}
