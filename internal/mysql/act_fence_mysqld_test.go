// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/test/mysqld"
)

func fence(node string) FenceSource {
	return FenceSource{target: target{node}, Timeout: 2 * time.Second, KillClients: true}
}

// write inserts a row on a connection.
func write(t *testing.T, on *sql.Conn) error {
	t.Helper()
	_, err := on.ExecContext(t.Context(), "INSERT INTO app.entries (writer, seq) VALUES (9, 9)")
	return err
}

func run(t *testing.T, on *sql.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := on.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// mustWrite checks that a server takes writes of ordinary clients.
func mustWrite(t *testing.T, s *mysqld.Server) {
	t.Helper()
	client := s.Session(mysqld.AppUser, mysqld.AppPassword)
	defer client.Close() //nolint:errcheck // the test is over
	if err := write(t, client); err != nil {
		t.Errorf("it takes no writes: %v", err)
	}
}

func TestFence(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	load := mysqld.StartLoad(t, c.servers["a"], 4)
	idle := c.servers["a"].Session(mysqld.AppUser, mysqld.AppPassword)
	c.server("a")
	facts := c.do(fence("a"))
	fenced := facts[FencedFact("a")]
	load.Stop()
	if !c.server("a").Fenced() {
		t.Error("it is not fenced")
	}
	if got := c.servers["a"].Executed(); !gtid.MustParse(got).Equal(gtid.MustParse(fenced)) || fenced == "" {
		t.Errorf("the fact is %q, gtid_executed %q: something was written behind the fence", fenced, got)
	}
	if lost := load.Lost(c.servers["a"]); lost != 0 {
		t.Errorf("%d acknowledged rows are not there", lost)
	}
	c.servers["a"].Eventually("an idle client is cut off", func() bool { return idle.PingContext(t.Context()) != nil })
	if c.server("a").ReadOnlyPersisted {
		t.Error("it is persisted although nobody asked")
	}
	// Again, and persisted.
	again := fence("a")
	again.Persist = true
	if facts := c.do(again); facts[FencedFact("a")] != fenced {
		t.Errorf("the second time it says %v", facts)
	}
	if !c.server("a").ReadOnlyPersisted {
		t.Error("it is not persisted")
	}
	c.do(SetWritable{target: target{"a"}})
	mustWrite(t, c.servers["a"])
	if s := c.server("a"); !s.Writable() || s.ReadOnlyPersisted {
		t.Errorf("after SetWritable: %+v", s)
	}
}

// What another server under the name holds is not what the source had.
func TestFenceOfAServerThatWasMadeAnew(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	other := fence("a")
	other.UUID = "00000000-0000-0000-0000-000000000001"
	c.fails(other, "made anew")
	if !c.server("a").Fenced() {
		t.Error("it takes writes in the place of the source")
	}
	other.UUID = c.server("a").UUID
	c.do(other)
}

// A foreign channel's applier writes through super_read_only.
func TestFenceOfAServerThatIsFed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	a, b := c.servers["a"], c.servers["b"]
	a.SQL(fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST='%s', SOURCE_PORT=%d, SOURCE_USER='%s', SOURCE_PASSWORD='%s', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1 FOR CHANNEL 'feed'",
		b.Host, b.Port, mysqld.ReplicationUser, mysqld.ReplicationPassword), "START REPLICA FOR CHANNEL 'feed'")
	still := fence("a")
	still.Still = true
	c.fails(still, "STOP REPLICA FOR CHANNEL 'feed'")
	if !c.server("a").Writable() {
		t.Error("a fence that failed is up")
	}
	c.do(fence("a"))
	mustWrite(t, b)
	a.Eventually("it changes behind its fence", func() bool {
		return c.server("a").Executed.Contains(c.server("b").Executed)
	})
	a.SQL("STOP REPLICA FOR CHANNEL 'feed'")
	c.do(still)
}

func TestFenceEndsWhatHoldsItUp(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	for name, statements := range map[string][]string{
		"a table lock":       {"LOCK TABLES app.entries WRITE"},
		"a global read lock": {"FLUSH TABLES WITH READ LOCK"},
		"a transaction":      {"BEGIN", "INSERT INTO app.entries (writer, seq) VALUES (7, 7)"},
	} {
		t.Run(name, func(t *testing.T) {
			holder := c.servers["a"].Session(mysqld.AppUser, mysqld.AppPassword)
			run(t, holder, statements...)
			c.do(fence("a"))
			c.servers["a"].Eventually("who held it up is cut off", func() bool { return holder.PingContext(t.Context()) != nil })
			c.do(SetWritable{target: target{"a"}})
			mustWrite(t, c.servers["a"])
		})
	}
	if n := c.servers["a"].Value("SELECT COUNT(*) FROM app.entries WHERE writer = 7"); n != "0" {
		t.Error("a transaction that was not committed is there")
	}
}

func TestFenceThatCannotGetUpIsWithdrawn(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	holder := c.servers["a"].Session(mysqld.AppUser, mysqld.AppPassword)
	run(t, holder, "LOCK TABLES app.entries WRITE")
	f := fence("a")
	f.KillClients = false
	began := time.Now()
	c.fails(f, "no fence within", mysqld.AppUser)
	if took := time.Since(began); took > f.Timeout+20*time.Second {
		t.Errorf("it took %v", took)
	}
	if s := c.server("a"); !s.Writable() {
		t.Errorf("read_only %v, super_read_only %v: it was not withdrawn", s.ReadOnly, s.SuperReadOnly)
	}
	run(t, holder, "UNLOCK TABLES")
	if err := write(t, holder); err != nil {
		t.Errorf("the client that held it up cannot write: %v", err)
	}
	// Nothing of it is left waiting in the server.
	time.Sleep(300 * time.Millisecond)
	if !c.server("a").Writable() {
		t.Error("the fence came up later")
	}
}

// Sessions of users with SYSTEM_USER cannot be ended by one without it.
func TestFenceWithLeastPrivileges(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	c.as(mysqld.LeastUser, mysqld.LeastPassword)
	holder := c.servers["a"].Session(mysqld.User, mysqld.Password)
	run(t, holder, "LOCK TABLES app.entries WRITE")
	c.fails(fence("a"), "no fence within", "session")
	if !c.server("a").Writable() {
		t.Error("it was not withdrawn")
	}
	run(t, holder, "UNLOCK TABLES")
	c.do(fence("a"))
	c.do(SetWritable{target: target{"a"}})
	// PERSIST_ONLY needs a privilege of its own.
	c.do(ArmFence{target{"a"}})
	if c.server("a").ReadOnlyPersisted {
		t.Error("the least privileges are enough for ArmFence: say so in action.go")
	}
	c.as(mysqld.User, mysqld.Password)
	c.do(ArmFence{target{"a"}})
	if s := c.server("a"); !s.ReadOnlyPersisted || !s.Writable() {
		t.Errorf("armed: persisted %v, writable %v", s.ReadOnlyPersisted, s.Writable())
	}
	c.servers["a"].Restart()
	if !c.server("a").Fenced() {
		t.Error("an armed server came back writable")
	}
}

func TestFenceAndCommitsThatWaitForAcknowledgement(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{SemiSync: true})
	c.do(SetWritable{target: target{"a"}, SemiSync: SemiSyncWant{Enabled: true}})
	client := c.servers["a"].Session(mysqld.AppUser, mysqld.AppPassword)
	committed := make(chan error, 1)
	go func() { committed <- write(t, client) }()
	c.servers["a"].Eventually("a commit waits", func() bool { return c.server("a").SemiSync.WaitSessions == 1 })

	c.fails(fence("a"), "1 commit(s) wait for the acknowledgement")
	s := c.server("a")
	if !s.Writable() || !s.SemiSync.SourceEnabled {
		t.Errorf("it was not withdrawn: read_only %v, super_read_only %v, semi-sync %v", s.ReadOnly, s.SuperReadOnly, s.SemiSync.SourceEnabled)
	}
	f := fence("a")
	f.ReleaseAcks = true
	facts := c.do(f)
	if err := <-committed; err == nil {
		t.Error("the client was told of a commit that no other node has")
	}
	if s := c.server("a"); !s.Fenced() || s.SemiSync.SourceEnabled {
		t.Errorf("after ReleaseAcks: fenced %v, semi-sync %v", s.Fenced(), s.SemiSync.SourceEnabled)
	}
	if facts[FencedFact("a")] != strings.ReplaceAll(c.servers["a"].Executed(), "\n", "") {
		t.Errorf("the fact %v lacks what was released", facts)
	}
}

// Whoever cannot be ended would be told of a commit that no other node has: it is not
// released, and the server is left as it was, with its commits hanging.
func TestFenceKeepsCommitsOfWhomItCannotEnd(t *testing.T) {
	t.Parallel()
	for name, as := range map[string]struct{ user, password string }{
		"a user with SYSTEM_USER": {mysqld.User, mysqld.Password},
		// CONNECTION_ADMIN is taken from the operator's user.
		"any user": {mysqld.AppUser, mysqld.AppPassword},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 1, mysqld.Options{SemiSync: true})
			a := c.servers["a"]
			c.do(SetWritable{target: target{"a"}, SemiSync: SemiSyncWant{Enabled: true}})
			// What else is killed, and what only has a transaction open, is no commit that waits.
			killable := a.Session(mysqld.AppUser, mysqld.AppPassword)
			run(t, killable, "BEGIN", "INSERT INTO app.entries (writer, seq) VALUES (7, 7)")
			if as.user == mysqld.AppUser {
				a.SQL("SET GLOBAL rpl_semi_sync_source_enabled=OFF", fmt.Sprintf("REVOKE CONNECTION_ADMIN ON *.* FROM '%s'@'%%'", mysqld.LeastUser), "SET GLOBAL rpl_semi_sync_source_enabled=ON")
				run(t, killable, "ROLLBACK")
			}
			c.as(mysqld.LeastUser, mysqld.LeastPassword)
			client := a.Session(as.user, as.password)
			committed := make(chan error, 1)
			go func() { committed <- write(t, client) }()
			a.Eventually("a commit waits", func() bool { return c.server("a").SemiSync.WaitSessions == 1 })

			f := fence("a")
			f.ReleaseAcks = true
			c.fails(f, "1 session(s) could not be ended", fmt.Sprintf("of user %q", as.user), "GRANT CONNECTION_ADMIN")
			if s := c.server("a"); !s.Writable() || !s.SemiSync.SourceEnabled || s.SemiSync.WaitSessions != 1 {
				t.Errorf("it was not left as it was: read_only %v, super_read_only %v, %+v", s.ReadOnly, s.SuperReadOnly, s.SemiSync)
			}
			select {
			case err := <-committed:
				t.Fatalf("the commit has ended: %v", err)
			default:
			}

			// Somebody ends it by hand.
			a.SQL("KILL " + a.Value("SELECT PROCESSLIST_ID FROM performance_schema.threads WHERE PROCESSLIST_STATE LIKE 'Waiting for semi-sync ACK%'"))
			c.as(mysqld.User, mysqld.Password)
			c.do(f)
			if err := <-committed; err == nil {
				t.Error("the client was told of a commit that no other node has")
			}
			if s := c.server("a"); !s.Fenced() || s.SemiSync.SourceEnabled {
				t.Errorf("fenced %v, semi-sync %v", s.Fenced(), s.SemiSync.SourceEnabled)
			}
		})
	}
}

// Replication, and the operator's own connections of another process, survive a fence.
func TestFenceSparesReplication(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.replicate("a", false)
	dump := "SELECT PROCESSLIST_ID FROM performance_schema.threads WHERE PROCESSLIST_COMMAND = 'Binlog Dump GTID'"
	threads := "SELECT GROUP_CONCAT(THREAD_ID ORDER BY 1) FROM performance_schema.threads WHERE NAME LIKE 'thread/sql/replica%'"
	before, workers := c.servers["a"].Value(dump), c.servers["b"].Value(threads)
	c.engine.Forget(c.scene().Key)
	other := &cluster{t: t, engine: NewEngine(), servers: c.servers, object: c.object, creds: c.creds}
	other.server("a")
	own := "SELECT GROUP_CONCAT(DISTINCT PROCESSLIST_ID ORDER BY 1) FROM performance_schema.session_connect_attrs WHERE ATTR_VALUE = 'compose-operator'"
	operators := c.servers["a"].Value(own)
	c.do(fence("a"))
	c.do(SetWritable{target: target{"a"}})
	// b is a replica: fencing it from writable kills clients and no replication thread.
	c.servers["b"].SQL("SET GLOBAL super_read_only=OFF, GLOBAL read_only=OFF")
	c.do(fence("b"))
	if after := c.servers["a"].Value(dump); after != before {
		t.Errorf("the receiver was cut off: %s, %s", before, after)
	}
	if after := c.servers["a"].Value(own); operators == "" || !strings.HasPrefix(after+",", operators+",") {
		t.Errorf("connections of operators: before %s, after %s", operators, after)
	}
	if after := c.servers["b"].Value(threads); after != workers {
		t.Errorf("replication threads: before %s, after %s", workers, after)
	}
	if b := c.server("b"); !b.Channel.Streams() {
		t.Errorf("b: %+v", b.Channel)
	}
}

func TestFenceWithoutPerformanceSchema(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{SemiSync: true, Args: []string{"--performance-schema=OFF"}})
	c.do(c.attachTo("b", "a", true))
	if state := c.observe(); !state.Nodes["a"].OK() || !state.Nodes["b"].Channel.Streams() {
		t.Fatalf("a: %+v, b: %+v", state.Nodes["a"], state.Nodes["b"])
	}
	holder := c.servers["a"].Session(mysqld.AppUser, mysqld.AppPassword)
	run(t, holder, "LOCK TABLES app.entries WRITE")
	c.do(fence("a"))
	c.servers["a"].Eventually("who held it up is cut off", func() bool { return holder.PingContext(t.Context()) != nil })
	if b := c.server("b"); !b.Channel.Streams() {
		t.Errorf("b: %+v", b.Channel)
	}
}

// A full server has one connection more for the operator than it holds already: a fence
// that is up there counts, whichever of its looks the server has no connection for.
func TestFenceOnAFullServer(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	a := c.servers["a"]
	if !c.server("a").OK() {
		t.Fatal("it is not seen")
	}
	const connected = "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Threads_connected'"
	full := a.Value(connected)
	a.SQL("SET GLOBAL max_connections=" + full)
	// gone leaves one connection of the operator, and waits until the server has noticed.
	gone := func() {
		t.Helper()
		handle, err := c.engine.named(c.scene(), "a")
		if err != nil {
			t.Fatal(err)
		}
		handle.DB.SetMaxIdleConns(1)
		a.Eventually("the others have gone", func() bool {
			return a.Value("SELECT COUNT(*) <= 1 FROM performance_schema.session_connect_attrs WHERE ATTR_NAME = 'program_name' AND ATTR_VALUE = ?", conn.ProgramName) == "1" &&
				a.Value(connected) == full
		})
	}
	for range 10 {
		// A fence has to make all its connections but one.
		c.do(fence("a"))
		gone()
		// The server counts a connection for a moment longer than it shows it. A pass that
		// finds none is repeated.
		a.Eventually("it takes writes again", func() bool {
			_, err := c.act(SetWritable{target: target{"a"}}, nil)
			return err == nil
		})
		gone()
	}
}
