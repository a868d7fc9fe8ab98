// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"context"
	"sync"
	"time"
)

// slow has one thing at a time done beside whoever waits for it: the wait ends before the
// thing where that has no answer, and is short once it had none.
type slow[T any] struct {
	mu      sync.Mutex
	running *run[T]
	// silent: the last one had no answer.
	silent bool
}

type run[T any] struct {
	done  chan struct{}
	value T
}

// wait begins f, or joins what is under way, and says whether it has ended. f says whether
// it had an answer.
func (s *slow[T]) wait(ctx context.Context, patience time.Duration, f func() (T, bool)) (value T, ended bool) {
	s.mu.Lock()
	if s.silent {
		patience = min(patience, silentPatience)
	}
	r := s.running
	if r == nil {
		r = &run[T]{done: make(chan struct{})}
		s.running = r
		go s.do(r, f)
	}
	s.mu.Unlock()
	if !r.ended(ctx, patience) {
		return value, false
	}
	return r.value, true
}

func (s *slow[T]) do(r *run[T], f func() (T, bool)) {
	value, answered := f()
	s.mu.Lock()
	defer s.mu.Unlock()
	r.value, s.silent, s.running = value, !answered, nil
	close(r.done)
}

// idle waits for what is under way, and says whether nothing is.
func (s *slow[T]) idle(ctx context.Context, patience time.Duration) bool {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	return r == nil || r.ended(ctx, patience)
}

func (r *run[T]) ended(ctx context.Context, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-r.done:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}
