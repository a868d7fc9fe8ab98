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

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/proxysql/admin"
	"github.com/upmio/compose-operator/internal/server"
	"github.com/upmio/compose-operator/test/proxysqld"
)

// The contract of ProxySQL's admin interface, as far as the operator relies on it. It runs
// against the stand-in, and unchanged against a real proxysql that PROXYSQL_BIN names.

func connect(t *testing.T, s *proxysqld.Server) *handle {
	t.Helper()
	h, err := newHandle(s.Access())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

var lookAt01 = newLookQueries(0, 1)

func see(t *testing.T, h *handle) *Tables {
	t.Helper()
	n := h.look(t.Context(), lookAt01)
	if n.Reach != server.ReachOK {
		t.Fatalf("not seen: %s", n.Problem)
	}
	return n.Tables
}

func make1(t *testing.T, h *handle, s Sync) {
	t.Helper()
	if err := h.sync(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func wantSync(t *testing.T, h *handle, want ServerWant, users UserWant) Sync {
	t.Helper()
	tables := see(t, h)
	s := Sync{On: "px-0", Mark: testMark, Writer: want.Writer}
	s.Servers, _ = planServers(want, tables)
	s.Users, _ = planUsers(users, tables)
	return s
}

func TestContractNothingAtFirst(t *testing.T) {
	s := proxysqld.New(t)
	tables := see(t, connect(t, s))
	for l := range layers {
		if len(tables.Servers[l])+len(tables.Hostgroups[l])+len(tables.Users[l]) > 0 {
			t.Errorf("%s is not empty: %+v", layerNames[l], tables)
		}
	}
	if tables.Version[runtime] == "" || tables.Monitor == "" {
		t.Errorf("variables: %q %q", tables.Version, tables.Monitor)
	}
}

// A change is in memory, then at run time, then on disk, and nowhere before.
func TestContractLayers(t *testing.T) {
	s := proxysqld.New(t)
	h := connect(t, s)
	insert := Sync{Mark: testMark, Servers: ServerChanges{InsertHG: []HostgroupRow{pair}, Insert: []ServerRow{row(1, "mysql-1"), row(0, "mysql-0")}},
		Users: UserChanges{Insert: []UserRow{user("app", "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19")}}, Version: "8.4.7"}
	make1(t, h, insert)
	counts := func(want ...int) {
		t.Helper()
		tables := see(t, h)
		for l := range layers {
			hasVersion := b2i(tables.Version[l] == "8.4.7")
			users := len(tables.Users[l])
			if l == runtime {
				users = (users + 1) / 2
			}
			if len(tables.Servers[l]) != 2*want[l] || len(tables.Hostgroups[l]) != want[l] || users != want[l] || hasVersion != want[l] {
				t.Errorf("%s: %+v %+v %d users, version %s", layerNames[l], tables.Servers[l], tables.Hostgroups[l], users, tables.Version[l])
			}
		}
	}
	counts(1, 0, 0)
	load := Sync{Servers: ServerChanges{Load: true}, Users: UserChanges{Load: true}, LoadVersion: true}
	make1(t, h, load)
	counts(1, 1, 0)
	save := Sync{Servers: ServerChanges{Save: true}, Users: UserChanges{Save: true}, SaveVersion: true}
	make1(t, h, save)
	counts(1, 1, 1)
	s.Kill()
	s.Start()
	counts(1, 1, 1)
}

// One query tells of every LOAD, whoever it is from.
func TestContractOneQueryTells(t *testing.T) {
	s := proxysqld.New(t)
	h := connect(t, s)
	say := func() string {
		t.Helper()
		said, _, err := h.say(t.Context(), lookAt01)
		if err != nil {
			t.Fatal(err)
		}
		return said
	}
	before := say()
	if again := say(); again != before {
		t.Errorf("it tells of a change, and there was none:\n%s\n%s", before, again)
	}
	for _, change := range [][]string{
		{"INSERT INTO mysql_servers (hostgroup_id,hostname,port) VALUES (7,'10.0.0.7',3306)", "LOAD MYSQL SERVERS TO RUNTIME"},
		{"INSERT INTO mysql_users (username,password) VALUES ('them','*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19')", "LOAD MYSQL USERS TO RUNTIME"},
		{"UPDATE global_variables SET variable_value='8.0.44' WHERE variable_name='mysql-server_version'", "LOAD MYSQL VARIABLES TO RUNTIME"},
		{"DELETE FROM mysql_users", "LOAD MYSQL USERS TO RUNTIME"},
	} {
		s.Do(change...)
		after := say()
		if after == before {
			t.Errorf("%q is not told of", change)
		}
		before = after
	}
}

// Nothing of a name or hash is ever SQL, and all of it arrives, through every layer.
func TestContractHostileTexts(t *testing.T) {
	s := proxysqld.New(t)
	h := connect(t, s)
	texts := []string{
		"plain", "o'brien", `back\slash`, `"; DROP TABLE mysql_users; --`, "'); DELETE FROM mysql_users; --", "日本語", "a--b", "a/*b*/", "X'00'",
		"tab\tnew\nline\r", "%s%d", "semi;colon", " lead", "trail ", "emoji😀", "LOAD MYSQL USERS TO RUNTIME", "''", `\'`, "\x01\x7f",
	}
	var every strings.Builder
	for c := 1; c < 128; c++ {
		every.WriteByte(byte(c))
	}
	texts = append(texts, every.String())
	var want UserWant
	want.Mark = testMark
	for i, text := range texts {
		hash := fmt.Sprintf("$A$005$%s%d", texts[len(texts)-1-i], i)
		want.Users = append(want.Users, User{text, credential.NewPassword(hash)})
	}
	s.Do("INSERT INTO mysql_users (username,password) VALUES ('foreign','x')")
	one := wantSync(t, h, wantOf(topology()), want)
	make1(t, h, one)
	tables := see(t, h)
	if again := wantSync(t, h, wantOf(topology()), want); again.Any() {
		t.Errorf("it is not as it was written: %d inserts, %d updates, load %t, save %t", len(again.Users.Insert), len(again.Users.Update), again.Users.Load, again.Users.Save)
	}
	if n := len(tables.Users[memory]); n != len(texts)+1 {
		t.Errorf("%d users, not %d", n, len(texts)+1)
	}
	// Changed and taken away by name as well.
	for i := range want.Users {
		want.Users[i].Hash = credential.NewPassword("*" + strings.Repeat("A", 40))
	}
	make1(t, h, wantSync(t, h, wantOf(topology()), want))
	want.Users = nil
	make1(t, h, wantSync(t, h, wantOf(topology()), want))
	for l := range layers {
		for _, r := range see(t, h).Users[l] {
			if r.Name != "foreign" {
				t.Errorf("%q is left in %s", r.Name, layerNames[l])
			}
		}
	}
}

func FuzzTextLiteral(f *testing.F) {
	f.Add("o'brien\\\"\x00")
	s := proxysqld.New(f)
	c, err := admin.Open(s.Access())
	if err != nil {
		f.Fatal(err)
	}
	defer c.Close()
	f.Fuzz(func(t *testing.T, text string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		rows, err := c.Rows(ctx, "fuzz", "SELECT HEX("+admin.Text(text)+")")
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got, err := admin.Unhex(rows[0][0]); err != nil || got != text {
			t.Errorf("%q comes back as %q (%v)", text, got, err)
		}
	})
}

// A change is guarded by the server: rows that are somebody's stay, whatever was planned.
func TestContractGuards(t *testing.T) {
	s := proxysqld.New(t)
	h := connect(t, s)
	s.Do("INSERT INTO mysql_servers (hostgroup_id,hostname,port,comment) VALUES (0,'10.0.0.0',3306,'mine'),(1,'10.0.0.1',3306,'mine')",
		"INSERT INTO mysql_users (username,password,comment) VALUES ('app','x','mine')")
	before := fmt.Sprint(see(t, h))
	make1(t, h, Sync{Mark: testMark, Servers: ServerChanges{
		Delete: []ServerKey{{0, address("mysql-0")}}, Update: []ServerRow{row(1, "mysql-1").heavy()}, Adopt: []ServerRow{row(1, "mysql-1")},
	}, Users: UserChanges{Delete: []string{"app"}, Update: []UserRow{user("app", "y")}, Adopt: []UserRow{user("app", "x")}}})
	if after := fmt.Sprint(see(t, h)); after != before {
		t.Errorf("rows of somebody were changed:\n%s\n%s", before, after)
	}
	if err := h.sync(t.Context(), Sync{Mark: testMark, Servers: ServerChanges{Insert: []ServerRow{row(1, "mysql-1")}}}); err == nil {
		t.Error("a row was put over that of somebody")
	}
	// No second writer, beside somebody's or beside ours.
	make1(t, h, Sync{Mark: testMark, Servers: ServerChanges{Insert: []ServerRow{row(0, "mysql-5")}}})
	s.Do("DELETE FROM mysql_servers")
	h.begin()
	make1(t, h, Sync{Mark: testMark, Servers: ServerChanges{Insert: []ServerRow{row(0, "mysql-5")}}})
	make1(t, h, Sync{Mark: testMark, Servers: ServerChanges{Insert: []ServerRow{row(0, "mysql-6")}}})
	writers := slices.DeleteFunc(slices.Clone(see(t, h).Servers[memory]), func(r ServerRow) bool { return r.Hostgroup != 0 })
	if len(writers) != 1 {
		t.Errorf("writers: %+v", writers)
	}
}

// What a person has set in other columns of our rows stays.
func TestContractOtherColumnsStay(t *testing.T) {
	s := proxysqld.New(t)
	h := connect(t, s)
	users := UserWant{Mark: testMark, Users: []User{{"app", credential.NewPassword("*" + strings.Repeat("A", 40))}}}
	make1(t, h, wantSync(t, h, wantOf(topology()), users))
	s.Do("UPDATE mysql_users SET max_connections=77,transaction_persistent=0", "UPDATE mysql_servers SET max_replication_lag=9,status='OFFLINE_SOFT' WHERE hostgroup_id=1")
	users.Users[0].Hash = credential.NewPassword("*" + strings.Repeat("B", 40))
	want := wantOf(topology())
	want.MaxConnections = 50
	h.begin()
	make1(t, h, wantSync(t, h, want, users))
	if got := s.Rows("SELECT max_connections,transaction_persistent FROM mysql_users"); fmt.Sprint(got) != "[[77 0]]" {
		t.Errorf("users: %v", got)
	}
	if got := s.Rows("SELECT max_connections,max_replication_lag,status FROM mysql_servers WHERE hostgroup_id=1"); fmt.Sprint(got) != "[[50 9 OFFLINE_SOFT] [50 9 OFFLINE_SOFT]]" {
		t.Errorf("servers: %v", got)
	}
}

// An error tells nothing of a statement.
func TestContractErrorsShowNoSecret(t *testing.T) {
	s := proxysqld.New(t)
	h := connect(t, s)
	for _, statement := range []string{
		"UPDATE nowhere SET password='s3cret'", "INSERT INTO mysql_users (username,password) VALUES ('a','s3cret') 's3cret'", "SELECT s3cret('s3cret'", "s3cret",
	} {
		if err := h.Exec(t.Context(), "try", statement); err == nil || strings.Contains(err.Error(), "s3cret") || admin.ReachOf(err) != server.ReachError {
			t.Errorf("%v", err)
		}
	}
	wrong := s.Access()
	wrong.Password = credential.NewPassword("wr0ng")
	c, err := admin.Open(wrong)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Rows(t.Context(), "look", "SELECT 1")
	if err == nil || strings.Contains(err.Error(), "wr0ng") || !strings.Contains(err.Error(), "1045") || admin.ReachOf(err) != server.ReachError {
		t.Errorf("%v", err)
	}
}
