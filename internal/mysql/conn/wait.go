// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"fmt"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/server"
)

// Each runs f for 0 … n-1 at the same time and waits.
func Each(n int, f func(int)) { server.Each(n, f) }

// Pause waits, and says whether the context lives on.
func Pause(ctx context.Context, d time.Duration) bool { return server.Pause(ctx, d) }

// Executed reads gtid_executed.
func (h *Handle) Executed(ctx context.Context) (gtid.Set, error) {
	var text string
	if err := h.Row(ctx, "SELECT @@GLOBAL.gtid_executed", nil, &text); err != nil {
		return gtid.Set{}, err
	}
	return gtid.Parse(text)
}

// AwaitExecuted waits on the server until it has executed a set. The error says how
// much is missing.
func (h *Handle) AwaitExecuted(ctx context.Context, set gtid.Set, timeout time.Duration) error {
	var timedOut int
	const wait = "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)"
	if err := h.Row(ctx, wait, []any{set.String(), max(timeout, time.Millisecond).Seconds()}, &timedOut); err != nil {
		return err
	}
	if timedOut == 0 {
		return nil
	}
	executed, err := h.Executed(ctx)
	if err != nil {
		return err
	}
	missing := set.Subtract(executed)
	if missing.Empty() {
		return nil
	}
	return fmt.Errorf("the server has not executed %d transaction(s) within %s: %s", missing.Count(), timeout, shared.Shorten(missing.String()))
}
