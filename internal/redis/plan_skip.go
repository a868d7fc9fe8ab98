// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// withoutActions keeps of a plan what skip allows: routing to what is observed,
// and the report.
func (v *view) withoutActions(p reconcile.Plan[Data]) reconcile.Plan[Data] {
	found := look(v.in)
	p.Steps, p.Persist, p.Again, p.MustFinish = nil, false, false, false
	p.Data = found.data
	p.Data.Switchover = v.recorded
	if !found.hasTwins() && found.source.OK() {
		p.Steps = []reconcile.Step{found.route()}
	}
	return p
}

// waitUnderSkip is the plan where what is under way can be neither finished nor undone as it
// stands: the record stays, and nothing else is begun. Rules have looked at the set as if there
// were no record: what is reported is as it was found.
func (v *view) waitUnderSkip() reconcile.Plan[Data] {
	found := look(v.in)
	p := found.plan()
	p.Conditions = found.inProgress("waits: it cannot be finished or undone as it stands, and nothing else is begun while " + v1alpha1.AnnotationSkipReconcile + " is set")
	p.Steps, p.Next = found.routeUnderSkip(), busy
	return p
}

// routeUnderSkip leads clients to a source that is seen, unless somebody else is the one whom
// they were led to last: that one may have been promoted. A source that has restarted without
// what it held loses its clients.
func (v *view) routeUnderSkip() []reconcile.Step {
	judged := look(v.in)
	if !judged.source.OK() {
		return nil
	}
	judged.judgeAgain()
	switch {
	case judged.hasTwins():
		return nil
	case slices.ContainsFunc(v.members, func(m Member) bool { return m.Name != judged.source.Name && v.pods[m.Name].Readonly == "false" }):
		if judged.lost {
			return []reconcile.Step{{Name: "route", Routing: reconcile.Routing{judged.source.Name: reconcile.AccessNone}}}
		}
		return nil
	}
	return []reconcile.Step{judged.route()}
}

// opening are the steps that have the source take writes, alone, and clients led to it.
var opening = []string{"fence-extra", "source", "route"}

// only keeps under skip those steps of a plan that belong to the change which is on record, and
// nothing that throws data away.
func (v *view) only(p reconcile.Plan[Data], names ...string) reconcile.Plan[Data] {
	if !v.resolves {
		return p
	}
	var kept []reconcile.Step
	for _, step := range p.Steps {
		step.Actions = slices.DeleteFunc(slices.Clone(step.Actions), func(a reconcile.Action) bool {
			follow, is := a.(Follow)
			return is && follow.Discard
		})
		if slices.Contains(names, step.Name) && (len(step.Actions) > 0 || len(step.Routing) > 0) {
			kept = append(kept, step)
		}
	}
	p.Steps = kept
	p.Again = p.Again && slices.ContainsFunc(kept, func(s reconcile.Step) bool { return len(s.Actions) > 0 })
	p.Events = slices.DeleteFunc(slices.Clone(p.Events), func(e reconcile.Event) bool { return e.Reason == "RejoinStarted" })
	return p
}

// withoutNode is withoutRecord where a node of the record is known no more. Under skip a fence
// that may be up comes off, and nothing else is begun.
func (v *view) withoutNode() reconcile.Plan[Data] {
	if !v.resolves {
		return v.withoutRecord()
	}
	v.judgeAgain()
	if !v.source.OK() || v.lost || v.hasTwins() {
		v.skip = true
		return v.plan()
	}
	p := v.only(v.steady(), opening...)
	if p.Again {
		p.Data.Switchover = v.recorded
	}
	return p
}
