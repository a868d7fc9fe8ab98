// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"
)

// demoStep is a step that a person is told of.
type demoStep struct {
	what string
	do   func() error
}

// run says what is done and how long it took.
func (s demoStep) run() error {
	fmt.Printf("  … %s", s.what)
	began := time.Now()
	err := s.do()
	if err != nil {
		fmt.Printf(": failed after %.1f s\n", time.Since(began).Seconds())
		return fmt.Errorf("%s: %w", s.what, err)
	}
	fmt.Printf(" (%.1f s)\n", time.Since(began).Seconds())
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
