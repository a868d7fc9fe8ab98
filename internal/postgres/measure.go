// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/metrics"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Measure implements reconcile.Engine.
func (e *Engine) Measure(scene Scene, state State, plan reconcile.Plan[Data]) {
	set, d := metrics.Set{Kind: Kind, Namespace: scene.Key.Namespace, Name: scene.Key.Name}, plan.Data
	for _, m := range Members(scene.Object) {
		if d.Drop[m.Name] {
			metrics.ForgetNode(set, m.Name)
			continue
		}
		metrics.SetNode(set, m.Name, measured(m, state.Nodes[m.Name], d))
	}
	phase := ""
	// One that was undone stays on record, and is over.
	if r := d.Switchover; r != nil && r.Phase != v1alpha1.SwitchoverUndone {
		phase = string(r.Phase)
	}
	metrics.SetSwitchover(set, phase)
	e.countEnd(scene, set, d)
}

// measured is what the metrics say of a node.
func measured(m Member, s *Server, d Data) metrics.Node {
	if !s.OK() {
		return metrics.Node{}
	}
	n := metrics.Node{Up: true, Role: string(d.Roles[m.Name]), ReadOnly: new(!s.Writable())}
	if !m.Isolated && !m.Leaving && d.Primary != "" && m.Name != d.Primary {
		n.Replicating = new(d.Roles[m.Name] == v1alpha1.PostgresRoleStandby && s.Receiver == streaming)
	}
	if d.Compared[m.Name] && !m.Leaving {
		n.Diverged = new(d.Diverged[m.Name])
	}
	return n
}

// countEnd counts the end of a switchover once, although the plan that ends it, or refuses
// it, may be made in many passes.
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
