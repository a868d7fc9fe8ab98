// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// hasTwins: two names lead to one process. Nothing can be said of either.
func (v *view) hasTwins() bool { a, _ := v.twins(); return a != "" && !v.inFlight() }

func (v *view) twins() (string, string) {
	type process struct{ system, started string }
	seen := map[process]string{}
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if !s.OK() || s.Started == "" {
			continue
		}
		one := process{s.SystemID, s.Started}
		if other, dup := seen[one]; dup {
			return other, m.Name
		}
		seen[one] = m.Name
	}
	return "", ""
}

func (v *view) reportTwins() reconcile.Plan[Data] {
	a, b := v.twins()
	p := v.plan()
	p.Conditions = reconcile.Topology(false, "DuplicateServer", fmt.Sprintf(
		"%s and %s were started at the same microsecond with the same system identifier, so that both names lead to one server: correct host and port in the spec. Nothing is done until then.", a, b))
	return p
}

func (v *view) primaryUnknown() bool { return v.primary == nil }

// setUp finds the first primary among the servers: the spec is not taken on faith. Whoever is
// not seen may be the one that takes the writes, unless nothing listens there.
func (v *view) setUp() reconcile.Plan[Data] {
	p := v.plan()
	refuse := func(reason, message string) reconcile.Plan[Data] {
		p.Conditions = reconcile.Topology(false, reason, message)
		p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: reason, Message: message})
		p.Next = busy
		return p
	}
	w := v.wanted()
	var unseen, missing, holders []string
	var heads []*Server
	for _, m := range v.ours() {
		s := v.server(m.Name)
		switch {
		case !s.OK() && m.Name != w.Name && (s.Refused || v.pods[m.Name].Gone()):
			// One that was never filled looks like this, and so does a primary that is being started.
			missing = append(missing, m.Name)
		case !s.OK():
			unseen = append(unseen, m.Name+" ("+s.Problem+")")
		case s.Primary() && (!w.OK() || s.SystemID == w.SystemID):
			heads = append(heads, s)
		case s != w && s.OK() && s.HoldsData && w.OK() && s.SystemID != w.SystemID:
			holders = append(holders, m.Name)
		}
	}
	switch {
	case len(unseen) > 0:
		return refuse("WaitingForNodes", "before replication is looked after it must be known who is the primary, and a node that is not seen may be the one. Not seen: "+strings.Join(unseen, ", "))
	case len(heads) == 0:
		return refuse("NoPrimary", fmt.Sprintf("%s is to be the primary, and is a standby; so are all others. Promote it by hand (SELECT pg_promote()), or make the node spec.primary that is to be it after that", w.Name))
	case len(heads) > 1:
		return refuse("TopologyAmbiguous", fmt.Sprintf("%s run as primaries of one database cluster, so that nobody can tell which has what was acknowledged: stop all but one of them", strings.Join(names(heads), " and ")))
	case !w.HoldsData && len(holders) > 0 && v.force != w.Name:
		return refuse("PrimaryEmpty", fmt.Sprintf("%s is to be the primary and has neither a table nor a database, and %s holds data of another database cluster. Make a node with data spec.primary; or, to begin empty, set the annotation %s: %s",
			w.Name, strings.Join(holders, ", "), v1alpha1.AnnotationForcePromote, w.Name))
	}
	head := heads[0]
	witness := false
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if s == head || !s.OK() || s.SystemID != head.SystemID {
			continue
		}
		witness = witness || s.Streams(head)
		of := v.streamsFromMember(s) && s.At.TLI == head.At.TLI
		if within := s.Known && s.At.within(head.At); !s.Streams(head) && !of && !within {
			return refuse("TopologyAmbiguous", fmt.Sprintf("%s runs as a primary, and %s has log that it lacks, or does not say what it has (%s, and %s): so there may be another primary. Start that, or have the standby stream from %[1]s", head.Name, m.Name, s.At, head.At))
		}
	}
	switch {
	case len(missing) > 0 && !witness && v.force != head.Name:
		v.primary = head
		return refuse("WaitingForNodes", fmt.Sprintf("%s runs as a primary, and no standby streams from it that would show that it is the primary; nothing listens at %s, and that may be it. If it is not and its data directory is empty, fill it: %s. Or set the annotation %s: %[1]s",
			head.Name, strings.Join(missing, ", "), v.baseBackup(), v1alpha1.AnnotationForcePromote))
	case head.ReadOnly:
		return refuse("PrimaryReadOnly", fmt.Sprintf("%s runs as a primary and takes no writes (default_transaction_read_only), as one that was left behind does. If it is the primary: %s", head.Name, unfence))
	}
	v.primary = head
	v.data.Primary = v.primary.Name
	v.judge()
	v.assess()
	p = v.steady()
	// The choice is on record before anybody is told anything.
	p.Persist = true
	p.Events = append(p.Events, reconcile.Event{Reason: "SetUp", Once: v.primary.Name, Message: fmt.Sprintf("%s is the primary", v.primary.Name)})
	if v.primary != w {
		// Only the choice: the switchover comes in a pass of its own, with all its checks.
		p.Again = true
	}
	return p
}

// unfence is what a person runs on a primary that is fenced.
const unfence = "ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf(); and remove standby.signal from its data directory if it is there"

// streamsFromMember says whether a standby streams from any of the nodes.
func (v *view) streamsFromMember(s *Server) bool {
	return slices.ContainsFunc(v.members, func(m Member) bool { return s.Streams(v.server(m.Name)) })
}

func names(list []*Server) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Name
	}
	return out
}
