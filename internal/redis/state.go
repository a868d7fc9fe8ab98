// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"time"

	"github.com/upmio/compose-operator/internal/server"
)

// fenceBase marks a fence of the operator: min-replicas-to-write is this plus what it was
// before, more replicas than there can be, so that every write is refused (NOREPLICAS). It is
// on the server itself, so that nobody has to remember it. laxBase is the same where
// min-replicas-max-lag was 0, with which the setting has no effect.
const (
	fenceBase = 1_000_000_000
	laxBase   = 2_000_000_000
)

// nowhereHost and nowherePort are what a detached replica is pointed at: nothing listens
// there. It stays read-only, keeps what it holds, and can say how far it had come.
const (
	nowhereHost = "127.0.0.1"
	nowherePort = 1
)

// State is what was observed, by node name.
type State struct {
	Nodes map[string]*Server
}

// Server is what was observed of one server.
type Server struct {
	Name, Host string
	Port       int32
	// Announced is the address that the spec wants it to announce.
	AnnounceHost string
	AnnouncePort int32

	Reach server.Reach
	// Problem says what is wrong with a server that is not OK.
	Problem string
	// Refused: nothing listens there. Silent is how long it has given no answer.
	Refused bool
	Silent  time.Duration

	Version, RunID string
	// Cluster: cluster-enabled is yes.
	Cluster bool
	// Loading: it reads what it holds from disk, or a copy from its source, and does nothing
	// else meanwhile: it is not OK.
	Loading bool
	// Replica: it replicates, or tries to, and takes no writes.
	Replica bool
	// WritableReplica: replica-read-only is no.
	WritableReplica bool

	// ReplID and Offset name what the server holds; ReplID2 is the history that it
	// continues from SecondOffset on.
	ReplID, ReplID2      string
	Offset, SecondOffset int64
	// Keys in all databases.
	Keys int64
	// Untouched: nothing was written since the process started. Of a replica that is
	// connected that is not known.
	Untouched bool
	// AOF: appendonly is yes.
	AOF bool

	// Of a replica.
	MasterHost     string
	MasterPort     int32
	LinkUp         bool
	SyncInProgress bool

	// Followers that are connected. GoodReplicas are those that count for min-replicas-to-write;
	// known where that is set.
	Followers    []Follower
	GoodReplicas int64
	// FailingOver: a FAILOVER is under way.
	FailingOver bool

	ConfigFile string
	// Config is nil where the user may not read it.
	Config *Config
}

// Follower is a replica as its source sees it.
type Follower struct {
	Host   string
	Port   int32
	Online bool
	Offset int64
}

// Config is what is read of a server's configuration.
type Config struct {
	MinReplicas, MaxLag int64
	AnnounceHost        string
	AnnouncePort        int32
	// AuthOK: masterauth and masteruser are those of the Secret.
	AuthOK bool
	// TLSReplication is tls-replication.
	TLSReplication bool
}

// OK says whether everything was read; s may be nil.
func (s *Server) OK() bool { return s != nil && s.Reach == server.ReachOK }

// Fenced says whether the operator has fenced it.
func (s *Server) Fenced() bool { return s.Config != nil && s.Config.MinReplicas >= fenceBase }

// tooFewReplicas: it refuses writes by a setting of its user's, until enough replicas keep up.
func (s *Server) tooFewReplicas() bool {
	return s.Config != nil && !s.Fenced() && s.Config.MaxLag > 0 && s.GoodReplicas < s.Config.MinReplicas
}

// Writable says whether clients can write to it as far as the operator knows.
func (s *Server) Writable() bool {
	return s.OK() && !s.Loading && (!s.Replica && !s.Fenced() || s.Replica && s.WritableReplica)
}

// Master says whether it is seen and replicates from nobody.
func (s *Server) Master() bool { return s.OK() && !s.Replica }

// Detached says whether it was pointed at nowhere.
func (s *Server) Detached() bool {
	return s.OK() && s.Replica && s.MasterHost == nowhereHost && s.MasterPort == nowherePort
}

// Empty says whether it is seen to hold nothing.
func (s *Server) Empty() bool { return s.OK() && s.Keys == 0 && !s.Loading }

// Follows says whether a replica is pointed at another server, under either of its addresses.
func (s *Server) Follows(other *Server) bool {
	if !s.OK() || !s.Replica || other == nil || s == other {
		return false
	}
	return s.MasterHost == other.Host && s.MasterPort == other.Port ||
		s.MasterHost == other.AnnounceHost && s.MasterPort == other.AnnouncePort
}
