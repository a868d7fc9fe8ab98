// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// shardOf the member that a node is or was.
func (v *view) shardOf(id string) (string, bool) {
	if m := v.member(id); m.Name != "" {
		return m.Shard, true
	}
	for _, f := range v.data.Former {
		if f.ID == id {
			return f.Shard, true
		}
	}
	return "", false
}

// left are the slots of a move that its target does not own yet.
func (v *view) left(m *move) Slots { return m.slots.Minus(v.slotsOf(m.To)) }

// marked are the slots of a move that are open, at an end that is seen.
func (v *view) marked(m *move) Slots {
	var out Slots
	for _, s := range v.ours() {
		if s.ID != m.From && s.ID != m.To {
			continue
		}
		for _, marks := range []map[int]string{s.Migrating, s.Importing} {
			for slot := range marks {
				if m.slots.Has(slot) {
					out.Add(slot)
				}
			}
		}
	}
	return out
}

// reviewMoves brings the moves on record up to date: ends that were promoted, slots that have
// arrived, and what is not wanted any more. A slot that is open, or may be, is always finished.
func (v *view) reviewMoves() {
	var kept []*move
	cancelled := false
	for _, m := range v.moves {
		if v.gifts[m.To] && v.byID[m.To] == nil && v.moveGivenUp(m) {
			v.warn("MoveGivenUp", m.To, "the move of slots %s to %s, which is dead, is given up as the annotation %s says. Slots that it had opened are open on %s still: CLUSTER SETSLOT … STABLE there, or redis-cli --cluster fix", m.Slots, v.nameOf(m.To), v1alpha1.AnnotationGiveUpSlots, v.nameOf(m.From))
			continue
		}
		v.inherit(m)
		v.yield(m)
		left, open := v.left(m), v.marked(m)
		if left.Empty() && open.Empty() {
			continue
		}
		if m.Inherited || v.byID[m.From] == nil || v.byID[m.To] == nil {
			// What is open at an end that is not seen, or has lost its marks, is not known: all may be.
			kept = append(kept, m)
			continue
		}
		if !v.useful(m) {
			cancelled = true
			if m.slots = m.slots.And(open); m.slots.Empty() {
				continue
			}
			m.Slots = m.slots.String()
		}
		kept = append(kept, m)
	}
	v.moves = kept
	v.cancelled = cancelled
	v.recordMoves()
}

// moveGivenUp says whether nobody can have what was moved to the target of a move, which is given up.
func (v *view) moveGivenUp(m *move) bool {
	shard, _ := v.shardOf(m.To)
	why := v.mayLive(m.To, shard)
	if why != "" {
		v.problem("GiveUpRefused", "the move to %s is not given up: %s", v.nameOf(m.To), why)
	}
	return why == ""
}

// inherit follows an end of a move that was promoted: the marks of open slots go with the old
// source, and what they stood for does not.
func (v *view) inherit(m *move) {
	if m.From == m.To {
		return
	}
	left := v.left(m).Minus(v.disputed)
	for id := range v.owned {
		holds := v.slotsOf(id)
		if held := holds.And(left); id == m.From || id == m.To || held.Empty() || held != left {
			continue
		}
		if v.succeeds(id, m.From) {
			m.From, m.Inherited = id, true
			m.FromRunID = ""
			if s := v.byID[id]; s != nil {
				m.FromRunID = s.RunID
			}
			v.warn("MoveInherited", m.Slots, "the source of slots that were being moved to %s was promoted: now they are moved from %s, and none of their keys is overwritten", v.nameOf(m.To), v.nameOf(id))
		}
	}
	if v.owns(m.To) || v.byID[m.To].Master() {
		return
	}
	for id := range v.owned {
		if id != m.From && v.succeeds(id, m.To) {
			m.To, m.Inherited = id, true
			v.warn("MoveInherited", m.Slots, "the target of slots that were being moved was promoted: now they are moved to %s", v.nameOf(id))
			return
		}
	}
}

// yield takes slots out of a move that somebody else owns by now and that are not open: they were
// moved by hand, or given up.
func (v *view) yield(m *move) {
	var others Slots
	for id := range v.owned {
		if id != m.From && id != m.To {
			others = others.Or(v.slotsOf(id))
		}
	}
	if gone := m.slots.And(others).Minus(v.marked(m)); !gone.Empty() {
		m.slots = m.slots.Minus(gone)
		m.Slots = m.slots.String()
	}
}

// succeeds says whether a node is of the shard of another one, and had all that that one had.
func (v *view) succeeds(id, old string) bool {
	shard, known := v.shardOf(old)
	m := v.member(id)
	if !known || m.Name == "" || m.Shard != shard {
		return false
	}
	n := v.obj.Status.Topology[m.Name]
	if n != nil && n.Replicated == old {
		return true
	}
	s := v.byID[old]
	return s.OK() && s.Replica && s.MasterID == id
}

// useful says whether a move still serves the spec: its target is the source of a shard, and
// its origin has too many slots, or should have none.
func (v *view) useful(m *move) bool {
	to := v.member(m.To)
	if to.Name == "" || !v.isSource(to) {
		return false
	}
	from := v.member(m.From)
	if from.Name == "" || !v.isSource(from) {
		return true
	}
	slots := v.slotsOf(m.From)
	going := slots.Count()
	for _, o := range v.moves {
		if left := v.left(o); o.From == m.From {
			going -= left.Count()
		}
	}
	return going >= slotCount/len(shardsOf(v.obj))
}

// recordMoves puts the moves and how far they have come on record.
func (v *view) recordMoves() {
	v.data.Moves = nil
	sum := 0
	for _, m := range v.moves {
		left := v.left(m)
		sum += left.Count()
		v.data.Moves = append(v.data.Moves, m.RedisClusterMove)
	}
	if len(v.moves) == 0 {
		v.data.Migration = nil
		return
	}
	g := v.data.Migration
	if g == nil {
		g = &v1alpha1.RedisClusterMigration{StartedAt: metav1.NewTime(v.in.Now), Slots: int32(sum)} //nolint:gosec // slots
		v.data.Migration = g
	}
	g.Slots = max(g.Slots, int32(sum)) //nolint:gosec // slots
	g.SlotsLeft = int32(sum)           //nolint:gosec // slots
	g.Keys = v.in.State.KeysMoved
	if spent, done := v.in.Now.Sub(g.StartedAt.Time), g.Slots-g.SlotsLeft; spent > 0 && done > 0 {
		g.SlotsPerMinute = int32(float64(done) / spent.Minutes())
		g.SecondsLeft = int64(spent.Seconds() * float64(g.SlotsLeft) / float64(done))
	}
}

// foreignMarks finds open slots that are not on record: somebody else moves them, or has left them.
func (v *view) foreignMarks() {
	for _, s := range v.ours() {
		for _, slot := range slices.Sorted(maps.Keys(s.Migrating)) {
			v.foreign(s, slot, s.Migrating[slot], "migrating to")
		}
		for _, slot := range slices.Sorted(maps.Keys(s.Importing)) {
			v.foreign(s, slot, s.Importing[slot], "importing from")
		}
	}
}

func (v *view) foreign(s *Server, slot int, other, what string) {
	end := s.ID
	if s.Replica {
		// From Valkey 8 on a replica has the open slots of its source.
		end = s.MasterID
	}
	if slices.ContainsFunc(v.moves, func(m *move) bool { return m.slots.Has(slot) && (m.From == end || m.To == end) }) {
		return
	}
	v.marksOfOthers = true
	v.problem("OpenSlots", "slot %d is open on %s (%s %s), and the operator has not opened it: it may have keys on both. Finish it where it was begun, or run redis-cli --cluster fix; until then no slots are moved", slot, s.Name, what, v.nameOf(other))
}

// finishes goes on with the moves on record, whatever the spec says of them now.
func (v *view) finishes() []reconcile.Step {
	if len(v.moves) == 0 {
		return nil
	}
	var slots Slots
	for _, m := range v.moves {
		slots = slots.Or(m.slots)
	}
	if other := v.disputed.Minus(slots); !other.Empty() {
		// judge: see lost.
		return nil
	}
	// A promotion that the user wants waits for slots that are open, and not for all the others.
	if !v.anyMarked() && v.wantsPromotion() {
		return nil
	}
	return v.migrations()
}

func (v *view) anyMarked() bool {
	return slices.ContainsFunc(v.moves, func(m *move) bool {
		marked := v.marked(m)
		return m.Inherited || !marked.Empty()
	})
}

// wantsPromotion says whether there is one that could be made now.
func (v *view) wantsPromotion() bool {
	for _, shard := range shardsOf(v.obj) {
		if m, id, forced := v.desired(shard); m.Name != "" {
			if _, why := v.promotion(m, id, forced); why == "" {
				return true
			}
		}
	}
	return false
}

// migrations are actions for moves on record whose ends are there: each source gives to one at
// a time.
func (v *view) migrations() []reconcile.Step {
	giving := map[string]bool{}
	var actions []reconcile.Action
	for _, m := range v.moves {
		from, to := v.byID[m.From], v.byID[m.To]
		switch {
		case !from.OK() || !to.OK():
			missing := m.From
			if from.OK() {
				missing = m.To
			}
			v.problem("MoveWaits", "slots are being moved from %s to %s, and %s is not seen: they may have keys on both, so nothing is done before it is back%s", v.nameOf(m.From), v.nameOf(m.To), v.nameOf(missing), v.remedy(missing))
			continue
		case from.Replica || to.Replica:
			v.problem("MoveWaits", "slots are being moved from %s to %s, and one of the two is a replica now", from.Name, to.Name)
			continue
		case !from.ClusterOK || !to.ClusterOK:
			v.problem("MoveWaits", "slots are being moved from %s to %s, and the cluster is down for one of the two (cluster_state:fail)", from.Name, to.Name)
			continue
		case outranked(from, to) != "":
			v.problem("MoveWaits", "slots are to be moved from %s to %s: %s", from.Name, to.Name, outranked(from, to))
			continue
		case giving[m.From] || len(actions) == parallelMoves:
			continue
		}
		giving[m.From] = true
		slots := v.left(m).Or(v.marked(m))
		actions = append(actions, Migrate{
			target: target{from.Name}, To: to.Name, FromID: m.From, ToID: m.To, Slots: slots,
			FromRunID: m.FromRunID, Inherited: m.Inherited || m.FromRunID != from.RunID, Tell: v.tell(m.From, m.To), Budget: moveBudget,
		})
	}
	if g := v.data.Migration; g != nil {
		v.problem("Resharding", "%d slots are to be moved", g.SlotsLeft)
	}
	if len(actions) == 0 {
		return nil
	}
	return []reconcile.Step{{Name: "move-slots", Optional: true, Actions: actions}}
}

// outranked says why what a target claims may count less than what the source of a move did; "" where
// it counts more. A target that takes a slot gives itself a higher epoch than all that it has heard
// of. What it has not heard of may be higher still, and who believes that tells the target that it does
// not own the slot: it deletes the keys. Two sources of one epoch are given two by Redis itself.
func outranked(from, to *Server) string {
	own, heard := from.View[from.ID], to.View[from.ID]
	switch {
	case own == nil || heard == nil:
		return "they do not know one another"
	case own.Epoch != heard.Epoch:
		return fmt.Sprintf("the epoch of %s is %d, and %s has not heard of it yet (%d)", from.Name, own.Epoch, to.Name, heard.Epoch)
	}
	for _, s := range []*Server{from, to} {
		for id, p := range s.View {
			if id != from.ID && !p.Replica && !p.Handshake && !p.Fail && !p.NoAddress && p.Epoch == own.Epoch {
				return fmt.Sprintf("node %s has the epoch of %s, %d: Redis gives one of them another by itself", id, from.Name, own.Epoch)
			}
		}
	}
	return ""
}

// remedy says who else has what an end of a move held that is not seen.
func (v *view) remedy(id string) string {
	keeper := v.copyOf(id)
	if keeper == "" || v.owns(id) {
		return ""
	}
	return fmt.Sprintf("; %s has a copy of it, and is left as it is: should it be gone for good, run CLUSTER FAILOVER TAKEOVER there and finish the open slots by hand (CLUSTER SETSLOT)", keeper)
}

// resharding plans moves where a shard has no slots, or a node has some that should not, and
// begins with them.
func (v *view) resharding() []reconcile.Step {
	if len(v.moves) > 0 || !v.calm() {
		return nil
	}
	receivers, ok := v.receivers()
	givers := v.givers(receivers)
	empty := slices.ContainsFunc(receivers, func(id string) bool { return !v.owns(id) })
	if !empty && !v.cancelled && len(givers) == 0 {
		return nil
	}
	switch {
	case !ok:
		return nil
	case len(v.data.Unknown) > 0, v.marksOfOthers:
		return nil
	}
	for _, id := range append(slices.Clone(receivers), givers...) {
		if s := v.byID[id]; !s.Master() || !s.ClusterOK {
			v.problem("ReshardingWaits", "slots are to be moved, and %s is not seen as a source in a cluster that is up", v.nameOf(id))
			return nil
		}
	}
	v.moves = v.balance(receivers, givers, empty || v.cancelled)
	v.recordMoves()
	if len(v.moves) == 0 {
		return nil
	}
	v.events = append(v.events, reconcile.Event{Reason: "ReshardingStarted", Message: fmt.Sprintf("%d slots are moved", v.data.Migration.Slots)})
	return v.migrations()
}

// receivers are the sources of the shards, by their names; ok says whether all shards have one.
func (v *view) receivers() (ids []string, ok bool) {
	ok = true
	for _, shard := range shardsOf(v.obj) {
		id, headless := v.sourceOf(shard)
		if id == "" || headless {
			ok = false
			if !slices.ContainsFunc(v.ofShard(shard), func(m Member) bool { return slices.Contains(v.newcomers, v.server(m.Name)) }) {
				v.problem("ShardWithoutSource", "shard %s has no source that slots could be moved to%s", shard, v.copies(shard))
			}
			continue
		}
		ids = append(ids, id)
	}
	return ids, ok
}

// copies names the nodes of a shard that could begin anew: what they hold is that of a source which is seen.
func (v *view) copies(shard string) string {
	for _, m := range v.ofShard(shard) {
		if s := v.server(m.Name); s.OK() && v.byID[s.ID] == s && s.Replica && v.byID[s.MasterID].Master() {
			return fmt.Sprintf(": %s has a copy of %s only. To have it begin anew, empty, run CLUSTER RESET on it", m.Name, v.nameOf(s.MasterID))
		}
	}
	return ""
}

// givers are the nodes that own slots and should not: those that left the spec, and sources
// that share a shard with another one.
func (v *view) givers(receivers []string) []string {
	var out []string
	for _, m := range v.members {
		if id := v.data.IDs[m.Name]; id != "" && v.owns(id) && !slices.Contains(receivers, id) {
			out = append(out, id)
		}
	}
	return out
}

// balance plans moves: all that the givers have, and, with all, what receivers have above their
// share. Who has the most gets the odd ones, so that as few as possible are moved. The same
// state has the same plan.
func (v *view) balance(receivers, givers []string, all bool) []*move {
	count := map[string]int{}
	total := 0
	for _, id := range append(slices.Clone(receivers), givers...) {
		slots := v.slotsOf(id)
		count[id] = slots.Count()
		total += count[id]
	}
	byCount := slices.Clone(receivers)
	slices.SortStableFunc(byCount, func(a, b string) int { return count[b] - count[a] })
	share := map[string]int{}
	for i, id := range byCount {
		share[id] = total / len(receivers)
		if i < total%len(receivers) {
			share[id]++
		}
	}
	from := slices.Clone(givers)
	if all {
		from = append(from, receivers...)
	}
	var out []*move
	need := map[string]int{}
	for _, id := range receivers {
		need[id] = max(0, share[id]-count[id])
	}
	for _, giver := range from {
		slots := v.slotsOf(giver)
		give := slots.Highest(max(0, count[giver]-share[giver]))
		for _, to := range receivers {
			n := min(need[to], give.Count())
			if n == 0 || to == giver {
				continue
			}
			part := give.Lowest(n)
			give = give.Minus(part)
			need[to] -= n
			m := &move{slots: part}
			m.Slots, m.From, m.To, m.FromRunID = part.String(), giver, to, v.byID[giver].RunID
			out = append(out, m)
		}
	}
	return out
}
