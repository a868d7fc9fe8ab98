// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Lock waits until no other suite, demo or benchmark of this machine is at work,
// because each of them installs its own operator. It tells w when it has to wait.
func (Settings) Lock(ctx context.Context, w io.Writer) (unlock func(), err error) {
	name := filepath.Join(os.TempDir(), "compose-operator-tests.lock")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the lock of tests on a cluster: %w", err)
	}
	told := false
	err = Wait(ctx, time.Hour, func(context.Context) error {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) && !told {
			told = true
			_, _ = fmt.Fprintln(w, "waiting for another run of tests on the cluster to end")
		}
		return err
	})
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another run of tests is at work on the cluster: %w", err)
	}
	// Closing the file gives the lock back.
	return func() { _ = f.Close() }, nil
}
