// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	dialTimeout = 2 * time.Second
	// serverWait is how long a client waits while the hostgroup has no server, as with
	// ProxySQL's mysql-connect_timeout_server_max (10 s). https://proxysql.com/documentation/global-variables/mysql-variables/
	serverWait = 10 * time.Second
	// serverPoll is how often the hostgroup is looked at.
	serverPoll = 50 * time.Millisecond
)

// traffic stands in for ProxySQL's port for clients, as far as that goes without speaking
// their protocol: a connection is handed on to a server of the default hostgroup, which
// answers the client itself, and ends when that server leaves the hostgroup.
type traffic struct {
	// servers are host:port of those of the hostgroup that take connections, as the runtime tables have it.
	servers func() []string

	mu    sync.Mutex
	conns map[net.Conn]string
}

func newTraffic(servers func() []string) *traffic {
	return &traffic{servers: servers, conns: map[net.Conn]string{}}
}

// serve connections until the listener is closed.
func (t *traffic) serve(listener net.Listener) {
	done := make(chan struct{})
	defer close(done)
	go t.watch(done)
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go t.forward(client)
	}
}

// forward a client's connection until one of the two ends it, or the server leaves the hostgroup.
func (t *traffic) forward(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, address := t.connect()
	if server == nil {
		return
	}
	defer func() { _ = server.Close() }()
	t.note(client, address)
	defer t.note(client, "")
	// It may have left the hostgroup while the connection was made.
	if !slices.Contains(t.servers(), address) {
		return
	}
	done := make(chan struct{}, 2)
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		done <- struct{}{}
	}
	go pipe(server, client)
	go pipe(client, server)
	<-done
}

// connect to a server of the hostgroup, once there is one that answers.
func (t *traffic) connect() (net.Conn, string) {
	poll := time.NewTicker(serverPoll)
	defer poll.Stop()
	for deadline := time.Now().Add(serverWait); time.Now().Before(deadline); <-poll.C {
		servers := t.servers()
		if len(servers) == 0 {
			continue
		}
		address := servers[rand.IntN(len(servers))]
		if server, err := net.DialTimeout("tcp", address, dialTimeout); err == nil {
			return server, address
		}
	}
	return nil, ""
}

// note which server a client is connected to; none: not any more.
func (t *traffic) note(client net.Conn, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if address == "" {
		delete(t.conns, client)
		return
	}
	t.conns[client] = address
}

// watch looks at the hostgroup until done.
func (t *traffic) watch(done <-chan struct{}) {
	poll := time.NewTicker(serverPoll)
	defer poll.Stop()
	for {
		select {
		case <-done:
			return
		case <-poll.C:
			t.endLeft()
		}
	}
}

// endLeft ends the connections to servers that have left the hostgroup.
func (t *traffic) endLeft() {
	servers := t.servers()
	t.mu.Lock()
	defer t.mu.Unlock()
	for client, address := range t.conns {
		if !slices.Contains(servers, address) {
			_ = client.Close()
		}
	}
}

// writers are the servers of hostgroup 0 that take connections.
func (c *config) writers() []string {
	a, err := c.answer("SELECT hostname || ':' || port FROM runtime_mysql_servers WHERE hostgroup_id = 0 AND status = 'ONLINE'")
	if err != nil {
		return nil
	}
	servers := make([]string, 0, len(a.rows))
	for _, row := range a.rows {
		servers = append(servers, string(row[0]))
	}
	return servers
}
