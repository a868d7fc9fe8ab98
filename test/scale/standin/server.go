// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"vitess.io/vitess/go/mysql"
	"vitess.io/vitess/go/mysql/replication"
)

// server is the model of one MySQL server. The world's lock is held for all of it.
type server struct {
	mysql.UnimplementedHandler
	world    *world
	number   int
	host     string
	uuid     string
	started  time.Time
	listener *mysql.Listener

	// variables are the global ones, by name in lower case; switches are "ON" and "OFF".
	variables map[string]string
	// persisted are those of them that a restart would bring back.
	persisted        map[string]string
	executed, purged replication.Mysql56GTIDSet
	channel          *channel
	// broken: the applier has an error.
	broken bool

	open                    map[uint32]*mysql.Conn
	connections, statements int
	seen                    bool
}

// channel is the default replication channel.
type channel struct {
	host, user, password string
	port                 int
	autoPosition         bool
	receives, applies    bool
	// acknowledges is what the receiver found of semi-sync when it was started.
	acknowledges bool
	// How it says that it is secured; nothing here goes over a network.
	ssl, verify           bool
	ca, caPath, cert, key string
	retrieved             replication.Mysql56GTIDSet
	// connected is the source that the receiver was connected to last.
	connected *server
}

const (
	running    = "Yes"
	stopped    = "No"
	connecting = "Connecting"
)

func newServer(w *world, number int, host string) *server {
	return &server{
		world: w, number: number, host: host, started: time.Now(),
		uuid: fmt.Sprintf("57a9d100-0000-11f0-8000-%012x", number+1),
		variables: map[string]string{
			"read_only": "OFF", "super_read_only": "OFF", "gtid_mode": "ON", "log_bin": "ON",
			"performance_schema": "ON", "ssl_ca": "ca.pem", "log_replica_updates": "ON", "replica_net_timeout": "60",
			"rpl_semi_sync_source_enabled": "OFF", "rpl_semi_sync_source_timeout": "10000",
			"rpl_semi_sync_source_wait_for_replica_count": "1", "rpl_semi_sync_source_wait_no_replica": "ON",
			"rpl_semi_sync_replica_enabled": "OFF",
			"server_id":                     strconv.Itoa(number + 1), "version": version,
		},
		persisted: map[string]string{},
		executed:  replication.Mysql56GTIDSet{}, purged: replication.Mysql56GTIDSet{},
		open: map[uint32]*mysql.Conn{},
	}
}

// settled gives the server the place in its set that the operator would give it.
func (s *server) settled(source *server) {
	s.executed = source.history()
	if s == source {
		s.persisted["super_read_only"] = "OFF"
		return
	}
	s.variables["read_only"], s.variables["super_read_only"], s.variables["replica_net_timeout"] = "ON", "ON", "10"
	s.persisted["super_read_only"], s.persisted["read_only"] = "ON", "ON"
	s.channel = &channel{
		host: source.host, port: s.world.Port, user: s.world.ReplicationUser, password: s.world.ReplicationPassword,
		autoPosition: true, receives: true, applies: true, retrieved: source.history(), ssl: s.world.keys != nil,
	}
}

func (s *server) address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.world.Port)) }

func (s *server) on(variable string) bool { return s.variables[variable] == "ON" }

// receiver is the state of the IO thread, with its error.
func (s *server) receiver() (state string, number int, text string) {
	c := s.channel
	if !c.receives {
		return stopped, 0, ""
	}
	source := s.world.byAddress[net.JoinHostPort(c.host, strconv.Itoa(c.port))]
	switch {
	case source == nil || source.listener == nil:
		return connecting, 2003, fmt.Sprintf("error connecting to source '%s@%s:%d'. This was attempt 1/0, with a delay of 1 seconds between attempts. Message: Can't connect to MySQL server on '%s:%d' (111)", c.user, c.host, c.port, c.host, c.port)
	case c.user != s.world.ReplicationUser || c.password != s.world.ReplicationPassword:
		return connecting, 1045, fmt.Sprintf("error connecting to source '%s@%s:%d'. This was attempt 1/0, with a delay of 1 seconds between attempts. Message: Access denied for user '%s'", c.user, c.host, c.port, c.user)
	}
	return running, 0, ""
}

// applier is the state of the SQL thread, with its error.
func (s *server) applier() (state string, number int, text string) {
	switch {
	case s.broken:
		return stopped, 1062, "Coordinator stopped because there were error(s) in the worker(s)."
	case !s.channel.applies:
		return stopped, 0, ""
	}
	return running, 0, ""
}

// source is the server that the channel leads to.
func (s *server) source() *server {
	if s.channel == nil {
		return nil
	}
	return s.world.byAddress[net.JoinHostPort(s.channel.host, strconv.Itoa(s.channel.port))]
}

// writesPerSecond of the clients of each source, once they write.
const writesPerSecond = 10

// history is what a source has written in its life: some thousand transactions.
func (s *server) history() replication.Mysql56GTIDSet {
	last := 4711
	if !s.world.written.IsZero() {
		last += int(time.Since(s.world.written).Seconds() * writesPerSecond)
	}
	set, err := replication.ParseMysql56GTIDSet(fmt.Sprintf("%s:1-%d", s.uuid, last))
	if err != nil {
		panic(err)
	}
	return set
}

// replicate brings the server to where it is by now: transactions take no time here.
func (s *server) replicate() { s.replicateOnce(map[*server]bool{}) }

func (s *server) replicateOnce(asked map[*server]bool) {
	if s.channel == nil && !s.on("read_only") && !s.world.written.IsZero() {
		s.executed = s.executed.Union(s.history()).(replication.Mysql56GTIDSet)
	}
	if s.channel == nil || asked[s] {
		return
	}
	asked[s] = true
	if state, _, _ := s.receiver(); state == running {
		source := s.source()
		s.channel.connected = source
		source.replicateOnce(asked)
		news := source.executed.Difference(s.executed)
		if !news.Empty() {
			s.channel.retrieved = s.channel.retrieved.Union(news).(replication.Mysql56GTIDSet)
		}
	}
	if state, _, _ := s.applier(); state == running && !s.executed.Contains(s.channel.retrieved) {
		s.executed = s.executed.Union(s.channel.retrieved).(replication.Mysql56GTIDSet)
	}
}

// commit writes one transaction.
func (s *server) commit() error {
	s.replicate()
	own, err := replication.ParseSID(s.uuid)
	if err != nil {
		return err
	}
	written := s.executed.Difference(s.executed.RemoveUUID(own)).Count()
	s.executed = s.executed.AddGTID(replication.Mysql56GTID{Server: own, Sequence: written + 1}).(replication.Mysql56GTIDSet)
	return nil
}

// acknowledging counts the replicas that have said that they acknowledge.
func (s *server) acknowledging() int {
	n := 0
	for _, other := range s.world.neighbours(s) {
		if other.source() != s || !other.channel.acknowledges {
			continue
		}
		if state, _, _ := other.receiver(); state == running {
			n++
		}
	}
	return n
}

// neighbours are the servers of the same set.
func (w *world) neighbours(s *server) []*server {
	from := s.number - s.number%w.Nodes
	return w.servers[from : from+w.Nodes]
}

// status are the status variables.
func (s *server) status(name string) (string, bool) {
	onOff := func(is bool) string {
		if is {
			return "ON"
		}
		return "OFF"
	}
	switch strings.ToLower(name) {
	case "uptime":
		return strconv.Itoa(int(time.Since(s.started).Seconds())), true
	case "rpl_semi_sync_source_status":
		return onOff(s.on("rpl_semi_sync_source_enabled")), true
	case "rpl_semi_sync_source_clients":
		return strconv.Itoa(s.acknowledging()), true
	case "rpl_semi_sync_source_wait_sessions":
		return "0", true
	case "rpl_semi_sync_replica_status":
		is := false
		if s.channel != nil && s.channel.acknowledges {
			state, _, _ := s.receiver()
			is = state == running
		}
		return onOff(is), true
	}
	return "", false
}
