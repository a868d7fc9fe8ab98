// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// A source that may be there is never replaced without taking part.
func TestForceRefusal(t *testing.T) {
	dead := map[string]*Peer{"a": {ID: "a", Fail: true}}
	do := Promote{MasterID: "a", Source: "a0", Way: wayForce}
	for _, row := range []struct {
		name string
		do   Promote
		s    Server
		fine bool
	}{
		{"dead", do, Server{View: dead}, true},
		{"connected", do, Server{View: dead, LinkUp: true}, false},
		{"in a full sync", do, Server{View: dead, SyncInProgress: true}, false},
		{"not flagged", do, Server{View: map[string]*Peer{"a": {ID: "a", MayFail: true}}}, false},
		{"without an address", do, Server{View: map[string]*Peer{"a": {ID: "a", NoAddress: true}}}, false},
		{"not known", do, Server{}, false},
		{"nowhere to ask", Promote{MasterID: "a", Way: wayForce}, Server{View: dead}, false},
	} {
		if err := row.do.refusal(&row.s); (err == nil) != row.fine {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// Who has received more than the one that is forced is named.
func TestForcePassesOver(t *testing.T) {
	s := situate()
	s.grow("a", 1)
	s.down("a0")
	s.first("a", "a1")
	s.annotate(v1alpha1.AnnotationForcePromote, "a1")
	s.nodes["a2"].up = false
	p := s.plan(true)
	for _, event := range p.Events {
		if event.Reason == "PromotionForced" && strings.Contains(event.Message, "a2, which is not seen") {
			return
		}
	}
	t.Errorf("%s; events %v", told(p), p.Events)
}

// Nothing follows a step that must succeed and waits.
func TestWaitingStep(t *testing.T) {
	forget, reset := Forget{target: target{"a0"}}, Reset{target: target{"a1"}}
	steps := []reconcile.Step{{Name: "forget", Actions: []reconcile.Action{forget}}, {Name: "reset", Optional: true, Actions: []reconcile.Action{reset}}}
	v := look(Input{Object: &v1alpha1.RedisCluster{}, State: State{Waits: map[string]bool{nameOf(forget): true}}})
	if got := v.due(steps); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
