// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"time"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/grants"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/mysql/shared"
)

// State is what one observation found: every node that the spec or the record
// names, by name. It is never changed after it was made.
type State struct {
	Nodes map[string]*Server
}

// Reach says whether a server could be observed.
type Reach = shared.Reach

// The values of Reach.
const (
	ReachOK    = shared.ReachOK
	ReachError = shared.ReachError
	ReachNone  = shared.ReachNone
)

// Server is one observed server. Unless Reach is ReachOK, only Name, Host, Port,
// Reach, Problem, Refused, Silent, WaitsAfterRestart, Missing and Account mean anything.
type Server struct {
	Name string
	Host string
	Port int32

	Reach Reach
	// Problem is the error in words without secrets, when Reach is not ReachOK.
	Problem string
	// Missing are privileges that the operator's user needs here and does not have;
	// empty also while that is not known. With ReachError the look itself failed for it.
	Missing []grants.Privilege
	// Account of the operator's user as a GRANT names it, where it is known.
	Account string
	// Refused says, when Reach is ReachNone, that nothing listens at the address: the
	// process is not there, unlike one that is silent and may be serving clients.
	Refused bool
	// Silent is for how long the operator has had no answer, when Reach is ReachNone: from
	// the beginning of the first look that got none. A new operator begins at zero.
	Silent time.Duration

	// WaitsAfterRestart: restarted, it comes up read-only, or waiting for acknowledgements as
	// it does now. Of a server that gives no answer: when this operator saw it last. A new
	// operator has not.
	WaitsAfterRestart bool

	UUID     string
	ServerID uint32
	Version  string
	// Uptime of the server process in whole seconds, rounded down, and when the look began
	// that has read it; zero: now.
	Uptime time.Duration
	At     time.Time

	ReadOnly, SuperReadOnly bool
	// ReadOnlyPersisted says whether super_read_only=ON is among the persisted variables,
	// from which a restarted server comes up fenced.
	ReadOnlyPersisted bool
	// IgnoresPersisted: persisted_globals_load is OFF. The server writes down what is
	// persisted and does not read it when it starts, so that no fence outlives a restart.
	IgnoresPersisted bool
	// GTIDMode is true when gtid_mode is ON.
	GTIDMode bool
	// LogReplicaUpdates and LogBin are both needed of a node that may be promoted.
	LogBin, LogReplicaUpdates bool

	// Executed is gtid_executed, Purged is gtid_purged. On a server that may be
	// the source Executed was read after those of the replicas.
	Executed, Purged gtid.Set
	// Before is, on such a server, gtid_executed at the beginning of the look, before
	// the replicas were asked what they have received.
	Before gtid.Set

	// Channel is the default replication channel; nil when none is configured.
	Channel *Channel
	// PasswordOutdated: it runs, the Secret has another password than it was given, and
	// its source takes that one.
	PasswordOutdated bool
	// ForeignChannels are further channels, which are not ours.
	ForeignChannels []ForeignChannel

	// Plain: the operator's own connection to it is without TLS. In the mode preferred
	// the server offers none, then.
	Plain bool
	// CAFile is ssl_ca: the CA of the server's own certificate, a path on its disk.
	CAFile string

	SemiSync SemiSync
	// Clone is what the server says of the CLONE plugin; nil when it was not asked.
	Clone *CloneView
	// SQLMode is not observed; the operator sets its own.
}

// Thread is the state of a replication thread in the server's own words.
type Thread string

// The values of Thread.
const (
	ThreadYes        Thread = "Yes"
	ThreadNo         Thread = "No"
	ThreadConnecting Thread = "Connecting"
)

// Channel is what SHOW REPLICA STATUS says of the default channel.
type Channel struct {
	SourceHost string
	SourcePort int32
	SourceUUID string
	User       string

	IO, SQL           Thread
	IOErrno, SQLErrno int
	IOError, SQLError string

	AutoPosition bool
	TLS          ChannelTLS
	// Elsewhere says that the channel leads to a member of the set by another address
	// than the spec's. The planner finds that out, and the channel has the spec's then.
	Elsewhere bool
	// Retrieved is the set received into the relay log since it was made.
	Retrieved gtid.Set
	// Lag is Seconds_Behind_Source; nil when the server says NULL: unknown.
	Lag *int64

	// Filters are the replication filters of the channel, in the words of SHOW REPLICA
	// STATUS; "" when there are none.
	Filters string

	SourceLogFile    string
	ReadSourceLogPos int64
	ExecSourceLogPos int64
}

// interrupted says whether the applier was only stopped in the middle of a transaction, as
// shedHalf does it. It begins that anew when it is started. (An error of a transaction has
// a number of its own, which this one does not replace.)
func (c *Channel) interrupted() bool {
	return c != nil && c.SQL == ThreadNo && c.SQLErrno == conn.NumberApplierInterrupted
}

// ForeignChannel is a replication channel that is not the default one.
type ForeignChannel struct {
	Name string
	// Running says whether one of its threads runs or tries to.
	Running bool
}

// FedBy names a foreign channel that runs; "" when there is none. No read-only
// variable holds an applier: such a server changes behind a fence.
func (s *Server) FedBy() string { return feeding(s.ForeignChannels) }

func feeding(channels []ForeignChannel) string {
	for _, c := range channels {
		if c.Running {
			return c.Name
		}
	}
	return ""
}

// Received is everything that the server has of transactions, applied or not yet.
func (s *Server) Received() gtid.Set {
	if s.Channel == nil {
		return s.Executed
	}
	return s.Executed.Union(s.Channel.Retrieved)
}

// SemiSync is the state of the semi-sync plugins, whichever names they have.
type SemiSync struct {
	// SourcePlugin and ReplicaPlugin say whether they are loaded.
	SourcePlugin, ReplicaPlugin bool
	// SourceEnabled and ReplicaEnabled are the rpl_semi_sync_*_enabled variables.
	SourceEnabled, ReplicaEnabled bool
	// SourceActive is Rpl_semi_sync_source_status: commits do wait.
	SourceActive bool
	// ReplicaActive is Rpl_semi_sync_replica_status: the running receiver acknowledges.
	ReplicaActive bool
	// Timeout is rpl_semi_sync_source_timeout.
	Timeout time.Duration
	// WaitCount is rpl_semi_sync_source_wait_for_replica_count.
	WaitCount int
	// WaitNoReplica is rpl_semi_sync_source_wait_no_replica.
	WaitNoReplica bool
	// Clients is Rpl_semi_sync_source_clients.
	Clients int
	// WaitSessions is Rpl_semi_sync_source_wait_sessions: commits that wait now.
	WaitSessions int
}

// waitsAs says whether the commits of a source that waits do so for as many and as long
// as wanted. Without wait_no_replica it goes on as soon as too few replicas are attached.
func (s SemiSync) waitsAs(want SemiSyncWant) bool {
	return s.Timeout == want.patience() && s.WaitCount == want.count() && s.WaitNoReplica
}

// Writable says whether ordinary clients can write.
func (s *Server) Writable() bool { return s.Reach == ReachOK && !s.ReadOnly && !s.SuperReadOnly }

// Fenced says whether nobody can write, SUPER included.
func (s *Server) Fenced() bool { return s.Reach == ReachOK && s.ReadOnly && s.SuperReadOnly }

// OK says whether the server was observed in full.
func (s *Server) OK() bool { return s != nil && s.Reach == ReachOK }

// known is a seen server as the planner tells others of it.
func (s *Server) known() Known { return Known{Name: s.Name, Host: s.Host, Port: s.Port, UUID: s.UUID} }

// Follows says whether the server's channel points at the address of o.
func (s *Server) Follows(o *Server) bool {
	if s.Channel == nil || o == nil {
		return false
	}
	if s.Channel.SourceHost == o.Host && s.Channel.SourcePort == o.Port {
		return true
	}
	return false
}

// Running says whether a thread of the channel runs or tries to.
func (c *Channel) Running() bool {
	return c != nil && (c.IO != ThreadNo || c.SQL != ThreadNo)
}

// Streams says whether both threads run without an error.
func (c *Channel) Streams() bool {
	return c != nil && c.IO == ThreadYes && c.SQL == ThreadYes && c.IOErrno == 0 && c.SQLErrno == 0
}
