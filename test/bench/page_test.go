// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

func TestSummarize(t *testing.T) {
	var list []time.Duration
	for i := 100; i >= 1; i-- {
		list = append(list, time.Duration(i))
	}
	if s := summarize(list); s != (summary{50, 95, 100}) {
		t.Errorf("summary = %v", s)
	}
	if s := summarize([]time.Duration{7}); s != (summary{7, 7, 7}) {
		t.Errorf("summary of one = %v", s)
	}
	if s := summarize([]time.Duration{3, 1, 2}); s.median != 2 {
		t.Errorf("median of three = %v", s.median)
	}
}

func TestPageLeavesOutWhatWasNotMeasured(t *testing.T) {
	at := time.Unix(100, 0)
	r := result{of: replication(), changes: []kit.Switchover{{
		Edited: at, Outage: load.Outage{From: at, To: at.Add(90 * time.Millisecond)},
		Steps: []kit.Step{{Name: "fence", Took: 11 * time.Millisecond}},
	}}}
	page := r.page(machine{2, "24 GiB of memory"})
	for _, want := range []string{"| 90 | 90 | 90 | 1 |", "step fence | 11 |", "**0 lost**"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing in\n%s", want, page)
		}
	}
	for _, unwanted := range []string{"step promote", "Preparing recorded"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("%q is in\n%s", unwanted, page)
		}
	}
}

func TestFailoverPageAndBars(t *testing.T) {
	f := failovers{writers: 8, interval: load.Paced, acknowledged: 1234, losses: []lost{
		{loss{name: "dead", bar: 500 * time.Millisecond}, []time.Duration{300 * time.Millisecond, 200 * time.Millisecond, time.Second}},
		{loss{name: "hung", bar: 3 * time.Second}, []time.Duration{3100 * time.Millisecond}},
	}}
	page := f.page(machine{2, "24 GiB of memory"})
	for _, want := range []string{"| source dead | 300 | 1000 | 3 | 500 |", "1234 writes acknowledged", "8 clients", "BENCH_ROUNDS=3"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing in\n%s", want, page)
		}
	}
	if err := f.judge(); err == nil || !strings.Contains(err.Error(), "source hung") || strings.Contains(err.Error(), "source dead") {
		t.Errorf("judged: %v", err)
	}
}

// A page says what it is about, and how it is measured again.
func TestPagesOfSubjects(t *testing.T) {
	at := time.Unix(100, 0)
	change := kit.Switchover{
		Edited: at, Finished: at.Add(2400 * time.Millisecond), Ready: at.Add(2450 * time.Millisecond),
		Steps: []kit.Step{{Name: "elect", Took: 170 * time.Millisecond}},
	}
	for _, test := range []struct {
		of   subject
		want []string
	}{
		{replication(), []string{"# Planned switchover: time", "MysqlReplication", "hand-written", "finished → Ready | 50 |", "make bench-switchover BENCH_RUNS=1", "docs/benchmarks/switchover-saturated.md"}},
		{group(), []string{"# Planned change of a group's primary: time", "MysqlGroupReplication", "in the status | 2400 |", "Ready | 50 |", "and both labels) | 170 |", "make bench-group BENCH_RUNS=1", "docs/benchmarks/group-saturated.md"}},
		{redis(), []string{"# Planned switchover of Redis: time", "RedisReplication", "one HSETNX at a time", "finished → Ready | 50 |", "make bench-redis BENCH_RUNS=1", "docs/benchmarks/redis-saturated.md"}},
		{postgres(), []string{"# Planned switchover of PostgreSQL: time", "PostgresReplication", "started again) | 50 |", "make bench-postgres BENCH_RUNS=1", "docs/benchmarks/postgres-saturated.md"}},
	} {
		page := result{of: test.of, changes: []kit.Switchover{change}}.page(machine{2, "24 GiB of memory"})
		for _, want := range test.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: %q is missing in\n%s", test.of.target, want, page)
			}
		}
	}
	if page := (result{of: group()}).page(machine{}); strings.Contains(page, "comparison") {
		t.Errorf("nothing was compared with a group:\n%s", page)
	}
}

func TestSubjectOfFlags(t *testing.T) {
	for _, test := range []struct {
		group, redis, postgres, failovers bool
		target                            string
		pod                               string
	}{
		{target: "bench-switchover", pod: "mysql-1"},
		{failovers: true, target: "bench-switchover", pod: "mysql-1"},
		{group: true, target: "bench-group", pod: "mysql-1"},
		{redis: true, target: "bench-redis", pod: "redis-1"},
		{postgres: true, target: "bench-postgres", pod: "postgres-1"},
		{redis: true, postgres: true},
		{postgres: true, failovers: true},
		{group: true, redis: true},
		{group: true, failovers: true},
		{redis: true, failovers: true},
	} {
		of, err := subjectOf(test.group, test.redis, test.postgres, test.failovers)
		if (err != nil) != (test.target == "") || of.target != test.target {
			t.Errorf("%+v: %q, %v", test, of.target, err)
		}
		if err == nil && of.pod(1) != test.pod {
			t.Errorf("%+v: the pod is %q", test, of.pod(1))
		}
	}
}

func TestBars(t *testing.T) {
	bar := bars{median: 150 * time.Millisecond, most: 500 * time.Millisecond}
	ms := func(list ...int) (out []time.Duration) {
		for _, n := range list {
			out = append(out, time.Duration(n)*time.Millisecond)
		}
		return out
	}
	if err := bar.judge(ms(100, 150, 500)); err != nil {
		t.Errorf("on the bar: %v", err)
	}
	for name, list := range map[string][]time.Duration{"median": ms(100, 151, 152), "longest": ms(100, 100, 501)} {
		if err := bar.judge(list); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s beyond the bar: %v", name, err)
		}
	}
	if own := (bars{median: -1}).or(bar); own != (bars{median: bar.median}) {
		t.Errorf("bars that were not given: %v", own)
	}
	if err := (bars{}).judge(ms(9999)); err != nil {
		t.Errorf("no bars: %v", err)
	}
}
