// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redisd

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/redis/go-redis/v9"
)

// Load is clients that write keys one after another and remember which were acknowledged.
// Each goes on after an error, on a new connection to the server that is current.
type Load struct {
	t       testing.TB
	cancel  context.CancelFunc
	running sync.WaitGroup
	current atomic.Pointer[Server]

	mu   sync.Mutex
	acks map[string]bool
	// last is the last acknowledgement, longest the longest time between two.
	last    time.Time
	longest time.Duration
}

// StartLoad has so many clients write to a server, until the test is over or Stop.
func StartLoad(t testing.TB, on *Server, writers int) *Load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{t: t, cancel: cancel, acks: map[string]bool{}}
	l.current.Store(on)
	for w := range writers {
		l.running.Go(func() { l.write(ctx, w) })
	}
	t.Cleanup(l.Stop)
	on.Eventually("every client writes", func() bool { return l.Acknowledged() > writers*3 })
	return l
}

func (l *Load) write(ctx context.Context, writer int) {
	var client *driver.Client
	var server *Server
	for seq := 0; ctx.Err() == nil; seq++ {
		if now := l.current.Load(); now != server || client == nil {
			server, client = now, now.Connect(Password)
		}
		key := fmt.Sprintf("load:%d:%d", writer, seq)
		if err := client.Set(ctx, key, 1, 0).Err(); err != nil {
			_ = client.Close()
			client = nil
			<-time.After(time.Millisecond)
			continue
		}
		l.acknowledge(key)
		<-time.After(2 * time.Millisecond)
	}
}

func (l *Load) acknowledge(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acks[key] = true
	now := time.Now()
	if !l.last.IsZero() {
		l.longest = max(l.longest, now.Sub(l.last))
	}
	l.last = now
}

// MoveTo leads the clients to another server, as a Service does.
func (l *Load) MoveTo(s *Server) { l.current.Store(s) }

// On is the server that clients are led to.
func (l *Load) On() *Server { return l.current.Load() }

// Longest is the longest time without an acknowledgement since the last call.
func (l *Load) Longest() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	longest := l.longest
	l.longest = 0
	return longest
}

// Acknowledged is the number of keys that were acknowledged.
func (l *Load) Acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acks)
}

// Stop ends the clients and waits for them.
func (l *Load) Stop() {
	l.cancel()
	l.running.Wait()
}

// Lost counts acknowledged keys that a server does not have.
func (l *Load) Lost(s *Server) int {
	l.t.Helper()
	l.mu.Lock()
	acks := maps.Clone(l.acks)
	l.mu.Unlock()
	ctx := context.Background()
	iter := s.client.Scan(ctx, 0, "load:*", 1000).Iterator()
	for iter.Next(ctx) {
		delete(acks, iter.Val())
	}
	if err := iter.Err(); err != nil {
		l.t.Fatal(err)
	}
	return len(acks)
}
