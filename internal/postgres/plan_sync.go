// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// synchronous: commits wait for a standby.
func (v *view) synchronous() bool { return v.spec.Mode == v1alpha1.PostgresSync }

// syncWanted is whom synchronous_standby_names of the primary is to name, and how commits fare
// with it. Only nodes that the spec names, that are not isolated and that stream are named: any
// other one would let commits wait for nobody. While none streams, the policy decides.
func (v *view) syncWanted() ([]string, v1alpha1.PostgresSyncState) {
	if !v.synchronous() {
		return nil, ""
	}
	p := v.primary
	var all, stream, named []string
	unnamed := false
	has, _ := parseSyncNames(p.SyncNames)
	for _, m := range v.standbysOf(p) {
		s := v.server(m.Name)
		if s.OK() && s.SystemID != p.SystemID {
			continue
		}
		all = append(all, m.Name)
		unnamed = unnamed || s.Streams(p)
		if _, yes := p.follower(m.Name); yes {
			stream = append(stream, m.Name)
		}
		if slices.Contains(has, applicationName(m.Name)) {
			named = append(named, m.Name)
		}
	}
	switch {
	case len(stream) > 0:
		return stream, v1alpha1.PostgresSyncActive
	case v.spec.Synchronous.Degrades(), unnamed && p.SyncNames == "":
		// Or they stream under another name, and get theirs first.
		return nil, v1alpha1.PostgresSyncDegraded
	case len(named) > 0:
		return named, v1alpha1.PostgresSyncCommitsWait
	case len(all) > 0:
		return all, v1alpha1.PostgresSyncCommitsWait
	}
	return []string{nobody}, v1alpha1.PostgresSyncCommitsWait
}

// syncChange is the action that brings the primary's names to what is wanted, nil when they
// are; and whether the record has to be written before it. The record names everybody who may
// acknowledge a commit: those of before until they are seen gone from the primary.
func (v *view) syncChange() (actions []reconcile.Action, persist bool) {
	p := v.primary
	if !p.Primary() || v.lost != "" {
		return nil, false
	}
	want, state := v.syncWanted()
	has, own := parseSyncNames(p.SyncNames)
	v.data.Sync, v.notSet = state, ""
	if state == v1alpha1.PostgresSyncActive || state == v1alpha1.PostgresSyncDegraded && !v.spec.Synchronous.Degrades() {
		v.data.Sync, v.notSet = v.inEffect(has)
	}
	if !v.synchronous() && (len(v.data.SyncNodes) == 0 || !own || !p.SyncSet) {
		// Names that somebody else has set stay.
		v.data.SyncNodes = nil
		return nil, false
	}
	if p.SyncNames == syncNames(want) {
		v.data.SyncNodes = want
		return nil, false
	}
	before := slices.Clone(v.data.SyncNodes)
	for _, m := range v.members {
		if slices.Contains(has, applicationName(m.Name)) {
			v.data.SyncNodes = add(v.data.SyncNodes, m.Name)
		}
	}
	for _, name := range want {
		v.data.SyncNodes = add(v.data.SyncNodes, name)
	}
	persist = slices.ContainsFunc(v.data.SyncNodes, func(n string) bool { return !slices.Contains(before, n) })
	return []reconcile.Action{SetSync{target{p.Name}, v.identity(), syncNames(want)}}, persist
}

// inEffect says whether commits wait for a standby that streams, as observed; otherwise why not.
func (v *view) inEffect(has []string) (state v1alpha1.PostgresSyncState, notSet string) {
	p := v.primary
	if p.SyncCommit == "off" || p.SyncCommit == "local" {
		return v1alpha1.PostgresSyncDegraded, fmt.Sprintf("commits do not wait for a standby: synchronous_commit is %s. Set it to on", p.SyncCommit)
	}
	for _, f := range p.Followers {
		if f.Streaming && slices.Contains(has, f.Name) && (f.SyncState == "quorum" || f.SyncState == "sync") {
			return v1alpha1.PostgresSyncActive, ""
		}
	}
	return v1alpha1.PostgresSyncDegraded, fmt.Sprintf("commits do not wait for a standby as they should: synchronous_standby_names is %q still. If that lasts, it is set where ALTER SYSTEM does not reach (the command line)", p.SyncNames)
}

func add(list []string, one string) []string {
	if slices.Contains(list, one) {
		return list
	}
	return append(list, one)
}

// syncAt is synchronous_standby_names of a node that is promoted, before its first commit, and
// remembers whom it names. It names all who will stream from it: whether they do is seen after that.
func (v *view) syncAt(to *Server) string {
	if !v.synchronous() {
		return ""
	}
	var seen, all []string
	for _, m := range v.standbysOf(to) {
		s := v.server(m.Name)
		all = append(all, m.Name)
		if v.same(s) && !v.data.Diverged[m.Name] && (s.Recovery || v.data.Switchover != nil && !v.data.Switchover.Failover && m.Name == v.data.Switchover.From) {
			seen = append(seen, m.Name)
		}
	}
	want := seen
	if len(want) == 0 && !v.spec.Synchronous.Degrades() {
		if want = all; len(want) == 0 {
			want = []string{nobody}
		}
	}
	// Who was never seen to be a standby has acknowledged nothing: only those are recorded that were.
	for _, name := range seen {
		v.data.SyncNodes = add(v.data.SyncNodes, name)
	}
	return syncNames(want)
}

// unseenSynchronous names a node that may have acknowledged a commit alone, and is not seen.
// Where commits wait for nobody any more none is on record. One that is counts whatever the
// state was called when it was looked at last: names may have come into effect since.
func (v *view) unseenSynchronous(to *Server) string {
	for _, name := range v.status.SynchronousStandbys {
		if s := v.server(name); name != nobody && (s == nil || s != to && s != v.primary && !v.same(s)) {
			return name
		}
	}
	return ""
}
