// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/upmio/compose-operator/internal/server"
)

// State is what was observed, by node name.
type State struct {
	Nodes map[string]*Server
}

// Server is what was observed of one server.
type Server struct {
	Name, Host string
	Port       int32

	Reach server.Reach
	// Problem says what is wrong with a server that is not OK.
	Problem string
	// Refused: nothing listens there. Silent is how long it has given no answer.
	Refused bool
	Silent  time.Duration
	// Unwell is how long it has not been seen whole, also while it answers with errors.
	Unwell time.Duration
	// Starting: it says itself that it takes no connections now, because it starts, stops or
	// recovers. It is not OK, and not empty.
	Starting bool

	Version int
	// Started is when the process began to run, as the server says.
	Started string
	// SystemID is the system identifier of the database cluster.
	SystemID string
	// Recovery: it is a standby and takes no writes.
	Recovery bool
	// At is what it holds: of a primary what it has flushed, of a standby what it has
	// received. Known says whether that is sure; of a standby that was started anew it is
	// once it has gone through what it has of the log.
	At    Position
	Known bool
	// Settled: a standby without a WAL receiver has replayed all that it has received; or every
	// whole record of it, and found no more for longer than it waits between two looks. What it
	// has received beyond that is a part of one then, and not in At.
	Settled bool
	// Replay is how far a standby has applied it.
	Replay LSN
	// Paused: somebody has paused the replay.
	Paused bool
	// Receiver is the state of the WAL receiver, "" without one, and Sender whom it is
	// connected to, host:port.
	Receiver, Sender string
	// Conninfo is primary_conninfo. It may have a password: it is compared, and never shown.
	Conninfo string
	// Upstream is host:port in it.
	Upstream string
	// Slot is primary_slot_name.
	Slot string
	// PassOK: the operator's passfile has the password of the Secret.
	PassOK bool
	// ReadOnly is default_transaction_read_only, Fenced that it was set by ALTER SYSTEM.
	ReadOnly, Fenced bool
	// Signal: there is a standby.signal.
	Signal bool
	// SyncNames is synchronous_standby_names, SyncSet that it was set by ALTER SYSTEM.
	SyncNames string
	SyncSet   bool
	// SyncCommit is synchronous_commit.
	SyncCommit string
	// CAFile is ssl_ca_file.
	CAFile string
	// Hindrance is a setting with which it cannot be a standby or a primary as it should, in words.
	Hindrance string
	// Delay is recovery_min_apply_delay.
	Delay time.Duration
	// Backups that are being taken.
	Backups int
	// Followers are the standbys that are connected, Slots its physical replication slots.
	Followers []Follower
	Slots     []Slot
	// HoldsData: there is a table or a database of a user's.
	HoldsData bool
	// Rewindable: pg_rewind would work (wal_log_hints or checksums).
	Rewindable bool
}

// Follower is a standby as its primary sees it.
type Follower struct {
	// Name is its application_name.
	Name      string
	Streaming bool
	SyncState string
}

// Slot is a physical replication slot.
type Slot struct {
	Name   string
	Active bool
	// Lost: the log that it should keep is gone.
	Lost bool
}

// OK says whether everything was read; s may be nil.
func (s *Server) OK() bool { return s != nil && s.Reach == server.ReachOK }

// Primary says whether it is seen and is no standby.
func (s *Server) Primary() bool { return s.OK() && !s.Recovery }

// Standby says whether it is seen and is one.
func (s *Server) Standby() bool { return s.OK() && s.Recovery }

// Writable says whether clients can write to it.
func (s *Server) Writable() bool { return s.Primary() && !s.ReadOnly }

// Address is host:port.
func (s *Server) Address() string { return address(s.Host, s.Port) }

func address(host string, port int32) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// Follows says whether a standby is set to stream from another server.
func (s *Server) Follows(other *Server) bool {
	return s.Standby() && other != nil && s != other && s.Upstream == other.Address()
}

// Streams says whether a standby is connected with another server, and streams.
func (s *Server) Streams(other *Server) bool {
	return s.Standby() && other != nil && s != other && s.Receiver == streaming && s.Sender == other.Address()
}

const streaming = "streaming"

// Detached says whether a standby receives from nobody, and will not.
func (s *Server) Detached() bool { return s.Standby() && s.Conninfo == "" && s.Receiver == "" }

// slot by name.
func (s *Server) slot(name string) (Slot, bool) {
	i := slices.IndexFunc(s.Slots, func(one Slot) bool { return one.Name == name })
	if i < 0 {
		return Slot{}, false
	}
	return s.Slots[i], true
}

// follower is the standby of a node, as the primary sees it.
func (s *Server) follower(node string) (Follower, bool) {
	i := slices.IndexFunc(s.Followers, func(one Follower) bool { return one.Name == applicationName(node) && one.Streaming })
	if i < 0 {
		return Follower{}, false
	}
	return s.Followers[i], true
}
