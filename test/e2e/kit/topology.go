// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"time"

	"github.com/upmio/compose-operator/test/load"
)

// Topology is pods and a resource over them that names who takes writes: a Set, a Group, a
// RedisSet or a PostgresSet. What is shown and measured of all of them needs no more.
type Topology interface {
	WaitReady(ctx context.Context, timeout time.Duration) error
	StartTraffic(ctx context.Context, options load.Options) (*load.Run, error)
	SwitchOver(ctx context.Context, operator *Operator, run *load.Run, to string, timeout time.Duration) (Switchover, error)
	CheckTraffic(ctx context.Context, run *load.Run, broken ...string) (load.Verdict, error)
	Diagnose(ctx context.Context, operator *Operator) string
	Close()
}
