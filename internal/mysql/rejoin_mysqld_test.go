// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/mysqld"
)

// watched is a kernel that remembers what was announced and how often a clone was begun.
type watched struct {
	*kernel
	events map[string]string
	begun  []Clone
}

func watchedCluster(t *testing.T, n int, o mysqld.Options) *watched {
	t.Helper()
	w := &watched{kernel: &kernel{cluster: newCluster(t, n, o), labels: map[string]string{}}, events: map[string]string{}}
	w.object.Spec.RejoinPolicy = v1alpha1.MysqlRejoinClone
	w.as(mysqld.CloneUser, mysqld.ClonePassword)
	w.settle("the set is set up")
	mustWrite(t, w.servers["a"])
	w.caughtUp("a")
	return w
}

// turn looks and acts once.
func (w *watched) turn() reconcile.Plan[Data] {
	w.t.Helper()
	_, plan := w.look()
	for _, e := range plan.Events {
		w.events[e.Reason] = e.Message
	}
	for _, s := range plan.Steps {
		for _, a := range s.Actions {
			if do, is := a.(Clone); is {
				w.begun = append(w.begun, do)
			}
		}
	}
	w.carryOut(plan)
	return plan
}

// until looks and acts until the status of a node is as asked.
func (w *watched) until(what, node string, holds func(*v1alpha1.MysqlReplicationNode) bool) {
	w.t.Helper()
	w.servers[node].Eventually(what, func() bool {
		w.turn()
		n := w.object.Status.Topology[node]
		return n != nil && holds(n)
	})
}

func inState(state v1alpha1.MysqlCloneState) func(*v1alpha1.MysqlReplicationNode) bool {
	return func(n *v1alpha1.MysqlReplicationNode) bool { return n.Clone != nil && n.Clone.State == state }
}

// diverge writes something to a replica that its source lacks.
func (w *watched) diverge(node string) (errant string) {
	w.t.Helper()
	s := w.servers[node]
	s.SQL("SET GLOBAL super_read_only=OFF, GLOBAL read_only=OFF", "CREATE DATABASE errant", "SET GLOBAL super_read_only=ON, GLOBAL read_only=ON")
	return s.Value("SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, ?)", w.servers[w.object.Spec.Source.Name].Executed())
}

// join adds a server to the spec that nobody knows.
func (w *watched) join(name string, s *mysqld.Server) {
	w.servers[name] = s
	w.object.Generation++
	w.object.Spec.Replica = append(w.object.Spec.Replica, v1alpha1.ReplicaNode{Node: v1alpha1.Node{Name: name, Host: s.Host, Port: s.Port}})
	w.object.Spec.Replica[0].Port = w.servers[w.object.Spec.Replica[0].Name].Port
}

// same checks that a node holds what the source holds, and that nobody but the source is writable.
func (w *watched) same(node string) {
	w.t.Helper()
	source := w.servers[w.object.Spec.Source.Name]
	mustWrite(w.t, source)
	w.caughtUp(w.object.Spec.Source.Name)
	const rows = "SELECT COUNT(*) FROM app.entries"
	if have, want := w.servers[node].Value(rows), source.Value(rows); have != want {
		w.t.Errorf("%s has %s rows, and the source %s", node, have, want)
	}
	if w.servers[node].Value("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'errant'") != "0" {
		w.t.Errorf("%s holds still what was to be thrown away", node)
	}
	if have := w.servers[node].Value("SELECT CONCAT(@@GLOBAL.super_read_only, @@GLOBAL.read_only)"); have != "11" {
		w.t.Errorf("%s is not fenced: %s", node, have)
	}
}

// An old source comes back with writes of its own. It is made anew from the replica, not
// from the source, and what is thrown away is on record before that.
func TestRejoinOldSource(t *testing.T) {
	t.Parallel()
	for mode, semi := range map[v1alpha1.MysqlReplicationMode]bool{v1alpha1.MysqlAsync: false, v1alpha1.MysqlSemiSync: true} {
		t.Run(string(mode), func(t *testing.T) {
			w := watchedCluster(t, 3, mysqld.Options{Clone: true, SemiSync: semi})
			w.object.Spec.Mode = mode
			w.settle("the mode is set")
			a := w.servers["a"]
			uuid := a.Value("SELECT @@server_uuid")
			if semi {
				a.SQL("SET GLOBAL rpl_semi_sync_source_enabled=OFF")
			}
			w.servers["b"].SQL("STOP REPLICA IO_THREAD")
			w.servers["c"].SQL("STOP REPLICA IO_THREAD")
			had := a.Executed()
			a.SQL("CREATE DATABASE errant", "INSERT INTO app.entries (writer, seq) VALUES (9, 9)")
			errant := a.Value("SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, ?)", had)
			a.Kill9()
			w.exchange("b")
			w.servers["b"].Eventually("b is the source", func() bool {
				w.later += time.Second
				w.turn()
				return w.object.Status.Source == "b" && w.object.Status.Switchover == nil
			})
			a.Start()
			w.until("a is back", "a", inState(v1alpha1.MysqlCloneCompleted))
			if len(w.begun) != 1 || w.begun[0].Donor != "c" {
				t.Errorf("clones: %+v, want one of a from c", w.begun)
			}
			r := w.object.Status.Topology["a"].Clone
			if r.DiscardedCount != 2 || r.Discarded != errant || r.Donor != "c" || r.Attempt != 1 || r.FinishedAt == nil || r.TotalBytes == 0 {
				t.Errorf("record: %+v, want 2 discarded: %s", r, errant)
			}
			if told := w.events["RejoinStarted"]; !strings.Contains(told, errant) || !strings.Contains(told, "2 transaction(s)") {
				t.Errorf("announced: %q", told)
			}
			w.settle("a is a replica")
			w.same("a")
			if is := a.Value("SELECT @@server_uuid"); is != uuid {
				t.Errorf("server_uuid was %s and is %s", uuid, is)
			}
			if w.events["RejoinFinished"] == "" || w.object.Status.Topology["a"].Clone == nil {
				t.Errorf("the end was not told: %v", w.events)
			}
		})
	}
}

// New servers: one that is empty while the source has purged what it needs, one that has
// made its users as transactions, and one that can replicate from the beginning.
func TestRejoinSeeds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		purge, foreign, clones bool
	}{
		"empty, and the source has purged": {purge: true, clones: true},
		"foreign-initialised":              {foreign: true, clones: true},
		"empty, and all is there":          {},
	} {
		t.Run(name, func(t *testing.T) {
			w := watchedCluster(t, 2, mysqld.Options{Clone: true})
			mustWrite(t, w.servers["a"])
			w.caughtUp("a")
			if test.purge {
				a := w.servers["a"]
				a.SQL("FLUSH BINARY LOGS")
				a.SQL("PURGE BINARY LOGS TO '" + a.Value("SELECT LOCAL->>'$.binary_log_file' FROM performance_schema.log_status") + "'")
			}
			c := mysqld.New(t, mysqld.Options{Clone: true})
			if test.foreign {
				c.SQL("CREATE USER entrypoint", "CREATE DATABASE errant")
			}
			w.join("c", c)
			w.until("c is ready", "c", func(n *v1alpha1.MysqlReplicationNode) bool { return n.Ready })
			if (len(w.begun) > 0) != test.clones {
				t.Errorf("clones: %+v", w.begun)
			}
			for _, do := range w.begun {
				if do.Donor != "b" {
					t.Errorf("%s gave its data, not the replica", do.Donor)
				}
			}
			w.settle("c is a replica")
			w.same("c")
		})
	}
}

// With Manual nothing is thrown away, and nothing is touched that lacks what a clone needs.
func TestRejoinRefused(t *testing.T) {
	t.Parallel()
	w := watchedCluster(t, 3, mysqld.Options{})
	errant := w.diverge("c")
	looks := func(word string) string {
		t.Helper()
		w.servers["c"].Eventually(word, func() bool {
			w.turn()
			return strings.Contains(w.object.Status.Topology["c"].Message, word)
		})
		return w.turn().Conditions[0].Reason
	}
	w.object.Spec.RejoinPolicy = ""
	if is := looks("They are kept apart"); is != "ReplicaDiverged" {
		t.Errorf("Manual: %s", is)
	}
	w.object.Spec.RejoinPolicy = v1alpha1.MysqlRejoinClone
	if is := looks("the plugin mysql_clone.so is not installed"); is != "RejoinRefused" {
		t.Errorf("without the plugin: %s", is)
	}
	w.servers["c"].SQL("SET GLOBAL super_read_only=OFF", "SET sql_log_bin=0", "INSTALL PLUGIN clone SONAME 'mysql_clone.so'", "SET GLOBAL super_read_only=ON")
	looks("b cannot be copied: the plugin mysql_clone.so is not installed")
	w.as(mysqld.LeastUser, mysqld.LeastPassword)
	looks("lacks the privilege CLONE_ADMIN")
	if len(w.begun) > 0 || w.servers["c"].Value("SELECT GTID_SUBTRACT(?, @@GLOBAL.gtid_executed)", errant) != "" {
		t.Errorf("something was done: %+v", w.begun)
	}
	if have := w.servers["c"].Value("SELECT CONCAT(@@GLOBAL.super_read_only, @@GLOBAL.read_only)"); have != "11" {
		t.Errorf("c is not fenced: %s", have)
	}
}

// A clone that is asked for checks everything again on the servers.
func TestCloneRefuses(t *testing.T) {
	t.Parallel()
	w := watchedCluster(t, 3, mysqld.Options{Clone: true})
	w.diverge("c")
	state := w.observe()
	good := Clone{target: target{"c"}, Donor: "b", DonorHost: w.servers["b"].Host, DonorPort: w.servers["b"].Port, Source: "a",
		SourceUUID: state.Nodes["a"].UUID, UUID: state.Nodes["c"].UUID}
	w.fails(good, "not announced to be thrown away")
	good.Discards = state.Nodes["c"].Executed.Subtract(state.Nodes["a"].Executed)
	for name, bad := range map[string]func(*Clone){
		"another server answers":          func(do *Clone) { do.UUID = do.SourceUUID },
		"is not the source that it was":   func(do *Clone) { do.SourceUUID = do.UUID },
		"donor c is the same server":      func(do *Clone) { do.Donor = "c" },
		"b is not the source that it was": func(do *Clone) { do.Source, do.SourceUUID = "b", state.Nodes["b"].UUID },
		"no node is called":               func(do *Clone) { do.Donor = "z" },
	} {
		do := good
		bad(&do)
		w.fails(do, name)
	}
	w.servers["b"].SQL("SET GLOBAL super_read_only=OFF, GLOBAL read_only=OFF")
	w.fails(good, "donor b is not read-only")
	w.servers["b"].SQL("CREATE DATABASE more", "SET GLOBAL super_read_only=ON, GLOBAL read_only=ON")
	w.fails(good, "b holds 1 transaction(s) that a lacks")
	w.servers["c"].SQL("SET GLOBAL super_read_only=OFF")
	w.fails(good, "it is not fenced")
	if w.servers["c"].Value("SELECT COUNT(*) FROM performance_schema.clone_status") != "0" {
		t.Error("a clone was made")
	}
}

// The operator dies in the middle. The next one finds the clone at work and begins no other.
func TestRejoinOutlivesTheOperator(t *testing.T) {
	t.Parallel()
	w := watchedCluster(t, 3, mysqld.Options{Clone: true})
	w.servers["c"].SQL("SET GLOBAL clone_delay_after_data_drop=4")
	w.diverge("c")
	w.until("a clone is at work", "c", func(n *v1alpha1.MysqlReplicationNode) bool {
		return inState(v1alpha1.MysqlCloneInProgress)(n) && n.Clone.Emptied
	})
	w.engine.Forget(w.scene().Key)
	w.engine = NewEngine()
	t.Cleanup(func() { w.engine.Forget(w.scene().Key) })
	_, plan := w.look()
	if is := plan.Conditions[0]; is.Reason != "RejoinInProgress" || !strings.Contains(is.Message, "as a copy of b") {
		t.Errorf("the next operator says %s: %s", is.Reason, is.Message)
	}
	w.until("c is back", "c", inState(v1alpha1.MysqlCloneCompleted))
	if len(w.begun) != 1 {
		t.Errorf("clones: %+v", w.begun)
	}
	w.settle("c is a replica")
	w.same("c")
}

// The donor dies in the middle: that is told, with the node empty, and tried again.
func TestRejoinWithoutItsDonor(t *testing.T) {
	t.Parallel()
	w := watchedCluster(t, 3, mysqld.Options{Clone: true, Args: []string{"--clone-max-network-bandwidth=1", "--clone-max-concurrency=1", "--clone-autotune-concurrency=OFF"}})
	w.diverge("c")
	w.until("data is copied", "c", func(n *v1alpha1.MysqlReplicationNode) bool {
		return inState(v1alpha1.MysqlCloneInProgress)(n) && n.Clone.Bytes > 0
	})
	if w.begun[0].Donor != "b" {
		t.Fatalf("the donor is %s", w.begun[0].Donor)
	}
	w.servers["b"].Kill9()
	w.turn()
	if reason := w.object.Status.Topology["c"].Clone.State; reason != v1alpha1.MysqlCloneInProgress {
		t.Errorf("with the donor unseen the clone is %s", reason)
	}
	w.servers["b"].Start()
	w.until("the clone has failed", "c", inState(v1alpha1.MysqlCloneFailed))
	n := w.object.Status.Topology["c"]
	if !n.Clone.Emptied || n.Clone.DiscardedCount != 1 || !strings.Contains(n.Message, "it is empty") || !strings.Contains(w.events["RejoinFailed"], "it is empty") {
		t.Errorf("told: %+v, %s", n.Clone, n.Message)
	}
	w.until("it is fenced again", "c", func(n *v1alpha1.MysqlReplicationNode) bool { return n.Readonly && n.SuperReadonly })
	for _, s := range w.servers {
		s.SQL("SET GLOBAL clone_max_network_bandwidth=0")
	}
	if slices.ContainsFunc(w.turn().Steps, func(s reconcile.Step) bool { return s.Name == "clone" }) {
		t.Error("it is tried again without a pause")
	}
	w.later += cloneRetry
	w.until("c is back", "c", inState(v1alpha1.MysqlCloneCompleted))
	if r := w.object.Status.Topology["c"].Clone; r.Attempt != 2 || r.DiscardedCount != 1 || r.Emptied {
		t.Errorf("record: %+v", r)
	}
	w.settle("c is a replica")
	w.same("c")
}

// refusesClone begins a clone that must fail with a number, at once or, where the machine is
// slow, after it has begun.
func (w *watched) refusesClone(do Clone, number uint16) {
	w.t.Helper()
	if _, err := w.act(do, nil); err != nil {
		if !conn.IsNumber(err, number) {
			w.t.Errorf("clone on %s: %v is not error %d", do.On, err, number)
		}
		return
	}
	c := w.servers[do.On]
	c.Eventually("the clone has failed", func() bool { return c.Value("SELECT STATE FROM performance_schema.clone_status") == "Failed" })
	if got := c.Value("SELECT ERROR_NO FROM performance_schema.clone_status"); got != strconv.Itoa(int(number)) {
		w.t.Errorf("the clone of %s has failed with error %s instead of %d", do.On, got, number)
	}
	c.Eventually("it is fenced again", func() bool { return c.Value("SELECT @@GLOBAL.super_read_only") == "1" })
}

// A copy is made over the TLS of the spec, or not at all; and a donor that cannot be verified
// costs the node nothing of what it holds.
func TestCloneWithTLS(t *testing.T) {
	t.Parallel()
	ca, other := mysqld.NewCA(t, "the set's"), mysqld.NewCA(t, "another")
	w := watchedCluster(t, 3, mysqld.Options{Clone: true, CA: ca})
	files := v1alpha1.DatabaseTLSFiles{}
	files.Cert, files.Key = ca.Files(t.TempDir(), "servers")
	w.secure(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSVerifyFull, ServerFiles: &files}, mysqld.Trusting(ca).With(ca))
	w.settle("the channels are secured")
	w.servers["a"].SQL("ALTER USER '" + mysqld.CloneUser + "'@'%' REQUIRE X509")
	w.caughtUp("a")
	w.diverge("c")
	state := w.observe()
	do := Clone{
		target: target{"c"}, Donor: "b", DonorHost: w.servers["b"].Host, DonorPort: w.servers["b"].Port, Source: "a",
		SourceUUID: state.Nodes["a"].UUID, UUID: state.Nodes["c"].UUID, Discards: state.Nodes["c"].Executed.Subtract(state.Nodes["a"].Executed),
	}
	for what, wrong := range map[string]*ChannelTLS{
		"another CA": {On: true, CA: other.File, Cert: files.Cert, Key: files.Key}, "no certificate": {On: true, CA: ca.File}, "no TLS": {},
	} {
		do.TLS = wrong
		t.Log(what)
		w.refusesClone(do, 3862)
		if w.servers["c"].Value("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'errant'") != "1" {
			t.Errorf("%s: what it held is gone", what)
		}
	}
	w.until("c is made anew", "c", inState(v1alpha1.MysqlCloneCompleted))
	w.settle("c is a replica")
	w.same("c")
	if first := w.begun[0].TLS; first == nil || first.mode() != v1alpha1.TLSVerifyFull {
		t.Errorf("cloned with %+v", first)
	}
}
