// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// AskAt asks whoever answers at a host and port, as the user and with the password of
// this handle, over a connection that is made for it: what its own connections lead to
// says nothing of where a name leads now.
func (h *Handle) AskAt(ctx context.Context, host string, port int32, query string, into ...any) error {
	access := h.access
	access.Host, access.Port, access.At = host, port, nil
	// While the server refuses the login it is not tried here either: accounts are locked by
	// the number of tries. Whoever is there may be another server, so that its refusal counts
	// for questions alone.
	if err := h.refused.standing(time.Now()); err != nil {
		return h.Fail(query, err)
	}
	there, err := open(access, h.asked)
	if err != nil {
		return err
	}
	defer there.Close()
	return there.Row(ctx, query, nil, into...)
}

// Unasked says whether nobody was asked: the name is not known here, nothing listens, no way
// leads there, or the server lets nobody in now: it has no connection left, or refuses the
// account. That tells nothing of who is there for others.
func Unasked(err error) bool {
	var lookup *net.DNSError
	switch {
	case errors.As(err, &lookup), Refused(err), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return true
	}
	return IsNumber(err, NumberTooManyConnections, NumberTooManyUserConnects, NumberAccessDenied, NumberAccountBlocked,
		NumberAccountLocked, NumberPasswordExpired, NumberMustChangePassword, NumberHostBlocked, NumberHostNotAllowed)
}
