// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysqlgroup

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/mysqld"
)

// The largest group that there may be, and the smallest one.
func TestNineMembersAndOne(t *testing.T) {
	if !long() {
		t.Skip("nine servers at once: LONG_GROUPS=1 (make soak)")
	}
	for _, n := range []int{9, 1} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			c := newCluster(t, n)
			c.ready()
			if want := fmt.Sprintf("%d/%[1]d", n); c.object.Status.Members != want {
				t.Fatalf("%s members, want %s", c.object.Status.Members, want)
			}
			c.write(5)
			for name := range c.servers {
				c.same(name)
			}
			if n == 1 {
				return
			}
			c.primary().Kill9()
			c.until("another one is the primary", func() bool { return c.object.Status.Primary != "a" && c.serves(c.object.Status.Primary) })
			c.write(5)
			c.servers["a"].Start()
			c.ready()
			c.same("a")
		})
	}
}

// A group is made, a member crashes and comes back, another one too that is not to be
// blocked by it, and the whole group goes out and starts again.
func TestGroupLives(t *testing.T) {
	c := newCluster(t, 3)
	c.ready()
	if !c.serves("a") || c.pods["b"].Readonly != "true" || c.pods["c"].Readonly != "true" {
		t.Fatalf("labels %v", c.pods)
	}
	st := c.object.Status
	if st.Primary != "a" || st.Members != "3/3" || !st.Bootstrapped || st.GroupName != newGroupName(c.object.UID) {
		t.Fatalf("%+v", st)
	}
	for name, s := range c.servers {
		if got := s.Value("SELECT @@GLOBAL.group_replication_bootstrap_group"); got != "0" {
			t.Errorf("%s: group_replication_bootstrap_group is %s", name, got)
		}
		if got := s.Value("SELECT COUNT(*) FROM performance_schema.persisted_variables WHERE VARIABLE_NAME='group_replication_bootstrap_group'"); got != "0" {
			t.Errorf("%s: bootstrapping is persisted", name)
		}
	}
	c.write(5)

	c.acted = nil
	c.pass()
	if len(c.acted) != 0 {
		t.Errorf("a group as wanted is changed: %v", c.acted)
	}

	c.servers["b"].SQL("CHANGE REPLICATION SOURCE TO SOURCE_USER='old' FOR CHANNEL 'group_replication_recovery'", "SET GLOBAL group_replication_bootstrap_group=ON")
	c.acted = nil
	c.pass()
	c.pass()
	if len(c.acted) != 2 || !c.has(c.acted, "set the recovery user b") || !c.has(c.acted, "disarm b") {
		t.Errorf("acted %v", c.acted)
	}

	if long() {
		t.Log("a secondary crashes")
		c.servers["c"].Kill9()
		c.until("it is not served", func() bool { return c.pods["c"].Name == "" && c.serves("a") })
		c.write(5)
		c.servers["c"].Start()
		c.ready()
		c.same("c")
	}

	t.Log("the primary crashes")
	c.servers["a"].Kill9()
	c.until("another one takes writes", func() bool { return c.serves("b") || c.serves("c") })
	if c.serves("a") {
		t.Fatalf("labels %v", c.pods)
	}
	c.write(5)
	c.servers["a"].Start()
	c.ready()
	c.same("a")

	if !long() {
		return
	}
	t.Log("everybody goes, the primary last")
	last := c.object.Status.Primary
	for name, s := range c.servers {
		if name != last {
			s.Kill9()
		}
	}
	c.until("quorum is lost or nobody is seen", func() bool { return c.reason() != "TopologyAsWanted" && c.reason() != "NodeUnreachable" })
	c.servers[last].Kill9()
	others := 0
	for name, s := range c.servers {
		if name == last {
			continue
		}
		s.Start()
		if others++; others == 1 {
			c.acted = nil
			c.pass()
			c.pass()
			if c.reason() != "WaitingForNodes" || c.has(c.acted, "bootstrap") {
				t.Fatalf("with some unseen: %s, acted %v", c.message(), c.acted)
			}
		}
	}
	c.servers[last].Start()
	c.ready()
	for name := range c.servers {
		c.same(name)
		if got := c.servers[name].Value("SELECT COUNT(*) FROM app.entries"); got != "15" {
			t.Errorf("%s has %s rows", name, got)
		}
	}
}

// Nobody but the member that holds everything starts the group again.
func TestGroupStartsFromTheSuperset(t *testing.T) {
	c := newCluster(t, 3)
	c.object.Spec.Primary = "c"
	c.ready()
	if !c.serves("c") {
		t.Fatalf("labels %v", c.pods)
	}
	c.object.Spec.Primary = ""
	c.write(3)
	for _, name := range []string{"a", "b"} {
		c.same(name)
		c.servers[name].SQL("STOP GROUP_REPLICATION")
	}
	c.write(3)
	c.servers["c"].SQL("STOP GROUP_REPLICATION")
	c.until("the group starts", func() bool { return c.has(c.acted, "bootstrap the group") && c.object.Status.Primary != "" })
	c.ready()
	if !c.serves("c") {
		t.Errorf("the group started from another member than the one that holds everything: %v", c.acted)
	}
	for name := range c.servers {
		c.same(name)
	}

	t.Log("two of them hold what the other lacks")
	for _, name := range []string{"a", "b", "c"} {
		c.servers[name].SQL("STOP GROUP_REPLICATION")
	}
	for _, name := range []string{"a", "b"} {
		c.servers[name].SQL("SET GLOBAL super_read_only=OFF", "SET GLOBAL read_only=OFF", "INSERT INTO app.entries (writer, seq) VALUES (7, 7)")
	}
	c.acted = nil
	c.pass()
	c.pass()
	if c.reason() != "GroupDiverged" || c.has(c.acted, "bootstrap") || !strings.Contains(c.message(), "a holds 1 transaction(s) that b lacks") || !strings.Contains(c.message(), "b holds 1 transaction(s) that a lacks") {
		t.Errorf("%s; acted %v", c.message(), c.acted)
	}
	if c.servers["a"].Value("SELECT @@GLOBAL.super_read_only") != "1" {
		t.Error("a server out of its group takes writes")
	}
}

// A member that holds what the group lacks stays out; an empty one is cloned in where the
// logs that it needs are gone; a node that leaves the spec leaves the group.
func TestComingAndGoing(t *testing.T) {
	c := newCluster(t, 3)
	c.ready()
	c.write(3)
	b := c.servers["b"]
	b.SQL("STOP GROUP_REPLICATION", "SET GLOBAL super_read_only=OFF", "SET GLOBAL read_only=OFF", "INSERT INTO app.entries (writer, seq) VALUES (7, 7)")
	c.until("it is reported", func() bool { return c.reason() == "MemberDiverged" })
	c.acted = nil
	c.pass()
	n := c.object.Status.Topology["b"]
	if n.ErrantCount != 1 || n.ErrantTransactions == "" || c.has(c.acted, "join") || c.pods["b"].Name != "" || !c.has(c.events, "MemberDiverged") {
		t.Errorf("%+v; acted %v; labels %v", n, c.acted, c.pods)
	}
	if b.Value("SELECT @@GLOBAL.super_read_only") != "1" {
		t.Error("a server out of its group takes writes")
	}

	if !long() {
		// TestTheExamplesPrivilegesAreEnough has a member cloned and one that leaves.
		return
	}
	t.Log("b leaves the spec, d comes, and needs what was purged")
	for _, name := range []string{"a", "c"} {
		c.servers[name].SQL("FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
		c.servers[name].SQL("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
	}
	c.object.Spec.Member = append(c.object.Spec.Member[:1:1], c.object.Spec.Member[2:]...)
	c.pass()
	if _, there := c.object.Status.Topology["b"]; there {
		t.Errorf("b is still looked after: %+v", c.object.Status.Topology["b"])
	}
	d := c.add("d")
	c.until("it is cloned", func() bool {
		select {
		case <-d.Ended():
			// Nobody restarts it here, as kubelet does.
			d.Start()
		default:
		}
		return c.reason() == "TopologyAsWanted"
	})
	c.same("d")
	if got := d.Value("SELECT COUNT(*) FROM performance_schema.clone_status WHERE STATE='Completed'"); got != "1" {
		t.Error("it was not cloned: the test shows nothing")
	}

	t.Log("the primary leaves the spec")
	if c.object.Status.Primary != "a" {
		t.Fatalf("the primary is %s", c.object.Status.Primary)
	}
	c.object.Spec.Member = c.object.Spec.Member[1:]
	c.until("a is gone", func() bool { return c.reason() == "TopologyAsWanted" && c.object.Status.Topology["a"] == nil })
	if c.serves("a") || c.pods["a"].Name != "" || !c.serves("c") && !c.serves("d") {
		t.Errorf("labels %v", c.pods)
	}
	a := c.servers["a"]
	if a.Value("SELECT @@GLOBAL.super_read_only") != "1" || a.Value("SELECT MEMBER_STATE FROM performance_schema.replication_group_members") != "OFFLINE" || a.Value("SELECT @@GLOBAL.group_replication_start_on_boot") != "0" {
		t.Error("a has not left as it should")
	}
}

// A member that hangs is expelled and comes back; a group that has lost its quorum waits,
// until the user says who goes on.
func TestExpelledAndForced(t *testing.T) {
	c := newCluster(t, 3)
	c.ready()
	c.write(3)
	if long() {
		c.servers["c"].Freeze()
		c.until("it is not in the group", func() bool { return c.object.Status.Topology["c"].MemberState == "" && c.pods["c"].Name == "" })
		c.write(3)
		c.servers["c"].Thaw()
		c.ready()
		c.same("c")
		if c.servers["c"].Value("SELECT @@GLOBAL.offline_mode") != "0" {
			t.Error("clients cannot connect to it")
		}
	}

	t.Log("two are lost, and the third has no quorum")
	c.write(3)
	for _, name := range []string{"b", "c"} {
		c.same(name)
	}
	c.servers["b"].Kill9()
	c.servers["c"].Kill9()
	c.until("it is reported", func() bool { return c.reason() == "QuorumLost" })
	c.acted = nil
	c.pass()
	if len(c.acted) != 0 || c.serves("a") || !strings.Contains(c.message(), "unreachable: b, c") {
		t.Fatalf("acted %v; labels %v; %s", c.acted, c.pods, c.message())
	}
	c.object.Annotations = map[string]string{v1alpha1.AnnotationForceQuorum: "a,b"}
	c.pass()
	if len(c.acted) != 0 || !strings.Contains(c.message(), "b is not seen") {
		t.Fatalf("acted %v; %s", c.acted, c.message())
	}
	c.object.Annotations = map[string]string{v1alpha1.AnnotationForceQuorum: "a"}
	c.until("a goes on", func() bool { return c.serves("a") })
	if !c.has(c.events, "QuorumForced") || c.servers["a"].Value("SELECT @@GLOBAL.group_replication_force_members") != "" {
		t.Errorf("events %v", c.events)
	}
	c.write(3)
	c.pass()
	if !c.has(c.events, "ForceQuorumIdle") {
		t.Errorf("events %v", c.events)
	}
	if !long() {
		return
	}
	c.object.Annotations = nil
	c.servers["b"].Start()
	c.servers["c"].Start()
	c.ready()
	c.same("b")
	c.same("c")
}

// Another primary is elected while clients write: what was acknowledged is on everybody.
func TestElectionUnderLoad(t *testing.T) {
	c := newCluster(t, 3)
	c.ready()
	load := mysqld.StartLoad(t, c.servers["a"], 8)
	c.routed = func(name string) { load.MoveTo(c.servers[name]) }
	elected := []string{"b"}
	if long() {
		elected = append(elected, "c", "a")
	}
	for _, to := range elected {
		c.object.Spec.Primary = to
		c.until("it is the primary", func() bool { return c.serves(to) && c.reason() == "TopologyAsWanted" })
		if from := c.pods; len(from) != 3 {
			t.Fatalf("labels %v", from)
		}
		had := load.Acknowledged()
		c.servers[to].Eventually("clients write again", func() bool { return load.Acknowledged() > had+20 })
	}
	load.Stop()
	for name, s := range c.servers {
		c.same(name)
		if lost := load.Lost(s); lost != 0 {
			t.Errorf("%d of %d acknowledged rows are not on %s", lost, load.Acknowledged(), name)
		}
	}
	if !c.has(c.acted, "elect b") || !c.has(c.acted, "catch up b") || !c.has(c.acted, "expel clients a") || !c.has(c.events, "PrimaryChanged") {
		t.Errorf("acted %v; events %v", c.acted, c.events)
	}
}
