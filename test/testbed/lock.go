// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"syscall"
)

// lock keeps two runs from bringing the testbed up and down at the same time. The file lies in the
// repository's directory for the testbed, and goes with it.
func lock(l layout) (unlock func(), err error) {
	if err := os.MkdirAll(l.state, 0o755); err != nil {
		return nil, fmt.Errorf("testbed's directory: %w", err)
	}
	f, err := os.OpenFile(l.in("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another testbed command is at work (%s is locked): wait for it", l.in("lock"))
	}
	return func() { _ = f.Close() }, nil
}
