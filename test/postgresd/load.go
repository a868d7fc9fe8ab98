// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgresd

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Load is clients that write rows one after another and remember which were acknowledged.
// Each goes on after an error, to the server that is current.
type Load struct {
	t       testing.TB
	cancel  context.CancelFunc
	running sync.WaitGroup
	current atomic.Pointer[led]
	resting atomic.Bool

	mu   sync.Mutex
	acks map[[2]int64]bool
	// last acknowledgement, and the longest time without one.
	last    time.Time
	longest time.Duration
}

// led is the server that clients are led to; left ends what they wait for elsewhere.
type led struct {
	*Server
	left  context.Context //nolint:containedctx // it belongs to what is led to, not to a call
	leave context.CancelFunc
}

// pauseOfClients passes between two rows of one client, and two attempts (each of which is a
// process of the server's): with more of them clients take the machine from what is tested, and
// prove no more.
const pauseOfClients = 20 * time.Millisecond

// StartLoad has so many clients write to a server, until the test is over or Stop.
func StartLoad(t testing.TB, on *Server, writers int64) *Load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{t: t, cancel: cancel, acks: map[[2]int64]bool{}, last: time.Now()}
	l.MoveTo(on)
	for w := range writers {
		l.running.Go(func() { l.write(ctx, w+1) })
	}
	t.Cleanup(l.Stop)
	on.Eventually("every client writes", func() bool { return l.fewest(writers) > 3 })
	return l
}

func (l *Load) write(ctx context.Context, writer int64) {
	server := l.current.Load()
	db := server.Open(AppUser, AppPassword)
	for seq := int64(1); ctx.Err() == nil; seq++ {
		if l.resting.Load() {
			<-time.After(pauseOfClients)
			continue
		}
		if now := l.current.Load(); now != server {
			server = now
			db = server.Open(AppUser, AppPassword)
		}
		bounded, cancel := context.WithTimeout(server.left, queryTimeout)
		_, err := db.Exec(bounded, "INSERT INTO entries (writer, seq) VALUES ($1, $2)", writer, seq)
		cancel()
		if err != nil {
			<-time.After(pauseOfClients)
			continue
		}
		l.mu.Lock()
		l.acks[[2]int64{writer, seq}] = true
		l.longest = max(l.longest, time.Since(l.last))
		l.last = time.Now()
		l.mu.Unlock()
		<-time.After(pauseOfClients)
	}
}

// MoveTo leads the clients to another server, as a Service does.
func (l *Load) MoveTo(s *Server) {
	if now := l.current.Load(); now != nil && now.Server == s {
		return
	}
	to := &led{Server: s}
	to.left, to.leave = context.WithCancel(context.Background())
	if from := l.current.Swap(to); from != nil {
		from.leave()
	}
}

// Rest has the clients write nothing, or go on.
func (l *Load) Rest(rest bool) { l.resting.Store(rest) }

// Acknowledged is the number of rows that were acknowledged.
func (l *Load) Acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acks)
}

// fewest is the smallest number of rows of a client that were acknowledged.
func (l *Load) fewest(writers int64) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	each := make([]int, writers)
	for key := range l.acks {
		each[key[0]-1]++
	}
	return slices.Min(each)
}

// Outage is the longest time in which nothing was acknowledged.
func (l *Load) Outage() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.longest
}

// Stop ends the clients and waits for them.
func (l *Load) Stop() {
	l.cancel()
	l.current.Load().leave()
	l.running.Wait()
}

// Lost counts acknowledged rows that a server does not have.
func (l *Load) Lost(s *Server) int {
	l.t.Helper()
	l.mu.Lock()
	acks := maps.Clone(l.acks)
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	rows, err := s.pool.Query(ctx, "SELECT writer, seq FROM entries")
	if err != nil {
		l.t.Fatal(err)
	}
	defer rows.Close()
	missing := len(acks)
	for rows.Next() {
		var key [2]int64
		if err := rows.Scan(&key[0], &key[1]); err != nil {
			l.t.Fatal(err)
		}
		if acks[key] {
			missing--
		}
	}
	if err := rows.Err(); err != nil {
		l.t.Fatal(err)
	}
	return missing
}
