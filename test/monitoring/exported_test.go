// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/yaml"

	// With it comes whatever else registers metrics in the operator's process.
	_ "github.com/upmio/compose-operator/internal/manager"
	"github.com/upmio/compose-operator/internal/metrics"
)

const (
	// root of the repository, as seen from this package.
	root   = "../.."
	prefix = "compose_operator_"
)

// ofTarget are the labels that Prometheus gives to what it has read.
var ofTarget = []string{"job", "instance", "pod"}

// exported has the labels of each metric that the operator serves, from its registry
// after each of them was given a value.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	set, figure, yes := metrics.Set{Kind: "K", Namespace: "ns", Name: "n"}, 1.0, true
	metrics.SetNode(set, "node", metrics.Node{Up: true, Role: "Source", LagSeconds: &figure, ReadOnly: &yes, Replicating: &yes, Errant: &figure, Diverged: &yes, SemiSync: &yes, VouchedBy: &figure, Synced: &yes, Users: &figure})
	metrics.SetReady(set, true)
	metrics.SetConditions(set, []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Ready"}})
	metrics.SetSwitchover(set, "Preparing")
	metrics.CountSwitchover(set, metrics.Finished)
	metrics.ObserveSwitchover(set, time.Second)
	metrics.ObserveFenced(set, time.Second)
	metrics.ObserveStep("K", "fence", time.Second)
	metrics.CountPanic("K")
	t.Cleanup(func() { metrics.ForgetObject("K", "ns", "n") })
	families, err := ctrlmetrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	// What Prometheus itself makes of a target.
	all := map[string][]string{"up": ofTarget}
	for _, family := range families {
		labels := slices.Clone(ofTarget)
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if !slices.Contains(labels, label.GetName()) {
					labels = append(labels, label.GetName())
				}
			}
		}
		if family.GetType() != dto.MetricType_HISTOGRAM {
			all[family.GetName()] = labels
			continue
		}
		all[family.GetName()+"_sum"], all[family.GetName()+"_count"] = labels, labels
		all[family.GetName()+"_bucket"] = append(slices.Clone(labels), "le")
	}
	return all
}

// check says which metrics and labels of an expression the operator does not export.
func check(t *testing.T, all map[string][]string, where, expr string) {
	t.Helper()
	metrics, grouped := usages(expr)
	if len(metrics) == 0 {
		t.Errorf("%s names no metric: %s", where, expr)
	}
	var labels []string
	for _, used := range metrics {
		has, known := all[used.metric]
		if !known {
			t.Errorf("%s: the operator does not export %s", where, used.metric)
			continue
		}
		for _, label := range used.labels {
			if !slices.Contains(has, label) {
				t.Errorf("%s: %s has no label %s", where, used.metric, label)
			}
		}
		labels = append(labels, has...)
	}
	for _, label := range grouped {
		if !slices.Contains(labels, label) {
			t.Errorf("%s: none of its metrics has the label %s", where, label)
		}
	}
}

// TestExportedMetricsAreDocumented: what the registry serves, and not only what the
// sources say, which test/docs looks at.
func TestExportedMetricsAreDocumented(t *testing.T) {
	page, own := string(read(t, "docs/mysqlreplication.md")), 0
	for name := range exported(t) {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		own++
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, part)
		}
		if !strings.Contains(page, "| `"+name+"` |") {
			t.Errorf("docs/mysqlreplication.md has no row for %s", name)
		}
	}
	if own < 14 {
		t.Errorf("only %d metrics were found in the registry", own)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode[T any](t *testing.T, name string) T {
	t.Helper()
	var value T
	if err := yaml.Unmarshal(read(t, name), &value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}
