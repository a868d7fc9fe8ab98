// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"errors"
	"fmt"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/grants"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// statements are what an action does, one after the other: between two of them
// the world goes on, the operator may die, and an answer may be lost.
type statements []func() error

// observeOne is what the operator sees of a server now.
func (w *world) observeOne(m Member) *Server {
	s := w.servers[m.Name]
	out := &Server{Name: m.Name, Host: m.Host, Port: m.Port, Reach: ReachNone, Problem: "connection refused"}
	switch {
	case s == nil || w.opCut[m.Name]:
		out.Problem = "no answer in time"
		return out
	case !s.up:
		out.Refused = !s.dead
		return out
	case w.failing[m.Name]:
		out.Reach, out.Problem = ReachError, "too many connections"
		return out
	}
	*out = Server{
		Name: m.Name, Host: m.Host, Port: m.Port, Reach: ReachOK, UUID: s.uuid(), Version: "8.4.0", Uptime: w.now.Sub(s.since).Truncate(time.Second),
		ReadOnly: s.ro, SuperReadOnly: s.super, ReadOnlyPersisted: s.roPersisted,
		GTIDMode: true, LogBin: true, LogReplicaUpdates: true,
		Executed: w.gtids(s.executed), Purged: w.gtids(s.purged),
		SemiSync: w.semiSync(s), WaitsAfterRestart: s.waitsAfterRestart(),
	}
	if w.lacking[m.Name] {
		out.Account, out.Missing = "'mysql'@'%'", []grants.Privilege{grants.ReplicationSlaveAdmin}
	}
	out.Clone = &CloneView{Instrumented: true, Plugin: true, Privileges: []string{privilegeBackup, privilegeClone}}
	if c := s.clone; c != nil {
		out.Clone.Run = &CloneRun{Running: c.running, Completed: c.done, Dropped: c.dropped && !c.done, Donor: c.donor + ":3306", Age: w.now.Sub(c.since), Session: 1}
	}
	if s.fed {
		out.ForeignChannels = []ForeignChannel{{Name: "feed", Running: true}}
	}
	if c := s.ch; c != nil {
		on := map[bool]Thread{true: ThreadYes, false: ThreadNo}
		ch := &Channel{SourceHost: c.to, SourcePort: 3306, User: "replication", IO: on[c.io], SQL: on[c.sql],
			IOErrno: c.ioErr, SQLErrno: c.sqlErr, AutoPosition: true, Retrieved: w.gtids(c.retrieved), TLS: c.tls}
		if c.io && !w.connected(s) {
			if ch.IO = ThreadConnecting; !c.io {
				ch.IO, ch.IOErrno = ThreadNo, c.ioErr
			}
		}
		if src := w.servers[c.to]; src != nil && ch.IO == ThreadYes {
			ch.SourceUUID = src.uuid()
		}
		out.SemiSync.ReplicaActive = c.active && ch.IO == ThreadYes
		if c.sql && ch.IO == ThreadYes {
			lag := int64(0)
			ch.Lag = &lag
		}
		out.Channel = ch
	}
	return out
}

// reach fails when the operator cannot talk to the server.
func (w *world) reach(s *mServer) error {
	switch {
	case !s.up || w.opCut[s.name]:
		return errors.New("connection refused")
	case w.failing[s.name]:
		return errors.New("too many connections")
	}
	return nil
}

// perform makes the statements of an action. What the action learns goes into facts.
func (w *world) perform(a reconcile.Action, facts reconcile.Facts, flaws flaws) statements {
	s := w.servers[a.Node()]
	reach := func() error { return w.reach(s) }
	if w.lacking[a.Node()] {
		switch a.(type) {
		case Attach, FollowAhead, Promote, StopReceiver, StartReplication, Detach, SetSemiSync:
			return statements{reach, func() error { return errors.New("access denied; you need REPLICATION_SLAVE_ADMIN") }}
		}
	}
	switch do := a.(type) {
	case FenceSource:
		still := func() error {
			if do.Still && s.fed {
				return errors.New(behindAFence("feed"))
			}
			return w.reach(s)
		}
		return append(append(statements{still}, w.fence(s, do.KillClients, do.ReleaseAcks, do.Persist, flaws)...), func() error {
			if do.UUID != "" && do.UUID != s.uuid() {
				return errors.New("another server answers")
			}
			facts[FencedFact(do.On)] = w.gtids(s.executed).String()
			return nil
		})
	case ArmFence:
		return statements{reach, func() error { s.roPersisted = true; return nil }}
	case SetWritable:
		return statements{reach, func() error {
			if s.ch.running() {
				return errors.New("it replicates: a node that takes writes must not")
			}
			w.loosen(s, do.SemiSync, true)
			return nil
		}}
	case CatchUp:
		return statements{func() error {
			if r := w.servers[do.Ahead.Name]; r != nil {
				if err := w.reach(r); err != nil {
					return err
				}
				if r.ch != nil && r.ch.to == do.Ahead.Host && !w.connected(r) {
					return errors.New(r.name + " was pointed here and is not connected")
				}
			}
			return w.reach(s)
		}, func() error { return w.await(s, do.Set) }}
	case Promote:
		return w.promote(s, do, facts, flaws)
	case Settle:
		return statements{reach, func() error {
			if s.writable() {
				w.loosen(s, do.SemiSync, true)
			}
			return nil
		}, func() error {
			if s.writable() && s.ch != nil && !s.ch.running() && s.executed.contains(s.ch.retrieved) {
				w.discard(s)
				s.ch = nil
			}
			return nil
		}}
	case Attach:
		return w.attach(s, do, facts, flaws)
	case FollowAhead:
		return w.followAhead(s, do, flaws)
	case ExpelClients:
		// Clients of the model go by themselves when a write is refused.
		return statements{reach}
	case StopReceiver:
		return statements{reach, func() error {
			if s.ch != nil {
				s.ch.io = false
			}
			return nil
		}}
	case StartReplication:
		return statements{reach, func() error {
			if s.ch == nil {
				return errors.New("there is no channel")
			}
			return w.startThreads(s)
		}}
	case Detach:
		return append(w.holdBack(s, flaws), reach, func() error {
			if s.ch != nil {
				s.ch.io, s.ch.sql = false, false
			}
			return nil
		}, func() error {
			if s.ch != nil && !do.KeepChannel && w.gtids(s.executed).Union(do.Elsewhere).Contains(w.gtids(s.ch.retrieved)) {
				w.discard(s)
				s.ch = nil
			}
			return nil
		}, func() error { w.persistReplica(s, false); return nil })
	case Clone:
		return w.clone(s, do, flaws)
	case AbortClone:
		return statements{reach, func() error {
			if s.clone != nil {
				s.clone.running = false
			}
			return nil
		}}
	case SetSemiSync:
		return statements{reach, func() error {
			changed := s.semiRep != do.Replica || s.ch != nil && s.ch.active != do.Replica
			w.wait(s, do.Source, true)
			s.semiRep, s.semiRepP, s.semiSourceP = do.Replica, do.Replica, do.Source.Enabled
			if changed && s.ch != nil && s.ch.io {
				s.ch.active = do.Replica
			}
			return nil
		}}
	}
	panic(fmt.Sprintf("the model does not know %T", a))
}

// clone begins to make a server anew; it goes on by itself.
func (w *world) clone(s *mServer, do Clone, f flaws) statements {
	expendable := func() error {
		src, donor := w.servers[do.Source], w.servers[do.Donor]
		if err := errors.Join(w.reach(s), w.reach(src), w.reach(donor)); err != nil || f.cloneAnyway {
			return err
		}
		switch {
		case s.uuid() != do.UUID || !s.ro || !s.super || s.fed:
			return errors.New("it is not the server that it was, or not fenced")
		case src.uuid() != do.SourceUUID || !src.writable():
			return errors.New("the source is not what it was")
		case donor.executed == 0 || do.Donor != do.Source && (!donor.ro || !donor.super) || !src.executed.contains(donor.executed):
			return errors.New("the donor is not sound")
		case !w.gtids(src.executed).Union(do.Discards).Contains(w.gtids(s.holds())):
			return errors.New("it holds more than was announced")
		}
		return nil
	}
	return statements{expendable, func() error {
		if s.ch != nil {
			s.ch.io, s.ch.sql = false, false
		}
		return w.reach(s)
	}, expendable, func() error { w.persistReplica(s, false); return w.reach(s) }, func() error {
		if s.clone != nil && s.clone.running {
			return nil
		}
		s.super = false
		s.clone = &mClone{donor: do.Donor, since: w.now, running: true, donorStarts: w.servers[do.Donor].restarts}
		w.tracef("a clone of %s from %s begins", s.name, do.Donor)
		return nil
	}}
}

// fence sets super_read_only. It waits for the commits in flight, and those that wait
// for an acknowledgement hold it up; clients are killed before those are released.
func (w *world) fence(s *mServer, kill, release, persist bool, f flaws) statements {
	reach := func() error { return w.reach(s) }
	killing := func() error {
		if kill {
			w.end(s)
		}
		return w.reach(s)
	}
	releasing := func() error {
		if release {
			if !f.releaseBeforeKill {
				w.end(s)
			}
			if !f.releaseAnyway && !f.releaseBeforeKill && w.held(s) {
				return errors.New("no fence: whoever waits for an acknowledgement could not be ended")
			}
			for _, c := range w.sessions {
				if s.semiSource && c.alive && c.on == s.name && c.waiting >= 0 {
					w.violate("law 2: the fence of %s lets %d be acknowledged, which nobody else need have", s.name, c.waiting)
				}
			}
			if w.roots != nil && s.semiSource && !f.fenceUnverified {
				// The fence is asked for already: nobody begins a commit.
				s.ro, s.super = true, true
				s.roPersisted = s.roPersisted || persist
			}
			w.semiSource(s, false)
		}
		return w.reach(s)
	}
	return append(statements{reach, releasing, killing}, func() error {
		if s.pending != 0 {
			return errors.New("no fence: commits wait for an acknowledgement")
		}
		if f.fenceUnverified {
			return nil
		}
		s.ro, s.super = true, true
		s.roPersisted = s.roPersisted || persist
		w.tracef("%s is fenced", s.name)
		return nil
	}, killing)
}

// semiSource switches the waiting for acknowledgements; off lets commits complete.
func (w *world) semiSource(s *mServer, on bool) {
	if s.semiSource = on; !on {
		w.release(s, -1, "")
		s.acks.by, s.acks.gaveUp = nil, false
	}
}

// loosen makes a server writable.
func (w *world) loosen(s *mServer, semi SemiSyncWant, persist bool) {
	if !s.writable() {
		w.tailLetOn(s)
	}
	s.semiRep = false
	w.wait(s, semi, persist)
	s.ro, s.super = false, false
	if persist {
		s.roPersisted, s.semiRepP, s.semiSourceP, s.forgets = false, false, semi.Enabled, false
	}
	w.tracef("%s is writable", s.name)
}

// await waits for a server to execute a set.
func (w *world) await(s *mServer, set gtid.Set) error {
	for range 12 {
		if w.gtids(s.executed).Contains(set) {
			return nil
		}
		if s.ch == nil || !s.ch.sql {
			return errors.New("it lacks transactions and its applier does not run")
		}
		if !w.apply(s) && !w.receive(s) {
			w.drift()
		}
		if err := w.reach(s); err != nil {
			return err
		}
	}
	return errors.New("it has not executed the set in time")
}

func (w *world) promote(s *mServer, do Promote, facts reconcile.Facts, f flaws) statements {
	after := do.AfterSet
	reach := func() error { return w.reach(s) }
	return statements{reach, func() error {
		if do.AfterFact != "" {
			text, known := facts[do.AfterFact]
			if !known {
				return errors.New(do.AfterFact + " is not known")
			}
			after = gtid.MustParse(text)
		}
		if do.Failover && s.ch != nil {
			s.ch.io = false
			after = after.Union(w.gtids(s.ch.retrieved))
		}
		if f.promoteWithoutWaiting {
			return nil
		}
		return w.await(s, after)
	}, func() error {
		if s.ch != nil {
			s.ch.io, s.ch.sql = false, false
		}
		return reach()
	}, func() error {
		switch {
		case w.runsLate:
			// Nobody is led to it, unless the next operator finds it and finishes.
			w.lateTo = s.name
		case w.failingOver:
			w.failoverDone(s)
		}
		w.loosen(s, do.SemiSync, false)
		return nil
	}}
}

// ledWithoutPromotion settles the same for a failover to a node that took writes already:
// nobody is promoted, and the record is all that tells.
func (w *world) ledWithoutPromotion(before, after *v1alpha1.MysqlReplication) {
	r := before.Status.Switchover
	if r == nil || !r.Failover || r.Phase != v1alpha1.SwitchoverSwitching || after.Status.Switchover != nil || after.Status.Source != r.To {
		return
	}
	to := w.servers[r.To]
	w.leavesNothingSeen(to)
	w.deposed[r.From] = true
	w.acked &= to.executed
}

// leavesNothingSeen: nobody who was asked has what the new source lacks.
func (w *world) leavesNothingSeen(to *mServer) {
	for _, n := range w.names {
		s := w.servers[n]
		if n == to.name || !w.asked(n) || s.writable() || w.forced {
			continue
		}
		if lost := (s.holds() & w.acked) &^ to.executed; lost != 0 {
			w.violate("law 4: %s is promoted and lacks acknowledged %s, which %s holds", to.name, w.show(lost), n)
		}
	}
}

// failoverDone settles what a failover may lose: what nobody who was asked had.
func (w *world) failoverDone(to *mServer) {
	w.failovers++
	w.surely(to)
	w.starved = map[string]int{}
	for _, n := range w.names {
		if n == to.name || !w.asked(n) {
			continue
		}
		w.starved[n] = w.seen[n]
	}
	w.leavesNothingSeen(to)
	for _, n := range w.names {
		w.deposed[n] = n != to.name
	}
	if w.unsure && !w.forced && !w.lateRan {
		w.doubted |= w.acked &^ to.executed
	}
	w.acked &= to.executed
}

// discard throws a relay log away (law 6).
func (w *world) discard(s *mServer) {
	only := s.ch.relaySet() &^ s.executed
	for _, n := range w.names {
		if o := w.servers[n]; o != s && !o.dead {
			only &^= o.holds()
		}
	}
	if only != 0 && w.anew == 0 {
		w.violate("law 6: the relay log of %s is thrown away with %s, which nobody else has", s.name, w.show(only))
	}
}

func (w *world) holdBack(s *mServer, f flaws) statements {
	var out statements
	for _, do := range w.fence(s, true, true, false, f) {
		out = append(out, func() error {
			if s.ro && s.super {
				return w.reach(s)
			}
			return do()
		})
	}
	return out
}

func (w *world) startThreads(s *mServer) error {
	if !s.ch.io {
		s.ch.active = s.semiRep
	}
	s.ch.io, s.ch.sql, s.ch.ioErr = true, true, 0
	if s.ch.sqlErr != 0 {
		s.ch.sql = false
		return errors.New("the applier reports an error")
	}
	if !w.connected(s) {
		return errors.New("the receiver is not connected")
	}
	return nil
}

func (w *world) persistReplica(s *mServer, acks bool) {
	s.ro, s.super, s.roPersisted = true, true, true
	w.semiSource(s, false)
	s.semiSourceP, s.semiRep, s.semiRepP = false, acks, acks
}

func (w *world) attach(s *mServer, do Attach, facts reconcile.Facts, f flaws) statements {
	right := func() bool { return s.ch != nil && s.ch.to == do.SourceHost }
	reach := func() error { return w.reach(s) }
	return append(w.holdBack(s, f), func() error {
		if f.attachAnyway {
			return reach()
		}
		var within gtid.Set
		switch {
		case do.Within != nil:
			within = *do.Within
		case do.WithinFact != "":
			within = gtid.MustParse(facts[do.WithinFact])
		default:
			return reach()
		}
		holds := s.executed
		if s.ch != nil && !right() {
			holds |= s.ch.retrieved
		}
		if src := w.servers[do.Source]; w.reach(src) == nil {
			within = within.Union(w.gtids(src.executed))
		}
		if !within.Contains(w.gtids(holds)) {
			return errors.New("it holds what the source lacks")
		}
		return reach()
	}, func() error {
		w.semiSource(s, false)
		s.semiRep = do.SemiSync
		if right() && do.TLS != nil && s.ch.tls.On != do.TLS.On {
			if s.ch.io = false; !s.ch.sql && s.ch.sqlErr != 0 {
				return errors.New("the applier does not run, and the relay log would go")
			}
			s.ch.sql, s.ch.tls = true, *do.TLS
			w.tracef("%s has TLS: %t", s.name, do.TLS.On)
			return nil
		}
		if right() {
			if s.ch.io && s.ch.active != do.SemiSync {
				s.ch.io = false
			}
			return nil
		}
		// It may have lost that after the plan was made.
		if src := w.servers[do.Source]; !src.dead && w.anew == 0 && src != w.tail.of && !(src.executed | src.pending).contains(s.executed) {
			w.violate("law 5: %s is attached to %s and holds %s", s.name, do.Source, w.show(s.executed&^src.executed))
		}
		if s.ch != nil {
			w.discard(s)
		}
		secured := ChannelTLS{}
		if s.ch != nil {
			secured = s.ch.tls
		}
		if do.TLS != nil {
			secured = *do.TLS
		}
		s.ch = &mChannel{to: do.SourceHost, tls: secured}
		w.tracef("%s is pointed at %s", s.name, do.SourceHost)
		return nil
	}, func() error {
		if s.ch == nil {
			return errors.New("the channel is gone")
		}
		return w.startThreads(s)
	}, func() error { w.persistReplica(s, do.SemiSync); return nil })
}

// followAhead: the receiver stops, the candidate gets what the server has, and then
// the server follows it. Else it follows the old source again.
func (w *world) followAhead(s *mServer, do FollowAhead, f flaws) statements {
	skip := false
	out := statements{func() error {
		switch {
		case s.ch == nil || !s.ch.running() && s.ch.to != do.SourceHost:
			return errors.New("its replication does not run")
		case s.ch.to == do.SourceHost:
			skip = true
			if !s.ch.io {
				return errors.Join(w.reach(s), w.startThreads(s))
			}
		default:
			s.ch.io, s.ch.sql = false, false
		}
		return w.reach(s)
	}, func() error {
		candidate := w.servers[do.Source]
		if skip || f.aheadAnyway {
			return nil
		}
		if err := w.reach(candidate); err != nil {
			return err
		}
		holds := s.executed
		if s.ch != nil {
			holds |= s.ch.retrieved
		}
		return w.await(candidate, w.gtids(holds))
	}}
	for _, statement := range w.attach(s, do.Attach, nil, f) {
		out = append(out, func() error {
			if skip {
				return nil
			}
			return statement()
		})
	}
	for i, statement := range out {
		if i == 0 {
			continue
		}
		out[i] = func() error {
			err := statement()
			if err != nil && w.reach(s) == nil && s.ch != nil {
				err = errors.Join(err, w.startThreads(s))
			}
			return err
		}
	}
	return out
}
