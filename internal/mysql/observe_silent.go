// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"sync"
	"time"
)

const (
	// leaveTimeout bounds the first look at a source that another one is to replace: a
	// failover has things to do while it waits for the source. It is far below the
	// patience of a failover, which decides.
	leaveTimeout = 700 * time.Millisecond
	// silentWait bounds what an observation waits for a source that gave no answer the
	// last time. Whom everybody waits for already is not waited for again and again.
	silentWait = 250 * time.Millisecond
)

// silence is what a handle remembers of a server that gives no answer.
type silence struct {
	mu sync.Mutex
	// since is when the first look began that got none; zero: it answered last.
	since time.Time
	// took is how long a look took that got an answer, of late.
	took time.Duration
	// look is closed when the look that is under way ends; nil: there is none.
	look chan struct{}
}

// length says for how long the server has been silent; 0: it is not.
func (s *silence) length() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		return 0
	}
	return time.Since(s.since)
}

// slow: an answer of late took so long that the next one may well take longer than leaveTimeout.
func (s *silence) slow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.took > leaveTimeout/2
}

// note remembers that a look which began at some time got an answer or not.
func (s *silence) note(began time.Time, answered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case answered:
		// One quick answer among slow ones makes nobody quick.
		s.since, s.took = time.Time{}, max(time.Since(began), s.took/2)
	case s.since.IsZero():
		s.since = began
	}
}

// enter waits until no look is under way, and begins one. It says whether that
// succeeded before the timer ended.
func (s *silence) enter(over <-chan time.Time) bool {
	for {
		s.mu.Lock()
		other := s.look
		if other == nil {
			s.look = make(chan struct{})
		}
		s.mu.Unlock()
		if other == nil {
			return true
		}
		select {
		case <-other:
		case <-over:
			return false
		}
	}
}

func (s *silence) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.look)
	s.look = nil
}

// waitFor says how long an observation waits for a server.
func (c *handle) waitFor(m Member, whom watch) time.Duration {
	switch {
	case m.Name != whom.source:
		return lookTimeout
	case c.silence.length() > 0:
		return silentWait
	case whom.leaving && !c.silence.slow():
		return leaveTimeout
	}
	return lookTimeout
}

// look is lookAt for an observation that waits for some time only. A look that is not
// waited for goes on to its own end: a server that has become slow, and answers after all,
// has the whole time at the next observation.
func (c *handle) look(ctx context.Context, m Member, wait time.Duration, closely bool) (*Server, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	began := time.Now()
	if !c.silence.enter(timer.C) {
		return nil, c.Fail(identityQuery, context.DeadlineExceeded)
	}
	if wait == silentWait && c.silence.length() == 0 {
		// It has answered after all, late: it is slow, and has the whole time.
		timer.Reset(lookTimeout)
	}
	type result struct {
		server *Server
		err    error
	}
	done := make(chan result, 1)
	go func() {
		defer c.silence.leave()
		s, err := lookAt(context.WithoutCancel(ctx), c, m, closely)
		if err == nil {
			c.waits.Store(s.WaitsAfterRestart)
		}
		c.silence.note(began, err == nil || unseen(m, err).Reach != ReachNone)
		done <- result{s, err}
	}()
	select {
	case r := <-done:
		return r.server, r.err
	case <-ctx.Done():
		return nil, c.Fail(identityQuery, ctx.Err())
	case <-timer.C:
		c.silence.note(began, false)
		return nil, c.Fail(identityQuery, context.DeadlineExceeded)
	}
}
