// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// value of a series of the resource "db", by name and one label's value.
func value(t *testing.T, name, label string) (float64, bool) {
	t.Helper()
	families, err := metrics.Registry.(prometheus.Gatherer).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "compose_operator_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			kind, labeled := false, false
			for _, pair := range m.GetLabel() {
				kind = kind || pair.GetValue() == Kind
				labeled = labeled || pair.GetValue() == label
			}
			if kind && labeled {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue(), true
			}
		}
	}
	return 0, false
}

func TestMeasure(t *testing.T) {
	e, s := NewEngine(), healthy("a", "b", "c")
	for _, change := range changes(group("b", "a", "b"), out(MemberError, "c"), holds("c", "1-9 c:1-2", "")) {
		change(s)
	}
	scene, plan := sceneOf(s.object), s.plan()
	for range 3 {
		e.Measure(scene, s.state, plan)
	}
	for _, c := range []struct {
		name, label string
		want        float64
	}{
		{"node_up", "a", 1}, {"node_read_only", "b", 0}, {"node_read_only", "c", 1}, {"node_replicating", "a", 1}, {"node_replicating", "c", 0},
		{"node_errant_transactions", "c", 2}, {"node_errant_transactions", "b", 0}, {"switchovers_total", "failover", 1},
	} {
		if got, there := value(t, c.name, c.label); !there || got != c.want {
			t.Errorf("%s of %s = %v (%v), want %v", c.name, c.label, got, there, c.want)
		}
	}
	if _, there := value(t, "node_replicating", "b"); there {
		t.Error("the primary has somebody to replicate from")
	}
	unreachable("c")(s)
	e.Measure(scene, s.state, s.plan())
	if _, there := value(t, "node_errant_transactions", "c"); there {
		t.Error("a server that is not seen was compared")
	}
	e.Forget(scene.Key)
}
