// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// What a failover has given up is known after the next change of the source, too: with any
// node that replicated from the old source it may come back any time.
func TestDeposedSourcesAreRemembered(t *testing.T) {
	s := given("b", "a", "c").knowing("a", "a", "b", "c").failover("a", "b", v1alpha1.SwitchoverSwitching)
	for _, look := range []struct {
		name    string
		nodes   []*node
		change  func()
		source  string
		deposed []string
	}{
		{
			name:   "the failover has promoted b",
			nodes:  []*node{source("a").unseen(), source("b").has("a:1-100 b:1"), replica("c", "b")},
			source: "b", deposed: []string{uuidOf("a")},
		},
		{
			name:   "a is back and holds what b lacks",
			nodes:  []*node{source("a").has("a:1-110").fenced().labelled("")},
			source: "b", deposed: []string{uuidOf("a")},
		},
		{
			name:   "c has taken over from b as planned",
			nodes:  []*node{source("a").unseen(), replica("b", "c").has("a:1-100 b:1"), source("c").has("a:1-100 b:1")},
			change: func() { s.record("b", "c", v1alpha1.SwitchoverSwitching) },
			source: "c", deposed: []string{uuidOf("a")},
		},
		{
			name:   "a replicates and holds nothing of its own",
			nodes:  []*node{replica("a", "c")},
			source: "c",
		},
	} {
		s.seeing(look.nodes...)
		if look.change != nil {
			look.change()
		}
		p := Plan(s.Input)
		Project(s.Object, s.State, p)
		if st := s.Object.Status; st.Source != look.source || !slices.Equal(st.DeposedSourceUUIDs, look.deposed) {
			t.Fatalf("%s: source %s, deposed %v (%s)", look.name, st.Source, st.DeposedSourceUUIDs, p.Conditions[0].Message)
		}
	}
}

// A source that was left behind and has left the spec is waited for until it is seen fenced:
// its pod goes and comes back with the volume, and it takes writes then.
func TestWhichDeposedSourcesAreForgotten(t *testing.T) {
	left := func(a *node) *scene {
		return given("b", "c").knowing("b", "a", "b", "c").failedOver("a", "b").after(time.Hour).
			seeing(source("b").has("a:1-100 b:1"), replica("c", "b").has("a:1-100 b:1"), a)
	}
	// since: there was another change of the source.
	since := func(a *node) *scene {
		return given("c", "b").knowing("c", "a", "b", "c").failedOver("a", "b").switchedOver("b", "c").after(time.Hour).
			seeing(source("c").has("a:1-100 b:1 c:1"), replica("b", "c").has("a:1-100 b:1 c:1"), a)
	}
	gone := func() *node { return source("a").labelled("").podGone() }
	back := func() *node { return source("a").has("a:1-110").labelled("") }
	giving := func(names string, s *scene) *scene { return s.givingUp(names) }
	unknown := func(s *scene) *scene {
		s.Object.Status.DeposedSourceUUIDs, s.Object.Status.Topology["a"].ServerUUID = nil, ""
		return s
	}
	pushedOut := func(s *scene) *scene {
		for i := range deposedMost - 1 {
			s.Object.Status.DeposedSourceUUIDs = append(s.Object.Status.DeposedSourceUUIDs, fmt.Sprint(i))
		}
		return s.failover("d", "b", v1alpha1.SwitchoverSwitching).seeing(source("d").unseen())
	}
	for _, c := range []struct {
		name  string
		scene *scene
		want  bool
		event string
	}{
		{"its pod is gone", left(gone()), false, "OldSourceAwaited"},
		{"it is not seen", left(source("a").labelled("").unseen()), false, "OldSourceAwaited"},
		{"it answers with an error", left(source("a").labelled("").failing()), false, "OldSourceAwaited"},
		{"it is back and takes writes", left(back()), false, ""},
		{"it is back and fenced until it restarts", left(back().fenced().unpersisted()), false, ""},
		{"it is back and fenced", left(back().fenced()), true, "OldSourceReturned"},
		{"its pod is gone, and the source is not seen", left(gone()).seeing(source("b").unseen()), false, "OldSourceAwaited"},
		{"its pod is gone, and the source was changed since", since(gone()), false, "OldSourceAwaited"},
		{"the source was changed since, and it takes writes", since(back()), false, ""},
		{"the source was changed since, and it is fenced", since(back().fenced()), true, "OldSourceReturned"},
		{"its pod is gone, and nobody knew its server_uuid", unknown(left(gone())), false, "OldSourceAwaited"},
		{"its pod is gone, and it replicated since", func() *scene { s := left(gone()); s.Object.Status.DeposedSourceUUIDs = nil; return s }(), true, ""},
		{"given up", giving("z, a", left(gone())), true, "NodeForgotten"},
		{"given up while its pod runs unseen", giving("a", left(source("a").labelled("").unseen())), true, "NodeForgotten"},
		{"given up while the source is not seen", giving("a", left(gone()).seeing(source("b").unseen())), true, "NodeForgotten"},
		{"another is given up", giving("c", left(gone())), false, "OldSourceAwaited"},
		{"given up, and it is back and takes writes", giving("a", left(back())), false, ""},
		{"given up, and its fence cannot be persisted", giving("a", left(back().fenced().unpersisted())), true, "OldSourceReturned"},
		{"the record is full", pushedOut(given("b", "c").knowing("d", "a", "b", "c", "d").failedOver("a", "d").seeing(gone(), source("b").has("a:1-100 b:1"), replica("c", "b"))), true, "NodeForgotten"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Plan(c.scene.Input)
			event := ""
			for _, e := range p.Events {
				if slices.Contains([]string{"OldSourceAwaited", "OldSourceReturned", "NodeForgotten"}, e.Reason) && strings.HasPrefix(e.Message, "a ") {
					event += e.Reason
				}
			}
			if p.Data.Drop["a"] != c.want || event != c.event {
				t.Errorf("forgotten: %t, told %q, want %t and %q (%s)", p.Data.Drop["a"], event, c.want, c.event, p.Conditions[0].Message)
			}
			for _, broken := range brokenLaws(c.scene.Input, p) {
				t.Errorf("law broken: %s", broken)
			}
		})
	}
}

// The set is as wanted meanwhile, and says at the node what it waits for; and who has gone
// does not lower what is known of those who are there.
func TestWaitingForADeposedSourceHoldsUpNothing(t *testing.T) {
	s := given("b", "c").semiSync().knowing("a", "a", "b", "c").wasActive("a").failover("a", "b", v1alpha1.SwitchoverSwitching).
		seeing(source("a").podGone(), source("b").waitsFor(1).has("a:1-100 b:1"), replica("c", "b").acks().has("a:1-100 b:1"))
	Project(s.Object, s.State, Plan(s.Input))
	s.seeing(source("b").waitsFor(1).has("a:1-100 b:1-9"), replica("c", "b").acks().has("a:1-100 b:1-2"))
	p := Plan(s.Input)
	Project(s.Object, s.State, p)
	if got := p.Conditions[0].Reason; got != "TopologyAsWanted" || p.Data.VouchedBy != 1 {
		t.Errorf("%s: %s, vouched by %d", got, p.Conditions[0].Message, p.Data.VouchedBy)
	}
	if n := s.Object.Status.Topology["a"]; n == nil || !strings.Contains(n.Message, v1alpha1.AnnotationGiveUp+": a") {
		t.Errorf("a is shown as %+v", n)
	}
}

func TestDeposedSourcesAreBounded(t *testing.T) {
	v := look(steadySet().Input)
	for i := range deposedMost + 3 {
		v.depose(fmt.Sprint(i))
	}
	v.depose("5")
	if d := v.data.Deposed; len(d) != deposedMost || d[0] != "3" || d[deposedMost-1] != "5" || slices.Index(d, "5") != deposedMost-1 {
		t.Errorf("remembered: %v", d)
	}
	v.reinstate("5")
	if d := v.data.Deposed; slices.Contains(d, "5") {
		t.Errorf("still remembered: %v", d)
	}
}
