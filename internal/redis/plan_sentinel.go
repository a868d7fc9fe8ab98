// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// hasSentinel: failover is Sentinel's, and the operator only follows.
func (v *view) hasSentinel() bool { return len(v.spec.Sentinel) > 0 }

// follow reports what is observed and leads labels and Services there. It touches no server, except that
// it takes off a fence of its own.
func (v *view) follow() reconcile.Plan[Data] {
	v.data.Switchover = nil
	if v.source = v.elected(); v.source != nil {
		v.data.Source = v.source.Name
	}
	v.judgeSource()
	// Whether a source that restarted empty goes on is Sentinel's to decide.
	v.lost, v.data.Lost = false, false
	v.assess()
	p := v.plan()
	if v.source.Master() && v.source.Fenced() {
		// What the operator has put on before Sentinel was named is the operator's to take off.
		p.Steps = append(p.Steps, reconcile.Step{Name: "source", Actions: []reconcile.Action{Open{target{v.source.Name}}}})
		p.Again = true
	}
	p.Steps = append(p.Steps, v.route())
	p.Conditions = append(v.followedCondition(), v.asSpecified())
	p.Events = append(append(v.events, v.movedEvent()...), v.forgetfulEvent()...)
	p.Next = busy
	v.dropLeaving()
	if v.resolves && p.Again {
		// Under skip it is the record that has the fence taken off, until it is.
		p.Data.Switchover = v.recorded
	}
	return p
}

// elected is the node that is the source by what the nodes themselves say: the one that
// takes writes and that others follow. Of several it is the one that continues another's
// history; nil when that tells nothing.
func (v *view) elected() *Server {
	var masters []*Server
	for _, m := range v.ours() {
		if s := v.server(m.Name); s.Master() && (v.isFollowed(s) || len(s.Followers) > 0) {
			masters = append(masters, s)
		}
	}
	if len(masters) == 0 {
		return cmp.Or(v.vouched(), v.loneMaster())
	}
	var found *Server
	for _, s := range masters {
		latest := true
		for _, o := range masters {
			if o != s && (o.ReplID2 == s.ReplID || s.ReplID2 != o.ReplID) {
				latest = false
			}
		}
		if latest {
			found = s
		}
	}
	return found
}

// vouched is the node that the operator does not see and that replicas are seen to be connected
// to: it is only the operator that does not reach it. nil when there is none, or more than one.
func (v *view) vouched() *Server {
	var found *Server
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if s.OK() || !slices.ContainsFunc(v.ours(), func(o Member) bool { r := v.server(o.Name); return r.Follows(s) && r.LinkUp }) {
			continue
		}
		if found != nil {
			return nil
		}
		found = s
	}
	return found
}

// loneMaster is the only node that takes writes while every other one is seen to replicate,
// or there is no other one.
func (v *view) loneMaster() *Server {
	var found *Server
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if !s.Master() {
			continue
		}
		if found != nil {
			return nil
		}
		found = s
	}
	if found == nil || v.data.Source != "" && v.data.Source != found.Name && !v.server(v.data.Source).OK() {
		// One that nobody follows, beside a source that is not seen: Sentinel has not decided.
		return nil
	}
	return found
}

// followedCondition says whether what is observed is healthy, whoever is the source.
func (v *view) followedCondition() []metav1.Condition {
	if v.source == nil {
		return reconcile.Topology(false, "SourceUndetermined", "no node is seen that takes writes and that the others follow: Sentinel has not decided yet, or the nodes are not reached")
	}
	if !v.source.OK() {
		return reconcile.Topology(false, "SourceUnreachable", fmt.Sprintf("%s is the source, for replicas are connected to it, and is not seen (%s)", v.source.Name, v.source.Problem))
	}
	var problems []string
	for _, m := range v.ours() {
		if !v.data.Ready[m.Name] && !m.Isolated {
			problems = append(problems, m.Name+": "+v.data.Notes[m.Name])
		}
	}
	if len(problems) > 0 {
		return reconcile.Topology(false, "ReplicaNotReady", strings.Join(problems, "; "))
	}
	return reconcile.Topology(true, "SentinelTopology", fmt.Sprintf("%s is the source, as Sentinel has it%s", v.source.Name, v.butForgets()))
}

// asSpecified says whether the spec and what Sentinel has made of it are the same.
func (v *view) asSpecified() metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionAsSpecified, Status: metav1.ConditionTrue, Reason: "AsSpecified", Message: "the source is spec.source"}
	switch {
	case v.source == nil:
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, "SourceUndetermined", "nobody can say which node is the source"
	case v.source != v.wanted():
		c.Status, c.Reason = metav1.ConditionFalse, "SentinelDecided"
		c.Message = fmt.Sprintf("the source is %s and spec.source is %s: Sentinel decides who is the source. Run SENTINEL FAILOVER to move it, or write into the spec what is", v.source.Name, v.spec.Source.Name)
	}
	return c
}

func (v *view) movedEvent() []reconcile.Event {
	if v.source == nil || v.status.Source == "" || v.status.Source == v.source.Name {
		return nil
	}
	return []reconcile.Event{{Warning: true, Reason: "SentinelFailover", Once: v.source.Name + " " + v.source.ReplID,
		Message: fmt.Sprintf("Sentinel has made %s the source; it was %s", v.source.Name, v.status.Source)}}
}

// sentinelLabels are what the Sentinel pods are labelled with.
func (v *view) sentinelLabels() map[string]map[string]string {
	labels := map[string]string{
		v1alpha1.LabelSentinelSource: v1alpha1.LabelSourceUnknown, v1alpha1.LabelSentinelSourceHost: "", v1alpha1.LabelSentinelSourcePort: "",
	}
	if s := v.source; s.Master() || s != nil && s == v.vouched() {
		labels[v1alpha1.LabelSentinelSource] = labelValue(s.Name)
		labels[v1alpha1.LabelSentinelSourceHost] = labelValue(s.AnnounceHost)
		labels[v1alpha1.LabelSentinelSourcePort] = strconv.Itoa(int(s.AnnouncePort))
	}
	out := map[string]map[string]string{}
	for _, pod := range v.spec.Sentinel {
		out[pod] = labels
	}
	return out
}

// labelValue is text as a label can hold it: at most 63 characters, and no ':' of an IPv6 address.
func labelValue(text string) string {
	const longest = 63
	text = strings.ReplaceAll(text, ":", "-")
	if len(text) > longest {
		text = text[:longest]
	}
	return strings.Trim(text, "-._")
}
