// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build postgresd

package postgresd

import "testing"

// TestServers: what the kit promises, so that no other test has to wonder.
func TestServers(t *testing.T) {
	p, other := New(t, Options{}), New(t, Options{})
	if p.Value("SELECT system_identifier FROM pg_control_system()") == other.Value("SELECT system_identifier FROM pg_control_system()") {
		t.Error("two servers have one system identifier")
	}
	s := New(t, Options{Of: p})
	p.Streams(s)
	l := StartLoad(t, p, 2)
	l.Stop()
	p.Caught(s)
	if n := l.Lost(s); n != 0 {
		t.Errorf("%d rows are missing on a standby that has all", n)
	}
	p.SQL("DELETE FROM entries WHERE writer = 1 AND seq = 1")
	if n := l.Lost(p); n != 1 {
		t.Errorf("one row was taken away, and %d are missed", n)
	}
	p.Crash()
	p.Up()
	if !p.Writable() || p.Recovers() || !s.Recovers() {
		t.Error("a primary that crashed is not writable, or its standby is")
	}
}
