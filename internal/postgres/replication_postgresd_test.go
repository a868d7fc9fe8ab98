// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build postgresd

package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/postgresd"
)

// Standbys that stream are adopted, with slots, names and a passfile; the primary is switched
// there and back under load, and nothing that was acknowledged is lost.
func TestSwitchover(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, postgresd.Options{})
	c.settle("the set is adopted")
	a, b := c.servers["a"], c.servers["b"]
	a.Streams(b, c.servers["c"])
	if got := a.Value("SELECT string_agg(application_name || ' ' || slot_name || ' ' || active, ', ' ORDER BY slot_name) FROM pg_stat_replication r JOIN pg_replication_slots s ON active_pid = pid"); got != "b compose_b true, c compose_c true" {
		t.Errorf("the standbys are %s", got)
	}
	if info, err := b.Stat(passfile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the passfile is %v, %v", info, err)
	}
	load := c.load(8)
	for _, to := range []string{"b", "a", "c"} {
		c.edit(to)
		c.converge("the switchover to "+to, to)
		c.writes(load)
	}
	load.Stop()
	t.Logf("%d writes, at the most %s without one", load.Acknowledged(), load.Outage())
	c.servers["c"].Caught(a, b)
	for name, s := range c.servers {
		if lost := load.Lost(s); lost != 0 {
			t.Errorf("%d of %d acknowledged writes are not on %s", lost, load.Acknowledged(), name)
		}
	}
	if d := c.node("a").WalDiff; d == nil {
		t.Error("a standby has no walDiff")
	}
}

// A planted loss is found: the checker of the other tests can fail.
func TestLossIsFound(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, postgresd.Options{})
	c.settle("the set is adopted")
	load := c.load(2)
	load.Stop()
	c.servers["a"].SQL("DELETE FROM entries WHERE writer = 2 AND seq <= 2")
	if lost := load.Lost(c.servers["a"]); lost != 2 {
		t.Errorf("two rows were taken away, and %d are missed", lost)
	}
}

// A primary that cannot be stopped is writable again at once: it is fenced, and no more.
func TestUndo(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, postgresd.Options{})
	c.settle("the set is adopted")
	load := c.load(4)
	c.refuses = func(action reconcile.Action) error {
		if _, is := action.(Demote); is {
			return errors.New("it does not stop")
		}
		return nil
	}
	c.edit("b")
	c.until("it is undone", func() bool {
		if r := c.object.Status.Switchover; r != nil && r.Phase == v1alpha1.SwitchoverPreparing {
			c.ahead += drainTime
		}
		return c.plan.Conditions[0].Reason == "SwitchoverUndone" && !c.plan.Again
	})
	c.writes(load)
	load.Stop()
	if !c.told("SwitchoverUndone") || c.primary() != "a" || !c.servers["a"].Writable() || !c.servers["b"].Recovers() {
		t.Errorf("-readwrite leads to %s", c.primary())
	}
	if lost := load.Lost(c.servers["a"]); lost != 0 {
		t.Errorf("%d acknowledged writes are lost", lost)
	}
}

// dying has the operator end after the n-th thing that is done. It says whether it came to that.
// What is done again and again while a server is away counts twice: how often that is depends
// on the machine.
func (c *cluster) dying(n int) func() bool {
	count, died, often := 0, false, map[string]int{}
	c.dies = func(did string) bool {
		if often[did]++; often[did] > 2 {
			return false
		}
		if count++; count != n || died {
			return false
		}
		died = true
		c.t.Logf("%d: the operator dies after: %s", n, did)
		return true
	}
	return func() bool { c.dies = nil; return died }
}

// Every acknowledged write is on the new primary, wherever the operator dies. One set goes
// through every other step.
func TestOperatorDiesDuringSwitchover(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]int{"odd": 1, "even": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diesDuringSwitchover(t, first)
		})
	}
}

func diesDuringSwitchover(t *testing.T, first int) {
	t.Helper()
	c := newCluster(t, 3, postgresd.Options{})
	c.settle("the set is adopted")
	load := c.load(4)
	from, to := "a", "b"
	for n, more := first, true; more; n += 2 {
		c.edit(to)
		died := c.dying(n)
		c.converge("the switchover to "+to, to)
		if more = died(); n == first && !more {
			t.Fatal("nothing was done")
		}
		c.writes(load)
		from, to = to, from
	}
	load.Stop()
	if lost := load.Lost(c.servers[from]); lost != 0 {
		t.Errorf("%d of %d acknowledged writes are lost", lost, load.Acknowledged())
	}
}

// rounds of a failover under load.
const rounds = 3

// In the mode rpl_sync nothing that was acknowledged is lost when the primary is killed and
// another node is made the primary of the spec. The old one is fenced when it is back.
func TestFailoverLosesNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, postgresd.Options{})
	c.object.Spec.Mode = v1alpha1.PostgresSync
	c.settle("the set is adopted")
	if got := c.servers["a"].Value("SELECT current_setting('synchronous_standby_names')"); got != `ANY 1 ("b", "c")` {
		t.Fatalf("commits wait for %s", got)
	}
	load := c.load(8)
	for range rounds {
		from := c.primary()
		c.writes(load)
		c.servers[from].Kill9()
		to := c.failover(from)
		c.writes(load)
		// It is back, and takes no part.
		c.servers[from].Start()
		c.reports("StandbyDiverged")
		c.until("it is fenced", func() bool { return !c.servers[from].Writable() })
		if c.primary() != to || c.node(from).ExtraBytes == nil || !strings.Contains(c.node(from).Message, "pg_rewind") {
			t.Errorf("-readwrite leads to %s, and %s is %+v", c.primary(), from, c.node(from))
		}
		c.servers[from].Stop()
		c.servers[from].Rewind(c.servers[to])
		c.servers[from].WriteFile("standby.signal", "")
		c.servers[from].Start()
		c.settle("it is a standby")
	}
	load.Stop()
	if lost := load.Lost(c.servers[c.primary()]); lost != 0 {
		t.Errorf("%d of %d acknowledged writes are lost", lost, load.Acknowledged())
	}
}

// failover makes the first node the primary that the operator does not refuse.
func (c *cluster) failover(from string) string {
	c.t.Helper()
	to := ""
	for _, name := range []string{"a", "b", "c"} {
		if name != from && to == "" {
			to = name
		}
	}
	c.edit(to)
	c.until("the failover", func() bool {
		if c.plan.Conditions[0].Reason == "FailoverRefused" && strings.Contains(c.plan.Conditions[0].Message, "BetterCandidate") {
			for _, name := range []string{"a", "b", "c"} {
				if name != from && name != to {
					c.edit(name)
					to = name
					break
				}
			}
		}
		return c.primary() == to && c.object.Status.Primary == to && c.object.Status.Switchover == nil
	})
	return to
}

// TestNoSecretIsLogged: whatever a server logs, no password is in it.
func TestNoSecretIsLogged(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, postgresd.Options{Settings: []string{
		"log_statement = 'all'", "log_min_duration_statement = 0", "log_duration = on", "log_connections = on", "log_min_messages = debug1",
		"log_min_error_statement = debug5", "log_parameter_max_length = -1", "log_parameter_max_length_on_error = -1", "debug_print_parse = on", "debug_print_plan = on",
		"log_replication_commands = on",
	}})
	c.settle("the set is adopted")
	c.edit("b")
	c.converge("the switchover to b", "b")
	c.servers["b"].SQL("ALTER SYSTEM SET log_statement = 'none'")
	secrets := []string{postgresd.ReplicationPassword, postgresd.Password, "icat:ion", "icat\\:ion", "per:word", "next-one"}
	// The Secret's password is written once the primary takes it.
	c.servers["b"].SQL("ALTER ROLE replication PASSWORD 'next-one'")
	before := len(c.servers["a"].Log()) + len(c.servers["c"].Log())
	c.as(postgresd.Password, "next-one")
	c.settle("the password is another one")
	for name, s := range c.servers {
		if name != "b" && !strings.Contains(s.ReadFile(passfile), "next-one") {
			t.Errorf("%s has the passfile of before", name)
		}
		log := s.Log()
		for _, secret := range secrets {
			if i := strings.Index(log, secret); i >= 0 && !strings.Contains(log[max(0, i-60):i], "ALTER ROLE") {
				t.Errorf("the log of %s has %q: %s", name, secret, log[max(0, i-300):min(len(log), i+100)])
			}
		}
		if !strings.Contains(log, "statement: ") {
			t.Errorf("%s logs no statements", name)
		}
	}
	if before == len(c.servers["a"].Log())+len(c.servers["c"].Log()) {
		t.Error("nothing was logged")
	}
	for _, e := range c.events {
		for _, secret := range secrets {
			if strings.Contains(e.Message, secret) {
				t.Errorf("an event has a password: %s", e.Message)
			}
		}
	}
}

// A standby that is isolated receives nothing, and commits do not wait for it; it comes back.
func TestIsolate(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, postgresd.Options{})
	c.object.Spec.Mode = v1alpha1.PostgresSync
	c.settle("the set is adopted")
	c.object.Spec.Standby[1].Isolated = true
	c.settle("c is isolated")
	a, s := c.servers["a"], c.servers["c"]
	if got := a.Value("SELECT current_setting('synchronous_standby_names')"); got != `ANY 1 ("b")` {
		t.Errorf("commits wait for %s", got)
	}
	if got := a.Value("SELECT string_agg(slot_name, ',') FROM pg_replication_slots"); got != "compose_b" {
		t.Errorf("the slots are %s", got)
	}
	if !s.Recovers() || s.Value("SELECT count(*) FROM pg_stat_wal_receiver") != "0" || c.labels["c"] != "" {
		t.Errorf("c takes part: %v", c.labels)
	}
	c.object.Spec.Standby[1].Isolated = false
	c.settle("c is back")
	a.Streams(s)
	c.servers["b"].Stop()
	s.Stop()
	c.reports("CommitsWait")
	c.object.Spec.Synchronous = &v1alpha1.PostgresSyncSettings{NoStandby: v1alpha1.PostgresDegrade}
	c.reports("SynchronousDegraded")
	a.SQL("CREATE TABLE alone ()")
}

// Whoever was promoted by hand is fenced, compared and not followed.
func TestPromotedByHand(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, postgresd.Options{})
	c.settle("the set is adopted")
	c.servers["c"].SQL("SELECT pg_promote()", "CREATE TABLE mine ()")
	c.reports("StandbyDiverged")
	c.until("it is fenced", func() bool { return !c.servers["c"].Writable() })
	if c.primary() != "a" || c.labels["c"] != "" || !c.servers["a"].Writable() {
		t.Errorf("clients are led to %v", c.labels)
	}
	c.edit("c")
	c.reports("SwitchoverRefused")
	if c.primary() != "a" {
		t.Errorf("-readwrite leads to %s", c.primary())
	}
}
