// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqld

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Load is clients that write rows one after another and remember which were
// acknowledged. Each goes on after an error, to the server that is current. Without
// a pause they would write more than a replica can apply, and no candidate would ever
// catch up.
type Load struct {
	t       testing.TB
	cancel  context.CancelFunc
	running sync.WaitGroup
	current atomic.Pointer[led]

	// resting clients write nothing.
	resting atomic.Bool

	mu   sync.Mutex
	acks map[[2]int64]bool
	// first is when the server that is current acknowledged something first.
	first time.Time
}

// led is the server that clients are led to; left ends what they wait for elsewhere.
type led struct {
	*Server
	left  context.Context //nolint:containedctx // it belongs to what is led to, not to a call
	leave context.CancelFunc
}

const pauseOfClients = 10 * time.Millisecond

// StartLoad has so many clients write to a server, until the test is over or Stop.
func StartLoad(t testing.TB, on *Server, writers int64) *Load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{t: t, cancel: cancel, acks: map[[2]int64]bool{}}
	l.MoveTo(on)
	for w := range writers {
		l.running.Go(func() { l.write(ctx, w+1) })
	}
	t.Cleanup(l.Stop)
	on.Eventually("every client writes", func() bool { return l.Acknowledged() > int(writers)*3 })
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
		if _, err := db.ExecContext(server.left, "INSERT INTO app.entries (writer, seq) VALUES (?, ?)", writer, seq); err != nil {
			<-time.After(2 * time.Millisecond)
			continue
		}
		l.mu.Lock()
		l.acks[[2]int64{writer, seq}] = true
		if server == l.current.Load() && l.first.IsZero() {
			l.first = time.Now()
		}
		l.mu.Unlock()
		<-time.After(pauseOfClients)
	}
}

// MoveTo leads the clients to another server, as a Service does. They give up what a server that is left does not answer.
func (l *Load) MoveTo(s *Server) {
	if now := l.current.Load(); now != nil && now.Server == s {
		return
	}
	to := &led{Server: s}
	to.left, to.leave = context.WithCancel(context.Background())
	l.mu.Lock()
	from := l.current.Swap(to)
	l.first = time.Time{}
	l.mu.Unlock()
	if from != nil {
		from.leave()
	}
}

// Rest has the clients write nothing, or go on.
func (l *Load) Rest(rest bool) { l.resting.Store(rest) }

// WritesTo says which server is current, and when it acknowledged something first.
func (l *Load) WritesTo() (*Server, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current.Load().Server, l.first
}

// Acknowledged is the number of rows that were acknowledged.
func (l *Load) Acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acks)
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
	rows, err := s.DB().Query("SELECT writer, seq FROM app.entries")
	if err != nil {
		l.t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
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
