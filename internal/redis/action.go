// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "time"

// Every action is a plain value. Each says what the server must look like
// afterwards, so that running it twice does no harm.
// The node is named; its address and the credentials come from the scene.

// target is the node that an action is done to.
type target struct{ On string }

// Node implements reconcile.Action.
func (t target) Node() string { return t.On }

// Configure sets what replication needs: masterauth and masteruser, the announced address,
// tls-replication, and, on a replica, replica-read-only.
type Configure struct{ target }

// Follow makes a server a replica of another one. It looks first whether both still are
// what the plan was made for.
type Follow struct {
	target
	// Source is whom it follows.
	Source string
	// SourceID is the replication id that the source must have; with SourceFact it is the
	// one that an earlier step has learned.
	SourceID   string
	SourceFact bool
	// ID and Offset are what the server holds: it must hold no more under that id. Of a
	// replica the offset does not count, it moves.
	ID     string
	Offset int64
	// Discard: what it holds may be thrown away, whatever that is.
	Discard bool
	// Fenced: it was the source until now and may have sent its followers a sign of life
	// since: the fence is what counts.
	Fenced bool
}

// Detach points a server at nowhere: it stays read-only and keeps what it holds.
type Detach struct{ target }

// Release lets a server go that the spec does not name any more: it replicates from nobody.
type Release struct{ target }

// Shut fences a server that must take no writes, and ends the connections of its clients.
type Shut struct{ target }

// Open takes the fence off a source.
type Open struct{ target }

// MakeSource has a replica that follows nobody of ours replicate from nobody.
type MakeSource struct {
	target
	// ID is the replication id that it must have.
	ID string
}

// CatchUp waits until the server has applied what another one has written.
type CatchUp struct {
	target
	Source  string
	Timeout time.Duration
}

// Handover asks a source for FAILOVER TO a replica and waits until that is the source. Where
// the command is missing or refused it does nothing, and says so in the facts.
type Handover struct {
	target
	To string
	// ToRunID is the process that was seen there. Another one may have read an older snapshot,
	// which has the same replication id.
	ToRunID string
	Timeout time.Duration
}

// FenceSource makes a source refuse writes, verifies that, and learns its position after
// that. It does nothing where a Handover has succeeded.
type FenceSource struct {
	target
	// ID is the replication id that it must have.
	ID string
}

// Promote has a replica replicate from nobody once it has applied all that the source had
// when it was fenced; without a source, once it is seen to be at a position.
type Promote struct {
	target
	// From is the fenced source; "" in a failover.
	From    string
	Timeout time.Duration
	// ID and Offset that it must hold in a failover; with Forced they do not count.
	ID     string
	Offset int64
	Forced bool
}

// Expel ends the connections of clients to a server that was the source.
type Expel struct{ target }

// Abort ends a FAILOVER that is under way.
type Abort struct{ target }

// Persist writes the configuration where the server has a file for it.
type Persist struct{ target }

// About implements reconcile.Action.
func (Configure) About() string   { return "configure" }
func (Follow) About() string      { return "follow" }
func (Detach) About() string      { return "detach" }
func (Release) About() string     { return "release" }
func (Shut) About() string        { return "fence" }
func (Open) About() string        { return "open for writes" }
func (MakeSource) About() string  { return "make the source" }
func (CatchUp) About() string     { return "catch up" }
func (Handover) About() string    { return "hand over" }
func (FenceSource) About() string { return "fence" }
func (Promote) About() string     { return "promote" }
func (Expel) About() string       { return "expel clients" }
func (Abort) About() string       { return "abort the failover" }
func (Persist) About() string     { return "persist" }

// slack is what an action may take beyond the time that it names itself.
const slack = 3 * time.Second

// Deadline implements reconcile.Deadliner.
func (c CatchUp) Deadline() time.Duration { return c.Timeout + slack }

// Deadline implements reconcile.Deadliner.
func (h Handover) Deadline() time.Duration { return h.Timeout + slack }

// Deadline implements reconcile.Deadliner.
func (p Promote) Deadline() time.Duration { return p.Timeout + slack }

// Facts that steps learn.

// handedOver is set once FAILOVER has succeeded on a node; its value does not matter.
func handedOver(node string) string { return "handedOver." + node }

// fencedAt is the position of a fenced node, "id offset".
func fencedAt(node string) string { return "fencedAt." + node }

// replIDOf is the replication id that a promoted node has.
func replIDOf(node string) string { return "replID." + node }
