// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Cluster is what is measured of a set whose data is spread over slots.
type Cluster struct {
	// SlotsServed by nodes that are seen; nil while the cluster does not exist yet, and when
	// that is not known.
	SlotsServed *float64
	// SlotsToMove is how many are to be moved to another node; nil when that is not known.
	SlotsToMove *float64
}

var (
	slotsServed = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "cluster_slots_served",
		Help: "Slots that are owned by a node which the operator sees, of 16384. Absent while the cluster does not exist yet, and when unknown.",
	}, ofSet)
	slotsToMove = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "cluster_slots_to_move",
		Help: "Slots that are to be moved to another node, those that are being moved included. Absent when unknown.",
	}, ofSet)
	keysMoved = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "cluster_keys_moved_total",
		Help: "Keys that were moved from one node to another with their slots.",
	}, ofSet)
)

func init() { metrics.Registry.MustRegister(slotsServed, slotsToMove, keysMoved) }

// SetCluster replaces the figures of a cluster.
func SetCluster(set Set, is Cluster) {
	for gauge, value := range map[*prometheus.GaugeVec]*float64{slotsServed: is.SlotsServed, slotsToMove: is.SlotsToMove} {
		if value == nil {
			gauge.Delete(set.labels())
			continue
		}
		gauge.With(set.labels()).Set(*value)
	}
}

// CountMovedKeys counts keys that have arrived on another node.
func CountMovedKeys(set Set, keys int) { keysMoved.With(set.labels()).Add(float64(keys)) }

// forgetCluster deletes the figures of a cluster that is not looked at; the counter stays.
func forgetCluster(set Set) { SetCluster(set, Cluster{}) }
