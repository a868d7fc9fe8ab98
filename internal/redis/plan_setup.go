// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"fmt"
	"strings"

	"github.com/upmio/compose-operator/internal/reconcile"
)

// hasTwins: two names lead to one process. Nothing can be said of either.
func (v *view) hasTwins() bool { a, _ := v.twins(); return a != "" && !v.inFlight() }

func (v *view) twins() (string, string) {
	byRun := map[string]string{}
	for _, m := range v.members {
		s := v.server(m.Name)
		if !s.OK() || s.RunID == "" {
			continue
		}
		if other, dup := byRun[s.RunID]; dup {
			return other, m.Name
		}
		byRun[s.RunID] = m.Name
	}
	return "", ""
}

func (v *view) reportTwins() reconcile.Plan[Data] {
	a, b := v.twins()
	p := v.plan()
	p.Conditions = reconcile.Topology(false, "DuplicateServer", fmt.Sprintf(
		"%s and %s answer with the same run_id, so that both lead to one server: correct host and port in the spec. Nothing is done until then.", a, b))
	return p
}

func (v *view) sourceUnknown() bool { return v.source == nil }

// setUp chooses the first source. Nobody is known to follow anybody, so every node's data
// must be seen: a node that is not seen may be the one that holds data.
func (v *view) setUp() reconcile.Plan[Data] {
	p := v.plan()
	refuse := func(reason, message string) reconcile.Plan[Data] {
		p.Conditions = reconcile.Topology(false, reason, message)
		p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: reason, Message: message})
		p.Next = busy
		return p
	}
	src := v.wanted()
	var unseen, full []string
	for _, m := range v.ours() {
		s := v.server(m.Name)
		switch {
		case !s.OK():
			unseen = append(unseen, m.Name+" ("+s.Problem+")")
		case s != src && s.Keys > 0:
			full = append(full, fmt.Sprintf("%s holds %d key(s)", m.Name, s.Keys))
		}
	}
	switch {
	case len(unseen) > 0:
		return refuse("WaitingForNodes", "before replication is set up every node must be seen, for it may hold data. Not seen: "+strings.Join(unseen, ", "))
	case v.heads() > 1:
		return refuse("TopologyAmbiguous", "more than one node has replicas among the nodes, so that nobody can tell which is the source: point them at one (REPLICAOF)")
	case src.Replica && !src.Detached():
		return refuse("TopologyAmbiguous", fmt.Sprintf("%s replicates from %s:%d, which is none of the nodes: end that first (REPLICAOF NO ONE)", src.Name, src.MasterHost, src.MasterPort))
	case src.Empty() && len(full) > 0 && v.force != src.Name:
		return refuse("SourceEmpty", fmt.Sprintf("%s is to be the source and is empty, and %s. Make a node with data spec.source; or, to begin empty, set the annotation compose-operator/force-promote: %s", src.Name, strings.Join(full, ", "), src.Name))
	}
	v.source = src
	v.data.Source, v.data.ReplicationID = src.Name, src.ReplID
	v.judgeSource()
	v.assess()
	p = v.steady()
	// The choice is on record before anybody follows it.
	p.Persist = true
	p.Events = append(p.Events, reconcile.Event{Reason: "SetUp", Once: src.Name, Message: fmt.Sprintf("%s is the source", src.Name)})
	return p
}

// heads counts the members that others follow and that follow nobody.
func (v *view) heads() int {
	n := 0
	for _, m := range v.ours() {
		if s := v.server(m.Name); s.Master() && v.isFollowed(s) {
			n++
		}
	}
	return n
}
