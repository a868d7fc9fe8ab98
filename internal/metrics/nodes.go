// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"math"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Node is what is measured of one node.
type Node struct {
	Up bool
	// Role that was observed, as the status has it. Empty: none is reported.
	Role string
	// LagSeconds is nil when the server gave no figure.
	LagSeconds *float64
	// ReadOnly is nil when unknown.
	ReadOnly *bool
	// Replicating is nil when unknown, and for a node that should not replicate.
	Replicating *bool
	// Errant is how many transactions the node has and its source lacks; nil when the
	// two could not be compared.
	Errant *float64
	// Diverged says whether it has, or may have, something that its source lacks; nil when
	// the two could not be compared, and where Errant counts it.
	Diverged *bool
	// Clone is the part that is copied while the node is made anew; nil when it is not.
	Clone *float64
	// SemiSync is nil when unknown, and for a node that has no part in it.
	SemiSync *bool
	// VouchedBy is how many replicas have what the source has acknowledged; nil for all
	// other nodes.
	VouchedBy *float64
	// Synced says of a ProxySQL whether it has the servers and users that it should have; nil
	// when unknown, and of nodes that are none.
	Synced *bool
	// Users of the source that a ProxySQL has; nil when unknown, and of nodes that are none.
	Users *float64
}

// nodeGauge is a metric of one node.
type nodeGauge struct {
	Name, Help string
	// of a node; nil: it has no such series.
	of func(Node) *float64
}

// nodeGauges are the metrics of a node but for its role.
var nodeGauges = []nodeGauge{
	{Name: "node_up", Help: "1 when the operator could observe the node at its last look, else 0.",
		of: func(n Node) *float64 { return truth(&n.Up) }},
	{Name: "node_lag_seconds", Help: "Seconds that the node is behind its source, as the server says. Absent when the server gives no figure.",
		of: func(n Node) *float64 { return n.LagSeconds }},
	{Name: "node_read_only", Help: "1 when the node refuses writes, 0 when it takes them. Absent when unknown.",
		of: func(n Node) *float64 { return truth(n.ReadOnly) }},
	{Name: "node_replicating", Help: "1 when the node follows its set's source and both replication threads run, else 0. Absent when unknown, and for a node that should not replicate.",
		of: func(n Node) *float64 { return truth(n.Replicating) }},
	{Name: "node_errant_transactions", Help: "Transactions that the node holds and its set's source lacks. Absent when the two could not be compared.",
		of: func(n Node) *float64 { return n.Errant }},
	{Name: "node_diverged", Help: "1 when the node holds, or may hold, writes that its set's source lacks, else 0. Redis cannot count them. Absent when the two could not be compared.",
		of: func(n Node) *float64 { return truth(n.Diverged) }},
	{Name: "node_clone_progress", Help: "Part of the data that is copied while a node is made anew, from 0 to 1. Absent when none is.",
		of: func(n Node) *float64 { return n.Clone }},
	{Name: "node_semi_sync", Help: "1 when the source's commits wait for replicas, or the replica acknowledges, else 0. Absent in asynchronous mode and when unknown.",
		of: func(n Node) *float64 { return truth(n.SemiSync) }},
	{Name: "node_vouched_by", Help: "Replicas that have each transaction which the source has acknowledged, in semi-synchronous mode. Absent for all other nodes.",
		of: func(n Node) *float64 { return n.VouchedBy }},
	{Name: "node_synced", Help: "1 when the ProxySQL has the servers and users that it should have, in memory, at run time and on disk, else 0. Absent when unknown, and for nodes that are no ProxySQL.",
		of: func(n Node) *float64 { return truth(n.Synced) }},
	{Name: "node_users", Help: "Users of the source that the ProxySQL has. Absent when unknown, and for nodes that are no ProxySQL.",
		of: func(n Node) *float64 { return n.Users }},
}

// nodeRole has the role as a label of its own.
var nodeRole = nodeGauge{Name: "node_role", Help: "1 for the role that the node was last observed in. A node has one series."}

// nodeSeries are the series of all nodes. They are kept as figures and made into metrics when
// somebody asks: of a thousand sets a gauge each, with its labels, is more than all else that
// the operator remembers of them.
type nodeSeries struct {
	role   *prometheus.Desc
	gauges []*prometheus.Desc

	mu sync.RWMutex
	of map[Set]map[string]nodeFigures
}

// nodeFigures are the values of nodeGauges, NaN where there is none.
type nodeFigures struct {
	role   string
	values []float64
}

var nodes = newNodeSeries()

func newNodeSeries() *nodeSeries {
	s := &nodeSeries{of: map[Set]map[string]nodeFigures{}}
	s.role = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", nodeRole.Name), nodeRole.Help, ofSetAnd(labelNode, labelRole), nil)
	for _, g := range nodeGauges {
		s.gauges = append(s.gauges, prometheus.NewDesc(prometheus.BuildFQName(namespace, "", g.Name), g.Help, ofSetAnd(labelNode), nil))
	}
	return s
}

// Describe implements prometheus.Collector.
func (s *nodeSeries) Describe(out chan<- *prometheus.Desc) {
	out <- s.role
	for _, one := range s.gauges {
		out <- one
	}
}

// Collect implements prometheus.Collector.
func (s *nodeSeries) Collect(out chan<- prometheus.Metric) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for set, nodes := range s.of {
		for name, n := range nodes {
			if n.role != "" {
				out <- prometheus.MustNewConstMetric(s.role, prometheus.GaugeValue, 1, set.Kind, set.Namespace, set.Name, name, n.role)
			}
			for i, value := range n.values {
				if !math.IsNaN(value) {
					out <- prometheus.MustNewConstMetric(s.gauges[i], prometheus.GaugeValue, value, set.Kind, set.Namespace, set.Name, name)
				}
			}
		}
	}
}

// SetNode replaces the series of one node.
func SetNode(set Set, name string, node Node) {
	values := make([]float64, len(nodeGauges))
	for i, g := range nodeGauges {
		values[i] = math.NaN()
		if v := g.of(node); v != nil {
			values[i] = *v
		}
	}
	nodes.set(set, name, nodeFigures{node.Role, values})
}

func (s *nodeSeries) set(set Set, name string, now nodeFigures) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.of[set]
	if was, there := held[name]; there {
		// In place: most looks change nothing.
		copy(was.values, now.values)
		now.values = was.values
	} else if held == nil {
		held = map[string]nodeFigures{}
		s.of[set] = held
	}
	held[name] = now
}

// ForgetNode deletes the series of a node that left its set.
func ForgetNode(set Set, name string) {
	nodes.mu.Lock()
	defer nodes.mu.Unlock()
	delete(nodes.of[set], name)
}

// ForgetNodes deletes the series of all nodes of a set that is not looked at: what
// was seen of them is not known any more.
func ForgetNodes(set Set) {
	nodes.mu.Lock()
	defer nodes.mu.Unlock()
	delete(nodes.of, set)
}
