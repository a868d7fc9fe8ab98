// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"testing"

	"github.com/upmio/compose-operator/test/mysqld"
)

// leads makes an action's address of the source that of another server: what a name does
// that leads elsewhere.
func (c *cluster) leads(do Attach, to string) Attach {
	do.SourceHost, do.SourcePort = c.servers[to].Host, c.servers[to].Port
	return do
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

	wrong := c.leads(c.attachTo("c", "a", true), "b")
	c.fails(wrong, "leads to the server", "a is", "mend the name")
	c.fails(FollowAhead{Attach: wrong, Timeout: aheadTimeout}, "leads to the server")
	untouched()

	// Who is there and says nothing may say more later.
	c.servers["b"].Freeze()
	c.fails(wrong, "whether", "no answer")
	c.servers["b"].Thaw()
	untouched()

	// A channel that leads there and is stopped stays so.
	c.do(StopReceiver{target{"c"}})
	c.fails(StartReplication{target: target{"c"}, Source: "b"}, "leads to the server")
	if ch := c.server("c").Channel; ch.IO != ThreadNo {
		t.Fatalf("c: %+v", ch)
	}
	c.do(StartReplication{target: target{"c"}, Source: "a"})
	untouched()

	// One that is connected to the wrong server ends that.
	c.fails(c.leads(c.attachTo("c", "b", true), "a"), "leads to the server")
	if ch := c.server("c").Channel; ch.IO != ThreadNo {
		t.Fatalf("c: %+v", ch)
	}
	c.do(c.attachTo("c", "b", true))
	if state := c.observe(); !state.Nodes["c"].Channel.Streams() || !state.Nodes["c"].Follows(state.Nodes["b"]) {
		t.Fatalf("c: %+v", state.Nodes["c"].Channel)
	}

	// An address where nobody listens, or that the operator does not know, tells nothing: the
	// receiver's own error counts.
	nobody := c.attachTo("c", "b", true)
	nobody.SourceHost = "nowhere.invalid"
	c.fails(nobody, "receiver")
}
