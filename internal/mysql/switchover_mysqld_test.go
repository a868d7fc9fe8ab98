// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"slices"
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/mysqld"
)

// A change of the source and back by the actions alone, under load, with a user
// that has the least privileges: no acknowledged row is lost, in either mode.
func TestSwitchoverByHand(t *testing.T) {
	t.Parallel()
	for name, semi := range map[string]bool{"async": false, "semi-sync": true} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 2, mysqld.Options{SemiSync: true})
			c.as(mysqld.LeastUser, mysqld.LeastPassword)
			c.replicate("a", semi)
			// Nothing holds clients back until a replica has applied what they write: a candidate
			// would never catch up with many of them on a machine that does much else.
			load := mysqld.StartLoad(t, c.servers["a"], 3)
			took := map[string][]time.Duration{}
			timed := func(action reconcile.Action, facts reconcile.Facts) reconcile.Facts {
				t.Helper()
				began := time.Now()
				out := c.doWith(action, facts)
				took[action.About()] = append(took[action.About()], time.Since(began))
				return out
			}
			from, to := "a", "b"
			for range 10 {
				// On a machine that does much else a replica may need more than one attempt.
				c.servers[to].Eventually("the candidate catches up", func() bool {
					_, err := c.act(CatchUp{target: target{to}, Set: c.observe().Nodes[from].Executed, Timeout: 10 * time.Second, Source: from}, nil)
					return err == nil
				})
				facts := timed(FenceSource{target: target{from}, Timeout: 2 * time.Second, KillClients: true}, nil)
				timed(Promote{target: target{to}, AfterFact: FencedFact(from), Timeout: 10 * time.Second, SemiSync: SemiSyncWant{Enabled: semi}}, facts)
				load.MoveTo(c.servers[to])
				back := c.attachTo(from, to, semi)
				back.WithinFact = FencedFact(from)
				timed(back, facts)
				c.do(Settle{target: target{to}, SemiSync: SemiSyncWant{Enabled: semi}})
				had := load.Acknowledged()
				c.servers[to].Eventually("clients write again", func() bool { return load.Acknowledged() > had+20 })
				from, to = to, from
			}
			load.Stop()
			c.caughtUp(from)
			for node, s := range c.servers {
				if lost := load.Lost(s); lost != 0 {
					t.Errorf("%d of %d acknowledged rows are not on %s", lost, load.Acknowledged(), node)
				}
			}
			for about, times := range took {
				slices.Sort(times)
				t.Logf("%s: median %v, longest %v", about, times[len(times)/2].Round(100*time.Microsecond), times[len(times)-1].Round(100*time.Microsecond))
			}
		})
	}
}
