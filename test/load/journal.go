// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"sort"
	"sync"
	"time"
)

// journal is what one writer attempted and what it was told. The index of an
// entry is the write's seq; the value is the time of the acknowledgement since
// the run's start, or noAnswer.
type journal struct {
	mu      sync.Mutex
	answers []time.Duration
	// notes say of each write when it was sent, and to whom.
	notes []note
}

type note struct {
	began  time.Duration
	server string
}

const noAnswer time.Duration = -1

// attempt notes that the next seq is about to be sent to server and returns it.
func (j *journal) attempt(at time.Duration, server string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.answers = append(j.answers, noAnswer)
	j.notes = append(j.notes, note{at, server})
	return len(j.answers) - 1
}

// acknowledge notes that the server said OK.
func (j *journal) acknowledge(seq int, at time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.answers[seq] = at
}

// copy returns the answers so far.
func (j *journal) copy() []time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]time.Duration(nil), j.answers...)
}

// acks returns the acknowledged writes.
func (j *journal) acks() []ack {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []ack
	for i, at := range j.answers {
		if at != noAnswer {
			out = append(out, ack{began: j.notes[i].began, at: at, server: j.notes[i].server})
		}
	}
	return out
}

// serverOf says to whom a write was sent.
func (j *journal) serverOf(seq int) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.notes[seq].server
}

// acknowledged returns the number of acknowledged writes so far.
func (j *journal) acknowledged() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, at := range j.answers {
		if at != noAnswer {
			n++
		}
	}
	return n
}

// timesBetween appends the times of acknowledgement in [from, to] to times.
func (j *journal) timesBetween(times []time.Duration, from, to time.Duration) []time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	// Entries without an answer lie between the others, so the search is from the
	// end: the window of interest is mostly the last one.
	for i := len(j.answers) - 1; i >= 0; i-- {
		at := j.answers[i]
		if at == noAnswer || at > to {
			continue
		}
		if at < from {
			break
		}
		times = append(times, at)
	}
	return times
}

// errorCounts counts errors by kind.
type errorCounts struct {
	mu     sync.Mutex
	counts map[string]int
}

func (e *errorCounts) add(kind string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.counts == nil {
		e.counts = map[string]int{}
	}
	e.counts[kind]++
}

// ErrorCount is how often one kind of error was seen.
type ErrorCount struct {
	Kind  string
	Count int
}

func (e *errorCounts) list() []ErrorCount {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]ErrorCount, 0, len(e.counts))
	for kind, n := range e.counts {
		list = append(list, ErrorCount{kind, n})
	}
	sort.Slice(list, func(a, b int) bool {
		if list[a].Count != list[b].Count {
			return list[a].Count > list[b].Count
		}
		return list[a].Kind < list[b].Kind
	})
	return list
}
