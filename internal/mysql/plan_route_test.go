// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// dying is a semi-sync set that leaves a for b: all receivers are stopped, and nobody
// is left who could acknowledge to a.
func dying() *scene {
	return wanting().failover("a", "b", v1alpha1.SwitchoverSwitching).begunWith("").keepsRoute().semiSync().wasActive("a").after(time.Second).
		seeing(silent(), starving("b"), starving("c"))
}

// silent is its old source, which keeps its label.
func silent() *node { return source("a").unseen().waitsAfterRestart() }

func starving(name string) *node { return replica(name, "a").acks().threads(ThreadNo, ThreadYes) }

// Each change of a Service after the first waits for a second in kube-proxy: where the old
// source can acknowledge nothing the route changes once. Everywhere else its label goes first.
func TestPlanFailoverRoutesOnce(t *testing.T) {
	const promote, at = "promote: promote b after a:1-100 failover semi", "failover a>b Switching"
	const repoint = "repoint: attach c to b semi (background)"
	once := []string{promote, repoint, "route: {a=- b=rw}"}
	early := []string{"unroute: {a=-}", promote, repoint, "route: {a=- b=rw}"}
	works := func(name string, s *scene, steps ...string) row {
		return row{name: name, scene: s, steps: steps, reason: "FailoverInProgress", record: at, source: "a"}
	}
	unrecorded := func() *scene {
		s := dying()
		s.Object.Status.Switchover.KeepsOldRoute = false
		return s
	}
	const doubt = "persist"
	const alone = "promote: promote b after a:1-100 failover semi"
	promoted := func() *node { return starving("b").stopped().writable() }
	wrote := "a:1-100 b:1-5"
	cancelled := func() *scene {
		s := given("a", "b", "c").edited().knowing("a", "a", "b", "c").failover("a", "b", v1alpha1.SwitchoverSwitching).begunWith("").keepsRoute().semiSync().wasActive("a").after(time.Second).
			seeing(silent(), starving("b"), starving("c"))
		s.Object.Status.Switchover.Generation = 7
		return s
	}
	runRows(t, []row{
		works("it can acknowledge nothing", dying(), once...),
		works("a reader that is not seen leaves with it", dying().vouchedBy("a", 2).seeing(replica("c", "a").unseen()), alone, "route: {a=- b=rw c=-}"),
		works("somebody else is routed and not seen: before", dying().vouchedBy("a", 2).seeing(replica("c", "a").unseen().labelled("false")), "unroute: {a=- c=-}", alone, "route: {a=- b=rw}"),
		works("who is not seen could acknowledge", dying().seeing(replica("c", "a").unseen()), doubt, "unroute: {a=- c=-}", alone, "route: {a=- b=rw}"),
		works("it did not wait when it was seen last", dying().vouchedBy("a", 0), append([]string{doubt}, early...)...),
		works("it may forget to wait when it restarts, or this operator has not seen it", dying().seeing(source("a").unseen()), early...),
		works("it was not on record before the receivers were stopped", unrecorded(), early...),
		works("forced", dying().forcing("b"), early...),
		works("it answers with an error, forced", dying().forcing("b").seeing(source("a").failing().waitsAfterRestart()), early...),
		{
			name:  "asynchronous by now",
			scene: wanting().failover("a", "b", v1alpha1.SwitchoverSwitching).begunWith("").keepsRoute().after(time.Second).seeing(silent(), replica("b", "a").stopped(), replica("c", "a").stopped()),
			steps: []string{
				"unroute: {a=-}", "promote: promote b after a:1-100 failover", "repoint: attach c to b (background)", "route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: at, source: "a",
		},
		{
			name:  "an operator died between the promotion and the route",
			scene: dying().seeing(promoted()),
			steps: []string{
				"persist", "unroute: {a=-}", "route: {a=- b=rw}", "source-settings: settle b semi", "attach: attach c to b semi (optional)", "route: {a=- b=rw c=-}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "an operator died between the two labels",
			scene: dying().seeing(promoted().labelled("false")),
			steps: []string{
				"persist", "unroute: {a=-}", "route: {a=- b=rw}", "source-settings: settle b semi", "attach: attach c to b semi (optional)", "route: {a=- b=rw c=-}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "the old source is back, with its label, and nobody was led to the promoted one: it is the source",
			scene: dying().seeing(source("a").waits().has("a:1-101"), promoted()),
			steps: []string{
				"fence-extra: fence b kill persist release", "restart-replication: start b, start c (optional)",
			},
			reason: "FailoverAbandoned", source: "a",
		},
		{
			name:   "it keeps its label, and the candidate's pod was made anew and is not seen: it may have taken writes",
			scene:  dying().seeing(starving("b").unseen().newPod()),
			steps:  nil,
			reason: "FailoverInProgress", record: at, source: "a",
		},
		{
			name:  "both have their labels, the candidate took writes and restarted: forward, whatever is wanted by now",
			scene: cancelled().seeing(starving("b").has(wrote).labelled("false")),
			steps: []string{
				"promote: promote b after a:1-100 b:1-5 failover semi", repoint, "route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: at,
		},
		{
			name:  "the same, and the candidate's pod was made anew",
			scene: cancelled().seeing(starving("b").has(wrote).newPod()),
			steps: []string{
				"promote: promote b after a:1-100 b:1-5 failover semi", repoint, "route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: at,
		},
	})
}

// What the route will be is on record before the receivers stop, with the phase.
func TestPlanFailoverRecordsTheRoute(t *testing.T) {
	begun := func(a *node) *scene {
		return wanting().semiSync().wasActive("a").seeing(a, replica("b", "a").acks(), replica("c", "a").acks())
	}
	for name, c := range map[string]struct {
		scene *scene
		want  bool
	}{
		"semi-sync":                      {begun(source("a").refuses().waitsAfterRestart()), true},
		"it may forget to wait":          {begun(source("a").refuses()), false},
		"too much of its own to record":  {begun(source("a").refuses().waitsAfterRestart()).seeing(replica("b", "a").acks().has("a:1-100 " + torn("b"))), false},
		"forced":                         {begun(source("a").refuses().waitsAfterRestart()).forcing("b"), false},
		"nobody vouches for it":          {begun(source("a").silentFor(failoverPatience).waitsAfterRestart()).vouchedBy("a", 0), false},
		"somebody who could acknowledge": {begun(source("a").silentFor(failoverPatience).waitsAfterRestart()).seeing(replica("c", "a").unseen()), false},
		"asynchronous":                   {wanting().seeing(source("a").silentFor(failoverPatience).waitsAfterRestart()), false},
	} {
		p := Plan(c.scene.Input)
		r := p.Data.Switchover
		if r == nil || r.Phase != v1alpha1.SwitchoverSwitching || !p.Persist || r.KeepsOldRoute != c.want {
			t.Errorf("%s: %+v (persist: %t), want the old route kept: %t", name, r, p.Persist, c.want)
		}
	}
}

// Until the old source's label is gone it is the first that goes, whatever fails after that.
func TestPlanTakesTheOldRouteFirst(t *testing.T) {
	behind := func(a *node) *scene {
		return given("b", "a", "c").knowing("b", "a", "b", "c").failedOver("a", "b").
			seeing(source("b").has("a:1-100 b:1-5"), replica("c", "b").has("a:1-100 b:1-5"), a)
	}
	for name, a := range map[string]*node{"it is back": source("a"), "it is not seen": source("a").unseen()} {
		p := Plan(behind(a).Input)
		if got := stepsOf(p); len(got) == 0 || got[0] != "unroute: {a=-}" {
			t.Errorf("%s: %s", name, quoted(got))
		}
	}
}

// The failover's end is on record, and the spec was edited before anybody was routed.
func TestPlanTakesTheOldRouteBeforeItPreparesTheNext(t *testing.T) {
	wrote := "a:1-100 b:1-5"
	for name, a := range map[string]*node{"it is back": source("a"), "it is not seen": source("a").unseen()} {
		s := given("c", "a", "b", "d").knowing("b", "a", "b", "c", "d").failedOver("a", "b").
			seeing(a, source("b").has(wrote).labelled(""), replica("c", "b").has(wrote), replica("d", "b").has(wrote))
		p := Plan(s.Input)
		if got := stepsOf(p); len(got) < 2 || got[0] != "persist" || got[1] != "unroute: {a=-}" || recordOf(p.Data.Switchover) != "b>c Preparing" {
			t.Errorf("%s: %s, record %s", name, quoted(got), recordOf(p.Data.Switchover))
		}
		for _, broken := range brokenLaws(s.Input, p) {
			t.Errorf("%s: law broken: %s", name, broken)
		}
	}
}

// TestLawsFindAKeptRoute: nobody is routed beside an old source that could acknowledge.
func TestLawsFindAKeptRoute(t *testing.T) {
	timing := func() *scene { return dying().vouchedBy("a", 0) }
	for name, s := range map[string]*scene{
		"it may not wait":                   timing(),
		"who is not seen could acknowledge": dying().seeing(replica("c", "a").unseen()),
		"it may forget to wait":             dying().seeing(source("a").unseen()),
		"forced":                            dying().forcing("b"),
	} {
		p := Plan(s.Input)
		if broken := brokenLaws(s.Input, p); len(broken) > 0 {
			t.Fatalf("%s: the plan is bad already: %v", name, broken)
		}
		if !without(&p, "unroute") {
			t.Fatalf("%s: the label does not go first: %s", name, quoted(stepsOf(p)))
		}
		if len(brokenLaws(s.Input, p)) == 0 {
			t.Errorf("%s: nothing is found", name)
		}
	}
}

// torn are transactions of a node in more intervals than are recorded.
func torn(name string) string {
	var out strings.Builder
	out.WriteString(name)
	for i := range ownMost {
		fmt.Fprintf(&out, ":%d", 2*i+1)
	}
	return out.String()
}
