// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// Timeouts are generous: a slow machine must not fail a test.
const (
	startTimeout = 5 * time.Minute
	waitTimeout  = 2 * time.Minute
	pollInterval = 100 * time.Millisecond
)

// env is what all tests share.
var env *environment

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var err error
	env, err = start(ctx)
	if env != nil {
		defer env.stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "admission tests:", err)
		return 1
	}
	code := m.Run()
	cancel()
	return code
}

// eventually tries until do succeeds.
func eventually(ctx context.Context, what string, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	for {
		err := do(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %s: %w", what, waitTimeout, err)
		case <-time.After(pollInterval):
		}
	}
}

func mustEventually(t *testing.T, what string, do func(ctx context.Context) error) {
	t.Helper()
	if err := eventually(t.Context(), what, do); err != nil {
		t.Fatal(err)
	}
}
