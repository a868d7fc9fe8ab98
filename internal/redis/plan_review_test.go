// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// TestPlanKeepsData has the states in which a step too many destroys what a node holds, or
// leads clients to one that holds nothing.
func TestPlanKeepsData(t *testing.T) {
	type s = *situation
	for name, test := range map[string]struct {
		given      func(s)
		do, not    string
		reason     string
		notRouting string
	}{
		"FAILOVER, the new source restarted empty, the old one has followed it, a third has all": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.restarted("b", 0).AOF = false
				v.follows("a", "b")
				n := v.at("a")
				n.ReplID, n.Keys, n.Offset = other, 0, 0
				v.detached("c")
			}, not: "follow c",
		},
		"the new source was led to and has restarted empty": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.restarted("b", 0).AOF = false
				v.follows("a", "b")
				v.at("a").LinkUp = false
				v.leads("b")
			}, do: "keep: detach a, detach c; fence-empty: fence b", reason: "SourceRestartedEmpty", notRouting: "b=readwrite",
		},
		"the source has restarted empty, and who held what it held is not seen": {
			given: func(v s) {
				v.restarted("a", 0).AOF = false
				v.silent("b", 0)
				v.silent("c", 0)
			}, do: "fence-empty: fence a", reason: "SourceRestartedEmpty", notRouting: "a=readwrite",
		},
		"nothing is thrown away for an empty source": {
			given: func(v s) {
				v.at("a").Keys = 0
				v.restarted("b", 10).Untouched = false
				v.in.Object.Spec.RejoinPolicy = v1alpha1.RedisRejoinResync
			}, not: "follow b",
		},
		"the source has come back as a replica of its own replica": {
			given: func(v s) {
				n := v.at("a")
				v.follows("a", "b")
				n.LinkUp, n.RunID, n.ReplID = false, "anew-a", other
				v.at("b").LinkUp, v.at("c").LinkUp = false, false
			}, do: "source: make the source a",
		},
		"so has one without what it held": {
			given: func(v s) {
				n := v.at("a")
				v.follows("a", "b")
				n.LinkUp, n.RunID, n.ReplID, n.Keys, n.AOF = false, "anew-a", other, 0, false
				v.at("b").LinkUp, v.at("c").LinkUp = false, false
			}, not: "make the source",
		},
		"Sentinel is named while a fence is up": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.fenced("a")
				v.in.Object.Spec.Sentinel = []string{"s-0"}
			}, do: "source: open for writes a",
		},
		"promoted and not led to, and the old source has restarted and takes writes": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.promoted("b")
				v.restarted("a", 10).Untouched = false
			}, do: "attach: follow b", notRouting: "b=readwrite",
		},
		"a candidate that would restart empty": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverPreparing, 3*time.Second)
				v.at("b").AOF = false
			}, not: "hand over",
		},
		"the promoted node was led to and has restarted empty": {
			given: func(v s) {
				v.failing()
				v.silent("a", time.Minute)
				v.restarted("b", 0).AOF = false
				v.detached("c")
				v.leads("b")
			}, reason: "SourceRestartedEmpty", notRouting: "b=readwrite",
		},
		"the promoted node was led to and has restarted from an older snapshot": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second).ToRunID = "run-b"
				v.fenced("a")
				v.snapshot("b", 600)
				v.leads("b")
			}, do: "keep: detach c; fence-empty: fence b", reason: "SourceRestartedBehind", notRouting: "b=readwrite",
		},
		"the new source of a failover has restarted from an older snapshot": {
			given: func(v s) {
				v.failing()
				v.in.Object.Status.Switchover.ToRunID = "run-b"
				v.silent("a", time.Minute)
				v.snapshot("b", 600)
				v.detached("c")
				v.leads("b")
			}, do: "fence-empty: fence b", reason: "SourceRestartedBehind", notRouting: "b=readwrite",
		},
		"the source has come back from an older snapshot as a replica of its own replica": {
			given: func(v s) {
				n := v.at("a")
				v.follows("a", "b")
				n.LinkUp, n.RunID, n.Offset, n.AOF = false, "anew-a", 600, false
				v.at("b").LinkUp, v.at("c").LinkUp = false, false
			}, not: "make the source",
		},
		"the new source of a failover had the old one's id, and not all that was before it": {
			given: func(v s) {
				v.failing()
				st := &v.in.Object.Status
				st.ReplicationID, st.Switchover.ReplicationID = two, two
				st.History = []v1alpha1.RedisReplicationHistory{{ID: one, Offset: 1000}}
				v.silent("a", time.Minute)
				n := v.master("b", other, 900)
				n.ReplID2, n.SecondOffset = two, 901
				// It was not seen until now.
				v.detached("c")
			}, not: "follow c",
		},
		"a node with data of its own and a wrong masterauth": {
			given: func(v s) {
				n := v.at("b")
				n.ReplID, n.LinkUp, n.Config.AuthOK, v.in.Object.Status.Topology["b"].Replicated = other, false, false, false
			}, do: "detach: detach b",
		},
		"the candidate is empty and the source is not": {
			given: func(v s) { v.wants("b"); v.at("b").Keys = 0 }, reason: "SwitchoverRefused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := situate(test.given)
			p := Plan(v.in)
			got := told(p)
			if test.do != "" && got != test.do || test.not != "" && strings.Contains(got, test.not) {
				t.Errorf("the plan is %q, want %q, without %q", got, test.do, test.not)
			}
			if test.reason != "" && p.Conditions[0].Reason != test.reason {
				t.Errorf("the reason is %s: %s", p.Conditions[0].Reason, p.Conditions[0].Message)
			}
			for _, step := range p.Steps {
				for node, access := range step.Routing {
					if string(node)+"="+string(access) == test.notRouting {
						t.Errorf("step %s leads to %s", step.Name, test.notRouting)
					}
				}
			}
		})
	}
}

// TestTrustEndsWithASnapshot: who held nothing more than the source may hold more than a snapshot
// of it that the source has restarted from.
func TestTrustEndsWithASnapshot(t *testing.T) {
	v := situate()
	v.afterFailover()
	st := &v.in.Object.Status
	st.LastSwitchover.Failover, st.LastSwitchover.FromRunID = false, "run-a"
	v.snapshot("b", 1200).ReplID2 = two
	v.detached("c")
	v.at("c").Offset = 1200
	a := *v.at("a")
	v.silent("a", 0)
	p := Plan(v.in)
	if got := told(p); got != "attach: follow c" {
		t.Fatalf("it does %q", got)
	}
	Project(v.in.Object, v.in.State, p)
	// It had followed b, and received what came after the snapshot.
	a.ReplID, a.Offset = two, 1500
	*v.at("a") = a
	v.detached("a")
	if got := told(Plan(v.in)); strings.Contains(got, "follow a") {
		t.Errorf("what a alone has is thrown away: %q", got)
	}
}

// TestUnseenEndOfAFailover: a candidate that was promoted is gone before it was seen, and the user
// wants another one. It comes back from its append-only file, and may lack what others hold.
func TestUnseenEndOfAFailover(t *testing.T) {
	v := situate()
	v.failing()
	v.silent("a", time.Minute)
	b := *v.at("b")
	v.silent("b", 0)
	v.detached("c")
	v.leads("b")
	v.wants("c")
	Project(v.in.Object, v.in.State, Plan(v.in))
	if got := v.in.Object.Status.Source; got != "b" {
		t.Fatalf("the source is %q", got)
	}
	*v.at("b") = b
	v.restarted("b", 10)
	if got := told(Plan(v.in)); strings.Contains(got, "follow c") {
		t.Errorf("what c may hold alone is thrown away: %q", got)
	}
}

// TestForceIsSpent: the annotation force-promote counts for the process of the source that it was
// set for, and is forgotten by nobody but its user: after a later restart it opens nothing.
func TestForceIsSpent(t *testing.T) {
	v := situate()
	pass := func() (string, string) {
		p := Plan(v.in)
		Project(v.in.Object, v.in.State, p)
		return p.Conditions[0].Reason, p.Conditions[0].Message
	}
	lost := func(run string) {
		v.restarted("a", 0).RunID = run
		v.detached("b", "c")
	}
	lost("second")
	v.forces("a")
	if got, text := pass(); got == "SourceRestartedEmpty" {
		t.Fatalf("the annotation was not followed: %s", text)
	}
	// The user goes on with it, and leaves the annotation where it is.
	a := v.at("a")
	a.Keys, a.Offset = 7, 100
	for _, name := range []string{"b", "c"} {
		v.follows(name, "a")
		n := v.at(name)
		n.ReplID, n.Keys, n.Offset = a.ReplID, 7, 100
	}
	if got, text := pass(); got != "TopologyAsWanted" {
		t.Fatalf("%s: %s", got, text)
	}
	lost("third")
	a.ReplID = "3333333333333333333333333333333333333333"
	if got, text := pass(); got != "SourceRestartedEmpty" || !strings.Contains(text, "take it off") {
		t.Errorf("an annotation that was left has opened the source after its next restart: %s: %s", got, text)
	}
	v.in.Object.Annotations = nil
	if got, text := pass(); got != "SourceRestartedEmpty" || strings.Contains(text, "take it off") {
		t.Errorf("%s: %s", got, text)
	}
	v.forces("a")
	if got, text := pass(); got == "SourceRestartedEmpty" {
		t.Errorf("set again, it is not followed: %s", text)
	}
}

// TestForceIsSpentByAFailover: it is not there for the first restart of whom it has promoted.
func TestForceIsSpentByAFailover(t *testing.T) {
	v := situate()
	v.failing()
	v.in.Object.Status.Switchover.ToRunID = "run-b"
	v.forces("b")
	v.silent("a", time.Minute)
	v.detached("c")
	v.promoted("b")
	Project(v.in.Object, v.in.State, Plan(v.in))
	v.restarted("b", 0)
	if p := Plan(v.in); p.Conditions[0].Reason != "SourceRestartedEmpty" {
		t.Errorf("%s: %s", p.Conditions[0].Reason, p.Conditions[0].Message)
	}

	// It has restarted before the failover was seen to be finished.
	v = situate()
	v.failing()
	v.in.Object.Status.Switchover.ToRunID = "run-b"
	v.forces("b")
	v.silent("a", time.Minute)
	v.restarted("b", 0).AOF = false
	v.detached("c")
	v.leads("b")
	if p := Plan(v.in); p.Conditions[0].Reason != "SourceRestartedEmpty" {
		t.Errorf("%s: %s", p.Conditions[0].Reason, p.Conditions[0].Message)
	}
}

// TestForceFromBeforeSaysNothingOfAChange: the candidate may have been led to. Only who says so
// since the change began, says that it was not.
func TestForceFromBeforeSaysNothingOfAChange(t *testing.T) {
	for spent, opens := range map[string]bool{"": true, "run-a": false} {
		v := situate()
		v.forces("a")
		v.in.Object.Status.ForcedRunID = spent
		v.switching(v1alpha1.SwitchoverSwitching, time.Second)
		v.fenced("a")
		v.in.Pods["a"] = reconcile.Pod{Exists: true, UID: "pod-a"}
		v.in.Pods["b"] = reconcile.Pod{Exists: true, UID: "anew"}
		v.silent("b", 0)
		v.in.Now = noon.Add(time.Minute)
		got := told(Plan(v.in))
		if (got != "") != opens {
			t.Errorf("spent for %q: it does %q", spent, got)
		}
	}
}

// TestCancelKeepsAddresses: the old source may be known to others under another address.
func TestCancelKeepsAddresses(t *testing.T) {
	for name, named := range map[string]bool{"the spec names it still": true, "it has left the spec": false} {
		v := situate(func(v *situation) {
			v.in.Object.Spec.Source.AnnounceHost, v.in.Object.Spec.Source.AnnouncePort = "203.0.113.7", 30001
			v.record()
			v.wants("b")
		})
		o := v.in.Object
		if !named {
			o.Spec.Replica = o.Spec.Replica[1:]
		}
		(&Engine{}).Cancel(o)
		if got := o.Spec.Source; got.Name != "a" || got.AnnounceHost != "203.0.113.7" || got.AnnouncePort != 30001 || got.Host != "a.svc" {
			t.Errorf("%s: the source is %+v", name, got)
		}
		var names []string
		for _, r := range o.Spec.Replica {
			names = append(names, r.Name)
		}
		if slices.Sort(names); !slices.Equal(names, []string{"b", "c"}) {
			t.Errorf("%s: replicas are %v", name, names)
		}
	}
}

// TestScriptsPass: redis#9993.
func TestScriptsPass(t *testing.T) {
	for version, want := range map[string]bool{"6.2.0": true, "6.2.6": true, "6.2.7": false, "6.2.14": false, "7.0.15": false, "8.0.2": false, "": false} {
		if got := scriptsPass(version); got != want {
			t.Errorf("scriptsPass(%q) = %v", version, got)
		}
	}
}
