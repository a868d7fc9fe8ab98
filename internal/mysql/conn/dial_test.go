// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestTheAddressThatAnswersIsTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // the end of the test
	port := netip.MustParseAddrPort(listener.Addr().String()).Port()
	here, nowhere := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	for name, at := range map[string][]netip.Addr{
		"alone": {here}, "first": {here, nowhere}, "last": {nowhere, here},
	} {
		t.Run(name, func(t *testing.T) {
			// The host is not looked up.
			a := Access{Host: "does-not-exist.invalid", Port: int32(port), At: at}
			conn, err := a.dial(t.Context(), "tcp", a.Address())
			if err != nil {
				t.Fatal(err)
			}
			if got := netip.MustParseAddrPort(conn.RemoteAddr().String()).Addr(); got != here {
				t.Errorf("connected to %s", got)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	a := Access{Host: "db", Port: int32(port), At: []netip.Addr{nowhere}}
	if _, err := a.dial(t.Context(), "tcp", ""); err == nil || !strings.Contains(err.Error(), nowhere.String()) {
		t.Errorf("nobody answers: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	a.At = []netip.Addr{here}
	if _, err := a.dial(ended, "tcp", ""); err == nil {
		t.Error("the deadline does not count")
	}
}

func TestAnotherAddressIsAnotherAccess(t *testing.T) {
	a := Access{Host: "db", Port: 3306}
	if a.String() != "db:3306" {
		t.Errorf("by name: %s", a)
	}
	one, other := a, a
	one.At, other.At = []netip.Addr{netip.MustParseAddr("192.0.2.7")}, []netip.Addr{netip.MustParseAddr("192.0.2.8")}
	if one.String() == other.String() || one.String() == a.String() {
		t.Errorf("%s and %s", one, other)
	}
}
