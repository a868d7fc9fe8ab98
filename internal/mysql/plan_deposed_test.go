// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"slices"
	"testing"

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
