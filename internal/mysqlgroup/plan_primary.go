// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"fmt"
	"slices"

	"github.com/upmio/compose-operator/internal/reconcile"
)

// wanted is the node that should be the primary: spec.primary; "" when the group may have
// whichever it elects. A primary that left the spec is to be followed by a member.
func (v *view) wanted() string {
	if v.spec.Primary != "" {
		return v.spec.Primary
	}
	for _, n := range v.nodes {
		if n.Name == v.primary && n.Leaving {
			return v.successor()
		}
	}
	return ""
}

// successor is the first member of the spec that can be elected.
func (v *view) successor() string {
	for _, n := range v.ours() {
		if n.Name != v.primary && v.data.Ready[n.Name] {
			return n.Name
		}
	}
	return ""
}

// candidate is the node that is to be elected now; "" when none is. refused says why
// the one that is wanted is not. Nothing is touched before all of that holds.
func (v *view) candidate() (name, refused string) {
	w := v.wanted()
	if w == "" || w == v.primary {
		return "", ""
	}
	old := v.servers[v.primary]
	switch {
	case v.primary == "" || !old.OK():
		return "", "the present primary is not seen, so that nobody can be compared with it"
	case !v.data.Ready[v.primary]:
		return "", "the present primary is not in order: " + v.data.Notes[v.primary]
	case !v.names(w):
		return "", w + " is no node of the spec"
	case !v.data.Ready[w]:
		return "", fmt.Sprintf("%s is not an ONLINE member in order: %s", w, v.data.Notes[w])
	case v.servers[w].Backlog > backlogBound:
		return "", fmt.Sprintf("%s has %d transactions to apply; up to %d are waited for", w, v.servers[w].Backlog, backlogBound)
	}
	for _, m := range v.lead.Members {
		if m.State != MemberOnline {
			return "", fmt.Sprintf("%s is %s, and the group elects nobody until it is ONLINE or gone", v.called(m), m.State)
		}
	}
	return w, ""
}

// names says whether the spec names a node.
func (v *view) names(name string) bool {
	return slices.ContainsFunc(v.ours(), func(n Node) bool { return n.Name == name })
}

func (v *view) called(m Member) string {
	if n, is := v.nodeOf(m.UUID); is {
		return n.Name
	}
	return fmt.Sprintf("%s:%d", m.Host, m.Port)
}

// election makes the steps that lead to another primary. All that is slow comes while the
// old one takes writes: the candidate leaves the readers and catches up. Then it is
// elected, and both labels change at once.
func (v *view) election(candidate string) []reconcile.Step {
	if candidate == "" {
		return nil
	}
	old := v.servers[v.primary]
	wait := CatchUp{target: target{candidate}, Set: old.Executed, Timeout: catchUpTimeout, Primary: v.primary}
	if v.servesReaders(candidate) {
		wait.Linger = drainTime
	}
	after := v.route("").Routing
	after[candidate] = reconcile.AccessReadWrite
	after[v.primary] = v.former(old)
	return []reconcile.Step{
		v.route(candidate),
		{Name: "catch-up", Actions: []reconcile.Action{wait}},
		{
			Name: "elect", StopsWrites: true, RestoresWrites: true, Routing: after,
			Actions: []reconcile.Action{SetPrimary{target: target{candidate}, UUID: v.servers[candidate].UUID, Transactions: transactionsTimeout}},
		},
		{Name: "expel", Optional: true, Actions: []reconcile.Action{ExpelClients{target{v.primary}}}},
	}
}

// former is the access of a primary once another one is elected.
func (v *view) former(old *Server) reconcile.Access {
	for _, n := range v.ours() {
		if n.Name == old.Name && n.Port == v.readersAfter(old) {
			return reconcile.AccessReadOnly
		}
	}
	return reconcile.AccessNone
}

// readersAfter is the port of -readonly that the old primary has to have: with the same
// port on all nodes that of everybody.
func (v *view) readersAfter(old *Server) int32 {
	if len(v.ours()) == 2 {
		// It is the only one then, and the Service follows it.
		return old.Port
	}
	return v.readers
}
