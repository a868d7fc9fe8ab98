// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"

	"vitess.io/vitess/go/mysql"
	"vitess.io/vitess/go/mysql/sqlerror"
	querypb "vitess.io/vitess/go/vt/proto/query"
)

// authority lets one user in, by mysql_native_password, as ProxySQL 2.x does.
type authority struct {
	user, password string
	methods        []mysql.AuthMethod
}

func newAuthority(user, password string) *authority {
	a := &authority{user: user, password: password}
	a.methods = []mysql.AuthMethod{mysql.NewMysqlNativeAuthMethod(a, a)}
	return a
}

func (a *authority) AuthMethods() []mysql.AuthMethod { return a.methods }

func (*authority) DefaultAuthMethodDescription() mysql.AuthMethodDescription {
	return mysql.MysqlNativePassword
}

func (*authority) HandleUser(string) bool { return true }

// UserEntryWithHash implements mysql.HashStorage.
func (a *authority) UserEntryWithHash(_ *mysql.Conn, salt []byte, user string, response []byte, _ net.Addr) (mysql.Getter, error) {
	if user != a.user || string(response) != string(mysql.ScrambleMysqlNativePassword(salt, []byte(a.password))) {
		return nil, sqlerror.NewSQLErrorf(sqlerror.ERAccessDeniedError, sqlerror.SSAccessDeniedError, "ProxySQL Error: Access denied for user '%s'@'' (using password: YES)", user)
	}
	return getter(user), nil
}

type getter string

// Get implements mysql.Getter.
func (g getter) Get() *querypb.VTGateCallerID { return &querypb.VTGateCallerID{Username: string(g)} }
