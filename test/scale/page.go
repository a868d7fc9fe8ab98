// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// The bars: what counts as good for 1,000 resources with three nodes each.
const (
	barMilliCPU = 200
	barMemory   = 256 << 20
	barChange   = 10 * time.Second
	barObserved = 30 * time.Second
)

// machine is all that is said of where it was measured.
type machine struct {
	cores  int
	memory string
	load   string
}

func thisMachine() machine {
	m := machine{cores: runtime.NumCPU(), memory: "unknown memory", load: "unknown"}
	if data, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kib int64
		if _, err := fmt.Sscanf(string(data), "MemTotal: %d kB", &kib); err == nil {
			m.memory = fmt.Sprintf("%d GiB of memory", (kib+(1<<19))>>20)
		}
	}
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.load = strings.Join(strings.Fields(string(data))[:3], ", ")
	}
	return m
}

// rank is the percentile by the nearest rank: a figure that was measured.
func rank(list []time.Duration, percent int) time.Duration {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

func mib(bytes int64) string { return fmt.Sprintf("%d MiB", (bytes+1<<19)>>20) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func (s span) String() string {
	return fmt.Sprintf("%s, %d m CPU, %s resident (%s at most), %d API writes of %d requests, %d connections opened (%d open), %d statements, throttled in %d of %d periods",
		seconds(s.took), s.millicores(), mib(s.resident), mib(s.most), s.requests.writes(), s.requests.total(), s.connections, s.open, s.statements, s.throttled, s.periods)
}

// bar is one line of what is to be reached.
type bar struct {
	what, want, got string
	met             bool
}

func (r result) bars() []bar {
	noticed := append(slices.Clone(r.broken), r.dead...)
	most := max(r.most, r.first.most)
	return []bar{
		{"CPU while nothing changes", fmt.Sprintf("≤ %d m", barMilliCPU), fmt.Sprintf("%d m", r.steady.millicores()), r.steady.millicores() <= barMilliCPU},
		{"resident memory, at the most", "≤ " + mib(barMemory), mib(most), most <= barMemory},
		{"API writes while nothing changes", "0", fmt.Sprint(r.steady.requests.writes()), r.steady.requests.writes() == 0},
		{"new connections while nothing changes", "0", fmt.Sprint(r.steady.connections), r.steady.connections == 0},
		{"a change is in the status, p99", "≤ " + seconds(barChange), seconds(rank(noticed, 99)), rank(noticed, 99) <= barChange},
		{"start until all nodes are observed", "≤ " + seconds(barObserved), seconds(r.observed), r.observed <= barObserved},
	}
}

// judge names the bars that are missed.
func (r result) judge() error {
	var errs []error
	for _, b := range r.bars() {
		if !b.met {
			errs = append(errs, fmt.Errorf("%s: %s; the bar is %s", b.what, b.got, b.want))
		}
	}
	return errors.Join(errs...)
}

// page is the benchmark in Markdown.
func (r result) page(m machine) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	limits := "without limits"
	if r.limited != "" {
		limits = "in a cgroup with the limits of its manifest (" + r.limited + ")"
	}
	tls := "without TLS"
	if r.options.tls {
		tls = "over TLS, with a certificate of its own for each server"
	}
	line("# Many resources: what they cost\n")
	line("%d MysqlReplications with %d nodes each, one operator. The operator is the real binary %s; API server and etcd are", r.options.sets, nodes, limits)
	line("real; **the MySQL servers are stand-ins** for the protocol (`test/scale/standin`, checked against real servers by `TestStandinsAreLikeServers`), reached %s.", tls)
	line("Everything ran on one machine with %d cores and %s; its load average at the end was %s.\n", m.cores, m.memory, m.load)
	line("| | bar | measured | |")
	line("|---|---:|---:|---|")
	for _, bar := range r.bars() {
		verdict := "met"
		if !bar.met {
			verdict = "**missed**"
		}
		line("| %s | %s | %s | %s |", bar.what, bar.want, bar.got, verdict)
	}
	line("\n| until the status shows it | median | p95 | p99 | max | changes |")
	line("|---|---:|---:|---:|---:|---:|")
	for _, row := range []struct {
		what string
		list []time.Duration
	}{
		{"a replica's applier stops with an error", r.broken},
		{"a source dies", r.dead},
		{"a replica is isolated in the spec, and it is done", r.edited},
	} {
		line("| %s | %s | %s | %s | %s | %d |", row.what, seconds(rank(row.list, 50)), seconds(rank(row.list, 95)), seconds(rank(row.list, 99)), seconds(rank(row.list, 100)), len(row.list))
	}
	line("\n| | time | CPU | resident | at most | API writes | other API requests | connections opened | statements | periods throttled |")
	line("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, row := range []struct {
		what string
		span span
	}{
		{"first start, until all are Ready (Services, labels, status)", r.first},
		{"nothing changes", r.steady},
		{"clients write to every source: figures in the status, once a minute", r.written},
		{"restart, until all nodes are observed", r.restart},
	} {
		s := row.span
		line("| %s | %s | %d m | %s | %s | %d | %d | %d | %d | %d of %d |", row.what, seconds(s.took), s.millicores(), mib(s.resident), mib(s.most),
			s.requests.writes(), s.requests.total()-s.requests.writes(), s.connections, s.statements, s.throttled, s.periods)
	}
	line("\nWhat the operator asked of the API server at the first start: %s; while nothing changed: %s; at the restart: %s.",
		r.first.requests.list(), r.steady.requests.list(), r.restart.requests.list())
	line("Renewals of the lease are no writes in this sense. Percentiles are by the nearest rank. The admission webhook is switched off: its")
	line("configuration would keep resources from being made before the operator runs.\n")
	arguments := ""
	if !r.options.tls {
		arguments = ` TESTARGS="-tls=false"`
	}
	line("Measure again: `make bench-scale%s`.", arguments)
	for _, p := range r.profiles {
		line("\n## %s\n\n```\n%s\n```", p.title, p.text)
	}
	return b.String()
}

func (r requests) list() string {
	var out []string
	for _, what := range slices.Sorted(maps.Keys(r)) {
		out = append(out, fmt.Sprintf("%s %d", what, r[what]))
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}
