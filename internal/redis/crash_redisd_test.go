// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build redisd

package redis

import (
	"strconv"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/redisd"
)

// dying has the operator end after the n-th thing that is done. It says whether it came to that.
func (c *cluster) dying(n int) func() bool {
	count, died := 0, false
	c.dies = func(did string) bool {
		if count++; count != n || died {
			return false
		}
		died = true
		c.t.Logf("%d: the operator dies after: %s", n, did)
		return true
	}
	return func() bool { c.dies = nil; return died }
}

// converge makes passes until a node is the source and everything is as wanted. An undone
// switchover is asked for again. Nothing here follows the time that kube-proxy needs.
func (c *cluster) converge(what, to string) {
	c.t.Helper()
	c.until(what, func() bool {
		r := c.object.Status.Switchover
		if r != nil && r.Phase == v1alpha1.SwitchoverPreparing {
			c.ahead += drainTime
		}
		if r != nil && r.Phase == v1alpha1.SwitchoverUndone {
			c.t.Logf("undone: %s", r.Message)
			c.edit(r.From)
			c.edit(to)
			return false
		}
		return c.source() == to && c.object.Status.Source == to && r == nil && !c.plan.Again && c.plan.Conditions[0].Status == metav1.ConditionTrue
	})
}

// Every acknowledged write is on the new source, wherever the operator dies in a planned
// switchover, with FAILOVER and without.
func TestOperatorDiesDuringSwitchover(t *testing.T) {
	t.Parallel()
	for name, failover := range map[string]bool{"by FAILOVER": true, "by fence": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// FAILOVER is for candidates with an append-only file.
			c := newCluster(t, 3, redisd.Options{AOF: failover})
			c.settle("the set is set up")
			load := redisd.StartLoad(t, c.servers["a"], 4)
			c.routed = func(node string) { load.MoveTo(c.servers[node]) }
			from, to := "a", "b"
			for n, more := 1, true; more; n++ {
				c.edit(to)
				died := c.dying(n)
				c.converge("the switchover to "+to, to)
				more = died()
				if n == 1 && !more {
					t.Fatal("nothing was done")
				}
				before := load.Acknowledged()
				c.servers["a"].Eventually("clients write", func() bool { return load.Acknowledged() > before+10 })
				from, to = to, from
			}
			load.Stop()
			if lost := load.Lost(c.servers[from]); lost != 0 {
				t.Errorf("%d of %d acknowledged writes are lost", lost, load.Acknowledged())
			}
		})
	}
}

// What the replicas had received is on the new source, wherever the operator dies in a failover.
// An old source that comes back with nothing is filled. One that has read its append-only file
// may hold what it had acknowledged and nobody else has received, and does not know any more
// whom it continues: it is kept apart, with all it has, until the user gives that up.
func TestOperatorDiesDuringFailover(t *testing.T) {
	t.Parallel()
	for name, aof := range map[string]bool{"memory only": false, "append-only files": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			operatorDiesDuringFailover(t, aof)
		})
	}
}

func operatorDiesDuringFailover(t *testing.T, aof bool) {
	t.Helper()
	c := newCluster(t, 3, redisd.Options{AOF: aof})
	c.settle("the set is set up")
	from, to := "a", "b"
	rows := int64(0)
	for n, more := 1, true; more; n++ {
		c.servers[from].Do("INCR", "rows")
		c.servers[from].Replicated(2)
		rows++
		c.pass()
		// A pod that is gone: there is nothing to be patient for.
		c.servers[from].Kill9()
		c.gone[from] = true
		delete(c.labels, from)
		c.edit(to)
		died := c.dying(n)
		c.until("the failover to "+to, func() bool {
			return c.source() == to && c.object.Status.Source == to && c.object.Status.Switchover == nil
		})
		more = died()
		if got := c.servers[to].Do("INCRBY", "rows", 0); got != rows {
			t.Fatalf("%s has %v of %d", to, got, rows)
		}
		c.servers[from].Start()
		c.gone[from] = false
		if aof {
			c.reports("ReplicaDiverged")
			c.pass()
			if got := c.servers[from].Do("GET", "rows"); got != strconv.FormatInt(rows, 10) {
				t.Fatalf("what %s held is thrown away: it has %v of %d", from, got, rows)
			}
			if err := c.servers[from].Try("SET", "x", "1"); err == nil {
				t.Errorf("%s takes writes beside the source", from)
			}
			c.object.Spec.RejoinPolicy = v1alpha1.RedisRejoinResync
		}
		c.settle(from + " is a replica")
		c.object.Spec.RejoinPolicy = ""
		from, to = to, from
	}
}

// A server that hangs while something is asked of it delays, and loses nothing.
func TestServersHangDuringSwitchover(t *testing.T) {
	t.Parallel()
	for name, hang := range map[string]struct {
		node string
		// failover: by FAILOVER, for which the candidate needs an append-only file.
		failover bool
		at       func(reconcile.Action) bool
	}{
		"the candidate, while it catches up":   {"b", false, func(a reconcile.Action) bool { _, is := a.(CatchUp); return is }},
		"the candidate, while it is handed to": {"b", true, func(a reconcile.Action) bool { _, is := a.(Handover); return is }},
		"the source, while it hands over":      {"a", true, func(a reconcile.Action) bool { _, is := a.(Handover); return is }},
		"the source, at the fence":             {"a", false, func(a reconcile.Action) bool { _, is := a.(FenceSource); return is }},
		"the candidate, while it is promoted":  {"b", false, func(a reconcile.Action) bool { _, is := a.(Promote); return is }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 3, redisd.Options{AOF: hang.failover})
			c.settle("the set is set up")
			load := redisd.StartLoad(t, c.servers["a"], 2)
			c.routed = func(node string) { load.MoveTo(c.servers[node]) }
			hung := false
			c.refuses = func(a reconcile.Action) error {
				if !hung && hang.at(a) {
					hung = true
					c.servers[hang.node].Freeze()
				}
				return nil
			}
			c.edit("b")
			c.until("a server hangs", func() bool {
				if r := c.object.Status.Switchover; r != nil && r.Phase == v1alpha1.SwitchoverPreparing {
					c.ahead += drainTime
				}
				return hung
			})
			c.servers[hang.node].Thaw()
			c.converge("b is the source", "b")
			load.Stop()
			if lost := load.Lost(c.servers["b"]); lost != 0 {
				t.Errorf("%d of %d acknowledged writes are lost", lost, load.Acknowledged())
			}
		})
	}
}

// A replica that hangs holds up nobody else, and is taken back.
func TestReplicaHangs(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.settle("the set is set up")
	c.servers["c"].Freeze()
	c.until("c is missed", func() bool { return !c.plan.Data.Ready["c"] })
	if c.source() != "a" || c.labels["b"] != "true" {
		t.Errorf("labels are %v", c.labels)
	}
	c.servers["a"].Do("SET", "k", "v")
	c.servers["c"].Thaw()
	c.settle("c is back")
	c.servers["c"].Eventually("c has what a has", func() bool { return c.servers["c"].Keys() == 1 })
}

// TestTheDeathIsNoticed: another engine goes on.
func TestTheDeathIsNoticed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, redisd.Options{})
	died := c.dying(1)
	before := c.engine
	c.until("the operator has died", died)
	if c.engine == before {
		t.Error("the same engine goes on")
	}
}
