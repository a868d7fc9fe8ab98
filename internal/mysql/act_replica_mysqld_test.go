// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/test/mysqld"
)

func executedBy(s *mysqld.Server) *gtid.Set {
	out := gtid.MustParse(s.Executed())
	return &out
}

func TestAttach(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{SemiSync: true})
	c.servers["a"].SQL("INSERT INTO app.entries (writer, seq) VALUES (1, 1)")
	stray := c.servers["b"].Session(mysqld.AppUser, mysqld.AppPassword)
	do := c.attachTo("b", "a", true)
	do.Within = executedBy(c.servers["a"])
	c.do(do)
	if err := stray.PingContext(t.Context()); err == nil {
		t.Error("a client of the server that was writable is still connected")
	}
	state := c.observe()
	b := state.Nodes["b"]
	if !b.Fenced() || !b.ReadOnlyPersisted || !b.Channel.Streams() || !b.Follows(state.Nodes["a"]) || !b.SemiSync.ReplicaEnabled || !b.SemiSync.ReplicaActive {
		t.Errorf("b: %+v %+v", b, b.Channel)
	}
	c.caughtUp("a")

	// Again: nothing is restarted.
	threads := "SELECT GROUP_CONCAT(THREAD_ID ORDER BY 1) FROM performance_schema.threads WHERE NAME LIKE 'thread/sql/replica%'"
	before := c.servers["b"].Value(threads)
	c.do(do)
	if after := c.servers["b"].Value(threads); after != before {
		t.Errorf("the second time its threads were restarted: %s, %s", before, after)
	}
	// Another mode restarts the receiver only.
	do.SemiSync = false
	c.do(do)
	if b := c.server("b"); b.SemiSync.ReplicaEnabled || b.SemiSync.ReplicaActive || !b.Channel.Streams() {
		t.Errorf("asynchronous: %+v %+v", b.SemiSync, b.Channel)
	}
	// It survives a restart.
	c.servers["b"].Restart()
	c.servers["b"].Eventually("it replicates again", func() bool { b := c.server("b"); return b.Channel.Streams() && b.Fenced() })
}

func TestAttachRefusesWhatItsSourceLacks(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.servers["a"].SQL("INSERT INTO app.entries (writer, seq) VALUES (1, 1)")
	c.servers["b"].SQL("INSERT INTO app.entries (writer, seq) VALUES (2, 2)")
	do := c.attachTo("b", "a", false)
	do.Within = executedBy(c.servers["a"])
	c.fails(do, "1 transaction(s) that a lacks", c.servers["b"].Value("SELECT @@server_uuid"))
	if b := c.server("b"); b.Channel != nil || !b.Fenced() {
		t.Errorf("b: fenced %v, channel %+v", b.Fenced(), b.Channel)
	}
	do.Within, do.WithinFact = nil, FencedFact("a")
	c.fails(do, FencedFact("a"))
}

// What the source wrote after it was asked does not make its replica errant.
func TestAttachKnowsThatTheSourceGoesOn(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.replicate("a", false)
	old := executedBy(c.servers["a"])
	c.servers["a"].SQL("INSERT INTO app.entries (writer, seq) VALUES (2, 2)")
	c.caughtUp("a")
	do := c.attachTo("b", "a", false)
	do.Within = old
	c.do(do)
}

// A relay log that holds what the new source lacks is not thrown away.
func TestAttachKeepsRelayLog(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{})
	c.replicate("a", false)
	c.servers["b"].SQL("STOP REPLICA SQL_THREAD FOR CHANNEL ''")
	c.servers["c"].SQL("STOP REPLICA FOR CHANNEL ''")
	c.servers["a"].SQL("INSERT INTO app.entries (writer, seq) VALUES (2, 2)")
	c.servers["b"].Eventually("b has received it", func() bool {
		b := c.server("b")
		return !b.Executed.Contains(b.Channel.Retrieved)
	})
	do := c.attachTo("b", "c", false)
	do.Within = executedBy(c.servers["c"])
	c.fails(do, "1 transaction(s) that c lacks")
	if b := c.server("b"); b.Channel.SourcePort != c.servers["a"].Port || b.Executed.Contains(b.Channel.Retrieved) {
		t.Errorf("b: %+v", b.Channel)
	}
}

func TestRepoint(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	facts := c.do(fence("a"))
	c.doWith(Promote{target: target{"b"}, AfterFact: FencedFact("a"), Timeout: time.Second, SemiSync: SemiSyncWant{Enabled: true}}, facts)
	for _, node := range []string{"a", "c"} {
		do := c.attachTo(node, "b", true)
		do.WithinFact = FencedFact("a")
		c.doWith(do, facts)
	}
	state := c.observe()
	for _, node := range []string{"a", "c"} {
		s := state.Nodes[node]
		if !s.Fenced() || !s.Channel.Streams() || !s.Follows(state.Nodes["b"]) || s.SemiSync.SourceEnabled || !s.SemiSync.ReplicaActive {
			t.Errorf("%s: %+v %+v", node, s, s.Channel)
		}
	}
	c.servers["b"].Eventually("both acknowledge", func() bool { return c.server("b").SemiSync.Clients == 2 })
	mustWrite(t, c.servers["b"])
	c.caughtUp("b")
}

func TestRenewPassword(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.replicate("a", false)
	// The applier is behind: the relay log holds what is not executed.
	c.servers["b"].SQL("CHANGE REPLICATION SOURCE TO SOURCE_DELAY=1 FOR CHANNEL 'none'")
	lock := c.servers["b"].Session(mysqld.User, mysqld.Password)
	run(t, lock, "FLUSH TABLES WITH READ LOCK")
	c.servers["a"].SQL("INSERT INTO app.entries (writer, seq) VALUES (2, 2)")
	c.servers["b"].Eventually("b has received it", func() bool {
		b := c.server("b")
		return !b.Executed.Contains(b.Channel.Retrieved)
	})
	c.servers["a"].SQL("ALTER USER replication IDENTIFIED BY 'another'")
	c.servers["b"].SQL("STOP REPLICA IO_THREAD FOR CHANNEL ''", "START REPLICA IO_THREAD FOR CHANNEL ''")
	c.servers["b"].Eventually("it is refused", func() bool { return c.server("b").Channel.IOErrno == conn.NumberAccessDenied })

	c.creds.Version = "another"
	c.creds.Passwords[mysqld.ReplicationUser] = credential.NewPassword("another")
	do := c.attachTo("b", "a", false)
	do.RenewPassword = true
	c.do(do)
	b := c.server("b")
	if b.Channel.IO != ThreadYes || b.Channel.Retrieved.Empty() || b.Executed.Contains(b.Channel.Retrieved) {
		t.Errorf("the relay log is gone, or nothing is received: %+v", b.Channel)
	}
	run(t, lock, "UNLOCK TABLES")
	c.caughtUp("a")
	// Again, on a channel that is well.
	c.do(do)
	if b := c.server("b"); !b.Channel.Streams() {
		t.Errorf("the second time: %+v", b.Channel)
	}
}

func TestHostilePasswords(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{Args: []string{"--sql-mode=NO_BACKSLASH_ESCAPES,ANSI_QUOTES"}})
	for i, password := range []string{
		`'; DROP USER mysql; --`, `back\slash\`, `\'`, `"double" 'single'`, "\x60tick\x60 ?", "päss-wörd-密码", "%s%d ${x} #c", "a,b=c:d@e/f?g",
	} {
		t.Run(password, func(t *testing.T) {
			quoted := strings.ReplaceAll(password, "'", "''")
			for name, s := range c.servers {
				if name == "b" {
					s.SQL("SET GLOBAL super_read_only=OFF, GLOBAL read_only=OFF")
				}
				s.SQL("SET sql_log_bin=OFF")
			}
			for _, s := range c.servers {
				on := s.Session(mysqld.User, mysqld.Password)
				run(t, on, "SET sql_log_bin=OFF",
					fmt.Sprintf("CREATE USER IF NOT EXISTS u%d@'%%' IDENTIFIED BY '%s'", i, quoted),
					fmt.Sprintf("GRANT ALL ON *.* TO u%d@'%%' WITH GRANT OPTION", i),
					fmt.Sprintf("ALTER USER replication@'%%' IDENTIFIED BY '%s'", quoted))
			}
			c.as(fmt.Sprintf("u%d", i), password)
			c.creds.Passwords[mysqld.ReplicationUser] = credential.NewPassword(password)
			c.do(Detach{target: target{"b"}})
			c.do(c.attachTo("b", "a", false))
			mustWrite(t, c.servers["a"])
			c.caughtUp("a")
		})
	}
	// MySQL takes no more than 32 characters, and says so with the password.
	long := strings.Repeat("s3cret-", 6)
	c.creds.Passwords[mysqld.ReplicationUser] = credential.NewPassword(long)
	c.do(Detach{target: target{"b"}})
	err := c.failure(c.attachTo("b", "a", false), "32 characters")
	for cause := err; cause != nil; cause = unwrap(cause) {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", cause, cause, cause), "s3cret") {
			t.Errorf("the error shows the password: %v", cause)
		}
	}
}

func unwrap(err error) error {
	if w, ok := err.(interface{ Unwrap() error }); ok { //nolint:errorlint // one layer at a time
		return w.Unwrap()
	}
	return nil
}

func TestDetach(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	c.do(Detach{target: target{"b"}, KeepChannel: true})
	if b := c.server("b"); b.Channel == nil || b.Channel.IO != ThreadNo || b.Channel.SQL != ThreadNo || b.SemiSync.ReplicaEnabled || !b.Fenced() {
		t.Errorf("kept: %+v", b)
	}
	for range 2 {
		c.do(Detach{target: target{"b"}})
		if b := c.server("b"); b.Channel != nil || !b.Fenced() || !b.ReadOnlyPersisted {
			t.Errorf("detached: %+v", b)
		}
	}
}

// A channel that has received what nobody else is known to have is kept.
func TestDetachKeepsWhatIsNotElsewhere(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.replicate("a", false)
	c.servers["b"].SQL("STOP REPLICA SQL_THREAD")
	c.servers["a"].SQL("INSERT INTO app.entries (writer, seq) VALUES (1, 1)")
	c.servers["b"].Eventually("it has received that", func() bool {
		b := c.server("b")
		return !b.Executed.Contains(b.Channel.Retrieved)
	})
	c.do(Detach{target: target{"b"}})
	if b := c.server("b"); b.Channel == nil || b.Channel.IO != ThreadNo || !b.Fenced() {
		t.Errorf("b: %+v", b)
	}
	c.do(Detach{target: target{"b"}, Elsewhere: *executedBy(c.servers["a"])})
	if b := c.server("b"); b.Channel != nil {
		t.Errorf("its source has all of it, and it is kept: %+v", b.Channel)
	}
}

func TestReceiverAndThreads(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.fails(StartReplication{target: target{"b"}}, "no replication channel")
	c.do(StopReceiver{target{"b"}})
	c.replicate("a", false)
	for range 2 {
		c.do(StopReceiver{target{"b"}})
		if ch := c.server("b").Channel; ch.IO != ThreadNo || ch.SQL != ThreadYes {
			t.Errorf("stopped: %+v", ch)
		}
	}
	for range 2 {
		c.do(StartReplication{target: target{"b"}})
		if ch := c.server("b").Channel; !ch.Streams() {
			t.Errorf("started: %+v", ch)
		}
	}
	c.servers["a"].Stop()
	c.do(StopReceiver{target{"b"}})
	c.fails(StartReplication{target: target{"b"}}, "receiver", "2003")
}

func TestSetSemiSync(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{SemiSync: true})
	c.replicate("a", false)
	c.fails(SetSemiSync{target: target{"b"}, Source: SemiSyncWant{Enabled: true}}, "replicates")
	for range 2 {
		c.do(SetSemiSync{target: target{"b"}, Replica: true})
		if b := c.server("b"); !b.SemiSync.ReplicaActive || !b.Channel.Streams() {
			t.Errorf("on: %+v %+v", b.SemiSync, b.Channel)
		}
		c.do(SetSemiSync{target: target{"a"}, Source: SemiSyncWant{Enabled: true}})
		if a := c.server("a"); !a.SemiSync.SourceActive || a.SemiSync.Clients != 1 || a.SemiSync.Timeout != SemiSyncTimeout {
			t.Errorf("on: %+v", a.SemiSync)
		}
		mustWrite(t, c.servers["a"])
	}
	c.do(SetSemiSync{target: target{"a"}})
	// A receiver that runs does not notice that the setting is off.
	c.servers["b"].SQL("SET PERSIST rpl_semi_sync_replica_enabled=OFF")
	if b := c.server("b"); b.SemiSync.ReplicaEnabled || !b.SemiSync.ReplicaActive {
		t.Errorf("off, and the receiver runs: %+v", b.SemiSync)
	}
	c.do(SetSemiSync{target: target{"b"}})
	if state := c.observe(); state.Nodes["a"].SemiSync.SourceEnabled || state.Nodes["b"].SemiSync.ReplicaActive || !state.Nodes["b"].Channel.Streams() {
		t.Errorf("off: %+v, %+v", state.Nodes["a"].SemiSync, state.Nodes["b"].SemiSync)
	}
}

// A channel that names its source otherwise is found, and pointed at the spec's address.
func TestAdoptUnderAnotherAddress(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.replicate("a", false)
	b := c.servers["b"]
	// The same address in three parts.
	var net, host int
	if _, err := fmt.Sscanf(c.servers["a"].Host, "127.0.%d.%d", &net, &host); err != nil {
		t.Fatal(err)
	}
	b.SQL("STOP REPLICA FOR CHANNEL ''", fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.%d' FOR CHANNEL ''", net*256+host), "START REPLICA FOR CHANNEL ''")
	b.Eventually("b is connected", func() bool { return c.server("b").Channel.Streams() })
	mustWrite(t, c.servers["a"])
	adopted := Plan(Input{Object: c.object, State: c.observe(), Now: time.Now()})
	if adopted.Data.Source != "a" {
		t.Fatalf("source %q: %s", adopted.Data.Source, adopted.Conditions[0].Message)
	}
	attached := 0
	for _, s := range adopted.Steps {
		for _, a := range s.Actions {
			c.do(a)
			attached++
		}
	}
	if ch := c.server("b").Channel; attached != 1 || ch.SourceHost != c.servers["a"].Host || !ch.Streams() {
		t.Errorf("%d actions, channel %+v", attached, ch)
	}
	mustWrite(t, c.servers["a"])
	c.caughtUp("a")
}
