// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/conn"
)

// slowDB is a stand-in for a server that answers what a look asks, each statement after a delay.
// It has no network, so time in its tests is that of a synctest bubble: a slow machine is no slow
// server there.
type slowDB struct{ delay atomic.Int64 }

func (d *slowDB) Connect(context.Context) (driver.Conn, error) { return &slowConn{d}, nil }
func (d *slowDB) Driver() driver.Driver                        { return nil }

type slowConn struct{ d *slowDB }

func (*slowConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("no") }
func (*slowConn) Close() error                        { return nil }
func (*slowConn) Begin() (driver.Tx, error)           { return nil, errors.New("no") }
func (c *slowConn) QueryContext(ctx context.Context, q string, _ []driver.NamedValue) (driver.Rows, error) {
	select {
	case <-time.After(time.Duration(c.d.delay.Load())):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch {
	case q == identityQuery:
		return &slowRows{9, [][]driver.Value{{uuidOf("a"), int64(1), "8.4.0", false, false, "ON", true, uuidOf("a") + ":1-100", ""}}}, nil
	case strings.HasPrefix(q, "SELECT @@GLOBAL.server_uuid, @@GLOBAL.read_only"):
		return &slowRows{4, [][]driver.Value{{uuidOf("a"), false, false, uuidOf("a") + ":1-100"}}}, nil
	case q == quietQuery:
		return &slowRows{2, [][]driver.Value{{"@", uuidOf("a") + "|1|8.4.0|0|0|ON|1|" + uuidOf("a") + ":1-100||."}, {"performance_schema", "ON"}, {"uptime", "3600"}}}, nil
	case q == figuresQuery:
		return &slowRows{2, [][]driver.Value{{"performance_schema", "ON"}, {"uptime", "3600"}}}, nil
	}
	return &slowRows{1, nil}, nil
}

type slowRows struct {
	n    int
	rows [][]driver.Value
}

func (r *slowRows) Columns() []string { return make([]string, r.n) }
func (r *slowRows) Close() error      { return nil }
func (r *slowRows) Next(to []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(to, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

// opener gives the handle of the server to a look, without its connection having to be made.
func (d *slowDB) opener(t *testing.T) func(Member) (*handle, error) {
	pool := sql.OpenDB(d)
	t.Cleanup(func() { _ = pool.Close() })
	h := &handle{Handle: &conn.Handle{DB: pool}}
	h.may.Store(&permission{account: "x", until: time.Now().Add(time.Hour)})
	return func(Member) (*handle, error) { return h, nil }
}

// changeFrom asks a source that has become slow to give way, as the operator does: look, plan, and look
// again when the plan says so. It says how that ends.
func changeFrom(t *testing.T, look time.Duration, s *scene) string {
	db := &slowDB{}
	open := db.opener(t)
	members := []Member{{Name: "a", Host: "a", Port: 3306}}
	if a := observe(t.Context(), members, watch{source: "a"}, open).Nodes["a"]; !a.OK() {
		t.Fatal(a.Problem)
	}
	db.delay.Store(int64(look / 2))
	for {
		s.Now = time.Now()
		a := observe(t.Context(), members, watch{source: "a", leaving: true, closely: true}, open).Nodes["a"]
		s.State.Nodes["a"] = a
		p := Plan(s.Input)
		s.Object.Status.Switchover = p.Data.Switchover
		t.Logf("%s, silent for %v, record %q, next look in %v", a.Reach, a.Silent, recordOf(p.Data.Switchover), p.Next)
		switch r := p.Data.Switchover; {
		case a.OK():
			return "switched over"
		case r != nil && r.Phase == v1alpha1.SwitchoverSwitching:
			return "failed over"
		}
		time.Sleep(p.Next)
	}
}

// A source that answers the look, and not the second question of the same observation in time,
// is there: it may be serving clients.
func TestASlowSourceIsThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &slowDB{}
		db.delay.Store(int64(rereadTimeout + 100*time.Millisecond))
		a := observe(t.Context(), []Member{{Name: "a", Host: "a", Port: 3306}}, watch{source: "a", closely: true}, db.opener(t)).Nodes["a"]
		if a.Reach != ReachError {
			t.Errorf("it is %s: %s", a.Reach, a.Problem)
		}
	})
}

// A source that answers each look, and late, is switched over: in asynchronous mode a failover
// would lose what only it has.
func TestASlowSourceIsNotFailedOver(t *testing.T) {
	t.Parallel()
	for mode, scene := range map[string]func() *scene{
		"asynchronous": wanting,
		"semi-sync": func() *scene {
			return wanting().semiSync().wasActive("a").seeing(replica("b", "a").acks(), replica("c", "a").acks())
		},
	} {
		for _, look := range []time.Duration{time.Second, 1800 * time.Millisecond} {
			t.Run(mode+", "+look.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					if got := changeFrom(t, look, scene()); got != "switched over" {
						t.Errorf("it is %s", got)
					}
				})
			})
		}
	}
}
