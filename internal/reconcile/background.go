// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import "sync"

// background runs steps beside the others of a plan.
type background struct {
	running sync.WaitGroup
	mu      sync.Mutex
	failed  []*stepError
}

func (b *background) run(step func() *stepError) {
	b.running.Go(func() {
		if failure := step(); failure != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.failed = append(b.failed, failure)
		}
	})
}

// wait returns the failures once all have ended.
func (b *background) wait() []*stepError {
	b.running.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed
}
