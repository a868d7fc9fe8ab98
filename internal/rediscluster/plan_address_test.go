// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import "testing"

// A server that takes an old address for its own is introduced to itself by another one, and nothing
// is joined before it knows better.
func TestPlanOwnAddress(t *testing.T) {
	for _, row := range []struct {
		name, own, seen, steps string
		joined                 bool
	}{
		{"both know the same", "10.0.0.1", "10.0.0.1", "", true},
		{"it knows none yet", "", "10.0.0.1", "", true},
		{"it knows an old one", "10.0.0.9", "10.0.0.1", "meet: meet b0", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := situate()
			state := s.world.state(Members(s.object))
			a0 := s.nodes["a0"].id
			for name, server := range state.Nodes {
				server.View[a0].IP = row.own
				if name == "b0" {
					server.View[a0].IP = row.seen
				}
			}
			p := Plan(Input{Object: s.object, State: state, Pods: s.pods, Now: noon})
			if told(p) != row.steps || p.Data.Joined != row.joined {
				t.Errorf("%q, joined %v: %v", told(p), p.Data.Joined, p.Conditions)
			}
		})
	}
}
