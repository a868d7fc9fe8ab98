// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/upmio/compose-operator/test/mysqld"
)

// meaning makes an action demand of its address the server that a node is.
func (c *cluster) meaning(do Attach) Attach {
	c.t.Helper()
	do.SourceUUID = c.server(do.Source).UUID
	return do
}

// leads makes an action's address of the source that of another server: what a name does
// that leads elsewhere.
func (c *cluster) leads(do Attach, to string) Attach {
	do.SourceHost, do.SourcePort = c.servers[to].Host, c.servers[to].Port
	return do
}

// channelOf is the channel of a node as it is, not as the planner has it.
func (c *cluster) channelOf(node string) *Channel {
	c.t.Helper()
	return c.observe().Nodes[node].Channel
}

// A name that leads to another server of the set, as that of a new source may lead to the
// old one, which would have its commits acknowledged by a replica that follows it there.
func TestANameThatLeadsElsewhereIsNotFollowed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{SemiSync: true})
	c.as(mysqld.LeastUser, mysqld.LeastPassword)
	c.replicate("a", true)
	untouched := func() {
		t.Helper()
		if state := c.observe(); !state.Nodes["c"].Channel.Streams() || !state.Nodes["c"].Follows(state.Nodes["a"]) {
			t.Fatalf("c: %+v", state.Nodes["c"].Channel)
		}
	}

	toA, toB := c.meaning(c.attachTo("c", "a", true)), c.meaning(c.attachTo("c", "b", true))
	wrong := c.leads(toA, "b")
	c.fails(wrong, "leads to the server", "a is", "mend the name")
	c.fails(FollowAhead{Attach: wrong, Timeout: aheadTimeout}, "leads to the server")
	untouched()

	// Who is there and says nothing may say more later. Before a fence that says nothing.
	known := toB.source()
	known.Host, known.Port = c.servers["a"].Host, c.servers["a"].Port
	catchUp := CatchUp{target: target{"b"}, Source: "a", Known: known, Timeout: catchUpTimeout}
	c.fails(catchUp, "leads to the server")
	catchUp.Known = toB.source()
	c.do(catchUp)
	c.servers["b"].Freeze()
	c.fails(wrong, "whether", "no answer")
	c.servers["b"].Thaw()
	untouched()

	// Where commits are acknowledged, nobody there is as bad as somebody else.
	silent, err := net.Listen("tcp", net.JoinHostPort(c.servers["b"].Host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() //nolint:errcheck // nobody has connected
	catchUp.Known.Port = int32(netip.MustParseAddrPort(silent.Addr().String()).Port())
	c.do(catchUp)
	catchUp.Answers = true
	c.fails(catchUp, "whether", "no answer")
	catchUp.Known.Host = "nowhere.invalid"
	c.fails(catchUp, "whether")

	// A channel that leads there and is stopped stays so.
	c.do(StopReceiver{target{"c"}})
	c.fails(StartReplication{target: target{"c"}, Source: toB.source()}, "leads to the server")
	if ch := c.channelOf("c"); ch.IO != ThreadNo {
		t.Fatalf("c: %+v", ch)
	}
	c.do(StartReplication{target: target{"c"}, Source: toA.source()})
	untouched()

	// One that is connected to the wrong server ends that.
	c.fails(c.leads(toB, "a"), "leads to the server")
	if ch := c.channelOf("c"); ch.IO != ThreadNo {
		t.Fatalf("c: %+v", ch)
	}
	c.do(toB)
	if state := c.observe(); !state.Nodes["c"].Channel.Streams() || !state.Nodes["c"].Follows(state.Nodes["b"]) {
		t.Fatalf("c: %+v", state.Nodes["c"].Channel)
	}

	// A name that the operator does not know tells nothing: the receiver's own error counts.
	toB.SourceHost = "nowhere.invalid"
	c.fails(toB, "receiver")
}

// The name leads to the right server when the operator asks, and elsewhere when the replica
// looks: what the receiver has found tells.
func TestAReceiverThatFindsAnotherServerIsStopped(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	toB := c.meaning(c.attachTo("c", "b", true))
	lead := func(questions int) Attach {
		to := newDetour(t, c.servers["b"], func(n int) (*mysqld.Server, time.Duration) {
			if n <= questions {
				return c.servers["b"], 0
			}
			// Slow enough for the receiver to run before it knows whom it has reached.
			return c.servers["a"], 40 * time.Millisecond
		})
		do := toB
		do.SourceHost, do.SourcePort = to.host, to.port
		return do
	}
	stays := func() {
		t.Helper()
		if ch := c.channelOf("c"); ch.IO != ThreadNo {
			t.Fatalf("c: %+v", ch)
		}
	}
	c.fails(lead(1), "leads to the server")
	stays()
	c.do(c.meaning(c.attachTo("c", "a", true)))

	ahead := lead(2)
	c.fails(FollowAhead{Attach: ahead, Timeout: aheadTimeout}, "leads to the server")
	stays()
	c.fails(CatchUp{target: target{"b"}, Source: "a", Ahead: Led{Name: "c", Host: ahead.SourceHost, Port: ahead.SourcePort}, Timeout: catchUpTimeout},
		"not connected")
}

// A source far away, whose login takes long, is followed all the same.
func TestASourceFarAwayIsFollowed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	far := newDetour(t, c.servers["a"], func(int) (*mysqld.Server, time.Duration) { return c.servers["a"], 80 * time.Millisecond })
	do := c.meaning(c.attachTo("b", "a", false))
	do.SourceHost, do.SourcePort = far.host, far.port
	c.do(do)
	if ch := c.channelOf("b"); !ch.Streams() {
		t.Fatalf("b: %+v", ch)
	}
}

// The question is a login: while the server refuses the Secret's password, connections that
// are there go on, and the account is not locked by those that are not.
func TestTheQuestionLocksNoAccount(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.as(mysqld.LeastUser, mysqld.LeastPassword)
	c.replicate("a", false)
	toA := c.meaning(c.attachTo("b", "a", false))
	c.servers["a"].SQL("ALTER USER '" + mysqld.LeastUser + "'@'%' IDENTIFIED BY 'another' FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 1")
	for range 5 {
		c.do(StopReceiver{target{"b"}})
		c.do(StartReplication{target: target{"b"}, Source: toA.source()})
	}
	c.as(mysqld.LeastUser, "another")
	c.servers["a"].Eventually("the new password is let in", func() bool { return c.observe().Nodes["a"].OK() })
}

// detour is an address behind which another server may be each time.
type detour struct {
	host string
	port int32
}

// newDetour listens beside a server. lead says where a connection leads to, by its number
// from 1, and how much later everything arrives, either way.
func newDetour(t *testing.T, beside *mysqld.Server, lead func(n int) (*mysqld.Server, time.Duration)) detour {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(beside.Host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); running.Wait() })
	running.Go(func() {
		for n := 1; ; n++ {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			to, delay := lead(n)
			server, err := net.Dial("tcp", to.Addr())
			if err != nil {
				_ = client.Close()
				continue
			}
			go carry(server, client, delay)
			go carry(client, server, delay)
		}
	})
	at := netip.MustParseAddrPort(listener.Addr().String())
	return detour{host: beside.Host, port: int32(at.Port())}
}

// carry copies until one of the two ends.
func carry(to io.WriteCloser, from io.ReadCloser, delay time.Duration) {
	defer func() { _, _ = to.Close(), from.Close() }()
	chunk := make([]byte, 16<<10)
	for {
		n, err := from.Read(chunk)
		time.Sleep(delay)
		if _, failed := to.Write(chunk[:n]); err != nil || failed != nil {
			return
		}
	}
}
