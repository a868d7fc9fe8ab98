// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"os"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// benchRounds: BENCH_ROUNDS=n measures that many failovers of each kind; see make bench-failover.
const benchRounds = "BENCH_ROUNDS"

// TestBenchFailover measures the time from an edit of the spec to the first write that
// is acknowledged by the new source.
func TestBenchFailover(t *testing.T) {
	if os.Getenv(benchRounds) == "" {
		t.Skipf("%s is not set", benchRounds)
	}
	rounds := roundsFrom(t, benchRounds, 1)
	bars := map[string]time.Duration{"dead": 500 * time.Millisecond, "hung": 3 * time.Second}
	for _, f := range faults() {
		for _, noticed := range []bool{true, false} {
			name := f.name + ", edited at once"
			if noticed {
				name = f.name + ", edited when it is reported"
			}
			t.Run(name, func(t *testing.T) {
				r := operate(t, v1alpha1.MysqlSemiSync)
				var list []time.Duration
				source := "a"
				for range rounds {
					to := map[string]string{"a": "b", "b": "a"}[source]
					f.begin(r, source)
					if noticed {
						r.reports("SourceUnreachable")
					}
					edited := time.Now()
					if got := r.failOver(to); got != to {
						t.Logf("%s had less than %s: this round does not count", to, got)
						r.writes(got)
						f.end(r, source)
						r.edit("b")
						r.writes("b")
						r.whole()
						source = "b"
						continue
					}
					list = append(list, r.writes(to).Sub(edited))
					f.end(r, source)
					source = to
				}
				if len(list) == 0 {
					t.Fatal("no round counts")
				}
				middle := median(list)
				t.Logf("%d rounds: median %v, longest %v; bar %v", len(list), middle.Round(time.Millisecond), list[len(list)-1].Round(time.Millisecond), bars[f.name])
				if middle > bars[f.name] {
					t.Errorf("median %v is over the bar of %v", middle, bars[f.name])
				}
			})
		}
	}
}
