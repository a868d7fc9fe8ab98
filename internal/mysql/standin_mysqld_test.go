// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/mysqld"
)

// The stand-ins of test/scale do what real servers do, as far as the operator can see:
// the same script is played to both, and after each line both look the same.
func TestStandinsAreLikeServers(t *testing.T) {
	t.Parallel()
	lines := script()
	var want []string
	t.Run("standin", func(t *testing.T) {
		c := clusterOf(t, standins(t, 3)...)
		for _, l := range lines {
			want = append(want, l.play(c)+"\n"+c.appearance())
			// Two that cannot be looked at would look alike.
			for name, server := range c.observe().Nodes {
				if !server.OK() {
					t.Fatalf("after %q the stand-in %s is %s: %s", l.what, name, server.Reach, server.Problem)
				}
			}
		}
	})
	t.Run("mysqld", func(t *testing.T) {
		if len(want) != len(lines) {
			t.Fatal("there is nothing to compare with: run the stand-ins' half too, to its end")
		}
		c := newCluster(t, 3, mysqld.Options{SemiSync: true})
		for i, l := range lines {
			outcome := l.play(c)
			var got string
			for deadline := time.Now().Add(time.Minute); ; <-time.After(20 * time.Millisecond) {
				if got = outcome + "\n" + c.appearance(); got == want[i] || time.Now().After(deadline) {
					break
				}
			}
			if got != want[i] {
				t.Fatalf("after %q\nservers:   %s\nstand-ins: %s", l.what, got, want[i])
			}
		}
		columns := func(s *mysqld.Server) []string {
			rows, err := s.DB().QueryContext(t.Context(), "SHOW REPLICA STATUS")
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close() //nolint:errcheck // rows.Err says all there is
			names, err := rows.Columns()
			if err != nil || rows.Err() != nil {
				t.Fatal(err, rows.Err())
			}
			return names
		}
		servers, pretended := columns(c.servers["a"]), columns(standins(t, 1)[0])
		if !slices.Equal(servers, pretended) {
			t.Errorf("SHOW REPLICA STATUS\nservers:   %v\nstand-ins: %v", servers, pretended)
		}
	})
}

// line is one thing that is done.
type line struct {
	what string
	do   func(*cluster) error
}

// play does it and returns how it ended.
func (l line) play(c *cluster) string {
	err := l.do(c)
	if err == nil {
		return l.what + ": done"
	}
	return l.what + ": " + c.named(err.Error())
}

// named puts names for what differs from one cluster to another.
func (c *cluster) named(text string) string {
	for name, s := range c.servers {
		text = strings.NewReplacer(s.Value("SELECT @@GLOBAL.server_uuid"), "uuid-"+name, s.Addr(), name).Replace(text)
	}
	return text
}

// parts of a set, in the order of the servers' names: that of their uuids is another each time.
func (c *cluster) parts(set gtid.Set) string {
	parts := strings.Split(c.named(set.String()), ",")
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// appearance is what the operator sees, without what differs from one cluster to
// another or moves by itself.
func (c *cluster) appearance() string {
	var out []string
	state := c.observe()
	uuids := map[string]string{"": ""}
	addresses := map[string]string{}
	for name, s := range state.Nodes {
		uuids[s.UUID] = name
		addresses[fmt.Sprintf("%s:%d", s.Host, s.Port)] = name
	}
	for _, name := range slices.Sorted(maps.Keys(state.Nodes)) {
		s := state.Nodes[name]
		text := fmt.Sprintf("%s: %s, read_only %t/%t persisted %t, gtid %t, binlog %t/%t, executed %s, purged %d, semi-sync %+v, foreign %d, plain %t",
			name, s.Reach, s.ReadOnly, s.SuperReadOnly, s.ReadOnlyPersisted, s.GTIDMode, s.LogBin, s.LogReplicaUpdates,
			c.parts(s.Executed), s.Purged.Count(), s.SemiSync, len(s.ForeignChannels), s.Plain)
		if ch := s.Channel; ch != nil {
			text += fmt.Sprintf(", channel to %s (%s) as %s, auto-position %t, %s/%s, errors %d/%d, retrieved %d, lag known %t, positions %t/%t, TLS %+v",
				addresses[fmt.Sprintf("%s:%d", ch.SourceHost, ch.SourcePort)], uuids[ch.SourceUUID], ch.User, ch.AutoPosition,
				ch.IO, ch.SQL, ch.IOErrno, ch.SQLErrno, ch.Retrieved.Count(), ch.Lag != nil, ch.ReadSourceLogPos > 0, ch.ExecSourceLogPos > 0, ch.TLS)
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}

// script has every action, in the order of a set's life.
func script() []line {
	var facts reconcile.Facts
	act := func(what string, action func(*cluster) reconcile.Action) line {
		return line{what, func(c *cluster) error {
			learned, err := c.act(action(c), facts)
			if learned != nil {
				facts = learned
			}
			return err
		}}
	}
	is := func(action reconcile.Action) func(*cluster) reconcile.Action {
		return func(*cluster) reconcile.Action { return action }
	}
	sql := func(node, statement string) line {
		return line{statement + " on " + node, func(c *cluster) error {
			_, err := c.servers[node].DB().ExecContext(c.t.Context(), statement)
			return err
		}}
	}
	attach := func(node, source string, change func(*cluster, *Attach)) line {
		return act("attach "+node+" to "+source, func(c *cluster) reconcile.Action {
			do := c.attachTo(node, source, true)
			if change != nil {
				change(c, &do)
			}
			return do
		})
	}
	semi := SemiSyncWant{Enabled: true}
	insert := "INSERT INTO app.entries (writer, seq) VALUES (1, 1)"
	return []line{
		{"look", func(*cluster) error { return nil }},
		attach("b", "a", nil),
		attach("c", "a", nil),
		act("writable", is(SetWritable{target: target{"a"}, SemiSync: semi})),
		sql("a", insert),
		sql("b", "SET GLOBAL super_read_only=OFF, GLOBAL read_only=OFF"),
		attach("b", "a", nil),
		{"a password that is wrong", func(c *cluster) error {
			_, err := conn.Open(conn.Access{Host: c.servers["a"].Host, Port: c.servers["a"].Port, User: mysqld.User})
			if err != nil {
				return err
			}
			db := c.servers["a"].Open(mysqld.User, "wrong")
			var h conn.Handle
			h.User = mysqld.User
			return h.Fail("ping", db.PingContext(c.t.Context()))
		}},
		act("stop receiver", is(StopReceiver{target{"c"}})),
		sql("a", insert),
		act("start replication", is(StartReplication{target: target{"c"}})),
		sql("c", "STOP REPLICA SQL_THREAD FOR CHANNEL ''"),
		act("start replication", is(StartReplication{target: target{"c"}})),
		act("replica without semi-sync", is(SetSemiSync{target: target{"c"}})),
		act("replica with semi-sync", is(SetSemiSync{target: target{"c"}, Replica: true})),
		attach("c", "a", func(_ *cluster, do *Attach) { do.RenewPassword = true }),
		attach("c", "a", func(_ *cluster, do *Attach) { do.TLS = &ChannelTLS{} }),
		attach("c", "a", func(_ *cluster, do *Attach) { do.TLS = &ChannelTLS{On: true} }),
		act("arm", is(ArmFence{target{"a"}})),
		act("expel", is(ExpelClients{target{"b"}})),
		act("ahead", func(c *cluster) reconcile.Action {
			return FollowAhead{Attach: c.attachTo("c", "b", true), Timeout: 5 * time.Second}
		}),
		act("catch up", func(*cluster) reconcile.Action {
			return CatchUp{target: target{"b"}, Source: "a", Timeout: 5 * time.Second}
		}),
		act("fence", is(FenceSource{target: target{"a"}, Timeout: 5 * time.Second, KillClients: true, Still: true})),
		act("promote", is(Promote{target: target{"b"}, From: "a", AfterFact: FencedFact("a"), Timeout: 5 * time.Second, SemiSync: semi})),
		act("settle", is(Settle{target: target{"b"}, SemiSync: semi})),
		attach("a", "b", func(_ *cluster, do *Attach) { do.WithinFact = FencedFact("a") }),
		sql("b", insert),
		act("detach", is(Detach{target: target{"c"}})),
		sql("c", "SET GLOBAL super_read_only=OFF, GLOBAL read_only=OFF"),
		sql("c", insert),
		attach("c", "b", func(c *cluster, do *Attach) { do.Within = executedBy(c.servers["b"]) }),
		act("promote what lacks something", func(c *cluster) reconcile.Action {
			return Promote{target: target{"a"}, AfterSet: *executedBy(c.servers["c"]), Timeout: 100 * time.Millisecond}
		}),
	}
}

// standins starts a process with some, as fresh as real ones are.
func standins(t *testing.T, n int) []*mysqld.Server {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "standin")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Dir = filepath.Join("..", "..", "test", "scale", "standin")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the stand-in: %v\n%s", err, out)
	}
	port := mysqld.FreePort(t, "127.64.0.1")
	cmd := exec.CommandContext(t.Context(), binary, "-sets=1", fmt.Sprintf("-nodes=%d", n), "-fresh", "-tls", fmt.Sprintf("-port=%d", port),
		"-user="+mysqld.User, "-replication-user="+mysqld.ReplicationUser)
	cmd.Env = append(os.Environ(), "STANDIN_PASSWORD="+mysqld.Password, "STANDIN_REPLICATION_PASSWORD="+mysqld.ReplicationPassword)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	ready, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if !bufio.NewScanner(ready).Scan() {
		t.Fatal("the stand-in ended before it listened")
	}
	var out []*mysqld.Server
	for i := range n {
		out = append(out, mysqld.At(t, fmt.Sprintf("127.64.0.%d", 1+i), port))
	}
	return out
}
