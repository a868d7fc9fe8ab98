// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// cacheLockPoll is how often a lock of the cache is asked for that another process holds.
const cacheLockPoll = 200 * time.Millisecond

// lockCache waits until no other process holds the lock that is named after path, and takes it. The
// lock is a file beside path, which stays.
func lockCache(ctx context.Context, path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = f.Close()
			return nil, fmt.Errorf("cache: lock %s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("cache: another process holds %s: %w", f.Name(), ctx.Err())
		case <-time.After(cacheLockPoll):
		}
	}
}

// once runs build unless path is there, and never in two processes at the same time: the second one
// waits, and finds what the first one has made.
func once(ctx context.Context, path string, build func() error) error {
	if exists(path) {
		return nil
	}
	unlock, err := lockCache(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	if exists(path) {
		return nil
	}
	return build()
}
