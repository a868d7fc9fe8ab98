// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"slices"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// project plans a scene and writes the outcome into its object.
func project(s *scene) *v1alpha1.MysqlReplicationStatus {
	Project(s.Object, s.State, Plan(s.Input))
	return &s.Object.Status
}

func TestProjectSteady(t *testing.T) {
	st := project(steadySet().seeing(replica("c", "a").lagUnknown()))
	if st.Source != "a" || st.SourceUUID != uuidOf("a") || st.Replicas != "2/2" {
		t.Errorf("source %s %s, replicas %s", st.Source, st.SourceUUID, st.Replicas)
	}
	a, b, c := st.Topology["a"], st.Topology["b"], st.Topology["c"]
	if a.Role != v1alpha1.MysqlRoleSource || !a.Ready || a.Status != v1alpha1.NodeHealthy || a.SourceHost != "" {
		t.Errorf("a: %+v", a)
	}
	if b.Role != v1alpha1.MysqlRoleReplica || !b.Ready || !b.SuperReadonly || b.SourceHost != "a" || b.SourcePort != 3306 || b.ReplicaIO != "Yes" || b.ServerUUID != uuidOf("b") {
		t.Errorf("b: %+v", b)
	}
	if b.SecondsBehindSource == nil || *b.SecondsBehindSource != 0 {
		t.Errorf("b is not behind: %v", b.SecondsBehindSource)
	}
	if c.SecondsBehindSource != nil {
		t.Errorf("law 10: an unknown lag became %d", *c.SecondsBehindSource)
	}
}

func TestProjectUnseenNodeKeepsNoFigures(t *testing.T) {
	st := project(steadySet().seeing(replica("b", "a").unseen()))
	b := st.Topology["b"]
	if b.ServerUUID != uuidOf("b") {
		t.Errorf("it is forgotten who b was: %q", b.ServerUUID)
	}
	if b.Status != v1alpha1.NodeFailed || b.Role != v1alpha1.MysqlRoleNone || b.Ready || b.Message != "connection refused" || b.Host != "b" {
		t.Errorf("b: %+v", b)
	}
	if st.Replicas != "1/2" {
		t.Errorf("replicas %s", st.Replicas)
	}
}

func TestProjectErrantNode(t *testing.T) {
	b := project(steadySet().seeing(replica("b", "a").has("a:1-100 b:1-7"))).Topology["b"]
	if b.ErrantCount != 7 || b.ErrantTransactions != uuidOf("b")+":1-7" || b.Ready || !strings.Contains(b.Message, "7 transaction(s)") {
		t.Errorf("b: %+v", b)
	}
}

func TestProjectRemembersWhatASourceLackedThatIsGone(t *testing.T) {
	apart := func(n *node) *scene {
		return steadySet().reported("c", "c:1-2").seeing(n, replica("c", "a").unattached().has("a:1-100 c:1-2"))
	}
	want := uuidOf("c") + ":1-2"
	for name, s := range map[string]*scene{
		"the source is not seen": apart(source("a").unseen()),
		"the node is not seen":   steadySet().reported("c", "c:1-2").seeing(replica("c", "a").unseen()),
		"both are seen":          apart(source("a")),
	} {
		if got := project(s).Topology["c"].ErrantTransactions; got != want {
			t.Errorf("%s: %q is remembered", name, got)
		}
	}
	for name, s := range map[string]*scene{
		"both are seen and nothing is errant": steadySet().reported("c", "c:1-2"),
		"it was made anew":                    apart(source("a").unseen()).seeing(fresh("c").uuid("e")),
		"the source was made anew":            apart(fresh("a").uuid("e")),
	} {
		if got := project(s).Topology["c"].ErrantTransactions; got != "" {
			t.Errorf("%s: %q is remembered", name, got)
		}
	}
}

func TestProjectSemiSync(t *testing.T) {
	degraded := source("a").waits().gaveUp()
	for _, c := range []struct {
		name  string
		scene *scene
		a, b  v1alpha1.MysqlSemiSyncState
	}{
		{"active", steadySemiSet(), v1alpha1.MysqlSemiSyncActive, v1alpha1.MysqlSemiSyncActive},
		{"inactive", steadySemiSet().seeing(degraded, replica("b", "a").plugins()), v1alpha1.MysqlSemiSyncInactive, v1alpha1.MysqlSemiSyncInactive},
		{"not attached", steadySemiSet().seeing(replica("b", "a").unattached()), v1alpha1.MysqlSemiSyncActive, ""},
		{"not asked for", steadySet(), "", ""},
	} {
		st := project(c.scene)
		if a, b := st.Topology["a"].SemiSync, st.Topology["b"].SemiSync; a != c.a || b != c.b {
			t.Errorf("%s: a %q, b %q; want %q and %q", c.name, a, b, c.a, c.b)
		}
	}
	s := steadySemiSet().seeing(degraded)
	project(s)
	if got := project(s.seeing(source("a").unseen())).Topology["a"].SemiSync; got != v1alpha1.MysqlSemiSyncInactive {
		t.Errorf("when it is gone, a is remembered as %q", got)
	}
}

func TestProjectRemembersUntilANodeIsFree(t *testing.T) {
	leaving := func(c *node) map[string]*v1alpha1.MysqlReplicationNode {
		return project(given("a", "b").semiSync().knowing("a", "a", "b", "c").seeing(source("a").waits(), replica("b", "a").acks(), c)).Topology
	}
	if leaving(replica("c", "a").acks())["c"] == nil {
		t.Error("a node that vouches for commits was forgotten")
	}
	if leaving(replica("c", "a").plugins())["c"] != nil {
		t.Error("a free node was remembered")
	}
	if leaving(replica("c", "a").unseen())["c"] == nil {
		t.Error("an unseen node was forgotten")
	}
}

func TestProjectForgetsASecondNameThatLeft(t *testing.T) {
	st := project(given("a", "b").knowing("a", "a", "b", "d").seeing(source("a"), replica("b", "a"), replica("d", "a").uuid("b")))
	if st.Topology["d"] != nil || st.Topology["b"] == nil {
		t.Errorf("%v", st.Topology)
	}
	st = project(given("b", "c").knowing("a", "a", "c").seeing(source("a"), source("b").uuid("a").at("a"), replica("c", "a")))
	if st.Topology["a"] != nil || st.Source != "b" || st.SourceUUID != uuidOf("a") {
		t.Errorf("source %s %s of %v", st.Source, st.SourceUUID, st.Topology)
	}
}

func TestProjectKeepsTheRecord(t *testing.T) {
	s := wanting()
	st := project(s)
	if recordOf(st.Switchover) != "a>b Preparing" || st.Source != "a" || st.LastSwitchover != nil {
		t.Errorf("record %q, source %s", recordOf(st.Switchover), st.Source)
	}
	s.seeing(source("a").fenced(), replica("b", "a").stopped().writable())
	s.Object.Status.Switchover.Phase = v1alpha1.SwitchoverSwitching
	s.Object.Status.Switchover.SwitchingAt = &st.Switchover.StartedAt
	st = project(s)
	if st.Switchover != nil || st.Source != "b" || st.SourceUUID != uuidOf("b") {
		t.Errorf("record %q, source %s %s", recordOf(st.Switchover), st.Source, st.SourceUUID)
	}
	if l := st.LastSwitchover; l == nil || l.From != "a" || l.To != "b" || l.Failover {
		t.Errorf("last: %+v", l)
	}
}

func TestProjectRemembersTheOldSourceUntilTheNewOneIsSettled(t *testing.T) {
	s := given("b", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).
		seeing(source("a").fenced(), replica("b", "a").stopped().writable(), replica("c", "b"))
	if project(s).Topology["a"] == nil {
		t.Error("the node is forgotten to which the channel of the new source still points")
	}
	s.seeing(source("b"))
	if project(s).Topology["a"] != nil {
		t.Error("a node that left is remembered")
	}
}

// A source that no operator has seen is left by a failover all the same, and it is known
// which server that is: what others have of it is not taken for that of a source since.
func TestProjectSourceThatNobodyHasSeen(t *testing.T) {
	unseen := func() *scene {
		return given("b", "a", "c").seeing(source("a").unseen(), replica("b", "a"), replica("c", "a"))
	}
	if st := project(unseen()); st.Source != "a" || st.Topology["a"].ServerUUID != uuidOf("a") || st.SourceUUID != "" {
		t.Errorf("source %s, server_uuid %q of the node and %q of the source", st.Source, st.Topology["a"].ServerUUID, st.SourceUUID)
	}
	if st := project(unseen().seeing(replica("b", "a").threads(ThreadConnecting, ThreadYes), replica("c", "a").stopped())); st.Topology["a"].ServerUUID != "" {
		t.Errorf("a replica that is not connected tells of %q, which may have been another server", st.Topology["a"].ServerUUID)
	}
	s := unseen().failover("a", "b", v1alpha1.SwitchoverSwitching)
	s.Object.Status.Source = "a"
	project(s)
	s.seeing(server("b").has("a:1-100").labelled("false"), replica("c", "b"))
	if st := project(s); st.Source != "b" || !slices.Equal(st.DeposedSourceUUIDs, []string{uuidOf("a")}) {
		t.Errorf("source %s, left behind %v", st.Source, st.DeposedSourceUUIDs)
	}
}
