// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
)

func TestALoginThatIsRefusedWaits(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	denied := fmt.Errorf("connect: %w", &driver.MySQLError{Number: NumberAccessDenied})
	var r refusal
	at := begin
	for _, wait := range []time.Duration{1, 2, 4, 8, 10, 10} {
		if err := r.standing(at); err != nil {
			t.Fatalf("after %v it is not asked: %v", at.Sub(begin), err)
		}
		r.note(at, at, denied)
		// One that was under way meanwhile does not make it wait longer.
		r.note(at, at, denied)
		wait *= time.Second
		if err := r.standing(at.Add(wait - 1)); !errors.Is(err, denied) {
			t.Errorf("after %v it is asked again before %v are over: %v", at.Sub(begin), wait, err)
		}
		at = at.Add(wait)
	}
	r.note(at, at, nil)
	r.note(at, at, denied)
	if err := r.standing(at.Add(firstRetry)); err != nil {
		t.Errorf("a login has succeeded in between, and it waits as before: %v", err)
	}
}

func TestAnErrorThatIsNoRefusalDoesNotWait(t *testing.T) {
	var r refusal
	now := time.Now()
	for _, err := range []error{errors.New("connection refused"), &driver.MySQLError{Number: NumberTooManyConnections}} {
		if r.note(now, now, err); r.standing(now) != nil {
			t.Errorf("%v: it waits", err)
		}
	}
}

func TestALockedAccountIsNamed(t *testing.T) {
	h := &Handle{User: "operator"}
	err := h.Fail("connect", &driver.MySQLError{Number: NumberAccountBlocked, Message: "Account is blocked for 1 day(s)"})
	if err == nil || !strings.Contains(err.Error(), "ACCOUNT UNLOCK") || !Answered(err) {
		t.Errorf("%v", err)
	}
}
