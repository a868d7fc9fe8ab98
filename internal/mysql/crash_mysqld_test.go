// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/mysqld"
)

// writables counts the servers that take writes.
func (k *kernel) writables() (out []string) {
	for name, s := range k.servers {
		if s.Value("SELECT @@GLOBAL.read_only") == "0" {
			out = append(out, name)
		}
	}
	return out
}

// crashing has a server crash and come back after the n-th thing that is done, and looks
// how it comes back before anything more is done. It says whether it came to that.
func (k *kernel) crashing(node string, n int, look func(did string)) func() bool {
	count := 0
	crashed := false
	k.crashed = false
	k.after = func(did string) {
		if count++; count != n || crashed {
			return
		}
		crashed, k.crashed = true, true
		k.servers[node].Kill9()
		k.servers[node].Start()
		look(did)
	}
	return func() bool { k.after = nil; return crashed }
}

// everyCrash makes the tests below crash after every step and not after every fourth, and
// in both modes: that takes a quarter of an hour, and make soak does it.
const everyCrash = "EVERY_CRASH"

// stride from one step that is followed by a crash to the next.
func stride() int {
	if os.Getenv(everyCrash) != "" {
		return 1
	}
	return 4
}

// A replica that crashes after any step of set-up: once it was fenced it comes back so,
// and the set is set up in the end. A source that crashes comes back and takes writes.
func TestCrashesDuringSetUp(t *testing.T) {
	t.Parallel()
	for _, node := range []string{"b", "a"} {
		for n, more := 1, true; more; n += stride() {
			t.Run(fmt.Sprintf("%s after %d", node, n), func(t *testing.T) {
				k := &kernel{cluster: newCluster(t, 2, mysqld.Options{}), labels: map[string]string{}}
				k.as(mysqld.LeastUser, mysqld.LeastPassword)
				crashed := k.crashing(node, n, func(did string) {
					t.Logf("%s crashes after: %s", node, did)
					// Its fence is the first thing that is done.
					if w := k.writables(); len(w) != 1 || w[0] != "a" {
						t.Errorf("after %q %v take writes", did, w)
					}
				})
				k.converge("the set is set up", "a")
				more = crashed()
				mustWrite(t, k.servers["a"])
				k.caughtUp("a")
			})
		}
	}
}

// Source or candidate crash after any step of a switchover: at no moment do both take
// writes, what was written before is on whoever is the source in the end, and the set
// becomes what the spec wants.
func TestCrashesDuringSwitchover(t *testing.T) {
	t.Parallel()
	modes := []v1alpha1.MysqlReplicationMode{v1alpha1.MysqlSemiSync}
	if stride() == 1 {
		modes = append(modes, v1alpha1.MysqlAsync)
	}
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			k := &kernel{cluster: newCluster(t, 2, mysqld.Options{SemiSync: mode == v1alpha1.MysqlSemiSync}), labels: map[string]string{}}
			k.object.Spec.Mode = mode
			k.as(mysqld.LeastUser, mysqld.LeastPassword)
			k.settle("the set is set up")
			rows := 0
			from, to := "a", "b"
			for _, candidate := range []bool{false, true} {
				for n, more := 1, true; more; n += stride() {
					node := from
					if candidate {
						node = to
					}
					k.servers[from].SQL("INSERT INTO app.entries (writer, seq) VALUES (7, 7)")
					rows++
					k.exchange(to)
					crashed := k.crashing(node, n, func(did string) {
						t.Logf("%s, which is to hand over to %s: %s crashes after: %s", from, to, node, did)
						if w := k.writables(); len(w) > 1 {
							t.Errorf("after %q %v take writes", did, w)
						}
					})
					k.converge(fmt.Sprintf("%s takes over, %s crashes after step %d", to, node, n), to)
					more = crashed()
					if has := k.servers[to].Value("SELECT COUNT(*) FROM app.entries WHERE writer = 7"); has != fmt.Sprint(rows) {
						t.Fatalf("%s has %s rows of %d", to, has, rows)
					}
					from, to = to, from
				}
			}
		})
	}
}

// The operator dies after any step of a failover, and another one goes on: whatever was
// acknowledged is on the new source, and the old one comes back as a replica.
func TestOperatorDiesDuringFailover(t *testing.T) {
	t.Parallel()
	for n, more := 1, true; more; n += stride() {
		t.Run(fmt.Sprintf("after %d", n), func(t *testing.T) {
			k := &kernel{cluster: newCluster(t, 2, mysqld.Options{SemiSync: true}), labels: map[string]string{}}
			k.object.Spec.Mode = v1alpha1.MysqlSemiSync
			k.as(mysqld.LeastUser, mysqld.LeastPassword)
			k.settle("the set is set up")
			for range 5 {
				k.servers["a"].SQL("INSERT INTO app.entries (writer, seq) VALUES (7, 7)")
			}
			k.servers["a"].Kill9()
			k.exchange("b")
			count, died := 0, false
			k.after = func(did string) {
				if count++; count == n && !died {
					t.Logf("the operator dies after: %s", did)
					died, k.dead = true, true
				}
			}
			took := func() bool {
				k.carryOut(func() reconcile.Plan[Data] { _, plan := k.look(); return plan }())
				if k.dead {
					k.engine.Forget(k.scene().Key)
					k.engine, k.dead = NewEngine(), false
				}
				return k.labels["b"] == "false" && k.object.Status.Source == "b"
			}
			k.servers["b"].Eventually("b has taken over", took)
			k.after, more = nil, died
			if has := k.servers["b"].Value("SELECT COUNT(*) FROM app.entries WHERE writer = 7"); has != "5" {
				t.Fatalf("b has %s rows of 5", has)
			}
			k.servers["a"].Start()
			k.settle("the old source is a replica")
			mustWrite(t, k.servers["b"])
			k.caughtUp("b")
		})
	}
}

// converge goes on until the node is the source, and says so again when it was undone.
func (k *kernel) converge(what, to string) {
	k.t.Helper()
	goOn := func() bool {
		_, plan := k.look()
		if s := plan.Data.Switchover; s != nil && s.Phase == v1alpha1.SwitchoverUndone {
			k.exchange(s.From)
			k.look()
			k.exchange(to)
			return false
		}
		k.carryOut(plan)
		return plan.Data.Source == to && plan.Data.Switchover == nil
	}
	k.servers["a"].Eventually(what+", or the crash", func() bool { return goOn() || k.crashed })
	k.servers["a"].Eventually(what, goOn)
	k.settle(what)
}

// A replica that somebody made writable is made read-only again, persisted so, and what it
// took meanwhile is told.
func TestMadeWritableByHand(t *testing.T) {
	t.Parallel()
	k := &kernel{cluster: newCluster(t, 2, mysqld.Options{}), labels: map[string]string{}}
	k.as(mysqld.LeastUser, mysqld.LeastPassword)
	k.settle("the set is set up")
	b := k.servers["b"]
	for _, test := range []struct {
		by, want string
	}{
		{"SET GLOBAL super_read_only=OFF", "super_read_only is switched on again"},
		{"SET GLOBAL read_only=OFF", "read_only and super_read_only are switched on again"},
		{"RESET PERSIST super_read_only", ""},
		{"SET PERSIST read_only=OFF", "read_only and super_read_only are switched on again"},
	} {
		b.SQL(test.by)
		_, plan := k.look()
		told := ""
		for _, e := range plan.Events {
			told += e.Message + "\n"
		}
		if !strings.Contains(told, test.want) {
			t.Errorf("%s: the events are %s", test.by, told)
		}
		k.settle("corrected: " + test.by)
		b.Kill9()
		b.Start()
		if w := k.writables(); len(w) != 1 {
			t.Errorf("%s: after a restart %v take writes", test.by, w)
		}
		k.settle("restarted")
	}
	b.SQL("SET GLOBAL read_only=OFF", "INSERT INTO app.entries (writer, seq) VALUES (8, 8)")
	_, plan := k.look()
	told := ""
	for _, e := range plan.Events {
		if e.Reason == "ReplicaWasWritable" {
			told += e.Message
		}
	}
	if !strings.Contains(told, "It holds 1 transaction(s) that the source a lacks: "+b.Value("SELECT @@server_uuid")) {
		t.Errorf("the event is %q", told)
	}
	// It is kept apart now, and stays read-only across a restart all the same.
	b.SQL("SET GLOBAL super_read_only=OFF", "RESET PERSIST super_read_only", "RESET PERSIST read_only")
	b.Eventually("it is held", func() bool {
		_, plan := k.look()
		k.carryOut(plan)
		s := k.server("b")
		return s.Fenced() && s.ReadOnlyPersisted
	})
	b.SQL("SET GLOBAL super_read_only=OFF", "RESET PERSIST super_read_only")
	b.Eventually("it is held although it is not attached", func() bool {
		_, plan := k.look()
		k.carryOut(plan)
		s := k.server("b")
		return s.Fenced() && s.ReadOnlyPersisted
	})
}
