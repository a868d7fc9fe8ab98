// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"strings"
	"time"

	"github.com/upmio/compose-operator/internal/reconcile"
)

// syncPatience is how long changes of one ProxySQL are waited for. They go on by themselves
// after that: the others must not wait for one that hangs.
const syncPatience = 2 * time.Second

// Sync makes one set of changes on one ProxySQL.
type Sync struct {
	On      string
	Servers ServerChanges
	Users   UserChanges
	// Version for mysql-server_version; "": as it is. LoadVersion and SaveVersion bring it
	// to the other layers.
	Version                  string
	LoadVersion, SaveVersion bool
	// Mark of our rows, and the hostgroup of the writer.
	Mark   string
	Writer int32
}

var (
	_ reconcile.Action    = Sync{}
	_ reconcile.Deadliner = Sync{}
)

// Node implements reconcile.Action.
func (s Sync) Node() string { return s.On }

// About implements reconcile.Action.
func (s Sync) About() string {
	var what []string
	if s.Servers.Any() {
		what = append(what, "servers")
	}
	if s.Users.Any() {
		what = append(what, "users")
	}
	if s.version() {
		what = append(what, "mysql-server_version")
	}
	return "sync " + strings.Join(what, ", ")
}

// Deadline implements reconcile.Deadliner.
func (Sync) Deadline() time.Duration { return syncPatience }

func (s Sync) version() bool { return s.Version != "" || s.LoadVersion || s.SaveVersion }

// Any says whether there is something to do.
func (s Sync) Any() bool { return s.Servers.Any() || s.Users.Any() || s.version() }

// Memory says whether rows change.
func (s Sync) Memory() bool { return s.Servers.Memory() || s.Users.Memory() || s.Version != "" }
