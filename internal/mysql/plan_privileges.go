// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/upmio/compose-operator/internal/mysql/grants"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// What parts of a change of the source take. An applier or a receiver is led by
// REPLICATION_SLAVE_ADMIN, its channel is removed by RELOAD, and who cuts off clients
// has to see them and to be allowed to end them.
var (
	takesToFollow = []grants.Privilege{grants.SystemVariablesAdmin, grants.ReplicationSlaveAdmin}
	takesToFence  = []grants.Privilege{grants.SystemVariablesAdmin, grants.ReplicationSlaveAdmin, grants.ConnectionAdmin, grants.PerformanceSchema, grants.Process}
	takesToLead   = []grants.Privilege{grants.SystemVariablesAdmin, grants.ReplicationSlaveAdmin, grants.Reload}
)

// missingOn lists those of the privileges that the operator's user lacks on a node.
func missingOn(s *Server, needed []grants.Privilege) []grants.Privilege {
	return slices.DeleteFunc(slices.Clone(needed), func(p grants.Privilege) bool { return !slices.Contains(s.Missing, p) })
}

// needs is what an action cannot do without. What it does better with is not among it:
// a fence that cannot end the clients of a node is better than none.
func needs(action reconcile.Action) []grants.Privilege {
	switch do := action.(type) {
	case Attach, FollowAhead, Promote, SetSemiSync, Clone:
		return takesToFollow
	case StopReceiver, StartReplication:
		return []grants.Privilege{grants.ReplicationSlaveAdmin}
	case Detach:
		if do.KeepChannel {
			return takesToFollow
		}
		return takesToLead
	case FenceSource, SetWritable, Settle:
		return []grants.Privilege{grants.SystemVariablesAdmin}
	case ExpelClients:
		return []grants.Privilege{grants.ConnectionAdmin}
	}
	return nil
}

// allowed leaves out what the operator's user is not allowed to do, so that it is not
// left half done again and again. The condition says what is missing.
func (v *view) allowed(actions []reconcile.Action) []reconcile.Action {
	return slices.DeleteFunc(slices.Clone(actions), func(a reconcile.Action) bool {
		return len(missingOn(v.server(a.Node()), needs(a))) > 0
	})
}

// lackOf says what is missing on a node, and the statement that gives it.
func (v *view) lackOf(s *Server, missing []grants.Privilege) string {
	where := "on " + s.Name
	if v.source != nil && s != v.source && s.OK() && s.Follows(v.source) {
		where = fmt.Sprintf("on the source %s, from where it replicates, or on %s with sql_log_bin=0", v.source.Name, s.Name)
	}
	return fmt.Sprintf("%s: the operator's user %s lacks %s. Run %s: %s", s.Name, s.Account, grants.List(missing), where, grants.Statement(s.Account, missing))
}

// lacking lists the nodes of the spec on which something is missing, in words.
func (v *view) lacking() []string {
	var out []string
	for _, m := range v.ours() {
		if s := v.server(m.Name); len(s.Missing) > 0 {
			out = append(out, v.lackOf(s, s.Missing))
		}
	}
	return out
}

// hindrance says which privilege a change of the source would miss on its way; "" when
// none. Whoever it would lead elsewhere counts, too.
func (v *view) hindrance(from, to *Server) string {
	var out []string
	check := func(s *Server, needed []grants.Privilege) {
		if missing := missingOn(s, needed); len(missing) > 0 {
			out = append(out, v.lackOf(s, missing))
		}
	}
	if needed := takesToLead; from.OK() || !v.forced() {
		check(to, needed)
	} else {
		// Its channel is stopped and stays where it is until it may be removed.
		check(to, takesToFollow)
	}
	if from.OK() {
		check(from, takesToFence)
	}
	for _, m := range v.members {
		switch s := v.server(m.Name); {
		case s == from || s == to || !s.OK():
		case s.Follows(from) && !m.Isolated && !m.Leaving:
			check(s, takesToFollow)
		case (!from.OK() || v.sourceLost()) && v.receives(s, from):
			// In a failover its receiver is stopped like the others'.
			check(s, needs(StopReceiver{target{m.Name}}))
		}
	}
	return strings.Join(out, "; ")
}

// privilegeEvents say what is missing, once for each node and list.
func (v *view) privilegeEvents() []reconcile.Event {
	var out []reconcile.Event
	for _, m := range v.ours() {
		if s := v.server(m.Name); len(s.Missing) > 0 {
			out = append(out, reconcile.Event{Warning: true, Reason: "PrivilegeMissing", Once: m.Name + " " + grants.List(s.Missing), Message: v.lackOf(s, s.Missing)})
		}
	}
	return out
}
