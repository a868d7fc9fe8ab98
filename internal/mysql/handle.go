// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
)

// handle speaks to one server and knows its words.
type handle struct {
	*conn.Handle

	// learned is what the last observation found of the server's vocabulary.
	learned atomic.Pointer[words]
	// may is what was read last of what the user may do here.
	may atomic.Pointer[permission]

	silence silence
	// waits is Server.WaitsAfterRestart as it was seen last.
	waits atomic.Bool
}

// newHandle makes a handle. Nothing is asked of the server before the first use.
func newHandle(a conn.Access) (*handle, error) {
	c, err := conn.Open(a)
	if err != nil {
		return nil, err
	}
	return &handle{Handle: c}, nil
}

// basics are what every action looks at before it does something.
type basics struct {
	uuid                    string
	readOnly, superReadOnly bool
	executed                gtid.Set
}

func (b basics) writable() bool { return !b.readOnly && !b.superReadOnly }
func (b basics) fenced() bool   { return b.readOnly && b.superReadOnly }

// basics reads the read-only variables and gtid_executed in one look.
func (h *handle) basics(ctx context.Context) (basics, error) {
	var b basics
	var executed string
	if err := h.Row(ctx, "SELECT @@GLOBAL.server_uuid, @@GLOBAL.read_only, @@GLOBAL.super_read_only, @@GLOBAL.gtid_executed",
		nil, &b.uuid, &b.readOnly, &b.superReadOnly, &executed); err != nil {
		return b, err
	}
	var err error
	b.executed, err = gtid.Parse(executed)
	return b, err
}

// words returns the server's vocabulary: the one of the last observation, or else it asks.
func (h *handle) words(ctx context.Context) (words, error) {
	if w := h.learned.Load(); w != nil {
		return *w, nil
	}
	var text string
	if err := h.Row(ctx, "SELECT @@GLOBAL.version", nil, &text); err != nil {
		return words{}, err
	}
	figures, err := h.Pairs(ctx, figuresQuery)
	if err != nil {
		return words{}, err
	}
	return h.learn(text, figures)
}

func (h *handle) learn(text string, figures map[string]string) (words, error) {
	v, err := conn.ParseVersion(text)
	if err != nil {
		return words{}, err
	}
	if why := conn.Unsupported(text, v); why != "" {
		return words{}, fmt.Errorf("%s", why)
	}
	w := newWords(v, figures)
	h.learned.Store(&w)
	return w, nil
}

// channel reads the default channel, nil when it is not configured, and the others.
func (h *handle) channel(ctx context.Context, w words) (*Channel, []ForeignChannel, error) {
	query := w.showStatus()
	rows, err := h.DB.QueryContext(ctx, query)
	if err != nil {
		return nil, nil, h.Fail(query, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	columns, err := rows.Columns()
	if err != nil {
		return nil, nil, h.Fail(query, err)
	}
	var ours *Channel
	var foreign []ForeignChannel
	for rows.Next() {
		row, err := scanStatus(rows, columns)
		if err != nil {
			return nil, nil, h.Fail(query, err)
		}
		if name := row.text("Channel_Name"); name != "" {
			foreign = append(foreign, ForeignChannel{Name: name, Running: row.running()})
			continue
		}
		if row.text("Source_Host") == "" {
			// RESET REPLICA without ALL leaves such a row.
			continue
		}
		if ours, err = row.channel(); err != nil {
			return nil, nil, err
		}
	}
	return ours, foreign, h.Fail(query, rows.Err())
}

// column reads a query of one text column.
func (h *handle) column(ctx context.Context, query string) ([]string, error) {
	rows, err := h.DB.QueryContext(ctx, query)
	if err != nil {
		return nil, h.Fail(query, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	var out []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, h.Fail(query, err)
		}
		out = append(out, value)
	}
	return out, h.Fail(query, rows.Err())
}
