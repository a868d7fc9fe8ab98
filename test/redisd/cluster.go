// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redisd

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	driver "github.com/redis/go-redis/v9"
)

// counters that every client of a ClusterLoad counts up.
const counters = 40

// ClusterLoad is clients of a cluster that write all the time: new keys, and counters. They
// remember what was acknowledged.
type ClusterLoad struct {
	t       testing.TB
	client  *driver.ClusterClient
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu sync.Mutex
	// keys that were acknowledged; acked and sent are how far each counter is, for sure and at the most.
	keys        map[string]bool
	acked, sent map[string]int64
	errors      int
	lastError   error
}

// StartClusterLoad has so many clients write to the cluster that a server belongs to, until the
// test is over or Stop.
func StartClusterLoad(t testing.TB, on []*Server, writers int) *ClusterLoad {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &ClusterLoad{t: t, client: ClusterClient(t, on), cancel: cancel, keys: map[string]bool{}, acked: map[string]int64{}, sent: map[string]int64{}}
	for w := range writers {
		l.running.Go(func() { l.write(ctx, w) })
	}
	t.Cleanup(l.Stop)
	on[0].Eventually("every client writes", func() bool { return l.Acknowledged() > writers*3 })
	return l
}

// ClusterClient is a client of the cluster that servers belong to.
func ClusterClient(t testing.TB, on []*Server) *driver.ClusterClient {
	t.Helper()
	var addresses []string
	for _, s := range on {
		addresses = append(addresses, s.Address())
	}
	c := driver.NewClusterClient(&driver.ClusterOptions{
		Addrs: addresses, Password: Password, Protocol: 2, MaxRedirects: 8, TLSConfig: on[0].secure,
		DialTimeout: time.Second, ReadTimeout: 2 * time.Second, PoolSize: 4, PipelinePoolSize: -1,
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (l *ClusterLoad) write(ctx context.Context, writer int) {
	for seq := 0; ctx.Err() == nil; seq++ {
		key := fmt.Sprintf("load:%d:%d", writer, seq)
		err := l.client.Set(ctx, key, key, 0).Err()
		l.note(err, func() { l.keys[key] = true })
		counter := fmt.Sprintf("count:%d:%d", writer, seq%counters)
		l.mu.Lock()
		l.sent[counter]++
		l.mu.Unlock()
		value, err := l.client.Incr(ctx, counter).Result()
		l.note(err, func() {
			if value <= l.acked[counter] {
				l.t.Errorf("%s was %d and is counted up to %d: a write is lost", counter, l.acked[counter], value)
			}
			l.acked[counter] = value
		})
		<-time.After(2 * time.Millisecond)
	}
}

func (l *ClusterLoad) note(err error, acknowledged func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.errors++
		l.lastError = err
		return
	}
	acknowledged()
}

// Acknowledged is the number of keys that were.
func (l *ClusterLoad) Acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.keys)
}

// Stop ends the clients and waits for them.
func (l *ClusterLoad) Stop() {
	l.cancel()
	l.running.Wait()
}

// Check reads everything that was acknowledged.
func (l *ClusterLoad) Check() {
	l.t.Helper()
	l.Stop()
	ctx := context.Background()
	l.t.Logf("%d keys, %d counters, %d errors (the last one: %v)", len(l.keys), len(l.acked), l.errors, l.lastError)
	lost := 0
	for key := range l.keys {
		if got, err := l.client.Get(ctx, key).Result(); err != nil || got != key {
			if lost++; lost < 4 {
				l.t.Errorf("%s is %q, %v", key, got, err)
			}
		}
	}
	for counter, acked := range l.acked {
		// A write without an answer may have been made, and sent again by the client.
		if got, err := l.client.Get(ctx, counter).Int64(); err != nil || got < acked {
			if lost++; lost < 4 {
				l.t.Errorf("%s is %d, %v; acknowledged is %d", counter, got, err, acked)
			}
		}
	}
	if lost > 0 {
		l.t.Errorf("%d of %d acknowledged writes are lost", lost, len(l.keys)+len(l.acked))
	}
}
