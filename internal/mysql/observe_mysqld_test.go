// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/test/mysqld"
)

func TestObserveFreshServer(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{SemiSync: true})
	s := c.server("a")
	if s.UUID != c.servers["a"].Value("SELECT @@server_uuid") || s.ServerID == 0 || s.Version == "" {
		t.Errorf("identity: %+v", s)
	}
	if !s.GTIDMode || !s.LogBin || !s.LogReplicaUpdates || !s.Writable() || s.Fenced() || s.ReadOnlyPersisted {
		t.Errorf("configuration: %+v", s)
	}
	if !s.Executed.Empty() || !s.Purged.Empty() || s.Channel != nil || s.ForeignChannels != nil {
		t.Errorf("a fresh server has history: %+v", s)
	}
	if semi := s.SemiSync; !semi.SourcePlugin || !semi.ReplicaPlugin || semi.SourceEnabled || semi.ReplicaEnabled || semi.Timeout != 10*time.Second {
		t.Errorf("semi-sync: %+v", semi)
	}
	if s.Uptime > time.Minute {
		t.Errorf("uptime %v", s.Uptime)
	}
}

// Sets that are longer than any name or value of performance_schema come whole, and grow.
func TestObserveLongSets(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	a := c.servers["a"]
	var long []string
	for i := range 100 {
		long = append(long, fmt.Sprintf("00000000-0000-0000-0000-%012d:1-9:%d-%d", i, 20+i, 1000+i))
	}
	a.SQL("SET GLOBAL gtid_purged = '+" + strings.Join(long, ",") + "'")
	for range 3 {
		a.SQL("INSERT INTO app.entries (writer, seq) VALUES (1, 1)", "DELETE FROM app.entries")
		s := c.server("a")
		if got, want := s.Executed.String(), gtid.MustParse(a.Executed()).String(); got != want {
			t.Errorf("gtid_executed %s, want %s", got, want)
		}
		if got, want := s.Purged.String(), gtid.MustParse(a.Value("SELECT @@GLOBAL.gtid_purged")).String(); got != want || len(got) < 4500 {
			t.Errorf("gtid_purged %s, want %s", got, want)
		}
	}
	h, err := c.engine.named(c.scene(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := quietly(t.Context(), h, Member{Name: "a"}); err != nil {
		t.Errorf("one statement is not enough: %v", err)
	}
}

func TestObserveReplication(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	c.servers["b"].SQL("CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1 FOR CHANNEL 'other'")
	var state State
	c.servers["b"].Eventually("what was received is applied", func() bool {
		state = c.observe()
		ch := state.Nodes["b"].Channel
		return ch != nil && ch.Lag != nil && *ch.Lag == 0
	})
	a, b := state.Nodes["a"], state.Nodes["b"]
	if !b.Follows(a) || !b.Channel.Streams() || b.Channel.SourceUUID != a.UUID || !b.Channel.AutoPosition || b.Channel.User != mysqld.ReplicationUser {
		t.Errorf("channel: %+v", b.Channel)
	}
	if b.Channel.Lag == nil || *b.Channel.Lag != 0 || b.Channel.Retrieved.Count() != 1 || b.Channel.ReadSourceLogPos == 0 || b.Channel.ExecSourceLogPos == 0 || b.Channel.SourceLogFile == "" {
		t.Errorf("figures: %+v", b.Channel)
	}
	if len(b.ForeignChannels) != 1 || b.ForeignChannels[0] != (ForeignChannel{Name: "other"}) || b.FedBy() != "" {
		t.Errorf("other channels: %v", b.ForeignChannels)
	}
	c.servers["b"].SQL("START REPLICA SQL_THREAD FOR CHANNEL 'other'")
	if b := c.server("b"); b.FedBy() != "other" {
		t.Errorf("other channels: %v", b.ForeignChannels)
	}
	c.servers["b"].SQL("STOP REPLICA SQL_THREAD FOR CHANNEL 'other'")
	if !b.Fenced() || !b.ReadOnlyPersisted || !a.Writable() || a.ReadOnlyPersisted {
		t.Errorf("read-only: a %+v, b %+v", a, b)
	}
	if semi := a.SemiSync; !semi.SourceEnabled || !semi.SourceActive || semi.Clients != 1 || semi.WaitCount != 1 || semi.Timeout != SemiSyncTimeout {
		t.Errorf("semi-sync of the source: %+v", semi)
	}
	if semi := b.SemiSync; !semi.ReplicaEnabled || !semi.ReplicaActive || semi.SourceEnabled {
		t.Errorf("semi-sync of the replica: %+v", semi)
	}
	c.servers["b"].SQL("STOP REPLICA SQL_THREAD FOR CHANNEL ''")
	if ch := c.server("b").Channel; ch.SQL != ThreadNo || ch.IO != ThreadYes || ch.Lag != nil {
		t.Errorf("with the applier stopped: %+v", ch)
	}
}

func TestObserveWhatCannotBeSeen(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{})
	c.servers["b"].Stop()
	state := c.observe()
	if b := state.Nodes["b"]; b.Reach != ReachNone || b.Problem == "" {
		t.Errorf("a stopped server: %s %q", b.Reach, b.Problem)
	}
	if !state.Nodes["a"].OK() || !state.Nodes["c"].OK() {
		t.Error("one stopped server hides the others")
	}

	c.as(mysqld.User, "wrong-s3cret")
	a := c.observe().Nodes["a"]
	if a.Reach != ReachError || !strings.Contains(a.Problem, `"mysql"`) || !strings.Contains(a.Problem, "Secret") || strings.Contains(a.Problem, "s3cret") {
		t.Errorf("a wrong password: %s %q", a.Reach, a.Problem)
	}
	c.as(mysqld.AppUser, mysqld.AppPassword)
	a = c.observe().Nodes["a"]
	if a.Reach != ReachError || !strings.Contains(a.Problem, "GRANT SYSTEM_VARIABLES_ADMIN") || !strings.Contains(a.Problem, "'app'@") {
		t.Errorf("a user without privileges: %s %q", a.Reach, a.Problem)
	}
	c.as(mysqld.User, mysqld.Password)
	c.servers["a"].SQL("CREATE USER crowd IDENTIFIED BY 'crowd-p4ss'")
	c.servers["a"].Session("crowd", "crowd-p4ss")
	c.servers["a"].SQL("SET GLOBAL max_connections=1")
	c.as("crowd", "crowd-p4ss")
	if a = c.observe().Nodes["a"]; a.Reach != ReachError || !strings.Contains(a.Problem, "max_connections") {
		t.Errorf("a full server: %s %q", a.Reach, a.Problem)
	}
}

func TestObserveHungServer(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	for _, known := range []bool{true, false} {
		if known {
			c.server("b")
		} else {
			c.engine.Forget(c.scene().Key)
		}
		c.servers["b"].Freeze()
		began := time.Now()
		state := c.observe()
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
		if !state.Nodes["a"].OK() || state.Nodes["b"].Reach != ReachNone {
			t.Errorf("a %s, b %s: %s", state.Nodes["a"].Reach, state.Nodes["b"].Reach, state.Nodes["b"].Problem)
		}
		c.servers["b"].Thaw()
		began = time.Now()
		c.server("b")
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("the pass after it took %v", took)
		}
	}
}

// A replica's set is found in its source's, however fast both move. A source sends what is in
// its binary log a moment before it is in its gtid_executed; all else would never be there.
func TestObservedSetsAreComparable(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.replicate("a", false)
	c.object.Status.Source = "a"
	load := mysqld.StartLoad(t, c.servers["a"], 4)
	for range 100 {
		state := c.observe()
		a, b := state.Nodes["a"], state.Nodes["b"]
		extra := b.Received().Subtract(a.Executed)
		if !onlyOf(extra, a.UUID) {
			t.Fatalf("b holds %s beyond a", extra)
		}
		if !extra.Empty() {
			c.servers["a"].Eventually("a has "+extra.String(), func() bool { return c.server("a").Executed.Contains(extra) })
		}
	}
	load.Stop()
	if load.Acknowledged() == 0 {
		t.Error("there was no load")
	}
}

func TestQuietPassesOpenNoConnection(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	count := func() string {
		return c.servers["a"].Value("SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME='Connections'")
	}
	for range 3 {
		c.server("a")
	}
	before := count()
	for range 20 {
		c.server("a")
	}
	if after := count(); after != before {
		t.Errorf("%s connections before, %s after", before, after)
	}
	if n := c.engine.handles.Len(); n != 1 {
		t.Errorf("%d handles", n)
	}
	own := "SELECT COUNT(*) FROM performance_schema.session_connect_attrs WHERE ATTR_NAME='program_name' AND ATTR_VALUE='compose-operator'"
	if n := c.servers["a"].Value(own); n != "1" {
		t.Errorf("%s connections are open, want 1", n)
	}
	// A fence needs two: they are there once the spec asks for another source.
	c.object.Status.Source = "b"
	c.server("a")
	if n := c.servers["a"].Value(own); n != "2" {
		t.Errorf("%s connections are open before a change, want 2", n)
	}
	c.engine.Forget(c.scene().Key)
	c.servers["a"].Eventually("the connections are closed", func() bool { return c.servers["a"].Value(own) == "0" })
}

func TestLongGTIDSets(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	var set []string
	for i := range 100 {
		set = append(set, strings.Replace("00000000-0000-0000-0000-0000000000XX:1-7:9", "XX", string(rune('0'+i/10))+string(rune('0'+i%10)), 1))
	}
	c.servers["a"].SQL("SET GLOBAL gtid_purged='" + strings.Join(set, ",") + "'")
	if s := c.server("a"); s.Executed.Count() != 800 || !s.Purged.Equal(gtid.MustParse(strings.Join(set, ","))) {
		t.Errorf("%d transactions are seen", s.Executed.Count())
	}
}

func TestObservationEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s := c.engine.Observe(ctx, c.scene()).Nodes["a"]; s.Reach != ReachNone {
		t.Errorf("reach %s", s.Reach)
	}
}

// A server that does not read its persisted variables forgets a fence when it restarts.
func TestObserveAServerThatIgnoresWhatIsPersisted(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{Args: []string{"--persisted-globals-load=OFF"}})
	c.do(ArmFence{target{"a"}})
	if s := c.server("a"); !s.IgnoresPersisted || !s.ReadOnlyPersisted {
		t.Errorf("it ignores what is persisted: %v; it has persisted a fence: %v", s.IgnoresPersisted, s.ReadOnlyPersisted)
	}
	c.servers["a"].Restart()
	if s := c.server("a"); !s.Writable() {
		t.Error("it came back fenced: say so in state.go")
	}
	if c := newCluster(t, 1, mysqld.Options{}); c.server("a").IgnoresPersisted {
		t.Error("persisted_globals_load is ON and said to be OFF")
	}
}
