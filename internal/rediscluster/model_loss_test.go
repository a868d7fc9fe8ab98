// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"slices"
	"strings"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// consent is what the user has said, as long as the operator has not seen that what it was said of
// is alive.
type consent struct {
	// forced: by the name of a node, the sources that it may take over from: whoever is of its shard.
	forced map[string][]string
	// given are ids, and the word unowned.
	given map[string]bool
}

// held says whether a source other than one holds a key, as new as a version, where it will be
// found: at the other end of an open slot, or at a newer owner of it. old is whom the one took over from.
func (w *world) held(n *modelNode, old string, slot int, key string, version int) bool {
	for _, o := range w.nodes {
		if o == n || o.id == old || o.master != "" || o.keys[slot][key] < version {
			continue
		}
		if from := o.importing[slot]; from == n.id || from != "" && from == old || n.importing[slot] == o.id || n.migrating[slot] == o.id {
			return true
		}
		if theirs := o.slots(); theirs.Has(slot) && o.epoch > n.epoch {
			return true
		}
	}
	return false
}

// forgo: of the keys of some slots there is from now on what a node has that took over from another
// one: Redis has lost the rest by itself, or the user has given it up.
func (w *world) forgo(n *modelNode, old string, slots Slots) {
	for key, slot := range w.slotOf {
		if has := n.keys[slot][key]; slots.Has(slot) && has < w.acked[key] && !w.held(n, old, slot, key, w.acked[key]) {
			w.acked[key] = has
		}
	}
}

// promote is a promotion; without the source (Way) it must have been asked for.
func (w *world) promote(n *modelNode, do Promote) error {
	src := w.byID(n.master)
	switch {
	case n.id != do.ID || n.master != do.MasterID || n.table[do.MasterID] != do.Slots:
		return errModel
	case do.Way == "" && (src == nil || !src.up || !n.linked || n.lags):
		return errModel
	case do.Way != "" && (src != nil && src.up || n.linked):
		// The action asks once more.
		return errModel
	case do.Way == wayForce && !w.majority(n.master, n.id):
		return errModel
	}
	if do.Way == "" {
		if len(src.migrating)+len(src.importing) > 0 {
			w.violated("%s is promoted while %s has open slots", n.name, src.name)
		}
		w.follow(n)
	} else {
		if !slices.Contains(w.consent.forced[n.name], do.MasterID) {
			w.violated("%s takes over without its source, and nobody asked for it", n.name)
		}
		for _, o := range w.nodes {
			if n.count() == 0 && o.count() > 0 && (o.id == do.MasterID || o.master == do.MasterID) {
				w.violated("%s is empty and takes over, and %s has data", n.name, o.name)
			}
		}
		delete(w.consent.forced, n.name)
	}
	w.note("%s is promoted %s", n.name, do.Way)
	w.takeOver(n)
	w.forgo(n, do.MasterID, do.Slots)
	return nil
}

func (w *world) giveUp(n *modelNode, do GiveUp) error {
	word := do.Dead
	if word == "" {
		word = giftUnowned
	}
	if !w.consent.given[word] {
		w.violated("slots %s of %q are given up, and nobody asked for it", do.Slots, do.Dead)
	}
	if src := w.byID(do.Dead); n.id != do.ID || n.master != "" || src != nil && src.up {
		return errModel
	}
	for _, o := range w.nodes {
		switch {
		case do.Dead == "" || o.master != do.Dead:
		case o.up && w.noaddr[do.Dead] == false && o.count() > 0:
			w.violated("slots %s are given up, and %s has a copy", do.Slots, o.name)
		case !o.up && o.count() > 0 && !w.consent.given[o.id]:
			w.violated("slots %s are given up, and %s, which is not seen, has a copy", do.Slots, o.name)
		}
	}
	w.note("slots %s of %s are given up", do.Slots, word)
	n.epoch = w.highest() + 1
	for id, slots := range n.table {
		n.table[id] = slots.Minus(do.Slots)
	}
	n.table[n.id] = n.slots().Or(do.Slots)
	for key, slot := range w.slotOf {
		if do.Slots.Has(slot) {
			delete(w.acked, key)
		}
	}
	return nil
}

// startEmpty has a server come back with its id and its marks, and without its data. What nobody else
// serves is lost by Redis itself: replicas follow it.
func (o *operator) startEmpty(n *modelNode) {
	o.note("%s has lost its data", n.name)
	held := n.keys
	n.keys = map[int]map[string]int{}
	for slot, of := range held {
		for key, version := range of {
			if n.master == "" && version >= o.acked[key] && !o.held(n, "", slot, key, o.acked[key]) {
				o.acked[key] = 0
			}
		}
	}
	o.start(n)
}

// startAnew has a server come back without its files, perhaps before it was called dead.
func (o *operator) startAnew(n *modelNode) {
	o.note("%s has lost its files", n.name)
	if o.chance(50) {
		o.noaddr[n.id] = true
	}
	o.start(o.fresh(n.name))
}

func (o *operator) kill(n *modelNode) {
	o.note("%s dies", n.name)
	n.up = false
	for _, r := range o.nodes {
		r.linked = r.linked && r.master != n.id
	}
}

// drama is a source that dies, whose replica may have lost its data, and a user who is in a hurry: or
// was before.
func (o *operator) drama() {
	for _, shard := range shardsOf(o.object) {
		for _, m := range o.object.Spec.Members[shard] {
			n := o.nodes[m.Name]
			src := o.byID(n.master)
			if !n.up || src == nil || !src.up || !o.chance(30) {
				continue
			}
			if o.chance(30) {
				o.force(shard, m.Name)
				o.pass(true)
				o.pass(true)
			}
			o.kill(src)
			if o.chance(40) {
				o.kill(n)
				o.startEmpty(n)
			}
			if o.chance(50) {
				o.force(shard, m.Name)
			}
			return
		}
	}
}

// say sets an annotation, or takes it off.
func (o *operator) say(key, value string) {
	if o.object.Annotations == nil {
		o.object.Annotations = map[string]string{}
	}
	if o.object.Annotations[key] = value; value == "" {
		delete(o.object.Annotations, key)
	}
}

// force has the user put a node first and force it.
func (o *operator) force(shard, name string) {
	o.note("the user forces %s", name)
	o.first(shard, name)
	o.object.Generation++
	o.say(v1alpha1.AnnotationForcePromote, name)
	ids := []string{o.nodes[name].master}
	for _, m := range o.object.Spec.Members[shard] {
		ids = append(ids, o.nodes[m.Name].id)
	}
	for _, f := range o.object.Status.FormerNodes {
		ids = append(ids, f.ID)
	}
	o.consent.forced = map[string][]string{name: ids}
}

// give has the user give ids up.
func (o *operator) give(ids []string) {
	o.note("the user gives up %v", ids)
	o.say(v1alpha1.AnnotationGiveUpSlots, strings.Join(ids, ","))
	o.consent.given = map[string]bool{}
	for _, id := range ids {
		o.consent.given[id] = true
	}
}

// speak has the user say something, rightly or not, which may be left in place for long.
func (o *operator) speak() {
	shards := shardsOf(o.object)
	shard := shards[o.random.IntN(len(shards))]
	list := o.object.Spec.Members[shard]
	switch o.random.IntN(4) {
	case 0, 1:
		o.force(shard, list[o.random.IntN(len(list))].Name)
	case 2:
		var ids []string
		for _, f := range o.object.Status.FormerNodes {
			if f.Shard == shard && o.chance(80) {
				ids = append(ids, f.ID)
			}
		}
		for _, m := range list {
			if o.chance(70) {
				ids = append(ids, o.nodes[m.Name].id)
			}
		}
		o.give(ids)
	case 3:
		o.say(v1alpha1.AnnotationForcePromote, "")
		o.say(v1alpha1.AnnotationGiveUpSlots, "")
	}
}

// remedy has the user do what the messages say: promote who has the data of a node that came back as
// another one; in the end give up what nobody has.
func (o *operator) remedy(last bool) {
	var ids []string
	if strings.Contains(o.last.Conditions[0].Message, "have no owner") {
		ids = append(ids, giftUnowned)
	}
	for _, f := range o.object.Status.FormerNodes {
		ids = append(ids, f.ID)
		for _, shard := range shardsOf(o.object) {
			list := o.object.Spec.Members[shard]
			for i, m := range list {
				if n := o.nodes[m.Name]; last || n.master != f.ID || n.count() == 0 || o.object.Status.Topology[m.Name].Replicated != f.ID {
					continue
				}
				if shard != f.Shard {
					o.object.Spec.Members[shard] = slices.Delete(slices.Clone(list), i, i+1)
					o.object.Spec.Members[f.Shard] = append(slices.Clone(o.object.Spec.Members[f.Shard]), m)
				}
				o.force(f.Shard, m.Name)
				return
			}
		}
	}
	if last && len(ids) > 0 {
		o.give(ids)
	}
}

// foresees checks a plan against what was seen: the operator need not wait for the servers to refuse.
func (o *operator) foresees(state State, p reconcile.Plan[Data]) {
	by := map[string]*Server{}
	for _, s := range state.Nodes {
		if s.OK() {
			by[s.ID] = s
		}
	}
	for _, step := range p.Steps {
		for _, action := range step.Actions {
			switch do := action.(type) {
			case Promote:
				if s := state.Nodes[do.On]; do.Way != "" && (by[do.MasterID].Master() || s.LinkUp || s.SyncInProgress) {
					o.violated("%s is to take over without its source, which was seen", do.On)
				}
			case GiveUp:
				for _, s := range by {
					if s.ID == do.Dead || do.Dead != "" && s.MasterID == do.Dead && s.Keys > 0 {
						o.violated("slots %s are to be given up, and %s was seen", do.Slots, s.Name)
					}
				}
			}
		}
	}
}

// heard: whatever was said of a node that the operator has seen alive since does not count any more.
func (o *operator) heard(state State) {
	for _, s := range state.Nodes {
		if !s.OK() {
			continue
		}
		for name, ids := range o.consent.forced {
			if slices.Contains(ids, s.ID) && s.Master() && !s.Slots.Empty() {
				delete(o.consent.forced, name)
			}
		}
		delete(o.consent.given, s.ID)
	}
}
