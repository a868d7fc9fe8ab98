// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"

	"github.com/upmio/compose-operator/internal/reconcile"
)

// leadAhead lets one replica follow the candidate before the fence, in semi-sync mode:
// the new source's first commit waits for somebody to acknowledge it, and a change of
// the source takes a replica longer than the fence and the promotion together. The
// candidate must be one that acknowledges to the old source meanwhile, with as many others
// as that waits for. One that was led and is not connected is led once more, to see why.
// nil: nobody can be led, or one was.
func (v *view) leadAhead(attach []reconcile.Action, from, to *Server) []reconcile.Action {
	if !v.wantsAcks(to).Enabled || !to.SemiSync.ReplicaActive {
		return nil
	}
	if led := v.led(from, to); led != nil {
		if led.Channel.IO == ThreadYes || !led.Fenced() || len(missingOn(led, takesToFollow)) > 0 {
			return nil
		}
		return []reconcile.Action{FollowAhead{Timeout: aheadTimeout, Attach: Attach{
			target: target{led.Name}, Source: to.Name, SourceHost: to.Host, SourcePort: to.Port, SourceUUID: to.UUID, SemiSync: v.wantsReplicaAcks(led)}}}
	}
	if semi := from.SemiSync; semi.SourceEnabled && semi.WaitCount > 1 && v.acknowledging(from)-1 < semi.WaitCount {
		return nil
	}
	var best *Attach
	for _, one := range attach {
		a, is := one.(Attach)
		if !is || a.On == from.Name || !a.SemiSync {
			continue
		}
		c := v.server(a.On).Channel
		if c.Streams() && !c.Elsewhere && c.Lag != nil && *c.Lag <= lagBound && (best == nil || *c.Lag < *v.server(best.On).Channel.Lag) {
			best = &a
		}
	}
	if best == nil {
		return nil
	}
	best.WithinFact = ""
	return []reconcile.Action{FollowAhead{Attach: *best, Timeout: aheadTimeout}}
}

// led is a replica whose channel leads to the candidate, running or not; one that is not
// connected before others.
func (v *view) led(from, to *Server) *Server {
	var found *Server
	for _, m := range v.replicasOf(to) {
		s := v.server(m.Name)
		if s == from || !s.OK() || !s.Follows(to) {
			continue
		}
		if found = s; s.Channel.IO != ThreadYes {
			break
		}
	}
	return found
}

// turnedAway says why the replica that was led ahead cannot connect to the candidate: its
// password, the network, TLS. The others would fare like it, the old source included, and
// every commit of the new source would wait for one of them, the user's ALTER USER among
// them. Before the promotion it costs nothing, or little, to stay with the old source. ""
// when nobody is turned away, and in asynchronous mode, where no commit waits.
func (v *view) turnedAway(from, to *Server) string {
	s := v.led(from, to)
	if !v.wantsAcks(to).Enabled || !to.OK() || s == nil || s.Channel.IO == ThreadYes || s.Channel.IOErrno == 0 {
		return ""
	}
	return fmt.Sprintf("%s was pointed at %s and cannot replicate from it, and nobody would acknowledge its commits: %s%s",
		s.Name, to.Name, s.Channel.receiverTrouble(), v.tlsHint(s.Channel))
}
