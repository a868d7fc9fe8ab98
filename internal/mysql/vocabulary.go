// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"strconv"
	"strings"

	"github.com/upmio/compose-operator/internal/mysql/conn"
)

var (
	// SHOW REPLICA STATUS, START REPLICA and their like came with 8.0.22.
	replicaWords = conn.Version{Major: 8, Minor: 0, Patch: 22}
	// CHANGE REPLICATION SOURCE TO and the SOURCE_ options came with 8.0.23.
	sourceWords = conn.Version{Major: 8, Minor: 0, Patch: 23}
	// replica_net_timeout and other variables got their names with 8.0.26.
	replicaVariables = conn.Version{Major: 8, Minor: 0, Patch: 26}
)

// words are the names that a server understands. 8.0 moved from master and slave
// to source and replica in steps, and the semi-sync plugins are installed under
// the one or the other name whatever the version.
type words struct {
	version conn.Version
	// sourcePlugin is "source" or "master", replicaPlugin "replica" or "slave": the
	// plugins that are loaded. Empty: none.
	sourcePlugin, replicaPlugin string
	// instrumented says whether performance_schema is ON: it knows of connections.
	instrumented bool
}

func newWords(v conn.Version, variables map[string]string) words {
	w := words{version: v, instrumented: !strings.EqualFold(variables["performance_schema"], "OFF")}
	for _, name := range []string{"source", "master"} {
		if _, loaded := variables["rpl_semi_sync_"+name+"_enabled"]; loaded && w.sourcePlugin == "" {
			w.sourcePlugin = name
		}
	}
	for _, name := range []string{"replica", "slave"} {
		if _, loaded := variables["rpl_semi_sync_"+name+"_enabled"]; loaded && w.replicaPlugin == "" {
			w.replicaPlugin = name
		}
	}
	return w
}

// replica is the server's word in statements about replication threads.
func (w words) replica() string {
	if w.version.AtLeast(replicaWords) {
		return "REPLICA"
	}
	return "SLAVE"
}

// Only the default channel is the operator's; without FOR CHANNEL these
// statements would go for every channel there is.
const defaultChannel = " FOR CHANNEL ''"

func (w words) showStatus() string      { return "SHOW " + w.replica() + " STATUS" }
func (w words) start() string           { return "START " + w.replica() + defaultChannel }
func (w words) stop() string            { return "STOP " + w.replica() + defaultChannel }
func (w words) startReceiver() string   { return "START " + w.replica() + " IO_THREAD" + defaultChannel }
func (w words) stopReceiver() string    { return "STOP " + w.replica() + " IO_THREAD" + defaultChannel }
func (w words) startApplier() string    { return "START " + w.replica() + " SQL_THREAD" + defaultChannel }
func (w words) resetReplicaAll() string { return "RESET " + w.replica() + " ALL" + defaultChannel }

// change is the statement that configures a channel; its arguments are host, port,
// user, password and those of the TLS. The receiver tries again every second and for ever,
// notices within some seconds that a silent source is gone, and gets by without TLS.
// What else an administrator has set (delay, filters) stays.
func (w words) change(secured *ChannelTLS) string {
	return w.changeTo(append([]string{
		"HOST=?", "PORT=?", "USER=?", "PASSWORD=?",
		"AUTO_POSITION=1", "CONNECT_RETRY=1", "RETRY_COUNT=0", "HEARTBEAT_PERIOD=5",
	}, secured.options()...)...)
}

// lead is the statement that leads the receiver to another server and keeps the relay
// log, while the applier runs: without the position options.
func (w words) lead() string { return w.changeTo("HOST=?", "PORT=?", "USER=?", "PASSWORD=?") }

// changeTLS is the statement that replaces nothing but the TLS: the channel keeps its
// password, because the Secret's may be one that the source does not take yet. Without
// the position options, and while the applier runs, the relay log stays.
func (w words) changeTLS(secured *ChannelTLS) string { return w.changeTo(secured.options()...) }

// changeAccess is the like that replaces user and password as well.
func (w words) changeAccess(secured *ChannelTLS) string {
	return w.changeTo(append([]string{"USER=?", "PASSWORD=?"}, secured.options()...)...)
}

func (w words) changeTo(options ...string) string {
	verb, prefix := "CHANGE REPLICATION SOURCE TO ", "SOURCE_"
	if !w.version.AtLeast(sourceWords) {
		verb, prefix = "CHANGE MASTER TO ", "MASTER_"
	}
	// GET_SOURCE_PUBLIC_KEY has the prefix in its middle.
	return verb + prefix + strings.Join(options, ", "+prefix) + ", GET_" + prefix + "PUBLIC_KEY=1" + defaultChannel
}

// Names of the semi-sync variables; call them only when the plugin is loaded.

func (w words) sourceVariable(of string) string {
	replica := "replica"
	if w.sourcePlugin == "master" {
		replica = "slave"
	}
	return "rpl_semi_sync_" + w.sourcePlugin + "_" + strings.ReplaceAll(of, "replica", replica)
}

func (w words) replicaVariable(of string) string {
	return "rpl_semi_sync_" + w.replicaPlugin + "_" + of
}

// Scope of a SET statement.
type scope string

const (
	setGlobal  scope = "GLOBAL"
	setPersist scope = "PERSIST"
)

// netTimeout is the variable that bounds the receiver's wait.
func (w words) netTimeout() string {
	if w.version.AtLeast(replicaVariables) {
		return "replica_net_timeout"
	}
	return "slave_net_timeout"
}

// assignments collects what one SET statement assigns, in order. The server
// checks all of them before it assigns the first.
type assignments []string

func (a *assignments) add(s scope, name, value string) {
	*a = append(*a, string(s)+" "+name+"="+value)
}

func (a assignments) statement() string { return "SET " + strings.Join(a, ", ") }

func onOff(on bool) string {
	if on {
		return "ON"
	}
	return "OFF"
}

// readOnly assigns both read-only variables. super_read_only=ON implies the
// other one; read_only=OFF would imply super_read_only=OFF.
func (a *assignments) readOnly(s scope, on bool) {
	a.add(s, "super_read_only", onOff(on))
	a.add(s, "read_only", onOff(on))
}

// source assigns the semi-sync source side, where it is loaded.
func (a *assignments) source(s scope, w words, want SemiSyncWant) {
	if w.sourcePlugin == "" {
		return
	}
	if want.Enabled {
		a.add(s, w.sourceVariable("timeout"), strconv.FormatInt(want.patience().Milliseconds(), 10))
		a.add(s, w.sourceVariable("wait_for_replica_count"), strconv.Itoa(want.count()))
		// Without it a source that has lost its replicas goes on by itself. Setting it makes
		// one wait again that has given up.
		a.add(s, w.sourceVariable("wait_no_replica"), "ON")
	}
	a.add(s, w.sourceVariable("enabled"), onOff(want.Enabled))
}

const netTimeoutSeconds = 10

// netTimeout bounds how long a receiver waits for a source that says nothing, also
// while it connects: a pod that was deleted leaves an address that does not answer,
// and the server's own bound is a minute. In seconds; twice the heartbeat's period.
func (a *assignments) netTimeout(s scope, w words) {
	a.add(s, w.netTimeout(), strconv.Itoa(netTimeoutSeconds))
}

// replica assigns the semi-sync replica side, where it is loaded.
func (a *assignments) replica(s scope, w words, on bool) {
	if w.replicaPlugin != "" {
		a.add(s, w.replicaVariable("enabled"), onOff(on))
	}
}
