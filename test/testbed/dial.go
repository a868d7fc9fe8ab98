// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// dialNetns connects to an IP address inside the testbed's namespace, from outside.
func dialNetns(ctx context.Context, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		// A socket belongs to the namespace of the thread that makes it. The thread is not given
		// back: it ends with this goroutine.
		runtime.LockOSThread()
		conn, err := dialOnThread(ctx, network, address)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

func dialOnThread(ctx context.Context, network, address string) (net.Conn, error) {
	ns, err := os.Open(netnsPath)
	if err != nil {
		return nil, fmt.Errorf("the testbed's network namespace (is it up?): %w", err)
	}
	defer func() { _ = ns.Close() }()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("enter the testbed's network namespace: %w", err)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}
