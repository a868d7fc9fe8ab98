// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"time"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/server"
)

// layer of ProxySQL's configuration.
type layer int

// The layers, in the order in which a change goes through them.
const (
	memory layer = iota
	runtime
	disk
	layers
)

// layerNames are the words for them in queries.
var layerNames = [layers]string{"memory", "runtime", "disk"}

// Address of a MySQL server, as ProxySQL knows it.
type Address struct {
	Host string
	Port int32
}

// ServerKey is the primary key of mysql_servers.
type ServerKey struct {
	Hostgroup int32
	Address
}

// ServerRow is a row of mysql_servers, in what the operator knows of it. Other columns are
// not touched.
type ServerRow struct {
	ServerKey
	Weight, MaxConnections int32
	UseSSL                 bool
	Status, Comment        string
}

// like says whether both are the same but for status and comment.
func (r ServerRow) like(other ServerRow) bool {
	return r.ServerKey == other.ServerKey && r.Weight == other.Weight &&
		r.MaxConnections == other.MaxConnections && r.UseSSL == other.UseSSL
}

// offline: a person, or a removal that waits for its connections, keeps clients away.
func (r ServerRow) offline() bool { return r.Status == "OFFLINE_SOFT" || r.Status == "OFFLINE_HARD" }

// HostgroupRow is a row of mysql_replication_hostgroups.
type HostgroupRow struct {
	Writer, Reader     int32
	CheckType, Comment string
}

// UserRow is a row of mysql_users, in what the operator knows of it.
type UserRow struct {
	Name              string
	Hash              credential.Password
	Active            bool
	DefaultHostgroup  int32
	Backend, Frontend bool
	Comment           string
}

// like says whether both are the same but for the comment.
func (r UserRow) like(other UserRow) bool {
	return r.Name == other.Name && r.Hash.Reveal() == other.Hash.Reveal() && r.Active == other.Active &&
		r.DefaultHostgroup == other.DefaultHostgroup && r.Backend == other.Backend && r.Frontend == other.Frontend
}

// Tables are those of a ProxySQL, by layer.
type Tables struct {
	Servers    [layers][]ServerRow
	Hostgroups [layers][]HostgroupRow
	Users      [layers][]UserRow
	// Version is mysql-server_version.
	Version [layers]string
	// Monitor is mysql-monitor_username.
	Monitor string
}

// Node is what was seen of one ProxySQL.
type Node struct {
	Name  string
	Host  string
	Port  int32
	Reach server.Reach
	// Problem says why nothing was seen.
	Problem string
	// Tables are nil where the node was not seen. They are older than this pass where the
	// node says that it has changed nothing since.
	Tables *Tables
	// Loaded is when this process last had servers, users or variables loaded or saved
	// here; zero: it has not.
	Loaded time.Time
	// Failure of the last change, "" when it went well.
	Failure string
	// Synced is when this process last changed something here; zero: it has not.
	Synced time.Time
}

// OK says whether the node was seen.
func (n *Node) OK() bool { return n != nil && n.Reach == server.ReachOK && n.Tables != nil }

// Account is a row of mysql.user.
type Account struct {
	User, Host, Plugin string
	Hash               credential.Password
	Locked, Expired    bool
}

// Source is what was seen of the MySQL server that is the topology's source.
type Source struct {
	Reach   server.Reach
	Problem string
	// UUID, Version and Writable are the server's own words.
	UUID, Version string
	Writable      bool
	Accounts      []Account
}

// OK says whether the source was seen.
func (s *Source) OK() bool { return s != nil && s.Reach == server.ReachOK }

// State is what one look has found.
type State struct {
	Nodes map[string]*Node
	// Source is nil where nobody knows which server that is.
	Source *Source
}
