// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build redisd

package rediscluster

import (
	"testing"

	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/redisd"
)

// TestCreateGrowShrink: a cluster of fresh nodes gets a shard more and loses another one, while
// clients write; and a source and its replica change places.
func TestCreateGrowShrink(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisd.Options{}, 3, 2)
	f.settle("the cluster is made")
	f.whole()
	if n := f.object.Status; n.NumberOfShard != 3 || n.SlotsAssigned != slotCount || !n.Established || n.Creating || n.Nodes != "6/6" {
		t.Errorf("status is %+v", n)
	}
	if f.labels["a0"] != reconcile.AccessReadWrite || f.labels["a1"] != reconcile.AccessReadOnly {
		t.Errorf("labels are %v", f.labels)
	}
	load := redisd.StartClusterLoad(t, f.all(), 4)
	f.grow("d", 2)
	f.settle("a shard more")
	for _, name := range []string{"a0", "b0", "c0", "d0"} {
		slots, err := parseSlots(rangesOf(f.node(name).Slots))
		if err != nil || slots.Count() != slotCount/4 {
			t.Errorf("%s owns %d slots, %v", name, slots.Count(), err)
		}
	}
	f.first("a", "a1")
	f.settle("a1 is the source of its shard")
	if f.node("a1").Role != "Source" || f.node("a0").MasterRef != f.node("a1").ID {
		t.Error(f.show())
	}
	delete(f.object.Spec.Members, "b")
	f.object.Generation++
	f.settle("a shard less")
	f.until("who left is forgotten", func() bool { return f.node("b0") == nil && f.node("b1") == nil })
	f.whole()
	load.Check()
	f.secrets()
	if moved := f.engine.moved[f.scene().Key]; f.object.Status.Migration != nil || len(f.object.Status.Moves) != 0 {
		t.Errorf("moves are on record: %s (%d keys)", f.show(), moved)
	}
}
