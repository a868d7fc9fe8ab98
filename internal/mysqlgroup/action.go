// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

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

// Settings are what a server needs in order to start Group Replication. An empty one is
// left as the server has it.
type Settings struct {
	// GroupName and LocalAddress are persisted: they are given to a server that has none.
	GroupName, LocalAddress string
	// Seeds are the local addresses of the others, separated by commas.
	Seeds string
}

// Bootstrap makes a group of the server alone. It asks everybody else first: the others
// must take part in no group, and hold nothing that the server does not hold.
// group_replication_bootstrap_group is ON for the time of the start only, and OFF again
// when that fails.
type Bootstrap struct {
	target
	Settings Settings
	// Others are all other nodes that may belong to the group, but for those that the user
	// has given up by name.
	Others []string
	// Lost are those that were not seen and that the user has given up. If one answers after
	// all, it counts like the others.
	Lost []string
}

// Join starts Group Replication on a server that takes part in no group, after a look
// whether it holds something that the group lacks: of itself first, then of the donor.
type Join struct {
	target
	Settings Settings
	// Donor is an ONLINE member of the group.
	Donor string
}

// Leave takes a server out of the group: STOP GROUP_REPLICATION, and it does not start
// again with the server. It stays read-only.
type Leave struct{ target }

// Dissolve stops Group Replication on a member whose group has lost its quorum for good: it
// does nothing where the member sees a majority.
type Dissolve struct{ target }

// Fence makes a server read-only that takes part in no group.
type Fence struct {
	target
	// Persist: after a restart as well.
	Persist bool
}

// Disarm takes back what somebody left on: group_replication_bootstrap_group, and
// group_replication_force_members, with which a member does not start.
type Disarm struct{ target }

// Welcome takes offline_mode off a member that is ONLINE again after the group had
// expelled it.
type Welcome struct{ target }

// SetRecoveryUser gives the recovery channel of a member its user and password.
type SetRecoveryUser struct{ target }

// SetSeeds gives a member the group_replication_group_seeds for its next start.
type SetSeeds struct {
	target
	Seeds string
}

// CatchUp waits until the server has executed a set, and, with Linger, not less than
// that long. It changes nothing.
type CatchUp struct {
	target
	Set             gtid.Set
	Timeout, Linger time.Duration
	// Primary, when not empty, is the node that goes on writing: in the end the server
	// has what that has executed then.
	Primary string
}

// SetPrimary has the group elect the server, and verifies that it takes writes.
type SetPrimary struct {
	target
	// UUID that the server must have.
	UUID string
	// Transactions is how long running transactions may go on.
	Transactions time.Duration
}

// ExpelClients ends the connections of clients to a server that is read-only now.
type ExpelClients struct{ target }

// ForceMembers has a member without quorum go on with those members alone.
type ForceMembers struct {
	target
	// Names of the members, the server among them.
	Names []string
	// Others are all other nodes. The user has given them up: those that answer after all
	// must take part in no group, and hold nothing that the named lack.
	Others []string
}

// About implements reconcile.Action.
func (Bootstrap) About() string       { return "bootstrap the group" }
func (Join) About() string            { return "join" }
func (Leave) About() string           { return "leave the group" }
func (Dissolve) About() string        { return "stop without quorum" }
func (Fence) About() string           { return "fence" }
func (Disarm) About() string          { return "disarm" }
func (Welcome) About() string         { return "end offline mode" }
func (SetRecoveryUser) About() string { return "set the recovery user" }
func (SetSeeds) About() string        { return "set the seeds" }
func (CatchUp) About() string         { return "catch up" }
func (SetPrimary) About() string      { return "elect" }
func (ExpelClients) About() string    { return "expel clients" }
func (ForceMembers) About() string    { return "force quorum" }
