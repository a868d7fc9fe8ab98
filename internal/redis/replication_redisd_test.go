// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build redisd

package redis

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/redisd"
)

func TestSetUpOfFreshServers(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{ConfigFile: true})
	c.settle("the set is set up")
	if c.source() != "a" || c.labels["b"] != "true" || c.labels["c"] != "true" {
		t.Errorf("labels are %v", c.labels)
	}
	c.servers["a"].Do("SET", "k", "v")
	c.servers["c"].Eventually("c has what a has", func() bool { return c.servers["c"].Keys() == 1 })
	if err := c.servers["b"].Try("SET", "x", "y"); err == nil || !strings.HasPrefix(err.Error(), "READONLY") {
		t.Errorf("a replica takes writes: %v", err)
	}
	if got := c.servers["b"].Do("CONFIG", "GET", "masterauth").([]any)[1]; got != redisd.Password {
		t.Errorf("masterauth is not the password of the Secret")
	}
	if c.object.Status.Replicas != "2/2" || c.object.Status.Source != "a" {
		t.Errorf("status is %+v", c.object.Status)
	}
	// What a server is survives its restart.
	c.servers["b"].Kill9()
	c.servers["b"].Start()
	c.servers["b"].Eventually("b replicates again by itself", func() bool {
		return strings.Contains(c.servers["b"].Do("INFO", "replication").(string), "role:slave")
	})
}

// TestSetUpNeverFollowsAnEmptyNode: the data is not where the spec wants the source.
func TestSetUpNeverFollowsAnEmptyNode(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, redisd.Options{})
	c.servers["b"].Do("SET", "k", "v")
	c.reports("SourceEmpty")
	for range 5 {
		c.pass()
	}
	if c.servers["b"].Keys() != 1 || c.source() != "" {
		t.Errorf("b has %d keys, and -readwrite leads to %q", c.servers["b"].Keys(), c.source())
	}
	c.edit("b")
	c.settle("b is the source")
	c.servers["a"].Eventually("a has what b has", func() bool { return c.servers["a"].Keys() == 1 })
}

func TestAdoption(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.servers["b"].Do("SET", "k", "v")
	for _, name := range []string{"a", "c"} {
		c.servers[name].Do("CONFIG", "SET", "masterauth", redisd.Password)
		c.servers[name].Do("REPLICAOF", c.servers["b"].Host, c.servers["b"].Port)
		c.servers[name].Eventually("it replicates", func() bool { return c.servers[name].Keys() == 1 })
	}
	c.pass()
	if c.object.Status.Source != "b" || c.source() != "b" {
		t.Fatalf("the source is %q, routed %q", c.object.Status.Source, c.source())
	}
	// The spec wants a: that is a switchover.
	c.settle("a is the source")
	if c.source() != "a" || c.servers["b"].Keys() != 1 {
		t.Errorf("routed %q", c.source())
	}
}

// switchover goes there and back under load.
func switchover(t *testing.T, refuse func(reconcile.Action) error) *cluster {
	t.Helper()
	// FAILOVER is for candidates with an append-only file.
	c := newCluster(t, 3, redisd.Options{AOF: true})
	c.settle("the set is set up")
	c.refuses = refuse
	load := redisd.StartLoad(t, c.servers["a"], 4)
	c.routed = func(node string) { load.MoveTo(c.servers[node]) }
	c.operate()
	var outages []time.Duration
	for _, to := range []string{"b", "a", "c", "a"} {
		load.Longest()
		c.edit(to)
		c.eventually(to+" is the source", func() bool {
			return c.source() == to && c.plan.Data.Switchover == nil && c.plan.Conditions[0].Status == metav1.ConditionTrue
		})
		before := load.Acknowledged()
		c.servers["a"].Eventually("clients write", func() bool { return load.Acknowledged() > before+20 })
		outages = append(outages, load.Longest())
	}
	load.Stop()
	if lost := load.Lost(c.servers["a"]); lost != 0 {
		t.Errorf("%d of %d acknowledged writes are lost", lost, load.Acknowledged())
	}
	slices.Sort(outages)
	t.Logf("%d writes, none lost; longest times without one: %v", load.Acknowledged(), outages)
	return c
}

func TestSwitchoverByFailover(t *testing.T) {
	t.Parallel()
	c := switchover(t, func(reconcile.Action) error { return nil })
	if c.told("SwitchoverUndone") || !c.told("SwitchoverFinished") {
		t.Errorf("events are %v", c.events)
	}
}

// TestSwitchoverByFence: FAILOVER is not to be had.
func TestSwitchoverByFence(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{Args: nil})
	c.settle("the set is set up")
	for _, s := range c.servers {
		s.Do("ACL", "SETUSER", "default", "-failover")
	}
	load := redisd.StartLoad(t, c.servers["a"], 4)
	c.routed = func(node string) { load.MoveTo(c.servers[node]) }
	c.operate()
	for _, to := range []string{"b", "a"} {
		c.edit(to)
		c.eventually(to+" is the source", func() bool {
			return c.source() == to && c.plan.Data.Switchover == nil && c.plan.Conditions[0].Status == metav1.ConditionTrue
		})
		before := load.Acknowledged()
		c.servers["a"].Eventually("clients write", func() bool { return load.Acknowledged() > before+20 })
	}
	t.Logf("longest time without a write: %v", load.Longest())
	load.Stop()
	if lost := load.Lost(c.servers["a"]); lost != 0 {
		t.Errorf("%d of %d acknowledged writes are lost", lost, load.Acknowledged())
	}
	if got := c.servers["b"].Do("CONFIG", "GET", "min-replicas-to-write").([]any)[1]; got != "0" {
		t.Errorf("the fence of b is up still: min-replicas-to-write is %v", got)
	}
}

// TestTheCheckerFindsALoss: the count can be other than zero.
func TestTheCheckerFindsALoss(t *testing.T) {
	t.Parallel()
	s := redisd.New(t, redisd.Options{})
	load := redisd.StartLoad(t, s, 2)
	load.Stop()
	key, is := s.Do("RANDOMKEY").(string)
	if !is {
		t.Fatal("there is no key")
	}
	s.Do("DEL", key)
	if lost := load.Lost(s); lost != 1 {
		t.Errorf("%d are lost, want 1", lost)
	}
}

// TestUndoneSwitchover: the promotion fails until the deadline is over.
func TestUndoneSwitchover(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.settle("the set is set up")
	c.refuses = func(a reconcile.Action) error {
		switch a.(type) {
		case Promote:
			// Nobody waits for the deadline.
			c.ahead += switchDeadline / 4
			return errors.New("it fails")
		}
		return nil
	}
	for _, s := range c.servers {
		s.Do("ACL", "SETUSER", "default", "-failover")
	}
	c.edit("b")
	c.until("it was undone", func() bool { return c.told("SwitchoverUndone") })
	if err := c.servers["a"].Try("SET", "after", "1"); err != nil {
		t.Errorf("a takes no writes: %v", err)
	}
	if c.source() != "a" {
		t.Errorf("routed is %q", c.source())
	}
	if c.plan.Conditions[0].Reason != "SwitchoverUndone" {
		t.Errorf("condition is %+v", c.plan.Conditions[0])
	}
	c.edit("a")
	c.settle("everything is as before")
}

func TestFailoverFromADeadSource(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.settle("the set is set up")
	c.servers["a"].Do("SET", "k", "v")
	c.servers["a"].Replicated(2)
	c.servers["a"].Kill9()
	c.reports("SourceUnreachable")
	c.edit("b")
	c.until("b is the source", func() bool { return c.source() == "b" })
	c.until("c follows b", func() bool { n := c.node("c"); return n != nil && n.Ready && n.SourceHost == c.servers["b"].Host })
	if c.servers["b"].Keys() != 1 || c.servers["c"].Keys() != 1 {
		t.Error("data is lost")
	}
	c.servers["b"].Do("SET", "more", "1")
	// It comes back empty: it may be filled.
	c.servers["a"].Start()
	c.settle("a is a replica")
	c.servers["a"].Eventually("a has what b has", func() bool { return c.servers["a"].Keys() == 2 })
}

// TestFailoverTakesTheBest: what one replica alone has received is not given up.
func TestFailoverTakesTheBest(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.settle("the set is set up")
	c.servers["a"].Do("SET", "k", "v")
	c.servers["a"].Replicated(2)
	c.servers["b"].Do("REPLICAOF", nowhereHost, nowherePort)
	c.servers["a"].Do("SET", "more", "1")
	c.servers["a"].Replicated(1)
	c.servers["a"].Kill9()
	c.edit("b")
	c.reports("FailoverRefused")
	if text := c.plan.Conditions[0].Message; !strings.Contains(text, "BetterCandidate") || !strings.Contains(text, "c has received more") {
		t.Errorf("message is %q", text)
	}
	c.edit("c")
	c.until("c is the source", func() bool { return c.source() == "c" })
	if c.servers["c"].Keys() != 2 {
		t.Error("data is lost")
	}
	c.until("b follows c", func() bool { return c.node("b").Ready && c.servers["b"].Keys() == 2 })
}

// TestHungSourceReturns: it was frozen, and has writes that nobody else has.
func TestHungSourceReturns(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.settle("the set is set up")
	c.servers["a"].Do("SET", "k", "v")
	c.servers["a"].Replicated(2)
	for _, name := range []string{"b", "c"} {
		// They are cut off, and a goes on to take a write.
		c.servers[name].Do("REPLICAOF", nowhereHost, nowherePort)
	}
	c.servers["a"].Do("SET", "only-a", "1")
	c.servers["a"].Freeze()
	c.edit("b")
	c.until("b is the source", func() bool { return c.source() == "b" })
	c.servers["b"].Do("SET", "only-b", "1")
	c.servers["a"].Thaw()
	c.reports("ReplicaDiverged")
	for range 10 {
		c.pass()
	}
	if !c.told("OldSourceReturned") {
		t.Error("nobody was told")
	}
	if n := c.node("a"); !n.Diverged || n.ExtraBytes == nil || *n.ExtraBytes <= 0 {
		t.Errorf("status of a is %+v", n)
	}
	if _, labelled := c.labels["a"]; labelled {
		t.Errorf("labels are %v", c.labels)
	}
	if err := c.servers["a"].Try("SET", "x", "1"); err == nil || !strings.HasPrefix(err.Error(), "NOREPLICAS") {
		t.Errorf("the old source takes writes: %v", err)
	}
	if c.servers["a"].Do("EXISTS", "only-a") != int64(1) {
		t.Error("what only a has was thrown away")
	}
	// By opt-in.
	c.object.Spec.RejoinPolicy = v1alpha1.RedisRejoinResync
	c.settle("a is a replica")
	c.servers["a"].Eventually("a has what b has", func() bool { return c.servers["a"].Do("EXISTS", "only-b", "only-a") == int64(1) })
}

// TestSourceRestartsEmpty: the replicas keep what they hold.
func TestSourceRestartsEmpty(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.settle("the set is set up")
	c.servers["a"].Do("SET", "k", "v")
	c.servers["a"].Replicated(2)
	c.pass()
	c.servers["a"].Kill9()
	c.reports("SourceUnreachable")
	c.servers["a"].Start()
	c.reports("SourceRestartedEmpty")
	for range 10 {
		c.pass()
	}
	if c.source() != "" {
		t.Errorf("-readwrite leads to %q", c.source())
	}
	if c.servers["b"].Keys() != 1 || c.servers["c"].Keys() != 1 {
		t.Fatalf("the replicas have %d and %d keys", c.servers["b"].Keys(), c.servers["c"].Keys())
	}
	c.edit("b")
	c.settle("b is the source, with the data")
	if c.source() != "b" || c.servers["a"].Keys() != 1 || c.servers["c"].Keys() != 1 {
		t.Errorf("routed %q", c.source())
	}
}

// TestSourceRestartsFromASnapshot: from an older one, and the replicas keep what they hold; from
// one that has all, and they follow it again.
func TestSourceRestartsFromASnapshot(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.settle("the set is set up")
	c.servers["a"].Do("SET", "k", "v")
	// Not while a copy is on its way to a replica.
	c.servers["a"].Eventually("there is a snapshot", func() bool { return c.servers["a"].Try("SAVE") == nil })
	c.servers["a"].Do("SET", "more", "1")
	c.servers["a"].Replicated(2)
	c.pass()
	c.servers["a"].Kill9()
	c.reports("SourceUnreachable")
	c.servers["a"].Start()
	c.reports("SourceRestartedBehind")
	for range 5 {
		c.pass()
	}
	if c.source() != "" || c.servers["a"].Keys() != 1 || c.servers["b"].Keys() != 2 || c.servers["c"].Keys() != 2 {
		t.Fatalf("routed %q; they have %d, %d and %d keys", c.source(), c.servers["a"].Keys(), c.servers["b"].Keys(), c.servers["c"].Keys())
	}
	c.edit("b")
	c.settle("b is the source, with the data")
	if c.source() != "b" || c.servers["a"].Keys() != 2 {
		t.Errorf("routed %q, a has %d keys", c.source(), c.servers["a"].Keys())
	}
	c.servers["b"].Shutdown()
	c.reports("SourceUnreachable")
	c.servers["b"].Start()
	c.settle("everything is as before")
	if c.source() != "b" || c.servers["b"].Keys() != 2 {
		t.Errorf("routed %q, b has %d keys", c.source(), c.servers["b"].Keys())
	}
}

// TestTooFewReplicas: the source refuses writes by its own setting.
func TestTooFewReplicas(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, redisd.Options{})
	c.settle("the set is set up")
	c.servers["a"].Do("CONFIG", "SET", "min-replicas-to-write", 2)
	c.reports("SourceNotReady")
	c.servers["a"].Do("CONFIG", "SET", "min-replicas-to-write", 1)
	c.settle("one replica is enough")
}

// TestSourceLoads: it is there and has restarted, and nobody knows yet with what. Its replicas are
// kept from it until it has loaded.
func TestSourceLoads(t *testing.T) {
	t.Parallel()
	// It takes its time (microseconds for each key), and answers meanwhile.
	c := newCluster(t, 3, redisd.Options{Args: []string{"--key-load-delay", "50000", "--loading-process-events-interval-bytes", "1024", "--rdbcompression", "no"}})
	c.settle("the set is set up")
	a := c.servers["a"]
	for i := range 40 {
		a.Do("SET", i, strings.Repeat("v", 1024))
	}
	a.Eventually("there is a snapshot", func() bool { return a.Try("SAVE") == nil })
	a.Replicated(2)
	c.pass()
	a.Kill9()
	var starting sync.WaitGroup
	starting.Go(a.Start)
	defer starting.Wait()
	a.Eventually("a loads", func() bool { err := a.Try("DBSIZE"); return err != nil && strings.HasPrefix(err.Error(), "LOADING") })
	c.pass()
	if reason := c.plan.Conditions[0].Reason; reason != "SourceAnswersWithError" {
		t.Errorf("the reason is %s", reason)
	}
	for _, name := range []string{"b", "c"} {
		if got := c.servers[name].Do("INFO", "replication").(string); !strings.Contains(got, "master_host:"+nowhereHost) || c.servers[name].Keys() != 40 {
			t.Errorf("%s has %d keys: %s", name, c.servers[name].Keys(), got)
		}
	}
}

// TestSourceRestartsWithItsData: replicas follow it again.
func TestSourceRestartsWithItsData(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{AOF: true})
	c.settle("the set is set up")
	c.servers["a"].Do("SET", "k", "v")
	c.servers["a"].Replicated(2)
	c.servers["a"].Kill9()
	c.reports("SourceUnreachable")
	c.servers["a"].Start()
	c.settle("everything is as before")
	if c.source() != "a" || c.servers["a"].Keys() != 1 || c.servers["b"].Keys() != 1 {
		t.Errorf("routed %q", c.source())
	}
	// A replica that restarts knows nothing of whom it followed.
	c.servers["b"].Kill9()
	c.until("b is missed", func() bool { return !c.plan.Data.Ready["b"] })
	c.servers["b"].Start()
	c.settle("b follows again")
}

func TestPasswordRotation(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, redisd.Options{})
	c.settle("the set is set up")
	const fresh = "battery staple"
	c.as(fresh)
	c.reports("SourceAnswersWithError")
	for range 3 {
		c.pass()
	}
	if strings.Contains(c.plan.Conditions[0].Message, fresh) || strings.Contains(c.plan.Conditions[0].Message, redisd.Password) {
		t.Errorf("a password is shown: %s", c.plan.Conditions[0].Message)
	}
	if c.source() != "a" {
		t.Errorf("routed is %q", c.source())
	}
	for _, s := range c.servers {
		s.Do("ACL", "SETUSER", "default", ">"+fresh)
	}
	c.settle("the new password is in use")
	b := c.servers["b"].Connect(fresh)
	if got, err := b.ConfigGet(t.Context(), "masterauth").Result(); err != nil || got["masterauth"] != fresh {
		t.Errorf("masterauth of b does not follow the Secret: %v", err)
	}
}

func TestIsolation(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.settle("the set is set up")
	c.servers["a"].Do("SET", "k", "v")
	c.servers["a"].Replicated(2)
	c.object.Spec.Replica[0].Isolated = true
	c.settle("b is isolated")
	if _, labelled := c.labels["b"]; labelled {
		t.Errorf("labels are %v", c.labels)
	}
	c.servers["a"].Do("SET", "more", "1")
	if err := c.servers["b"].Try("SET", "x", "y"); err == nil || !strings.HasPrefix(err.Error(), "READONLY") {
		t.Errorf("b takes writes: %v", err)
	}
	if c.servers["b"].Keys() != 1 {
		t.Error("b replicates still")
	}
	full := syncs(c.servers["a"])
	c.object.Spec.Replica[0].Isolated = false
	c.settle("b is back")
	c.servers["b"].Eventually("b has what a has", func() bool { return c.servers["b"].Keys() == 2 })
	if syncs(c.servers["a"]) != full {
		t.Error("b needed a full copy")
	}
}

// syncs is how many full copies a server has sent.
func syncs(s *redisd.Server) string {
	for line := range strings.Lines(s.Do("INFO", "stats").(string)) {
		if rest, found := strings.CutPrefix(line, "sync_full:"); found {
			return rest
		}
	}
	return ""
}

func TestRemovedReplicaIsReleased(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.settle("the set is set up")
	c.object.Spec.Replica = c.object.Spec.Replica[:1]
	c.settle("c has left")
	c.until("nobody remembers c", func() bool { return c.node("c") == nil })
	if !strings.Contains(c.servers["c"].Do("INFO", "replication").(string), "role:master") {
		t.Error("c replicates still")
	}
	if _, labelled := c.labels["c"]; labelled {
		t.Errorf("labels are %v", c.labels)
	}
}

// TestSentinelDecides: the operator follows whoever is the source, and touches nobody.
func TestSentinelDecides(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.settle("the set is set up")
	c.object.Spec.Sentinel = []string{"s-0"}
	c.pass()
	if got := c.plan.Labels["s-0"][v1alpha1.LabelSentinelSource]; got != "a" {
		t.Errorf("the Sentinel pod is labelled %q", got)
	}
	// What Sentinel does.
	c.servers["a"].Kill9()
	c.servers["b"].Do("REPLICAOF", "NO", "ONE")
	c.until("nobody is known", func() bool {
		return c.plan.Labels["s-0"][v1alpha1.LabelSentinelSource] == v1alpha1.LabelSourceUnknown
	})
	c.servers["c"].Do("REPLICAOF", c.servers["b"].Host, c.servers["b"].Port)
	c.until("b is the source", func() bool {
		return c.source() == "b" && c.plan.Labels["s-0"][v1alpha1.LabelSentinelSource] == "b"
	})
	if as := c.plan.Conditions[1]; as.Type != v1alpha1.ConditionAsSpecified || as.Status != metav1.ConditionFalse {
		t.Errorf("conditions are %+v", c.plan.Conditions)
	}
	for _, step := range c.plan.Steps {
		if len(step.Actions) > 0 {
			t.Errorf("the operator fights Sentinel: %+v", step)
		}
	}
}

// TestDetachedStaysSo: a process that starts anew does not go back to the source by itself.
// A replica that knows from its file whom it follows, and is seen before it is connected: what
// it has read from its append-only file has no history that could be compared.
func TestAReplicaIsSeenBeforeItIsConnected(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, redisd.Options{AOF: true, ConfigFile: true})
	c.settle("the set is set up")
	c.servers["a"].Do("SET", "k", "v")
	c.servers["a"].Replicated(1)
	c.settle("that is on record")
	// It cannot connect before the operator has mended that.
	c.servers["b"].Do("CONFIG", "SET", "masterauth", "another")
	c.servers["b"].Do("CONFIG", "REWRITE")
	c.servers["b"].Kill9()
	c.servers["b"].Start()
	c.pass()
	if c.plan.Data.Diverged["b"] {
		t.Errorf("b is kept apart: %s", c.plan.Data.Notes["b"])
	}
	c.settle("b follows again")
	if got := c.servers["b"].Do("INFO", "replication").(string); !strings.Contains(got, "master_link_status:up") || c.servers["b"].Keys() != 1 {
		t.Errorf("b: %s", got)
	}
}

func TestDetachedStaysSo(t *testing.T) {
	c := newCluster(t, 2, redisd.Options{ConfigFile: true})
	c.settle("the set is set up")
	c.object.Spec.Replica[0].Isolated = true
	c.object.Generation++
	c.settle("b is isolated")
	c.servers["b"].Kill9()
	c.servers["b"].Start()
	if got := c.servers["b"].Do("INFO", "replication").(string); !strings.Contains(got, "master_host:"+nowhereHost) {
		t.Errorf("b has gone back: %s", got)
	}
}
