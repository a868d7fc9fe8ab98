// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// writer is one client with one connection.
type writer struct {
	run     *Run
	number  int
	journal *journal
}

// work writes until ctx ends. A write that was sent is waited for even then, so
// that as few outcomes as possible are unknown.
func (w *writer) work(ctx context.Context) {
	var conn Client
	var server string
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	// Writes are not cancelled by the end of the run; the driver's read
	// timeout bounds them.
	sending := context.WithoutCancel(ctx)
	for ctx.Err() == nil {
		if conn == nil {
			var err error
			if conn, server, err = w.connect(ctx); err != nil {
				conn = nil
				if ctx.Err() == nil {
					w.run.writing.add("connect: " + w.run.kindOf(err))
				}
				pause(ctx, w.run.options.Pause)
				continue
			}
		}
		began := time.Now()
		seq := w.journal.attempt(time.Since(w.run.started), server)
		if err := conn.Write(sending, w.run.id, ID{Writer: w.number, Seq: seq}); err != nil {
			w.run.writing.add(w.run.kindOf(err))
			if errors.Is(err, ErrDuplicate) {
				w.run.duplicates.Add(1)
			}
			_ = conn.Close()
			conn = nil
			pause(ctx, w.run.options.Pause)
			continue
		}
		w.journal.acknowledge(seq, time.Since(w.run.started))
		if rest := w.run.options.Interval - time.Since(began); rest > 0 {
			pause(ctx, rest)
		}
	}
}

// connect and, where that is wanted, ask who it is.
func (w *writer) connect(ctx context.Context) (conn Client, server string, err error) {
	conn, err = w.run.options.connect(ctx, w.run.options.ReadWrite)
	if err != nil || !w.run.options.NoteServers {
		return conn, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, w.run.options.AnswerTimeout)
	defer cancel()
	if server, err = conn.Server(ctx); err != nil {
		_ = conn.Close()
	}
	return conn, server, err
}

// pause waits, or returns at once when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// kindOf groups errors: addresses and ids in them differ from one to the next.
func (r *Run) kindOf(err error) string {
	var network net.Error
	kind := r.options.Database.Kind(err)
	switch {
	case kind != "":
		return kind
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.Is(err, io.EOF):
		return "connection closed by the server"
	default:
		return err.Error()
	}
}

func firstWords(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
