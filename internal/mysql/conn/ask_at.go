// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// AskAt asks whoever answers at a host and port, as the user and with the password of
// this handle, over a connection that is made for it: what its own connections lead to
// says nothing of where a name leads now. A literal address is looked up by nobody.
func (h *Handle) AskAt(ctx context.Context, host string, port int32, query string, into ...any) error {
	access := h.access
	access.Host, access.Port, access.At = host, port, []netip.Addr(nil)
	there, err := Open(access)
	if err != nil {
		return err
	}
	defer there.Close()
	return there.Row(ctx, query, nil, into...)
}

// Unreachable says whether nobody was spoken to: the name is not known here, nothing
// listens, no way leads there, or the server has no connection left. It tells nothing of
// who is there for others.
func Unreachable(err error) bool {
	var lookup *net.DNSError
	if errors.As(err, &lookup) || Refused(err) || IsNumber(err, NumberTooManyConnections, NumberTooManyUserConnects) {
		return true
	}
	return errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH)
}
