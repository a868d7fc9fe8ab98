// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// greeter is a server that says its name to everybody and then waits.
func greeter(t *testing.T, name string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, name)
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return listener.Addr().String()
}

// TestTrafficFollowsTheHostgroup: a client reaches the server of the hostgroup, loses it when
// that leaves, waits while there is none, and reaches the next one.
func TestTrafficFollowsTheHostgroup(t *testing.T) {
	one, two := greeter(t, "one"), greeter(t, "two")
	var servers atomic.Pointer[[]string]
	set := func(list ...string) { servers.Store(&list) }
	set(one)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	tr := newTraffic(func() []string { return *servers.Load() })
	go tr.serve(listener)
	open := func() net.Conn {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	greeted := func(conn net.Conn, want string) {
		t.Helper()
		got := make([]byte, 3)
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v, want %s", got, err, want)
		}
	}
	first := open()
	greeted(first, "one")
	set()
	if _, err := first.Read(make([]byte, 1)); err == nil {
		t.Error("the connection outlives its server's place in the hostgroup")
	}
	second := open()
	set(two)
	greeted(second, "two")
}
