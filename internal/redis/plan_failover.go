// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"fmt"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// wantsFailover: the spec wants another source, and the present one is gone: it gives no
// answer, or has lost what it held, or the user says that it does not count.
func (v *view) wantsFailover() bool {
	if v.wanted() == v.source || v.skip {
		return false
	}
	if u := v.data.Switchover; u != nil && u.Phase == v1alpha1.SwitchoverUndone && u.Failover {
		return false
	}
	src := v.source
	switch {
	case v.lost:
		return true
	case src.OK():
		return false
	case v.force == v.wanted().Name:
		return true
	}
	return src.Reach == server.ReachNone && (v.pods[src.Name].Gone() || src.Silent >= failoverPatience)
}

// beginFailover stops every replica where it is, so that nobody receives anything any more
// from a source that is only unseen, and records that the failover begins.
func (v *view) beginFailover() reconcile.Plan[Data] {
	from, to := v.source, v.wanted()
	if reason, why := v.unfitForFailover(to); reason != "" {
		return v.refuse("FailoverRefused", to, reason, why)
	}
	v.record(from, to, true)
	p := v.freeze()
	p.Persist = true
	p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "FailoverStarted", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("from %s, which is gone (%s), to %s", from.Name, v.data.Notes[from.Name], to.Name)})
	if v.force == to.Name {
		p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "PromotionForced", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("%s becomes the source whatever others hold (%s)", to.Name, v1alpha1.AnnotationForcePromote)})
	}
	return p
}

// unfrozen are the seen replicas that may still receive.
func (v *view) unfrozen() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.ours() {
		if s := v.server(m.Name); s.OK() && s != v.source && s.Replica && !s.Detached() {
			out = append(out, Detach{target{m.Name}})
		}
	}
	return out
}

func (v *view) freeze() reconcile.Plan[Data] {
	p := v.plan()
	p.Conditions = v.inProgress("stops the replicas where they are")
	p.MustFinish, p.Again, p.Next = true, true, busy
	p.Steps = []reconcile.Step{{Name: "freeze", Actions: v.unfrozen()}}
	return p
}

// unfitForFailover says why a candidate cannot take over from a source that is gone; "" when it can.
func (v *view) unfitForFailover(to *Server) (reason, why string) {
	forced := v.force == to.Name
	switch {
	case !to.OK():
		return "CandidateUnreachable", to.Problem
	case to.SyncInProgress && !to.LinkUp && !forced:
		return "CandidateSyncing", "it has not received a full copy"
	case forced:
		return "", ""
	case v.data.Diverged[to.Name]:
		return "CandidateDiverged", v.data.Notes[to.Name] + v.hint(to)
	}
	rel, _ := v.onRecord().compare(to)
	if to.Keys == 0 && (rel == unrelated || v.holdsData(to)) {
		return "CandidateEmpty", "it holds nothing" + v.hint(to)
	}
	if rel == unrelated && !v.returned(Member{Name: to.Name}, to) {
		return "NeverSynced", "it has never received what " + v.source.Name + " held" + v.hint(to)
	}
	if better := v.better(to); better != "" {
		return "BetterCandidate", fmt.Sprintf("%s has received more. Make that spec.source; or, to lose what only it has, set the annotation %s: %s", better, v1alpha1.AnnotationForcePromote, to.Name)
	}
	return "", ""
}

// hint says how to promote a node all the same.
func (v *view) hint(to *Server) string {
	if best := v.mostAdvanced(); best != "" && best != to.Name {
		return fmt.Sprintf(". Make %s spec.source; or, to lose what others hold, set the annotation %s: %s", best, v1alpha1.AnnotationForcePromote, to.Name)
	}
	return fmt.Sprintf(". To promote it all the same set the annotation %s: %s", v1alpha1.AnnotationForcePromote, to.Name)
}

// holdsData says whether somebody other than the candidate is seen, or was known, to hold data.
func (v *view) holdsData(to *Server) bool {
	for _, m := range v.members {
		s := v.server(m.Name)
		if s != to && (s.OK() && s.Keys > 0 || !s.OK() && v.onFile(m.Name).HeldData) {
			return true
		}
	}
	return false
}

// mostAdvanced names the seen replica that has received all that any other has; "" when there is none.
func (v *view) mostAdvanced() string {
	for _, m := range v.replicasOf(v.source) {
		s := v.server(m.Name)
		if s.OK() && s.Keys > 0 && !s.SyncInProgress && !v.data.Diverged[m.Name] && v.better(s) == "" {
			return m.Name
		}
	}
	return ""
}

// better names a seen replica that has received something that s has not. One that was found
// before to hold something of its own does not count.
func (v *view) better(s *Server) string {
	for _, m := range v.ours() {
		o := v.server(m.Name)
		if o == s || o == v.source || !o.OK() || o.Keys == 0 || v.data.Diverged[m.Name] {
			continue
		}
		if !s.holds(o) {
			return m.Name
		}
	}
	return ""
}

// failingOver: a failover is recorded.
func (v *view) failingOver() bool {
	r := v.data.Switchover
	return r != nil && r.Failover && r.Phase != v1alpha1.SwitchoverUndone
}

// resumeFailover goes on from whatever the record and the servers show.
func (v *view) resumeFailover() reconcile.Plan[Data] {
	r, from, to := v.resume()
	if from == nil || to == nil {
		return v.withoutNode()
	}
	cancelled := v.spec.Source.Name != r.To
	switch {
	case v.promoted(from, to):
		return v.finish(to)
	case !to.OK() && v.routed(to):
		return v.waitForPromoted(to, cancelled)
	case cancelled:
		p := v.withoutRecord()
		p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "FailoverAbandoned", Once: fmt.Sprint(v.gen), Message: fmt.Sprintf("%s is not the source: spec.source was changed meanwhile", r.To)})
		return p
	case !to.OK():
		return v.waitFor(to, "the candidate does not answer")
	}
	if from.Master() && v.force != to.Name {
		// It is back before anybody was promoted: whether it is what it was is judged anew.
		v.judgeAgain()
		if !v.lost {
			v.skip = v.skips
			p := v.decide()
			p.Events = append(p.Events, reconcile.Event{Reason: "FailoverAbandoned", Once: from.RunID, Message: fmt.Sprintf("%s is back before another node was promoted", from.Name)})
			return p
		}
		v.data.Switchover = r
	}
	if left := v.unfrozen(); len(left) > 0 {
		return v.freeze()
	}
	if reason, why := v.unfitForFailover(to); reason != "" {
		return v.refuse("FailoverRefused", to, reason, why)
	}
	return v.promoteNow(from, to)
}

// promoteNow makes the candidate the source. The old one leaves the route first: it may be
// writable and unseen.
func (v *view) promoteNow(from, to *Server) reconcile.Plan[Data] {
	p := v.plan()
	p.Conditions = v.inProgress("is at work")
	p.MustFinish, p.Again, p.Next = true, true, busy
	p.Steps = []reconcile.Step{
		{Name: "unroute", Routing: reconcile.Routing{from.Name: reconcile.AccessNone}},
		{
			Name: "promote", RestoresWrites: true,
			Actions: []reconcile.Action{Promote{target: target{to.Name}, Timeout: promoteTimeout, ID: to.ReplID, Offset: to.Offset, Forced: v.force == to.Name}},
			Routing: reconcile.Routing{to.Name: reconcile.AccessReadWrite},
		},
	}
	var follow []reconcile.Action
	for _, m := range v.replicasOf(to) {
		if s := v.server(m.Name); s.OK() && s != from && s.Replica && !v.data.Diverged[m.Name] && to.holds(s) {
			follow = append(follow, Follow{target: target{m.Name}, Source: to.Name, SourceFact: true, ID: s.ReplID, Offset: s.Offset})
		}
	}
	if len(follow) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "repoint", Optional: true, Actions: follow})
	}
	p.Steps = append(p.Steps, reconcile.Step{Name: "persist", Optional: true, Actions: []reconcile.Action{Persist{target{to.Name}}}})
	return p
}
