// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// Dial connects to the first of a server's addresses that answers. They are tried at
// the same time: a family that the network does not have must not use up the deadline.
func Dial(ctx context.Context, network string, addresses []netip.Addr, port int32) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result, len(addresses))
	for _, address := range addresses {
		//nolint:gosec // A port of the API is between 1 and 65535.
		target := netip.AddrPortFrom(address, uint16(port)).String()
		go func() {
			var dialer net.Dialer
			conn, err := dialer.DialContext(ctx, network, target)
			results <- result{conn, err}
		}()
	}
	var errs []error
	for left := len(addresses); left > 0; left-- {
		r := <-results
		if r.err != nil {
			errs = append(errs, r.err)
			continue
		}
		// Those that come later are not needed.
		go func() {
			for range left - 1 {
				if late := <-results; late.conn != nil {
					_ = late.conn.Close()
				}
			}
		}()
		return r.conn, nil
	}
	return nil, errors.Join(errs...)
}
