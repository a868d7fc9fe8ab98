// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// vouchedBy is how many replicas have each transaction that the source has acknowledged
// (MysqlReplicationNode.VouchedBy).
//
// It begins with the replicas that are seen to have all that the source had executed a
// moment before. From there on it need not be seen again, because each further commit
// waits for that many; until the source waits for fewer, or somebody is lost who may have
// been one of them. What is about to be lowered counts as lowered, and is written down
// before it is: see recordsLess.
func (v *view) vouchedBy() int32 {
	src := v.source
	if src == nil || !v.semi || v.data.Source != src.Name {
		return 0
	}
	was := int32(0)
	n := v.status.Topology[src.Name]
	if n != nil {
		was = n.VouchedBy
	}
	if !src.OK() {
		return max(0, was-v.copiesLost())
	}
	semi, want := src.SemiSync, v.wantsAcks(src)
	if !src.WaitsAfterRestart {
		// It may restart between two looks, and wait for nobody then.
		return 0
	}
	if !semi.SourceEnabled || !semi.SourceActive || !semi.WaitNoReplica || semi.Timeout < SemiSyncTimeout || !want.Enabled || !want.patient() {
		return 0
	}
	if n == nil || n.ServerUUID != src.UUID || v.copiesUncertain() {
		was = 0
	}
	// Who is not seen may be attached still. That keeps what is on record, and raises nothing.
	sure := max(0, min(semi.WaitCount-v.strangers(false), want.count()))
	seen := max(0, semi.WaitCount-v.strangers(true))
	return min(int32(sure), max(was, min(int32(seen), v.upToDate()))) //nolint:gosec // there are 33 nodes at the most
}

// strangers are those who may acknowledge to the source and are no nodes of this resource: a
// commit may have waited for them, and nobody here need have it. With unseenToo a node
// of the resource that is not seen counts as one of them, if somebody is attached in its place.
func (v *view) strangers(unseenToo bool) int {
	known := 0
	for _, m := range v.members {
		s := v.server(m.Name)
		if s != v.source && !v.data.Drop[m.Name] && (!s.OK() && !unseenToo || v.acknowledges(s, v.source)) {
			known++
		}
	}
	return max(0, v.source.SemiSync.Clients-known)
}

// upToDate counts the replicas that have all that the source had before they were looked at.
func (v *view) upToDate() int32 {
	has := v.source.Before
	if has.Empty() {
		has = v.source.Executed
	}
	count := int32(0)
	for _, m := range v.replicasOf(v.source) {
		if s := v.server(m.Name); s.OK() && !v.replaced(s) && !v.losesRelayLog(s) && s.Received().Contains(has) {
			count++
		}
	}
	return count
}

// replaced: what the node held is thrown away, or is about to be.
func (v *view) replaced(s *Server) bool {
	r := v.data.Clones[s.Name]
	return v.hollow(s) || v.cloning(s) || r != nil && r.State == v1alpha1.MysqlCloneInProgress
}

// copiesUncertain: somebody who may have acknowledged does not count any more.
func (v *view) copiesUncertain() bool {
	for _, m := range v.members {
		s, was := v.server(m.Name), v.status.Topology[m.Name]
		switch {
		case m.Name == v.source.Name || was == nil:
		case v.awaited(m) && was.SemiSync == "":
			// It has not acknowledged since it was left behind.
		case m.Leaving, v.replaced(s), v.anotherServer(s), v.restarted(s), v.losesRelayLog(s):
			return true
		case m.Isolated && s.OK() && was.SemiSync != "":
			return true
		}
	}
	return false
}

// copiesLost counts the members of a source that is not seen which have lost what they
// acknowledged, or may have, or go unseen.
func (v *view) copiesLost() int32 {
	lost := int32(0)
	for _, m := range v.members {
		if s := v.server(m.Name); m.Name != v.source.Name && (v.data.Drop[m.Name] || v.anotherServer(s) || v.restarted(s)) {
			lost++
		}
	}
	return lost
}

// anotherServer: one answers under the name of a node that was another server before.
func (v *view) anotherServer(s *Server) bool {
	was := v.status.Topology[s.Name]
	return s.OK() && was != nil && was.ServerUUID != "" && was.ServerUUID != s.UUID
}

// startTolerance is how far two readings of when a server started may be apart: Uptime is in
// whole seconds, and an answer may take lookTimeout.
const startTolerance = lookTimeout + 2*time.Second

// started says when the servers began to run, by this process's clock; of one that is seen
// to run on, as it was recorded.
func (v *view) started() map[string]metav1.Time {
	out := map[string]metav1.Time{}
	for _, m := range v.members {
		s, was := v.server(m.Name), v.status.Topology[m.Name]
		switch recorded := was != nil && was.StartedAt != nil; {
		case recorded && (!s.OK() || !v.restarted(s)):
			out[m.Name] = *was.StartedAt
		case s.OK():
			out[m.Name] = metav1.NewTime(v.startOf(s).Truncate(time.Second))
		}
	}
	return out
}

// startOf is when a server that is seen began to run.
func (v *view) startOf(s *Server) time.Time {
	at := s.At
	if at.IsZero() {
		at = v.now
	}
	return at.Add(-s.Uptime)
}

// restarted: the server was started after it was seen last. With relay_log_recovery it has
// thrown away what it had acknowledged and not yet executed.
func (v *view) restarted(s *Server) bool {
	was := v.status.Topology[s.Name]
	return s.OK() && was != nil && was.StartedAt != nil && v.startOf(s).Sub(was.StartedAt.Time).Abs() > startTolerance
}

// losesRelayLog: the channel of a replica is about to be made anew, and what it has received
// and not executed goes with it, until it has received that again.
func (v *view) losesRelayLog(s *Server) bool {
	if !s.OK() || s.Channel == nil || !s.Follows(v.source) || s.Executed.Contains(s.Received()) {
		return false
	}
	c := s.Channel
	return !c.AutoPosition || c.Elsewhere || c.User != "" && c.User != shared.ReplicationUser(v.spec.Secret)
}

// recordsLess: a plan that acts has fewer vouch for the source than the status says. That is
// written down first, because a source that dies right after it was told to wait for fewer
// would be believed to have waited for more.
func (v *view) recordsLess(p reconcile.Plan[Data]) bool {
	n := v.status.Topology[p.Data.Source]
	if n == nil || p.Data.VouchedBy >= n.VouchedBy {
		return false
	}
	for _, s := range p.Steps {
		if len(s.Actions) > 0 {
			return true
		}
	}
	return false
}

// unaccounted names the members that are not seen and may have acknowledged.
func (v *view) unaccounted() []string {
	var out []string
	for _, m := range v.members {
		if v.server(m.Name) == v.source || v.server(m.Name).OK() {
			continue
		}
		if was := v.status.Topology[m.Name]; !m.Isolated && !m.Leaving || was != nil && was.SemiSync != "" {
			out = append(out, m.Name)
		}
	}
	return out
}

// unassured says why the replicas that are seen may lack what an unseen source has
// acknowledged; "" when one of them surely has it, and in asynchronous mode, which
// promises nothing.
//
// Each acknowledged transaction is on as many replicas as vouch for the source. When fewer
// than that are not seen, at least one of its holders is; and as those who are seen
// acknowledge nothing more, too few are left to acknowledge anything further.
func (v *view) unassured() string {
	if !v.semi {
		return ""
	}
	if n := v.status.Topology[v.source.Name]; n != nil && n.SemiSync == v1alpha1.MysqlSemiSyncInactive {
		return fmt.Sprintf(" When %s was seen last its commits did not wait for a replica: acknowledged ones may be on it alone.", v.source.Name)
	}
	switch vouched, away := v.vouchedBy(), v.unaccounted(); {
	case vouched == 0 && v.spec.SemiSync != nil && v.spec.SemiSync.Timeout != nil:
		return fmt.Sprintf(" spec.semiSync.timeout lets commits of %s go on without a replica after %s: acknowledged ones may be on it alone, and it may go on to acknowledge.", v.source.Name, v.spec.SemiSync.Timeout.Duration)
	case vouched == 0:
		return fmt.Sprintf(" It was not seen that replicas have all that %s has acknowledged: some may be on it alone.", v.source.Name)
	case len(away) >= int(vouched):
		return fmt.Sprintf(" Acknowledged commits of %s are sure to be on %d replica(s) only, which may be among those that are not seen: %s.", v.source.Name, vouched, strings.Join(away, ", "))
	}
	return ""
}
