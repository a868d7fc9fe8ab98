// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"cmp"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// noReplID is master_replid2 of a server that continues nobody's history.
const noReplID = "0000000000000000000000000000000000000000"

// whole is the offset of a history entry that counts as held to its end, wherever that was.
const whole = -1

// relation says how what one server holds stands to what another one does.
type relation int

const (
	// unrelated: nothing tells.
	unrelated relation = iota
	// within: the other one holds all of it.
	within
	// beyond: it holds something that the other one lacks.
	beyond
)

// position names what a server holds: all of a history up to an offset, in bytes.
type position struct {
	id     string
	offset int64
}

// positions are the names of what a server holds: its own, and, where it has written
// nothing since it continued another history, the one in that.
func (s *Server) positions() []position {
	out := []position{{s.ReplID, s.Offset}}
	if s.continues() && s.Offset < s.SecondOffset {
		out = append(out, position{s.ReplID2, s.Offset})
	}
	return out
}

func (s *Server) continues() bool {
	return s.ReplID2 != "" && s.ReplID2 != noReplID && s.SecondOffset > 0
}

// knows says whether what a server holds is of the history of an id.
func (s *Server) knows(id string) bool { return s.ReplID == id || s.ReplID2 == id }

// history is all that a server is known to hold: by replication id, up to which offset.
type history map[string]int64

// historyOf is what a seen server says of itself, and what is on record of its past.
func historyOf(s *Server, past []v1alpha1.RedisReplicationHistory) history {
	h := history{}
	for _, one := range past {
		h.add(one.ID, one.Offset)
	}
	if s.continues() {
		h.add(s.ReplID2, min(s.SecondOffset-1, s.Offset))
	}
	h.add(s.ReplID, s.Offset)
	return h
}

func (h history) add(id string, offset int64) {
	if id == "" || id == noReplID {
		return
	}
	if was, known := h[id]; known && (was == whole || offset != whole && was > offset) {
		return
	}
	h[id] = offset
}

// of says how a position stands to the history, and by how many bytes it is beyond.
func (h history) of(p position) (relation, int64) {
	until, known := h[p.id]
	switch {
	case !known:
		return unrelated, 0
	case until == whole || p.offset <= until:
		return within, 0
	}
	return beyond, p.offset - until
}

// compare says how what a seen server holds stands to a history: the best that one of its
// positions says. One that has written since it left the history is beyond it.
func (h history) compare(s *Server) (relation, int64) {
	rel, extra := unrelated, int64(0)
	for _, p := range s.positions() {
		r, more := h.of(p)
		if r == within {
			return within, 0
		}
		if r == beyond {
			rel, extra = beyond, more
		}
	}
	if rel == unrelated && s.continues() {
		if r, _ := h.of(position{s.ReplID2, s.SecondOffset - 1}); r != unrelated {
			// What it wrote under its own id counts from where it left.
			return beyond, s.Offset - cmp.Or(h.until(s.ReplID2), s.SecondOffset-1)
		}
	}
	return rel, extra
}

// until is how far the history goes under an id; 0 where that is not known or has no end.
func (h history) until(id string) int64 { return max(0, h[id]) }

// holds says whether a server is known to hold all that another one does.
func (s *Server) holds(other *Server) bool {
	r, _ := historyOf(s, nil).compare(other)
	return r == within
}
