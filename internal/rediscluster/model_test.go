// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/internal/reconcile"
)

// operator makes passes over a world, and dies between any two things that it does.
type operator struct {
	*situation
	now  time.Time
	last reconcile.Plan[Data]
	// faults: servers die and come back.
	faults bool
}

func newOperator(seed uint64, faults bool) *operator {
	s := empty("a", "b", "c")
	s.random = rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a model
	return &operator{situation: s, now: noon, faults: faults}
}

// modelKeys are the slots that clients use.
var modelKeys = []int{3, 1000, 2731, 5460, 5461, 6000, 9000, 10921, 10922, 12000, 14000, 16383}

func (o *operator) clients() {
	for range 1 + o.random.IntN(6) {
		slot := modelKeys[o.random.IntN(len(modelKeys))]
		o.client(fmt.Sprintf("k%d-%d", slot, o.random.IntN(4)), slot, o.chance(60))
	}
}

// pass is a pass of the kernel. While it looks, the world goes on.
func (o *operator) pass(calm bool) {
	state := o.world.state(Members(o.object))
	if !calm && o.chance(40) {
		o.happen()
	}
	before := o.object.Status.DeepCopy()
	kept := false
	defer func() {
		if kept {
			o.heard(state)
		}
	}()
	p := Plan(Input{Object: o.object, State: state, Pods: o.pods, Now: o.now})
	Project(o.object, state, p)
	o.object.Status.Conditions = nil
	o.last = p
	o.foresees(state, p)
	if told := told(p); told != "" {
		o.note("plan %s: %s", p.Conditions[0].Reason, told)
	}
	died := func() bool {
		if calm || !o.chance(4) {
			return false
		}
		o.note("the operator dies")
		if !p.Persist {
			o.object.Status = *before
		}
		kept = p.Persist
		return true
	}
	for _, step := range p.Steps {
		failed := false
		for _, action := range step.Actions {
			if died() {
				return
			}
			kept = true
			stop := -1
			if !calm && o.chance(30) {
				stop = o.random.IntN(3)
			}
			if err := o.act(action, stop); err != nil {
				failed = true
				o.note("%s on %s failed", action.About(), action.Node())
			}
			if o.chance(50) {
				o.clients()
			}
		}
		if failed && !step.Optional {
			return
		}
	}
	kept = !died() || p.Persist
}

// happen is something that the operator has no part in.
func (o *operator) happen() {
	switch o.random.IntN(11) {
	case 0, 1, 2, 3:
		o.clients()
	case 4, 5, 6:
		o.gossip()
	case 7:
		if o.chance(15) {
			o.edit()
		}
	case 8:
		all := o.sorted()
		n := all[o.random.IntN(len(all))]
		if o.faults && n.up && o.chance(15) {
			o.kill(n)
		} else if !n.up && o.chance(60) {
			switch {
			case o.chance(8):
				o.startEmpty(n)
			case o.chance(8):
				o.startAnew(n)
			default:
				o.start(n)
			}
		}
	case 10:
		all := o.sorted()
		n := all[o.random.IntN(len(all))]
		switch {
		case !o.faults:
		case o.chance(20):
			o.speak()
		case o.chance(15):
			o.drama()
		case n.lags:
			n.lags = false
		case n.master != "" && o.chance(40):
			o.note("%s lags", n.name)
			n.lags = true
		}
	case 9:
		if o.faults && o.chance(50) {
			o.elect()
		} else if o.chance(20) {
			o.moveAddresses()
		}
	}
}

// start has a server come back with its files: what it held, its id, its marks.
func (o *operator) start(n *modelNode) {
	o.note("%s starts", n.name)
	o.serial++
	n.up, n.run, n.full = true, o.serial, ""
	o.gossip()
}

// moveAddresses gives a node another address: nobody reaches it.
func (o *operator) moveAddresses() {
	all := o.sorted()
	n := all[o.random.IntN(len(all))]
	o.note("%s has another address", n.name)
	for _, other := range all {
		if _, known := other.links[n.id]; known {
			other.links[n.id] = false
		}
		if _, known := n.links[other.id]; known {
			n.links[other.id] = false
		}
	}
}

// edit changes the spec: another node first, a shard more or less, a replica more or less.
func (o *operator) edit() {
	members := o.object.Spec.Members
	shards := shardsOf(o.object)
	shard := shards[o.random.IntN(len(shards))]
	o.object.Generation++
	switch o.random.IntN(4) {
	case 0:
		list := members[shard]
		name := list[o.random.IntN(len(list))].Name
		o.note("the user puts %s first", name)
		o.first(shard, name)
	case 1:
		for _, extra := range []string{"d", "e"} {
			if _, has := members[extra]; !has && o.nodes[extra+"0"] == nil {
				o.note("the user adds shard %s", extra)
				o.grow(extra, 2)
				return
			}
		}
	case 2:
		if len(shards) > 2 {
			o.note("the user removes shard %s", shard)
			delete(members, shard)
		}
	case 3:
		if list := members[shard]; len(list) > 1 {
			m := list[len(list)-1]
			to := shards[o.random.IntN(len(shards))]
			o.note("the user moves %s from %s to %s", m.Name, shard, to)
			members[shard] = slices.Clone(list[:len(list)-1])
			members[to] = append(slices.Clone(members[to]), m)
		}
	}
}

// run is one schedule: troubled times, and then calm ones.
func (o *operator) run(t *testing.T, seed uint64) {
	t.Helper()
	for range 80 {
		for range o.random.IntN(4) {
			o.happen()
		}
		o.now = o.now.Add(time.Duration(o.random.IntN(2000)) * time.Millisecond)
		o.pass(false)
		if o.broken != nil {
			t.Fatalf("seed %d: %v\n%s", seed, o.broken, strings.Join(o.trace, "\n"))
		}
	}
	for _, n := range o.sorted() {
		n.lags = false
		if !n.up {
			o.start(n)
		}
	}
	o.note("it is calm")
	whole := false
	for i := range 200 {
		if o.faults && i%40 == 39 {
			o.remedy(i > 100)
		}
		o.now = o.now.Add(time.Second)
		o.gossip()
		o.gossip()
		o.pass(true)
		if whole = o.last.Conditions[0].Status == metav1.ConditionTrue; whole {
			break
		}
	}
	if !whole && o.last.Conditions[0].Reason == "UnknownNodes" {
		// Where an operator died while nodes were being forgotten, gossip brings one back
		// that is on no record any more. It is told of, and is for a person to forget.
		whole = true
	}
	if o.faults && o.last.Conditions[0].Reason == "SeveralClusters" && o.object.Status.Creating {
		// A node that was lost while the cluster was made is known to some, and nobody has anything yet.
		whole = true
	}
	// A shard was taken out of the spec whose source was lost: a person puts it back, or waits.
	whole = whole || o.faults && strings.Contains(o.last.Conditions[0].Message, "put it back into the spec to promote it")
	// While the cluster was made a node was lost with slots of which some had heard.
	whole = whole || o.faults && o.last.Conditions[0].Reason == "Creating" && strings.Contains(o.last.Conditions[0].Message, "run CLUSTER RESET on every node")
	// Who was not seen to have a full copy of a lost source is not promoted by the operator.
	whole = whole || o.faults && strings.Contains(o.last.Conditions[0].Message, "never been seen to have a full copy")
	if o.faults && !whole && o.last.Conditions[0].Reason != "Creating" {
		// Something that a person has to decide is an end too, as long as nothing is lost.
		whole = slices.Contains([]string{"OpenSlots", "Resharding", "NodeNotReady", "NodeNotForgotten", "MoveWaits", "PromotionWaits", "ShardWithoutSource"}, o.last.Conditions[0].Reason)
	}
	if o.broken != nil || !whole {
		t.Fatalf("seed %d: %v; in the end it is %+v\n%s\n%v", seed, o.broken, o.last.Conditions[0].Reason+": "+o.last.Conditions[0].Message, strings.Join(o.trace, "\n"), o.show())
	}
	for key, slot := range o.slotOf {
		o.client(key, slot, false)
	}
	if o.broken != nil {
		t.Fatalf("seed %d: %v\n%s", seed, o.broken, strings.Join(o.trace, "\n"))
	}
}

// runs is how many schedules there are, of either sort: MODEL_RUNS, or 200, or 60 with -short.
func runs(t *testing.T) int {
	t.Helper()
	text := os.Getenv("MODEL_RUNS")
	switch {
	case text == "" && testing.Short():
		return 60
	case text == "":
		return 200
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestModel lets chance play the users, the servers and the death of the operator.
func TestModel(t *testing.T) {
	for name, faults := range map[string]bool{"changes": false, "crashes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, only := uint64(0), os.Getenv("MODEL_SEED")
			n := runs(t)
			if only != "" {
				seed, err := strconv.ParseUint(only, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				first, n = seed, 1
			}
			elected := 0
			for seed := first; seed < first+uint64(n); seed++ {
				o := newOperator(seed, faults)
				o.run(t, seed)
				elected += o.elected
			}
			if only == "" && faults && elected < n/20 {
				t.Errorf("Redis has promoted a replica %d times in %d schedules only", elected, n)
			}
		})
	}
}

// TestModelFindsFlaws: what an operator must not do breaks a law that the model checks.
func TestModelFindsFlaws(t *testing.T) {
	for name, flaw := range map[string]func(*situation){
		"a slot is closed that has keys": func(s *situation) {
			s.close(s.nodes["a0"], s.nodes["b0"], Migrate{}, 100)
		},
		"slots of a dead shard are given away": func(s *situation) {
			_ = s.act(GiveUp{target: target{"b0"}, ID: s.nodes["b0"].id, Slots: allSlots()}, -1)
		},
		"a promotion with an open slot": func(s *situation) {
			s.open(100, "a0", "b0")
			_ = s.act(Promote{target: target{"a1"}, ID: s.nodes["a1"].id, MasterID: s.nodes["a0"].id, Slots: s.nodes["a0"].slots()}, -1)
		},
		"the only copy becomes a replica": func(s *situation) {
			s.nodes["a0"].keys = map[int]map[string]int{}
			_ = s.act(Replicate{target: target{"a1"}, ID: s.nodes["a1"].id, Source: "b0", SourceID: s.nodes["b0"].id, MasterID: s.nodes["a0"].id}, -1)
		},
		"a promotion that nobody asked for": func(s *situation) {
			s.down("a0")
			_ = s.act(Promote{target: target{"a1"}, ID: s.nodes["a1"].id, MasterID: s.nodes["a0"].id, Way: wayForce, Slots: s.nodes["a0"].slots()}, -1)
		},
		"an empty node is promoted over data": func(s *situation) {
			s.down("a0")
			s.nodes["a1"].keys = map[int]map[string]int{}
			s.consent.forced = map[string][]string{"a1": {s.nodes["a0"].id}}
			_ = s.act(Promote{target: target{"a1"}, ID: s.nodes["a1"].id, MasterID: s.nodes["a0"].id, Way: wayForce, Slots: s.nodes["a0"].slots()}, -1)
		},
		"what a replica may have is given up": func(s *situation) {
			s.down("a0", "a1")
			s.consent.given = map[string]bool{s.nodes["a0"].id: true}
			_ = s.act(GiveUp{target: target{"b0"}, ID: s.nodes["b0"].id, Dead: s.nodes["a0"].id, Slots: s.nodes["a0"].slots()}, -1)
		},
		"data follows an empty node": func(s *situation) {
			s.grow("d", 1)
			s.joined("d0")
			id := s.nodes["a0"].id
			s.anew("a0")
			_ = s.act(Replicate{target: target{"a1"}, ID: s.nodes["a1"].id, Source: "d0", SourceID: s.nodes["d0"].id, MasterID: id}, -1)
		},
		"an older copy is read": func(s *situation) {
			s.nodes["a0"].keys[100]["key100"] = 0
			s.client("key100", 100, false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := situate()
			flaw(s)
			if s.broken == nil {
				t.Error("it is not found")
			}
		})
	}
}

// show is the world, for a person.
func (o *operator) show() string {
	var out strings.Builder
	for _, n := range o.sorted() {
		slots := n.slots()
		fmt.Fprintf(&out, "%s %s up %v master %q epoch %d slots %s keys %d links %v migrating %v importing %v\n", n.name, n.id, n.up, n.master, n.epoch, slots, n.count(), n.links, n.migrating, n.importing)
	}
	return out.String()
}
