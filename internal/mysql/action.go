// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"time"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
)

// Every action is a plain value. Each says what the server must look like
// afterwards, so that running it twice does no harm.
// The node is named; its address and the credentials come from the scene.

// target is the node that an action is done to.
type target struct{ On string }

// Node implements reconcile.Action.
func (t target) Node() string { return t.On }

// FenceSource stops writes on a server that may be serving them, verifies that,
// and captures gtid_executed afterwards as the fact FencedFact(node).
//
// super_read_only=ON is set with lock_wait_timeout as its bound, while
// connections of clients are killed (not replication, not the operator's own).
// A statement that hangs because a commit waits for a semi-sync ACK is freed by
// ReleaseAcks only, and not while a client is left there who could not be ended;
// otherwise the action fails, having withdrawn its own statement, and the variables are
// read back: read_only AND super_read_only.
type FenceSource struct {
	target
	// Timeout within which the fence must be up.
	Timeout time.Duration
	// KillClients is false for a server that nobody should be connected to.
	KillClients bool
	// UUID, when not empty, is the server's: one that was made anew under its name is
	// fenced, and the fence fails, because its set says nothing of what was committed.
	UUID string
	// Still demands that only clients change the server: the fence fails while a
	// foreign channel runs, whose applier goes on behind it.
	Still bool
	// Persist sets the variables with SET PERSIST, which costs an fsync while nobody
	// can write. Not needed where ArmFence has done its work.
	Persist bool
	// ReleaseAcks lets commits that wait for a semi-sync ACK complete, by switching
	// the semi-sync source off: only for a server that is no longer to be trusted
	// with acknowledged writes alone (a returning or extra writable node). Nobody is told
	// of such a commit: sessions that the operator's user may not end keep theirs waiting.
	ReleaseAcks bool
}

// ArmFence persists super_read_only and read_only ON for the next start of the
// server (SET PERSIST_ONLY) and changes nothing now: a source that restarts in the
// middle of a switchover comes back fenced. Where the privilege
// PERSIST_RO_VARIABLES_ADMIN is missing it does nothing and succeeds: the planner
// sees Server.ReadOnlyPersisted unchanged and asks FenceSource to persist.
type ArmFence struct{ target }

// SetWritable takes the fence off: read_only and super_read_only OFF, and
// persisted so. SemiSync demands the semi-sync source plugin to be on before that.
type SetWritable struct {
	target
	SemiSync SemiSyncWant
}

// CatchUp waits until the server has executed a set. It changes nothing.
type CatchUp struct {
	target
	Set     gtid.Set
	Timeout time.Duration
	// Source, when not empty, names the node that goes on writing meanwhile: the
	// server then catches up with that again and again, until it is close enough
	// for the rest to be executed in a moment. It fails when it does not get there.
	Source string
	// Ahead, when its name is not empty, is a replica that was led to this server just
	// before. It fails while that one's channel leads here and is not connected.
	Ahead Led
	// Known, when its uuid is not empty, is this server as replicas will look for it. It
	// fails while that address is known to lead to another one: nobody would follow. Answers
	// demands that this server answers there: commits would wait for those who follow.
	Known   Known
	Answers bool
}

// Known is a server as the planner knows it: under which address a receiver looks for it,
// and which server_uuid must answer there ("": not known).
type Known struct {
	Name string
	Host string
	Port int32
	UUID string
}

// Led is a replica, and the address at which it was told to find its new source.
type Led struct {
	Name string
	Host string
	Port int32
}

// Promote makes a replica the source: waits until it has executed After, stops
// replication, switches semi-sync on, and takes the read-only variables off
// (SET GLOBAL; they are persisted by Settle, which is not in the way of clients).
// The channel's configuration stays until Settle.
type Promote struct {
	target
	// AfterFact names the fact with the set that must be executed; AfterSet is
	// used when it is empty.
	AfterFact string
	AfterSet  gtid.Set
	Timeout   time.Duration
	SemiSync  SemiSyncWant
	// From, when not empty, names the old source, which must still be fenced and
	// hold no more than was waited for: an operator that slept meanwhile must not
	// promote after another one has undone the switchover.
	From string
	// Failover: the old source is gone: the receiver is stopped already and
	// everything in the relay log must be executed first.
	Failover bool
	// Lender, when its name is not empty, is a replica that can end a transaction which
	// the old source has left half sent: see shedHalf. It holds nothing that the candidate lacks.
	Lender Known
}

// Settle tidies a source: replication channel removed (RESET REPLICA ALL, never
// with unexecuted relay logs), read-only variables persisted OFF, semi-sync as wanted.
// It does nothing to a server that is not writable.
type Settle struct {
	target
	SemiSync SemiSyncWant
	// KeepChannel where the operator's user may not remove it.
	KeepChannel bool
}

// Attach makes the server a read-only replica of a source by auto-position:
// fenced and persisted so, semi-sync replica as wanted, channel configured, both
// threads running. A channel that already points there keeps its relay log.
type Attach struct {
	target
	// Source is the name of the node to follow, with its address. SourceUUID, when not
	// empty, must answer there.
	Source     string
	SourceHost string
	SourcePort int32
	SourceUUID string
	SemiSync   bool
	// Within, when not nil, must contain the server's gtid_executed still; else
	// WithinFact, when not empty, names the fact with that set.
	Within     *gtid.Set
	WithinFact string
	// RenewPassword: the channel is right but cannot authenticate: give it the
	// credential again without losing the relay log.
	RenewPassword bool
	// TLS of the channel; nil leaves it as it is. Like the password it is changed without
	// losing the relay log.
	TLS *ChannelTLS
}

// FollowAhead points a replica at the candidate of a switchover while the old source
// still takes writes, so that the new source has somebody to acknowledge its first
// commit. What the replica has received may be on nobody else but the old source: its
// replication is stopped and the candidate executes all of that before the relay log goes.
// When that fails, the replica follows the old source again. One that leads there already
// is only started. When it is not connected then, it stays, so that its error is seen.
type FollowAhead struct {
	Attach
	// Timeout of the wait for the candidate.
	Timeout time.Duration
}

// ExpelClients ends the connections of clients to a server that is fenced.
type ExpelClients struct{ target }

// StopReceiver stops the IO thread: the server acknowledges nothing more to its source.
type StopReceiver struct{ target }

// StartReplication starts both threads of a channel that is configured.
type StartReplication struct {
	target
	// Source, when it is known, is the node that the channel must lead to.
	Source Known
}

// Detach takes the server out of replication: read-only, threads stopped, and
// the channel removed unless KeepChannel (what it holds is not yet elsewhere).
type Detach struct {
	target
	KeepChannel bool
	// Elsewhere is what others hold. A channel that has received more until it is stopped,
	// and not executed it, is kept, for another look to tell.
	Elsewhere gtid.Set
}

// Clone begins to replace all that the server holds by a copy of another one, and
// returns once the server is at work with that. It restarts in the end (with nobody to
// start it again it only stops), and comes up fenced. What it must not do without:
// the server is fenced, holds nothing beyond Discards that Source lacks, and the donor
// holds nothing that Source lacks.
type Clone struct {
	target
	// Donor is the node that is copied, with its address.
	Donor     string
	DonorHost string
	DonorPort int32
	// Source is the node that takes the writes, and SourceUUID the server that it was seen to be.
	Source, SourceUUID string
	// UUID is the server that is made anew.
	UUID string
	// Discards is what the server holds and the source lacks, as it was announced.
	Discards gtid.Set
	// TLS of the way to the donor; nil: where the donor offers it. CLONE verifies no host.
	TLS *ChannelTLS
}

// AbortClone ends a clone that cannot succeed any more, unless another session makes it.
type AbortClone struct {
	target
	Session int64
}

// SetSemiSync brings the semi-sync variables of a server to what is wanted without
// a change of its role; a replica's receiver is restarted when its setting changed.
type SetSemiSync struct {
	target
	Source  SemiSyncWant
	Replica bool
}

// SemiSyncWant is the wanted setting of the semi-sync source side.
type SemiSyncWant struct {
	Enabled bool
	// Count is how many replicas a commit waits for; 0: one.
	Count int
	// Timeout after which it goes on without; 0: SemiSyncTimeout.
	Timeout time.Duration
}

// SemiSyncTimeout is what rpl_semi_sync_source_timeout is set to unless the spec says
// otherwise: a commit waits rather than be acknowledged with one copy. 2^31-1 ms, about
// 24 days.
const SemiSyncTimeout = 2147483647 * time.Millisecond

func (w SemiSyncWant) count() int { return max(1, w.Count) }

// patient: commits wait for as long as it takes.
func (w SemiSyncWant) patient() bool { return w.Timeout == 0 }

// patience is the timeout as the server knows it, in whole milliseconds.
func (w SemiSyncWant) patience() time.Duration {
	if w.patient() {
		return SemiSyncTimeout
	}
	return w.Timeout.Truncate(time.Millisecond)
}

// FencedFact is the name of the fact that FenceSource leaves.
func FencedFact(node string) string { return "gtid_executed of the fenced " + node }

// About implements reconcile.Action.
func (FenceSource) About() string      { return "fence" }
func (ArmFence) About() string         { return "arm the fence" }
func (SetWritable) About() string      { return "make writable" }
func (CatchUp) About() string          { return "catch up" }
func (Promote) About() string          { return "promote" }
func (Settle) About() string           { return "settle as source" }
func (Attach) About() string           { return "attach" }
func (FollowAhead) About() string      { return "follow ahead" }
func (ExpelClients) About() string     { return "expel clients" }
func (StopReceiver) About() string     { return "stop receiver" }
func (StartReplication) About() string { return "start replication" }
func (Detach) About() string           { return "detach" }
func (Clone) About() string            { return "clone" }
func (AbortClone) About() string       { return "abort the clone" }
func (SetSemiSync) About() string      { return "set semi-sync" }
