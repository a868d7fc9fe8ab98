// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"time"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// result of a benchmark.
type result struct {
	of      subject
	options load.Options
	changes []kit.Switchover
	verdict load.Verdict
}

// machine is all that is said of where it was measured.
type machine struct {
	cores  int
	memory string
}

func thisMachine() machine {
	m := machine{cores: runtime.NumCPU(), memory: "unknown memory"}
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return m
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var kib int64
		if _, err := fmt.Sscanf(lines.Text(), "MemTotal: %d kB", &kib); err == nil {
			m.memory = fmt.Sprintf("%d GiB of memory", (kib+(1<<19))>>20)
		}
	}
	return m
}

// summary of a list of durations.
type summary struct{ median, p95, most time.Duration }

// summarize by the nearest rank: every figure is one that was measured.
func summarize(list []time.Duration) summary {
	if len(list) == 0 {
		return summary{}
	}
	sorted := append([]time.Duration(nil), list...)
	sort.Slice(sorted, func(a, b int) bool { return sorted[a] < sorted[b] })
	rank := func(percent int) time.Duration {
		return sorted[max(0, (len(sorted)*percent+99)/100-1)]
	}
	return summary{rank(50), rank(95), sorted[len(sorted)-1]}
}

// row of the table: one duration of each switchover that has it.
type row struct {
	what string
	of   func(kit.Switchover) (time.Duration, bool)
}

func between(from, to func(kit.Switchover) time.Time) func(kit.Switchover) (time.Duration, bool) {
	return func(c kit.Switchover) (time.Duration, bool) {
		a, b := from(c), to(c)
		return b.Sub(a), !a.IsZero() && !b.IsZero()
	}
}

func logged(name string) func(kit.Switchover) (time.Duration, bool) {
	return func(c kit.Switchover) (time.Duration, bool) { return c.StepTook(name) }
}

func edited(c kit.Switchover) time.Time    { return c.Edited }
func started(c kit.Switchover) time.Time   { return c.Started }
func switching(c kit.Switchover) time.Time { return c.Switching }
func finished(c kit.Switchover) time.Time  { return c.Finished }
func ready(c kit.Switchover) time.Time     { return c.Ready }

func outage(c kit.Switchover) (time.Duration, bool) { return c.Outage.Duration(), true }

// page is the benchmark in Markdown.
func (r result) page(m machine) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s: time without writes%s\n", r.of.change, r.load())
	line("%d %s. %d clients write through", len(r.changes), r.of.over, r.writers())
	line("the `-readwrite` Service, each with one connection and one %s at a time%s.", r.of.write, r.pace())
	line("Everything, clients included, ran on one machine with %d cores and %s.\n", m.cores, m.memory)
	line("| ms | median | p95 | max | runs |")
	line("|---|---:|---:|---:|---:|")
	for _, row := range append([]row{{"**without an acknowledged write**", outage}}, r.of.rows...) {
		var list []time.Duration
		for _, c := range r.changes {
			if d, has := row.of(c); has {
				list = append(list, d)
			}
		}
		if len(list) == 0 {
			continue
		}
		s := summarize(list)
		line("| %s | %d | %d | %d | %d |", row.what, s.median.Milliseconds(), s.p95.Milliseconds(), s.most.Milliseconds(), len(list))
	}
	line("\n%d writes acknowledged, **%d lost**; %d with an unknown outcome (the client was never told OK).\n",
		r.verdict.Report.Acknowledged, len(r.verdict.Lost), r.verdict.Report.Unknown)
	if r.of.comparison != "" {
		line("%s", r.of.comparison)
	}
	line("The time without writes is the longest gap between two successive acknowledgements, over all clients, from the edit")
	line("of the spec until writes go on after Ready. Percentiles are by the nearest rank. The steps are the operator's own log.\n")
	line("Measure again: `make %s BENCH_RUNS=%d%s`.", r.of.target, len(r.changes), r.arguments())
	return b.String()
}

func (r result) writers() int {
	if r.options.Writers == 0 {
		return load.DefaultWriters
	}
	return r.options.Writers
}

func (r result) pace() string {
	if r.options.Interval == 0 {
		return ", as fast as it is answered"
	}
	return fmt.Sprintf(", one every %d ms at most", r.options.Interval.Milliseconds())
}

// load is what the title adds when clients write as fast as they can.
func (r result) load() string {
	if r.options.Interval == 0 {
		return ", saturated machine"
	}
	return ""
}

// arguments that repeat the measurement.
func (r result) arguments() string {
	if r.options.Interval == 0 {
		return fmt.Sprintf(` TESTARGS="-interval 0 -median-bar 0 -max-bar 0 -out %s-saturated.md"`, strings.TrimSuffix(r.of.out, ".md"))
	}
	return ""
}

func (r result) outages() []time.Duration {
	var out []time.Duration
	for _, c := range r.changes {
		out = append(out, c.Outage.Duration())
	}
	return out
}

// bars are the longest times without writes that count as good; zero: none; negative: the
// subject's own.
type bars struct{ median, most time.Duration }

// or takes the bars that are not given, which are negative, from others.
func (b bars) or(others bars) bars {
	if b.median < 0 {
		b.median = others.median
	}
	if b.most < 0 {
		b.most = others.most
	}
	return b
}

// judge says which bar a list of outages misses.
func (b bars) judge(list []time.Duration) error {
	s := summarize(list)
	var errs []error
	if b.median > 0 && s.median > b.median {
		errs = append(errs, fmt.Errorf("the median time without writes is %d ms; the bar is %d ms", s.median.Milliseconds(), b.median.Milliseconds()))
	}
	if b.most > 0 && s.most > b.most {
		errs = append(errs, fmt.Errorf("the longest time without writes is %d ms; the bar is %d ms", s.most.Milliseconds(), b.most.Milliseconds()))
	}
	return errors.Join(errs...)
}
