// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"testing"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/test/mysqld"
)

// halfReceived is a set whose source went away while it sent both replicas a large
// transaction; what was acknowledged came before that.
func halfReceived(t *testing.T) (c *cluster, acknowledged string) {
	t.Helper()
	c = newCluster(t, 3, mysqld.Options{SemiSync: true})
	a := c.servers["a"]
	c.do(SetWritable{target: target{"a"}})
	ways := map[string]*mysqld.Proxy{"b": mysqld.NewProxy(t, a), "c": mysqld.NewProxy(t, a)}
	for node, way := range ways {
		follow := c.attachTo(node, "a", false)
		follow.SourceHost, follow.SourcePort = way.Host, way.Port
		c.do(follow)
	}
	a.SQL("CREATE TABLE app.big (id INT AUTO_INCREMENT PRIMARY KEY, filling LONGTEXT)", "INSERT INTO app.entries (writer, seq) VALUES (1, 1)")
	c.caughtUp("a")
	acknowledged = a.Executed()
	for _, way := range ways {
		way.InterruptAfter(3 << 20)
	}
	a.SQL("INSERT INTO app.big (filling) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8) SELECT REPEAT('x', 1000000) FROM n")
	for node := range ways {
		s := c.servers[node]
		s.Eventually("the applier is in the middle of it", func() bool {
			return s.Value("SELECT COUNT(*) FROM performance_schema.replication_applier_status_by_worker WHERE APPLYING_TRANSACTION <> ''") == "1"
		})
	}
	a.Kill9()
	return c, acknowledged
}

// The deadlines of the actions are far below the minute that MySQL waits for the rest of a
// transaction which was received in part.
func TestHalfTransaction(t *testing.T) {
	t.Parallel()
	for user, password := range map[string]string{
		// May kill the applier; may not.
		mysqld.User: mysqld.Password, mysqld.LeastUser: mysqld.LeastPassword,
	} {
		t.Run("as "+user, func(t *testing.T) {
			c, acknowledged := halfReceived(t)
			c.as(user, password)
			for _, node := range []string{"b", "c"} {
				c.do(StopReceiver{target{node}})
			}
			b, other := c.servers["b"], c.servers["c"]
			c.do(Promote{
				target: target{"b"}, AfterSet: gtid.MustParse(acknowledged), Timeout: failoverCatchUp, Failover: true,
				Lender: Known{Name: "c", Host: other.Host, Port: other.Port},
			})
			if ch := c.server("b").Channel; user == mysqld.User && !ch.interrupted() {
				t.Errorf("an applier that was killed: error %d (%s)", ch.SQLErrno, ch.SQLError)
			}
			follow := c.attachTo("c", "b", false)
			within := gtid.MustParse(acknowledged)
			follow.Within = &within
			c.do(follow)
			c.do(Settle{target: target{"b"}})
			mustWrite(t, b)
			c.do(CatchUp{target: target{"c"}, Set: gtid.MustParse(b.Executed()), Timeout: failoverCatchUp})
			for _, s := range []*mysqld.Server{b, other} {
				if s.Value("SELECT GTID_SUBSET(?, @@GLOBAL.gtid_executed)", acknowledged) != "1" || s.Value("SELECT COUNT(*) FROM app.entries WHERE writer = 1 AND seq = 1") != "1" {
					t.Errorf("%s lacks what was received in full", s.Addr())
				}
				if n := s.Value("SELECT COUNT(*) FROM app.big"); n != "0" {
					t.Errorf("%s has %s rows of the transaction that was received in part", s.Addr(), n)
				}
			}
		})
	}
}
