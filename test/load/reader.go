// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"
)

// reader is one client that reads through -readonly and counts what is answered.
type reader struct{ run *Run }

func (r *reader) work(ctx context.Context) {
	var conn Client
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	for ctx.Err() == nil {
		var err error
		if conn == nil {
			if conn, err = r.run.options.connect(ctx, r.run.options.ReadOnly); err != nil {
				conn = nil
				err = fmt.Errorf("connect: %w", err)
			}
		}
		if err == nil {
			err = conn.ReadOne(context.WithoutCancel(ctx), r.run.id)
		}
		switch {
		case err == nil:
			r.run.reads.Add(1)
			pause(ctx, r.run.options.Interval)
		case ctx.Err() == nil:
			r.run.reading.add(r.run.kindOf(err))
			if conn != nil {
				_ = conn.Close()
				conn = nil
			}
			pause(ctx, r.run.options.Pause)
		}
	}
}
