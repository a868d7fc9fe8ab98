// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"github.com/upmio/compose-operator/internal/metrics"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Measure implements reconcile.Engine.
func (*Engine) Measure(scene Scene, state State, plan reconcile.Plan[Data]) {
	set, d := metrics.Set{Kind: Kind, Namespace: scene.Key.Namespace, Name: scene.Key.Name}, plan.Data
	figures := metrics.Cluster{SlotsToMove: new(float64)}
	if d.Established && d.Judged {
		figures.SlotsServed = new(float64(d.Slots))
	}
	if d.Migration != nil {
		*figures.SlotsToMove = float64(d.Migration.SlotsLeft)
	}
	metrics.SetCluster(set, figures)
	for _, m := range Members(scene.Object) {
		if d.Drop[m.Name] {
			metrics.ForgetNode(set, m.Name)
			continue
		}
		s := state.Nodes[m.Name]
		if !s.OK() {
			metrics.SetNode(set, m.Name, metrics.Node{})
			continue
		}
		n := metrics.Node{Up: true, Role: "None", ReadOnly: new(s.Replica)}
		owned := d.Owned[m.Name]
		switch {
		case s.Replica:
			n.Role, n.Replicating = "Replica", new(s.LinkUp)
		case !owned.Empty():
			n.Role = "Source"
		}
		metrics.SetNode(set, m.Name, n)
	}
}
