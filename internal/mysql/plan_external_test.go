// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

func TestPlanExternal(t *testing.T) {
	left := func() *scene { return given("a", "b").knowing("a", "a", "b", "c") }
	runRows(t, []row{
		{
			name:   "in order",
			scene:  steadySet().outside("a", "c"),
			steps:  []string{"route: {a=rw b=ro c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name:   "a replica outside has a port of its own",
			scene:  steadySet().on(3307, "c").outside("c"),
			steps:  []string{"route: {a=rw b=ro c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name:   "the port of the pods is that of the Service, whoever comes first",
			scene:  steadySet().on(3307, "b").outside("b"),
			steps:  []string{"route: {a=rw b=ro c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name:   "a replica outside gives no answer: readers have another",
			scene:  steadySet().seeing(replica("c", "a").unseen()).outside("c"),
			steps:  []string{"route: {a=rw b=ro c=-}"},
			reason: "NodeUnreachable",
		},
		{
			name:   "a pod that gives no answer is left to its readiness",
			scene:  steadySet().seeing(replica("c", "a").unseen()).outside("b"),
			steps:  []string{"route: {a=rw b=ro}"},
			reason: "NodeUnreachable",
		},
		{
			name:   "it is out of the Service already",
			scene:  steadySet().seeing(replica("c", "a").unseen().labelled("")).outside("c"),
			steps:  []string{"route: {a=rw b=ro}"},
			reason: "NodeUnreachable",
		},
		{
			name:   "it is the last that readers have",
			scene:  given("a", "c").knowing("a", "a", "c").seeing(source("a"), replica("c", "a").unseen()).outside("c"),
			steps:  []string{"route: {a=rw}"},
			reason: "NodeUnreachable",
		},
		{
			name:   "the others are unseen too",
			scene:  steadySet().seeing(replica("b", "a").unseen(), replica("c", "a").unseen()).outside("b", "c"),
			steps:  []string{"route: {a=rw}"},
			reason: "NodeUnreachable",
		},
		{
			name:   "it answers with an error: it may be serving",
			scene:  steadySet().seeing(replica("c", "a").failing()).outside("c"),
			steps:  []string{"route: {a=rw b=ro}"},
			reason: "NodeUnreachable",
		},
		{
			name:   "a source outside gives no answer: it keeps its way, and so do the replicas",
			scene:  steadySet().seeing(source("a").unseen()).outside("a"),
			steps:  []string{"route: {b=ro c=ro}"},
			reason: "SourceUnreachable",
		},
		{
			name:   "one that left and gives no answer is forgotten: no pod's end will tell of it",
			scene:  left().seeing(source("a"), replica("b", "a"), replica("c", "a").unseen()).outside("c"),
			steps:  []string{"route: {a=rw b=ro c=-}"},
			reason: "TopologyAsWanted",
		},
	})
}

func TestPlanExternalFailover(t *testing.T) {
	preparing := func() *scene {
		return given("b", "a", "c").knowing("a", "a", "b", "c").failover("a", "b", v1alpha1.SwitchoverPreparing).
			seeing(source("a").unseen(), replica("b", "a").ioError(2003), replica("c", "a").ioError(2003))
	}
	runRows(t, []row{
		{
			name:   "a source outside that gives no answer is not gone: patience",
			scene:  preparing().outside("a"),
			steps:  []string{"drain: {b=-}"},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "patience is over",
			scene: preparing().outside("a").after(failoverPatience),
			steps: []string{
				"persist",
				"stop-receivers: stop receiver b, stop receiver c",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name: "a candidate outside that served and is gone is waited for",
			scene: given("b", "a", "c").knowing("a", "a", "b", "c").failover("a", "b", v1alpha1.SwitchoverSwitching).
				seeing(source("a").unseen().labelled(""), replica("b", "a").unseen().labelled("false"), replica("c", "a").ioError(2003)).outside("a", "b"),
			steps:  nil,
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a", message: "was promoted",
		},
	})
}

// Whoever left the spec is forgotten when it cannot come back as a writable source.
func TestWhichExternalNodesAreForgotten(t *testing.T) {
	gone := func() *scene {
		return given("a", "b").knowing("a", "a", "b", "c").seeing(source("a"), replica("b", "a"), replica("c", "a").unseen())
	}
	lastFrom := func(name string, s *scene) *scene {
		s.Object.Status.LastSwitchover = &v1alpha1.LastSwitchover{From: name, To: "a"}
		return s.after(time.Hour)
	}
	for name, c := range map[string]struct {
		scene *scene
		want  bool
	}{
		"outside":                            {gone().outside("c"), true},
		"a pod":                              {gone(), false},
		"outside, and answers with an error": {gone().seeing(replica("c", "a").failing()).outside("c"), false},
		"outside, the source is not seen":    {gone().seeing(source("a").unseen()).outside("c"), false},
		"outside, the old source":            {lastFrom("c", gone()).outside("c"), false},
		"outside, another was the old one":   {lastFrom("b", gone()).outside("c"), true},
		"outside, a failover left it behind": {lastFrom("b", gone().failedOver("c", "a")).outside("c"), false},
	} {
		if got := Plan(c.scene.Input).Data.Drop["c"]; got != c.want {
			t.Errorf("%s: forgotten: %t", name, got)
		}
	}
}

func TestDescribeExternal(t *testing.T) {
	s := steadySet().on(3307, "b").outside("b")
	s.Object.Spec.Replica[1].Port = 3308
	d := describe(s.Object)
	if len(d.Pods) != 2 || len(d.External) != 1 || d.External[0].Name != "b" || d.External[0].Port != 3307 {
		t.Errorf("pods %v, external %v", d.Pods, d.External)
	}
	if ro := d.Services[1]; ro.Port != 3308 {
		t.Errorf("-readonly has port %d, which is not the pod's", ro.Port)
	}
	s.Object.Spec.Replica[1].External = true
	if ro := describe(s.Object).Services[1]; ro.Port != 3306 {
		t.Errorf("-readonly has port %d, and only the source is a pod", ro.Port)
	}
	s.Object.Spec.Source.External = true
	if ro := describe(s.Object).Services[1]; ro.Port != 3307 {
		t.Errorf("-readonly has port %d, and no node is a pod", ro.Port)
	}
	s.Object.Spec.Source.External = false
	// A node that only the status knows is what it was.
	s.Object.Spec.Replica = s.Object.Spec.Replica[1:]
	d = describe(s.Object)
	if len(d.External) != 2 || len(d.Leaving) != 1 || d.Leaving[0] != "b" {
		t.Errorf("external %v, leaving %v", d.External, d.Leaving)
	}
	Project(s.Object, s.State, Plan(s.Input))
	if top := s.Object.Status.Topology; !top["c"].External || top["a"].External {
		t.Errorf("topology %+v", top)
	}
}
