// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Leaders notes who holds the operator's lease, and when.
type Leaders struct {
	stop func()
	done chan struct{}

	mu  sync.Mutex
	log []reign
	err error
}

// reign is a change of the lease: a holder, or nobody, from a moment on.
type reign struct {
	holder string
	from   time.Time
}

// WatchLeaders begins to note who holds the lease in the operator's namespace.
func (c *Cluster) WatchLeaders(ctx context.Context) *Leaders {
	ctx, cancel := context.WithCancel(ctx)
	l := &Leaders{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		for ctx.Err() == nil {
			watch, err := c.Client.Watch(ctx, &coordinationv1.LeaseList{}, client.InNamespace(c.Settings.OperatorNamespace))
			if err != nil {
				l.mu.Lock()
				l.err = err
				l.mu.Unlock()
				return
			}
			for event := range watch.ResultChan() {
				if lease, ok := event.Object.(*coordinationv1.Lease); ok {
					l.note(lease)
				}
			}
		}
	}()
	return l
}

func (l *Leaders) note(lease *coordinationv1.Lease) {
	holder := ""
	if lease.Spec.HolderIdentity != nil {
		holder = *lease.Spec.HolderIdentity
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.log); n == 0 || l.log[n-1].holder != holder {
		l.log = append(l.log, reign{holder, time.Now()})
	}
}

// HandOver waits until another process leads than at first, and returns how long
// nobody did. It ends the watch.
func (l *Leaders) HandOver(ctx context.Context) (time.Duration, error) {
	defer func() { l.stop(); <-l.done }()
	var gap time.Duration
	err := Wait(ctx, time.Minute, func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.err != nil {
			return fmt.Errorf("watch the lease: %w", l.err)
		}
		if len(l.log) == 0 {
			return errors.New("there is no lease")
		}
		gap = 0
		for i, now := range l.log[1:] {
			if now.holder == "" {
				continue
			}
			if before := l.log[i]; before.holder == "" {
				gap += now.from.Sub(before.from)
			}
		}
		if last := l.log[len(l.log)-1].holder; last == "" || last == l.log[0].holder {
			return fmt.Errorf("%q leads still, or nobody", last)
		}
		return nil
	})
	return gap, err
}
