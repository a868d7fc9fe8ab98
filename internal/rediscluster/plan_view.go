// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// view is an input, and what follows from it.
type view struct {
	in      Input
	obj     *v1alpha1.RedisCluster
	members []Member
	// tls is wanted; skip: nothing is touched.
	tls, skip bool
	data      Data

	// byID are the seen nodes of the cluster; names are the members' by id, unseen ones included.
	byID  map[string]*Server
	names map[string]string
	// clusters are groups of seen nodes that know one another and have something to lose, or
	// are on record; the first is ours when there is one only.
	clusters [][]*Server
	// newcomers are seen nodes that no cluster has. refused are seen ones that must not join.
	newcomers []*Server
	refused   map[string]string

	// owned slots by id, as all sources that are seen agree on; disputed: they do not;
	// unowned: nobody has them.
	owned             map[string]Slots
	disputed, unowned Slots
	// moves on record.
	moves []*move
	// cancelled: some of them serve nobody any more. marksOfOthers: slots are open that are not in them.
	cancelled, marksOfOthers bool
	// bad says what of the record cannot be read.
	bad string
	// gifts are ids, and words, whose data is given up; force is the node of force-promote, both
	// unless they are spent.
	gifts map[string]bool
	force string
	// forcing: the plan does something that must not be done to what was seen long ago.
	forcing bool
	// problems in the order of their weight.
	problems []problem
	events   []reconcile.Event
}

// problem is why the cluster is not as wanted.
type problem struct{ reason, text string }

// move is a move on record.
type move struct {
	v1alpha1.RedisClusterMove
	slots Slots
}

func look(in Input) *view {
	obj := in.Object
	st := &obj.Status
	v := &view{
		in: in, obj: obj, members: Members(obj), tls: obj.Spec.TLS.EffectiveMode().Demands(),
		skip: v1alpha1.SkipsReconcile(obj.Annotations),
		byID: map[string]*Server{}, names: map[string]string{}, refused: map[string]string{},
		owned: map[string]Slots{}, gifts: map[string]bool{},
		data: Data{
			Established: st.Established, Creating: st.Creating, Moves: slices.Clone(st.Moves), Migration: st.Migration.DeepCopy(),
			Former: slices.Clone(st.FormerNodes), Preferred: maps.Clone(st.Preferred),
			IDs: map[string]string{}, Notes: map[string]string{}, Ready: map[string]bool{}, Owned: map[string]Slots{}, Drop: map[string]bool{},
		},
	}
	if value := obj.Annotations[v1alpha1.AnnotationForcePromote]; value != st.ForceSpent {
		v.force = value
	} else {
		v.data.ForceSpent = value
	}
	if value := obj.Annotations[v1alpha1.AnnotationGiveUpSlots]; value != st.GiveUpSpent {
		for word := range strings.SplitSeq(value, ",") {
			if word = strings.TrimSpace(word); word != "" {
				v.gifts[word] = true
			}
		}
	} else {
		v.data.GiveUpSpent = value
	}
	for i := range st.Moves {
		m := &move{RedisClusterMove: st.Moves[i]}
		var err error
		if m.slots, err = parseSlots(m.Slots); err != nil {
			v.bad = err.Error()
		}
		v.moves = append(v.moves, m)
	}
	v.group()
	v.identify()
	if len(v.clusters) == 1 {
		v.data.Judged = true
		v.judge()
		v.strangers()
		v.spend()
	}
	return v
}

func (v *view) server(name string) *Server { return v.in.State.Nodes[name] }

// recorded is the id that a member had.
func (v *view) recorded(name string) string {
	if n := v.obj.Status.Topology[name]; n != nil {
		return n.ID
	}
	return ""
}

// onRecord says whether a node was a part of the cluster.
func (v *view) onRecord(id string) bool {
	for _, n := range v.obj.Status.Topology {
		if n != nil && n.ID == id {
			return true
		}
	}
	return slices.ContainsFunc(v.obj.Status.FormerNodes, func(f v1alpha1.RedisClusterFormerNode) bool { return f.ID == id })
}

// group sorts the seen nodes by whom they know.
func (v *view) group() {
	var seen []*Server
	for _, m := range v.members {
		if s := v.server(m.Name); s.OK() {
			seen = append(seen, s)
		}
	}
	done := map[*Server]bool{}
	var groups [][]*Server
	for _, s := range seen {
		if done[s] {
			continue
		}
		group := []*Server{s}
		done[s] = true
		for i := 0; i < len(group); i++ {
			for _, o := range seen {
				if !done[o] && (group[i].knows(o.ID) || o.knows(group[i].ID)) {
					done[o] = true
					group = append(group, o)
				}
			}
		}
		groups = append(groups, group)
	}
	var clusters [][]*Server
	for _, group := range groups {
		if v.virgin(group) {
			v.newcomers = append(v.newcomers, group...)
		} else {
			clusters = append(clusters, group)
		}
	}
	v.clusters = v.choose(clusters)
}

// virgin: none of a group holds or owns anything, and they know none but one another and nobody
// that is on record. A node alone is such a group.
func (v *view) virgin(group []*Server) bool {
	ids := map[string]bool{}
	for _, s := range group {
		ids[s.ID] = true
	}
	for _, s := range group {
		if !s.Bare() {
			return false
		}
		for id, p := range s.View {
			if !p.Handshake && !ids[id] || !p.Slots.Empty() {
				return false
			}
		}
	}
	return true
}

// choose finds ours among several: the one that has somebody of the record. The others are
// refused. Without a record there must be one only.
func (v *view) choose(clusters [][]*Server) [][]*Server {
	if len(v.obj.Status.Topology) == 0 || !v.obj.Status.Established && !v.obj.Status.Creating {
		return v.holders(clusters)
	}
	var ours [][]*Server
	for _, group := range clusters {
		if slices.ContainsFunc(group, func(s *Server) bool {
			return v.onRecord(s.ID) || slices.ContainsFunc(slices.Collect(maps.Keys(s.View)), func(id string) bool { return v.onRecord(id) })
		}) {
			ours = append(ours, group)
			continue
		}
		for _, s := range group {
			v.refuse(s)
		}
	}
	return ours
}

// holders leaves out nodes that are alone and hold keys without a slot: they are refused, and no
// cluster.
func (v *view) holders(clusters [][]*Server) [][]*Server {
	var out [][]*Server
	for _, group := range clusters {
		if s := group[0]; len(group) == 1 && s.Alone() && s.Slots.Empty() {
			v.refuse(s)
			continue
		}
		out = append(out, group)
	}
	return out
}

func (v *view) refuse(s *Server) {
	if s.Alone() && s.Slots.Empty() {
		v.refused[s.Name] = fmt.Sprintf("it is in no cluster and holds %d keys, which would be lost in one: empty it (FLUSHALL), or take it out of the spec", s.Keys)
		return
	}
	v.refused[s.Name] = "it belongs to another cluster: take it out of the spec, or empty it and run CLUSTER RESET on it"
}

// identify says which id each member has, or had.
func (v *view) identify() {
	ours := map[*Server]bool{}
	if len(v.clusters) == 1 {
		for _, s := range v.clusters[0] {
			ours[s] = true
			v.byID[s.ID] = s
		}
	}
	for _, s := range v.newcomers {
		ours[s] = true
	}
	for _, m := range v.members {
		was := v.recorded(m.Name)
		s := v.server(m.Name)
		if _, taken := v.names[was]; m.Leaving && (taken && was != "" || s.OK() && v.names[s.ID] != "") {
			// It is a node of the spec by now, under another name.
			v.data.Drop[m.Name] = true
			continue
		}
		if !s.OK() || !ours[s] {
			v.data.IDs[m.Name] = was
			if was != "" {
				v.names[was] = m.Name
			}
			continue
		}
		v.data.IDs[m.Name] = s.ID
		v.names[s.ID] = m.Name
		if was != "" && was != s.ID && !slices.ContainsFunc(v.data.Former, func(f v1alpha1.RedisClusterFormerNode) bool { return f.ID == was }) {
			v.data.Former = append(v.data.Former, v1alpha1.RedisClusterFormerNode{ID: was, Name: m.Name, Shard: m.Shard})
		}
	}
	v.data.Former = slices.DeleteFunc(v.data.Former, func(f v1alpha1.RedisClusterFormerNode) bool {
		_, member := v.names[f.ID]
		return member
	})
}

// ours are the seen nodes of the cluster, in the order of the members.
func (v *view) ours() []*Server {
	var out []*Server
	for _, m := range v.members {
		if s := v.server(m.Name); s.OK() && v.byID[s.ID] == s {
			out = append(out, s)
		}
	}
	return out
}

// sources are those of them that own slots, as they say themselves.
func (v *view) sources() []*Server {
	return slices.DeleteFunc(v.ours(), func(s *Server) bool { return s.Replica || s.Slots.Empty() })
}

// judge finds out who owns which slots: what all sources that are seen agree on. One that is
// seen and says of itself that it does not own what the others say is another opinion.
func (v *view) judge() {
	voters := v.sources()
	if len(voters) == 0 {
		voters = v.ours()
	}
	var all Slots
	agreed := map[string]Slots{}
	for i, s := range voters {
		mine := map[string]Slots{}
		for id, p := range s.View {
			if !p.Slots.Empty() {
				mine[id] = p.Slots
				all = all.Or(p.Slots)
			}
		}
		if i == 0 {
			agreed = mine
			continue
		}
		for id := range agreed {
			agreed[id] = agreed[id].And(mine[id])
		}
	}
	var sure Slots
	for id, slots := range agreed {
		if s := v.byID[id]; s != nil {
			slots = slots.And(s.Slots)
		}
		if !slots.Empty() {
			v.owned[id] = slots
			sure = sure.Or(slots)
		}
	}
	v.disputed = all.Minus(sure)
	v.unowned = all.Not()
	for id, slots := range v.owned {
		if name, member := v.names[id]; member {
			v.data.Owned[name] = slots
		}
		if s := v.byID[id]; s.OK() {
			v.data.Slots += slots.Count()
		}
	}
	v.data.Shards = len(v.owned)
}

// strangers are nodes of the cluster that no member is or was.
func (v *view) strangers() {
	former := map[string]bool{}
	for _, f := range v.data.Former {
		former[f.ID] = true
	}
	found := map[string]string{}
	for _, s := range v.ours() {
		if m := v.member(s.ID); m.Leaving {
			// It may not have heard that others left before it.
			continue
		}
		for id, p := range s.View {
			if _, member := v.names[id]; !member && !former[id] && !p.Handshake {
				found[id] = fmt.Sprintf("%s %s:%d", id, p.IP, p.Port)
			}
		}
	}
	v.data.Unknown = slices.Sorted(maps.Values(found))
}

// slotsOf are the slots that a node owns.
func (v *view) slotsOf(id string) Slots { return v.owned[id] }

// owns says whether a node owns slots.
func (v *view) owns(id string) bool {
	slots, is := v.owned[id]
	return is && !slots.Empty()
}

// wanted are the members of the spec.
func (v *view) wanted() []Member {
	return slices.DeleteFunc(slices.Clone(v.members), func(m Member) bool { return m.Leaving })
}

// ofShard are the members of a shard of the spec, in its order.
func (v *view) ofShard(shard string) []Member {
	return slices.DeleteFunc(v.wanted(), func(m Member) bool { return m.Shard != shard })
}

// member by id; the zero value when none has it.
func (v *view) member(id string) Member {
	for _, m := range v.members {
		if id != "" && v.data.IDs[m.Name] == id {
			return m
		}
	}
	return Member{}
}

// sourceOf is the id of the source of a shard: the first of the spec that owns slots; where
// nobody does, the first that is a bare master of the cluster. "": none. headless: a node
// that was in the shard, and no member is, owns slots still.
func (v *view) sourceOf(shard string) (id string, headless bool) {
	for _, f := range v.data.Former {
		if f.Shard == shard && (v.owns(f.ID) || v.inMove(f.ID)) {
			headless = true
		}
	}
	for _, m := range v.ofShard(shard) {
		if id := v.data.IDs[m.Name]; id != "" && v.owns(id) {
			return id, headless
		}
	}
	if headless {
		return "", true
	}
	for _, m := range v.ofShard(shard) {
		if s := v.server(m.Name); s.OK() && v.byID[s.ID] == s && s.Bare() {
			return s.ID, false
		}
	}
	return "", false
}

// isSource says whether a node is the source of its shard.
func (v *view) isSource(m Member) bool {
	if m.Leaving {
		return false
	}
	id, _ := v.sourceOf(m.Shard)
	return id != "" && id == v.data.IDs[m.Name]
}

// inMove says whether a node is an end of a move on record, or of an open slot: it may hold keys
// that nobody else has.
func (v *view) inMove(id string) bool {
	return slices.ContainsFunc(v.moves, func(m *move) bool { return m.From == id || m.To == id }) || v.openSlots(id)
}

// spend takes note of annotations that name what is alive: they do not count when it dies later.
func (v *view) spend() {
	if v.force != "" {
		for _, m := range v.wanted() {
			if m.Name != v.force {
				continue
			}
			if id, _ := v.sourceOf(m.Shard); id != "" && v.byID[id].Master() {
				v.data.ForceSpent, v.force = v.force, ""
			}
			break
		}
	}
	alive := v.gifts[giftAll] || v.gifts[giftUnowned] && v.unowned.Empty()
	for id, s := range v.byID {
		alive = alive || v.gifts[id] && s.OK()
	}
	if alive {
		v.data.GiveUpSpent = v.obj.Annotations[v1alpha1.AnnotationGiveUpSlots]
		v.gifts = map[string]bool{}
	}
}

// Words of the annotation give-up-slots beside ids.
const (
	giftAll     = "all"
	giftUnowned = "unowned"
)

// dead says whether all sources that are seen and know of a node say that it is dead. One of whom
// nobody knows is unknown.
func (v *view) dead(id string) bool {
	said := false
	for _, s := range v.judges() {
		p := s.View[id]
		if p != nil && !p.Fail {
			return false
		}
		said = said || p != nil
	}
	return said
}

// replaced says of a node whether the member that it was is another node now, and the sources that
// are seen say that it is dead, or at no address. Redis never calls a node dead that is at no address
// (noaddr): it has found another one where that one was, and does not ask it any more.
func (v *view) replaced(id string) bool {
	name := v.formerName(id)
	if s := v.server(name); name == "" || !s.OK() || s.ID == id {
		return false
	}
	said := false
	for _, s := range v.judges() {
		p := s.View[id]
		if p != nil && !p.Fail && !p.NoAddress {
			return false
		}
		said = said || p != nil
	}
	return said
}

// gone says whether a node is dead, or has come back as another one.
func (v *view) gone(id string) bool { return v.dead(id) || v.replaced(id) }

// formerName is the name of the member that a node was which is no member any more.
func (v *view) formerName(id string) string {
	for _, f := range v.data.Former {
		if f.ID == id {
			return f.Name
		}
	}
	return ""
}

// judges are the sources that are seen, or all nodes where none is.
func (v *view) judges() []*Server {
	if judges := v.sources(); len(judges) > 0 {
		return judges
	}
	return v.ours()
}

// tell are the names of the seen sources but some.
func (v *view) tell(except ...string) []string {
	var out []string
	for _, s := range v.sources() {
		if !slices.Contains(except, s.ID) {
			out = append(out, s.Name)
		}
	}
	return out
}

func (v *view) problem(reason, format string, args ...any) {
	v.problems = append(v.problems, problem{reason, fmt.Sprintf(format, args...)})
}

func (v *view) warn(reason, once, format string, args ...any) {
	v.events = append(v.events, reconcile.Event{Warning: true, Reason: reason, Once: once, Message: fmt.Sprintf(format, args...)})
}

// hasTwins: two nodes of the spec are the same server.
func (v *view) hasTwins() bool { return v.twins() != "" }

func (v *view) twins() string {
	by := map[string]string{}
	for _, m := range v.members {
		s := v.server(m.Name)
		if !s.OK() || m.Leaving {
			continue
		}
		for _, id := range []string{s.ID, s.RunID} {
			if other, has := by[id]; has && other != m.Name {
				return other + " and " + m.Name
			}
			by[id] = m.Name
		}
	}
	return ""
}

// reportOnly changes nothing and says why.
func (v *view) reportOnly(reason, text string) reconcile.Plan[Data] {
	v.notes()
	p := v.plan()
	p.Steps = []reconcile.Step{v.route()}
	p.Conditions = reconcile.Topology(false, reason, text)
	p.Events = append(v.events, reconcile.Event{Warning: true, Reason: reason, Message: text})
	p.Next = busy
	return p
}

func (v *view) reportTwins() reconcile.Plan[Data] {
	return v.reportOnly("NodesAreOneServer", v.twins()+" are the same server, or have the same id: correct host or port of one of them")
}

// blind: nobody of the spec gives an answer.
func (v *view) blind() bool {
	return !slices.ContainsFunc(v.members, func(m Member) bool { return v.server(m.Name).OK() })
}

func (v *view) reportBlind() reconcile.Plan[Data] {
	text := "no node is seen"
	for _, m := range v.members {
		if s := v.server(m.Name); s != nil && s.Problem != "" {
			text = fmt.Sprintf("no node is seen (%s: %s)", m.Name, s.Problem)
			break
		}
	}
	return v.reportOnly("NodesUnreachable", text)
}

// divided: the nodes belong to more than one cluster, and nobody says which is ours.
func (v *view) divided() bool { return len(v.clusters) > 1 }

func (v *view) reportDivided() reconcile.Plan[Data] {
	var groups []string
	for _, group := range v.clusters {
		var names []string
		for _, s := range group {
			names = append(names, s.Name)
		}
		groups = append(groups, strings.Join(names, " "))
	}
	return v.reportOnly("SeveralClusters", fmt.Sprintf("the nodes belong to %d clusters (%s), which are never merged: leave the nodes of one of them in the spec", len(groups), strings.Join(groups, "; ")))
}

func (v *view) garbled() bool { return v.bad != "" }

func (v *view) reportGarbled() reconcile.Plan[Data] {
	return v.reportOnly("RecordUnreadable", "status.moves cannot be read ("+v.bad+"): correct it, or delete it once no slot is open any more (CLUSTER NODES)")
}

// route leads to the nodes of the cluster that serve: sources for writes, replicas for reads.
func (v *view) route() reconcile.Step {
	routing := reconcile.Routing{}
	if len(v.clusters) > 1 {
		// Nobody knows which is ours: labels stay.
		return reconcile.Step{Name: "route"}
	}
	for _, m := range v.members {
		s := v.server(m.Name)
		switch {
		case !s.OK():
			// Unknown: labels stay, and Kubernetes leads to nobody who is not ready. Of one that
			// leaves they go.
			if m.Leaving {
				routing[m.Name] = reconcile.AccessNone
			}
		case v.byID[s.ID] != s, m.Leaving && !v.owns(s.ID):
			routing[m.Name] = reconcile.AccessNone
		case s.Replica && s.LinkUp:
			routing[m.Name] = reconcile.AccessReadOnly
		case !s.Replica && v.owns(s.ID):
			routing[m.Name] = reconcile.AccessReadWrite
		default:
			routing[m.Name] = reconcile.AccessNone
		}
	}
	return reconcile.Step{Name: "route", Routing: routing}
}
