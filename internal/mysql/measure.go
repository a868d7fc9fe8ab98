// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"

	"github.com/upmio/compose-operator/internal/metrics"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Measure implements reconcile.Engine.
func (e *Engine) Measure(scene Scene, state State, plan reconcile.Plan[Data]) {
	set := metrics.Set{Kind: Kind, Namespace: scene.Key.Namespace, Name: scene.Key.Name}
	for name, s := range state.Nodes {
		if plan.Data.Drop[name] {
			metrics.ForgetNode(set, name)
			continue
		}
		metrics.SetNode(set, name, measured(s, string(plan.Data.Roles[name])))
	}
	phase := ""
	if r := plan.Data.Switchover; r != nil {
		phase = string(r.Phase)
	}
	metrics.SetSwitchover(set, phase)
	e.countEnd(scene, set, plan.Data)
}

// measured is what the metrics say of a node.
func measured(s *Server, role string) metrics.Node {
	if !s.OK() {
		return metrics.Node{}
	}
	readOnly := !s.Writable()
	n := metrics.Node{Up: true, Role: role, ReadOnly: &readOnly}
	if s.Channel != nil && s.Channel.Lag != nil {
		lag := float64(*s.Channel.Lag)
		n.LagSeconds = &lag
	}
	return n
}

// countEnd counts the end of a switchover once, although the plan that ends it,
// or refuses it, may be made in many passes.
func (e *Engine) countEnd(scene Scene, set metrics.Set, d Data) {
	if d.Result == "" {
		return
	}
	which := fmt.Sprintf("%s %d", d.Result, scene.Object.Generation)
	if last := d.Last; last != nil && (d.Result == string(metrics.Finished) || d.Result == string(metrics.Failover)) {
		which = d.Result + " " + last.StartedAt.String()
	}
	e.mu.Lock()
	seen := e.counted[scene.Key] == which
	e.counted[scene.Key] = which
	e.mu.Unlock()
	if seen {
		return
	}
	metrics.CountSwitchover(set, metrics.Result(d.Result))
	if last := d.Last; last != nil && d.Result == string(metrics.Finished) {
		metrics.ObserveSwitchover(set, last.FinishedAt.Sub(last.StartedAt.Time))
	}
}
