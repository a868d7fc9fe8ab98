// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"

	"vitess.io/vitess/go/mysql"
	"vitess.io/vitess/go/mysql/sqlerror"
	querypb "vitess.io/vitess/go/vt/proto/query"
)

// authority lets one user in, by caching_sha2_password as a server does that has seen
// the user before: the password itself is never sent.
type authority struct {
	user, password string
	methods        []mysql.AuthMethod
}

func newAuthority(w *world) *authority {
	a := &authority{user: w.User, password: w.Password}
	a.methods = []mysql.AuthMethod{cached{mysql.NewSha2CachingAuthMethod(a, a, a)}}
	return a
}

// cached is the method without TLS too, which the library does not allow because it
// would send the password itself to a server that does not know it yet.
type cached struct{ mysql.AuthMethod }

// HandleUser implements mysql.AuthMethod.
func (cached) HandleUser(*mysql.Conn, string) bool { return true }

func (a *authority) AuthMethods() []mysql.AuthMethod { return a.methods }

func (*authority) DefaultAuthMethodDescription() mysql.AuthMethodDescription {
	return mysql.CachingSha2Password
}

func (*authority) HandleUser(string) bool { return true }

// UserEntryWithCacheHash implements mysql.CachingStorage.
func (a *authority) UserEntryWithCacheHash(c *mysql.Conn, salt []byte, user string, response []byte, _ net.Addr) (mysql.Getter, mysql.CacheState, error) {
	if user != a.user || string(response) != string(mysql.ScrambleCachingSha2Password(salt, []byte(a.password))) {
		return nil, mysql.AuthRejected, refusedUser(user)
	}
	return getter(user), mysql.AuthAccepted, nil
}

// UserEntryWithPassword implements mysql.PlainTextStorage; the cache answers before.
func (*authority) UserEntryWithPassword(_ *mysql.Conn, user, _ string, _ net.Addr) (mysql.Getter, error) {
	return nil, refusedUser(user)
}

func refusedUser(user string) error {
	return sqlerror.NewSQLErrorf(sqlerror.ERAccessDeniedError, sqlerror.SSAccessDeniedError, "Access denied for user '%s'", user)
}

type getter string

// Get implements mysql.Getter.
func (g getter) Get() *querypb.VTGateCallerID { return &querypb.VTGateCallerID{Username: string(g)} }
