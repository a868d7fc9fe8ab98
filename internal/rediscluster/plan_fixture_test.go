// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// situation is the input of a plan over a world: shards a, b and c of two nodes each, with all
// slots and some keys, and the record says so.
type situation struct {
	*world
	object *v1alpha1.RedisCluster
	pods   map[string]reconcile.Pod
	state  State
	waits  map[string]bool
}

func empty(shards ...string) *situation {
	s := &situation{world: newWorld(rand.New(rand.NewPCG(1, 1))), object: &v1alpha1.RedisCluster{}, pods: map[string]reconcile.Pod{}} //nolint:gosec // a model
	s.object.Namespace, s.object.Name, s.object.Generation = "team", "cache", 1
	s.object.Spec.Members = map[string]v1alpha1.RedisClusterShard{}
	for _, shard := range shards {
		s.grow(shard, 2)
	}
	return s
}

// grow adds fresh nodes to a shard of the spec.
func (s *situation) grow(shard string, nodes int) {
	for range nodes {
		name := fmt.Sprintf("%s%d", shard, len(s.object.Spec.Members[shard]))
		s.fresh(name)
		s.object.Spec.Members[shard] = append(s.object.Spec.Members[shard], v1alpha1.RedisClusterMember{
			RedisNode: v1alpha1.RedisNode{Node: v1alpha1.Node{Name: name, Host: name + ".svc", Port: 6379}}})
		s.pods[name] = reconcile.Pod{Exists: true}
	}
}

func situate(edits ...func(*situation)) *situation {
	s := empty("a", "b", "c")
	all := s.sorted()
	for _, n := range all {
		for _, o := range all {
			if n != o {
				s.meet(n, o)
			}
		}
	}
	for i, shard := range []string{"a", "b", "c"} {
		src, replica := s.nodes[shard+"0"], s.nodes[shard+"1"]
		src.epoch = i + 1
		var slots Slots
		slots.AddRange(i*slotCount/3, (i+1)*slotCount/3-1)
		src.table[src.id] = slots
		replica.master = src.id
	}
	s.gossip()
	s.gossip()
	for slot := 100; slot < slotCount; slot += 1000 {
		s.client(fmt.Sprint("key", slot), slot, true)
	}
	s.record()
	for _, edit := range edits {
		edit(s)
	}
	return s
}

// record has the status say what a quiet pass says.
func (s *situation) record() {
	for range 2 {
		s.plan(false)
	}
}

// plan makes one, and projects it.
func (s *situation) plan(look bool) reconcile.Plan[Data] {
	s.state = s.world.state(Members(s.object))
	s.state.Waits = s.waits
	p := Plan(Input{Object: s.object, State: s.state, Pods: s.pods, Now: noon})
	if !look {
		Project(s.object, s.state, p)
		s.object.Status.Conditions = []metav1.Condition{}
	}
	return p
}

func (s *situation) first(shard, name string) {
	list := s.object.Spec.Members[shard]
	at := slices.IndexFunc(list, func(m v1alpha1.RedisClusterMember) bool { return m.Name == name })
	m := list[at]
	s.object.Spec.Members[shard] = append(v1alpha1.RedisClusterShard{m}, slices.Delete(slices.Clone(list), at, at+1)...)
}

func (s *situation) annotate(key, value string) {
	s.object.Annotations = map[string]string{key: value}
}

// told is a plan in words: "step: action node, …", without steps that only route.
func told(p reconcile.Plan[Data]) string {
	var steps []string
	for _, step := range p.Steps {
		var actions []string
		for _, a := range step.Actions {
			text := a.About() + " " + a.Node()
			switch do := a.(type) {
			case Replicate:
				text += " of " + do.Source
			case Migrate:
				text = fmt.Sprintf("move %d slots %s to %s", do.Slots.Count(), do.On, do.To)
				if do.Inherited {
					text += " inherited"
				}
			case Promote:
				text = strings.TrimSpace(text + " " + do.Way)
			case Assign:
				text = fmt.Sprintf("assign %s %s", do.On, do.Slots)
			case Forget:
				text += " " + strings.Join(do.IDs, " ")
			}
			actions = append(actions, text)
		}
		if len(actions) > 0 {
			steps = append(steps, step.Name+": "+strings.Join(actions, ", "))
		}
	}
	return strings.Join(steps, "; ")
}
