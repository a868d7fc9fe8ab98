// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"sort"
	"sync"
	"time"
)

// progress prints what is being done, how far it is and the time since the start. Lines, not a
// redrawn screen: the output has to read well in a CI log too.
type progress struct {
	mu      sync.Mutex
	out     io.Writer
	start   time.Time
	running map[*step]struct{}
	quit    chan struct{}
}

// step is one thing being done. Steps may run at the same time.
type step struct {
	p     *progress
	name  string
	start time.Time
	// how far it is, e.g. "312 of 1800 packages"; empty when there is nothing to count.
	detail string
}

// reportEvery is how often steps that are still running are printed again.
const reportEvery = 15 * time.Second

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, start: time.Now(), running: map[*step]struct{}{}, quit: make(chan struct{})}
	go func() {
		tick := time.NewTicker(reportEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.report()
			case <-p.quit:
				return
			}
		}
	}()
	return p
}

func (p *progress) stop() { close(p.quit) }

func (p *progress) printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line(fmt.Sprintf(format, args...))
}

// line writes one line; the caller holds the lock.
func (p *progress) line(text string) {
	_, _ = fmt.Fprintf(p.out, "[%6s] %s\n", clock(time.Since(p.start)), text)
}

func (p *progress) report() {
	p.mu.Lock()
	defer p.mu.Unlock()
	steps := make([]*step, 0, len(p.running))
	for s := range p.running {
		steps = append(steps, s)
	}
	sort.Slice(steps, func(i, j int) bool { return steps[i].start.Before(steps[j].start) })
	for _, s := range steps {
		text := fmt.Sprintf("  … %s, for %s", s.name, clock(time.Since(s.start)))
		if s.detail != "" {
			text += ": " + s.detail
		}
		p.line(text)
	}
}

// do runs f as a named step and prints its beginning and its end.
func (p *progress) do(name string, f func(s *step) error) error {
	s := &step{p: p, name: name, start: time.Now()}
	p.mu.Lock()
	p.running[s] = struct{}{}
	p.line("▸ " + name)
	p.mu.Unlock()

	err := f(s)

	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, s)
	took := time.Since(s.start).Round(100 * time.Millisecond)
	if err != nil {
		p.line(fmt.Sprintf("✗ %s (%s)", name, took))
		return fmt.Errorf("%s: %w", name, err)
	}
	p.line(fmt.Sprintf("✓ %s (%s)", name, took))
	return nil
}

func (s *step) progress(format string, args ...any) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.detail = fmt.Sprintf(format, args...)
}

// clock prints a duration as minutes:seconds.
func clock(d time.Duration) string {
	sec := int(d.Seconds())
	return fmt.Sprintf("%d:%02d", sec/60, sec%60)
}
