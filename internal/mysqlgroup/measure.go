// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/metrics"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Measure implements reconcile.Engine.
func (e *Engine) Measure(scene Scene, state State, plan reconcile.Plan[Data]) {
	set, d := metrics.Set{Kind: Kind, Namespace: scene.Key.Namespace, Name: scene.Key.Name}, plan.Data
	for _, n := range Nodes(scene.Object) {
		if d.Drop[n.Name] {
			metrics.ForgetNode(set, n.Name)
			continue
		}
		metrics.SetNode(set, n.Name, measured(n, state.Nodes[n.Name], d))
	}
	metrics.SetSwitchover(set, "")
	e.count(scene, set, d)
}

// measured is what the metrics say of a node. A group has no lag in seconds.
func measured(n Node, s *Server, d Data) metrics.Node {
	if !s.OK() {
		return metrics.Node{}
	}
	m := metrics.Node{Up: true, Role: string(d.Roles[n.Name]), ReadOnly: new(!s.Writable())}
	if !n.Leaving && d.Roles[n.Name] != v1alpha1.MysqlGroupRolePrimary {
		m.Replicating = new(d.Ready[n.Name])
	}
	if d.Compared[n.Name] {
		m.Errant = new(float64(d.Errant[n.Name].Count()))
	}
	return m
}

// count counts a change of the primary once, although it may be seen in many looks.
func (e *Engine) count(scene Scene, set metrics.Set, d Data) {
	if !d.Moved {
		return
	}
	which := d.Primary + " " + d.ViewID
	e.mu.Lock()
	seen := e.counted[scene.Key] == which
	e.counted[scene.Key] = which
	e.mu.Unlock()
	if seen {
		return
	}
	result := metrics.Failover
	if d.Asked {
		result = metrics.Finished
	}
	metrics.CountSwitchover(set, result)
}
