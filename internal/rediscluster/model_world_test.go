// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// modelNode is one server of the world: what Redis Cluster does, as far as the laws need it.
type modelNode struct {
	name, id string
	up       bool
	run      int
	master   string
	linked   bool
	// lags: nothing reaches it from its source. full is the source that it has had a full copy
	// of since it was started.
	lags  bool
	full  string
	epoch int
	// keys by slot: what is written under a key is a number that grows.
	keys                 map[int]map[string]int
	migrating, importing map[int]string
	// table is who owns what, as the node sees it, and epochs under which they claimed it.
	table  map[string]Slots
	epochs map[string]int
	// asked: clients have asked it for what is elsewhere, so long before a minute had passed.
	asked time.Duration
	// links to nodes that it knows: true while it reaches them.
	links map[string]bool
}

func (n *modelNode) count() int {
	sum := 0
	for _, of := range n.keys {
		sum += len(of)
	}
	return sum
}

func (n *modelNode) slots() Slots {
	if n.master != "" {
		return Slots{}
	}
	return n.table[n.id]
}

// world is the servers and the clients.
type world struct {
	random *rand.Rand
	nodes  map[string]*modelNode
	serial int
	// elected counts the replicas that Redis has promoted by itself.
	elected int
	// acked is what clients were told of each key; slotOf where it is.
	acked  map[string]int
	slotOf map[string]int
	// noaddr are ids at whose address another node was found before they were called dead: Redis
	// never calls them that.
	noaddr map[string]bool
	// past are nodes that came back as others, by id.
	past    map[string]*modelNode
	consent consent
	broken  error
	trace   []string
}

func newWorld(random *rand.Rand) *world {
	return &world{random: random, nodes: map[string]*modelNode{}, acked: map[string]int{}, slotOf: map[string]int{}, noaddr: map[string]bool{}, past: map[string]*modelNode{}}
}

func (w *world) chance(percent int) bool { return w.random.IntN(100) < percent }

func (w *world) note(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

func (w *world) violated(format string, args ...any) {
	if w.broken == nil {
		w.broken = fmt.Errorf(format, args...)
		w.note("BROKEN: %v", w.broken)
	}
}

// fresh starts a server that knows nobody.
func (w *world) fresh(name string) *modelNode {
	if old := w.nodes[name]; old != nil {
		w.past[old.id] = old
	}
	w.serial++
	n := &modelNode{name: name, id: fmt.Sprintf("%s-%03d", name, w.serial), up: true, run: w.serial, epoch: 0}
	n.forgetAll()
	w.nodes[name] = n
	return n
}

func (n *modelNode) forgetAll() {
	n.master, n.linked = "", false
	n.keys, n.migrating, n.importing = map[int]map[string]int{}, map[int]string{}, map[int]string{}
	n.table, n.epochs, n.links = map[string]Slots{}, map[string]int{}, map[string]bool{}
}

func (w *world) byID(id string) *modelNode {
	for _, n := range w.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

func (w *world) sorted() []*modelNode {
	var out []*modelNode
	for _, name := range slices.Sorted(maps.Keys(w.nodes)) {
		out = append(out, w.nodes[name])
	}
	return out
}

// meet makes two nodes know and reach one another.
func (w *world) meet(a, b *modelNode) {
	a.links[b.id], b.links[a.id] = true, true
}

// majority says whether a source is dead for most of the sources, and these know who wants to take over.
func (w *world) majority(id, heir string) bool {
	voters, down := 0, 0
	for _, n := range w.nodes {
		slots := n.slots()
		if n.id == id || slots.Empty() {
			continue
		}
		voters++
		if _, knows := n.links[heir]; !n.up || !knows {
			down++
		}
	}
	return voters > 0 && 2*(voters-down) > voters+1
}

// gossip is a round in which everybody hears of everybody whom it reaches.
func (w *world) gossip() {
	for _, n := range w.sorted() {
		if !n.up {
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(n.links)) {
			o := w.byID(id)
			if o == nil || !o.up || !n.links[id] || !o.links[n.id] {
				continue
			}
			// Who is known to one becomes known to the other.
			for third := range o.links {
				if t := w.byID(third); third != n.id && t != nil && t.up && o.links[third] {
					if _, known := n.links[third]; !known && t.links[n.id] {
						n.links[third] = true
					} else if !known && len(t.links) > 0 {
						w.meet(n, t)
					}
				}
			}
			if o.master == "" {
				w.hear(n, o)
			}
			w.update(n, o)
		}
		w.follow(n)
	}
}

// hear applies what another source claims.
func (w *world) hear(n, o *modelNode) {
	claim := o.table[o.id]
	n.epochs[o.id] = o.epoch
	var taken Slots
	for _, id := range slices.Sorted(maps.Keys(n.table)) {
		if id == o.id {
			continue
		}
		epoch := n.epochs[id]
		if id == n.id {
			epoch = n.epoch
		}
		holds := n.table[id]
		if lost := holds.And(claim); !lost.Empty() && epoch < o.epoch {
			n.table[id] = holds.Minus(lost)
			taken = taken.Or(lost)
			if id == n.id && n.master == "" {
				for _, slot := range lost.List() {
					w.lose(n, slot)
				}
				if left := n.table[n.id]; left.Empty() {
					// It was failed over.
					n.master, n.migrating, n.importing = o.id, map[int]string{}, map[int]string{}
				}
			}
		}
	}
	var others Slots
	for id, slots := range n.table {
		if id != o.id {
			others = others.Or(slots)
		}
	}
	n.table[o.id] = claim.Minus(others)
	if slots := n.table[o.id]; slots.Empty() {
		delete(n.table, o.id)
	}
	if n.master != "" {
		// A replica follows whoever has all that its source had.
		if had := n.table[n.master]; had.Empty() && o.master == "" && n.master != o.id && w.byID(n.master) != nil && w.byID(n.master).master == o.id {
			n.master = o.id
		}
	}
}

// update: who claims slots that a third node has claimed since is told so by whoever knows, also when
// that node is dead. One that is left with none becomes its replica, and keeps what it holds until then.
func (w *world) update(n, o *modelNode) {
	if n.master != "" {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(o.table)) {
		mine := n.slots()
		lost := o.table[id].And(mine)
		if _, known := n.links[id]; id == n.id || id == o.id || !known || lost.Empty() || o.epochs[id] <= n.epoch {
			continue
		}
		left := mine.Minus(lost)
		n.table[n.id], n.table[id] = left, n.table[id].Or(lost)
		n.epochs[id] = o.epochs[id]
		if left.Empty() {
			n.master, n.migrating, n.importing = id, map[int]string{}, map[int]string{}
			return
		}
		for _, slot := range lost.List() {
			w.lose(n, slot)
		}
	}
}

// lose: keys of a slot that another one owns are deleted.
func (w *world) lose(n *modelNode, slot int) {
	delete(n.keys, slot)
	delete(n.migrating, slot)
	delete(n.importing, slot)
}

// follow copies what a replica's source has.
func (w *world) follow(n *modelNode) {
	n.linked = false
	if n.master == "" {
		return
	}
	src := w.byID(n.master)
	if src == nil || !src.up || src.master != "" || !n.links[src.id] {
		return
	}
	if n.lags {
		n.linked = n.full == src.id
		return
	}
	n.linked, n.full = true, src.id
	n.keys = map[int]map[string]int{}
	for slot, of := range src.keys {
		n.keys[slot] = maps.Clone(of)
	}
}

// replicated has replicas of a source that reach it take over what it has.
func (w *world) replicated(src *modelNode) {
	for _, n := range w.nodes {
		if n.up && n.master == src.id && n.linked && n.links[src.id] {
			w.follow(n)
		}
	}
}

// has says whether a node has all that another one has.
func (n *modelNode) has(o *modelNode) bool {
	for slot, keys := range o.keys {
		for key, version := range keys {
			if n.keys[slot][key] < version {
				return false
			}
		}
	}
	return true
}

// elect lets replicas of dead sources take over.
func (w *world) elect() {
	for _, n := range w.sorted() {
		if !n.up || n.master == "" {
			continue
		}
		src := w.byID(n.master)
		slots := n.table[n.master]
		old := src
		if old == nil {
			old = w.past[n.master]
		}
		// One that has missed writes is seldom elected: what Redis loses by itself is not what is
		// looked for. One that has had no copy since it was started never is.
		if src != nil && src.up || old != nil && !n.has(old) && !w.chance(20) || n.full != n.master || slots.Empty() || !w.majority(n.master, n.id) || w.noaddr[n.master] {
			continue
		}
		w.elected++
		w.note("%s is elected", n.name)
		was := n.master
		w.takeOver(n)
		w.forgo(n, was, slots)
	}
}

func (w *world) takeOver(n *modelNode) {
	old := n.master
	n.master, n.linked = "", false
	n.epoch = w.highest() + 1
	n.table[n.id] = n.table[old]
	delete(n.table, old)
	n.migrating, n.importing = map[int]string{}, map[int]string{}
	if o := w.byID(old); o != nil && o.up {
		o.master = n.id
		o.migrating, o.importing = map[int]string{}, map[int]string{}
		w.hear(o, n)
	}
	for _, other := range w.nodes {
		if other.up && other.links[n.id] && n.links[other.id] {
			w.hear(other, n)
		}
		if other.master == old && other != n {
			other.master = n.id
		}
	}
}

func (w *world) highest() int {
	top := 0
	for _, n := range w.nodes {
		top = max(top, n.epoch)
	}
	for _, n := range w.past {
		// Their claims are remembered.
		top = max(top, n.epoch)
	}
	return top
}

// state is what the operator sees.
func (w *world) state(members []Member) State {
	state := State{Nodes: map[string]*Server{}}
	for _, m := range members {
		n := w.nodes[m.Name]
		s := blank(m)
		state.Nodes[m.Name] = s
		if n == nil || !n.up {
			s.Reach, s.Problem, s.Refused = server.ReachNone, "connection refused", true
			continue
		}
		s.Reach, s.ID, s.RunID = server.ReachOK, n.id, fmt.Sprint("run-", n.run)
		s.Replica, s.MasterID, s.LinkUp = n.master != "", n.master, n.linked
		s.Keys, s.Slots = int64(n.count()), n.slots()
		s.Quiet = time.Minute - n.asked
		s.ClusterOK = w.clusterOK(n)
		s.Migrating, s.Importing = maps.Clone(n.migrating), maps.Clone(n.importing)
		s.Config = &Config{AuthOK: true, AnnounceOK: true}
		s.View = map[string]*Peer{n.id: {ID: n.id, Myself: true, Connected: true, Replica: n.master != "", MasterID: n.master, Epoch: uint64(n.epoch), Slots: n.slots()}} //nolint:gosec // a model
		for id, up := range n.links {
			o := w.byID(id)
			p := &Peer{ID: id, Connected: up && o != nil && o.up, Epoch: uint64(n.epochs[id]), Slots: n.table[id]} //nolint:gosec // a model
			p.NoAddress = w.noaddr[id]
			p.Fail = (o == nil || !o.up) && !p.NoAddress
			if past := w.past[id]; o == nil && past != nil {
				o = past
			}
			if o != nil {
				p.Replica, p.MasterID = o.master != "", o.master
			}
			if p.Replica {
				p.Slots = Slots{}
				if o.up == false {
					p.Slots = n.table[id]
				}
			}
			s.View[id] = p
		}
	}
	return state
}

func (w *world) clusterOK(n *modelNode) bool {
	var all Slots
	for id, slots := range n.table {
		if o := w.byID(id); id == n.id || o != nil && o.up || w.noaddr[id] {
			all = all.Or(slots)
		}
	}
	return all == allSlots()
}

var errModel = errors.New("refused")

// act does what the actions do. stop ends a move after so many keys; negative: never.
func (w *world) act(action reconcile.Action, stop int) error {
	n := w.nodes[action.Node()]
	if n == nil || !n.up {
		return errModel
	}
	switch do := action.(type) {
	case Configure:
		return nil
	case Meet:
		if n.id != do.ID {
			return errModel
		}
		for _, name := range slices.Sorted(maps.Keys(do.Others)) {
			if o := w.nodes[name]; o != nil && o.up && o.id == do.Others[name] {
				w.meet(n, o)
			}
		}
		return nil
	case Assign:
		return w.assign(n, do)
	case GiveUp:
		return w.giveUp(n, do)
	case Replicate:
		return w.makeReplica(n, do)
	case Promote:
		return w.promote(n, do)
	case Migrate:
		return w.migrate(n, do, stop)
	case Forget:
		for _, id := range do.IDs {
			if slots := n.table[id]; slots.Empty() {
				delete(n.links, id)
				delete(n.table, id)
			}
		}
		return nil
	case Reset:
		if n.id == do.ID && n.master == "" && n.count() == 0 {
			if slots := n.slots(); slots.Empty() {
				n.forgetAll()
				w.serial++
				w.noaddr[n.id] = true
				n.id, n.epoch = fmt.Sprintf("%s-%03d", n.name, w.serial), 0
			}
		}
		return nil
	}
	return fmt.Errorf("%T is not known to the model", action)
}

func (w *world) assign(n *modelNode, do Assign) error {
	var taken Slots
	for _, slots := range n.table {
		taken = taken.Or(slots)
	}
	if more := do.Slots.And(taken).Minus(n.slots()); n.id != do.ID || n.master != "" || !more.Empty() {
		return errModel
	}
	if n.epoch == 0 {
		n.epoch = w.highest() + 1
	}
	for key, slot := range w.slotOf {
		if do.Slots.Has(slot) && w.acked[key] > 0 {
			w.violated("slot %d, which held %s, is given away anew", slot, key)
		}
	}
	n.table[n.id] = n.slots().Or(do.Slots)
	return nil
}

func (w *world) makeReplica(n *modelNode, do Replicate) error {
	src := w.nodes[do.Source]
	if src == nil || !src.up || src.id != do.SourceID || src.master != "" || n.id != do.ID || n.master != do.MasterID {
		return errModel
	}
	if slots := n.slots(); n.master == "" && (n.count() > 0 || !slots.Empty()) {
		return errModel
	}
	// What it holds must be where its slots are.
	for slot, of := range n.keys {
		for key, version := range of {
			if known := min(version, w.acked[key]); known > 0 && !w.elsewhere(n, slot, key, known) {
				w.violated("%s becomes a replica of %s and had the only copy of %s", n.name, src.name, key)
			}
		}
	}
	n.master = do.SourceID
	w.follow(n)
	return nil
}

// elsewhere says whether another node that does not follow this one has a key.
func (w *world) elsewhere(n *modelNode, slot int, key string, version int) bool {
	for _, o := range w.nodes {
		if o != n && o.master != n.id && o.keys[slot][key] >= version {
			return true
		}
	}
	return false
}

// migrate does what the action does.
func (w *world) migrate(n *modelNode, do Migrate, stop int) error {
	to := w.nodes[do.To]
	if to == nil || !to.up || to.id != do.ToID || n.id != do.FromID || n.master != "" || to.master != "" || !n.links[to.id] {
		return errModel
	}
	budget := 600
	for _, slot := range do.Slots.List() {
		if theirs := to.table[to.id]; theirs.Has(slot) {
			if len(n.keys[slot]) == 0 {
				w.close(n, to, do, slot)
			}
			continue
		}
		if mine := n.table[n.id]; !mine.Has(slot) {
			continue
		}
		if len(to.keys[slot]) > 0 && !do.Inherited && to.importing[slot] != do.FromID {
			continue
		}
		if budget--; budget < 0 {
			return nil
		}
		to.importing[slot], n.migrating[slot] = do.FromID, do.ToID
		conflict := false
		for _, key := range slices.Sorted(maps.Keys(n.keys[slot])) {
			if stop == 0 {
				w.note("the move of slot %d stops in its middle", slot)
				return errModel
			}
			stop--
			there, has := to.keys[slot][key]
			if has && do.Inherited && there != n.keys[slot][key] {
				conflict = true
				continue
			}
			if to.keys[slot] == nil {
				to.keys[slot] = map[string]int{}
			}
			to.keys[slot][key] = n.keys[slot][key]
			if w.chance(3) {
				w.note("the answer of the move of %s is lost", key)
				return errModel
			}
			delete(n.keys[slot], key)
			w.replicated(to)
			w.replicated(n)
		}
		if !conflict {
			w.close(n, to, do, slot)
		}
	}
	return nil
}

func (w *world) close(n, to *modelNode, do Migrate, slot int) {
	if len(n.keys[slot]) > 0 {
		w.violated("slot %d is closed while %s has keys of it", slot, n.name)
	}
	var one Slots
	one.Add(slot)
	move := func(at *modelNode) {
		for id, slots := range at.table {
			at.table[id] = slots.Minus(one)
		}
		at.table[to.id] = at.table[to.id].Or(one)
	}
	if _, importing := to.importing[slot]; importing && to.epoch < w.highest() || to.epoch == 0 {
		to.epoch = w.highest() + 1
	}
	move(to)
	delete(to.importing, slot)
	if w.chance(1) {
		return
	}
	move(n)
	delete(n.migrating, slot)
	for _, name := range do.Tell {
		if o := w.nodes[name]; o != nil && o.up {
			move(o)
		}
	}
}

// client is a client's write or read: it goes where the nodes send it.
func (w *world) client(key string, slot int, write bool) {
	w.slotOf[key] = slot
	for _, n := range w.sorted() {
		mine := n.slots()
		if !n.up || n.master != "" || !mine.Has(slot) || !w.clusterOK(n) {
			continue
		}
		if newer := w.newerOwner(n, slot); newer {
			// It has not heard yet that it is not the owner any more; nodes do not serve without
			// hearing of the others for long, and the window is not the operator's.
			continue
		}
		version, here := n.keys[slot][key]
		at := n
		if target, open := n.migrating[slot]; open && !here {
			// ASK.
			at = w.byID(target)
			if at == nil || !at.up || at.importing[slot] == "" {
				return
			}
			version = at.keys[slot][key]
		}
		if version < w.acked[key] {
			w.violated("%s is %d on %s and was acknowledged as %d", key, version, at.name, w.acked[key])
			return
		}
		if write {
			if at.keys[slot] == nil {
				at.keys[slot] = map[string]int{}
			}
			w.serial++
			at.keys[slot][key] = w.serial
			w.acked[key] = w.serial
			w.replicated(at)
		}
		return
	}
}

// newerOwner says whether another one that is up claims a slot under a higher epoch.
func (w *world) newerOwner(n *modelNode, slot int) bool {
	for _, o := range w.nodes {
		if o == n || !o.up {
			continue
		}
		if theirs := o.slots(); theirs.Has(slot) && o.epoch > n.epoch {
			return true
		}
		// One that knows of a newer claim tells whoever claims the slot (UPDATE), within the
		// seconds for which a source that has started serves nobody.
		for id, theirs := range o.table {
			if id != n.id && theirs.Has(slot) && o.epochs[id] > n.epoch {
				return true
			}
		}
	}
	return false
}
