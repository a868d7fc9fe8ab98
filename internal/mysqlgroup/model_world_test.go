// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// world is a model of servers, their groups, the network, the API server and clients.
// A transaction is acknowledged when a majority of the group's members has it.
type world struct {
	rng    *rand.Rand
	nodes  []*modelServer
	groups []*modelGroup
	object *v1alpha1.MysqlGroupReplication
	labels map[string]reconcile.Access
	// gone are the pods that were deleted by force: their servers run on.
	gone map[string]bool
	// lost: the record of who belongs to the group was, and the spec names fewer.
	lost    bool
	flaw    string
	acked   gtid.Set
	serial  int
	rogue   bool
	forced  bool
	history []string
	// told is the message of the last condition.
	told string
	// broken is the first law that was broken.
	broken string
}

// modelGroup is one bootstrap and what came of it: who belongs to it is agreed upon by a
// majority of those who did before.
type modelGroup struct {
	id      int
	members []string
	number  int
	primary string
}

type modelServer struct {
	name, uuid string
	up, frozen bool
	// side of the network; hidden: the operator does not reach it.
	side   int
	hidden bool

	executed, queued gtid.Set
	readOnly, boot   bool
	// armed: it comes up read-only.
	armed bool
	state MemberState
	group *modelGroup
	// seeds are group_replication_group_seeds.
	seeds string
	// What it believes: the members, whom it misses, the number of the view, the primary.
	believes []string
	misses   map[string]bool
	number   int
	primary  string
}

func (s *modelServer) runs() bool      { return s.up && !s.frozen }
func (s *modelServer) holds() gtid.Set { return s.executed.Union(s.queued) }
func (s *modelServer) inGroup() bool   { return s.state == MemberOnline || s.state == MemberRecovering }

func newWorld(seed uint64, flaw string) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), labels: map[string]reconcile.Access{}, gone: map[string]bool{}, flaw: flaw}
	w.object = healthy("a").object
	w.object.Status, w.object.Spec.Member = v1alpha1.MysqlGroupReplicationStatus{}, nil
	for i := range 3 + 2*w.rng.IntN(2) {
		name := string(rune('a' + i))
		w.nodes = append(w.nodes, &modelServer{name: name, uuid: uuidFor(name), up: true, state: MemberOffline})
		w.object.Spec.Member = append(w.object.Spec.Member, v1alpha1.Node{Name: name, Host: name, Port: 3306})
	}
	return w
}

func (w *world) node(name string) *modelServer {
	for _, s := range w.nodes {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) any() *modelServer { return w.nodes[w.rng.IntN(len(w.nodes))] }

func (w *world) log(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf(format, args...))
}

func (w *world) breaks(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
		w.log("BROKEN: %s", w.broken)
	}
}

func (w *world) connected(a, b *modelServer) bool {
	return a == b || a.runs() && b.runs() && a.side == b.side
}

// majority is the part of a group's members that reach one another and are more than
// half; nil when there is none. Frozen ones count where asleep is true: they may wake.
func (w *world) majority(g *modelGroup, asleep bool) []*modelServer {
	for _, lead := range w.nodes {
		var part []*modelServer
		for _, s := range w.nodes {
			with := s.group == g && s.inGroup() && s.up && slices.Contains(g.members, s.name)
			if with && (asleep && s.side == lead.side || !s.frozen && w.connected(lead, s)) {
				part = append(part, s)
			}
		}
		if 2*len(part) > len(g.members) {
			return part
		}
	}
	return nil
}

func has(list []*modelServer, s *modelServer) bool { return slices.Contains(list, s) }

// tick lets every group notice what has become of its members.
func (w *world) tick() {
	for _, g := range w.groups {
		part := w.majority(g, false)
		if part != nil && w.chance(50) && len(part) < len(g.members) {
			g.members = nil
			for _, s := range part {
				g.members = append(g.members, s.name)
			}
			g.number++
			w.log("group %d is %v now", g.id, g.members)
		}
		if part != nil && !slices.Contains(g.members, g.primary) {
			g.primary = part[0].name
			w.log("group %d elects %s", g.id, g.primary)
		}
		// Who was away gets what was agreed upon meanwhile from the others.
		var agreed gtid.Set
		for _, s := range part {
			agreed = agreed.Union(s.holds())
		}
		for _, s := range part {
			s.queued = s.queued.Union(agreed.Subtract(s.executed))
		}
		for _, s := range w.nodes {
			if s.group != g || !s.inGroup() || !s.runs() {
				continue
			}
			switch {
			case has(part, s):
				w.informs(g, s)
			case part != nil && !slices.Contains(g.members, s.name) && w.connected(s, part[0]):
				w.log("%s learns that it was expelled", s.name)
				s.state, s.readOnly, s.group = MemberError, true, nil
				continue
			}
			donors := slices.ContainsFunc(part, func(o *modelServer) bool { return o.state == MemberOnline })
			if s.state == MemberRecovering && has(part, s) && !donors && w.chance(30) {
				w.log("%s finds nobody to recover from", s.name)
				s.state, s.readOnly, s.group = MemberError, true, nil
				continue
			}
			for _, name := range s.believes {
				if w.chance(70) {
					s.misses[name] = !w.connected(s, w.node(name)) || w.node(name).group != g
				}
			}
		}
	}
}

// informs a member of the view that the majority has.
func (w *world) informs(g *modelGroup, s *modelServer) {
	if s.number != g.number {
		s.misses = map[string]bool{}
	}
	s.believes, s.number, s.primary = slices.Clone(g.members), g.number, g.primary
	if s.state == MemberRecovering && w.chance(50) {
		s.state = MemberOnline
	}
	if s.name == g.primary && s.state == MemberOnline {
		// It executes what it has before it takes writes.
		s.executed, s.queued, s.readOnly = s.holds(), gtid.Set{}, false
	} else {
		s.readOnly = true
	}
}

// accepts says whether a server would acknowledge a write of a client now.
func (w *world) accepts(s *modelServer) bool {
	if !s.runs() || s.readOnly {
		return false
	}
	if !s.inGroup() {
		return true
	}
	return s.state == MemberOnline && s.group.primary == s.name && has(w.majority(s.group, false), s)
}

// clients write to whom -readwrite leads them.
func (w *world) clients() {
	for _, s := range w.nodes {
		if w.labels[s.name] != reconcile.AccessReadWrite || !w.accepts(s) {
			continue
		}
		w.serial++
		txn := gtid.MustParse(fmt.Sprintf("%s:%d", groupName, w.serial))
		if !s.inGroup() {
			w.breaks("a client is led to %s, which takes writes outside of the group", s.name)
			return
		}
		s.executed = s.executed.Union(txn)
		for _, o := range w.majority(s.group, false) {
			if o != s {
				o.queued = o.queued.Union(txn)
			}
		}
		w.acked = w.acked.Union(txn)
	}
}

// happens is something that nobody has asked for.
func (w *world) happens() {
	s := w.any()
	switch n := w.rng.IntN(100); {
	case n < 22:
		w.clients()
	case n < 55:
		w.tick()
	case n < 62 && s.up:
		w.log("%s crashes", s.name)
		s.up, s.frozen, s.state, s.group, s.believes, s.boot = false, false, MemberOffline, nil, nil, false
	case n < 76 && !s.up:
		w.start(s)
	case n < 80:
		s.frozen = s.up && !s.frozen
		w.log("%s frozen: %t", s.name, s.frozen)
	case n < 84:
		s.side = w.rng.IntN(2)
		w.log("%s is on side %d", s.name, s.side)
	case n < 88:
		s.hidden = !s.hidden
		w.log("%s hidden: %t", s.name, s.hidden)
	case n < 92:
		s.executed, s.queued = s.holds(), gtid.Set{}
	case n < 93 && s.runs() && !s.inGroup() && (w.flaw != "" || w.chance(20)):
		w.log("somebody writes to %s directly", s.name)
		w.rogue, w.serial = true, w.serial+1
		s.executed = s.executed.Union(gtid.MustParse(fmt.Sprintf("%s:%d", s.uuid, w.serial)))
	case n < 95:
		w.edit(s)
	default:
		w.heal()
	}
}

func (w *world) start(s *modelServer) {
	s.up, s.readOnly = true, s.armed || w.chance(50)
	w.log("%s starts, read-only %t", s.name, s.readOnly)
}

func (w *world) heal() {
	w.log("the network heals")
	for _, s := range w.nodes {
		s.side, s.hidden, s.frozen = 0, false, false
	}
}

// edit is what a user does.
func (w *world) edit(s *modelServer) {
	switch n := w.rng.IntN(10); {
	case n < 5:
		w.object.Spec.Primary = ""
		if w.named(s.name) && w.chance(70) {
			w.object.Spec.Primary = s.name
		}
	case n < 7 && len(w.object.Spec.Member) > 2 && w.named(s.name):
		w.object.Spec.Member = slices.DeleteFunc(slices.Clone(w.object.Spec.Member), func(n v1alpha1.Node) bool { return n.Name == s.name })
		w.object.Spec.Primary = ""
		w.log("%s leaves the spec", s.name)
		if w.chance(30) {
			w.log("its pod is deleted by force")
			w.gone[s.name], s.hidden, w.labels[s.name] = true, true, reconcile.AccessNone
		}
	case n < 9 && !w.named(s.name):
		w.object.Spec.Member = append(slices.Clone(w.object.Spec.Member), v1alpha1.Node{Name: s.name, Host: s.name, Port: 3306})
		w.log("%s comes to the spec", s.name)
		delete(w.gone, s.name)
	}
}

// makeAgain deletes the resource and makes it again, of fewer nodes than there are, which
// have been in the group: others cannot know of it, and make one of their own.
func (w *world) makeAgain() {
	been := slices.DeleteFunc(slices.Clone(w.nodes), func(s *modelServer) bool { return !s.holds().From(groupName) })
	if w.lost || len(been) == 0 {
		return
	}
	w.lost = true
	w.object.Status, w.object.Spec.Primary, w.object.Spec.Member = v1alpha1.MysqlGroupReplicationStatus{}, "", nil
	for _, s := range w.nodes {
		w.labels[s.name] = reconcile.AccessNone
	}
	for range 2 {
		if s := been[w.rng.IntN(len(been))]; !w.named(s.name) {
			w.object.Spec.Member = append(w.object.Spec.Member, v1alpha1.Node{Name: s.name, Host: s.name, Port: 3306})
			delete(w.gone, s.name)
		}
	}
	w.log("the resource is made again, of %d nodes", len(w.object.Spec.Member))
}

func (w *world) named(name string) bool {
	return slices.ContainsFunc(w.object.Spec.Member, func(n v1alpha1.Node) bool { return n.Name == name })
}

// check looks whether a law is broken now.
func (w *world) check() {
	writers := 0
	for _, s := range w.nodes {
		if w.labels[s.name] == reconcile.AccessReadWrite && w.accepts(s) {
			writers++
		}
	}
	if writers > 1 {
		w.breaks("two nodes accept writes through -readwrite")
	}
	for _, g := range w.groups {
		part := w.majority(g, false)
		if part == nil {
			continue
		}
		// What one member of a majority has not received, another one has.
		var all gtid.Set
		for _, s := range part {
			all = all.Union(s.holds())
		}
		if lost := w.acked.Subtract(all); !lost.Empty() {
			w.breaks("the group lacks acknowledged transactions: %s", lost)
		}
		for _, s := range part {
			if s.name == g.primary && s.state == MemberOnline && !s.holds().Contains(w.acked) {
				w.breaks("the primary lacks acknowledged transactions")
			}
		}
	}
}

// seen is what an observation finds of a server.
func (w *world) seen(s *modelServer) *Server {
	if !s.runs() || s.hidden || w.chance(3) {
		return &Server{Name: s.name, Host: s.name, Port: 3306, Reach: shared.ReachNone, Problem: "no answer"}
	}
	out := &Server{
		Name: s.name, Host: s.name, Port: 3306, Reach: shared.ReachOK, UUID: s.uuid, Version: "9.7.0",
		ReadOnly: s.readOnly, SuperReadOnly: s.readOnly, ReadOnlyPersisted: s.armed, GTIDMode: true, LogBin: true, LogReplicaUpdates: true,
		Executed: s.executed, Queued: s.queued, Plugin: true, ClonePlugin: true, RecoveryUser: "replication",
		Config:  Config{GroupName: groupName, LocalAddress: s.name + ":33061", SinglePrimary: true, Bootstrap: s.boot, Seeds: s.seeds},
		Members: []Member{{UUID: s.uuid, State: s.state}},
	}
	if !s.inGroup() {
		return out
	}
	out.ViewID, out.Members = fmt.Sprintf("%d:%d", s.group.id, s.number), nil
	for _, name := range s.believes {
		m := Member{UUID: w.node(name).uuid, Host: name, Port: 3306, State: MemberOnline, Primary: name == s.primary}
		switch {
		case name == s.name:
			m.State = s.state
		case s.misses[name]:
			m.State = MemberUnreachable
		case w.node(name).state == MemberRecovering:
			m.State = MemberRecovering
		}
		out.Members = append(out.Members, m)
	}
	return out
}

func (w *world) story() string { return strings.Join(w.history, "\n") }
