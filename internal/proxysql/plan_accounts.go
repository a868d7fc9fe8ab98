// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
)

// systemUsers are MySQL's own: https://dev.mysql.com/doc/refman/8.4/en/reserved-accounts.html
var systemUsers = []string{"mysql.sys", "mysql.session", "mysql.infoschema"}

// anyHost is the host of an account that may connect from everywhere.
const anyHost = "%"

// User is a user that ProxySQL should have.
type User struct {
	Name string
	Hash credential.Password
}

// Users are what the accounts of a source come to.
type Users struct {
	Wanted []User
	// Unclear users have accounts with different passwords; what a ProxySQL has of them stays.
	Unclear []string
	// Unusable accounts would be copied, and ProxySQL cannot authenticate them; why, by user.
	Unusable map[string]string
}

// Rule is spec.rule, ready to be applied.
type Rule struct {
	filter, include []string
	// whole is nil without a pattern.
	whole   *regexp.Regexp
	pattern string
}

// newRule fails on a pattern that is no regular expression.
func newRule(spec *v1alpha1.ProxysqlSyncRule) (Rule, error) {
	if spec == nil {
		return Rule{}, nil
	}
	r := Rule{filter: spec.Filter, include: spec.Include, pattern: spec.Pattern}
	if spec.Pattern == "" {
		return r, nil
	}
	whole, err := regexp.Compile(`\A(?:` + spec.Pattern + `)\z`)
	if err != nil {
		// A host with a "%" and brackets, say, is compared as it is; admission refuses the rest.
		if _, plain := regexp.Compile(spec.Pattern); plain != nil {
			return r, fmt.Errorf("spec.rule.pattern is no regular expression: %w", plain)
		}
		return r, fmt.Errorf("spec.rule.pattern is no regular expression that can be applied to a whole host: %w", err)
	}
	r.whole = whole
	return r, nil
}

// host says whether accounts of a host are copied.
func (r Rule) host(host string) bool {
	if r.pattern == "" {
		// ProxySQL never comes from there.
		return host != "localhost" && host != "127.0.0.1" && host != "::1"
	}
	return host == r.pattern || r.whole != nil && r.whole.MatchString(host)
}

// usersOf says which users follow from the accounts of a source. own are users of the
// operator and of replication. Pure.
func usersOf(accounts []Account, rule Rule, own []string) Users {
	out := Users{Unusable: map[string]string{}}
	byUser := map[string][]Account{}
	for _, a := range accounts {
		if a.User == "" || a.Locked || a.Expired || !rule.host(a.Host) || slices.Contains(rule.filter, a.User) {
			continue
		}
		reserved := slices.Contains(systemUsers, a.User) || slices.Contains(own, a.User)
		if reserved && !slices.Contains(rule.include, a.User) {
			continue
		}
		byUser[a.User] = append(byUser[a.User], a)
	}
	for user, list := range byUser {
		usable := slices.DeleteFunc(slices.Clone(list), func(a Account) bool { return unusable(a) != "" })
		if len(usable) == 0 {
			out.Unusable[user] = unusable(list[0])
			continue
		}
		hash, one := oneHash(usable)
		if !one {
			out.Unclear = append(out.Unclear, user)
			continue
		}
		out.Wanted = append(out.Wanted, User{Name: user, Hash: hash})
	}
	slices.SortFunc(out.Wanted, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(out.Unclear)
	return out
}

// oneHash is the password of a user with accounts of several hosts: ProxySQL knows users
// by name alone. That from everywhere counts.
func oneHash(accounts []Account) (credential.Password, bool) {
	for _, a := range accounts {
		if a.Host == anyHost {
			return a.Hash, true
		}
	}
	for _, a := range accounts[1:] {
		if a.Hash.Reveal() != accounts[0].Hash.Reveal() {
			return credential.Password{}, false
		}
	}
	return accounts[0].Hash, true
}

// unusable says why ProxySQL cannot authenticate an account, "" when it can:
// https://proxysql.com/documentation/authentication-methods/
func unusable(a Account) string {
	hash := a.Hash.Reveal()
	switch {
	case strings.ContainsRune(a.User, 0) || !utf8.ValidString(a.User):
		return "its name cannot be written in ProxySQL"
	case a.Plugin != "mysql_native_password" && a.Plugin != "caching_sha2_password":
		return "ProxySQL does not know its plugin " + a.Plugin
	case hash == "":
		return "it has no password"
	case strings.ContainsRune(hash, 0):
		return "its hash cannot be written in ProxySQL"
	}
	return ""
}
