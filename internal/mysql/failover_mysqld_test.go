// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/mysqld"
)

// FAILOVER_ROUNDS=n makes that many rounds of TestFailoverLosesNothing; make soak makes 50.
const failoverRounds = "FAILOVER_ROUNDS"

func roundsFrom(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is not a number of rounds", variable, text)
	}
	return n
}

// The source is killed under load and the spec edited, again and again: with semi-sync
// nothing that was acknowledged is lost.
func TestFailoverLosesNothing(t *testing.T) {
	t.Parallel()
	r := operate(t, v1alpha1.MysqlSemiSync)
	rounds := roundsFrom(t, failoverRounds, 3)
	kept, source := 0, "a"
	for round := range rounds {
		to := map[string]string{"a": "b", "b": "a"}[source]
		had := r.load.Acknowledged()
		r.servers[source].Eventually("clients write", func() bool { return r.load.Acknowledged() > had+40 })
		if round%3 == 2 {
			// The edit need not come at once.
			r.servers[source].Kill9()
			r.reports("SourceUnreachable")
		} else {
			r.servers[source].Kill9()
		}
		to = r.failOver(to)
		r.writes(to)
		if lost := r.lostOn(to); lost != 0 {
			t.Errorf("round %d: %d of %d acknowledged rows are not on %s", round+1, lost, r.load.Acknowledged(), to)
		} else {
			kept++
		}
		t.Logf("round %d: %s → %s, %d rows acknowledged, %d rounds lost nothing", round+1, source, to, r.load.Acknowledged(), kept)
		// The rest is not the test: what is written meanwhile only has to be copied.
		r.load.Rest(true)
		r.comeBack(source)
		r.load.Rest(false)
		if to == "c" {
			// c takes part in the exchange as b and a do.
			r.edit("b")
			r.writes("b")
			r.whole()
			to = "b"
		}
		source = to
	}
	r.load.Stop()
	t.Logf("%d of %d rounds lost nothing; %d rows acknowledged", kept, rounds, r.load.Acknowledged())
}

// failOver edits the spec as a user does: where the candidate is refused because another
// has more, that one is named. It returns who became the source.
func (r *running) failOver(to string) string {
	r.t.Helper()
	r.edit(to)
	for {
		refused := false
		r.eventually("failover to "+to, func(p reconcile.Plan[Data], labels map[string]string) bool {
			refused = p.Conditions[0].Reason == "FailoverRefused"
			return refused || labels[to] == "false"
		})
		if !refused {
			return to
		}
		r.edit("c")
		to = "c"
	}
}

// A source that hung comes back after another one was promoted: what its clients send it
// then is not acknowledged, and it is fenced.
func TestFailoverFromAHungSource(t *testing.T) {
	t.Parallel()
	for _, mode := range []v1alpha1.MysqlReplicationMode{v1alpha1.MysqlSemiSync, v1alpha1.MysqlAsync} {
		t.Run(string(mode), func(t *testing.T) {
			r := operate(t, mode)
			a := r.servers["a"]
			session := a.Session(mysqld.AppUser, mysqld.AppPassword)
			a.Freeze()
			r.reports("SourceUnreachable")
			to := r.failOver("b")
			r.writes(to)
			// It is sent while the server cannot read it, and read before anybody can fence it.
			answer := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				defer cancel()
				_, err := session.ExecContext(ctx, "INSERT INTO app.entries (writer, seq) VALUES (77, 1)")
				answer <- err
			}()
			a.Thaw()
			if err := <-answer; err == nil && mode == v1alpha1.MysqlSemiSync {
				t.Error("the old source acknowledged a write that the new one does not have")
			}
			a.Eventually("the old source is fenced", func() bool { return a.Value("SELECT @@GLOBAL.super_read_only") == "1" })
			r.eventually("it is not behind -readwrite", func(_ reconcile.Plan[Data], labels map[string]string) bool { return labels["a"] != "false" })
			r.load.Stop()
			if lost := r.lostOn(to); lost != 0 && mode == v1alpha1.MysqlSemiSync {
				t.Errorf("%d of %d acknowledged rows are not on %s", lost, r.load.Acknowledged(), to)
			}
		})
	}
}
