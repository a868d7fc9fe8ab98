// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/metrics"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Measure implements reconcile.Engine.
func (e *Engine) Measure(scene Scene, state State, plan reconcile.Plan[Data]) {
	set, d := metrics.Set{Kind: Kind, Namespace: scene.Key.Namespace, Name: scene.Key.Name}, plan.Data
	for name := range state.Nodes {
		s := d.seen(state, name)
		if d.Drop[name] {
			metrics.ForgetNode(set, name)
			continue
		}
		n := measured(s, string(d.Roles[name]))
		if s.OK() && shouldReplicate(&scene.Object.Spec, d.Source, name) {
			n.Replicating = new(d.Roles[name] == v1alpha1.MysqlRoleReplica && s.Channel.bothRun())
		}
		n.Errant = errantCount(name, s, d.seen(state, d.Source), d)
		n.Clone = cloneProgress(d.Clones[name])
		if scene.Object.Spec.Mode == v1alpha1.MysqlSemiSync {
			if state := semiSyncState(s, d.Roles[name], nil); state != "" {
				n.SemiSync = new(state == v1alpha1.MysqlSemiSyncActive)
			}
			if name == d.Source {
				n.VouchedBy = new(float64(d.VouchedBy))
			}
		}
		metrics.SetNode(set, name, n)
	}
	phase := ""
	// One that was undone stays on record, and is over.
	if r := d.Switchover; r != nil && r.Phase != v1alpha1.SwitchoverUndone {
		phase = string(r.Phase)
	}
	metrics.SetSwitchover(set, phase)
	e.countEnd(scene, set, d)
	e.countRejoins(scene, set, d)
}

// cloneProgress is nil when the node is not being made anew.
func cloneProgress(r *v1alpha1.MysqlCloneStatus) *float64 {
	if r == nil || r.State != v1alpha1.MysqlCloneInProgress {
		return nil
	}
	if r.TotalBytes == 0 {
		return new(float64(0))
	}
	return new(min(1, float64(r.Bytes)/float64(r.TotalBytes)))
}

// countRejoins counts the end of each clone once, although it may be found in many passes.
func (e *Engine) countRejoins(scene Scene, set metrics.Set, d Data) {
	for _, r := range d.Rejoined {
		result := metrics.RejoinFailed
		if r.State == v1alpha1.MysqlCloneCompleted {
			result = metrics.RejoinFinished
		}
		which := string(result) + " " + r.StartedAt.String()
		e.mu.Lock()
		if e.rejoined[scene.Key] == nil {
			e.rejoined[scene.Key] = map[string]string{}
		}
		seen := e.rejoined[scene.Key][r.node] == which
		e.rejoined[scene.Key][r.node] = which
		e.mu.Unlock()
		if !seen {
			metrics.CountRejoin(set, result)
		}
	}
}

// measured is what the metrics say of a node by itself.
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

// shouldReplicate says whether the spec wants the node to follow the source. The node
// that it wants for a source follows the present one until then.
func shouldReplicate(spec *v1alpha1.MysqlReplicationSpec, source, name string) bool {
	if source == "" || name == source {
		return false
	}
	return spec.Source != nil && spec.Source.Name == name ||
		slices.ContainsFunc(spec.Replica, func(r v1alpha1.ReplicaNode) bool { return r.Name == name && !r.Isolated })
}

// bothRun says whether the receiver is connected and the applier applies.
func (c *Channel) bothRun() bool { return c != nil && c.IO == ThreadYes && c.SQL == ThreadYes }

// errantCount is nil unless the two were compared. A source that is another server than
// before lacks what the others rightly have.
func errantCount(name string, s, source *Server, d Data) *float64 {
	if !s.OK() || !source.OK() || s == source || d.Overtaken || source.UUID != d.SourceUUID {
		return nil
	}
	return new(float64(d.Errant[name].count))
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
