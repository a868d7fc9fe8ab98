// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/test/mysqld"
)

var acks = SemiSyncWant{Enabled: true}

func TestPromote(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	facts := c.do(fence("a"))
	do := Promote{target: target{"b"}, AfterFact: FencedFact("a"), Timeout: time.Second, SemiSync: acks}
	c.fails(do, FencedFact("a"))
	for range 2 {
		c.doWith(do, facts)
		b := c.server("b")
		if !b.Writable() || b.Channel == nil || b.Channel.IO != ThreadNo || b.Channel.SQL != ThreadNo {
			t.Errorf("b: %+v %+v", b, b.Channel)
		}
		if !b.SemiSync.SourceEnabled || b.SemiSync.ReplicaEnabled || b.SemiSync.Timeout != SemiSyncTimeout {
			t.Errorf("semi-sync: %+v", b.SemiSync)
		}
	}
	for range 2 {
		c.do(Settle{target: target{"b"}, SemiSync: acks})
		if b := c.server("b"); b.Channel != nil || b.ReadOnlyPersisted || !b.Writable() || !b.SemiSync.SourceEnabled || !b.WaitsAfterRestart {
			t.Errorf("settled: %+v", b)
		}
	}
	c.servers["b"].Restart()
	if b := c.server("b"); !b.Writable() || !b.SemiSync.SourceEnabled || b.SemiSync.Timeout != SemiSyncTimeout {
		t.Errorf("restarted: %+v", b)
	}
}

// A source that has given up waiting waits again once it is settled, before any replica is back.
func TestSettleMakesASourceWaitAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	if semi := c.server("a").SemiSync; !semi.waitsAs(acks) || !semi.SourceActive {
		t.Fatalf("to begin with: %+v", semi)
	}
	c.servers["b"].SQL("STOP REPLICA FOR CHANNEL ''")
	c.servers["a"].SQL("SET GLOBAL rpl_semi_sync_source_wait_no_replica=OFF, GLOBAL rpl_semi_sync_source_timeout=1")
	mustWrite(t, c.servers["a"])
	a := c.server("a")
	if semi := a.SemiSync; semi.waitsAs(acks) || semi.SourceActive || semi.WaitNoReplica || !semi.SourceEnabled {
		t.Fatalf("it did not give up: %+v", semi)
	}
	if a.WaitsAfterRestart {
		t.Error("its settings are not the persisted ones, and it is said to have them after a restart")
	}
	c.do(Settle{target: target{"a"}, SemiSync: acks})
	if semi := c.server("a").SemiSync; !semi.waitsAs(acks) || !semi.SourceActive {
		t.Errorf("settled: %+v", semi)
	}
	done := make(chan error, 1)
	client := c.servers["a"].Session(mysqld.AppUser, mysqld.AppPassword)
	go func() { done <- write(t, client) }()
	c.servers["a"].Eventually("a commit waits", func() bool { return c.server("a").SemiSync.WaitSessions == 1 })
	c.do(StartReplication{target: target{"b"}})
	if err := <-done; err != nil {
		t.Errorf("the commit that waited: %v", err)
	}
	c.caughtUp("a")
}

func TestPromoteWaits(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.replicate("a", false)
	lock := c.servers["b"].Session(mysqld.User, mysqld.Password)
	run(t, lock, "FLUSH TABLES WITH READ LOCK")
	c.servers["a"].SQL("INSERT INTO app.entries (writer, seq) VALUES (2, 2)")
	facts := c.do(fence("a"))
	do := Promote{target: target{"b"}, AfterSet: gtid.MustParse(facts[FencedFact("a")]), Timeout: 500 * time.Millisecond}
	c.fails(do, "1 transaction(s)")
	if b := c.server("b"); b.Writable() || !b.Channel.Streams() {
		t.Errorf("a candidate that was behind was touched: %+v", b.Channel)
	}
	go func() {
		time.Sleep(200 * time.Millisecond)
		_, _ = lock.ExecContext(t.Context(), "UNLOCK TABLES")
	}()
	do.Timeout = time.Minute
	c.do(do)
	if n := c.servers["b"].Value("SELECT COUNT(*) FROM app.entries WHERE writer = 2"); n != "1" {
		t.Error("it was promoted without the last row")
	}
}

func TestPromoteFailsAtOnceWhereWaitingIsOfNoUse(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.replicate("a", false)
	c.servers["b"].SQL("STOP REPLICA SQL_THREAD FOR CHANNEL ''")
	c.servers["a"].SQL("INSERT INTO app.entries (writer, seq) VALUES (2, 2)")
	began := time.Now()
	c.fails(Promote{target: target{"b"}, AfterSet: *executedBy(c.servers["a"]), Timeout: 5 * time.Minute}, "SQL thread")
	c.fails(CatchUp{target: target{"b"}, Set: *executedBy(c.servers["a"]), Timeout: 5 * time.Minute}, "SQL thread")
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v", took)
	}
	c.fails(Promote{target: target{"b"}, SemiSync: acks}, "plugin")
}

// Everything that was received is executed before a failover's promotion.
func TestPromoteAfterDeath(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	lock := c.servers["b"].Session(mysqld.User, mysqld.Password)
	run(t, lock, "FLUSH TABLES WITH READ LOCK")
	mustWrite(t, c.servers["a"])
	c.servers["a"].Kill9()
	do := Promote{target: target{"b"}, Timeout: 500 * time.Millisecond, SemiSync: acks, Failover: true}
	c.fails(do, "1 transaction(s)")
	run(t, lock, "UNLOCK TABLES")
	do.Timeout = time.Minute
	c.do(do)
	if n := c.servers["b"].Value("SELECT COUNT(*) FROM app.entries WHERE writer = 9"); n != "1" {
		t.Error("an acknowledged row is lost")
	}
	c.do(Settle{target: target{"b"}, SemiSync: acks})

	// The old source returns and follows.
	c.servers["a"].Start()
	c.do(FenceSource{target: target{"a"}, Timeout: time.Second, KillClients: true, ReleaseAcks: true, Persist: true})
	back := c.attachTo("a", "b", true)
	back.Within = executedBy(c.servers["b"])
	c.do(back)
	mustWrite(t, c.servers["b"])
	c.caughtUp("b")
}

func TestSettleKeepsWhatIsNotExecuted(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.replicate("a", false)
	c.servers["b"].SQL("STOP REPLICA SQL_THREAD FOR CHANNEL ''")
	c.servers["a"].SQL("INSERT INTO app.entries (writer, seq) VALUES (2, 2)")
	c.servers["b"].Eventually("b has received it", func() bool {
		b := c.server("b")
		return !b.Executed.Contains(b.Channel.Retrieved)
	})
	c.do(Settle{target: target{"b"}})
	if b := c.server("b"); b.Writable() || !b.ReadOnlyPersisted {
		t.Errorf("a server that is not writable was settled: %+v", b)
	}
	c.servers["b"].SQL("STOP REPLICA FOR CHANNEL ''", "SET GLOBAL super_read_only=OFF, GLOBAL read_only=OFF")
	c.do(Settle{target: target{"b"}})
	if b := c.server("b"); b.Channel == nil || b.Executed.Contains(b.Channel.Retrieved) {
		t.Errorf("the relay log is gone: %+v", b.Channel)
	}
}

func TestSetWritable(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{SemiSync: true, Args: []string{"--super-read-only=ON"}})
	for range 2 {
		c.do(SetWritable{target: target{"a"}, SemiSync: acks})
		if a := c.server("a"); !a.Writable() || !a.SemiSync.SourceEnabled {
			t.Errorf("a: %+v", a)
		}
	}
	c.servers["a"].Restart()
	if !c.server("a").Writable() {
		t.Error("it came back read-only")
	}
	c.do(c.attachTo("b", "a", true))
	c.fails(SetWritable{target: target{"b"}}, "replicates")
	if c.server("b").Writable() {
		t.Error("a replica takes writes")
	}
}

// A candidate that is behind is caught up with while the source goes on writing.
func TestCatchUpWithASourceThatGoesOn(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.replicate("a", false)
	lock := c.servers["b"].Session(mysqld.User, mysqld.Password)
	run(t, lock, "FLUSH TABLES WITH READ LOCK")
	load := mysqld.StartLoad(t, c.servers["a"], 1)
	behind := executedBy(c.servers["a"])
	do := CatchUp{target: target{"b"}, Set: *behind, Timeout: time.Minute, Source: "a"}
	go func() {
		time.Sleep(500 * time.Millisecond)
		_, _ = lock.ExecContext(t.Context(), "UNLOCK TABLES")
	}()
	began := time.Now()
	c.do(do)
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("it took only %v", took)
	}
	gap := executedBy(c.servers["a"]).Subtract(*executedBy(c.servers["b"])).Count()
	load.Stop()
	if written := int64(load.Acknowledged()); gap > written/3 {
		t.Errorf("it is %d of %d transactions behind", gap, written)
	}
}
