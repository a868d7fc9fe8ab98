// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// A source that crashed before its last commits were on its disk: a:91-100 are with others.
func TestPlanSourceLostItsTail(t *testing.T) {
	const turned = 13114
	short := func() *node { return source("a").has("a:1-90") }
	holds := func(name string) *node { return replica(name, "a").ioError(turned) }
	at := func(names ...string) *scene { return given(names...).knowing("a", "a", "b", "c") }
	lost := func() *scene { return at("a", "b", "c").seeing(short(), holds("b"), holds("c")) }
	wanted := func() *scene { return at("b", "a", "c").seeing(short().labelled(""), holds("b"), holds("c")) }
	hanging := func() *node {
		n := short().waits()
		n.SemiSync.WaitSessions = 1
		return n
	}
	cut := []string{"route: {a=-}", "fence-extra: fence a kill persist release (optional)"}

	runRows(t, []row{
		{
			name:  "it takes writes: it is shut out, or it commits others under the same numbers",
			scene: lost(), steps: cut,
			reason: "SourceLostData", message: "b holds them (10 that a lacks: aaaaaaaa-0000-0000-0000-000000000000:91-100)",
		},
		{
			name:   "it is read-only and stays so",
			scene:  lost().seeing(short().fenced()),
			steps:  []string{"route: {a=-}"},
			reason: "SourceLostData", message: "Make b spec.source to fail over",
		},
		{
			name:  "the number that older releases give",
			scene: lost().seeing(replica("b", "a").ioError(1236).threads(ThreadNo, ThreadYes), replica("c", "a").has("a:1-80")),
			steps: cut, reason: "SourceLostData",
		},
		{
			name:  "the most advanced is recommended",
			scene: lost().seeing(holds("b").has("a:1-95")),
			steps: cut, reason: "SourceLostData", message: "Make c spec.source to fail over",
		},
		{
			name:  "it is in a relay log only",
			scene: lost().seeing(holds("b").has("a:1-90").received("a:1-95"), replica("c", "a").has("a:1-90")),
			steps: cut, reason: "SourceLostData", message: "5 that a lacks",
		},
		{
			name:  "semi-sync: what it commits since waits, and that excuses nothing",
			scene: lost().semiSync().seeing(hanging(), holds("b").acks(), holds("c").acks()),
			steps: cut, reason: "SourceLostData",
		},
		{
			name:   "a replica that is stopped has more: the first look makes nobody writable",
			scene:  lost().seeing(short().fenced(), replica("b", "a").stopped(), replica("c", "a").has("a:1-90")),
			steps:  []string{"route: {b=- c=ro}"},
			reason: "SourceNotReady", message: "a itself has committed some of them",
		},
		{
			name:   "the second look is sure",
			scene:  lost().reported("b", "a:91-100").seeing(short().fenced(), replica("b", "a").stopped(), replica("c", "a").has("a:1-90")),
			steps:  []string{"route: {a=-}"},
			reason: "SourceLostData",
		},
		{
			name:   "so it is when the report was cut short",
			scene:  reportCutShort(lost().seeing(short().fenced(), replica("b", "a").stopped(), replica("c", "a").has("a:1-90")), "b"),
			steps:  []string{"route: {a=-}"},
			reason: "SourceLostData",
		},
		{
			name:   "the one that holds it is not seen any more",
			scene:  lost().reported("b", "a:91-100").seeing(short().fenced(), replica("b", "a").unseen(), replica("c", "a").has("a:1-90")),
			steps:  []string{"route: {a=-}"},
			reason: "SourceLostData", message: "b holds them (10 that a lacks",
		},
		{
			name:  "the one that held it is rebuilt",
			scene: lost().reported("b", "a:91-100").seeing(short().fenced(), fresh("b").fenced(), replica("c", "a").has("a:1-90")),
			steps: []string{
				"source-settings: writable a",
				"attach: attach b to a (optional)",
				"route: {b=- c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "an isolated node holds it",
			scene: given("a", "b!", "c").knowing("a", "a", "b", "c").reported("b", "a:91-100").seeing(short(), replica("b", "a").stopped(), replica("c", "a").has("a:1-90")),
			steps: cut, reason: "SourceLostData",
		},
		{
			name:   "one that is connected has what the source has still to commit",
			scene:  lost().seeing(source("a").has("a:1-99"), replica("b", "a"), replica("c", "a").has("a:1-99").sqlError(1062).received("a:1-100")),
			steps:  []string{"route: {a=rw b=ro c=-}"},
			reason: "ReplicaNotReady",
		},
		{
			name:   "semi-sync: one was cut off before it could acknowledge what the source waits for",
			scene:  lost().reported("b", "a:91-100").semiSync().seeing(hanging(), replica("b", "a").acks().ioError(2003), replica("c", "a").acks().ioError(2003)),
			steps:  []string{"route: {a=rw b=- c=-}"},
			reason: "CommitsWaitForReplica",
		},
		{
			name:  "one that is turned away and holds nothing more needs what the source has purged",
			scene: lost().seeing(source("a").hasPurged("a:1-50"), replica("b", "a").has("a:1-40").ioError(1236), replica("c", "a")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:   "nobody has written down yet who the source is: it is not adopted",
			scene:  given("a", "b", "c").seeing(short(), holds("b"), holds("c")),
			steps:  nil,
			reason: "SourceLacksTransactions", source: "none", message: "b replicates from a and holds 10 transaction(s) that a lacks",
		},
		{
			name:   "skip",
			scene:  lost().skipping(),
			steps:  cut[:1],
			reason: "SourceLostData",
		},
		{
			name:   "no annotation makes it commit under the same numbers",
			scene:  lost().forcing("a").seeing(short().fenced()),
			steps:  cut[:1],
			reason: "SourceLostData",
		},
		{
			name:  "nothing is thrown away for it",
			scene: lost().rejoining().seeing(short().clonable(), holds("b").clonable(), holds("c").clonable()),
			steps: cut, reason: "SourceLostData",
		},
		{
			name:   "another is wanted: a failover",
			scene:  wanted(),
			steps:  []string{"persist", "route: {a=-}", "fence-extra: fence a kill persist release (optional)"},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a", message: "the old source has lost data",
		},
		{
			name:   "one that holds less is wanted",
			scene:  wanted().seeing(holds("b").has("a:1-95")),
			steps:  cut,
			reason: "FailoverRefused", source: "a", message: "(CandidateBehind): c has received 5 transaction(s) that b has not",
		},
		{
			name:   "one is wanted that lacks what the old source has kept",
			scene:  wanted().reported("c", "a:91-100").seeing(replica("b", "a").has("a:1-80").lag(20), holds("c").unseen()),
			steps:  cut,
			reason: "FailoverRefused", source: "a", message: "(SourceHoldsMore)",
		},
		{
			name:   "that failover goes on: the receivers stop",
			scene:  wanted().failover("a", "b", v1alpha1.SwitchoverSwitching).seeing(short().fenced().labelled("")),
			steps:  []string{"route: {a=-}", "stop-receivers: stop receiver b, stop receiver c"},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name: "and the candidate is promoted, and the others follow it",
			scene: wanted().failover("a", "b", v1alpha1.SwitchoverSwitching).seeing(short().fenced().labelled(""),
				holds("b").threads(ThreadNo, ThreadYes), holds("c").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 failover",
				"repoint: attach a to b, attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name: "a failover has given it up, and the old source is wanted again: it would commit under the same numbers",
			scene: at("a", "b", "c").knowing("c", "a", "b", "c").failedOver("a", "c").seeing(source("c").has("a:1-90 c:1-5"),
				replica("a", "c").has("a:1-90 c:1-5"), holds("b")),
			steps:  []string{"route: {a=ro b=- c=rw}"},
			reason: "SwitchoverRefused", source: "c", message: "(CandidateLostData): b holds transactions that a itself has committed",
		},
		{
			name: "the same at a failover, and the node is kept apart",
			scene: at("a", "b", "c").knowing("c", "a", "b", "c").failedOver("a", "c").reported("b", "a:91-100").seeing(source("c").unseen(),
				replica("a", "c").has("a:1-90 c:1-5"), replica("b", "a").unattached()),
			steps:  []string{"route: {a=ro b=-}"},
			reason: "FailoverRefused", source: "c", message: "(CandidateLostData)",
		},
		{
			name:   "it is found while a switchover is prepared: that becomes a failover",
			scene:  wanted().record("a", "b", v1alpha1.SwitchoverPreparing),
			steps:  []string{"persist", "route: {a=-}", "fence-extra: fence a kill persist release (optional)"},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:   "it is found after the fence: everybody is compared before anybody is promoted",
			scene:  wanted().record("a", "b", v1alpha1.SwitchoverSwitching).seeing(short().fenced(), holds("b").has("a:1-95")),
			steps:  cut[:1],
			reason: "FailoverRefused", source: "a", message: "(CandidateBehind)",
		},
	})
}

// reportCutShort: so much was errant that the status has the beginning of it only.
func reportCutShort(s *scene, name string) *scene {
	s.Object.Status.Topology[name].ErrantTransactions = uuidOf("a") + ":91-93:95-9…"
	return s
}

// From the crash to the end of the failover that the condition asks for, with a replica that
// the status alone remembers in between: nothing that was acknowledged is given up.
func TestASourceThatLostItsTailIsFailedOverFrom(t *testing.T) {
	away := func(name string) *node { return replica(name, "a").ioError(13114).threads(ThreadNo, ThreadYes) }
	s := given("a", "b", "c").knowing("a", "a", "b", "c").seeing(source("a").has("a:1-90"), away("b"), away("c").has("a:1-90"))
	look := func(what, reason string, after time.Duration, nodes ...*node) reconcile.Plan[Data] {
		t.Helper()
		p := Plan(s.seeing(nodes...).after(after).Input)
		if got := p.Conditions[0].Reason; got != reason {
			t.Fatalf("%s: %s, not %s: %s", what, got, reason, p.Conditions[0].Message)
		}
		for _, broken := range brokenLaws(s.Input, p) {
			t.Errorf("%s: law broken: %s", what, broken)
		}
		for _, step := range p.Steps {
			if step.Routing["a"] == reconcile.AccessReadWrite {
				t.Errorf("%s: a is routed", what)
			}
			for _, action := range step.Actions {
				if _, writes := action.(SetWritable); writes {
					t.Errorf("%s: %s", what, action.About())
				}
			}
		}
		Project(s.Object, s.State, p)
		return p
	}
	look("it comes back", "SourceLostData", 0)
	look("it is fenced", "SourceLostData", time.Second, source("a").has("a:1-90").fenced().labelled(""))
	look("the holder is restarted", "SourceLostData", 2*time.Second, away("b").unseen())
	s.Object.Spec.Source, s.Object.Spec.Replica[0].Node = &s.Object.Spec.Replica[0].Node, *s.Object.Spec.Source
	s.Object.Spec.Source = &v1alpha1.Node{Name: "b", Host: "b", Port: 3306}
	look("it is wanted", "FailoverRefused", 3*time.Second)
	look("it answers", "FailoverInProgress", 4*time.Second, away("b"))
	look("it is waited for", "FailoverInProgress", 5*time.Second)
	look("the source is left", "FailoverInProgress", 8*time.Second)
	p := look("it is promoted", "FailoverInProgress", 9*time.Second)
	if !hasAction[Promote](p, "b") {
		t.Fatalf("it is not promoted: %s", quoted(stepsOf(p)))
	}
	look("it has ended", "ReplicaNotReady", 10*time.Second, server("b").has("a:1-100").writable().labelled("false"))
	if s.Object.Status.Source != "b" {
		t.Errorf("the source is %s", s.Object.Status.Source)
	}
}

func hasAction[A reconcile.Action](p reconcile.Plan[Data], node string) bool {
	for _, step := range p.Steps {
		for _, action := range step.Actions {
			if _, is := action.(A); is && action.Node() == node {
				return true
			}
		}
	}
	return false
}
