// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bin", "tool")
	var builds, atWork atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := once(t.Context(), path, func() error {
				if atWork.Add(1) > 1 {
					t.Error("two builds at the same time")
				}
				defer atWork.Add(-1)
				builds.Add(1)
				return os.WriteFile(path, nil, 0o600)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := builds.Load(); n != 1 {
		t.Errorf("built %d times", n)
	}
}

func TestLockCacheEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "apt")
	unlock, err := lockCache(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := lockCache(ctx, path); err == nil {
		t.Error("the lock was taken twice")
	}
	unlock()
	unlock, err = lockCache(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
