// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysqlgroup

import (
	"os"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/test/mysqld"
)

// example has the privileges that the manual asks for.
const example = "../../examples/mysql-group/grants.sql"

// What the example grants to its two users is enough to make a group, to elect another
// primary, to fill an empty member by a clone, and to take one out.
func TestTheExamplesPrivilegesAreEnough(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	const password, changeMe = "example-p4ss", "change-me-"
	// Under other names: every server of these tests has users of the example's already.
	rename := strings.NewReplacer("'mysql'@", "'group_operator'@", "'replication'@", "'group_recovery'@",
		changeMe+"mysql", password, changeMe+"replication", password)
	var statements []string
	for statement := range strings.SplitSeq(rename.Replace(string(text)), ";\n") {
		lines := strings.Split(strings.TrimSpace(statement), "\n")
		for len(lines) > 0 && (strings.HasPrefix(lines[0], "--") || lines[0] == "") {
			lines = lines[1:]
		}
		if len(lines) > 0 {
			statements = append(statements, strings.Join(lines, " "))
		}
	}
	if len(statements) < 8 {
		t.Fatalf("only %d statements are in %s: %q", len(statements), example, statements)
	}
	c := newCluster(t, 2)
	c.object.Spec.Secret.Mysql, c.object.Spec.Secret.Replication = "group_operator", "group_recovery"
	for _, user := range []string{"group_operator", "group_recovery"} {
		c.creds.Passwords[user] = credential.NewPassword(password)
	}
	users := func(s *mysqld.Server) {
		session := s.Session(mysqld.User, mysqld.Password)
		defer session.Close() //nolint:errcheck // the statements are run by then
		for _, statement := range statements {
			if _, err := session.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	for _, s := range c.servers {
		users(s)
	}
	c.ready()
	c.write(3)

	c.object.Spec.Primary = "b"
	c.until("b takes writes", func() bool { return c.object.Status.Primary == "b" && c.serves("b") })

	t.Log("an empty server, and the binary logs do not reach back")
	for _, name := range []string{"a", "b"} {
		c.servers[name].SQL("FLUSH BINARY LOGS")
		c.servers[name].SQL("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
	}
	empty := c.add("c")
	users(empty)
	c.until("it is cloned", func() bool {
		select {
		case <-empty.Ended():
			// Nobody restarts it here, as kubelet does.
			empty.Start()
		default:
		}
		return c.reason() == "TopologyAsWanted"
	})
	if got := empty.Value("SELECT COUNT(*) FROM performance_schema.clone_status WHERE STATE='Completed'"); got != "1" {
		t.Error("it was not cloned: the test shows nothing")
	}

	t.Log("and one leaves that was made ready by somebody else")
	a := c.servers["a"]
	a.SQL("RESET PERSIST super_read_only", "RESET PERSIST read_only")
	c.object.Spec.Member = c.object.Spec.Member[1:]
	c.until("a is out", func() bool { return c.reason() == "TopologyAsWanted" && c.object.Status.Topology["a"] == nil })
	a.Restart()
	if a.Value("SELECT @@GLOBAL.read_only + @@GLOBAL.super_read_only") != "2" || a.Value("SELECT @@GLOBAL.group_replication_start_on_boot") != "0" {
		t.Error("it comes back and takes writes")
	}
}
