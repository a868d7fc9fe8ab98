// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/internal/mysql/conn"
)

// sendTimeout bounds a statement that runs beyond its action. A clone of many terabytes
// takes that long; the server goes on by itself when the operator hangs up.
const sendTimeout = 48 * time.Hour

// sendings are the statements of this process that run beyond the actions that sent
// them, by resource and node: one at a time for each resource. Nothing depends on them:
// what a server does is observed on the server.
type sendings struct {
	mu   sync.Mutex
	runs map[types.NamespacedName]map[string]*sending
}

// sending is one of them.
type sending struct {
	// done is closed at its end; read err after that.
	done chan struct{}
	err  error
	stop context.CancelFunc
}

func (s *sending) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// start runs a statement beside everything else, on a handle of its own.
func (s *sendings) start(key types.NamespacedName, node string, access conn.Access, run func(context.Context, *conn.Handle) error) (*sending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, other := range s.runs[key] {
		if !other.ended() {
			return nil, fmt.Errorf("a clone of %s is at work, and there is one at a time", name)
		}
	}
	access.Silence = sendTimeout
	h, err := conn.Open(access)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(context.Background(), sendTimeout)
	one := &sending{done: make(chan struct{}), stop: stop}
	go func() {
		defer close(one.done)
		defer stop()
		defer h.Close()
		one.err = run(ctx, h)
	}()
	if s.runs == nil {
		s.runs = map[types.NamespacedName]map[string]*sending{}
	}
	if s.runs[key] == nil {
		s.runs[key] = map[string]*sending{}
	}
	s.runs[key][node] = one
	return one, nil
}

// outcome tells of the last one of a node: whether it runs, and how it ended.
func (s *sendings) outcome(key types.NamespacedName, node string) (running bool, failure string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.runs[key][node]
	switch {
	case one == nil:
	case !one.ended():
		return true, ""
	case one.err != nil:
		return false, one.err.Error()
	}
	return false, ""
}

// forget hangs up. The servers go on.
func (s *sendings) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.runs[key] {
		one.stop()
	}
	delete(s.runs, key)
}
