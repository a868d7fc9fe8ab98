// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/upmio/compose-operator/test/mysqld"
)

// load is clients that write rows one after another and remember which were
// acknowledged. Each goes on after an error, to the server that is current. Without
// a pause they would write more than a replica can apply, and no candidate would ever
// catch up.
type load struct {
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
	*mysqld.Server
	left  context.Context //nolint:containedctx // it belongs to what is led to, not to a call
	leave context.CancelFunc
}

const pauseOfClients = 10 * time.Millisecond

func startLoad(t testing.TB, on *mysqld.Server, writers int64) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{t: t, cancel: cancel, acks: map[[2]int64]bool{}}
	l.moveTo(on)
	for w := range writers {
		l.running.Go(func() { l.write(ctx, w+1) })
	}
	t.Cleanup(l.stop)
	on.Eventually("every client writes", func() bool { return l.acknowledged() > int(writers)*3 })
	return l
}

func (l *load) write(ctx context.Context, writer int64) {
	server := l.current.Load()
	db := server.Open(mysqld.AppUser, mysqld.AppPassword)
	for seq := int64(1); ctx.Err() == nil; seq++ {
		if l.resting.Load() {
			time.Sleep(pauseOfClients)
			continue
		}
		if now := l.current.Load(); now != server {
			server = now
			db = server.Open(mysqld.AppUser, mysqld.AppPassword)
		}
		if _, err := db.ExecContext(server.left, "INSERT INTO app.entries (writer, seq) VALUES (?, ?)", writer, seq); err != nil {
			time.Sleep(2 * time.Millisecond)
			continue
		}
		l.mu.Lock()
		l.acks[[2]int64{writer, seq}] = true
		if server == l.current.Load() && l.first.IsZero() {
			l.first = time.Now()
		}
		l.mu.Unlock()
		time.Sleep(pauseOfClients)
	}
}

// moveTo leads clients to a server. They give up what a server that is left does not answer.
func (l *load) moveTo(s *mysqld.Server) {
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

// writesTo says which server is current, and when it acknowledged something first.
func (l *load) writesTo() (*mysqld.Server, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current.Load().Server, l.first
}

func (l *load) acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acks)
}

func (l *load) stop() {
	l.cancel()
	l.current.Load().leave()
	l.running.Wait()
}

// lost counts acknowledged rows that a server does not have.
func (l *load) lost(s *mysqld.Server) int {
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
