// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"time"

	"github.com/upmio/compose-operator/internal/reconcile"
)

// Every action is a plain value. Each says what the server must look like
// afterwards, so that running it twice does no harm, and names the ids that the servers
// must have: another one at the same address is not the one that was meant.

// target is the node that an action is done to.
type target struct{ On string }

// Node implements reconcile.Action.
func (t target) Node() string { return t.On }

// Configure sets what a cluster needs: masterauth and masteruser, the announced address, TLS,
// and that Redis does not move replicas by itself.
type Configure struct {
	target
	// Bus: tls-cluster may be changed too, while it knows nobody and has a cluster-port. It cuts a
	// node off from all that do not have it.
	Bus bool
}

// Meet introduces the server to other nodes, at the addresses where the operator sees them.
type Meet struct {
	target
	// ID that the server must have.
	ID string
	// Others by name, with the ids that they must have.
	Others map[string]string
}

// Assign gives a server slots that nobody has owned yet.
type Assign struct {
	target
	ID    string
	Slots Slots
}

// GiveUp gives a server slots whose data is given up, and tells the others.
type GiveUp struct {
	target
	ID    string
	Slots Slots
	// Dead is who owned them; "" nobody.
	Dead string
	// Replaced are Dead and its replicas as far as they have come back as other nodes: the names
	// of the members by the ids that they had.
	Replaced map[string]string
	// Tell are the other sources.
	Tell []string
}

// Replicate makes a server, which has nothing of its own, a replica.
type Replicate struct {
	target
	ID string
	// Source and SourceID are whom it is to replicate from.
	Source, SourceID string
	// MasterID is whom it replicates from; "": it is a bare master. Master is the name of that
	// node where what the server holds must be seen to be there still.
	MasterID, Master string
}

// Promote has a replica take over from its source.
type Promote struct {
	target
	ID       string
	MasterID string
	// Way is "", which the source takes part in, wayForce or wayTakeOver.
	Way string
	// Source is the name of the source; with a Way it must not answer. "": no member is that.
	Source string
	// Replaced: Source is another node by now. Redis calls it dead, or does not know where it is.
	Replaced bool
	// Slots of the source. A replica that takes over claims all that its source had as far
	// as it has heard, with a newer epoch than whoever has them by now.
	Slots Slots
}

// stale says whether a replica has not heard yet of the slots that its source has.
func (do Promote) stale(s *Server) bool {
	p := s.View[do.MasterID]
	return p == nil || p.Slots != do.Slots
}

// The ways of a promotion without the source: by the votes of the others, or without any.
const (
	wayForce    = "FORCE"
	wayTakeOver = "TAKEOVER"
)

// Migrate moves slots with their keys, as many as there is time for.
type Migrate struct {
	target
	// To is who gets them.
	To           string
	FromID, ToID string
	// FromRunID is the process that the move began with. For another one it is Inherited.
	FromRunID string
	Slots     Slots
	// Inherited: keys of the slots may be on both ends, and none may count more than another.
	Inherited bool
	// Tell are the other sources.
	Tell []string
	// Budget is how long new slots are begun.
	Budget time.Duration
}

// Tell tells a server who owns slots that are moved: for one that has not heard of it.
type Tell struct {
	target
	ID string
	// Owner and OwnerID are who owns them, and must say so.
	Owner, OwnerID string
	Slots          Slots
}

// Forget has a server forget nodes.
type Forget struct {
	target
	ID  string
	IDs []string
}

// Reset makes a bare server that left the cluster forget it, and be another node.
type Reset struct {
	target
	ID string
}

// About implements reconcile.Action.
func (Configure) About() string { return "configure" }
func (Meet) About() string      { return "meet" }
func (Assign) About() string    { return "assign slots" }
func (GiveUp) About() string    { return "give up the data of slots" }
func (Replicate) About() string { return "replicate" }
func (Promote) About() string   { return "promote" }
func (Migrate) About() string   { return "move slots" }
func (Tell) About() string      { return "tell the owner of slots" }
func (Forget) About() string    { return "forget" }
func (Reset) About() string     { return "reset" }

const (
	// slack is what an action may take beyond the time that it names itself.
	slack = 10 * time.Second
	// promoteTimeout is more than the 5 s after which a server gives up a manual failover.
	promoteTimeout = 7 * time.Second
)

// Deadline implements reconcile.Deadliner.
func (m Migrate) Deadline() time.Duration { return m.Budget + slack }

// Deadline implements reconcile.Deadliner.
func (Promote) Deadline() time.Duration { return promoteTimeout + slack }

// nameOf an action, for the memory of those that failed: a move is that of a pair.
func nameOf(action reconcile.Action) string {
	name := action.About() + " " + action.Node()
	if move, is := action.(Migrate); is {
		name += " " + move.To
	}
	return name
}
