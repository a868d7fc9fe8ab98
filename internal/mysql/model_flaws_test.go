// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"slices"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// without removes the steps of a name.
func without(p *reconcile.Plan[Data], name string) bool {
	before := len(p.Steps)
	p.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s reconcile.Step) bool { return s.Name == name })
	return len(p.Steps) < before
}

// change replaces actions in the steps of a plan.
func change(p *reconcile.Plan[Data], f func(reconcile.Action) reconcile.Action) {
	for i, s := range p.Steps {
		s.Actions = slices.Clone(s.Actions)
		for j, a := range s.Actions {
			s.Actions[j] = f(a)
		}
		p.Steps[i] = s
	}
}

// partitions is a profile of servers that live on unseen.
func partitions(p *profile) {
	p.running, p.edits, p.cuts = true, true, true
	p.crashes, p.death, p.anew = false, false, false
}

// semiPartitions are those of semi-sync sets, with deaths.
func semiPartitions(p *profile) {
	partitions(p)
	p.semi, p.nodes, p.death, p.crashes, p.feeds, p.rejoins = true, 4, true, true, false, false
}

// planted bugs, each with the law that must be seen to break.
var planted = []struct {
	name, law string
	flaws     flaws
}{
	{"the fence is not verified", "law", flaws{fenceUnverified: true}},
	{"a candidate is promoted without waiting", "law", flaws{promoteWithoutWaiting: true}},
	{"replicas are attached whatever they hold", "law 5", flaws{attachAnyway: true}},
	{"commits are released before their clients are killed", "law 2", flaws{releaseBeforeKill: true}},
	{"commits are released although a client could not be killed", "law 2", flaws{near: 2720, releaseAnyway: true}},
	{"a replica is led ahead of what the candidate has", "law", flaws{aheadAnyway: true}},
	{"no fence before the promotion", "law", flaws{plan: func(_ Input, p *reconcile.Plan[Data]) {
		if without(p, "fence") {
			change(p, func(a reconcile.Action) reconcile.Action {
				if do, is := a.(Promote); is {
					do.AfterFact = ""
					return do
				}
				return a
			})
		}
	}}},
	{"the promotion does not wait for the fenced position", "law", flaws{plan: func(_ Input, p *reconcile.Plan[Data]) {
		without(p, "catch-up")
		change(p, func(a reconcile.Action) reconcile.Action {
			if do, is := a.(Promote); is {
				do.AfterFact, do.AfterSet = "", gtid.Set{}
				return do
			}
			return a
		})
	}}},
	{"undone although the candidate took writes", "law", flaws{plan: func(in Input, p *reconcile.Plan[Data]) {
		r := p.Data.Switchover
		if r == nil || r.Failover || r.Phase == v1alpha1.SwitchoverPreparing || !in.State.Nodes[r.From].Fenced() {
			return
		}
		p.Steps = []reconcile.Step{{Name: "undo", Actions: []reconcile.Action{SetWritable{target: target{r.From}}},
			Routing: reconcile.Routing{r.From: reconcile.AccessReadWrite, r.To: reconcile.AccessNone}}}
	}}},
	{"receivers go on during a failover", "law 4", flaws{input: func(in *Input) {
		if r := in.Object.Status.Switchover; r != nil && r.Failover {
			for _, s := range in.State.Nodes {
				if s.Channel != nil {
					s.Channel.IO = ThreadNo
				}
			}
		}
	}}},
	{"what others have received is not compared", "law 4", flaws{input: func(in *Input) {
		if in.Object.Annotations == nil {
			in.Object.Annotations = map[string]string{v1alpha1.AnnotationForcePromote: in.Object.Spec.Source.Name}
		}
	}}},
	{"a node without a channel is not compared", "law 4", flaws{profile: func(p *profile) { p.running, p.edits, p.detaches, p.cuts, p.crashes = true, true, true, true, false }, input: func(in *Input) {
		for _, s := range in.State.Nodes {
			if s.Channel == nil && s.Name != in.Object.Status.Source {
				s.Executed = in.State.Nodes[in.Object.Spec.Source.Name].Executed
			}
		}
	}}},
	{"a foreign channel writes behind the fence", "law 2", flaws{profile: func(p *profile) { p.running, p.edits, p.feeds, p.detaches, p.cuts = true, true, true, false, false }, input: func(in *Input) {
		for _, s := range in.State.Nodes {
			s.ForeignChannels = nil
		}
	}, plan: func(_ Input, p *reconcile.Plan[Data]) {
		change(p, func(a reconcile.Action) reconcile.Action {
			if do, is := a.(FenceSource); is {
				do.Still = false
				return do
			}
			return a
		})
	}}},
	{"a new pod of the candidate is taken for the one that it was", "law 2", flaws{near: 915, profile: func(p *profile) {
		p.running, p.edits, p.newPods, p.cuts, p.semi, p.nodes = true, true, true, false, false, 2
	}, input: func(in *Input) {
		if r := in.Object.Status.Switchover; r != nil {
			r.ToPodUID = ""
		}
	}}},
	{"the old source keeps its label during a failover", "law 1", flaws{profile: partitions, plan: func(_ Input, p *reconcile.Plan[Data]) { without(p, "unroute") }}},
	{"the old source keeps its label during a failover that is not sure who acknowledges", "law 1", flaws{counts: true, profile: semiPartitions, plan: func(in Input, p *reconcile.Plan[Data]) {
		if in.Object.Spec.Mode == v1alpha1.MysqlSemiSync && !claim(in.Object, *p) {
			without(p, "unroute")
		}
	}}},
	{"the old source keeps its label and forgets to wait when it restarts", "law 1", flaws{near: 600, profile: func(p *profile) {
		semiPartitions(p)
		p.forgets = true
	}, input: func(in *Input) {
		for _, s := range in.State.Nodes {
			s.WaitsAfterRestart = true
		}
	}}},
	{"a second writable node is not fenced", "law", flaws{profile: partitions, plan: func(_ Input, p *reconcile.Plan[Data]) { without(p, "fence-extra") }}},
	{"another server under the source's name is taken for it", "law", flaws{input: func(in *Input) {
		if s := in.State.Nodes[in.Object.Status.Source]; s.OK() {
			s.UUID = in.Object.Status.SourceUUID
		}
	}}},
	{"channels keep the TLS that they have", "the channel of", flaws{plan: func(_ Input, p *reconcile.Plan[Data]) { without(p, "secure-channels") }}},
	{"a failover is sure whoever is not seen", "law 4", flaws{counts: true, profile: semiPartitions, plan: func(_ Input, p *reconcile.Plan[Data]) {
		p.Events = slices.DeleteFunc(slices.Clone(p.Events), func(e reconcile.Event) bool { return e.Reason == "PromotionUnassured" })
	}}},
	{"a raised count counts for what was acknowledged before", "law 4", flaws{near: 2709, counts: true, profile: semiPartitions, plan: func(in Input, p *reconcile.Plan[Data]) {
		if s := in.State.Nodes[p.Data.Source]; s.OK() && s.SemiSync.SourceActive && wantedAcks(in.Object).patient() {
			p.Data.VouchedBy = int32(wantedAcks(in.Object).count()) //nolint:gosec // at most 3
		}
	}}},
	{"a count is on record after it was lowered", "law 4", flaws{near: 1080, counts: true, profile: semiPartitions, plan: func(in Input, p *reconcile.Plan[Data]) {
		if n, s := in.Object.Status.Topology[p.Data.Source], in.State.Nodes[p.Data.Source]; n != nil && s.OK() && p.Data.VouchedBy < n.VouchedBy && s.SemiSync.SourceActive && p.Data.Switchover == nil {
			p.Data.VouchedBy, p.Persist = n.VouchedBy, false
		}
	}}},
	{"a stopped channel of a node that takes writes leads to its source", "law", flaws{profile: func(p *profile) { p.running, p.byHand, p.edits = true, true, false }, input: func(in *Input) {
		for _, s := range in.State.Nodes {
			if s.Channel != nil && in.Object.Status.Source == "" {
				s.ReadOnly, s.SuperReadOnly = true, true
			}
		}
	}}},
	{"an old source is forgotten between two pods", "law 5", flaws{near: 1656, profile: func(p *profile) {
		partitions(p)
		p.newPods, p.crashes, p.nodes = true, true, 3
	}, plan: func(in Input, p *reconcile.Plan[Data]) {
		for _, m := range Members(in.Object) {
			if m.Leaving && m.Name != p.Data.Source && in.Pods[m.Name].Gone() {
				p.Data.Drop[m.Name] = true
			}
		}
	}}},
	{"what may have been acknowledged is thrown away", "law 6", flaws{profile: func(p *profile) {
		semiPartitions(p)
		p.rejoins = true
	}, input: func(in *Input) {
		in.Object = in.Object.DeepCopy()
		in.Object.Status.UnassuredSourceUUIDs = nil
	}}},
	{"a source that has lost its tail takes writes again", "law 2", flaws{profile: func(p *profile) { p.running, p.tails, p.crashes, p.byHand = true, true, true, false }, plan: func(in Input, p *reconcile.Plan[Data]) {
		if s := in.State.Nodes[p.Data.Source]; p.Conditions[0].Reason == "SourceLostData" && s.Fenced() {
			p.Steps = []reconcile.Step{{Name: "source-settings", Actions: []reconcile.Action{SetWritable{target: target{s.Name}}}}}
		}
	}}},
	{"an unseen source is taken for a fenced one", "law", flaws{input: func(in *Input) {
		for _, s := range in.State.Nodes {
			if s.Reach == ReachNone {
				s.Reach, s.ReadOnly, s.SuperReadOnly, s.GTIDMode, s.LogBin, s.UUID = ReachOK, true, true, true, true, uuidOf(s.Name)
			}
		}
	}}},
}

// TestModelFindsPlantedBugs: a model that finds nothing proves nothing.
func TestModelFindsPlantedBugs(t *testing.T) {
	t.Parallel()
	const most = 4000
	for _, bug := range planted {
		t.Run(bug.name, func(t *testing.T) {
			t.Parallel()
			for seed := max(1, bug.flaws.near); seed < bug.flaws.near+most; seed++ {
				s := runSchedule(seed, false, bug.flaws)
				for _, broken := range s.broken {
					if strings.HasPrefix(broken, bug.law) {
						t.Logf("seed %d: %s", seed, broken)
						return
					}
				}
			}
			t.Errorf("%d schedules did not find it", most)
		})
	}
}

// TestLawsFindBadPlans: the predicates see what is wrong with a plan before anybody acts.
func TestLawsFindBadPlans(t *testing.T) {
	scene := func() *scene {
		return switching(v1alpha1.SwitchoverSwitching).seeing(source("a").armed(), replica("b", "a").labelled(""))
	}
	for _, bad := range []struct {
		name  string
		spoil func(*reconcile.Plan[Data])
	}{
		{"no fence", func(p *reconcile.Plan[Data]) { without(p, "fence") }},
		{"optional fence", func(p *reconcile.Plan[Data]) { p.Steps[1].Optional = true }},
		{"no record", func(p *reconcile.Plan[Data]) { p.Data.Switchover = nil }},
		{"routed before the promotion", func(p *reconcile.Plan[Data]) { slices.Reverse(p.Steps) }},
		{"promoted after nothing", func(p *reconcile.Plan[Data]) {
			change(p, func(a reconcile.Action) reconcile.Action {
				if do, is := a.(Promote); is {
					do.AfterFact = ""
					return do
				}
				return a
			})
		}},
		{"attached whatever it holds", func(p *reconcile.Plan[Data]) {
			change(p, func(a reconcile.Action) reconcile.Action {
				if do, is := a.(Attach); is {
					do.WithinFact = ""
					return do
				}
				return a
			})
		}},
		{"the old source stays writable and routed", func(p *reconcile.Plan[Data]) {
			without(p, "fence")
			delete(p.Steps[len(p.Steps)-1].Routing, "a")
		}},
		{"both are made writable", func(p *reconcile.Plan[Data]) {
			p.Steps = append(p.Steps, reconcile.Step{Name: "x", Actions: []reconcile.Action{SetWritable{target: target{"a"}}}})
		}},
		{"an action on a node that is not known", func(p *reconcile.Plan[Data]) {
			p.Steps = append(p.Steps, reconcile.Step{Name: "x", Actions: []reconcile.Action{ArmFence{target{"z"}}}})
		}},
		{"the old source is let go unfenced", func(p *reconcile.Plan[Data]) {
			p.Data.Last, p.Data.Drop["a"] = &v1alpha1.LastSwitchover{From: "a", To: "b"}, true
		}},
		{"no reason", func(p *reconcile.Plan[Data]) { p.Conditions = nil }},
	} {
		t.Run(bad.name, func(t *testing.T) {
			s := scene()
			p := Plan(s.Input)
			if broken := brokenLaws(s.Input, p); len(broken) > 0 {
				t.Fatalf("the plan is bad already: %v", broken)
			}
			bad.spoil(&p)
			if len(brokenLaws(s.Input, p)) == 0 {
				t.Error("nothing is found")
			}
		})
	}
}

// TestLawsFindAnOustedSource: a node that takes the writes is not fenced on a guess.
func TestLawsFindAnOustedSource(t *testing.T) {
	byHand := server("b").has("a:1-100 b:1-50")
	for name, s := range map[string]*scene{
		"nothing is on record":           given("a", "b").seeing(source("a"), byHand),
		"the source on record is fenced": given("a", "b", "c").knowing("a", "a", "b", "c").seeing(source("a").fenced(), byHand, replica("c", "b").has("a:1-100 b:1-50")),
	} {
		p := Plan(s.Input)
		if broken := brokenLaws(s.Input, p); len(broken) > 0 {
			t.Fatalf("%s: the plan is bad already: %v", name, broken)
		}
		p.Data.Source = "a"
		p.Steps = append(p.Steps, reconcile.Step{Name: "x", Actions: []reconcile.Action{FenceSource{target: target{"b"}}}})
		if len(brokenLaws(s.Input, p)) == 0 {
			t.Errorf("%s: nothing is found", name)
		}
	}
}
