// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"time"

	"github.com/upmio/compose-operator/internal/reconcile"
)

// lingerTime passes between the end of a switchover and the old source's coming to
// -readonly. kube-proxy may lead clients to it for a second after the route has
// changed; those have to go before others may come to stay.
const lingerTime = 1500 * time.Millisecond

// expelTime bounds when those may be cut off who came to the old source by mistake.
// Whoever is connected later came as a reader, whatever its label says by then.
const expelTime = time.Minute

// lingers says for how long the old source of the last switchover is kept from
// readers still; zero when it need not be, or when nobody else could serve them.
func (v *view) lingers(m Member) time.Duration {
	last := v.data.Last
	if last == nil || last.From != m.Name || v.source == nil || !v.othersServe(m.Name) {
		return 0
	}
	return max(0, last.FinishedAt.Add(lingerTime).Sub(v.now))
}

// othersServe says whether readers have a replica other than the named one.
func (v *view) othersServe(name string) bool {
	for _, m := range v.replicasOf(v.source) {
		if s := v.server(m.Name); m.Name != name && s.OK() && v.serves(m, s) {
			return true
		}
	}
	return false
}

// expulsions end the connections of clients that came to the old source while the
// route changed. They would stay, and be told that it is read-only. Once: with the
// label of a reader's node on it, its clients are readers.
func (v *view) expulsions() []reconcile.Action {
	last := v.data.Last
	if last == nil || v.now.After(last.FinishedAt.Add(expelTime)) {
		return nil
	}
	m, known := v.member(last.From)
	s := v.server(last.From)
	pod := v.pods[last.From]
	if !known || m.Leaving || m.Isolated || s == v.source || !s.OK() || pod.Gone() || pod.Readonly != "" || !v.serves(m, s) || v.lingers(m) > 0 {
		return nil
	}
	return []reconcile.Action{ExpelClients{target{m.Name}}}
}

// lingering is when the old source may be led readers to; zero: nothing waits for that.
func (v *view) lingering() time.Duration {
	if last := v.data.Last; last != nil {
		if m, known := v.member(last.From); known {
			return v.lingers(m)
		}
	}
	return 0
}

// member by name.
func (v *view) member(name string) (Member, bool) {
	for _, m := range v.members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}
