// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"github.com/upmio/compose-operator/internal/metrics"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Measure implements reconcile.Engine.
func (*Engine) Measure(scene Scene, state State, plan reconcile.Plan[Data]) {
	set := metrics.Set{Kind: Kind, Namespace: scene.Key.Namespace, Name: scene.Key.Name}
	for _, name := range plan.Data.Gone {
		metrics.ForgetNode(set, name)
	}
	for name, n := range state.Nodes {
		one := metrics.Node{Up: n.OK()}
		if n.OK() {
			one.Synced = new(plan.Data.Synced[name])
			one.Users = new(float64(len(plan.Data.Users[name])))
		}
		metrics.SetNode(set, name, one)
	}
}
