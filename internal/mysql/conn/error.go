// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/server"
)

// Numbers of MySQL's errors that mean something to the operator:
// https://dev.mysql.com/doc/mysql-errors/9.7/en/server-error-reference.html
const (
	NumberTooManyConnections  = 1040
	NumberDatabaseDenied      = 1044
	NumberAccessDenied        = 1045
	NumberParse               = 1064
	NumberStringLength        = 1470
	NumberPasswordLength      = 3056
	NumberUnknownThread       = 1094
	NumberNotOwnerOfThread    = 1095
	NumberHostBlocked         = 1129
	NumberHostNotAllowed      = 1130
	NumberTableDenied         = 1142
	NumberLockWait            = 1205
	NumberPrivilege           = 1227
	NumberFatalSourceError    = 1236
	NumberMixOfCollations     = 1267
	NumberMixOfManyCollations = 1271
	NumberPersistOnlyDenied   = 3630
	NumberApplierInterrupted  = 1756
	NumberMustChangePassword  = 1820
	NumberPasswordExpired     = 1862
	NumberAccountLocked       = 3118
	NumberMustUseTLS          = 3159
	NumberTooManyUserConnects = 1203
	NumberRestartFailed       = 3707
	NumberAccountBlocked      = 3955
	NumberReadingBinlog       = 13114
)

// Problem is an error of a server or of the way to it. Passwords are in the
// handshake, which no error repeats, and in arguments of CHANGE REPLICATION SOURCE,
// whose errors go through FailSecret.
type Problem struct {
	// Text without secrets.
	Text string
	// Number of MySQL's error; 0: the server did not say it.
	Number uint16
	// Answered: the server is there and refuses.
	Answered bool
	// Refused: nothing listens at the address, so the host says. It answers for a process
	// that is not there; something on the way may say the same.
	Refused bool
	cause   error
}

func (p *Problem) Error() string { return p.Text }

// Unwrap returns nil where the cause could show a secret.
func (p *Problem) Unwrap() error { return p.cause }

// IsNumber says whether err is one of MySQL's errors with these numbers.
func IsNumber(err error, numbers ...uint16) bool {
	var p *Problem
	if !errors.As(err, &p) {
		return false
	}
	for _, n := range numbers {
		if p.Number == n {
			return true
		}
	}
	return false
}

// Answered says whether an error came from the server itself.
func Answered(err error) bool {
	var p *Problem
	return errors.As(err, &p) && p.Answered
}

// Refused says whether a connection was refused because nothing listens at the address.
func Refused(err error) bool {
	var p *Problem
	return errors.As(err, &p) && p.Refused
}

// Lost says whether a connection ended before the answer came.
func Lost(err error) bool { return errors.Is(err, driver.ErrInvalidConn) }

// Fail turns an error of the driver into one that says what was being done and
// what to do. nil stays nil.
func (h *Handle) Fail(statement string, err error) error {
	if err == nil {
		return nil
	}
	p := &Problem{cause: err}
	var known *Problem
	var refused *driver.MySQLError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &refused):
		p.Number, p.Answered = refused.Number, true
		p.Text = h.remedy(statement, refused)
	case errors.Is(err, context.DeadlineExceeded):
		p.Text = fmt.Sprintf("%s: no answer in time", summary(statement))
	case errors.Is(err, driver.ErrCleartextPassword), errors.Is(err, driver.ErrNativePassword),
		errors.Is(err, driver.ErrOldPassword), errors.Is(err, driver.ErrUnknownPlugin):
		p.Answered = true
		p.Text = fmt.Sprintf("user %q has an authentication plugin that the operator does not use (%v): ALTER USER … IDENTIFIED WITH caching_sha2_password", h.User, err)
	case h.insecure(err) != "":
		p.Answered = true
		p.Text = h.insecure(err)
	default:
		p.Refused = server.AllRefused(err)
		p.Text = fmt.Sprintf("%s: %v", summary(statement), err)
	}
	return p
}

// remedy is the server's error in words that say what to do.
func (h *Handle) remedy(statement string, e *driver.MySQLError) string {
	switch e.Number {
	case NumberAccessDenied:
		return fmt.Sprintf("the server refuses user %q (error 1045): create the user, or put its password under the key %q of the Secret%s", h.User, h.User, h.unproven())
	case NumberTooManyConnections, NumberTooManyUserConnects:
		return fmt.Sprintf("the server has no connection left for user %q (error %d): raise max_connections, or end some clients", h.User, e.Number)
	case NumberHostBlocked, NumberHostNotAllowed:
		return fmt.Sprintf("the server accepts no connection of user %q from the operator's address (error %d: %s)", h.User, e.Number, e.Message)
	case NumberDatabaseDenied, NumberTableDenied, NumberPrivilege:
		return fmt.Sprintf("user %q lacks a privilege for %s (error %d: %s): grant what the documentation lists", h.User, summary(statement), e.Number, e.Message)
	case NumberAccountBlocked:
		return fmt.Sprintf("the server has locked the account of user %q after too many logins with a wrong password (error 3955): put the right one under the key %q of the Secret, and run ALTER USER … ACCOUNT UNLOCK", h.User, h.User)
	case NumberMustChangePassword, NumberPasswordExpired, NumberAccountLocked:
		return fmt.Sprintf("the account of user %q is not usable (error %d: %s): unlock it or renew its password", h.User, e.Number, e.Message)
	case NumberMustUseTLS:
		if h.access.TLS.Mode == v1alpha1.TLSDisable {
			return fmt.Sprintf("the server demands TLS (error %d) and spec.tls.mode is disable: use another mode, or set require_secure_transport=OFF", e.Number)
		}
		return fmt.Sprintf("the server demands TLS and offers none (error %d)", e.Number)
	case NumberParse:
		// The message repeats a piece of the statement.
		return fmt.Sprintf("%s: the server does not understand the statement (error 1064)", summary(statement))
	}
	return fmt.Sprintf("%s: error %d: %s", summary(statement), e.Number, e.Message)
}

// unproven is what else an account may miss that the server refuses.
func (h *Handle) unproven() string {
	switch {
	case h.access.TLS.Mode == v1alpha1.TLSDisable:
		return ". An account with REQUIRE SSL or X509 needs another spec.tls.mode"
	case h.access.TLS.Certificate() == nil:
		return ". An account with REQUIRE X509 needs spec.tls with a client certificate"
	}
	return ""
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

// FailSecret is Fail for a statement with a password among its arguments. The
// server's messages repeat pieces of a statement, so only the number is passed on.
func (h *Handle) FailSecret(statement string, err error) error {
	var refused *driver.MySQLError
	if !errors.As(err, &refused) {
		return h.Fail(statement, err)
	}
	p := &Problem{Number: refused.Number, Answered: true}
	switch refused.Number {
	case NumberStringLength, NumberPasswordLength:
		p.Text = fmt.Sprintf("%s: a value is too long (error %d): the password of a replication user has at most 32 characters", summary(statement), refused.Number)
	case NumberDatabaseDenied, NumberTableDenied, NumberPrivilege:
		p.Text = h.remedy(statement, refused)
	default:
		p.Text = fmt.Sprintf("%s: error %d (its text could show the password and is withheld; see the server's error log)", summary(statement), refused.Number)
	}
	return p
}

// Refusal is the error of a server that answers and cannot be looked after.
func Refusal(text string) error { return &Problem{Text: text, Answered: true} }
