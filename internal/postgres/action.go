// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import "time"

// Every action is a plain value. Each says what the server must look like afterwards, so that
// running it twice does no harm. The node is named; its address and the credentials come
// from the scene.

// target is the node that an action is done to.
type target struct{ On string }

// Node implements reconcile.Action.
func (t target) Node() string { return t.On }

// identity is what a server must be for an action to be done to it.
type identity struct {
	// SystemID is its system identifier.
	SystemID string
}

// Attach makes a standby stream from another server: passfile, primary_conninfo and
// primary_slot_name, and no settings of its time as a primary.
type Attach struct {
	target
	identity
	Conninfo, Slot string
	// From is the node that it is to stream from.
	From string
	// Password: only the passfile is to be written, once the primary takes the password.
	Password bool
}

// Detach has a standby receive from nobody: it keeps what it has.
type Detach struct {
	target
	identity
}

// AddSlots makes slots that are missing.
type AddSlots struct {
	target
	identity
	Slots []string
}

// DropSlots drops slots that nobody uses. Only the operator's own are ever named.
type DropSlots struct {
	target
	identity
	Slots []string
}

// SetSync sets synchronous_standby_names of a primary.
type SetSync struct {
	target
	identity
	Names string
}

// Shut makes a primary that must take no writes read-only, and ends the connections of clients.
type Shut struct {
	target
	identity
}

// Open gives a primary its writes back, and takes away what would make it a standby when it
// is started again.
type Open struct {
	target
	identity
}

// MakePrimary promotes the old primary again, which had become a standby.
type MakePrimary struct {
	target
	identity
	Sync string
	// At is what it had when it was seen. Others must not answer as primaries.
	At     Position
	Others []string
}

// Prepare gives the primary what it needs to become a standby of another one when it is
// stopped: nothing of it takes effect before.
type Prepare struct {
	target
	identity
	Conninfo, Slot string
}

// Checkpoint keeps the one at the stop short.
type Checkpoint struct {
	target
	identity
}

// CatchUp waits until the server has replayed what another one has written.
type CatchUp struct {
	target
	From    string
	Timeout time.Duration
}

// Fence makes a primary read-only, ends the connections of clients, verifies both, and learns
// its LSN after that.
type Fence struct {
	target
	identity
	TLI uint32
}

// Demote stops a fenced primary, which is a standby when it is started again.
type Demote struct {
	target
	identity
	TLI uint32
}

// Promote promotes a standby that has everything it must have.
type Promote struct {
	target
	identity
	// From is the old primary that an earlier step has fenced and stopped: what the standby
	// has received must end in its shutdown checkpoint. "": At counts.
	From string
	TLI  uint32
	// At is what it must hold otherwise.
	At Position
	// Sync is what synchronous_standby_names must be before the first commit.
	Sync    string
	Timeout time.Duration
}

// About implements reconcile.Action.
func (Attach) About() string      { return "attach" }
func (Detach) About() string      { return "detach" }
func (AddSlots) About() string    { return "make slots" }
func (DropSlots) About() string   { return "drop slots" }
func (SetSync) About() string     { return "set synchronous_standby_names" }
func (Shut) About() string        { return "fence" }
func (Open) About() string        { return "open for writes" }
func (MakePrimary) About() string { return "make the primary again" }
func (Prepare) About() string     { return "prepare" }
func (Checkpoint) About() string  { return "checkpoint" }
func (CatchUp) About() string     { return "catch up" }
func (Fence) About() string       { return "fence" }
func (Demote) About() string      { return "demote" }
func (Promote) About() string     { return "promote" }

// slack is what an action may take beyond the time that it names itself.
const slack = 3 * time.Second

// checkpointTimeout bounds a checkpoint. A primary that takes longer would take as long to stop.
const checkpointTimeout = 60 * time.Second

// Deadline implements reconcile.Deadliner.
func (c CatchUp) Deadline() time.Duration { return c.Timeout + slack }

// Deadline implements reconcile.Deadliner.
func (p Promote) Deadline() time.Duration { return p.Timeout + promotionTimeout + slack }

// Deadline implements reconcile.Deadliner.
func (Checkpoint) Deadline() time.Duration { return checkpointTimeout }

// fencedAt is the LSN of a node after it was fenced.
func fencedAt(node string) string { return "fencedAt." + node }

// demoted is set once a node cannot be but a standby when it is started again.
func demoted(node string) string { return "demoted." + node }
