// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"time"

	"github.com/upmio/compose-operator/internal/server"
)

// State is what was observed.
type State struct {
	// Nodes by name.
	Nodes map[string]*Server
	// KeysMoved by this process for the resource, as far as they were counted.
	KeysMoved int64
	// Waits are actions, by nameOf, that have failed and are left alone for a while.
	Waits map[string]bool
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

	Version, RunID, ConfigFile string
	// ID in the cluster.
	ID string
	// ClusterOK is cluster_state: it serves, and is not in a minority.
	ClusterOK bool

	// Replica: it replicates, or tries to, from MasterID.
	Replica        bool
	MasterID       string
	LinkUp         bool
	SyncInProgress bool
	// Offset in its replication stream; of a replica, what it has applied.
	Offset int64
	// Keys that it holds.
	Keys int64
	// Quiet is how long it has sent no client on to another node (MOVED), as far as it was watched.
	Quiet time.Duration
	sent  sentOn

	// View is what it says of the cluster, itself included, by id.
	View map[string]*Peer
	// Slots that it owns, as it says itself.
	Slots Slots
	// Migrating and Importing are its open slots: to whom, and from whom.
	Migrating, Importing map[int]string

	// Config is nil where the user may not read it.
	Config *Config
}

// Peer is a node as another one sees it.
type Peer struct {
	ID string
	IP string
	// Port and Bus are those that it announces.
	Port, Bus int32
	Myself    bool
	Replica   bool
	MasterID  string
	// Fail: the majority says that it is dead; MayFail: this one thinks so.
	Fail, MayFail bool
	// Handshake: it is not a node of the cluster yet. NoAddress: nobody knows where it is.
	Handshake, NoAddress bool
	Connected            bool
	// Epoch of what it claims: of two that claim a slot, everybody believes the higher one.
	Epoch uint64
	Slots Slots
}

// Config is what is read of a server's configuration, compared with what is wanted.
type Config struct {
	// AuthOK: masterauth and masteruser are those of the Secret.
	AuthOK bool
	// AnnounceOK: the address of the spec is announced, where it has one.
	AnnounceOK bool
	// TLSReplication and TLSCluster are the parameters of the name.
	TLSReplication, TLSCluster bool
	// BusPort: the port of the bus is set (cluster-port), and does not follow from tls-cluster.
	BusPort bool
	// Migrates: Redis itself moves replicas to shards that have none. The spec says where they are.
	Migrates bool
}

// OK says whether everything was read; s may be nil.
func (s *Server) OK() bool { return s != nil && s.Reach == server.ReachOK }

// Master says whether it is seen and replicates from nobody.
func (s *Server) Master() bool { return s.OK() && !s.Replica }

// Open says whether it has open slots.
func (s *Server) Open() bool { return len(s.Migrating)+len(s.Importing) > 0 }

// knows says whether another node is a part of the cluster for it.
func (s *Server) knows(id string) bool {
	p := s.View[id]
	return p != nil && !p.Handshake
}

// reaches says whether it is connected to another node.
func (s *Server) reaches(id string) bool {
	p := s.View[id]
	return p != nil && !p.Handshake && (p.Myself || p.Connected && !p.Fail && !p.MayFail && !p.NoAddress)
}

// Alone says whether it knows nobody.
func (s *Server) Alone() bool {
	for id, p := range s.View {
		if id != s.ID && !p.Handshake {
			return false
		}
	}
	return true
}

// Bare says whether nothing is lost with it: a master without keys, slots and open slots.
func (s *Server) Bare() bool {
	return s.Master() && s.Keys == 0 && s.Slots.Empty() && !s.Open()
}

// Fresh says whether it is a server that no cluster has.
func (s *Server) Fresh() bool { return s.Bare() && s.Alone() }
