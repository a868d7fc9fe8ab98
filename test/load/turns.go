// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Turn is a stretch of time in which one server acknowledged the writes of a run.
type Turn struct {
	// Server is its server_uuid.
	Server string
	// First and Last acknowledgement.
	First, Last time.Time
	// Writes that it acknowledged.
	Writes int
}

// Turns returns who acknowledged writes, in order. Each change of the source makes one
// more. A server that has a second turn took writes while another one did, unless
// the source was changed back: two nodes could be written to through one Service.
func (r *Run) Turns() []Turn {
	var acks []ack
	for _, j := range r.journals {
		acks = append(acks, j.acks()...)
	}
	turns := turnsOf(acks)
	out := make([]Turn, 0, len(turns))
	for _, t := range turns {
		out = append(out, Turn{Server: t.server, First: r.started.Add(t.first), Last: r.started.Add(t.last), Writes: t.writes})
	}
	return out
}

// DescribeTurns is for a person.
func DescribeTurns(turns []Turn) string {
	lines := make([]string, 0, len(turns))
	for _, t := range turns {
		lines = append(lines, fmt.Sprintf("%s acknowledged %d writes from %s to %s",
			t.Server, t.Writes, t.First.Format("15:04:05.000"), t.Last.Format("15:04:05.000")))
	}
	return strings.Join(lines, "\n")
}

// ack is one acknowledged write: sent at began, acknowledged at at, by server.
type ack struct {
	began, at time.Duration
	server    string
}

type turn struct {
	server      string
	first, last time.Duration
	writes      int
}

// turnsOf puts acknowledgements into as few turns as there can have been. A write is
// committed somewhere between its beginning and its acknowledgement, so a turn need not
// end before a write of another server has to be acknowledged: what began before that
// moment can belong to it.
func turnsOf(acks []ack) []turn {
	var best []turn
	for _, first := range serversOf(acks) {
		if turns := turnsFrom(first, acks); best == nil || len(turns) < len(best) {
			best = turns
		}
	}
	return best
}

func serversOf(acks []ack) []string {
	var names []string
	for _, a := range acks {
		if !slices.Contains(names, a.server) {
			names = append(names, a.server)
		}
	}
	return names
}

// turnsFrom begins with a server, and goes on to the next one when it has to.
func turnsFrom(server string, acks []ack) []turn {
	waiting := slices.Clone(acks)
	slices.SortFunc(waiting, func(a, b ack) int { return cmp.Compare(a.at, b.at) })
	var turns []turn
	for len(waiting) > 0 {
		// The turn lasts until the first acknowledgement of somebody else.
		next := slices.IndexFunc(waiting, func(a ack) bool { return a.server != server })
		t, rest := turn{server: server}, waiting[:0:0]
		for _, a := range waiting {
			if a.server != server || next >= 0 && a.began > waiting[next].at {
				rest = append(rest, a)
				continue
			}
			if t.writes == 0 {
				t.first = a.at
			}
			t.last = a.at
			t.writes++
		}
		if next >= 0 {
			server = waiting[next].server
		}
		if t.writes > 0 {
			turns = append(turns, t)
		}
		waiting = rest
	}
	return turns
}
