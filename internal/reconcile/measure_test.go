// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/upmio/compose-operator/internal/metrics"
)

// TestMetricsOfASetThatIsNotLookedAt: without passwords nobody knows whether a node
// is up; the reason is what is left to measure.
func TestMetricsOfASetThatIsNotLookedAt(t *testing.T) {
	k := newKit(t, &testEngine{})
	k.settle()
	// What an engine measures.
	metrics.SetNode(metrics.Set{Kind: "MysqlReplication", Namespace: testNamespace, Name: testKey.Name}, "mysql-0", metrics.Node{Up: true})
	k.pass()
	want := map[string]float64{"node_up mysql-0": 1, "set_ready": 1, "Ready Ready": 1, "TopologyReady Replicating": 1, "ResourceReady ResourcesReady": 1, "Stalled NotStalled": 0, "Reconciling Idle": 0}
	if got := measuredOf(t); !maps.Equal(got, want) {
		t.Errorf("while all is well: %v", got)
	}
	if err := k.api.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "passwords"}}); err != nil {
		t.Fatal(err)
	}
	k.pass()
	want = map[string]float64{"set_ready": 0, "Ready SecretNotFound": 0, "TopologyReady SecretNotFound": 0, "ResourceReady ResourcesReady": 1, "Stalled SecretNotFound": 1, "Reconciling Idle": 0}
	if got := measuredOf(t); !maps.Equal(got, want) {
		t.Errorf("without passwords: %v", got)
	}
	if err := k.api.Delete(t.Context(), k.get()); err != nil {
		t.Fatal(err)
	}
	k.pass()
	if got := measuredOf(t); len(got) > 0 {
		t.Errorf("of a resource that is gone: %v", got)
	}
}

// measuredOf the resource of the kit: conditions by name and reason, and what there is
// of its nodes.
func measuredOf(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := ctrlmetrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, pair := range metric.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			if labels["name"] != testKey.Name || labels["namespace"] != testNamespace {
				continue
			}
			switch family.GetName() {
			case "compose_operator_set_ready":
				found["set_ready"] = metric.GetGauge().GetValue()
			case "compose_operator_set_condition":
				found[labels["condition"]+" "+labels["reason"]] = metric.GetGauge().GetValue()
			case "compose_operator_node_up":
				found["node_up "+labels["node"]] = metric.GetGauge().GetValue()
			}
		}
	}
	return found
}
