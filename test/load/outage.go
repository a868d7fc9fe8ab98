// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"fmt"
	"sort"
	"time"
)

// Outage is the longest time without an acknowledged write.
type Outage struct {
	// From is the last acknowledgement before it and To the first after it, or
	// the borders of the window that was asked about.
	From, To time.Time
}

// Duration of the outage.
func (o Outage) Duration() time.Duration { return o.To.Sub(o.From) }

// String implements fmt.Stringer.
func (o Outage) String() string {
	return fmt.Sprintf("%d ms from %s", o.Duration().Milliseconds(), o.From.Format("15:04:05.000"))
}

// longestGap returns the borders of the longest gap between two successive
// times, with from and to as the first and the last. times need not be in order.
func longestGap(times []time.Duration, from, to time.Duration) (start, end time.Duration) {
	sort.Slice(times, func(a, b int) bool { return times[a] < times[b] })
	start, end = from, from
	last := from
	for _, at := range append(times, to) {
		if at-last > end-start {
			start, end = last, at
		}
		last = at
	}
	return start, end
}
