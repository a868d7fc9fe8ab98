// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// reader is one client that reads through -readonly and counts what is answered.
type reader struct{ run *Run }

func (r *reader) work(ctx context.Context) {
	var conn connection
	defer func() {
		if conn.Conn != nil {
			_ = conn.Close()
		}
	}()
	for ctx.Err() == nil {
		var err error
		if conn.Conn == nil {
			if conn, err = r.run.options.connect(ctx, r.run.options.ReadOnly); err != nil {
				conn = connection{}
				err = fmt.Errorf("connect: %w", err)
			}
		}
		if err == nil {
			err = conn.readOne(context.WithoutCancel(ctx), fmt.Sprintf("SELECT MAX(seq) FROM %s WHERE run = %d AND writer = 0", Table, r.run.id))
		}
		switch {
		case err == nil:
			r.run.reads.Add(1)
			pause(ctx, r.run.options.Interval)
		case ctx.Err() == nil:
			r.run.reading.add(kindOf(err))
			if conn.Conn != nil {
				_ = conn.Close()
				conn = connection{}
			}
			pause(ctx, r.run.options.Pause)
		}
	}
}

// readOne runs a query and reads its first row.
func (c connection) readOne(ctx context.Context, query string) (err error) {
	queryer, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return fmt.Errorf("the driver's connection %T cannot run a query", c.Conn)
	}
	rows, err := queryer.QueryContext(ctx, query, nil)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	return rows.Next(make([]driver.Value, len(rows.Columns())))
}
