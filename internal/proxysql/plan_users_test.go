// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
)

func account(user, host, hash string) Account {
	return Account{User: user, Host: host, Plugin: "caching_sha2_password", Hash: credential.NewPassword(hash)}
}

func TestUsersOf(t *testing.T) {
	locked, aged, ldap := account("locked", "%", "h"), account("aged", "%", "h"), account("ldap", "%", "h")
	locked.Locked, aged.Expired, ldap.Plugin = true, true, "authentication_ldap_simple"
	accounts := []Account{
		account("app", "%", "h1"), account("app", "10.0.0.%", "h2"), account("root", "localhost", "h3"), account("", "%", "h"),
		account("two", "10.1.%", "a"), account("two", "10.2.%", "b"), account("same", "a", "x"), account("same", "b", "x"),
		account("mysql", "%", "h"), account("replication", "%", "h"), account("mysql.sys", "%", "h"), account("bare", "%", ""),
		account("nu\x00l", "%", "h"), account("o'br\\ien\"ü", "%", "h4"), locked, aged, ldap,
	}
	for name, test := range map[string]struct {
		rule                     *v1alpha1.ProxysqlSyncRule
		wanted, unclear, unusble string
	}{
		"no rule":       {wanted: `app=h1 o'br\ien"ü=h4 same=x`, unclear: "two", unusble: "bare ldap nu\x00l"},
		"only anywhere": {rule: &v1alpha1.ProxysqlSyncRule{Pattern: "%"}, wanted: `app=h1 o'br\ien"ü=h4`, unusble: "bare ldap nu\x00l"},
		"a network":     {rule: &v1alpha1.ProxysqlSyncRule{Pattern: `10\.[01]\..*`}, wanted: "app=h2 two=a"},
		"the whole":     {rule: &v1alpha1.ProxysqlSyncRule{Pattern: "10"}},
		"every host":    {rule: &v1alpha1.ProxysqlSyncRule{Pattern: ".*"}, wanted: `app=h1 o'br\ien"ü=h4 root=h3 same=x`, unclear: "two", unusble: "bare ldap nu\x00l"},
		"filter":        {rule: &v1alpha1.ProxysqlSyncRule{Filter: []string{"app", "two", "mysql"}, Include: []string{"mysql"}}, wanted: `o'br\ien"ü=h4 same=x`, unusble: "bare ldap nu\x00l"},
		"include":       {rule: &v1alpha1.ProxysqlSyncRule{Include: []string{"mysql", "locked"}}, wanted: `app=h1 mysql=h o'br\ien"ü=h4 same=x`, unclear: "two", unusble: "bare ldap nu\x00l"},
	} {
		t.Run(name, func(t *testing.T) {
			rule, err := newRule(test.rule)
			if err != nil {
				t.Fatal(err)
			}
			got := usersOf(accounts, rule, []string{"mysql", "replication"})
			var wanted []string
			for _, u := range got.Wanted {
				wanted = append(wanted, u.Name+"="+u.Hash.Reveal())
			}
			if strings.Join(wanted, " ") != test.wanted || strings.Join(got.Unclear, " ") != test.unclear ||
				strings.Join(slices.Sorted(maps.Keys(got.Unusable)), " ") != test.unusble {
				t.Errorf("wanted %q, unclear %q, unusable %q", wanted, got.Unclear, got.Unusable)
			}
		})
	}
	if _, err := newRule(&v1alpha1.ProxysqlSyncRule{Pattern: "("}); err == nil {
		t.Error("a bad pattern is taken")
	}
}

func TestPlanUsers(t *testing.T) {
	want := UserWant{Mark: testMark, Users: []User{{"app", credential.NewPassword("h1")}, {"web", credential.NewPassword("h2")}}, Held: []string{"held"}}
	text := func(c UserChanges) string {
		var out []string
		names := func(sign string, rows []UserRow) {
			for _, r := range rows {
				out = append(out, sign+r.Name)
			}
		}
		for _, name := range c.Delete {
			out = append(out, "-"+name)
		}
		names("~", c.Update)
		names("=", c.Adopt)
		names("+", c.Insert)
		if c.Load {
			out = append(out, "load")
		}
		if c.Save {
			out = append(out, "save")
		}
		return strings.Join(out, " ")
	}
	inactive := user("web", "h2")
	inactive.Active = false
	front := user("web", "h2")
	front.Backend = false
	for name, test := range map[string]struct {
		there              []UserRow
		unloaded, unsaved  bool
		changes, conflicts string
	}{
		"as it should be":     {there: []UserRow{user("app", "h1"), user("web", "h2")}},
		"empty":               {changes: "+app +web load save"},
		"another password":    {there: []UserRow{user("app", "h0"), user("web", "h2")}, changes: "~app load save"},
		"dropped":             {there: []UserRow{user("app", "h1"), user("web", "h2"), user("old", "h")}, changes: "-old load save"},
		"held":                {there: []UserRow{user("app", "h1"), user("web", "h2"), user("held", "h")}},
		"somebody's":          {there: []UserRow{user("app", "h1"), user("web", "h2"), user("old", "h").commented(""), user("x", "h").commented("compose-operator/here/other")}},
		"right, nobody's":     {there: []UserRow{user("app", "h1").commented(""), user("web", "h2")}, changes: "=app load save"},
		"right, somebody's":   {there: []UserRow{user("app", "h1").commented("mine"), user("web", "h2")}},
		"wrong, nobody's":     {there: []UserRow{user("app", "h0").commented(""), user("web", "h2")}, conflicts: "app"},
		"of another resource": {there: []UserRow{user("app", "h0").commented("compose-operator/here/other"), user("web", "h2")}, conflicts: "app"},
		"made inactive":       {there: []UserRow{user("app", "h1"), inactive}, changes: "~web load save"},
		"one side only":       {there: []UserRow{user("app", "h1"), front}, changes: "~web load save"},
		"not loaded":          {there: []UserRow{user("app", "h1"), user("web", "h2")}, unloaded: true, changes: "load"},
		"not saved":           {there: []UserRow{user("app", "h1"), user("web", "h2")}, unsaved: true, changes: "save"},
	} {
		t.Run(name, func(t *testing.T) {
			tables := &Tables{Users: [layers][]UserRow{test.there, sides(test.there), test.there}}
			if test.unloaded {
				tables.Users[runtime] = nil
			}
			if test.unsaved {
				tables.Users[disk] = test.there[:1]
			}
			c, f := planUsers(want, tables)
			if got := text(c); got != test.changes {
				t.Errorf("changes %q, not %q", got, test.changes)
			}
			if got := strings.Join(f.Conflicts, " "); got != test.conflicts {
				t.Errorf("conflicts %q", got)
			}
			apply(tables, Sync{Users: c, Mark: testMark}, all)
			if again, _ := planUsers(want, tables); again.Any() {
				t.Errorf("and then %q", text(again))
			}
		})
	}
	if shown := fmt.Sprintf("%v %+v %#v", user("app", "secret"), Sync{Users: UserChanges{Insert: []UserRow{user("app", "secret")}}}, user("app", "secret")); strings.Contains(shown, "secret") {
		t.Errorf("a hash is shown: %s", shown)
	}
}
