// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/test/mysqld"
)

func (c *cluster) lead(node, candidate string) FollowAhead {
	return FollowAhead{Attach: c.attachTo(node, candidate, true), Timeout: aheadTimeout}
}

// A replica that is led to the candidate while clients write: the source goes on with
// the candidate's acknowledgements, and the new source's first commit has one at once.
func TestFollowAhead(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{SemiSync: true})
	c.as(mysqld.LeastUser, mysqld.LeastPassword)
	c.replicate("a", true)
	load := mysqld.StartLoad(t, c.servers["a"], 8)
	c.servers["a"].Eventually("clients write", func() bool { return load.Acknowledged() > 50 })
	for range 2 {
		c.do(c.lead("c", "b"))
		state := c.observe()
		if s := state.Nodes["c"]; !s.Follows(state.Nodes["b"]) || !s.Channel.Streams() || !s.Fenced() || !s.SemiSync.ReplicaActive {
			t.Fatalf("c: %+v %+v", s, s.Channel)
		}
	}
	had := load.Acknowledged()
	c.servers["a"].Eventually("clients still write", func() bool { return load.Acknowledged() > had+50 })

	facts := c.do(FenceSource{target: target{"a"}, Timeout: 2 * time.Second, KillClients: true})
	c.doWith(Promote{target: target{"b"}, AfterFact: FencedFact("a"), Timeout: 5 * time.Second, SemiSync: acks}, facts)
	if semi := c.server("b").SemiSync; semi.Clients != 1 || !semi.SourceActive {
		t.Fatalf("nobody is there to acknowledge to b: %+v", semi)
	}
	load.MoveTo(c.servers["b"])
	had = load.Acknowledged()
	c.servers["b"].Eventually("clients write on b", func() bool { return load.Acknowledged() > had+50 })
	if n := c.servers["b"].Value("SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_no_tx'"); n != "0" {
		t.Errorf("%s commits of b were not acknowledged by a replica", n)
	}
	back := c.attachTo("a", "b", true)
	back.WithinFact = FencedFact("a")
	c.doWith(back, facts)
	load.Stop()
	c.caughtUp("b")
	for node, s := range c.servers {
		if lost := load.Lost(s); lost != 0 {
			t.Errorf("%d of %d acknowledged rows are not on %s", lost, load.Acknowledged(), node)
		}
	}
}

// The replica is in the middle of receiving large transactions. Were its receiver stopped
// alone, its applier would wait a minute for the rest of one before it stops.
func TestFollowAheadInTheMiddleOfATransaction(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	c.servers["a"].SQL("CREATE TABLE app.blobs (id INT AUTO_INCREMENT PRIMARY KEY, b LONGBLOB)")
	ctx, cancel := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	client := c.servers["a"].Session(mysqld.AppUser, mysqld.AppPassword)
	writer.Go(func() {
		for ctx.Err() == nil {
			// Many events of a transaction, so that a receiver is often in the middle of one.
			_, _ = client.ExecContext(ctx, "INSERT INTO app.blobs (b) WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i+1 FROM n WHERE i < 60) SELECT REPEAT('x', 100000) FROM n")
			_, _ = client.ExecContext(ctx, "DELETE FROM app.blobs")
		}
	})
	defer writer.Wait()
	defer cancel()
	for range 5 {
		// The candidate may need more than the second that it is given.
		ahead := c.lead("c", "b")
		ahead.Timeout = 20 * time.Second
		c.do(ahead)
		c.servers["c"].Eventually("the source has what the replica has", func() bool {
			_, err := c.act(c.attachTo("c", "a", true), nil)
			return err == nil
		})
	}
}

// What the replica has received and the candidate has not is not thrown away with its
// relay log: the replica follows the old source again.
func TestFollowAheadWaitsForTheCandidate(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	c.servers["b"].SQL("STOP REPLICA FOR CHANNEL ''")
	c.servers["c"].SQL("STOP REPLICA SQL_THREAD FOR CHANNEL ''")
	mustWrite(t, c.servers["a"])
	c.servers["c"].SQL("START REPLICA SQL_THREAD FOR CHANNEL ''")
	c.fails(c.lead("c", "b"), "b", "has not executed")
	c.servers["c"].Eventually("it follows the old source again", func() bool {
		state := c.observe()
		s := state.Nodes["c"]
		return s.Follows(state.Nodes["a"]) && s.Channel.Streams()
	})
	c.do(StartReplication{target: target{"b"}})
	c.do(c.lead("c", "b"))
	c.caughtUp("a")
}

// The candidate goes away with a commit that it passed on and did not acknowledge. The
// source takes the replica back that has it, and goes on with the next write.
func TestTheOneAheadComesBackWithWhatTheSourceStillCommits(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	c.do(c.lead("c", "b"))
	c.servers["b"].SQL("STOP REPLICA IO_THREAD FOR CHANNEL ''", "SET GLOBAL rpl_semi_sync_replica_enabled=OFF", "START REPLICA IO_THREAD FOR CHANNEL ''")
	c.servers["a"].Eventually("nobody acknowledges", func() bool { return c.server("a").SemiSync.Clients == 0 })
	before := gtid.MustParse(c.servers["a"].Executed())
	var waiting sync.WaitGroup
	defer waiting.Wait()
	errs := make([]error, 2)
	first := c.servers["a"].Session(mysqld.AppUser, mysqld.AppPassword)
	waiting.Go(func() { errs[0] = write(t, first) })
	c.servers["c"].Eventually("the replica has it through the candidate", func() bool {
		return !before.Contains(gtid.MustParse(c.servers["c"].Executed()))
	})
	c.servers["b"].Kill9()
	if a := c.server("a"); a.SemiSync.WaitSessions != 1 || !before.Contains(a.Executed) {
		t.Fatalf("the commit does not wait: %+v", a)
	}
	back := c.attachTo("c", "a", true)
	within := gtid.MustParse(c.servers["c"].Executed())
	back.Within = &within
	c.do(back)
	second := c.servers["a"].Session(mysqld.AppUser, mysqld.AppPassword)
	waiting.Go(func() { errs[1] = write(t, second) })
	waiting.Wait()
	if errs[0] != nil || errs[1] != nil {
		t.Errorf("the commits: %v", errs)
	}
	c.servers["c"].Eventually("both are on both", func() bool {
		return gtid.MustParse(c.servers["c"].Executed()).Contains(gtid.MustParse(c.servers["a"].Executed()))
	})
}

// One whose replication does not run is left as it is.
func TestFollowAheadWantsARunningReplica(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	c.servers["c"].SQL("STOP REPLICA SQL_THREAD FOR CHANNEL ''")
	c.fails(c.lead("c", "b"), "does not run")
	if s := c.server("c"); s.Channel.IO != ThreadYes || s.Channel.SQL != ThreadNo {
		t.Errorf("c: %+v", s.Channel)
	}
}

// The candidate turns the replica away. It stays pointed there, so that its error is seen,
// and the step that comes before the fence fails.
func TestFollowAheadTurnedAway(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	ahead := Led{Name: "c", Host: c.servers["b"].Host, Port: c.servers["b"].Port}
	catchUp := func() CatchUp {
		return CatchUp{target: target{"b"}, Set: c.server("a").Executed, Source: "a", Ahead: ahead, Timeout: catchUpTimeout}
	}
	// One that follows the old source still is none of its business.
	c.do(catchUp())
	c.secret(mysqld.ReplicationUser, newPassword)
	for range 2 {
		c.fails(c.lead("c", "b"), "1045")
		c.fails(catchUp(), "c was pointed here", "1045")
	}
	if state := c.observe(); !state.Nodes["c"].Follows(state.Nodes["b"]) || state.Nodes["c"].Channel.IOErrno == 0 {
		t.Fatalf("c: %+v", state.Nodes["c"].Channel)
	}
	// Only started, where an operator has died in between.
	c.secret(mysqld.ReplicationUser, mysqld.ReplicationPassword)
	c.do(c.attachTo("c", "a", true))
	c.do(c.lead("c", "b"))
	c.servers["c"].SQL("STOP REPLICA FOR CHANNEL ''")
	c.fails(catchUp(), "is not connected")
	c.do(c.lead("c", "b"))
	c.do(catchUp())
}
