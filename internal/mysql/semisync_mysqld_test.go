// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// setCount edits spec.semiSync, and wakes the operator.
func (r *running) setCount(count int32, timeout time.Duration) {
	r.mu.Lock()
	settings := &v1alpha1.MysqlSemiSyncSettings{WaitForReplicaCount: count}
	if timeout > 0 {
		settings.Timeout = &metav1.Duration{Duration: timeout}
	}
	r.object.Spec.SemiSync = settings
	r.object.Generation++
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// vouched waits until the status says by how many replicas a source is vouched for.
func (r *running) vouched(source string, by int32) {
	r.t.Helper()
	r.eventually(fmt.Sprintf("%s is vouched for by %d", source, by), func(p reconcile.Plan[Data], _ map[string]string) bool {
		n := r.object.Status.Topology[source]
		return p.Data.Source == source && n != nil && n.VouchedBy == by
	})
}

// goesOn waits until clients have written some more.
func (r *running) goesOn(rows int) {
	r.t.Helper()
	had := r.load.Acknowledged()
	r.servers["a"].Eventually("clients go on", func() bool { return r.load.Acknowledged() > had+rows })
}

// The count under writes: raised, kept by a switchover, raised beyond what is there, and
// lowered while commits hang, which lets go of them.
func TestSemiSyncCount(t *testing.T) {
	r := operate(t, v1alpha1.MysqlSemiSync)
	r.vouched("a", 1)
	count := func(node string) string {
		return r.servers[node].Value("SELECT @@GLOBAL.rpl_semi_sync_source_wait_for_replica_count")
	}

	r.setCount(2, 0)
	r.vouched("a", 2)
	if got := count("a"); got != "2" {
		t.Fatalf("a waits for %s", got)
	}
	r.goesOn(20)
	r.whole()

	r.edit("b")
	r.writes("b")
	if got := count("b"); got != "2" {
		t.Errorf("after the switchover clients write to b, which waits for %s", got)
	}
	r.whole()
	r.vouched("b", 2)
	r.goesOn(20)

	// One of the two is away: commits hang, and that is said.
	r.servers["c"].Freeze()
	r.servers["c"].Eventually("commits wait", func() bool {
		return r.servers["b"].Value("SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_wait_sessions'") != "0"
	})
	stands := r.load.Acknowledged()
	r.setCount(1, 0)
	r.goesOn(20)
	if got := count("b"); got != "1" {
		t.Errorf("lowered, b waits for %s", got)
	}
	t.Logf("%d rows when commits hung, %d now", stands, r.load.Acknowledged())

	// It is not raised while that would stop the writes.
	r.setCount(2, 0)
	r.reports("FewerAcknowledgements")
	r.goesOn(20)
	if got := count("b"); got != "1" {
		t.Errorf("raised while one is away, b waits for %s", got)
	}
	r.servers["c"].Thaw()
	r.vouched("b", 2)
	r.whole()
	r.load.Stop()
	for _, node := range []string{"a", "b", "c"} {
		r.servers[node].Eventually(node+" has all", func() bool { return r.lostOn(node) == 0 })
	}
}

// A timeout: nobody vouches for the source, it falls back when replicas are away, which is
// reported, it is left alone meanwhile, and waits again by itself when they are back. A
// failover says that it cannot be sure.
func TestSemiSyncTimeout(t *testing.T) {
	r := operate(t, v1alpha1.MysqlSemiSync)
	r.vouched("a", 1)
	r.setCount(1, v1alpha1.MysqlSemiSyncTimeoutFloor)
	r.vouched("a", 0)
	r.servers["a"].Eventually("the timeout is set", func() bool {
		return r.servers["a"].Value("SELECT @@GLOBAL.rpl_semi_sync_source_timeout") == "5000"
	})
	r.goesOn(20)
	r.whole()

	gone := func() string {
		return r.servers["a"].Value("SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_status'")
	}
	r.servers["b"].Freeze()
	r.servers["c"].Freeze()
	r.servers["a"].Eventually("it has fallen back", func() bool { return gone() == "OFF" })
	r.goesOn(20)
	told := false
	r.eventually("that is reported", func(p reconcile.Plan[Data], _ map[string]string) bool {
		for _, e := range p.Events {
			told = told || e.Reason == "SemiSyncInactive"
		}
		return p.Conditions[0].Reason == "SemiSyncInactive" && strings.Contains(p.Conditions[0].Message, "spec.semiSync.timeout (5s)")
	})
	// The operator has looked since, and has not made it wait again.
	r.goesOn(50)
	if got := gone(); got != "OFF" {
		t.Errorf("Rpl_semi_sync_source_status is %s while nobody acknowledges", got)
	}
	r.servers["b"].Thaw()
	r.servers["c"].Thaw()
	r.servers["a"].Eventually("it waits again", func() bool { return gone() == "ON" })
	r.whole()

	r.servers["a"].Kill9()
	r.edit("b")
	unsure := false
	r.eventually("the failover ends", func(p reconcile.Plan[Data], _ map[string]string) bool {
		unsure = unsure || p.Data.Switchover != nil && strings.Contains(p.Conditions[0].Message, "acknowledged ones may be on it alone")
		return p.Data.Source == "b" && p.Data.Switchover == nil
	})
	if !unsure {
		t.Error("the failover does not say that acknowledged rows may be missing")
	}
	r.writes("b")
}
