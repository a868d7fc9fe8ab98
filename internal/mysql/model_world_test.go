// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
)

// txs is a set of transactions: transaction i is bit i.
type txs uint64

// maxTxs bounds the writes of one schedule.
const maxTxs = 64

func (t txs) has(i int) bool      { return t&(1<<i) != 0 }
func (t txs) contains(o txs) bool { return o&^t == 0 }
func (t *txs) add(i int)          { *t |= 1 << i }
func (t *txs) remove(i int)       { *t &^= 1 << i }

// mServer is a server of the model: what survives a restart, and what does not.
type mServer struct {
	name string
	// epoch counts the data directories that it has had: another one, another uuid.
	epoch int
	up    bool
	// since is when it was started last.
	since time.Time
	// dead: it never comes back by itself.
	dead bool
	// podless: its pod was deleted, and the next one is not there yet.
	podless bool

	executed, purged txs
	// log is the binary log, in order. It holds what is executed and what is pending.
	log []int
	// pending commits are in the binary log and wait for an acknowledgement: the
	// replicas get them, nobody sees them here.
	pending txs

	ro, super           bool
	roPersisted         bool
	semiSource, semiRep bool
	semiSourceP         bool
	semiRepP            bool
	// acks is how commits wait, while semiSource is on.
	acks     mAcks
	ch       *mChannel
	restarts int
	// forgets: semi-sync was switched on by SET GLOBAL, and a restart takes it away.
	forgets bool
	// fed: a channel of somebody else brings it transactions.
	fed bool
	// clone is the newest clone of it.
	clone *mClone
}

// mClone is a clone as the server that is made anew tells of it.
type mClone struct {
	donor string
	since time.Time
	// running, dropped (the data), emptied (the set of transactions, too), done.
	running, dropped, emptied, done bool
	// donorStarts tells a donor that was restarted.
	donorStarts int
}

// cloning takes one step in the clone of a server.
func (w *world) cloning(s *mServer) {
	c := s.clone
	if c == nil || !c.running || !s.up {
		return
	}
	donor := w.servers[c.donor]
	switch {
	case !c.dropped:
		if s.super {
			w.tracef("the clone of %s fails under super_read_only", s.name)
			c.running = false
			return
		}
		w.thrownAway(s)
		c.dropped = true
		w.tracef("the data of %s is removed", s.name)
	case !c.emptied:
		c.emptied = true
		s.executed, s.purged, s.pending, s.log, s.ch = 0, 0, 0, nil, nil
		w.tracef("%s says that it is empty", s.name)
	case !donor.up || donor.restarts != c.donorStarts || !w.linked(s.name, donor.name):
		c.running = false
		w.tracef("the clone of %s fails: it has lost %s", s.name, donor.name)
	default:
		c.running, c.done = false, true
		w.clones++
		s.executed, s.purged = donor.executed, donor.executed
		if donor.ch != nil && donor.executed.contains(donor.ch.retrieved) {
			s.ch = &mChannel{to: donor.ch.to}
		}
		w.tracef("%s is a copy of %s and stops", s.name, donor.name)
		w.crash(s)
	}
}

// thrownAway: what goes is not what somebody was told to be safe, and the source has (law 6).
func (w *world) thrownAway(s *mServer) {
	if w.anew > 0 || w.forced {
		return
	}
	lost := s.holds() & w.acked
	for _, n := range w.names {
		if o := w.servers[n]; o != s && !o.dead && !w.hollow(o) {
			lost &^= o.holds()
		}
	}
	if lost != 0 {
		w.violate("law 6: the clone of %s throws away acknowledged %s, which nobody else has", s.name, w.show(lost))
	}
	if doubted := s.holds() & w.doubted; doubted != 0 {
		w.violate("law 6: the clone of %s throws away %s, which was acknowledged before a failover that was not sure to have it", s.name, w.show(doubted))
	}
}

// hollow: its data is gone, whatever it says.
func (w *world) hollow(s *mServer) bool { return s.clone != nil && s.clone.dropped && !s.clone.done }

// mChannel is a replication channel.
type mChannel struct {
	to      string
	io, sql bool
	// active: the running receiver acknowledges.
	active    bool
	retrieved txs
	relay     []int
	ioErr     int
	sqlErr    int
	tls       ChannelTLS
	// byHand: a person has stopped it, and starts it again in the end.
	byHand bool
}

func (c *mChannel) relaySet() (out txs) {
	for _, i := range c.relay {
		out.add(i)
	}
	return out
}

func (c *mChannel) running() bool { return c != nil && (c.io || c.sql) }

func (s *mServer) uuid() string {
	return strings.Repeat(s.name, 8) + fmt.Sprintf("-%04d-0000-0000-000000000000", s.epoch)
}

func (s *mServer) writable() bool { return s.up && !s.ro && !s.super }

// holds is all that the server has in any form.
func (s *mServer) holds() txs {
	out := s.executed | s.pending
	if s.ch != nil {
		out |= s.ch.relaySet()
	}
	return out
}

// session is a connection of a client, opened through -readwrite.
type session struct {
	on      string
	alive   bool
	waiting int
	// root is one that the operator may not end.
	root bool
}

type link struct{ a, b string }

// world is everything but the operator.
type world struct {
	rng     *rand.Rand
	now     time.Time
	servers map[string]*mServer
	names   []string
	// label readonly of each pod, and how many pods there have been of that name.
	label map[string]string
	pod   map[string]int
	// external nodes have slices instead, which say the same and outlive their servers.
	external map[string]bool

	// What is cut: operator–node, client–node, node–node. failing nodes answer the
	// operator with an error.
	opCut, clientCut, failing map[string]bool
	// lacking nodes let the operator look, and refuse it whatever leads replication.
	lacking map[string]bool
	nodeCut map[link]bool
	// hangs is how many of a hundred changes of a label fail.
	hangs int
	// sheltered: nothing fails any more.
	calm bool

	sessions []*session
	next     int
	origin   [maxTxs]gtidOf
	seq      map[string]int64
	cache    map[txs]gtid.Set

	// acked writes must survive; excused ones were lost as a failover may lose them.
	acked, semiAcked txs
	// doubted writes were acknowledged, and a failover that was not sure has left them behind.
	doubted txs
	// unsure: the plan that is carried out is one in semi-sync mode that says to be in doubt.
	unsure bool
	// deposed servers were the source when somebody else was promoted without them.
	deposed map[string]bool
	// behind are the sources that the operator has left by a failover.
	behind map[string]bool
	// stale was the source before somebody failed over by hand. It may take writes still, so
	// that a failover to it has nobody to promote, and only its beginning tells of a doubt.
	stale *mServer
	// starved members were seen, and their receivers stopped, at the last failover.
	starved map[string]int
	// forced: the user has accepted a loss by name.
	forced bool
	// failingOver: the plan that is carried out is a failover; or a switchover, switchingFrom.
	failingOver   bool
	switchingFrom string
	// runsLate while an action of a leader that was frozen runs: nobody is led to its node.
	runsLate bool
	// lateTo was promoted by it.
	lateTo string
	// takesOver is the node that a failover has made the source, until it is routed.
	takesOver string
	failovers int
	// loosened servers came back without their fence while both labels of a route were set,
	// and no pass has ended since.
	loosened map[string]bool
	// unfencedOne has come back without its fence in the middle of a switchover, when it had
	// unfencedHad, and was not seen since.
	unfencedOne *mServer
	unfencedHad txs
	// recovers: the servers have relay_log_recovery.
	recovers bool
	// counts: spec.semiSync is in play, with a randomness of its own.
	counts  bool
	acksRng *rand.Rand
	// claims: the plan that is carried out says nothing of a doubt; sure is the node that
	// such a failover has promoted, and claimed is how many there were.
	claims  bool
	sure    string
	claimed int
	// lateRan: an action of a leader that was frozen has run.
	lateRan bool
	// clones that came to their end.
	clones  int
	purgeds int
	anew    int
	tail    mTail

	// asked says whether a node answered in the last observation, as one of the set.
	asked func(string) bool
	// seen is how often each node had restarted then.
	seen map[string]int
	// mischief happens to the world at any moment.
	mischief func()
	// roots decides which clients the operator may not end; nil: none.
	roots *rand.Rand
	// strikes says whether the operator dies after a step.
	strikes func(step string) bool

	broken  []string
	tracing bool
	trace   []string
}

type gtidOf struct {
	uuid string
	n    int64
}

func (w *world) tracef(format string, args ...any) {
	if w.tracing {
		w.trace = append(w.trace, fmt.Sprintf("%8s ", w.now.Sub(t0).Round(time.Millisecond))+fmt.Sprintf(format, args...))
	}
}

func (w *world) violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.broken = append(w.broken, text)
	w.tracef("VIOLATION %s", text)
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func pick[T any](w *world, of []T) T { return of[w.rng.IntN(len(of))] }

// gtids is a set in MySQL's form.
func (w *world) gtids(t txs) gtid.Set {
	if s, known := w.cache[t]; known {
		return s
	}
	var parts []string
	for rest := uint64(t); rest != 0; rest &= rest - 1 {
		o := w.origin[bits.TrailingZeros64(rest)]
		parts = append(parts, fmt.Sprintf("%s:%d", o.uuid, o.n))
	}
	s := gtid.MustParse(strings.Join(parts, ","))
	w.cache[t] = s
	return s
}

func (w *world) show(t txs) string {
	var parts []string
	for i := 0; i < maxTxs; i++ {
		if !t.has(i) {
			continue
		}
		first, of := i, w.origin[i].uuid
		for i+1 < maxTxs && t.has(i+1) && w.origin[i+1].uuid == of {
			i++
		}
		parts = append(parts, fmt.Sprintf("%s%d-%d", of[:1], first, i))
	}
	return strings.Join(parts, " ")
}

func (w *world) linked(a, b string) bool {
	return !w.nodeCut[link{min(a, b), max(a, b)}]
}

// --- clients

// write commits one transaction on a server by a client's session; nil: by somebody else.
func (w *world) write(s *mServer, by *session) {
	if !s.writable() || w.next >= maxTxs {
		return
	}
	i := w.next
	w.next++
	w.seq[s.uuid()]++
	for j := range w.next {
		// What it got back of what it had lost has its number already.
		if o := w.origin[j]; j != i && o.uuid == s.uuid() && s.holds().has(j) {
			w.seq[s.uuid()] = max(w.seq[s.uuid()], o.n+1)
		}
	}
	w.origin[i] = gtidOf{s.uuid(), w.seq[s.uuid()]}
	s.log = append(s.log, i)
	if s.waiting() {
		s.pending.add(i)
		if by != nil {
			by.waiting = i
		}
		w.tracef("write %d on %s waits for an acknowledgement", i, s.name)
		return
	}
	s.executed.add(i)
	w.tracef("write %d on %s", i, s.name)
	if by != nil {
		w.ack(s, i, "")
	}
}

// feed executes a transaction of a channel of somebody else, whatever is read-only.
// It counts as acknowledged: nobody sends it a second time.
func (w *world) feed(s *mServer) {
	if !s.up || w.next >= maxTxs {
		return
	}
	i := w.next
	w.next++
	w.seq["feed"]++
	w.origin[i] = gtidOf{feedUUID, w.seq["feed"]}
	s.log = append(s.log, i)
	s.executed.add(i)
	w.tracef("write %d is fed to %s", i, s.name)
	w.ack(s, i, "")
}

// feedUUID is where those come from.
const feedUUID = "99999999-0000-0000-0000-000000000000"

// ack tells a client that its write is safe. by is the replica that acknowledged; "" none.
func (w *world) ack(s *mServer, i int, by string) {
	if w.deposed[s.name] {
		// The user has given this source up; what it still takes may be lost, but
		// nobody that was asked to stop may vouch for it.
		w.acknowledgedApart(s, i, by)
		if epoch, stopped := w.starved[by]; stopped && by != "" && epoch == w.servers[by].restarts {
			w.violate("law 4: %s acknowledged %d to the deposed source %s", by, i, s.name)
		}
		return
	}
	if !s.executed.contains(w.acked) {
		w.violate("law 2: %s takes writes and lacks acknowledged %s", s.name, w.show(w.acked&^s.executed))
		w.acked &= s.executed
	}
	w.acked.add(i)
	if by != "" {
		w.semiAcked.add(i)
	}
}

// setApart: what a server takes from now on is kept apart, and was promised by nobody.
func (w *world) setApart(s *mServer) {
	w.deposed[s.name], w.starved, w.sure = true, map[string]int{}, ""
}

// leavesUnfenced: an old source that has lost its fence, and is not seen, takes writes until
// another node is routed. Nobody could have known; they are kept apart.
func (w *world) leavesUnfenced(to *mServer) {
	if from := w.unfencedOne; from != nil && from != to {
		w.acked &^= from.executed &^ w.unfencedHad
		w.setApart(from)
		w.unfencedOne = nil
		w.tracef("%s is left, unseen and without its fence", from.name)
	}
}

// release lets pending commits complete, up to and with one of them (-1: all).
func (w *world) release(s *mServer, upTo int, by string) {
	for _, i := range s.log {
		if !s.pending.has(i) {
			continue
		}
		s.pending.remove(i)
		s.executed.add(i)
		for _, c := range w.sessions {
			if c.alive && c.on == s.name && c.waiting == i {
				c.waiting = -1
				w.ack(s, i, by)
			}
		}
		if i == upTo {
			return
		}
	}
}

// routed are the pods behind -readwrite.
func (w *world) routed() []string {
	var out []string
	for _, n := range w.names {
		if w.label[n] == "false" {
			out = append(out, n)
		}
	}
	return out
}

func (w *world) client() {
	if len(w.sessions) < 3 && w.chance(40) {
		if to := w.routed(); len(to) > 0 {
			n := pick(w, to)
			if w.servers[n].up && !w.clientCut[n] {
				w.sessions = append(w.sessions, &session{on: n, alive: true, waiting: -1, root: w.roots != nil && w.roots.IntN(100) < 30})
			}
		}
	}
	w.sessions = slices.DeleteFunc(w.sessions, func(c *session) bool { return !c.alive })
	if len(w.sessions) == 0 {
		return
	}
	c := pick(w, w.sessions)
	s := w.servers[c.on]
	switch {
	case w.calm && c.root && c.waiting >= 0 && w.label[c.on] != "false":
		// Somebody ends it by hand in the end.
		c.alive = false
	case !s.up || w.clientCut[c.on]:
		c.alive = false
	case c.waiting >= 0:
	case w.chance(10):
		c.alive = false
	default:
		w.write(s, c)
	}
}

// end is what the operator can do about clients.
func (w *world) end(s *mServer) {
	for _, c := range w.sessions {
		if c.on == s.name && !c.root {
			c.alive = false
		}
	}
}

// held says whether one is left who would be told of a commit that no other node has.
func (w *world) held(s *mServer) bool {
	return slices.ContainsFunc(w.sessions, func(c *session) bool { return s.semiSource && c.alive && c.on == s.name && c.waiting >= 0 })
}

// kill ends the connections of clients.
func (w *world) kill(s *mServer) {
	for _, c := range w.sessions {
		if c.on == s.name {
			c.alive = false
		}
	}
}

// --- replication

// connected says whether a receiver is connected, and stops it when it cannot go on.
func (w *world) connected(r *mServer) bool {
	if !r.up || r.ch == nil || !r.ch.io {
		return false
	}
	src := w.servers[r.ch.to]
	if src == nil || !src.up || !w.linked(r.name, src.name) {
		return false
	}
	has := r.executed | r.ch.retrieved
	ahead := r.executed
	if w.tail.of != nil {
		ahead |= r.ch.relaySet()
	}
	if !w.alike(has).contains(src.purged) || w.ofUUID(ahead, src.uuid())&^w.alike(src.executed|src.pending) != 0 {
		r.ch.io, r.ch.ioErr = false, 1236
		w.tracef("receiver of %s: error 1236 from %s", r.name, src.name)
		return false
	}
	return true
}

func (w *world) ofUUID(t txs, uuid string) (out txs) {
	for rest := uint64(t); rest != 0; rest &= rest - 1 {
		if i := bits.TrailingZeros64(rest); w.origin[i].uuid == uuid {
			out.add(i)
		}
	}
	return out
}

// receive moves one transaction into a relay log; it says whether there was one.
func (w *world) receive(r *mServer) bool {
	if !w.connected(r) {
		return false
	}
	src := w.servers[r.ch.to]
	has := w.alike(r.executed | r.ch.relaySet())
	for _, i := range src.log {
		if has.has(i) {
			continue
		}
		r.ch.relay = append(r.ch.relay, i)
		r.ch.retrieved.add(i)
		w.tracef("%s received %d from %s", r.name, i, src.name)
		if w.calm || w.chance(80) {
			w.acknowledge(r)
		}
		return true
	}
	return w.acknowledge(r)
}

// apply executes one transaction of a relay log. No read-only variable holds the applier.
func (w *world) apply(r *mServer) bool {
	if !r.up || r.ch == nil || !r.ch.sql || r.ch.sqlErr != 0 || len(r.ch.relay) == 0 {
		return false
	}
	i := r.ch.relay[0]
	r.ch.relay = r.ch.relay[1:]
	if !w.alike(r.executed).has(i) {
		r.log = append(r.log, i)
		r.executed.add(i)
	}
	return true
}

// replicate does one thing somewhere; it says whether there was anything to do.
func (w *world) replicate() bool {
	at := w.rng.IntN(len(w.names))
	for k := range w.names {
		r := w.servers[w.names[(at+k)%len(w.names)]]
		if r.ch == nil {
			continue
		}
		if w.chance(50) {
			if w.apply(r) || w.receive(r) {
				return true
			}
		} else if w.receive(r) || w.apply(r) {
			return true
		}
	}
	return false
}

// drift lets a little of the world's own life happen.
func (w *world) drift() {
	for range w.rng.IntN(4) {
		w.tire()
		if w.mischief != nil && w.chance(4) {
			w.mischief()
		}
		for _, n := range w.names {
			if s := w.servers[n]; s.fed && w.chance(4) {
				w.feed(s)
			}
		}
		for _, n := range w.names {
			if w.servers[n].clone != nil && w.chance(15) {
				w.cloning(w.servers[n])
			}
		}
		if w.chance(40) {
			w.client()
		} else {
			w.replicate()
		}
	}
}

// --- lives of servers

func (w *world) crash(s *mServer) {
	s.up = false
	w.kill(s)
	w.tracef("%s is down", s.name)
}

// start recovers what is in the binary log, and forgets what was not persisted.
func (w *world) start(s *mServer) {
	if s.dead {
		return
	}
	if s.clone != nil {
		// One that was killed in the middle of it does not go on.
		s.clone.running = false
	}
	s.executed |= s.pending
	s.pending = 0
	s.up, s.since, s.podless = true, w.now, false
	if w.unfencedOne == s {
		w.unfencedOne = nil
	}
	s.restarts++
	s.ro, s.super = s.roPersisted, s.roPersisted
	s.semiSource, s.semiRep = s.semiSourceP && !s.forgets, s.semiRepP
	s.acks = mAcks{count: s.acks.countP, countP: s.acks.countP, timeout: s.acks.timeoutP, timeoutP: s.acks.timeoutP}
	if s.ch != nil {
		if w.recovers {
			w.recoverRelayLog(s)
		}
		s.ch.io, s.ch.sql, s.ch.ioErr, s.ch.active = true, true, 0, s.semiRep
	}
	w.tracef("%s is up: %s", s.name, w.describe(s))
}

// recoverRelayLog throws away what was not executed: it is fetched again, if there is somebody
// to fetch it from. What nobody has any more is lost, and that is nobody's fault; only to be
// sure of the opposite would be one.
func (w *world) recoverRelayLog(s *mServer) {
	s.ch.relay, s.ch.retrieved = nil, s.ch.retrieved&s.executed
	w.forgetLost()
}

// forgetLost excuses what no server has any more.
func (w *world) forgetLost() {
	var rest txs
	for _, n := range w.names {
		rest |= w.servers[n].holds()
	}
	w.acked &= rest
}

// renew: the server comes back under its name with an empty data directory.
func (w *world) renew(s *mServer) {
	epoch, restarts := s.epoch+1, s.restarts+1
	*s = mServer{name: s.name, epoch: epoch, restarts: restarts, up: true, since: w.now}
	w.kill(s)
	w.anew++
	w.forgetLost()
	w.tracef("%s is made anew, empty", s.name)
}

func (w *world) describe(s *mServer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s[%s", s.name, map[string]string{"": "-", "true": "ro", "false": "rw"}[w.label[s.name]])
	if !s.up {
		b.WriteString(" DOWN")
	}
	switch {
	case s.ro && s.super:
		b.WriteString(" fenced")
	case s.ro || s.super:
		b.WriteString(" half-fenced")
	default:
		b.WriteString(" writable")
	}
	if s.roPersisted {
		b.WriteString("/p")
	}
	if s.semiSource {
		fmt.Fprintf(&b, " waits x%d", max(1, s.acks.count))
	}
	if s.semiRep {
		b.WriteString(" acks")
	}
	fmt.Fprintf(&b, " x{%s}", w.show(s.executed))
	if s.pending != 0 {
		fmt.Fprintf(&b, " pending{%s}", w.show(s.pending))
	}
	if c := s.ch; c != nil {
		fmt.Fprintf(&b, " ->%s io=%t sql=%t relay%v", c.to, c.io, c.sql, c.relay)
		if c.ioErr+c.sqlErr != 0 {
			fmt.Fprintf(&b, " errors %d %d", c.ioErr, c.sqlErr)
		}
	}
	return b.String() + "]"
}

func (w *world) String() string {
	var out []string
	for _, n := range w.names {
		out = append(out, w.describe(w.servers[n]))
	}
	return strings.Join(out, " ")
}

// check holds at every moment: never two writable nodes behind -readwrite (law 1). One that a
// failover has left, and that can acknowledge nothing, takes no write.
func (w *world) check() {
	var writable []string
	for _, n := range w.routed() {
		if s := w.servers[n]; s.writable() && (!w.deposed[n] || w.acknowledges(s)) {
			writable = append(writable, n)
		}
	}
	// A restart took the fence of one of them, between the two labels of a route: nobody could
	// have known, and the next pass takes its label off.
	if slices.ContainsFunc(writable, func(n string) bool { return w.loosened[n] }) {
		return
	}
	if len(writable) > 1 {
		w.violate("law 1: %v are writable behind -readwrite", writable)
	}
}
