// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"
)

func good() result {
	return result{
		options:  options{sets: 1000},
		steady:   span{took: time.Minute, cpu: 12 * time.Second, requests: requests{"update leases": 60, "list pods": 1}},
		observed: 30 * time.Second, most: 256 << 20,
		broken: []time.Duration{time.Second}, dead: []time.Duration{10 * time.Second},
	}
}

func TestBars(t *testing.T) {
	r := good()
	if err := r.judge(); err != nil {
		t.Errorf("what is just good enough: %v", err)
	}
	for want, spoil := range map[string]func(*result){
		"CPU":             func(r *result) { r.steady.cpu += 100 * time.Millisecond },
		"resident memory": func(r *result) { r.first.most = 257 << 20 },
		"API writes":      func(r *result) { r.steady.requests["patch mysqlreplications/status"] = 1 },
		"new connections": func(r *result) { r.steady.connections = 1 },
		"a change":        func(r *result) { r.dead[0] += time.Millisecond },
		"start until":     func(r *result) { r.observed += time.Millisecond },
	} {
		r := good()
		spoil(&r)
		err := r.judge()
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", want, err)
		}
		if page := r.page(machine{}); strings.Count(page, "**missed**") != 1 {
			t.Errorf("%s: the page does not say that one bar is missed", want)
		}
	}
}

func TestRankIsMeasured(t *testing.T) {
	var list []time.Duration
	for i := range 200 {
		list = append(list, time.Duration(200-i))
	}
	for percent, want := range map[int]time.Duration{50: 100, 99: 198, 100: 200} {
		if got := rank(list, percent); got != want {
			t.Errorf("p%d: %d, want %d", percent, got, want)
		}
	}
	if rank(nil, 99) != 0 {
		t.Error("of nothing")
	}
}
