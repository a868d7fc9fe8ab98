// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// runs numbers the runs of a process; with the start time it makes a run's id.
var runs atomic.Int64

// Run is a set of clients at work.
type Run struct {
	options Options
	id      int64
	started time.Time
	stopped time.Time

	journals []*journal
	writing  *errorCounts
	reading  *errorCounts
	reads    atomic.Int64
	// duplicates counts the answers ErrDuplicate for ids that were never sent before.
	duplicates atomic.Int64

	stop func()
	done sync.WaitGroup
}

// Start sets the clients to work until Stop is called or ctx ends. What they
// write to must exist; see Prepare.
func Start(ctx context.Context, options Options) (*Run, error) {
	options = options.withDefaults()
	if options.ReadWrite == "" {
		return nil, errors.New("load: Options.ReadWrite is empty; give the address of the -readwrite Service as host:port")
	}
	if options.Readers > 0 && options.ReadOnly == "" {
		return nil, errors.New("load: Options.ReadOnly is empty; readers need the address of the -readonly Service as host:port")
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &Run{
		options: options, started: time.Now(), stop: cancel,
		writing: &errorCounts{}, reading: &errorCounts{},
	}
	r.id = r.started.UnixMilli()*1000 + runs.Add(1)%1000
	for i := range options.Writers {
		j := &journal{}
		r.journals = append(r.journals, j)
		w := &writer{run: r, number: i, journal: j}
		r.done.Go(func() { w.work(ctx) })
	}
	for range options.Readers {
		rd := &reader{run: r}
		r.done.Go(func() { rd.work(ctx) })
	}
	return r, nil
}

// Stop lets every client finish what it is waiting for and returns the report.
// It may be called again.
func (r *Run) Stop() Report {
	r.stop()
	r.done.Wait()
	if r.stopped.IsZero() {
		r.stopped = time.Now()
	}
	return r.Report()
}

// Acknowledged is the number of acknowledged writes so far.
func (r *Run) Acknowledged() int {
	n := 0
	for _, j := range r.journals {
		n += j.acknowledged()
	}
	return n
}

// Outage returns the longest time without an acknowledged write between two
// points in time. Ask while the run goes on or with a window within it.
func (r *Run) Outage(from, to time.Time) Outage {
	if from.Before(r.started) {
		from = r.started
	}
	if !r.stopped.IsZero() && to.After(r.stopped) {
		to = r.stopped
	}
	if to.Before(from) {
		to = from
	}
	var times []time.Duration
	for _, j := range r.journals {
		times = j.timesBetween(times, from.Sub(r.started), to.Sub(r.started))
	}
	start, end := longestGap(times, from.Sub(r.started), to.Sub(r.started))
	return Outage{From: r.started.Add(start), To: r.started.Add(end)}
}

// Report of a run.
type Report struct {
	Duration time.Duration
	// Attempted is Acknowledged and Unknown together.
	Attempted, Acknowledged, Unknown int
	// Reads that were answered.
	Reads int
	// Longest time without an acknowledged write.
	Longest Outage
	// WriteErrors and ReadErrors by kind, the most frequent first.
	WriteErrors, ReadErrors []ErrorCount
}

// Report says what the clients saw so far.
func (r *Run) Report() Report {
	now := time.Now()
	if !r.stopped.IsZero() {
		now = r.stopped
	}
	report := Report{
		Duration: now.Sub(r.started), Reads: int(r.reads.Load()), Longest: r.Outage(r.started, now),
		WriteErrors: r.writing.list(), ReadErrors: r.reading.list(),
	}
	for _, j := range r.journals {
		answers := j.copy()
		report.Attempted += len(answers)
		for _, at := range answers {
			if at != noAnswer {
				report.Acknowledged++
			}
		}
	}
	report.Unknown = report.Attempted - report.Acknowledged
	return report
}

// String implements fmt.Stringer.
func (r Report) String() string {
	s := fmt.Sprintf("%d writes acknowledged, %d with unknown outcome, in %.1f s; longest time without writes %s",
		r.Acknowledged, r.Unknown, r.Duration.Seconds(), r.Longest)
	for _, e := range r.WriteErrors {
		s += fmt.Sprintf("\n  %6d × write: %s", e.Count, e.Kind)
	}
	if r.Reads > 0 || len(r.ReadErrors) > 0 {
		s += fmt.Sprintf("\n%d reads answered", r.Reads)
	}
	for _, e := range r.ReadErrors {
		s += fmt.Sprintf("\n  %6d × read: %s", e.Count, e.Kind)
	}
	return s
}
