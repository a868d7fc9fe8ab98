// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/grants"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/test/mysqld"
)

// grantsExample is the file that users are told to run.
const grantsExample = "../../examples/mysql/grants.sql"

// exampleStatements are the statements of that file for other names: those in it are
// taken by users of the test's servers.
func exampleStatements(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(grantsExample)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "--") {
			lines = append(lines, line)
		}
	}
	var out []string
	for statement := range strings.SplitSeq(strings.Join(lines, ""), ";") {
		if statement = strings.TrimSpace(statement); statement != "" {
			out = append(out, strings.NewReplacer("'mysql'", "'example'", "'replication'", "'follower'").Replace(statement))
		}
	}
	return out
}

// byExample makes the users of the example on every server and has the operator be them.
func (c *cluster) byExample() {
	c.t.Helper()
	for _, s := range c.servers {
		session := s.Session(mysqld.User, mysqld.Password)
		for _, statement := range exampleStatements(c.t) {
			if _, err := session.ExecContext(c.t.Context(), statement); err != nil {
				c.t.Fatalf("%s: %s: %v", grantsExample, statement, err)
			}
		}
		if s.Executed() != "" {
			c.t.Fatalf("%s leaves transactions behind: %s", grantsExample, s.Executed())
		}
	}
	c.object.Spec.Secret.Mysql, c.object.Spec.Secret.Replication = "example", "follower"
	c.creds = credential.Credentials{Version: "example", Passwords: map[string]credential.Password{
		"example":  credential.NewPassword("change-me-mysql"),
		"follower": credential.NewPassword("change-me-replication"),
	}}
}

// quietly runs a statement on a server without leaving a trace in its binary log, whatever fences it.
func (c *cluster) quietly(node, statement string) {
	c.t.Helper()
	session := c.servers[node].Session(mysqld.User, mysqld.Password)
	var super, ro int
	if err := session.QueryRowContext(c.t.Context(), "SELECT @@GLOBAL.super_read_only, @@GLOBAL.read_only").Scan(&super, &ro); err != nil {
		c.t.Fatal(err)
	}
	statements := []string{"SET sql_log_bin=0", statement}
	if super == 1 {
		statements = []string{"SET sql_log_bin=0", "SET GLOBAL super_read_only=OFF", statement, "SET GLOBAL super_read_only=ON"}
	}
	for _, s := range statements {
		if _, err := session.ExecContext(c.t.Context(), s); err != nil {
			c.t.Fatalf("%s on %s: %v", s, node, err)
		}
	}
	_ = session.Close()
}

// A whole life with the privileges of examples/mysql/grants.sql and no others: set-up with
// semi-sync, switchovers there and back, an extra writable node, isolation, a failover.
func TestLifeWithLeastPrivileges(t *testing.T) {
	t.Parallel()
	k := &kernel{cluster: newCluster(t, 3, mysqld.Options{SemiSync: true}), labels: map[string]string{}}
	k.object.Spec.Mode = v1alpha1.MysqlSemiSync
	k.byExample()
	k.settle("the set is set up")
	for name := range k.servers {
		s := k.server(name)
		if len(s.Missing) > 0 || s.Account != "'example'@'%'" {
			t.Errorf("%s: %s lacks %v", name, s.Account, s.Missing)
		}
	}
	for _, to := range []string{"b", "a"} {
		k.exchange(to)
		k.settle("switched over to " + to)
		mustWrite(t, k.servers[to])
	}
	k.servers["b"].SQL("SET GLOBAL read_only=OFF")
	k.settle("the extra writable node is fenced")
	k.isolate("c", true)
	k.servers["a"].Eventually("c is isolated", func() bool {
		_, plan := k.look()
		k.carryOut(plan)
		c := k.server("c")
		return c.Channel == nil && c.Fenced() && k.labels["c"] == ""
	})
	k.isolate("c", false)
	k.settle("c is back")

	k.servers["a"].Kill9()
	k.exchange("b")
	k.servers["b"].Eventually("failed over to b", func() bool {
		_, plan := k.look()
		k.carryOut(plan)
		return plan.Data.Source == "b" && k.labels["b"] == "false"
	})
	k.servers["a"].Start()
	k.settle("the old source is back")
	mustWrite(t, k.servers["b"])
	k.caughtUp("b")
	for name := range k.servers {
		if s := k.server(name); s.Channel != nil && name == "b" {
			t.Error("b still has a channel")
		}
	}
}

// isolate a replica in the spec, or bring it back.
func (k *kernel) isolate(node string, isolated bool) {
	k.object.Generation++
	for i := range k.object.Spec.Replica {
		if r := &k.object.Spec.Replica[i]; r.Name == node {
			r.Isolated = isolated
		}
	}
}

// One privilege less than the example gives is named, before anything is touched, with
// the statement that gives it; and that statement heals it, in connections that are open.
func TestOnePrivilegeLess(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.byExample()
	for _, p := range required(words{instrumented: true}) {
		t.Run(string(p), func(t *testing.T) {
			k := &kernel{cluster: c, labels: map[string]string{}}
			c.t = t
			defer c.engine.Forget(c.scene().Key)
			if _, plan := k.look(); plan.Conditions[0].Reason == "PrivilegeMissing" {
				t.Fatalf("before: %s", plan.Conditions[0].Message)
			}
			on := " ON *.*"
			if strings.Contains(string(p), " ON ") {
				on = ""
			}
			c.quietly("b", "REVOKE "+string(p)+on+" FROM 'example'@'%'")
			// A process that has not asked yet: one that has asks again in minutes, or at an error.
			c.engine.Forget(c.scene().Key)
			c.object.Status = v1alpha1.MysqlReplicationStatus{}
			state, plan := k.look()
			statement := grants.Statement("'example'@'%'", []grants.Privilege{p})
			if cond := plan.Conditions[0]; cond.Reason != "PrivilegeMissing" || !strings.Contains(cond.Message, statement) || !strings.Contains(cond.Message, "b: ") {
				t.Errorf("%s: %s", cond.Reason, cond.Message)
			}
			if len(plan.Steps) > 0 {
				t.Errorf("it would begin: %+v", plan.Steps)
			}
			if a := state.Nodes["a"]; len(a.Missing) > 0 {
				t.Errorf("a lacks %v", a.Missing)
			}
			for _, s := range strings.Split(statement, "; ") {
				c.quietly("b", s)
			}
			c.servers["b"].Eventually("it is healed", func() bool {
				state, plan := k.look()
				return state.Nodes["b"].OK() && plan.Conditions[0].Reason != "PrivilegeMissing"
			})
			if p == grants.Reload {
				// A global privilege is so in new sessions only.
				c.do(Detach{target: target{"b"}})
				if err := c.engine.mustHandle(c.scene(), "b").Exec(t.Context(), "FLUSH BINARY LOGS"); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func (e *Engine) mustHandle(scene Scene, node string) *handle {
	h, err := e.named(scene, node)
	if err != nil {
		panic(err)
	}
	return h
}

// What is revoked while the operator takes it for granted is noticed at the first error.
func TestRevokedMeanwhile(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{})
	c.byExample()
	c.do(c.attachTo("b", "a", false))
	c.server("b")
	c.quietly("b", "REVOKE REPLICATION_SLAVE_ADMIN ON *.* FROM 'example'@'%'")
	if s := c.server("b"); len(s.Missing) > 0 {
		t.Fatalf("it asks at every look: %v", s.Missing)
	}
	c.fails(StopReceiver{target{"b"}}, "REPLICATION_SLAVE_ADMIN")
	if s := c.server("b"); len(s.Missing) != 1 || s.Missing[0] != grants.ReplicationSlaveAdmin {
		t.Errorf("after an error: %v", s.Missing)
	}
}

// Through a role that is active, everything is allowed as well.
func TestPrivilegesThroughRole(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	for _, s := range []string{
		"CREATE ROLE operators", "CREATE USER viarole IDENTIFIED BY 'role-p4ss'",
		"GRANT SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN, REPLICATION_SLAVE_ADMIN, REPLICATION CLIENT, RELOAD ON *.* TO operators",
		"GRANT SELECT ON performance_schema.* TO operators", "GRANT operators TO viarole",
	} {
		c.quietly("a", s)
	}
	c.as("viarole", "role-p4ss")
	// A role that is not active gives nothing.
	if s := c.observe().Nodes["a"]; len(s.Missing) != 6 || s.Reach != ReachError {
		t.Errorf("not active: %s %v", s.Reach, s.Missing)
	}
	c.quietly("a", "SET DEFAULT ROLE operators TO viarole")
	c.servers["a"].Eventually("the role is active in new sessions", func() bool {
		s := c.observe().Nodes["a"]
		return s.OK() && len(s.Missing) == 0
	})
}

// A replication user without its privilege: the channel's error says so, and is healed by
// what it says.
func TestReplicationUserWithoutPrivilege(t *testing.T) {
	t.Parallel()
	k := &kernel{cluster: newCluster(t, 2, mysqld.Options{}), labels: map[string]string{}}
	k.byExample()
	for name := range k.servers {
		k.quietly(name, "REVOKE REPLICATION SLAVE ON *.* FROM 'follower'@'%'")
	}
	const heals = "GRANT REPLICATION SLAVE ON *.* TO 'follower'@'%'"
	k.servers["a"].Eventually("the condition names it", func() bool {
		_, plan := k.look()
		k.carryOut(plan)
		return strings.Contains(plan.Conditions[0].Message, heals)
	})
	k.quietly("a", heals)
	k.settle("it is healed")
}

// A quiet look asks nothing more than before; only now and then it reads the privileges.
func TestPrivilegesAreReadSeldom(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	const count = "SELECT COUNT_STAR FROM performance_schema.events_statements_summary_global_by_event_name WHERE EVENT_NAME='statement/sql/show_grants'"
	for range 10 {
		c.server("a")
	}
	if n := c.servers["a"].Value(count); n != "1" {
		t.Errorf("ten looks have read the privileges %s times", n)
	}
	h := c.engine.mustHandle(c.scene(), "a")
	was := *h.may.Load()
	if left := time.Until(was.until); left < privilegesKept-time.Minute || left > 2*privilegesKept {
		t.Errorf("they are kept for %s", left)
	}
	was.until = time.Now()
	h.may.Store(&was)
	c.server("a")
	if n := c.servers["a"].Value(count); n != "2" {
		t.Errorf("after that time they were read %s times", n)
	}
}

// Of performance_schema the tables are enough that the documentation names, for a failover too.
func TestFailoverWithPrivilegesOnTables(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, mysqld.Options{SemiSync: true})
	c.replicate("a", true)
	const user, password = "tables", "t4bles-pw"
	for _, node := range []string{"b", "c"} {
		c.quietly(node, "CREATE USER 'tables'@'%' IDENTIFIED BY 't4bles-pw'")
		c.quietly(node, "GRANT SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN, REPLICATION_SLAVE_ADMIN, REPLICATION CLIENT, RELOAD ON *.* TO 'tables'@'%'")
		for _, table := range []string{"threads", "session_connect_attrs", "metadata_locks"} {
			c.quietly(node, "GRANT SELECT ON performance_schema."+table+" TO 'tables'@'%'")
		}
	}
	acknowledged := c.servers["a"].Executed()
	c.caughtUp("a")
	c.servers["a"].Kill9()
	c.as(user, password)
	if b := c.server("b"); len(b.Missing) > 0 {
		t.Errorf("of what the documentation demands b is said to lack %v", b.Missing)
	}
	for _, node := range []string{"b", "c"} {
		c.do(StopReceiver{target{node}})
	}
	c.do(Promote{target: target{"b"}, AfterSet: gtid.MustParse(acknowledged), Timeout: failoverCatchUp, Failover: true, SemiSync: SemiSyncWant{Enabled: true}})
	c.do(c.attachTo("c", "b", true))
	mustWrite(t, c.servers["b"])
}
