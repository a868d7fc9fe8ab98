// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// lost says which slots nobody serves, and why nothing is done about it.
func (v *view) lost() {
	if !v.disputed.Empty() && len(v.moves) == 0 && !v.data.Creating {
		v.problem("ViewsDiffer", "the sources do not agree on who owns slots %s: they are asked again", v.disputed)
	}
	if v.data.Creating {
		return
	}
	if !v.unowned.Empty() {
		v.problem("SlotsLost", "slots %s have no owner: bring the node back that had them; or give up what they held with the annotation %s: %s", v.unowned, v1alpha1.AnnotationGiveUpSlots, giftUnowned)
	}
	for _, id := range slices.Sorted(maps.Keys(v.owned)) {
		slots := v.slotsOf(id)
		if s := v.byID[id]; s.OK() {
			continue
		}
		text := "Redis promotes a replica of it by itself where one has its data"
		switch keeper := v.copyOf(id); {
		case keeper != "" && v.replaced(id) && !v.dead(id):
			shard, _ := v.shardOf(id)
			text = fmt.Sprintf("It came back as another node before Redis called it dead, and so Redis promotes nobody. To promote %[1]s, with what it has received, put it first in shard %[3]s and set the annotation %[2]s: %[1]s", keeper, v1alpha1.AnnotationForcePromote, shard)
		case keeper == "" && v.gone(id):
			text = fmt.Sprintf("no replica of it is seen: bring it back with its data; or give up what it held with the annotation %s: %s", v1alpha1.AnnotationGiveUpSlots, id)
		}
		v.problem("SourceUnreachable", "%s owns %d slots and is not seen. %s", v.nameOf(id), slots.Count(), text)
	}
}

// copyOf is the node that has the most of another one, of those that are seen and replicate from it:
// one that was seen to have a full copy, and of several the one that has received most. "": none
// holds anything.
func (v *view) copyOf(id string) string {
	var best *Server
	full := func(s *Server) bool {
		n := v.obj.Status.Topology[s.Name]
		return n != nil && n.Replicated == id
	}
	for _, s := range v.ours() {
		if !s.Replica || s.MasterID != id || s.Keys == 0 {
			continue
		}
		if best == nil || full(s) && !full(best) || full(s) == full(best) && s.Offset > best.Offset {
			best = s
		}
	}
	if best == nil {
		return ""
	}
	return best.Name
}

// gives gives slots away whose data the user has given up by name, and that nobody alive has.
func (v *view) gives() []reconcile.Step {
	if len(v.gifts) == 0 || !v.calm() {
		return nil
	}
	var actions []reconcile.Action
	for _, id := range slices.Sorted(maps.Keys(v.owned)) {
		if s := v.byID[id]; s.OK() || !v.gifts[id] {
			continue
		}
		shard, _ := v.shardOf(id)
		if why := v.mayLive(id, shard); why != "" {
			v.problem("GiveUpRefused", "the data of %s is not given up: %s", v.nameOf(id), why)
			continue
		}
		slots := v.slotsOf(id)
		for _, m := range v.moves {
			// What had been moved of open slots is where they were moved to.
			if to := v.byID[m.To]; m.From == id && to.Master() {
				if open := v.marked(m).And(slots); !open.Empty() {
					actions = append(actions, GiveUp{target: target{to.Name}, ID: to.ID, Slots: open, Dead: id, Replaced: v.replacedIn(id), Tell: v.tell(to.ID)})
					slots = slots.Minus(open)
				}
			}
		}
		if !slots.Empty() {
			actions = append(actions, v.gift(slots, id, shard)...)
		}
	}
	if v.gifts[giftUnowned] && !v.unowned.Empty() && v.orphans() {
		actions = append(actions, v.gift(v.unowned, "", "")...)
	}
	if len(actions) == 0 {
		return nil
	}
	v.forcing = true
	return []reconcile.Step{{Name: "give-up", Optional: true, Actions: actions}}
}

// mayLive says why the data of a node may not be lost; "" where nobody can have it.
func (v *view) mayLive(id, shard string) string {
	if !v.gone(id) {
		return "the cluster does not say that it is dead"
	}
	if s := v.server(v.names[id]); s != nil && s.Reach == server.ReachError {
		return "it answers, with an error"
	}
	if keeper := v.copyOf(id); keeper != "" {
		return fmt.Sprintf("%s has it. Put that one first in shard %s, and set the annotation %s: %s", keeper, shard, v1alpha1.AnnotationForcePromote, keeper)
	}
	for _, s := range v.ours() {
		for other, p := range s.View {
			if p.Replica && p.MasterID == id && !v.byID[other].OK() && (!v.gifts[other] || !p.Fail && !v.replaced(other)) {
				return fmt.Sprintf("%s replicates from it and is not seen: bring that one back, or, once the cluster says that it is dead, give it up as well (%s)", v.nameOf(other), other)
			}
		}
	}
	for _, m := range v.members {
		// One that left the spec may have it as well.
		is := v.data.IDs[m.Name]
		if s := v.server(m.Name); m.Shard == shard && !v.data.Drop[m.Name] && !s.OK() && is != id && !v.gifts[is] {
			return fmt.Sprintf("%s of its shard is not seen and may have it: bring it back, or give it up as well (%s)", m.Name, is)
		}
	}
	return ""
}

// orphans says whether slots of nobody can be given up: no node that is not seen, or whose
// source is not there, may hold what was in them.
func (v *view) orphans() bool {
	for _, m := range v.members {
		s := v.server(m.Name)
		if v.data.Drop[m.Name] {
			continue
		}
		if id := v.data.IDs[m.Name]; !s.OK() && !v.gifts[id] {
			v.problem("GiveUpRefused", "%s is not seen and may hold what the slots without an owner held: bring it back, or give up its id %s as well", m.Name, id)
			return false
		}
		if s.Master() && s.Keys > 0 && !v.owns(s.ID) {
			v.problem("GiveUpRefused", "%s holds %d keys and owns no slot: they may be those of the slots without an owner. Save them, and empty the node (FLUSHALL)", m.Name, s.Keys)
			return false
		}
		if s.OK() && s.Replica && s.Keys > 0 && !v.byID[s.MasterID].Master() {
			v.problem("GiveUpRefused", "%s replicates from a node that is not there, and may hold what the slots without an owner held: save it, and empty the node (FLUSHALL)", m.Name)
			return false
		}
	}
	return true
}

// gift gives slots to the source of a shard, or else to the one that has the fewest.
func (v *view) gift(slots Slots, dead, shard string) []reconcile.Action {
	var heir *Server
	for _, m := range v.ofShard(shard) {
		if s := v.server(m.Name); s.Master() && v.byID[s.ID] == s && s.Keys == 0 && !v.owns(s.ID) && heir == nil {
			heir = s
		}
	}
	if heir == nil {
		sources := slices.DeleteFunc(v.sources(), func(s *Server) bool { return v.member(s.ID).Leaving })
		if len(sources) == 0 {
			return nil
		}
		heir = slices.MinFunc(sources, func(a, b *Server) int {
			return cmp.Or(cmp.Compare(a.Slots.Count(), b.Slots.Count()), cmp.Compare(a.Name, b.Name))
		})
	}
	v.warn("SlotsGivenUp", dead+slots.String(), "slots %s are given to %s without what they held, as the annotation %s says", slots, heir.Name, v1alpha1.AnnotationGiveUpSlots)
	return []reconcile.Action{GiveUp{target: target{heir.Name}, ID: heir.ID, Slots: slots, Dead: dead, Replaced: v.replacedIn(dead), Tell: v.tell(heir.ID)}}
}

// replacedIn are a node and its replicas as far as they came back as others: the ids, and the names
// of the members that they were.
func (v *view) replacedIn(id string) map[string]string {
	out := map[string]string{}
	add := func(id string) {
		if v.replaced(id) {
			out[id] = v.formerName(id)
		}
	}
	add(id)
	for _, s := range v.ours() {
		for other, p := range s.View {
			if p.Replica && p.MasterID == id {
				add(other)
			}
		}
	}
	return out
}
