// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// skips sets the annotation that keeps the operator's hands off.
func (s *situation) skips() {
	if s.in.Object.Annotations == nil {
		s.in.Object.Annotations = map[string]string{}
	}
	s.in.Object.Annotations[v1alpha1.AnnotationSkipReconcile] = "true"
}

// TestPlanSkipInFlight: a change that is under way is finished or undone in spite of skip.
// Where it can be neither, nothing else is begun, and the record stays.
func TestPlanSkipInFlight(t *testing.T) {
	type s = *situation
	for name, test := range map[string]struct {
		given                  func(s)
		do, ways, reason, says string
		phase                  v1alpha1.SwitchoverPhase
	}{
		"the old source is gone and the spec names a third": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Minute)
				v.wants("c")
				v.silent("a", time.Minute)
				v.linksDown()
			},
			reason: "SwitchoverInProgress", says: "nothing else is begun", phase: v1alpha1.SwitchoverSwitching,
		},
		"the old source is gone and the candidate is forced": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Minute)
				v.silent("a", time.Minute)
				v.linksDown()
				v.forces("b")
			},
			reason: "SwitchoverInProgress", says: "nothing else is begun", phase: v1alpha1.SwitchoverSwitching,
		},
		"the old source has restarted with what it held": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.restarted("a", 10)
				v.linksDown()
			},
			ways: quiet, reason: "SwitchoverInProgress", says: "nothing else is begun", phase: v1alpha1.SwitchoverSwitching,
		},
		"the old source has restarted empty": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.restarted("a", 0)
				v.linksDown()
			},
			ways: "a=none b=readonly c=readonly", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"the candidate was promoted, is gone, and the spec names a third": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Minute)
				v.wants("c")
				v.leads("b")
				v.silent("b", time.Minute)
			},
			reason: "SwitchoverInProgress", says: "nothing else is begun", phase: v1alpha1.SwitchoverSwitching,
		},
		"the candidate was promoted, and the old source has restarted empty": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Minute)
				v.wants("c")
				v.leads("b")
				v.silent("b", time.Minute)
				v.restarted("a", 0)
			},
			ways: "a=none", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"the candidate cannot take over": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.detached("b", "c")
			},
			reason: "SwitchoverInProgress", says: "NotAReplica", phase: v1alpha1.SwitchoverSwitching,
		},
		"the candidate is gone before the fence, and another replica is detached": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.silent("b", time.Second)
				v.detached("c")
			},
			ways: "a=readwrite c=readonly", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"a fence is taken off": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.wants("a")
				v.fenced("a")
				v.detached("c")
			},
			do: "undo: open for writes a", ways: "a=readwrite b=none", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverUndoing,
		},
		"the fence is off, and a replica is detached": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverUndoing, time.Second).Message = "why"
				v.detached("c")
			},
			ways: quiet, reason: "SwitchoverUndone", phase: v1alpha1.SwitchoverUndone,
		},
		"the candidate is promoted, and what the old source holds of its own stays": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.in.Object.Spec.RejoinPolicy = v1alpha1.RedisRejoinResync
				v.promoted("b")
				v.leads("b")
				v.master("c", other, 1000)
				v.in.Object.Status.Topology["c"].Replicated = false
				v.fenced("a")
			},
			do: "persist: persist b; attach: follow a", ways: "a=none b=readwrite c=none", reason: "ReplicaNotReady",
		},
		"the old source of a failover is back": {
			given: func(v s) { v.failing(); v.detached("b", "c") },
			ways:  quiet, reason: "FailoverInProgress", says: "nothing else is begun", phase: v1alpha1.SwitchoverSwitching,
		},
		"the candidate of a failover is unfit": {
			given: func(v s) { v.failing(); v.silent("a", time.Minute); v.detached("b", "c"); v.at("c").Offset = 1500 },
			ways:  "", reason: "FailoverInProgress", says: "BetterCandidate", phase: v1alpha1.SwitchoverSwitching,
		},
		"a failover that the spec gives up": {
			given: func(v s) { v.failing(); v.wants("c"); v.silent("a", time.Minute); v.detached("b", "c") },
			ways:  "", reason: "FailoverInProgress", says: "nothing else is begun", phase: v1alpha1.SwitchoverSwitching,
		},
		"a failover goes on": {
			given: func(v s) { v.failing(); v.silent("a", time.Minute); v.linksDown(); v.detached("b", "c") },
			do:    "promote: promote b; repoint: follow c; persist: persist b", ways: "a=none b=readwrite", reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"nobody knows the candidate of the record: a fence comes off": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second).To = "z"
				v.fenced("a")
				v.detached("c")
			},
			do: "source: open for writes a", ways: "a=none b=readonly c=readonly", reason: "SourceNotAsWanted", phase: v1alpha1.SwitchoverSwitching,
		},
		"nobody knows the candidate of the record, and no fence is up": {
			given: func(v s) { v.switching(v1alpha1.SwitchoverSwitching, time.Second).To = "z"; v.detached("c") },
			ways:  quiet, reason: "SourceNotAsWanted",
		},
		"nobody knows the candidate of the record, and the source is gone": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second).To = "z"
				v.silent("a", time.Minute)
				v.linksDown()
			},
			reason: "SwitchoverInProgress", says: "nothing else is begun", phase: v1alpha1.SwitchoverSwitching,
		},
		"Sentinel is named: a fence comes off, and until then the record stays": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.in.Object.Spec.Sentinel = []string{"s-0"}
				v.fenced("a")
			},
			do: "source: open for writes a", ways: "a=none b=readonly c=readonly", reason: "ReplicaNotReady", phase: v1alpha1.SwitchoverSwitching,
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := situate()
			test.given(v)
			v.skips()
			p := Plan(v.in)
			if got := told(p); got != test.do {
				t.Errorf("it does   %q\nand should %q", got, test.do)
			}
			if got := ways(p); got != test.ways {
				t.Errorf("it leads   %q\nand should %q", got, test.ways)
			}
			if c := p.Conditions[0]; c.Reason != test.reason || !strings.Contains(c.Message, test.says) {
				t.Errorf("condition %s: %s; want %s, %q", c.Reason, c.Message, test.reason, test.says)
			}
			var phase v1alpha1.SwitchoverPhase
			if r := p.Data.Switchover; r != nil {
				phase = r.Phase
			}
			if phase != test.phase {
				t.Errorf("phase %q, want %q", phase, test.phase)
			}
		})
	}
}

// TestSkipKeepsWhatIsOnRecordOfOthers: it was found from the source that is on record, and stays
// so. Rules that look from another source under skip must not be what the status is made of.
func TestSkipKeepsWhatIsOnRecordOfOthers(t *testing.T) {
	v := situate()
	v.switching(v1alpha1.SwitchoverSwitching, time.Minute)
	v.wants("c")
	v.skips()
	v.leads("b")
	v.silent("b", time.Minute)
	v.fenced("a")
	v.in.Object.Status.History = []v1alpha1.RedisReplicationHistory{{ID: other, Offset: 900}}
	v.master("c", other, 1000)
	v.fenced("c")
	p := Plan(v.in)
	Project(v.in.Object, v.in.State, p)
	st := v.in.Object.Status
	if c := st.Topology["c"]; st.Source != "a" || !c.Diverged || c.ExtraBytes == nil || *c.ExtraBytes != 100 || st.LastSwitchover != nil || st.Switchover == nil || len(p.Events) > 0 {
		t.Errorf("source %s, c %+v, last %+v, record %+v, events %v", st.Source, st.Topology["c"], st.LastSwitchover, st.Switchover, p.Events)
	}
}
