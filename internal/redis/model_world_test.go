// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// write is a client's write, and the offset at which it ends in the stream that it came by.
type write struct {
	id  int
	end int64
}

// modelServer is one server of the world: what Redis does, as far as the laws need it.
type modelServer struct {
	name string
	up   bool
	hung bool
	run  int
	aof  bool
	// config: whom it follows is in its file, and outlives the process.
	config  bool
	replica bool
	of      string
	// cut: it does not reach its source for now, e.g. because that has just come back.
	cut            bool
	id, id2        string
	offset, second int64
	data           []write
	fence          bool
	untouched      bool
	failing        bool
	// looked: the operator has seen this process, and could do something about it. pointed is when it was pointed at its source, in
	// terms of run.
	looked  bool
	pointed int
	// saved is the last snapshot of a server without an append-only file.
	saved *modelSnapshot
}

// modelSnapshot is what a process that starts anew has, and whose history that is.
type modelSnapshot struct {
	data   []write
	id     string
	offset int64
}

// save makes a snapshot.
func (s *modelServer) save() {
	if s.reached() && !s.aof {
		s.saved = &modelSnapshot{slices.Clone(s.data), s.id, s.offset}
	}
}

// world is the servers, the clients and the labels.
type world struct {
	random  *rand.Rand
	servers map[string]*modelServer
	labels  map[string]string
	serial  int
	// acked writes, and those that a crash without persistence has taken from somebody.
	acked map[int]bool
	now   time.Time
	// broken is the first law that did not hold.
	broken error
	trace  []string
	// failovers: servers crash or hang.
	failovers bool
	// skips: the user keeps the operator's hands off.
	skips bool
}

func newWorld(random *rand.Rand, failovers bool) *world {
	w := &world{random: random, servers: map[string]*modelServer{}, labels: map[string]string{}, acked: map[int]bool{}, now: noon, failovers: failovers}
	for _, name := range []string{"a", "b", "c"} {
		w.servers[name] = &modelServer{name: name, aof: random.IntN(2) == 0, config: random.IntN(2) == 0}
		w.start(w.servers[name])
	}
	return w
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

func (w *world) newID() string {
	w.serial++
	return fmt.Sprintf("%040d", w.serial)
}

// start runs a process anew: it is a source of its own, with what its file has, or a replica
// again that has yet to connect.
func (w *world) start(s *modelServer) {
	w.serial++
	again := s.config && s.replica
	*s = modelServer{name: s.name, up: true, run: w.serial, aof: s.aof, config: s.config, replica: again, cut: again, of: s.of, pointed: s.pointed, saved: s.saved, id: w.newID(), second: -1, data: s.data, untouched: true}
	if !again {
		s.of = ""
	}
	if s.aof {
		for i := range s.data {
			s.data[i].end = 0
		}
	} else if s.data = nil; s.saved != nil {
		s.data, s.id2, s.offset, s.second = slices.Clone(s.saved.data), s.saved.id, s.saved.offset, s.saved.offset+1
	}
	// Its replicas try again once a second: the operator looks before that.
	for _, o := range w.servers {
		if o.of == s.name {
			o.cut = true
		}
	}
}

func (s *modelServer) reached() bool { return s.up && !s.hung }

// link says whether a replica is connected to its source.
func (w *world) link(s *modelServer) bool {
	src := w.servers[s.of]
	return s.replica && src != nil && src.reached() && s.reached() && !s.cut && w.partial(s, src)
}

// partial says whether a replica can go on where it is.
func (w *world) partial(s, src *modelServer) bool {
	return s.id == src.id && s.offset <= src.offset || s.id == src.id2 && s.offset < src.second && s.offset <= src.offset
}

// replicate lets a replica receive something, or everything.
func (w *world) replicate(s *modelServer, all bool) {
	src := w.servers[s.of]
	if !s.replica || src == nil || !src.reached() || !s.reached() || s.cut {
		return
	}
	if src.replica && !w.link(src) {
		return
	}
	if !w.partial(s, src) {
		w.discard(s, src)
		s.data = nil
		s.offset = 0
		all = true
	}
	s.id, s.id2, s.second = src.id, src.id2, src.second
	had := map[int]bool{}
	for _, one := range s.data {
		had[one.id] = true
	}
	for _, one := range src.data {
		if had[one.id] {
			continue
		}
		if !all && w.chance(30) {
			return
		}
		s.data = append(s.data, one)
		s.offset = max(s.offset, one.end)
	}
	s.offset, s.untouched = src.offset, false
}

// discard looks at what a full copy replaces: an acknowledged write must be elsewhere. A replica that
// copies what a process has restarted with before the operator has seen that process does so by
// itself: nobody has pointed it there since, or could have pointed it away. What is lost by that is the price of a
// source without an append-only file (SourceNotPersistent).
func (w *world) discard(s, src *modelServer) {
	w.note("%s receives a full copy from %s", s.name, src.name)
	for _, one := range s.data {
		if !w.acked[one.id] {
			continue
		}
		held := false
		for _, o := range w.servers {
			held = held || o != s && (o.up || o.aof) && slices.ContainsFunc(o.data, func(x write) bool { return x.id == one.id })
		}
		switch {
		case held:
		case !src.aof && !src.looked && s.pointed < src.run:
			w.note("Redis itself destroys the last copy of write %d", one.id)
			delete(w.acked, one.id)
		default:
			w.violated("law 6: the full copy of %s from %s destroys the last copy of write %d", s.name, src.name, one.id)
		}
	}
}

func (s *modelServer) writable() bool { return s.reached() && !s.replica && !s.fence && !s.failing }

// clientWrites: a client that is led somewhere writes there.
func (w *world) clientWrites() {
	for name, value := range w.labels {
		s := w.servers[name]
		if value != "false" || !s.writable() {
			continue
		}
		w.serial++
		s.offset += 10
		s.data = append(s.data, write{w.serial, s.offset})
		s.untouched = false
		w.acked[w.serial] = true
		w.note("write %d on %s", w.serial, name)
	}
}

// ping is a sign of life that a source sends its replicas.
func (w *world) ping() {
	for _, s := range w.servers {
		if s.reached() && !s.replica {
			for _, o := range w.servers {
				if o.of == s.name && w.link(o) {
					s.offset++
					break
				}
			}
		}
	}
}

// state is what the operator sees.
func (w *world) state(members []Member) State {
	out := State{Nodes: map[string]*Server{}}
	for _, m := range members {
		out.Nodes[m.Name] = w.see(m)
		s := w.servers[m.Name]
		s.looked = s.looked || s.reached() && !w.skips
	}
	return out
}

func (w *world) see(m Member) *Server {
	s, o := w.servers[m.Name], blank(m)
	if !s.reached() {
		o.Reach, o.Problem, o.Refused, o.Silent = server.ReachNone, "no answer", !s.up, time.Minute
		return o
	}
	o.Reach, o.RunID, o.ReplID, o.ReplID2, o.Offset, o.SecondOffset = server.ReachOK, fmt.Sprint(s.run), s.id, s.id2, s.offset, s.second
	o.Keys, o.AOF, o.Untouched, o.Replica, o.FailingOver = int64(len(s.data)), s.aof, s.untouched && !w.link(s), s.replica, s.failing
	o.Config = &Config{MaxLag: 10, AuthOK: true, AnnounceHost: m.AnnounceHost, AnnouncePort: m.AnnouncePort}
	if s.fence {
		o.Config.MinReplicas = fenceBase
	}
	if s.replica {
		o.MasterHost, o.MasterPort = nowhereHost, nowherePort
		if s.of != "" {
			o.MasterHost, o.MasterPort, o.LinkUp = s.of+".svc", 6379, w.link(s)
		}
	}
	for _, f := range w.servers {
		if f.of == s.name && w.link(f) {
			o.Followers = append(o.Followers, Follower{Host: f.name + ".svc", Port: 6379, Online: true})
		}
	}
	return o
}

func (w *world) pods() map[string]reconcile.Pod {
	out := map[string]reconcile.Pod{}
	for name := range w.servers {
		out[name] = reconcile.Pod{Exists: true, UID: types.UID(name), Readonly: w.labels[name]}
	}
	return out
}

var errModel = errors.New("it fails")

// act does what an action does to a server, or a part of it, or all of it without an answer.
func (w *world) act(action reconcile.Action, facts reconcile.Facts) (reconcile.Facts, error) {
	s := w.servers[action.Node()]
	if !s.reached() || w.chance(5) {
		return nil, errModel
	}
	learned, err := w.carryOut(s, action, facts)
	if err == nil && w.chance(5) {
		return nil, errModel
	}
	return learned, err
}

func (w *world) demote(s *modelServer, of string) {
	s.replica, s.of, s.cut, s.failing, s.pointed = true, of, false, false, w.serial
}

func (w *world) promoteServer(s *modelServer) {
	if !s.replica {
		return
	}
	s.id2, s.second, s.id = s.id, s.offset+1, w.newID()
	s.replica, s.of, s.untouched = false, "", false
}

func (w *world) carryOut(s *modelServer, action reconcile.Action, facts reconcile.Facts) (reconcile.Facts, error) {
	member := func(name string) Member {
		return Member{Name: name, Host: name + ".svc", Port: 6379, AnnounceHost: name + ".svc", AnnouncePort: 6379}
	}
	mine := w.see(member(s.name))
	switch do := action.(type) {
	case Follow:
		src := w.servers[do.Source]
		want := do.SourceID
		if do.SourceFact {
			want = facts[replIDOf(do.Source)]
		}
		if !src.reached() || src.replica || want == "" || src.id != want {
			return nil, errModel
		}
		if mine.Follows(w.see(member(do.Source))) {
			s.fence = false
			return nil, nil
		}
		if err := changed(mine, do); err != nil {
			return nil, err
		}
		w.demote(s, do.Source)
		s.fence = false
	case Detach:
		w.demote(s, "")
		s.fence = false
	case Release:
		w.promoteServer(s)
		s.fence = false
	case Shut:
		s.fence = !s.replica || s.fence
	case Open:
		if s.replica {
			return nil, errModel
		}
		s.fence = false
	case MakeSource:
		if s.id != do.ID && s.id2 != do.ID {
			return nil, errModel
		}
		w.promoteServer(s)
		s.fence = false
	case CatchUp:
		if !w.link(s) || w.chance(10) {
			return nil, errModel
		}
		w.replicate(s, true)
	case Handover:
		to := w.servers[do.To]
		if s.replica || !w.link(to) || w.chance(30) {
			return nil, nil
		}
		if w.chance(20) {
			s.failing = true
			return nil, errModel
		}
		w.replicate(to, true)
		w.promoteServer(to)
		w.demote(s, do.To)
		return reconcile.Facts{handedOver(s.name): "yes", replIDOf(do.To): to.id}, nil
	case FenceSource:
		if facts[handedOver(s.name)] != "" {
			return nil, nil
		}
		if s.id != do.ID || s.failing {
			return nil, errModel
		}
		s.fence = s.fence || !s.replica
		return reconcile.Facts{fencedAt(s.name): fmt.Sprintf("%s %d", s.id, s.offset)}, nil
	case Promote:
		return w.promote(s, mine, do, facts)
	case Abort:
		s.failing = false
	}
	return nil, nil
}

func (w *world) promote(s *modelServer, mine *Server, do Promote, facts reconcile.Facts) (reconcile.Facts, error) {
	if do.From != "" && facts[handedOver(do.From)] != "" {
		return nil, nil
	}
	must := position{do.ID, do.Offset}
	if do.From != "" {
		if _, err := fmt.Sscanf(facts[fencedAt(do.From)], "%s %d", &must.id, &must.offset); err != nil {
			return nil, err
		}
		w.replicate(s, w.chance(80))
		mine.ReplID, mine.ReplID2, mine.Offset, mine.SecondOffset = s.id, s.id2, s.offset, s.second
	}
	if rel, _ := historyOf(mine, nil).of(must); rel != within && !do.Forced {
		return nil, errModel
	}
	w.promoteServer(s)
	s.fence = false
	return reconcile.Facts{replIDOf(s.name): s.id}, nil
}

// lead changes the labels: who comes to -readwrite first, then the others.
func (w *world) lead(routing reconcile.Routing) {
	for _, name := range slices.Sorted(maps.Keys(routing)) {
		switch routing[name] {
		case reconcile.AccessReadWrite:
			w.labels[name] = "false"
		case reconcile.AccessReadOnly:
			w.labels[name] = "true"
		case reconcile.AccessNone:
			delete(w.labels, name)
		}
	}
	var writers []string
	for name, value := range w.labels {
		if value == "false" && w.servers[name].writable() {
			writers = append(writers, name)
		}
	}
	if len(writers) > 1 {
		w.violated("law 1: -readwrite leads to %v, and both take writes", writers)
	}
}

// lost are the acknowledged writes that a server does not have.
func (w *world) lost(on string) []int {
	has := map[int]bool{}
	for _, one := range w.servers[on].data {
		has[one.id] = true
	}
	var out []int
	for id := range w.acked {
		if !has[id] {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

var _ = v1alpha1.RedisRejoinManual
