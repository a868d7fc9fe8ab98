// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build redisd

package redis

import (
	"testing"

	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/redisd"
)

// TestHandoverIsToTheProcessThatWasSeen: one that has started since may have read an older
// snapshot, which has the source's replication id as well. Fence and promotion compare offsets.
func TestHandoverIsToTheProcessThatWasSeen(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, redisd.Options{AOF: true})
	c.settle("the set is set up")
	handOver := func(process string) reconcile.Facts {
		t.Helper()
		do := Handover{target: target{"a"}, To: "b", ToRunID: process, Timeout: handoverTimeout}
		learned, err := c.engine.Act(t.Context(), c.scene(), do, reconcile.Facts{})
		if err != nil {
			t.Fatal(err)
		}
		return learned
	}
	if got := handOver("another"); len(got) > 0 {
		t.Errorf("it was handed to a process that nobody has seen: %v", got)
	}
	if state := c.engine.Observe(t.Context(), c.scene()); !state.Nodes["a"].Master() || !state.Nodes["b"].Follows(state.Nodes["a"]) {
		t.Fatalf("a is %+v, b is %+v", state.Nodes["a"], state.Nodes["b"])
	}
	if got := handOver(c.engine.Observe(t.Context(), c.scene()).Nodes["b"].RunID); got[handedOver("a")] == "" {
		t.Errorf("it was not handed over: %v", got)
	}
}
