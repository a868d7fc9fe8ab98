// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	driver "github.com/go-sql-driver/mysql"
)

// Error numbers of MySQL that mean something to the operator.
const (
	errTooManyConnections  = 1040
	errDatabaseDenied      = 1044
	errAccessDenied        = 1045
	errParse               = 1064
	errStringLength        = 1470
	errPasswordLength      = 3056
	errUnknownThread       = 1094
	errNotOwnerOfThread    = 1095
	errHostBlocked         = 1129
	errHostNotAllowed      = 1130
	errTableDenied         = 1142
	errLockWait            = 1205
	errPrivilege           = 1227
	errPersistOnlyDenied   = 3630
	errMustChangePassword  = 1820
	errPasswordExpired     = 1862
	errAccountLocked       = 3118
	errMustUseTLS          = 3159
	errTooManyUserConnects = 1203
)

// problem is an error of a server or of the way to it. Passwords are in the
// handshake, which no error repeats, and in arguments of CHANGE REPLICATION SOURCE,
// whose errors go through failSecret.
type problem struct {
	text string
	// number of MySQL's error; 0: the server did not say it.
	number uint16
	// answered: the server is there and refuses.
	answered bool
	cause    error
}

func (p *problem) Error() string { return p.text }

// Unwrap returns nil where the cause could show a secret.
func (p *problem) Unwrap() error { return p.cause }

// isNumber says whether err is one of MySQL's errors with these numbers.
func isNumber(err error, numbers ...uint16) bool {
	var p *problem
	if !errors.As(err, &p) {
		return false
	}
	for _, n := range numbers {
		if p.number == n {
			return true
		}
	}
	return false
}

// answered says whether an error came from the server itself.
func answered(err error) bool {
	var p *problem
	return errors.As(err, &p) && p.answered
}

// fail turns an error of the driver into one that says what was being done and
// what to do. nil stays nil.
func (h *handle) fail(statement string, err error) error {
	if err == nil {
		return nil
	}
	p := &problem{cause: err}
	var known *problem
	var refused *driver.MySQLError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &refused):
		p.number, p.answered = refused.Number, true
		p.text = h.remedy(statement, refused)
	case errors.Is(err, context.DeadlineExceeded):
		p.text = fmt.Sprintf("%s: no answer in time", summary(statement))
	case errors.Is(err, driver.ErrCleartextPassword), errors.Is(err, driver.ErrNativePassword),
		errors.Is(err, driver.ErrOldPassword), errors.Is(err, driver.ErrUnknownPlugin):
		p.answered = true
		p.text = fmt.Sprintf("user %q has an authentication plugin that the operator does not use (%v): ALTER USER … IDENTIFIED WITH caching_sha2_password", h.user, err)
	default:
		p.text = fmt.Sprintf("%s: %v", summary(statement), err)
	}
	return p
}

// remedy is the server's error in words that say what to do.
func (h *handle) remedy(statement string, e *driver.MySQLError) string {
	switch e.Number {
	case errAccessDenied:
		return fmt.Sprintf("the server refuses user %q (error 1045): create the user, or put its password under the key %q of the Secret", h.user, h.user)
	case errTooManyConnections, errTooManyUserConnects:
		return fmt.Sprintf("the server has no connection left for user %q (error %d): raise max_connections, or end some clients", h.user, e.Number)
	case errHostBlocked, errHostNotAllowed:
		return fmt.Sprintf("the server accepts no connection of user %q from the operator's address (error %d: %s)", h.user, e.Number, e.Message)
	case errDatabaseDenied, errTableDenied, errPrivilege:
		return fmt.Sprintf("user %q lacks a privilege for %s (error %d: %s): grant what the documentation lists", h.user, summary(statement), e.Number, e.Message)
	case errMustChangePassword, errPasswordExpired, errAccountLocked:
		return fmt.Sprintf("the account of user %q is not usable (error %d: %s): unlock it or renew its password", h.user, e.Number, e.Message)
	case errMustUseTLS:
		return fmt.Sprintf("the server demands TLS and offers none (error %d)", e.Number)
	case errParse:
		// The message repeats a piece of the statement.
		return fmt.Sprintf("%s: the server does not understand the statement (error 1064)", summary(statement))
	}
	return fmt.Sprintf("%s: error %d: %s", summary(statement), e.Number, e.Message)
}

// summary is the beginning of a statement, which tells what it does. Statements
// are constants with placeholders: there is no secret in them.
func summary(statement string) string {
	const long = 48
	if len(statement) > long {
		return strings.TrimSpace(statement[:long]) + "…"
	}
	return statement
}

// failSecret is fail for a statement with a password among its arguments. The
// server's messages repeat pieces of a statement, so only the number is passed on.
func (h *handle) failSecret(statement string, err error) error {
	var refused *driver.MySQLError
	if !errors.As(err, &refused) {
		return h.fail(statement, err)
	}
	p := &problem{number: refused.Number, answered: true}
	switch refused.Number {
	case errStringLength, errPasswordLength:
		p.text = fmt.Sprintf("%s: a value is too long (error %d): the password of a replication user has at most 32 characters", summary(statement), refused.Number)
	case errDatabaseDenied, errTableDenied, errPrivilege:
		p.text = h.remedy(statement, refused)
	default:
		p.text = fmt.Sprintf("%s: error %d (its text could show the password and is withheld; see the server's error log)", summary(statement), refused.Number)
	}
	return p
}
