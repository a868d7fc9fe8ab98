// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	driver "github.com/redis/go-redis/v9"

	"github.com/upmio/compose-operator/internal/server"
)

// Problem is an error of a server or of the way to it.
type Problem struct {
	// Text without secrets.
	Text string
	// Code is the first word of a server's answer, e.g. NOPERM; "" when the server did not say it.
	Code string
	// Answered: the server is there and refuses.
	Answered bool
	// Refused: nothing listens at the address, so the host says.
	Refused bool
	cause   error
}

func (p *Problem) Error() string { return p.Text }

// Unwrap returns nil where the cause could show a secret.
func (p *Problem) Unwrap() error { return p.cause }

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

// Code is the first word of a server's answer; "" of any other error.
func Code(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// ReachOf says what an error tells of a server: it refuses, or it was not seen.
func ReachOf(err error) server.Reach { return server.ReachOf(err, Answered) }

// Refusal is the error of a server that answers and cannot be looked after.
func Refusal(text string) error { return &Problem{Text: text, Answered: true} }

// Loading is the Code of a server that reads what it holds.
const Loading = "LOADING"

// StillLoading is the error of a server that does so, and answers INFO meanwhile.
func StillLoading() error { return &Problem{Text: "it loads its data", Code: Loading, Answered: true} }

// answers says whether the library's error is a server's answer.
func answers(err error) bool {
	var said driver.Error
	return errors.As(err, &said) && !errors.Is(err, driver.Nil)
}

// fail turns an error of the library into one that says what was being done and what to
// do. A server repeats the words of a command that it does not know, so with secret only the
// first word of its answer is passed on. nil, and the nil reply, stay nil.
func (c *Client) fail(command string, err error, secret bool) error {
	var known *Problem
	switch {
	case err == nil, errors.Is(err, driver.Nil):
		return nil
	case errors.As(err, &known):
		return err
	case answers(err):
		text := strings.TrimPrefix(err.Error(), "failed to authenticate: ")
		code, _, _ := strings.Cut(text, " ")
		if theirs, is := strings.CutPrefix(text, "ERR Target instance replied with error: "); is {
			// MIGRATE passes on what the other server said.
			code, _, _ = strings.Cut(theirs, " ")
		}
		p := &Problem{Code: code, Answered: true}
		p.Text = c.remedy(command, code, text, secret)
		return p
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return &Problem{Text: command + ": no answer in time", cause: context.DeadlineExceeded}
	}
	if text := c.insecure(err); text != "" {
		return &Problem{Text: text, Answered: true}
	}
	return &Problem{Text: fmt.Sprintf("%s: %v", command, err), Refused: server.AllRefused(err), cause: err}
}

// remedy is the server's answer in words that say what to do.
func (c *Client) remedy(command, code, text string, secret bool) string {
	user := server.OrDefault(c.access.User, "default")
	switch {
	case code == "WRONGPASS" || strings.Contains(text, "invalid password"):
		return fmt.Sprintf("the server refuses the password of user %q (%s): put the one of requirepass, or of the ACL user, into the Secret, or set it on the server", user, code)
	case code == "NOAUTH":
		return fmt.Sprintf("the server asks for a password and user %q has none (NOAUTH): put it into the Secret", user)
	case strings.Contains(text, "without any password configured"):
		return "the server has no password and spec.secret has one: set requirepass on the server"
	case code == "NOPERM":
		return fmt.Sprintf("user %q may not run %s (NOPERM): grant what the documentation lists", user, command)
	case strings.HasPrefix(text, "DENIED"):
		return "the server is in protected mode: set requirepass, or protected-mode no"
	case strings.Contains(text, "max number of clients"):
		return "the server has no connection left: raise maxclients, or end some clients"
	case secret:
		return fmt.Sprintf("%s: %s (the rest could show the password and is withheld; see the server's log)", command, code)
	}
	return fmt.Sprintf("%s: %s", command, server.Shorten(text))
}

// insecure says in words why the way to the server could not be secured as wanted; ""
// when the error is another one. Whoever speaks TLS wrongly is there: it may be serving clients.
func (c *Client) insecure(err error) string {
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var op *net.OpError
	at, mode := c.access.Address(), c.access.TLS.Mode
	switch {
	case !mode.Demands():
		return ""
	case errors.As(err, &host):
		return fmt.Sprintf("the certificate of %s is not made out to the host of the spec, which spec.tls.mode %s demands (%v): issue one with that name, correct the host, or use verify-ca", at, mode, err)
	case errors.As(err, &authority):
		return fmt.Sprintf("the certificate of %s was issued by a CA that is not under ca.crt in the Secret of spec.tls.secretName (%v): put the CA there that has issued it", at, err)
	case errors.As(err, &invalid), errors.As(err, &verification):
		return fmt.Sprintf("the certificate of %s cannot be verified with the CA in the Secret of spec.tls.secretName (%v): renew it, or put the right CA there", at, err)
	case errors.As(err, &op) && op.Op == "remote error":
		return fmt.Sprintf("%s refuses the TLS of the operator (%v): with tls-auth-clients yes put a client certificate under tls.crt that its tls-ca-cert-file has issued", at, op.Err)
	case errors.As(err, &header), strings.HasPrefix(err.Error(), "tls: "):
		return fmt.Sprintf("%s speaks no TLS at this port (%v): give the server's tls-port as the node's port, or use spec.tls.mode: disable", at, err)
	}
	return ""
}
