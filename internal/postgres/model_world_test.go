// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// write is a client's write, and where it ends in the log.
type write struct {
	id int
	at Fork
}

// modelServer is one server of the world: what PostgreSQL does, as far as the laws need it.
type modelServer struct {
	name     string
	up, hung bool
	run      int
	// signal: there is a standby.signal; a process that starts is a standby with one.
	signal, recovery bool
	fenced           bool
	conninfo, slot   string
	pass             bool
	sync             string
	slots            []string
	at               Position
	data             []write
	// cut: it does not reach its upstream for now.
	cut bool
	// shutdown is where its last shutdown checkpoint ends.
	shutdown Fork
}

// world is the servers, the clients and the labels.
type world struct {
	random  *rand.Rand
	servers map[string]*modelServer
	labels  map[string]string
	serial  int
	acked   map[int]bool
	now     time.Time
	// broken is the first law that did not hold.
	broken error
	trace  []string
	// failovers: servers crash or hang. synchronous: commits wait for a standby.
	failovers, synchronous bool
}

func newWorld(random *rand.Rand, failovers bool) *world {
	w := &world{random: random, servers: map[string]*modelServer{}, labels: map[string]string{}, acked: map[int]bool{}, now: noon, failovers: failovers}
	w.synchronous = random.IntN(2) == 0
	for i, name := range []string{"a", "b", "c"} {
		w.serial++
		w.servers[name] = &modelServer{name: name, up: true, run: w.serial, signal: i > 0, recovery: i > 0, at: Position{Fork: Fork{1, 1000}}}
		if i > 0 {
			w.servers[name].conninfo = "host=a.svc port=5432"
		}
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

func (s *modelServer) reached() bool { return s.up && !s.hung }

func (s *modelServer) primary() bool { return s.reached() && !s.recovery }

// start runs a process anew.
func (w *world) start(s *modelServer) {
	w.serial++
	s.up, s.hung, s.run, s.recovery = true, false, w.serial, s.signal
	if !s.recovery {
		// The checkpoint at the start.
		s.at.LSN++
	}
	w.note("%s starts: standby %v, %s", s.name, s.recovery, s.at)
}

func (w *world) upstream(s *modelServer) *modelServer {
	host, _ := upstreamOf(s.conninfo)
	for name, o := range w.servers {
		if host == name+".svc" {
			return o
		}
	}
	return nil
}

// link says whether a standby streams: PostgreSQL itself refuses what is not within the other's log.
func (w *world) link(s *modelServer) bool {
	of := w.upstream(s)
	return s.reached() && s.recovery && of != nil && of != s && of.reached() && !s.cut && s.at.within(of.at)
}

// replicate lets a standby receive something, or everything.
func (w *world) replicate(s *modelServer, all bool) {
	if !w.link(s) {
		return
	}
	of := w.upstream(s)
	for _, one := range of.data[min(len(s.data), len(of.data)):] {
		if !all && w.chance(30) {
			return
		}
		s.data = append(s.data, one)
		s.at = until(of.at, one.at)
	}
	s.at = Position{Fork: of.at.Fork, Past: slices.Clone(of.at.Past)}
	s.shutdown = of.shutdown
}

// until is a position up to a place in its log.
func until(p Position, at Fork) Position {
	out := Position{Fork: at}
	for _, one := range p.Past {
		if one.TLI < at.TLI {
			out.Past = append(out.Past, one)
		}
	}
	return out
}

// clientWrites: a client that is led somewhere writes there. Some set their session writable
// again, and get past a fence until the server stops.
func (w *world) clientWrites() {
	for _, name := range []string{"a", "b", "c"} {
		s := w.servers[name]
		if w.labels[name] != "false" || !s.primary() || s.fenced && !w.chance(20) {
			continue
		}
		w.serial++
		s.at.LSN += 10
		s.data = append(s.data, write{w.serial, s.at.Fork})
		if s.sync != "" && !w.acknowledged(s) {
			w.note("write %d on %s waits", w.serial, name)
			continue
		}
		w.acked[w.serial] = true
		w.note("write %d on %s", w.serial, name)
	}
}

// acknowledged says whether a synchronous standby has received all.
func (w *world) acknowledged(s *modelServer) bool {
	list, _ := parseSyncNames(s.sync)
	for _, i := range w.random.Perm(len(list)) {
		if o := w.servers[list[i]]; o != nil && w.upstream(o) == s && w.link(o) {
			w.replicate(o, true)
			return true
		}
	}
	return false
}

// state is what the operator sees.
func (w *world) state(members []Member) State {
	out := State{Nodes: map[string]*Server{}}
	for _, m := range members {
		out.Nodes[m.Name] = w.see(m)
	}
	return out
}

func (w *world) see(m Member) *Server {
	s, o := w.servers[m.Name], blank(m)
	if !s.reached() {
		o.Reach, o.Problem, o.Refused, o.Silent = server.ReachNone, "no answer", !s.up, time.Minute
		o.Unwell = time.Minute
		return o
	}
	o.Reach, o.SystemID, o.Started, o.Recovery, o.Known = server.ReachOK, system, fmt.Sprint(s.run), s.recovery, true
	o.At = Position{Fork: s.at.Fork, Past: slices.Clone(s.at.Past)}
	o.Conninfo, o.Slot, o.PassOK, o.HoldsData = s.conninfo, s.slot, s.pass, true
	if host, port := upstreamOf(s.conninfo); host != "" {
		o.Upstream = host + ":" + port
	}
	o.Signal = s.signal && !s.recovery
	o.ReadOnly, o.Fenced = s.fenced, s.fenced
	o.SyncCommit = "on"
	o.SyncNames, o.SyncSet = s.sync, s.sync != ""
	if s.recovery {
		o.Replay, o.Settled = s.at.LSN, !w.link(s)
		if w.link(s) {
			o.Receiver, o.Sender = streaming, o.Upstream
		}
	}
	for _, name := range s.slots {
		o.Slots = append(o.Slots, Slot{Name: name})
	}
	for _, name := range []string{"a", "b", "c"} {
		if f := w.servers[name]; w.upstream(f) == s && w.link(f) {
			sync := "async"
			if list, _ := parseSyncNames(s.sync); slices.Contains(list, name) {
				sync = "quorum"
			}
			o.Followers = append(o.Followers, Follower{Name: name, Streaming: true, SyncState: sync})
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

// act does what an action does to a server, or nothing, or all of it without an answer.
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

func (w *world) promoteServer(s *modelServer) {
	s.fenced = false
	if !s.recovery {
		return
	}
	s.at.Past = append(slices.Clone(s.at.Past), s.at.Fork)
	s.at.TLI++
	s.at.LSN++
	s.recovery, s.signal = false, false
}

func (w *world) carryOut(s *modelServer, action reconcile.Action, facts reconcile.Facts) (reconcile.Facts, error) {
	standbyOnly := func() error {
		if !s.recovery {
			return errNoStandby
		}
		return nil
	}
	primaryOnly := func() error {
		if s.recovery {
			return errNoPrimary
		}
		return nil
	}
	switch do := action.(type) {
	case Attach:
		if err := standbyOnly(); err != nil {
			return nil, err
		}
		if s.pass = true; !do.Password {
			s.conninfo, s.slot, s.fenced, s.sync = do.Conninfo, do.Slot, false, ""
		}
	case Detach:
		if err := standbyOnly(); err != nil {
			return nil, err
		}
		s.conninfo = ""
	case AddSlots:
		for _, name := range do.Slots {
			s.slots = add(s.slots, name)
		}
	case DropSlots:
		s.slots = slices.DeleteFunc(s.slots, func(n string) bool { return slices.Contains(do.Slots, n) })
	case SetSync:
		if err := primaryOnly(); err != nil {
			return nil, err
		}
		s.sync = do.Names
	case Shut:
		if err := primaryOnly(); err != nil {
			return nil, err
		}
		s.fenced = true
	case Open:
		if err := primaryOnly(); err != nil {
			return nil, err
		}
		s.fenced, s.signal = false, false
	case MakePrimary:
		for _, name := range do.Others {
			if w.servers[name].primary() {
				return nil, errModel
			}
		}
		s.sync = do.Sync
		w.promoteServer(s)
	case Prepare:
		if err := primaryOnly(); err != nil {
			return nil, err
		}
		s.pass, s.conninfo, s.slot = true, do.Conninfo, do.Slot
	case CatchUp:
		if !w.link(s) || w.chance(10) {
			return nil, errModel
		}
		w.replicate(s, true)
	case Fence:
		if s.recovery || s.at.TLI != do.TLI {
			return nil, errNoPrimary
		}
		s.fenced = true
		return reconcile.Facts{fencedAt(s.name): s.at.LSN.String()}, nil
	case Demote:
		return w.demote(s, do, facts)
	case Promote:
		return nil, w.promote(s, do, facts)
	}
	return nil, nil
}

func (w *world) demote(s *modelServer, do Demote, facts reconcile.Facts) (reconcile.Facts, error) {
	if s.recovery || !s.fenced || s.at.TLI != do.TLI || facts[fencedAt(s.name)] == "" {
		return nil, errNoPrimary
	}
	s.signal = true
	if w.chance(5) {
		// It was not stopped.
		return nil, errModel
	}
	w.clientWrites()
	s.at.LSN++
	s.shutdown = s.at.Fork
	for _, name := range []string{"a", "b", "c"} {
		if o := w.servers[name]; w.upstream(o) == s && w.link(o) && w.chance(90) {
			// A fast stop ships all of the log to who is connected.
			w.replicate(o, true)
		}
	}
	s.up = false
	w.note("%s stops at %s", s.name, s.at)
	return reconcile.Facts{demoted(s.name): "yes"}, nil
}

func (w *world) promote(s *modelServer, do Promote, facts reconcile.Facts) error {
	if s.recovery && do.From != "" {
		fenced, ok := ParseLSN(facts[fencedAt(do.From)])
		if !ok || facts[demoted(do.From)] == "" {
			return errModel
		}
		w.replicate(s, w.chance(80))
		if s.shutdown != s.at.Fork || s.at.LSN <= fenced || s.at.TLI != do.TLI {
			return errModel
		}
	} else if s.recovery && !do.At.within(s.at) {
		return errModel
	}
	s.sync = do.Sync
	w.promoteServer(s)
	return nil
}

// lead changes the labels: who comes to -readwrite first, then the others.
func (w *world) lead(routing reconcile.Routing) {
	for _, name := range slices.Sorted(maps.Keys(routing)) {
		switch routing[name] {
		case reconcile.AccessReadWrite:
			if w.labels[name] != "false" {
				if lost := w.missing(name); len(lost) > 0 {
					w.violated("%s is led to and lacks the acknowledged writes %v", name, lost)
				}
			}
			w.labels[name] = "false"
		case reconcile.AccessReadOnly:
			w.labels[name] = "true"
		case reconcile.AccessNone:
			delete(w.labels, name)
		}
	}
	var writers []string
	for name, value := range w.labels {
		if s := w.servers[name]; value == "false" && s.primary() && !s.fenced {
			writers = append(writers, name)
		}
	}
	if len(writers) > 1 {
		w.violated("law 1: -readwrite leads to %v, and both take writes", writers)
	}
}

// missing are the acknowledged writes that a server must have and has not. Of those that were
// not waited for, one that is on no other server that is there is nobody's fault.
func (w *world) missing(on string) []int {
	s := w.servers[on]
	has := func(o *modelServer, id int) bool {
		return slices.ContainsFunc(o.data, func(x write) bool { return x.id == id })
	}
	var out []int
	for id := range w.acked {
		if has(s, id) {
			continue
		}
		held := w.synchronous || !w.failovers
		for _, o := range w.servers {
			held = held || o != s && o.reached() && o.recovery && has(o, id)
		}
		if held {
			out = append(out, id)
		} else {
			delete(w.acked, id)
		}
	}
	slices.Sort(out)
	return out
}
