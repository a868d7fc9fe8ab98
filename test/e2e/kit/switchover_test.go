// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"testing"
	"time"
)

func TestStepsOf(t *testing.T) {
	log := `{"level":"info","ts":"2026-01-01T00:00:00Z","msg":"step done","namespace":"demo","name":"orders","step":"fence","ms":12,"actions":1,"labelled":0}
{"level":"info","msg":"step done","namespace":"other","step":"fence","ms":99}
2026-01-01T00:00:00Z	INFO	step done	{"namespace": "demo", "step": "route", "ms": 7}
{"level":"info","msg":"step failed","namespace":"demo","step":"promote","ms":5}
`
	got := stepsOf(log, "demo")
	want := []Step{{"fence", 12 * time.Millisecond}, {"route", 7 * time.Millisecond}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("steps = %v, want %v", got, want)
	}
	if took, seen := (Switchover{Steps: append(got, got[0])}).StepTook("fence"); !seen || took != 24*time.Millisecond {
		t.Errorf("fence took %s, seen %t", took, seen)
	}
}
