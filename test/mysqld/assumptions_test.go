// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysqld_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/upmio/compose-operator/test/mysqld"
)

// What internal/mysql relies on and no manual promises. When one of these fails
// with a new version of MySQL, the code that names the fact has to be thought over.

const (
	variables = "SELECT CONCAT(@@GLOBAL.super_read_only, @@GLOBAL.read_only)"
	writeable = "SET GLOBAL super_read_only=OFF, GLOBAL read_only=OFF"
	insert    = "INSERT INTO app.entries (writer, seq) VALUES (1, 1)"
	// moment is longer than what takes no time, and shorter than what hangs.
	moment = 300 * time.Millisecond
	// limit is for a statement that does not hang, in seconds on a crowded machine.
	limit = 30 * time.Second
)

func exec(t *testing.T, c *sql.Conn, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for _, s := range statements {
		if _, err := c.ExecContext(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// begin runs a statement that may hang and returns where its end is told.
func begin(ctx context.Context, c *sql.Conn, statement string) chan error {
	done := make(chan error, 1)
	go func() {
		_, err := c.ExecContext(ctx, statement)
		done <- err
	}()
	return done
}

// hangs checks that a statement does not end in a moment.
func hangs(t *testing.T, what string, done chan error) {
	t.Helper()
	select {
	case err := <-done:
		t.Fatalf("%s: it ended: %v", what, err)
	case <-time.After(moment):
	}
}

// ends checks that it does.
func ends(t *testing.T, what string, done chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		t.Fatalf("%s: it hangs", what)
		return nil
	}
}

func id(t *testing.T, c *sql.Conn) string {
	t.Helper()
	var out string
	if err := c.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// super_read_only=ON waits for LOCK TABLES. Meanwhile super_read_only reads ON
// already: only both variables together prove a fence.
func TestVariablesWhileTheFenceWaits(t *testing.T) {
	t.Parallel()
	s := mysqld.New(t, mysqld.Options{})
	holder, fence := s.Session(mysqld.AppUser, mysqld.AppPassword), s.Session(mysqld.User, mysqld.Password)
	exec(t, holder, "LOCK TABLES app.entries WRITE")
	done := begin(t.Context(), fence, "SET GLOBAL super_read_only=ON, GLOBAL read_only=ON")
	hangs(t, "the fence", done)
	if got := s.Value(variables); got == "11" {
		t.Error("both variables read ON while the statement waits")
	}
	exec(t, holder, "UNLOCK TABLES")
	if err := ends(t, "the fence", done); err != nil {
		t.Error(err)
	}
	if got := s.Value(variables); got != "11" {
		t.Errorf("after it they read %s", got)
	}
}

// lock_wait_timeout ends that wait, and KILL does; the end of the client's context does not.
func TestWhatEndsAFenceThatWaits(t *testing.T) {
	t.Parallel()
	s := mysqld.New(t, mysqld.Options{})
	holder := s.Session(mysqld.AppUser, mysqld.AppPassword)
	exec(t, holder, "LOCK TABLES app.entries WRITE")

	patient := s.Session(mysqld.User, mysqld.Password)
	exec(t, patient, "SET lock_wait_timeout=1")
	began := time.Now()
	if err := ends(t, "lock_wait_timeout", begin(t.Context(), patient, "SET GLOBAL super_read_only=ON")); err == nil || time.Since(began) > 3*time.Second {
		t.Errorf("lock_wait_timeout: %v after %v", err, time.Since(began))
	}

	killed := s.Session(mysqld.User, mysqld.Password)
	number := id(t, killed)
	done := begin(t.Context(), killed, "SET GLOBAL super_read_only=ON")
	hangs(t, "the fence", done)
	s.SQL("KILL " + number)
	if ends(t, "KILL", done) == nil {
		t.Error("a killed statement succeeded")
	}
	s.SQL(writeable)

	canceled := s.Session(mysqld.User, mysqld.Password)
	ctx, cancel := context.WithTimeout(t.Context(), moment)
	defer cancel()
	if ends(t, "the context", begin(ctx, canceled, "SET GLOBAL super_read_only=ON")) == nil {
		t.Error("a canceled statement succeeded")
	}
	waiting := "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_INFO LIKE 'SET GLOBAL super_read_only%'"
	if got := s.Value(waiting); got != "1" {
		t.Errorf("%s statements wait in the server after the context has ended", got)
	}
	exec(t, holder, "UNLOCK TABLES")
	s.Eventually("the fence of nobody comes up", func() bool { return s.Value(variables) == "11" })
}

// Neither an open transaction nor FLUSH TABLES WITH READ LOCK holds up a fence.
func TestWhatDoesNotHoldUpAFence(t *testing.T) {
	t.Parallel()
	s := mysqld.New(t, mysqld.Options{})
	for name, statements := range map[string][]string{
		"transaction":      {"BEGIN", insert},
		"global read lock": {"FLUSH TABLES WITH READ LOCK"},
		"backup lock":      {"LOCK INSTANCE FOR BACKUP"},
	} {
		holder := s.Session(mysqld.AppUser, mysqld.AppPassword)
		exec(t, holder, statements...)
		fence := s.Session(mysqld.User, mysqld.Password)
		if err := ends(t, name, begin(t.Context(), fence, "SET GLOBAL super_read_only=ON")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// To close it would give it back to its pool, with what it holds.
		exec(t, holder, "UNLOCK INSTANCE", "UNLOCK TABLES", "ROLLBACK")
		s.SQL(writeable)
	}
}

// A commit that waits for an acknowledgement holds up a fence. KILL cuts its client off
// and does not release it; switching the source side off does.
func TestCommitThatWaitsForAcknowledgement(t *testing.T) {
	t.Parallel()
	s := mysqld.New(t, mysqld.Options{SemiSync: true})
	s.SQL("SET GLOBAL rpl_semi_sync_source_timeout=2147483647, GLOBAL rpl_semi_sync_source_enabled=ON")
	client, fence := s.Session(mysqld.AppUser, mysqld.AppPassword), s.Session(mysqld.User, mysqld.Password)
	number := id(t, client)
	commit := begin(t.Context(), client, insert)
	hangs(t, "the commit", commit)
	exec(t, fence, "SET lock_wait_timeout=1")
	if ends(t, "lock_wait_timeout", begin(t.Context(), fence, "SET GLOBAL super_read_only=ON")) == nil {
		t.Error("the fence came up")
	}
	s.SQL(writeable)
	s.SQL("KILL " + number)
	_ = ends(t, "the killed client", commit)
	time.Sleep(moment)
	const waiting = "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_STATE LIKE 'Waiting for semi-sync ACK%'"
	if s.Value(waiting) != "1" {
		t.Error("KILL has released the commit")
	}
	s.SQL("SET GLOBAL rpl_semi_sync_source_enabled=OFF")
	s.Eventually("the commit is released", func() bool { return s.Value(waiting) == "0" })
	if s.Value("SELECT COUNT(*) FROM app.entries") != "1" {
		t.Error("the commit that waited is not there")
	}
}

// With a timeout of 0 the source side does not wait, although it is on.
func TestSourceSideWithoutPatience(t *testing.T) {
	t.Parallel()
	s := mysqld.New(t, mysqld.Options{SemiSync: true})
	s.SQL("SET GLOBAL rpl_semi_sync_source_timeout=2147483647, GLOBAL rpl_semi_sync_source_enabled=ON", "SET GLOBAL rpl_semi_sync_source_timeout=0")
	client := s.Session(mysqld.AppUser, mysqld.AppPassword)
	if err := ends(t, "the commit", begin(t.Context(), client, insert)); err != nil {
		t.Error(err)
	}
}

// An applier's commits wait too: the source side is switched on when replication has
// stopped, and not before.
func TestApplierWaitsForAcknowledgement(t *testing.T) {
	t.Parallel()
	a, b := mysqld.New(t, mysqld.Options{}), mysqld.New(t, mysqld.Options{SemiSync: true})
	b.Replicate(a)
	b.SQL("SET GLOBAL rpl_semi_sync_source_timeout=2147483647, GLOBAL rpl_semi_sync_source_enabled=ON")
	a.SQL(insert)
	time.Sleep(2 * moment)
	if b.Value("SELECT COUNT(*) FROM app.entries") != "0" {
		t.Error("the applier does not wait")
	}
	b.SQL("SET GLOBAL rpl_semi_sync_source_enabled=OFF")
	b.Eventually("the applier goes on", func() bool { return b.Value("SELECT COUNT(*) FROM app.entries") == "1" })
}

// CHANGE REPLICATION SOURCE throws the relay log away when both threads are stopped,
// and keeps it when only the receiver is.
func TestRelayLogAndChangeOfPassword(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stop string
		kept bool
	}{
		"both threads stopped": {"STOP REPLICA", false},
		"receiver stopped":     {"STOP REPLICA IO_THREAD", true},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := mysqld.New(t, mysqld.Options{}), mysqld.New(t, mysqld.Options{})
			b.Replicate(a)
			lock := b.Session(mysqld.User, mysqld.Password)
			exec(t, lock, "FLUSH TABLES WITH READ LOCK")
			a.SQL(insert)
			received := "SELECT RECEIVED_TRANSACTION_SET FROM performance_schema.replication_connection_status"
			b.Eventually("the transaction is received", func() bool { return b.Value(received) != "" })
			if !test.kept {
				// The applier cannot be stopped while it holds a transaction.
				b.Kill9()
				b.Start("--skip-replica-start")
			} else {
				b.SQL(test.stop)
			}
			before := b.Value(received)
			b.SQL("CHANGE REPLICATION SOURCE TO SOURCE_USER='" + mysqld.ReplicationUser + "', SOURCE_PASSWORD='" + mysqld.ReplicationPassword + "'")
			if after := b.Value(received); (after == before && after != "") != test.kept {
				t.Errorf("received before %q, after %q", before, after)
			}
		})
	}
}

// Threads of replication carry the name of the user who started them; only their
// missing connection type tells them from clients.
func TestThreadsOfReplication(t *testing.T) {
	t.Parallel()
	a, b := mysqld.New(t, mysqld.Options{}), mysqld.New(t, mysqld.Options{})
	b.Replicate(a)
	const threads = "SELECT COUNT(*) FROM performance_schema.threads WHERE NAME LIKE 'thread/sql/replica%'"
	if b.Value(threads) == "0" {
		t.Error("there are no threads of replication")
	}
	if n := b.Value(threads + " AND CONNECTION_TYPE IS NOT NULL"); n != "0" {
		t.Errorf("%s threads of replication have a connection type", n)
	}
}
