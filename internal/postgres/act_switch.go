// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

const (
	// promotionTimeout bounds pg_promote.
	promotionTimeout = 10 * time.Second
	// fenceTimeout bounds the fence: clients cannot write meanwhile.
	fenceTimeout = 3 * time.Second
	// stopTimeout bounds the wait for a stop to show.
	stopTimeout = 2 * time.Second
)

// prepare gives the primary what it needs to become a standby. It also finds out whether
// programs can be run there.
func (a *actor) prepare(ctx context.Context, do Prepare) error {
	s, err := a.primary(ctx, do.identity)
	if err != nil {
		return err
	}
	if err := a.program(ctx, "{ test -w . && command -v kill && command -v touch && command -v rm && command -v head; } >/dev/null"); err != nil {
		return err
	}
	if !s.PassOK {
		if err := a.writePass(ctx); err != nil {
			return err
		}
	}
	var list []setting
	if s.Conninfo != do.Conninfo {
		list = append(list, to("primary_conninfo", do.Conninfo))
	}
	if s.Slot != do.Slot {
		list = append(list, to("primary_slot_name", do.Slot))
	}
	return a.alter(ctx, list...)
}

// catchUp waits until the standby has replayed what the primary has written by now.
func (a *actor) catchUp(ctx context.Context, do CatchUp) error {
	from, _, err := a.other(do.From)
	if err != nil {
		return err
	}
	var at string
	if err := from.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn()::text").Scan(&at); err != nil {
		return fmt.Errorf("%s: %w", do.From, err)
	}
	bounded, cancel := context.WithTimeout(ctx, do.Timeout)
	defer cancel()
	var behind int64
	err = await(bounded, func() (bool, error) {
		err := a.QueryRow(bounded, "SELECT greatest(0, pg_wal_lsn_diff($1::text::pg_lsn, pg_last_wal_replay_lsn()))::bigint", at).Scan(&behind)
		return err == nil && behind == 0, err
	})
	if bounded.Err() != nil && ctx.Err() == nil {
		return refusal(fmt.Sprintf("it has not caught up with the primary within %s: it lacks %d bytes still", do.Timeout, behind))
	}
	return err
}

// endClients ends the connections of clients and waits until none is left that began before.
func (a *actor) endClients(ctx context.Context) error {
	const clients = `FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
 AND NOT (application_name = $1 AND usename = current_user) AND backend_start < $2::text::timestamptz`
	var since string
	if err := a.QueryRow(ctx, "SELECT clock_timestamp()::text").Scan(&since); err != nil {
		return err
	}
	if err := a.sql(ctx, "SELECT pg_terminate_backend(pid) "+clients, ownName, since); err != nil {
		return err
	}
	return await(ctx, func() (bool, error) {
		var left int
		err := a.QueryRow(ctx, "SELECT count(*) "+clients, ownName, since).Scan(&left)
		return left == 0, err
	})
}

// fence makes the primary read-only and learns its LSN after that. A session that sets itself
// writable again gets through until the stop; what it writes is in the shutdown checkpoint's log.
func (a *actor) fence(ctx context.Context, do Fence) (reconcile.Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	s, err := a.primary(ctx, do.identity)
	switch {
	case err != nil:
		return nil, err
	case s.At.TLI != do.TLI:
		return nil, refusal("it is on another timeline than it was")
	}
	if err := a.shutNow(ctx, s); err != nil {
		return nil, err
	}
	var at string
	if err := a.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn()::text").Scan(&at); err != nil {
		return nil, err
	}
	return reconcile.Facts{fencedAt(a.node.Name): at}, nil
}

// shutNow makes a primary read-only and ends the connections of clients.
func (a *actor) shutNow(ctx context.Context, s *Server) error {
	if !s.Fenced {
		if err := a.alter(ctx, to("default_transaction_read_only", "on")); err != nil {
			return err
		}
	}
	return a.endClients(ctx)
}

func (a *actor) shut(ctx context.Context, do Shut) error {
	s, err := a.primary(ctx, do.identity)
	if err != nil {
		return err
	}
	return a.shutNow(ctx, s)
}

// demote stops the primary. The order matters: from the moment that standby.signal is seen on
// its disk, it cannot be but a standby when it runs again, whoever stops it.
func (a *actor) demote(ctx context.Context, do Demote) (reconcile.Facts, error) {
	s, err := a.primary(ctx, do.identity)
	switch {
	case err != nil:
		return nil, err
	case s.At.TLI != do.TLI:
		return nil, refusal("it is on another timeline than it was")
	case !s.Fenced:
		return nil, refusal("it is not fenced")
	case a.facts[fencedAt(a.node.Name)] == "":
		return nil, refusal("nobody knows where it stood when it was fenced")
	}
	if err := a.program(ctx, "touch standby.signal"); err != nil {
		return nil, err
	}
	var there bool
	if err := a.QueryRow(ctx, "SELECT count(*) = 1 FROM pg_stat_file('standby.signal', true) WHERE modification IS NOT NULL").Scan(&there); err != nil {
		return nil, err
	}
	if !there {
		return nil, refusal("standby.signal was made and is not there")
	}
	facts := reconcile.Facts{demoted(a.node.Name): "yes"}
	// A fast stop: it waits for nobody but standbys, which get all of the log. It may end this
	// very connection before the answer.
	err = a.sql(ctx, "COPY (SELECT 1 WHERE false) TO PROGRAM "+literal("kill -INT $(head -n1 postmaster.pid)"))
	if err == nil || ended(err) || a.stops(ctx) {
		return facts, nil
	}
	return facts, noShell(err)
}

// stops says whether the server ends connections. The shell that was to send the signal may be
// ended by the stop itself, and then the server says that the program has failed.
func (a *actor) stops(ctx context.Context) bool {
	bounded, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	for server.Pause(bounded, awaitPause) {
		if err := a.sql(bounded, "SELECT 1"); err != nil && bounded.Err() == nil {
			return true
		}
	}
	return false
}

// ended says whether an error means that the server has ended the connection.
func ended(err error) bool {
	var of net.Error
	return code(err) == adminShutdown || code(err) == cannotConnectNow || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.As(err, &of) && !of.Timeout()
}

// open gives the primary its writes back.
func (a *actor) open(ctx context.Context, do Open) error {
	s, err := a.primary(ctx, do.identity)
	if err != nil {
		return err
	}
	if s.Signal {
		if err := a.program(ctx, "rm -f standby.signal"); err != nil {
			return err
		}
	}
	if s.Fenced {
		if err := a.alter(ctx, reset("default_transaction_read_only")); err != nil {
			return err
		}
	}
	return a.writable(ctx)
}

// writable waits until new sessions can write.
func (a *actor) writable(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	err := await(bounded, func() (bool, error) {
		var yes bool
		err := a.QueryRow(bounded, "SELECT NOT pg_is_in_recovery() AND (SELECT setting FROM pg_settings WHERE name = 'default_transaction_read_only') = 'off'").Scan(&yes)
		return yes, err
	})
	if bounded.Err() != nil && ctx.Err() == nil {
		return refusal("it takes no writes: default_transaction_read_only is on, and the operator did not set it")
	}
	return err
}

// makePrimary promotes the old primary again.
func (a *actor) makePrimary(ctx context.Context, do MakePrimary) error {
	s, err := a.as(ctx, do.identity)
	if err != nil {
		return err
	}
	if s.Recovery && s.Known && !do.At.within(s.At) {
		return refusal("it has less than it had")
	}
	for _, name := range do.Others {
		other, m, err := a.other(name)
		if err != nil {
			continue
		}
		if o, err := other.look(ctx, m); err == nil && o.SystemID == do.SystemID && !o.Recovery {
			return refusal(name + " runs as a primary by now")
		}
	}
	return a.promoteNow(ctx, s, do.Sync)
}

// promoteNow sets what must be set before the first commit, and promotes.
func (a *actor) promoteNow(ctx context.Context, s *Server, sync string) error {
	var list []setting
	if s.SyncNames != sync {
		if _, own := parseSyncNames(s.SyncNames); own || sync != "" {
			list = append(list, to("synchronous_standby_names", sync))
		}
	}
	if s.Fenced {
		list = append(list, reset("default_transaction_read_only"))
	}
	if err := a.alter(ctx, list...); err != nil {
		return err
	}
	if s.Recovery {
		var done bool
		if err := a.QueryRow(ctx, "SELECT pg_promote(true, $1)", int(promotionTimeout/time.Second)).Scan(&done); err != nil {
			return err
		}
		if !done {
			return refusal(fmt.Sprintf("it was told to become the primary and is not after %s", promotionTimeout))
		}
	}
	return a.writable(ctx)
}

// promote promotes the standby once it has everything that it must have.
func (a *actor) promote(ctx context.Context, do Promote) error {
	s, err := a.as(ctx, do.identity)
	if err != nil {
		return err
	}
	if s.Recovery {
		bounded, cancel := context.WithTimeout(ctx, do.Timeout)
		defer cancel()
		if do.From != "" {
			err = a.hasAllOf(bounded, do)
		} else {
			err = a.holds(bounded, do)
		}
		if err != nil {
			return err
		}
	}
	return a.promoteNow(ctx, s, do.Sync)
}

// hasAllOf waits until what the standby has received ends in the shutdown checkpoint that the
// old primary has written after it was fenced, and until all of it is replayed. The old
// primary has written nothing after that, and is a standby when it runs again.
func (a *actor) hasAllOf(ctx context.Context, do Promote) error {
	fenced, ok := ParseLSN(a.facts[fencedAt(do.From)])
	if !ok || a.facts[demoted(do.From)] == "" {
		return refusal(fmt.Sprintf("nobody knows whether %s was stopped", do.From))
	}
	var last LSN
	err := await(ctx, func() (bool, error) {
		var received, replayed *string
		var segment int64
		if err := a.QueryRow(ctx, "SELECT pg_last_wal_receive_lsn()::text, pg_last_wal_replay_lsn()::text, (SELECT setting FROM pg_settings WHERE name = 'wal_segment_size')::bigint").
			Scan(&received, &replayed, &segment); err != nil {
			return false, err
		}
		if received == nil || replayed == nil || segment <= 0 {
			return false, nil
		}
		end, _ := ParseLSN(*received)
		replay, _ := ParseLSN(*replayed)
		if last = end; end <= fenced || replay < end {
			return false, nil
		}
		start, found, err := endsInShutdown(end, uint64(segment), readLog(ctx, a, do.TLI, uint64(segment)))
		return found && start >= fenced, err
	})
	if ctx.Err() != nil {
		return refusal(fmt.Sprintf("it has not received within %s all that %s had when it was stopped: %s, fenced at %s", do.Timeout, do.From, last, fenced))
	}
	return err
}

// holds waits until the standby has replayed all that it has, which must be no less than it had.
func (a *actor) holds(ctx context.Context, do Promote) error {
	var s *Server
	err := await(ctx, func() (bool, error) {
		seen, err := a.now(ctx)
		if err != nil {
			return false, err
		}
		s = seen
		switch {
		case !s.Recovery:
			return true, nil
		case s.Paused:
			return false, refusal("its replay is paused: SELECT pg_wal_replay_resume()")
		}
		return s.Known && do.At.within(s.At) && (s.Settled || s.Replay >= s.At.LSN), nil
	})
	if err != nil && ctx.Err() != nil && s != nil {
		return refusal(fmt.Sprintf("it has not replayed within %s all that it has to: %s of %s", do.Timeout, s.Replay, do.At))
	}
	return err
}
