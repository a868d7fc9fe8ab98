// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build proxysqld

package proxysql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
	"github.com/upmio/compose-operator/test/proxysqld"
)

// stage is a ProxysqlSync over real admin interfaces, with a topology and a source that a
// test writes.
type stage struct {
	*testing.T
	engine  *Engine
	scene   Scene
	mysql   *v1alpha1.MysqlReplication
	source  *Source
	servers []*proxysqld.Server
}

func newStage(t *testing.T, nodes int) *stage {
	t.Helper()
	s := &stage{T: t, engine: NewEngine(), mysql: replication()}
	obj := object()
	for i := range nodes {
		one := proxysqld.New(t)
		s.servers = append(s.servers, one)
		obj.Spec.Proxysql = append(obj.Spec.Proxysql, v1alpha1.Node{Name: fmt.Sprintf("px-%d", i), Host: one.Host, Port: one.Port})
	}
	s.source = &Source{
		Reach: server.ReachOK, UUID: "uuid-0", Version: "8.4.7", Writable: true,
		Accounts: []Account{account("app", "%", "$A$005$abc'\"\\\n"), account("mysql", "%", "m")},
	}
	s.scene = Scene{Object: obj, Credentials: &credential.Credentials{Version: "1", Passwords: map[string]credential.Password{
		"proxysql": credential.NewPassword(proxysqld.Password), "mysql": credential.NewPassword("x"),
	}}}
	s.scene.Key.Namespace, s.scene.Key.Name = "here", "sync"
	t.Cleanup(func() { s.engine.Forget(s.scene.Key) })
	return s
}

// look observes; the source is what the test says.
func (s *stage) look() State {
	s.Helper()
	s.scene.Used = nil
	state := s.engine.Observe(s.Context(), s.scene)
	s.scene.Used = []client.Object{s.mysql}
	if s.mysql.Status.Source != "" {
		state.Source = s.source
	}
	return state
}

// pass makes rounds as the kernel does, until nothing is left to do, and returns the last plan.
func (s *stage) pass() reconcile.Plan[Data] {
	s.Helper()
	for range 4 {
		s.scene.Now = time.Now()
		state := s.look()
		plan := s.engine.Plan(s.scene, state)
		s.engine.Project(s.scene, state, plan)
		if len(plan.Steps) == 0 {
			return plan
		}
		s.carryOut(plan)
	}
	state := s.look()
	plan := s.engine.Plan(s.scene, state)
	s.engine.Project(s.scene, state, plan)
	return plan
}

// carryOut runs the steps of a plan as the kernel does.
func (s *stage) carryOut(plan reconcile.Plan[Data]) {
	s.Helper()
	for _, step := range plan.Steps {
		server.Each(len(step.Actions), func(i int) {
			action := step.Actions[i]
			ctx, cancel := context.WithTimeout(s.Context(), action.(Sync).Deadline())
			defer cancel()
			if _, err := s.engine.Act(ctx, s.scene, action, nil); err != nil {
				s.Logf("%s on %s: %v", action.About(), action.Node(), err)
			}
		})
	}
}

// eventually passes until a ProxySQL has, at run time, what is wanted.
func (s *stage) eventually(what string, is func() bool) {
	s.Helper()
	for end := time.Now().Add(time.Minute); !is(); {
		if time.Now().After(end) {
			s.Fatalf("never: %s; status %+v", what, s.scene.Object.Status)
		}
		s.pass()
	}
}

// writers of a ProxySQL at run time.
func (s *stage) hostgroup(i int, hostgroup int) string {
	s.Helper()
	var out []string
	for _, r := range s.servers[i].Rows(fmt.Sprintf("SELECT hostname FROM runtime_mysql_servers WHERE hostgroup_id=%d AND status<>'OFFLINE_HARD' ORDER BY 1", hostgroup)) {
		out = append(out, r[0][len("10.0.0."):])
	}
	return strings.Join(out, " ")
}

func (s *stage) promote(name string) {
	st := &s.mysql.Status
	st.LastSwitchover = &v1alpha1.LastSwitchover{From: st.Source, To: name}
	old := st.Topology[st.Source]
	old.Role, old.Readonly, old.SuperReadonly, old.ReplicaIO, old.ReplicaSQL = v1alpha1.MysqlRoleReplica, true, true, "Yes", "Yes"
	st.Topology[name].Role, st.Topology[name].Readonly, st.Topology[name].SuperReadonly = v1alpha1.MysqlRoleSource, false, false
	st.Source, st.SourceUUID, st.Switchover = name, st.Topology[name].ServerUUID, nil
	s.source.UUID = st.SourceUUID
}

func TestSwitchoverReachesProxySQL(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	s.scene.Object.Spec.ReplicationHostgroup = new(true)
	s.eventually("synced", func() bool { return s.scene.Object.Status.Synced == "2/2" })
	for i := range s.servers {
		if w, r := s.hostgroup(i, 0), s.hostgroup(i, 1); w != "0" || r != "1 2" {
			t.Errorf("writer %q, readers %q", w, r)
		}
	}
	st := s.scene.Object.Status
	if st.Source != "mysql-0" || st.MysqlVersion != "8.4.7" || st.Users != 1 || !slices.Equal(st.Topology["px-0"].Users, []string{"app"}) || st.Topology["px-0"].LastSync == nil {
		t.Errorf("status: %+v", st)
	}
	s.mysql.Status.Switchover = &v1alpha1.SwitchoverStatus{From: "mysql-0", To: "mysql-1", Phase: v1alpha1.SwitchoverSwitching}
	s.source.Writable = false
	var p reconcile.Plan[Data]
	s.eventually("no writer", func() bool { p = s.pass(); return s.hostgroup(0, 0) == "" && s.hostgroup(1, 0) == "" })
	if w, r := s.hostgroup(0, 0), s.hostgroup(0, 1); w != "" || r != "2" {
		t.Errorf("in the middle: writer %q, readers %q", w, r)
	}
	if c := p.Conditions[0]; c.Reason != reasonSourceChanging || p.Next == 0 {
		t.Errorf("in the middle: %+v", p)
	}
	s.promote("mysql-1")
	s.source.Writable = true
	s.eventually("switched over", func() bool { return s.scene.Object.Status.Synced == "2/2" })
	for i := range s.servers {
		if w, r := s.hostgroup(i, 0), s.hostgroup(i, 1); w != "1" || r != "0 2" {
			t.Errorf("after: writer %q, readers %q", w, r)
		}
	}
	// Failover: the old source is dead, and comes back taking writes.
	s.promote("mysql-2")
	s.mysql.Status.LastSwitchover.Failover = true
	s.mysql.Status.Topology["mysql-1"].Status = v1alpha1.NodeFailed
	s.eventually("failed over", func() bool { return s.scene.Object.Status.Synced == "2/2" && s.scene.Object.Status.Source == "mysql-2" })
	if w, r := s.hostgroup(0, 0), s.hostgroup(0, 1); w != "2" || r != "0" {
		t.Errorf("after a failover: writer %q, readers %q", w, r)
	}
	for i := range s.servers {
		before := s.engine.statements(s, i)
		s.pass()
		if n := s.engine.statements(s, i) - before; n != 1 {
			t.Errorf("a pass with no change cost %d queries", n)
		}
	}
}

func (e *Engine) statements(s *stage, i int) int64 {
	s.Helper()
	h, err := e.open(s.scene, fmt.Sprintf("px-%d", i))
	if err != nil {
		s.Fatal(err)
	}
	return h.Statements()
}

func TestUsersFollow(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	s.servers[0].Do("INSERT INTO mysql_users (username,password,comment) VALUES ('app','other','mine'),('theirs','x','')", "LOAD MYSQL USERS TO RUNTIME")
	p := s.pass()
	if c := p.Conditions[1]; c.Reason != reasonUserNotOwned || !strings.Contains(c.Message, "app") || len(p.Events) == 0 {
		t.Errorf("a user of somebody: %+v %+v", p.Conditions, p.Events)
	}
	s.servers[0].Do("DELETE FROM mysql_users WHERE username='app'", "LOAD MYSQL USERS TO RUNTIME")
	s.source.Accounts = append(s.source.Accounts, account("o'br\\ien", "%", "$A$005$x"), account("monitor", "%", "*X"))
	s.eventually("all users", func() bool {
		return slices.Equal(s.scene.Object.Status.Topology["px-0"].Users, []string{"app", "o'br\\ien"})
	})
	rows := s.servers[0].Rows("SELECT HEX(password) FROM runtime_mysql_users WHERE username='app' AND frontend=1")
	if len(rows) != 1 || rows[0][0] != fmt.Sprintf("%X", "$A$005$abc'\"\\\n") {
		t.Errorf("the hash: %v", rows)
	}
	s.source.Accounts = s.source.Accounts[:1]
	s.source.Accounts[0].Hash = credential.NewPassword("*NEW")
	s.eventually("dropped and changed", func() bool {
		return fmt.Sprint(s.servers[0].Rows("SELECT username,password FROM runtime_mysql_users WHERE frontend=1 ORDER BY 1")) == "[[app *NEW] [theirs x]]"
	})
	// Nobody knows the users: they stay.
	s.source.Reach, s.source.Problem = server.ReachNone, "no answer"
	p = s.pass()
	if c := p.Conditions[1]; c.Reason != reasonUsersUnknown || len(s.servers[0].Rows("SELECT 1 FROM mysql_users")) != 2 {
		t.Errorf("%+v", c)
	}
}

// One ProxySQL that hangs, or is gone, keeps nobody from the others.
func TestOneBadNode(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.eventually("synced", func() bool { return s.scene.Object.Status.Synced == "3/3" })
	s.servers[0].Freeze()
	s.pass()
	s.promote("mysql-1")
	began := time.Now()
	s.pass()
	t.Logf("beside a ProxySQL that hangs a switchover took %d ms", time.Since(began).Milliseconds())
	s.eventually("the others have the new source", func() bool { return s.hostgroup(1, 0) == "1" && s.hostgroup(2, 0) == "1" })
	one := s.scene.Object.Status.Topology["px-0"]
	if one.Status != v1alpha1.NodeFailed || one.LastError == "" || one.Writer != "mysql-0" || s.scene.Object.Status.Synced != "2/3" {
		t.Errorf("status: %+v", s.scene.Object.Status)
	}
	s.servers[0].Thaw()
	s.eventually("the first again", func() bool { return s.hostgroup(0, 0) == "1" && s.scene.Object.Status.Synced == "3/3" })
	// From disk, and empty.
	s.servers[1].Kill()
	s.promote("mysql-2")
	s.pass()
	s.servers[1].Start()
	s.eventually("from disk", func() bool { return s.hostgroup(1, 0) == "2" })
	s.servers[2].Kill()
	s.servers[2].Clear()
	s.servers[2].Start()
	s.eventually("from nothing", func() bool { return s.hostgroup(2, 0) == "2" && s.scene.Object.Status.Synced == "3/3" })
}

// One that stops to answer in the middle of a change holds up nobody either.
func TestHangsInChange(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.eventually("synced", func() bool { return s.scene.Object.Status.Synced == "3/3" })
	s.promote("mysql-1")
	s.scene.Now = time.Now()
	plan := s.engine.Plan(s.scene, s.look())
	s.servers[0].Freeze()
	began := time.Now()
	s.carryOut(plan)
	t.Logf("the change ended after %d ms for the others", time.Since(began).Milliseconds())
	s.promote("mysql-2")
	began = time.Now()
	s.eventually("the next change", func() bool { return s.hostgroup(1, 0) == "2" && s.hostgroup(2, 0) == "2" })
	t.Logf("the next one took %d ms", time.Since(began).Milliseconds())
	s.servers[0].Thaw()
	s.eventually("all", func() bool { return s.hostgroup(0, 0) == "2" && s.scene.Object.Status.Synced == "3/3" })
}

// Whatever a set of changes was interrupted after is found by another process.
func TestCrashesAreFound(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	for n := 1; ; n++ {
		s.servers[0].Do("DELETE FROM mysql_servers", "DELETE FROM mysql_replication_hostgroups", "DELETE FROM mysql_users",
			"LOAD MYSQL SERVERS TO RUNTIME", "LOAD MYSQL USERS TO RUNTIME", "SAVE MYSQL SERVERS TO DISK", "SAVE MYSQL USERS TO DISK",
			"UPDATE global_variables SET variable_value='8.0.11' WHERE variable_name='mysql-server_version'", "LOAD MYSQL VARIABLES TO RUNTIME", "SAVE MYSQL VARIABLES TO DISK")
		state := s.look()
		plan := s.engine.Plan(s.scene, state)
		var list []statement
		for _, step := range plan.Steps {
			list = append(list, slices.Concat(step.Actions[0].(Sync).statements()...)...)
		}
		if n > len(list) {
			return
		}
		for _, one := range list[:n] {
			s.servers[0].Do(one.sql)
		}
		s.engine = NewEngine()
		s.eventually(fmt.Sprintf("synced after %d statements", n), func() bool { return s.scene.Object.Status.Synced == "1/1" })
	}
}

// What ProxySQL's monitor moves comes back, and does not have the operator run in circles.
func TestMonitorMoves(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	s.scene.Object.Spec.ReplicationHostgroup = new(true)
	s.eventually("synced", func() bool { return s.scene.Object.Status.Synced == "1/1" })
	if proxysqld.Real() {
		// Its monitor is its own, and cannot be told what to find.
		return
	}
	s.servers[0].Do("STANDIN READ_ONLY 10.0.0.1 3306 0")
	if s.hostgroup(0, 0) != "0 1" {
		t.Fatalf("the stand-in's monitor has moved nothing: %s", s.hostgroup(0, 0))
	}
	h, err := s.engine.open(s.scene, "px-0")
	if err != nil {
		t.Fatal(err)
	}
	h.begin()
	s.pass()
	if s.hostgroup(0, 0) != "0" {
		t.Errorf("writers: %s", s.hostgroup(0, 0))
	}
	// The next one is not undone at once.
	s.servers[0].Do("STANDIN READ_ONLY 10.0.0.1 3306 0")
	if p := s.pass(); p.Conditions[0].Reason != reasonNotAsLoaded {
		t.Errorf("%+v", p.Conditions)
	}
}

// 500 users on 10 ProxySQL servers: what it takes is printed.
func TestBenchSync(t *testing.T) {
	s := newStage(t, 10)
	for i := range 500 {
		s.source.Accounts = append(s.source.Accounts, account(fmt.Sprintf("user%03d", i), "%", "$A$005$"+strings.Repeat("x", 63)))
	}
	began := time.Now()
	s.eventually("synced", func() bool { return s.scene.Object.Status.Synced == "10/10" })
	t.Logf("501 users on 10 ProxySQL servers: %d ms, look, sync and a second look", time.Since(began).Milliseconds())
	began = time.Now()
	s.pass()
	t.Logf("a pass with no change: %d ms", time.Since(began).Milliseconds())
	s.source.Accounts[400].Hash = credential.NewPassword("*OTHER")
	began = time.Now()
	s.pass()
	t.Logf("one password changed: %d ms", time.Since(began).Milliseconds())
}
