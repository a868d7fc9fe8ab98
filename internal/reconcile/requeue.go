// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"time"

	"sigs.k8s.io/controller-runtime/pkg/handler"
)

const (
	// DefaultPoll is how long a resource goes without a look, at the most, when nothing
	// wakes the operator.
	DefaultPoll = 10 * time.Second
	// busyPoll is how often while something is in progress.
	busyPoll = time.Second
	// soon is for a pass that only lost a race against another writer.
	soon = 200 * time.Millisecond
	// maxBackoff bounds the wait between passes that fail.
	maxBackoff = 10 * time.Second
	// pollJitter is the part of the poll interval by which it may be shorter, so that
	// resources made at once are not looked at at once for ever. It is never longer:
	// the interval is what a user waits at the most.
	pollJitter = 0.15
)

// outlook is what decides when the next pass is.
type outlook struct {
	// raced: another writer was faster; the next pass begins with what it wrote.
	raced bool
	// failures is the number of passes in a row that failed, this one included.
	failures int
	// next as the planner wants it; zero: it does not mind.
	next time.Duration
	// busy: something is in progress.
	busy bool
	// underWay: a change of the topology is on record.
	underWay bool
}

// wait returns the time until the next pass. It is pure; random is in [0,1).
func (o outlook) wait(poll time.Duration, random float64) time.Duration {
	switch {
	case o.raced:
		return soon
	case o.failures > 0 && o.next > 0:
		// A deadline that the planner waits for does not wait for a back-off.
		return min(backoff(o.failures), o.next)
	case o.failures > 0:
		return backoff(o.failures)
	case o.next > 0:
		return o.next
	case o.busy:
		return busyPoll
	}
	return time.Duration(float64(poll) * (1 - pollJitter*random))
}

// priority of the next pass. A change of the topology that is under way comes before all looks;
// those come in their turn, whoever they are of: where more is to be looked at than there is time
// for, neither the quiet nor the broken ones are left out for good. (The queue keeps the priority
// of what woke a resource, which would put those that were changed before those that nobody has
// looked at yet.)
func (o outlook) priority() int {
	if o.raced || o.underWay {
		return 0
	}
	return handler.LowPriority
}

// backoff is 1, 2, 4, 8, 10, 10 … seconds.
func backoff(failures int) time.Duration {
	wait := busyPoll
	for range failures - 1 {
		if wait *= 2; wait >= maxBackoff {
			return maxBackoff
		}
	}
	return wait
}
