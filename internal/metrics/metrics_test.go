// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"maps"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// series returns what the registry serves for a resource: metric name and the
// labels beyond kind, namespace and name → value (a histogram's: its count).
func series(t *testing.T, set Set) map[string]float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.Metric {
			key, own := family.GetName(), map[string]string{}
			for _, label := range metric.Label {
				own[label.GetName()] = label.GetValue()
				switch label.GetName() {
				case labelKind, labelNamespace, labelName:
				default:
					key += " " + label.GetName() + "=" + label.GetValue()
				}
			}
			if own[labelKind] != set.Kind || own[labelNamespace] != set.Namespace || own[labelName] != set.Name {
				continue
			}
			switch {
			case metric.Gauge != nil:
				found[key] = metric.Gauge.GetValue()
			case metric.Counter != nil:
				found[key] = metric.Counter.GetValue()
			case metric.Histogram != nil:
				found[key] = float64(metric.Histogram.GetSampleCount())
			}
		}
	}
	return found
}

func want(t *testing.T, set Set, wanted map[string]float64) {
	t.Helper()
	found := series(t, set)
	for key, value := range wanted {
		if got, there := found[key]; !there || got != value {
			t.Errorf("%s = %v (there: %v), want %v", key, got, there, value)
		}
	}
	for key := range found {
		if _, expected := wanted[key]; !expected {
			t.Errorf("unexpected series %s", key)
		}
	}
}

// counted are the counters of a set from its beginning, with those that are not zero.
func counted(more map[string]float64) map[string]float64 {
	all := map[string]float64{}
	for _, result := range []Result{Finished, Undone, Refused, Failover} {
		all["compose_operator_switchovers_total result="+string(result)] = 0
	}
	maps.Copy(all, more)
	return all
}

func TestSeriesOfASetAndItsEnd(t *testing.T) {
	set := Set{Kind: "MysqlReplication", Namespace: "one", Name: "a"}
	other := Set{Kind: "MysqlReplication", Namespace: "one", Name: "a-2"}
	lag, none, yes := 3.0, 0.0, true
	SetNode(set, "n0", Node{Up: true, Role: "Source"})
	SetNode(set, "n1", Node{Up: true, Role: "Replica", LagSeconds: &lag, ReadOnly: &yes, Replicating: &yes, Errant: &none})
	SetReady(set, true)
	SetReady(other, true)
	SetSwitchover(set, "Preparing")
	CountSwitchover(set, Finished)
	ObserveSwitchover(set, time.Second)
	ObserveFenced(set, 80*time.Millisecond)
	want(t, set, counted(map[string]float64{
		"compose_operator_node_up node=n0":                              1,
		"compose_operator_node_up node=n1":                              1,
		"compose_operator_node_role node=n0 role=Source":                1,
		"compose_operator_node_role node=n1 role=Replica":               1,
		"compose_operator_node_lag_seconds node=n1":                     3,
		"compose_operator_node_read_only node=n1":                       1,
		"compose_operator_node_replicating node=n1":                     1,
		"compose_operator_node_errant_transactions node=n1":             0,
		"compose_operator_set_ready":                                    1,
		"compose_operator_switchover_in_flight phase=Preparing":         1,
		"compose_operator_switchovers_total result=" + string(Finished): 1,
		"compose_operator_switchover_duration_seconds":                  1,
		"compose_operator_switchover_fenced_seconds":                    1,
	}))

	// A changed role, an unknown figure and another phase replace; they do not add.
	SetNode(set, "n1", Node{Role: "None"})
	SetSwitchover(set, "")
	ForgetNode(set, "n0")
	left := counted(map[string]float64{
		"compose_operator_set_ready":                                    1,
		"compose_operator_switchovers_total result=" + string(Finished): 1,
		"compose_operator_switchover_duration_seconds":                  1,
		"compose_operator_switchover_fenced_seconds":                    1,
	})
	seen := maps.Clone(left)
	seen["compose_operator_node_up node=n1"], seen["compose_operator_node_role node=n1 role=None"] = 0, 1
	want(t, set, seen)

	ForgetNodes(set)
	want(t, set, left)
	ForgetObject(set.Kind, set.Namespace, set.Name)
	want(t, set, map[string]float64{})
	want(t, other, counted(map[string]float64{"compose_operator_set_ready": 1}))
}

func TestSeriesOfAClusterAndItsEnd(t *testing.T) {
	set := Set{Kind: "RedisCluster", Namespace: "one", Name: "c"}
	all, some := 16384.0, 12.0
	SetCluster(set, Cluster{SlotsServed: &all, SlotsToMove: &some})
	CountMovedKeys(set, 3)
	CountMovedKeys(set, 4)
	want(t, set, map[string]float64{
		"compose_operator_cluster_slots_served": 16384, "compose_operator_cluster_slots_to_move": 12, "compose_operator_cluster_keys_moved_total": 7,
	})
	// What is not known is absent, and not zero.
	SetCluster(set, Cluster{SlotsToMove: &some})
	want(t, set, map[string]float64{"compose_operator_cluster_slots_to_move": 12, "compose_operator_cluster_keys_moved_total": 7})
	ForgetNodes(set)
	want(t, set, map[string]float64{"compose_operator_cluster_keys_moved_total": 7})
	ForgetObject(set.Kind, set.Namespace, set.Name)
	want(t, set, map[string]float64{})
}
