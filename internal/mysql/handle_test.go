// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/conn"
)

func TestReachOfErrors(t *testing.T) {
	h := &handle{Handle: &conn.Handle{User: "operator"}}
	for name, test := range map[string]struct {
		err  error
		want Reach
		says string
	}{
		"wrong password": {&driver.MySQLError{Number: 1045, Message: "Access denied"}, ReachError, `"operator"`},
		"full":           {&driver.MySQLError{Number: 1040, Message: "Too many connections"}, ReachError, "max_connections"},
		"blocked":        {&driver.MySQLError{Number: 1129, Message: "Host is blocked"}, ReachError, "accepts no connection"},
		"privilege":      {&driver.MySQLError{Number: 1227, Message: "you need SUPER"}, ReachError, "you need SUPER"},
		"table":          {&driver.MySQLError{Number: 1142, Message: "SELECT command denied"}, ReachError, "privilege"},
		"other":          {&driver.MySQLError{Number: 3, Message: "disk full"}, ReachError, "error 3: disk full"},
		"plugin":         {driver.ErrUnknownPlugin, ReachError, "caching_sha2_password"},
		"refused":        {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, ReachNone, "connection refused"},
		"timeout":        {context.DeadlineExceeded, ReachNone, "no answer in time"},
		"wrapped":        {fmt.Errorf("x: %w", &driver.MySQLError{Number: 1045}), ReachError, "Secret"},
		"lost":           {driver.ErrInvalidConn, ReachNone, "SELECT 1"},
	} {
		s := unseen(Member{Name: "a", Host: "h", Port: 1}, h.Fail("SELECT 1", test.err))
		if s.Reach != test.want || !strings.Contains(s.Problem, test.says) {
			t.Errorf("%s: %s %q", name, s.Reach, s.Problem)
		}
	}
	if h.Fail("SELECT 1", nil) != nil || h.FailSecret("SELECT 1", nil) != nil {
		t.Error("no error became one")
	}
}

// A server with several addresses is dead only if none of them has a process behind it.
func TestRefusedByAll(t *testing.T) {
	h := &handle{Handle: &conn.Handle{User: "operator"}}
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	silent := &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"one":                     {refused, true},
		"one, wrapped":            {fmt.Errorf("x: %w", refused), true},
		"all":                     {errors.Join(refused, refused), true},
		"one of several is quiet": {errors.Join(refused, silent), false},
		"the other of them":       {errors.Join(silent, refused), false},
		"quiet":                   {silent, false},
	} {
		if s := unseen(Member{Name: "a"}, h.Fail("SELECT 1", test.err)); s.Refused != test.want || s.Reach != ReachNone {
			t.Errorf("%s: refused %t, %s", name, s.Refused, s.Reach)
		}
	}
}

// Whatever the server says about a statement with a password, the password is not in it.
func TestErrorsShowNoPassword(t *testing.T) {
	h := &handle{Handle: &conn.Handle{User: "operator"}}
	for _, number := range []uint16{conn.NumberParse, conn.NumberStringLength, conn.NumberPasswordLength, 1201, 9999} {
		err := h.FailSecret((words{version: conn.Version{Major: 9, Minor: 7, Patch: 0}}).change(nil), &driver.MySQLError{Number: number, Message: "near 's3cret' at line 1"})
		for ; err != nil; err = errors.Unwrap(err) {
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "s3cret") {
				t.Errorf("%d: %s", number, text)
			}
			if !strings.Contains(err.Error(), fmt.Sprint(number)) {
				t.Errorf("%d is not in %q", number, err)
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	for host, want := range map[string]string{
		"10.0.0.1": "10.0.0.1:3306", "fd00::1": "[fd00::1]:3306", "db-0.db.team.svc": "db-0.db.team.svc:3306",
	} {
		if got := (conn.Access{Host: host, Port: 3306}).Address(); got != want {
			t.Errorf("%s: %s", host, got)
		}
	}
}

// A server that accepts connections and never says a word holds nobody up.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // the test is over
	h, err := newHandle(conn.Access{Host: "127.0.0.1", Port: int32(l.Addr().(*net.TCPAddr).Port), User: "u", Password: credential.NewPassword("p")})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = lookAt(ctx, h, Member{Name: "a"}, true)
	if err == nil || conn.Answered(err) {
		t.Errorf("err = %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}
