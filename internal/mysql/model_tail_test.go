// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"math/rand/v2"
	"regexp"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// mTail is the loss of a source's last commits in a crash, once in a schedule: sync_binlog
// or innodb_flush_log_at_trx_commit was not 1.
type mTail struct {
	rng *rand.Rand
	// of is the server that has lost lost; others hold it.
	of   *mServer
	lost txs
	// evidence says whether a node answered in the last observation, as one that the spec
	// names and whose data is there.
	evidence func(string) bool
	// over: the source was let on while nobody was seen who holds what it lacks. Nothing that
	// follows can be told from what should follow.
	over bool
}

// loseTail: a server that has crashed comes back without its last commits, and gives their
// numbers to others. Its configuration has read_only=ON: else it would do so before anybody
// looks, and nothing would tell.
func (w *world) loseTail(s *mServer) {
	for range 1 + w.tail.rng.IntN(3) {
		last := len(s.log) - 1
		if last < 0 || w.origin[s.log[last]].uuid != s.uuid() || s.purged.has(s.log[last]) || w.origin[s.log[last]].n != w.seq[s.uuid()] {
			break
		}
		i := s.log[last]
		s.log = s.log[:last]
		s.executed.remove(i)
		s.pending.remove(i)
		w.seq[s.uuid()]--
		w.tail.lost.add(i)
	}
	if w.tail.lost == 0 {
		return
	}
	w.tail.of, s.roPersisted = s, true
	held := s.holds()
	for _, n := range w.names {
		held |= w.servers[n].holds()
	}
	w.acked &= held
	w.semiAcked &= held
	w.tail.lost &= held
	w.tracef("%s has lost its tail, of which others hold %s", s.name, w.show(w.tail.lost))
}

// tailLetOn: the server takes writes again, under the numbers of what it has lost; or another
// one after it, which was taken for a whole source.
func (w *world) tailLetOn(s *mServer) {
	if of := w.tail.of; of == nil || s != of && w.switchingFrom != of.name || s.executed.contains(w.tail.lost) {
		// It has it back, as a replica of who held it.
		return
	}
	for _, n := range w.names {
		o := w.servers[n]
		if o != s && w.tail.evidence(n) && o.holds()&w.tail.lost&w.acked != 0 {
			w.violate("law 2: %s takes writes and has lost %s, which %s was seen to hold", s.name, w.show(w.tail.lost), n)
		}
	}
	w.tail.over = true
	w.acked &^= w.tail.lost &^ s.executed
	w.tracef("%s is let on, and nobody was seen who holds what it has lost", s.name)
}

// alike adds to a set what has the same number and is another transaction: no server tells
// the two apart.
func (w *world) alike(t txs) txs {
	if w.tail.of == nil {
		return t
	}
	out := t
	for i := range w.next {
		for j := range w.next {
			if t.has(i) && w.origin[i] == w.origin[j] {
				out.add(j)
			}
		}
	}
	return out
}

var recommended = regexp.MustCompile(`Make (\w+) spec\.source`)

// obeyLost does what the condition asks for after such a loss.
func (s *schedule) obeyLost() {
	c := s.op.last.Conditions
	if s.tail.of == nil || c == nil || c[0].Reason != "SourceLostData" && c[0].Reason != "FailoverRefused" {
		return
	}
	to := recommended.FindStringSubmatch(c[0].Message)
	if to == nil || s.servers[to[1]] == nil || s.api.object.Spec.Source.Name == to[1] {
		return
	}
	spec := &s.api.object.Spec
	for i, r := range spec.Replica {
		if r.Name == to[1] {
			was := *spec.Source
			spec.Source = r.Node.DeepCopy()
			spec.Replica = append([]v1alpha1.ReplicaNode{}, spec.Replica...)
			spec.Replica[i] = v1alpha1.ReplicaNode{Node: was}
			s.api.object.Generation++
			s.api.version++
			s.tracef("as told: spec %s gen %d", specOf(s.api.object), s.api.object.Generation)
			return
		}
	}
}
