// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// open marks a slot as moved from one node to another, on both.
func (s *situation) open(slot int, from, to string) {
	s.nodes[from].migrating[slot] = s.nodes[to].id
	s.nodes[to].importing[slot] = s.nodes[from].id
}

// moving puts a move on record.
func (s *situation) moving(slots, from, to string) {
	s.object.Status.Moves = append(s.object.Status.Moves, v1alpha1.RedisClusterMove{
		Slots: slots, From: s.nodes[from].id, To: s.nodes[to].id, FromRunID: s.server(from).RunID})
}

func (s *situation) server(name string) *Server { return s.world.state(Members(s.object)).Nodes[name] }

func (s *situation) down(names ...string) {
	for _, name := range names {
		s.nodes[name].up = false
		for _, n := range s.nodes {
			n.linked = n.linked && n.master != s.nodes[name].id
		}
	}
}

// anew has a server come back without its files: it is another node.
func (s *situation) anew(name string) { s.fresh(name) }

// replace has a server come back without its files before anybody has called it dead.
func (s *situation) replace(names ...string) {
	for _, name := range names {
		s.noaddr[s.nodes[name].id] = true
		s.anew(name)
		s.joined(name)
	}
	s.plan(false)
}

// loseSlot has nobody own a slot.
func (s *situation) loseSlot(slot int) {
	var lost Slots
	lost.Add(slot)
	for _, n := range s.nodes {
		n.table[s.nodes["a0"].id] = n.table[s.nodes["a0"].id].Minus(lost)
	}
}

// freshTarget opens a slot towards a shard that owns nothing yet; its keys are there.
func freshTarget(s *situation) {
	s.grow("d", 2)
	s.joined("d0", "d1")
	d0, d1 := s.nodes["d0"], s.nodes["d1"]
	d1.master, d1.linked = d0.id, true
	s.gossip()
	s.record()
	s.object.Status.Moves = nil
	s.moving("100", "a0", "d0")
	s.open(100, "a0", "d0")
	d0.keys[100], d1.keys[100] = s.nodes["a0"].keys[100], map[string]int{"key100": 1}
	delete(s.nodes["a0"].keys, 100)
}

// emptied takes a shard out of the spec whose slots another one has by now.
func (s *situation) emptied(shard, by string) {
	delete(s.object.Spec.Members, shard)
	from, to := s.nodes[shard+"0"], s.nodes[by+"0"]
	for slot, of := range from.keys {
		to.keys[slot] = of
	}
	from.keys = map[int]map[string]int{}
	slots := from.table[from.id].Or(to.table[to.id])
	for _, n := range s.nodes {
		delete(n.table, from.id)
		n.table[to.id] = slots
	}
	s.nodes[shard+"1"].keys = map[int]map[string]int{}
}

// joined makes a fresh node a part of the cluster.
func (s *situation) joined(names ...string) {
	for _, name := range names {
		for _, o := range s.nodes {
			if o != s.nodes[name] && len(o.links) > 0 {
				s.meet(s.nodes[name], o)
			}
		}
	}
	s.gossip()
	s.gossip()
}

// Given this state, these actions and this condition.
func TestPlan(t *testing.T) {
	const quiet = ""
	for _, row := range []struct {
		name  string
		given func(*situation)
		steps string
		// reason of TopologyReady, and words in its message or in a node's.
		reason string
		words  string
	}{
		{"all is as wanted", func(*situation) {}, quiet, "TopologyAsWanted", "3 sources"},

		// Membership.
		{"a shard more", func(s *situation) { s.grow("d", 2) },
			"meet: meet a0", "NodeNotReady", "not in the cluster yet"},
		{"a shard more, joined", func(s *situation) { s.grow("d", 2); s.joined("d0", "d1") },
			"replicate: replicate d1 of d0", "NodeNotReady", "owns no slots yet"},
		{"a shard more, with its replica", func(s *situation) {
			s.grow("d", 2)
			s.joined("d0", "d1")
			s.nodes["d1"].master = s.nodes["d0"].id
			s.gossip()
		}, "move-slots: move 1365 slots a0 to d0, move 1365 slots b0 to d0, move 1366 slots c0 to d0", "Resharding", "4096 slots"},
		{"a shard less", func(s *situation) { delete(s.object.Spec.Members, "b") },
			"move-slots: move 2731 slots b0 to a0", "Resharding", "5461 slots"},
		{"a node that holds keys and has no slot", func(s *situation) {
			s.grow("a", 1)
			s.nodes["a2"].keys[5] = map[string]int{"x": 1}
		}, quiet, "NodeRefused", "FLUSHALL"},
		{"a node of another cluster", func(s *situation) {
			s.grow("a", 1)
			other := s.fresh("foreign")
			other.table[other.id] = allSlots()
			s.meet(s.nodes["a2"], other)
		}, quiet, "NodeRefused", "another cluster"},
		{"a replica less", func(s *situation) {
			s.object.Spec.Members["a"] = s.object.Spec.Members["a"][:1]
		}, "forget: forget a0 a1-002, forget b0 a1-002, forget b1 a1-002, forget c0 a1-002, forget c1 a1-002", "NodeLeaving", "a1"},
		{"a shard less, emptied", func(s *situation) { s.emptied("b", "a") },
			"forget: forget a0 b0-003 b1-004, forget a1 b0-003 b1-004, forget c0 b0-003 b1-004, forget c1 b0-003 b1-004; reset: reset b0", "NodeLeaving", "b0"},
		{"a shard less, emptied, and a replica has not heard of it", func(s *situation) {
			was := s.nodes["c1"].table[s.nodes["b0"].id]
			s.emptied("b", "a")
			s.nodes["c1"].table = map[string]Slots{s.nodes["b0"].id: was}
		}, quiet, "NodeNotForgotten", "c1 has not heard"},
		{"a shard less, emptied, and clients ask it still", func(s *situation) {
			s.emptied("b", "a")
			s.nodes["b0"].asked = 55 * time.Second
		}, quiet, "NodeNotForgotten", "clients ask it still"},
		{"a shard less, and its source knows a replica that was forgotten before", func(s *situation) {
			s.emptied("b", "a")
			s.nodes["b0"].asked = 55 * time.Second
			for _, n := range s.nodes {
				if n.name != "b0" {
					delete(n.links, s.nodes["b1"].id)
				}
			}
			s.nodes["b1"].links = map[string]bool{}
			delete(s.object.Status.Topology, "b1")
		}, quiet, "NodeNotForgotten", "clients ask it still"},
		{"a replica less while the slots of another node that left are there", func(s *situation) {
			s.object.Spec.Members["a"] = s.object.Spec.Members["a"][:1]
			delete(s.object.Spec.Members, "b")
			s.waits = map[string]bool{"move slots b0 a0": true}
		}, "forget: forget a0 a1-002, forget c0 a1-002, forget c1 a1-002, forget b0 a1-002, forget b1 a1-002", "Resharding", ""},
		{"a replica less whose source is dead", func(s *situation) {
			s.object.Spec.Members["a"] = s.object.Spec.Members["a"][:1]
			s.down("a0")
		}, quiet, "SourceUnreachable", "only copy"},
		{"a node of nobody in the cluster", func(s *situation) {
			delete(s.object.Spec.Members, "b")
			stranger := s.fresh("stranger")
			s.meet(stranger, s.nodes["a0"])
			s.gossip()
		}, quiet, "UnknownNodes", "stranger"},
		{"a replica moves to another shard", func(s *situation) {
			m := s.object.Spec.Members["a"][1]
			s.object.Spec.Members["a"] = s.object.Spec.Members["a"][:1]
			s.object.Spec.Members["b"] = append(s.object.Spec.Members["b"], m)
		}, "replicate: replicate a1 of b0", "NodeNotReady", "instead of b0"},
		{"a replica of a dead source moves to another shard", func(s *situation) {
			m := s.object.Spec.Members["a"][1]
			s.object.Spec.Members["a"] = s.object.Spec.Members["a"][:1]
			s.object.Spec.Members["b"] = append(s.object.Spec.Members["b"], m)
			s.down("a0")
		}, quiet, "SourceUnreachable", "only copy"},
		{"two sources in one shard", func(s *situation) {
			m := s.object.Spec.Members["b"]
			delete(s.object.Spec.Members, "b")
			s.object.Spec.Members["a"] = append(s.object.Spec.Members["a"], m...)
		}, "replicate: replicate b1 of a0", "NodeNotReady", "another source"},

		// Roles.
		{"a shard has a replica of another shard only", func(s *situation) {
			s.object.Spec.Members["d"] = v1alpha1.RedisClusterShard{s.object.Spec.Members["a"][1]}
			s.object.Spec.Members["a"] = s.object.Spec.Members["a"][:1]
		}, quiet, "ShardWithoutSource", "run CLUSTER RESET on it"},
		{"another node first", func(s *situation) { s.first("a", "a1") },
			"promote: promote a1", "Promoting", "a1 takes over"},
		{"another node first, not connected", func(s *situation) { s.first("a", "a1"); s.nodes["a1"].linked = false },
			quiet, "PromotionWaits", "not connected"},
		{"another node first, slots open", func(s *situation) {
			s.first("a", "a1")
			s.moving("0-10", "a0", "b0")
			s.open(3, "a0", "b0")
		}, "move-slots: move 1 slots a0 to b0", "Resharding", ""},
		{"the source is taken out of its shard", func(s *situation) {
			s.object.Spec.Members["a"] = s.object.Spec.Members["a"][1:]
		}, "promote: promote a1", "Promoting", "a1 takes over"},
		{"the source moves to another shard", func(s *situation) {
			m := s.object.Spec.Members["a"][0]
			s.object.Spec.Members["a"] = s.object.Spec.Members["a"][1:]
			s.object.Spec.Members["b"] = append(s.object.Spec.Members["b"], m)
		}, "promote: promote a1", "Promoting", "a1 takes over"},
		{"Redis has promoted by itself", func(s *situation) { s.takeOver(s.nodes["a1"]); s.gossip(); s.gossip() },
			quiet, "TopologyAsWanted", ""},
		{"a source is dead", func(s *situation) { s.down("a0") },
			quiet, "SourceUnreachable", "promotes a replica"},
		{"a source is dead, and another node is first", func(s *situation) { s.down("a0"); s.first("a", "a1") },
			quiet, "SourceUnreachable", "force-promote: a1"},
		{"a source is dead, and another node is first and forced", func(s *situation) {
			s.down("a0")
			s.first("a", "a1")
			s.annotate(v1alpha1.AnnotationForcePromote, "a1")
		}, "promote: promote a1 FORCE", "SourceUnreachable", ""},
		{"a source is dead, and another node was forced before", func(s *situation) {
			s.first("a", "a1")
			s.annotate(v1alpha1.AnnotationForcePromote, "a1")
			s.plan(false)
			s.down("a0")
		}, quiet, "SourceUnreachable", "force-promote: a1"},
		{"a source is dead, and another node is forced but not first", func(s *situation) {
			s.down("a0")
			s.annotate(v1alpha1.AnnotationForcePromote, "a1")
		}, quiet, "SourceUnreachable", ""},
		{"a source is dead, and the other one never had a copy", func(s *situation) {
			s.down("a0")
			s.first("a", "a1")
			s.annotate(v1alpha1.AnnotationForcePromote, "a1")
			s.object.Status.Topology["a1"].Replicated = ""
		}, quiet, "SourceUnreachable", "never been seen"},
		{"a source is dead, and the node that is forced has lost its data", func(s *situation) {
			s.down("a0")
			s.first("a", "a1")
			s.nodes["a1"].keys = map[int]map[string]int{}
			s.annotate(v1alpha1.AnnotationForcePromote, "a1")
		}, quiet, "SourceUnreachable", "it is empty itself"},
		{"most sources are dead, and one replica is forced", func(s *situation) {
			s.down("a0", "b0")
			s.first("a", "a1")
			s.annotate(v1alpha1.AnnotationForcePromote, "a1")
		}, "promote: promote a1 TAKEOVER", "SourceUnreachable", ""},

		// Losses.
		{"a source came back as another node", func(s *situation) { s.anew("a0") },
			"meet: meet a1", "SourceUnreachable", "came back as another node"},
		{"a source came back as another node before it was called dead", func(s *situation) { s.replace("a0") },
			quiet, "SourceUnreachable", "force-promote: a1"},
		{"such a source, and the one of its replicas that never had a copy comes first", func(s *situation) {
			s.object.Spec.Members["a"] = append(s.object.Spec.Members["a"], s.object.Spec.Members["b"][1])
			s.object.Spec.Members["b"] = s.object.Spec.Members["b"][:1]
			s.nodes["b1"].master = s.nodes["a0"].id
			s.gossip()
			s.plan(false)
			s.replace("a0")
			s.object.Status.Topology["a1"].Replicated = ""
		}, quiet, "SourceUnreachable", "To promote b1"},
		{"half of the sources came back as others, and one replica is forced", func(s *situation) {
			s.nodes["b0"].table[s.nodes["b0"].id] = s.nodes["b0"].slots().Or(s.nodes["c0"].slots())
			for _, n := range s.nodes {
				n.table[s.nodes["b0"].id] = s.nodes["b0"].slots()
				delete(n.table, s.nodes["c0"].id)
			}
			s.replace("a0")
			s.first("a", "a1")
			s.annotate(v1alpha1.AnnotationForcePromote, "a1")
		}, "promote: promote a1 TAKEOVER", "SourceUnreachable", ""},
		{"such a source, and another node is first and forced", func(s *situation) {
			s.replace("a0")
			s.first("a", "a1")
			s.annotate(v1alpha1.AnnotationForcePromote, "a1")
		}, "promote: promote a1 FORCE", "SourceUnreachable", ""},
		{"such a source, and another node is first", func(s *situation) { s.replace("a0"); s.first("a", "a1") },
			quiet, "SourceUnreachable", "its source is not seen"},
		{"most sources came back as others, and one replica is forced", func(s *situation) {
			s.replace("a0", "b0")
			s.first("a", "a1")
			s.annotate(v1alpha1.AnnotationForcePromote, "a1")
		}, "promote: promote a1 TAKEOVER", "SourceUnreachable", ""},
		{"such a source is given up while a replica has the data", func(s *situation) {
			id := s.nodes["a0"].id
			s.replace("a0")
			s.annotate(v1alpha1.AnnotationGiveUpSlots, id)
		}, quiet, "SourceUnreachable", "a1 has it"},
		{"a whole shard came back as others, and is given up", func(s *situation) {
			ids := s.nodes["a0"].id + "," + s.nodes["a1"].id
			s.replace("a0", "a1")
			s.annotate(v1alpha1.AnnotationGiveUpSlots, ids)
		}, "give-up: give up the data of slots a0", "SourceUnreachable", ""},
		{"a node at no address that is not seen is given up", func(s *situation) {
			s.down("a0", "a1")
			s.noaddr[s.nodes["a0"].id] = true
			s.annotate(v1alpha1.AnnotationGiveUpSlots, s.nodes["a0"].id+","+s.nodes["a1"].id)
		}, quiet, "SourceUnreachable", "does not say that it is dead"},
		{"a shard is dead", func(s *situation) { s.down("a0", "a1") },
			quiet, "SourceUnreachable", "give-up-slots"},
		{"a shard is given up while a replica has the data", func(s *situation) {
			s.down("a0")
			s.annotate(v1alpha1.AnnotationGiveUpSlots, s.nodes["a0"].id)
		}, quiet, "SourceUnreachable", "a1 has it"},
		{"a shard is given up", func(s *situation) {
			s.down("a0", "a1")
			s.annotate(v1alpha1.AnnotationGiveUpSlots, s.nodes["a0"].id)
		}, quiet, "SourceUnreachable", "give it up as well (a1-002)"},
		{"a shard is given up, and all of its nodes", func(s *situation) {
			s.down("a0", "a1")
			s.annotate(v1alpha1.AnnotationGiveUpSlots, s.nodes["a0"].id+", "+s.nodes["a1"].id)
		}, "give-up: give up the data of slots b0", "SourceUnreachable", ""},
		{"a source is given up, and a node of its shard that left is not seen", func(s *situation) {
			s.object.Spec.Members["a"] = s.object.Spec.Members["a"][:1]
			s.down("a0", "a1")
			for _, n := range s.nodes {
				delete(n.links, s.nodes["a1"].id)
			}
			s.annotate(v1alpha1.AnnotationGiveUpSlots, s.nodes["a0"].id)
		}, quiet, "SourceUnreachable", "may have it"},
		{"slots without an owner are given up, and a node that left is not seen", func(s *situation) {
			s.loseSlot(7)
			s.object.Spec.Members["a"] = s.object.Spec.Members["a"][:1]
			s.down("a1")
			s.annotate(v1alpha1.AnnotationGiveUpSlots, "unowned")
		}, "forget: forget a0 a1-002, forget b0 a1-002, forget b1 a1-002, forget c0 a1-002, forget c1 a1-002", "SlotsLost", "a1 is not seen and may hold"},
		{"slots without an owner are given up by the name of a shard", func(s *situation) {
			s.loseSlot(7)
			s.annotate(v1alpha1.AnnotationGiveUpSlots, "a")
		}, quiet, "SlotsLost", "unowned"},
		{"the target of a move is given up, and its replica is not seen", func(s *situation) {
			freshTarget(s)
			s.down("d0", "d1")
			s.annotate(v1alpha1.AnnotationGiveUpSlots, s.nodes["d0"].id)
		}, quiet, "GiveUpRefused", "give it up as well"},
		{"another shard is given up", func(s *situation) {
			s.down("a0", "a1")
			s.annotate(v1alpha1.AnnotationGiveUpSlots, s.nodes["b0"].id)
		}, quiet, "SourceUnreachable", ""},
		{"slots without an owner", func(s *situation) {
			for _, n := range s.nodes {
				one := n.table[s.nodes["a0"].id]
				var lost Slots
				lost.Add(7)
				n.table[s.nodes["a0"].id] = one.Minus(lost)
			}
		}, quiet, "SlotsLost", "slots 7"},
		{"all have come back as others", func(s *situation) {
			for _, n := range s.sorted() {
				s.anew(n.name)
			}
		}, quiet, "ClusterLost", "nodes.conf"},

		// Addresses.
		{"an address has changed", func(s *situation) {
			for _, n := range s.nodes {
				if n.name != "c1" {
					n.links[s.nodes["c1"].id], s.nodes["c1"].links[n.id] = false, false
				}
			}
		}, "meet: meet a0, meet a1, meet b0, meet b1, meet c0", "NotJoined", ""},

		// Moves.
		{"an open slot of somebody else", func(s *situation) { s.open(3, "a0", "b0"); delete(s.object.Spec.Members, "c") },
			quiet, "OpenSlots", "redis-cli"},
		{"an open slot on record", func(s *situation) { s.moving("0-10", "a0", "b0"); s.open(3, "a0", "b0") },
			"move-slots: move 1 slots a0 to b0", "Resharding", ""},
		{"an open slot on record that replicas have as well", func(s *situation) {
			s.moving("0-10", "a0", "b0")
			s.open(3, "a0", "b0")
			s.nodes["a1"].migrating[3], s.nodes["b1"].importing[3] = s.nodes["b0"].id, s.nodes["a0"].id
		}, "move-slots: move 1 slots a0 to b0", "Resharding", ""},
		{"a move on record from a node that leaves", func(s *situation) {
			delete(s.object.Spec.Members, "b")
			s.moving("6000-6010", "b0", "a0")
			s.open(6003, "b0", "a0")
		}, "move-slots: move 11 slots b0 to a0", "Resharding", ""},
		{"the target of a move has not heard of the epoch of its source", func(s *situation) {
			delete(s.object.Spec.Members, "a")
			s.moving("0-10", "a0", "b0")
			s.nodes["a0"].epoch = 9
		}, quiet, "MoveWaits", "has not heard of it"},
		{"the source of a move has the epoch of another one", func(s *situation) {
			delete(s.object.Spec.Members, "a")
			s.moving("0-10", "a0", "b0")
			s.nodes["a0"].epoch = s.nodes["c0"].epoch
			s.nodes["b0"].epochs[s.nodes["a0"].id] = s.nodes["c0"].epoch
		}, quiet, "MoveWaits", "gives one of them another"},
		{"the target of an open slot is not seen", func(s *situation) {
			s.moving("0-10", "a0", "b0")
			s.open(3, "a0", "b0")
			s.down("b0")
		}, quiet, "SourceUnreachable", "may have keys on both"},
		{"the target of open slots came back as another node, and its replica has their keys", func(s *situation) {
			s.grow("d", 2)
			s.joined("d0", "d1")
			s.nodes["d1"].master = s.nodes["d0"].id
			s.moving("0-10", "a0", "d0")
			s.open(3, "a0", "d0")
			s.nodes["d0"].keys[3] = map[string]int{"x": 1}
			s.gossip()
			s.record()
			s.anew("d0")
			s.joined("d0")
		}, quiet, "MoveWaits", "came back as another node"},
		{"a move that has failed waits", func(s *situation) {
			s.moving("0-10", "a0", "b0")
			s.open(3, "a0", "b0")
			s.waits = map[string]bool{"move slots a0 b0": true}
		}, quiet, "Resharding", "tried again"},
		{"a node has another name", func(s *situation) {
			list := s.object.Spec.Members["a"]
			list[1].Name = "renamed"
			s.nodes["renamed"] = s.nodes["a1"]
			s.nodes["renamed"].name = "renamed"
			delete(s.nodes, "a1")
		}, quiet, "TopologyAsWanted", ""},
		{"the target of an open slot, which owns nothing yet, comes back as another node", func(s *situation) {
			freshTarget(s)
			s.anew("d0")
			s.joined("d0")
		}, quiet, "MoveWaits", "d1 has a copy"},
		{"the replica of such a target moves to another shard", func(s *situation) {
			freshTarget(s)
			s.down("d0")
			m := s.object.Spec.Members["d"][1]
			s.object.Spec.Members["d"] = s.object.Spec.Members["d"][:1]
			s.object.Spec.Members["a"] = append(s.object.Spec.Members["a"], m)
		}, quiet, "MoveWaits", "only copy"},
		{"the replica of such a target leaves", func(s *situation) {
			freshTarget(s)
			s.anew("d0")
			s.joined("d0")
			s.object.Spec.Members["d"] = s.object.Spec.Members["d"][:1]
		}, quiet, "MoveWaits", "only copy"},
		{"the replica of such a target was promoted by hand, and leaves", func(s *situation) {
			freshTarget(s)
			s.anew("d0")
			s.joined("d0")
			s.nodes["d1"].master = ""
			s.gossip()
			s.object.Spec.Members["d"] = s.object.Spec.Members["d"][:1]
		}, quiet, "MoveWaits", "do not empty it"},
		{"the source of an open slot was promoted", func(s *situation) {
			s.moving("0-10", "a0", "b0")
			s.open(3, "a0", "b0")
			s.down("a0")
			s.takeOver(s.nodes["a1"])
			s.gossip()
		}, "move-slots: move 11 slots a1 to b0 inherited", "Resharding", ""},
		{"the source has started anew while slots were moved", func(s *situation) {
			delete(s.object.Spec.Members, "a")
			s.moving("0-10", "a0", "b0")
			s.nodes["a0"].run = 99
		}, "move-slots: move 11 slots a0 to b0 inherited", "Resharding", ""},
		{"two nodes are one server", func(s *situation) { s.nodes["a1"].id = s.nodes["a0"].id },
			quiet, "NodesAreOneServer", "a0 and a1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := situate()
			row.given(s)
			p := s.plan(true)
			if got := told(p); got != row.steps {
				t.Errorf("steps are\n%q and should be\n%q", got, row.steps)
			}
			message := p.Conditions[0].Message
			for _, note := range p.Data.Notes {
				message += " " + note
			}
			if p.Conditions[0].Reason != row.reason || !strings.Contains(message, row.words) {
				t.Errorf("condition is %s: %s", p.Conditions[0].Reason, message)
			}
		})
	}
}

// A cluster is made of nodes that are all there and empty.
func TestPlanCreation(t *testing.T) {
	s := empty("a", "b")
	if got := told(s.plan(true)); got != "meet: meet a0" {
		t.Fatalf("steps are %q", got)
	}
	s.down("b1")
	if p := s.plan(true); told(p) != "" || p.Conditions[0].Reason != "NodesMissing" {
		t.Fatalf("with a node missing: %q, %v", told(p), p.Conditions)
	}
	s.nodes["b1"].up = true
	s.nodes["b1"].keys[1] = map[string]int{"x": 1}
	if p := s.plan(true); told(p) != "" || p.Conditions[0].Reason != "NodeRefused" {
		t.Fatalf("with a node that has keys: %q, %v", told(p), p.Conditions)
	}
	delete(s.nodes["b1"].keys, 1)
	all := s.sorted()
	for _, o := range all[1:] {
		s.meet(all[0], o)
	}
	s.gossip()
	s.gossip()
	p := s.plan(false)
	if got := told(p); got != "assign: assign a0 0-8191, assign b0 8192-16383" || !p.Persist || !s.object.Status.Creating {
		t.Fatalf("steps are %q, persist %v, status %+v", got, p.Persist, s.object.Status)
	}
	// The operator dies after the first of them.
	if err := s.act(p.Steps[0].Actions[0], -1); err != nil {
		t.Fatal(err)
	}
	s.gossip()
	if got := told(s.plan(false)); got != "assign: assign b0 8192-16383" {
		t.Fatalf("steps are %q", got)
	}
	if err := s.act(p.Steps[0].Actions[1], -1); err != nil {
		t.Fatal(err)
	}
	s.gossip()
	if got := told(s.plan(false)); got != "replicate: replicate a1 of a0, replicate b1 of b0" || !s.object.Status.Established || s.object.Status.Creating {
		t.Fatalf("steps are %q, status %+v", got, s.object.Status)
	}
}

// A node that was given slots and that nobody has heard of since keeps them, also when the spec does
// not name it any more.
func TestPlanCreationInterrupted(t *testing.T) {
	s := empty("a", "b")
	all := s.sorted()
	for _, o := range all[1:] {
		s.meet(all[0], o)
	}
	s.gossip()
	s.gossip()
	p := s.plan(false)
	if err := s.act(p.Steps[0].Actions[1], -1); err != nil {
		t.Fatal(err)
	}
	s.down("b0")
	delete(s.object.Spec.Members, "b")
	p = s.plan(true)
	if told(p) != "" || !strings.Contains(p.Conditions[0].Message, "b0 is not seen, and may have been given slots") {
		t.Errorf("%q, %v", told(p), p.Conditions)
	}
	s.annotate(v1alpha1.AnnotationGiveUpSlots, s.nodes["b0"].id)
	if got := told(s.plan(true)); got != "assign: assign a0 0-16383" {
		t.Errorf("%q", got)
	}
}

// A node that was given slots, of which some had heard when it was lost, holds up the making of the
// cluster, and the message says what helps.
func TestPlanCreationDisputed(t *testing.T) {
	s := situate()
	s.object.Status.Creating, s.object.Status.Established = true, false
	delete(s.nodes["b0"].table, s.nodes["a0"].id)
	s.down("a0")
	p := s.plan(true)
	if told(p) != "" || !strings.Contains(p.Conditions[0].Message, "run CLUSTER RESET on every node") {
		t.Errorf("%q, %v", told(p), p.Conditions)
	}
}

// Two clusters are never merged, whoever the spec names first.
func TestPlanTwoClusters(t *testing.T) {
	s := situate()
	s.object.Status = v1alpha1.RedisClusterStatus{}
	s.grow("x", 1)
	x := s.nodes["x0"]
	x.table[x.id] = allSlots()
	if p := s.plan(true); told(p) != "" || p.Conditions[0].Reason != "SeveralClusters" {
		t.Errorf("%q, %v", told(p), p.Conditions)
	}
}

// Skip observes and reports, and does nothing.
func TestPlanSkip(t *testing.T) {
	s := situate()
	s.grow("d", 1)
	s.annotate(v1alpha1.AnnotationSkipReconcile, "true")
	if p := s.plan(true); told(p) != "" || p.Persist {
		t.Errorf("%q, persist %v", told(p), p.Persist)
	}
}

func TestSlots(t *testing.T) {
	var s Slots
	s.AddRange(0, 99)
	s.Add(200, slotCount-1)
	if got := s.String(); got != "0-99,200,16383" {
		t.Errorf("%q", got)
	}
	back, err := parseSlots(s.String())
	if err != nil || back != s {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"x", "5-", "3-1", "0-16384", "1,,2"} {
		if _, err := parseSlots(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	if top, low := s.Highest(2), s.Lowest(2); top.String() != "200,16383" || low.String() != "0-1" {
		t.Errorf("highest %s, lowest %s", top, low)
	}
}

// What CLUSTER NODES says.
func TestReadView(t *testing.T) {
	s := &Server{}
	err := s.readView("07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004,host4 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected\n" +
		"67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 fd00::2:30002@31002 master,fail? - 0 1426238316232 2 disconnected 5461-10922 16000\n" +
		"e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460 [77->-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1] [93-<-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1]\n")
	if err != nil {
		t.Fatal(err)
	}
	if s.ID[:4] != "e7d1" || s.Slots.Count() != 5461 || s.Migrating[77][:4] != "67ed" || s.Importing[93][:4] != "67ed" {
		t.Errorf("%+v", s)
	}
	if p := s.View["67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1"]; p.IP != "fd00::2" || p.Port != 30002 || p.Bus != 31002 || !p.MayFail || p.Connected || p.Epoch != 2 || p.Slots.Count() != 5463 {
		t.Errorf("%+v", p)
	}
	if p := s.View["07c37dfeb235213a872192d90877d0cd55635b91"]; !p.Replica || p.MasterID != s.ID || !s.reaches(p.ID) {
		t.Errorf("%+v", p)
	}
	if err := s.readView("nonsense\n"); err == nil {
		t.Error("nonsense is read")
	}
}
