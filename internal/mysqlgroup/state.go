// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"strconv"
	"strings"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/mysql/shared"
)

// State is what one observation found: every node that the spec or the record
// names, by name. It is never changed after it was made.
type State struct {
	Nodes map[string]*Server
}

// Server is one observed server. Unless Reach is shared.ReachOK, only Name, Host, Port,
// Reach and Problem mean anything.
type Server struct {
	Name string
	Host string
	Port int32

	Reach shared.Reach
	// Problem is the error in words without secrets, when Reach is not ReachOK.
	Problem string

	UUID    string
	Version string

	ReadOnly, SuperReadOnly bool
	// ReadOnlyPersisted says whether a restarted server comes up with
	// super_read_only=ON from its persisted variables.
	ReadOnlyPersisted bool
	// OfflineMode is offline_mode: only administrators may connect.
	OfflineMode bool
	// GTIDMode is true when gtid_mode is ON.
	GTIDMode bool
	// LogBin and LogReplicaUpdates are both needed in a group.
	LogBin, LogReplicaUpdates bool

	// Executed is gtid_executed, Purged is gtid_purged. Executed of an ONLINE member was
	// read after that of everybody who is not.
	Executed, Purged gtid.Set
	// Queued is what the channel group_replication_applier has received since its relay
	// log was made, applied or not.
	Queued gtid.Set

	// Plugin and ClonePlugin say whether group_replication and clone are active.
	Plugin, ClonePlugin bool
	Config              Config

	// Members is the group as the server itself sees it; empty: it has no view. A server
	// outside of a group sees itself alone, OFFLINE or ERROR.
	Members []Member
	// ViewID of that view; "" when there is none.
	ViewID string
	// Backlog is the number of transactions that are certified or wait for it and are not applied yet.
	Backlog int64
	// RecoveryUser is the user of the channel group_replication_recovery.
	RecoveryUser string
	// RecoveryOutdated: this process has not given that channel the present password. No
	// server tells which one it has.
	RecoveryOutdated bool
	// RecoveryError is the last error of the group's channels, "" when there is none.
	RecoveryError string
}

// Config is what of the group_replication_* variables matters here.
type Config struct {
	GroupName, LocalAddress, Seeds string
	SinglePrimary                  bool
	// Bootstrap is group_replication_bootstrap_group: the next start makes a group of its own.
	Bootstrap bool
	// StartOnBoot is group_replication_start_on_boot.
	StartOnBoot bool
	// ForceMembers is group_replication_force_members.
	ForceMembers string
	// OfflineOnExit says that a member which the group expels sets offline_mode
	// (group_replication_exit_state_action=OFFLINE_MODE).
	OfflineOnExit bool
	// MySQLStack says that the members speak MySQL's protocol with one another.
	MySQLStack bool
	// RecoveryTLS is group_replication_recovery_use_ssl, RecoveryKey is
	// group_replication_recovery_get_public_key.
	RecoveryTLS, RecoveryKey bool
}

// MemberState in the server's own words.
type MemberState string

// The values of MemberState.
const (
	MemberOnline      MemberState = "ONLINE"
	MemberRecovering  MemberState = "RECOVERING"
	MemberOffline     MemberState = "OFFLINE"
	MemberError       MemberState = "ERROR"
	MemberUnreachable MemberState = "UNREACHABLE"
)

// Member is a row of replication_group_members.
type Member struct {
	UUID string
	// Host and Port are what the member calls itself, for a person to read: they name nobody.
	Host    string
	Port    int32
	State   MemberState
	Primary bool
}

// OK says whether the server was observed in full.
func (s *Server) OK() bool { return s != nil && s.Reach == shared.ReachOK }

// Writable says whether ordinary clients can write.
func (s *Server) Writable() bool { return s.OK() && !s.ReadOnly && !s.SuperReadOnly && !s.OfflineMode }

// staysReadOnly says whether the server refuses writes, now and after a restart.
func (s *Server) staysReadOnly() bool { return s.ReadOnly && s.SuperReadOnly && s.ReadOnlyPersisted }

// Holds is everything that the server has of transactions, applied or not yet.
func (s *Server) Holds() gtid.Set { return s.Executed.Union(s.Queued) }

// Self is how the server sees itself.
func (s *Server) Self() MemberState {
	if m := s.sees(s.UUID); m != nil {
		return m.State
	}
	return MemberOffline
}

// InGroup says whether the server takes part in a group, with quorum or without.
func (s *Server) InGroup() bool {
	return s.OK() && (s.Self() == MemberOnline || s.Self() == MemberRecovering)
}

// Out says whether the server was seen to take part in no group.
func (s *Server) Out() bool { return s.OK() && !s.InGroup() }

// sees is the member with that uuid in the server's own view; nil when it is not in it.
func (s *Server) sees(uuid string) *Member {
	for i := range s.Members {
		if s.Members[i].UUID == uuid {
			return &s.Members[i]
		}
	}
	return nil
}

// reaches says whether the server sees that member alive in its view.
func (s *Server) reaches(uuid string) bool {
	m := s.sees(uuid)
	return m != nil && m.State != MemberUnreachable
}

// HasMajority says whether the server's view counts: it is ONLINE in it, and more than
// half of the members that it lists are not UNREACHABLE.
func (s *Server) HasMajority() bool {
	return s.OK() && s.Self() == MemberOnline && s.reachesMajority()
}

// reachesMajority says whether more than half of those that the server lists are alive.
func (s *Server) reachesMajority() bool {
	alive := 0
	for _, m := range s.Members {
		if m.State != MemberUnreachable {
			alive++
		}
	}
	return 2*alive > len(s.Members)
}

// viewNumber splits a VIEW_ID "prefix:number". The prefix is made when a group is
// bootstrapped; the number grows with every change of its membership.
func viewNumber(id string) (prefix string, number int64) {
	prefix, text, _ := strings.Cut(id, ":")
	number, _ = strconv.ParseInt(text, 10, 64)
	return prefix, number
}
