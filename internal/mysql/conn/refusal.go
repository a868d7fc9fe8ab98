// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"errors"
	"slices"
	"sync"
	"time"

	driver "github.com/go-sql-driver/mysql"
)

// What passes between two logins with a password that the server refuses: as long as
// firstRetry at first, twice as long each time, and mostRetry at the most. Another password
// in the Secret makes another Handle, which does not wait.
const (
	firstRetry = time.Second
	mostRetry  = 10 * time.Second
)

// refusal remembers that a server refuses a login. A look at a server logs in more than
// once, and looks come every second while something is wrong: an account with
// FAILED_LOGIN_ATTEMPTS would be locked before anybody has read what is wrong, and stay
// locked with the right password:
// https://dev.mysql.com/doc/refman/8.4/en/password-management.html#failed-login-tracking
type refusal struct {
	mu    sync.Mutex
	err   error
	wait  time.Duration
	until time.Time
}

// standing is the server's last answer while it is too early to ask again; else nil.
func (r *refusal) standing(now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Before(r.until) {
		return r.err
	}
	return nil
}

// note how a login that began at some time has ended.
func (r *refusal) note(began, now time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.err, r.wait, r.until = nil, 0, time.Time{}
	case refusesLogin(err):
		if began.Before(r.until) {
			// Of two at the same time the second says nothing new.
			return
		}
		r.err, r.wait = err, min(max(firstRetry, 2*r.wait), mostRetry)
		r.until = now.Add(r.wait)
	}
}

// refusesLogin: the server has counted a failed login, or counts none any more.
func refusesLogin(err error) bool {
	var refused *driver.MySQLError
	return errors.As(err, &refused) && slices.Contains([]uint16{NumberAccessDenied, NumberAccountBlocked}, refused.Number)
}
