// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"testing"
	"time"
)

const ms = time.Millisecond

func presentIDs(ids ...ID) map[ID]struct{} {
	m := map[ID]struct{}{}
	for _, id := range ids {
		m[id] = struct{}{}
	}
	return m
}

func TestCompare(t *testing.T) {
	answers := [][]time.Duration{{1 * ms, noAnswer, 3 * ms}, {2 * ms}}
	all := []ID{{0, 0}, {0, 2}, {1, 0}}
	tests := map[string]struct {
		present        map[ID]struct{}
		lost, phantoms int
	}{
		"everything there":                     {presentIDs(all...), 0, 0},
		"a write of unknown outcome is there":  {presentIDs(append(all, ID{0, 1})...), 0, 0},
		"an acknowledged write is deleted":     {presentIDs(ID{0, 0}, ID{1, 0}), 1, 0},
		"everything is gone":                   {presentIDs(), 3, 0},
		"a seq that was never attempted":       {presentIDs(append(all, ID{1, 1})...), 0, 1},
		"a writer that never was":              {presentIDs(append(all, ID{2, 0})...), 0, 1},
		"one gone and another one never there": {presentIDs(ID{0, 0}, ID{0, 2}, ID{0, 7}), 1, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			lost, phantoms := compare(answers, test.present, time.Unix(0, 0))
			if len(lost) != test.lost || len(phantoms) != test.phantoms {
				t.Errorf("lost %v, phantoms %v; want %d and %d", lost, phantoms, test.lost, test.phantoms)
			}
		})
	}
}

func TestCompareSaysWhenTheLostWriteWasAcknowledged(t *testing.T) {
	started := time.Unix(100, 0)
	lost, _ := compare([][]time.Duration{{5 * ms}}, presentIDs(), started)
	if len(lost) != 1 || !lost[0].AcknowledgedAt.Equal(started.Add(5*ms)) {
		t.Errorf("lost = %v", lost)
	}
}

func TestDiffer(t *testing.T) {
	missing, extra := differ(presentIDs(ID{0, 0}, ID{0, 1}), presentIDs(ID{0, 1}, ID{5, 5}))
	if len(missing) != 1 || missing[0] != (ID{0, 0}) || len(extra) != 1 || extra[0] != (ID{5, 5}) {
		t.Errorf("missing %v, extra %v", missing, extra)
	}
}

func TestLongestGap(t *testing.T) {
	tests := map[string]struct {
		times      []time.Duration
		from, to   time.Duration
		start, end time.Duration
	}{
		"between two writes":         {[]time.Duration{1 * ms, 2 * ms, 9 * ms, 10 * ms}, 0, 11 * ms, 2 * ms, 9 * ms},
		"not in order":               {[]time.Duration{9 * ms, 1 * ms, 10 * ms, 2 * ms}, 0, 11 * ms, 2 * ms, 9 * ms},
		"writes never come back":     {[]time.Duration{1 * ms, 2 * ms}, 0, 100 * ms, 2 * ms, 100 * ms},
		"no write at all":            {nil, 5 * ms, 50 * ms, 5 * ms, 50 * ms},
		"the first write comes late": {[]time.Duration{40 * ms, 41 * ms}, 0, 42 * ms, 0, 40 * ms},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			start, end := longestGap(test.times, test.from, test.to)
			if start != test.start || end != test.end {
				t.Errorf("gap from %s to %s, want %s to %s", start, end, test.start, test.end)
			}
		})
	}
}

func TestOutageLooksAtItsWindowOnly(t *testing.T) {
	r := &Run{started: time.Unix(100, 0), journals: []*journal{
		{answers: []time.Duration{10 * ms, noAnswer, 500 * ms, 510 * ms}},
		{answers: []time.Duration{505 * ms, 515 * ms, 560 * ms}},
	}}
	at := func(d time.Duration) time.Time { return r.started.Add(d) }
	if o := r.Outage(at(0), at(560*ms)); o.Duration() != 490*ms {
		t.Errorf("whole run: %s", o)
	}
	if o := r.Outage(at(500*ms), at(560*ms)); o.Duration() != 45*ms || !o.From.Equal(at(515*ms)) {
		t.Errorf("window: %s", o)
	}
}

func TestReportCountsUnknownApart(t *testing.T) {
	r := &Run{
		started: time.Unix(100, 0), stopped: time.Unix(101, 0), writing: &errorCounts{}, reading: &errorCounts{},
		journals: []*journal{{answers: []time.Duration{1 * ms, noAnswer, 3 * ms}}},
	}
	report := r.Report()
	if report.Attempted != 3 || report.Acknowledged != 2 || report.Unknown != 1 {
		t.Errorf("report = %+v", report)
	}
}
