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
		{"another node by now, and without an address", Promote{MasterID: "a", Source: "a0", Way: wayForce, Replaced: true},
			Server{View: map[string]*Peer{"a": {ID: "a", NoAddress: true}}}, true},
		{"another node by now, and not flagged", Promote{MasterID: "a", Source: "a0", Way: wayForce, Replaced: true},
			Server{View: map[string]*Peer{"a": {ID: "a"}}}, false},
		{"not known", do, Server{}, false},
		{"nowhere to ask", Promote{MasterID: "a", Way: wayForce}, Server{View: dead}, false},
	} {
		if err := row.do.refusal(&row.s); (err == nil) != row.fine {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// What a node held that may be there is not given up.
func TestGiveUpRefusal(t *testing.T) {
	var slots Slots
	slots.Add(7)
	anew := map[string]string{"a": "a0", "r": "a1"}
	for _, row := range []struct {
		name string
		do   GiveUp
		view map[string]*Peer
		fine bool
	}{
		{"of nobody", GiveUp{Slots: slots}, map[string]*Peer{"b": {ID: "b"}}, true},
		{"of nobody, and taken", GiveUp{Slots: slots}, map[string]*Peer{"b": {ID: "b", Slots: slots}}, false},
		{"dead", GiveUp{Slots: slots, Dead: "a"}, map[string]*Peer{"a": {ID: "a", Fail: true, Slots: slots}}, true},
		{"not dead", GiveUp{Slots: slots, Dead: "a"}, map[string]*Peer{"a": {ID: "a", Slots: slots}}, false},
		{"not known", GiveUp{Slots: slots, Dead: "a"}, map[string]*Peer{}, false},
		{"at no address", GiveUp{Slots: slots, Dead: "a"}, map[string]*Peer{"a": {ID: "a", NoAddress: true}}, false},
		{"another node by now", GiveUp{Slots: slots, Dead: "a", Replaced: anew}, map[string]*Peer{"a": {ID: "a", NoAddress: true}}, true},
		{"another node by now, and found again", GiveUp{Slots: slots, Dead: "a", Replaced: anew}, map[string]*Peer{"a": {ID: "a"}}, false},
		{"a replica is there", GiveUp{Slots: slots, Dead: "a"}, map[string]*Peer{"a": {ID: "a", Fail: true}, "r": {ID: "r", Replica: true, MasterID: "a"}}, false},
		{"a replica is another node by now", GiveUp{Slots: slots, Dead: "a", Replaced: anew}, map[string]*Peer{"a": {ID: "a", NoAddress: true}, "r": {ID: "r", Replica: true, MasterID: "a", NoAddress: true}}, true},
	} {
		one, fresh := &Server{ID: "x", View: row.view}, &Server{ID: "y"}
		for who, err := range map[string]error{"itself": row.do.refusal(one), "another source": row.do.refusal(fresh, one)} {
			if (err == nil) != row.fine {
				t.Errorf("%s, says %s: %v", row.name, who, err)
			}
		}
	}
}

// Who gets slots that are given up must be known to all, and know how new their claims are.
func TestGiveUpUnheard(t *testing.T) {
	heir := &Server{ID: "x", View: map[string]*Peer{"x": {ID: "x"}, "b": {ID: "b"}}}
	know := map[string]*Peer{"x": {ID: "x"}, "b": {ID: "b", Epoch: 1}, "a": {ID: "a", Epoch: 2, NoAddress: true}}
	for _, row := range []struct {
		name    string
		current uint64
		view    map[string]*Peer
		fine    bool
	}{
		{"all is known", 2, know, true},
		{"the claim of the dead node is newer", 1, know, false},
		{"another source does not know it", 2, map[string]*Peer{"b": {ID: "b"}}, false},
		{"another source is about to", 2, map[string]*Peer{"b": {ID: "b"}, "x": {ID: "x", Handshake: true}}, false},
	} {
		if err := (GiveUp{}).unheard(heir, row.current, &Server{ID: "b", View: row.view}); (err == nil) != row.fine {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// A node whose bus speaks TLS and should not, or the other way round, is introduced to nobody.
func TestBus(t *testing.T) {
	for _, row := range []struct {
		name    string
		port    bool
		created bool
		steps   string
		words   string
	}{
		{"a cluster is made", false, false, "", "start that anew"},
		{"a cluster is made, and the port of the bus is set", true, false, "configure: configure a0; meet: meet a0", "introduced"},
		{"a node joins", false, true, "", "start that anew"},
		{"a node joins, and the port of the bus is set", true, true, "configure: configure d0; meet: meet a0", "not in the cluster yet"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, name := empty("a", "b"), "a0"
			if row.created {
				s, name = situate(), "d0"
				s.grow("d", 1)
			}
			s.state = s.world.state(Members(s.object))
			c := s.state.Nodes[name].Config
			c.TLSCluster, c.BusPort = true, row.port
			p := Plan(Input{Object: s.object, State: s.state, Pods: s.pods, Now: noon})
			if got := told(p); got != row.steps || !strings.Contains(p.Conditions[0].Message, row.words) {
				t.Errorf("steps are %q, condition %+v", got, p.Conditions[0])
			}
		})
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

// A source that has not heard that a node replicates from it would not hand over.
func TestPromotionUnheard(t *testing.T) {
	s := situate()
	s.first("a", "a1")
	state := s.world.state(Members(s.object))
	p := state.Nodes["a0"].View[s.nodes["a1"].id]
	p.Replica, p.MasterID = false, ""
	plan := Plan(Input{Object: s.object, State: state, Pods: s.pods, Now: noon})
	if told(plan) != "" || !strings.Contains(plan.Conditions[0].Message, "has not heard yet that it replicates") {
		t.Errorf("%q, %v", told(plan), plan.Conditions)
	}
}
