// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/upmio/compose-operator/internal/reconcile"

	"github.com/upmio/compose-operator/internal/mysql/conn"
)

const (
	// fenceGrace is left to statements in flight to end by themselves before
	// connections are killed: most commits need less.
	fenceGrace = 10 * time.Millisecond
	// killPause lies between two rounds of killing while the fence waits.
	killPause = 20 * time.Millisecond
	// withdrawTimeout bounds what is done to leave a server as it was.
	withdrawTimeout = 2 * time.Second
	// attachFenceTimeout bounds the fence of a server that becomes a replica.
	attachFenceTimeout = 2 * time.Second
)

// fencing is how a fence is put up.
type fencing struct {
	timeout     time.Duration
	kill        bool
	releaseAcks bool
	scope       scope
}

func (a *actor) fenceSource(ctx context.Context, w words, do FenceSource) (reconcile.Facts, error) {
	if do.Still {
		_, foreign, err := a.channel(ctx, w)
		if err != nil {
			return nil, err
		}
		if name := feeding(foreign); name != "" {
			return nil, errors.New(behindAFence(name))
		}
	}
	f := fencing{timeout: do.Timeout, kill: do.KillClients, releaseAcks: do.ReleaseAcks, scope: setGlobal}
	if do.Persist {
		f.scope = setPersist
	}
	after, err := a.fence(ctx, w, f)
	if err != nil {
		return nil, err
	}
	if do.UUID != "" && after.uuid != do.UUID {
		return nil, fmt.Errorf("another server answers, with server_uuid %s: it was made anew meanwhile", after.uuid)
	}
	return reconcile.Facts{FencedFact(do.On): after.executed.String()}, nil
}

// behindAFence says what a foreign channel does there, and the remedy.
func behindAFence(channel string) string {
	return fmt.Sprintf("it replicates through the channel %q and would go on to change behind a fence: STOP REPLICA FOR CHANNEL '%s' on it first", channel, channel)
}

// armFence fences the next start of the server and not this one.
func (a *actor) armFence(ctx context.Context) error {
	err := a.Exec(ctx, "SET PERSIST_ONLY super_read_only=ON, PERSIST_ONLY read_only=ON")
	if conn.IsNumber(err, conn.NumberPersistOnlyDenied, conn.NumberPrivilege) {
		return nil
	}
	return err
}

// fence stops writes and returns what the server looks like afterwards. When it
// cannot, the server is left as it was.
//
// The statement waits for commits and table locks of others, and the server goes on
// waiting when the operator gives up: ending a context closes the operator's side
// only. So the statement has a context of its own, and is killed from beside.
func (a *actor) fence(ctx context.Context, w words, f fencing) (basics, error) {
	conn, err := a.DB.Conn(ctx)
	if err != nil {
		return basics{}, a.Fail("connect", err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool, or is broken
	var before basics
	var id int64
	const query = "SELECT CONNECTION_ID(), @@GLOBAL.read_only, @@GLOBAL.super_read_only"
	if err := conn.QueryRowContext(ctx, query).Scan(&id, &before.readOnly, &before.superReadOnly); err != nil {
		return basics{}, a.Fail(query, err)
	}
	// Only once the fence is asked for, which holds up new commits, and clients are
	// killed: nobody may be told of a commit that no other node has.
	free := &release{actor: a, w: w, wanted: f.releaseAcks, fence: id, ended: map[int64]bool{}}

	deadline, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	done := make(chan error, 1)
	var set assignments
	set.readOnly(f.scope, true)
	statement := set.statement()
	go func() {
		// It must not be cut off: see above. lock_wait_timeout ends it at the latest.
		own, stop := context.WithTimeout(context.WithoutCancel(ctx), f.timeout+slack)
		defer stop()
		_, err := conn.ExecContext(own, statement)
		done <- a.Fail(statement, err)
	}()

	held, err := a.hurry(deadline, done, f.kill, free)
	if errors.Is(err, errWaiting) {
		err = a.giveUp(ctx, id, done)
	}
	if err != nil {
		return basics{}, a.unfence(ctx, before, free, held, fmt.Errorf("no fence within %s: %w", f.timeout, err))
	}
	after, err := a.verifyFence(ctx, w, f, before)
	if err != nil {
		return after, err
	}
	return after, free.untilFree(ctx, deadline, f.kill)
}

// errWaiting is the end of the patience with a statement that still runs.
var errWaiting = errors.New("the server still waits for others")

// hurry waits for the fence, and after a grace kills the clients that may hold it up. held
// says for whose sake commits were not released that may hold it up as well.
func (a *actor) hurry(ctx context.Context, done chan error, kill bool, free *release) (held, err error) {
	pause := time.NewTimer(fenceGrace)
	defer pause.Stop()
	for {
		select {
		case err := <-done:
			return held, err
		case <-ctx.Done():
			return held, errWaiting
		case <-pause.C:
			if kill {
				free.kill(ctx)
			}
			switch err := free.try(ctx); {
			case isHeld(err), err == nil:
				held = err
			case ctx.Err() == nil:
				return nil, errors.Join(errWaiting, err)
			}
			pause.Reset(killPause)
		}
	}
}

// giveUp ends the statement that waits. It returns nil when the statement succeeded
// in the last moment.
func (a *actor) giveUp(ctx context.Context, id int64, done chan error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	if err := a.Exec(ctx, fmt.Sprintf("KILL %d", id)); err != nil && !conn.IsNumber(err, conn.NumberUnknownThread) {
		return fmt.Errorf("%w, and the statement could not be killed: %w", errWaiting, err)
	}
	select {
	case err := <-done:
		if err == nil {
			return nil
		}
		return errWaiting
	case <-ctx.Done():
		return fmt.Errorf("%w, although the statement was killed", errWaiting)
	}
}

// verifyFence reads back what the statement claims, and ends the clients that are
// left: theirs is a connection to a server that takes no more writes. Who they are is
// found out at once, so that nobody who connects later is among them; their end is
// not waited for, because with many it takes longer than the rest of the fence.
func (a *actor) verifyFence(ctx context.Context, w words, f fencing, before basics) (basics, error) {
	var clients []int64
	var beside sync.WaitGroup
	if f.kill && !before.fenced() {
		beside.Go(func() { clients = a.clients(ctx, w) })
	}
	after, err := a.basics(ctx)
	beside.Wait()
	if conn.IsNumber(err, conn.NumberTooManyConnections) {
		// A full server keeps one connection free for the operator: the list has had it.
		after, err = a.basics(ctx)
	}
	go a.Kill(context.WithoutCancel(ctx), clients)
	if err != nil {
		return after, err
	}
	if !after.fenced() {
		return after, errors.New("super_read_only was set and reads OFF: somebody else changes it")
	}
	return after, nil
}

// unfence withdraws a fence that did not get up, and says what held it up.
func (a *actor) unfence(ctx context.Context, before basics, free *release, held, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	if held != nil {
		why = fmt.Errorf("%w: %w", why, held)
	} else if by := a.holders(ctx, free.fence); by != "" {
		why = fmt.Errorf("%w (%s)", why, by)
	}
	if before.writable() {
		if err := a.withdraw(ctx); err != nil {
			return fmt.Errorf("%w; and the server could not be made writable again: %w", why, err)
		}
	}
	if free.done {
		if err := a.Exec(ctx, "SET GLOBAL "+free.w.sourceVariable("enabled")+"=ON"); err != nil {
			return fmt.Errorf("%w; and the semi-sync source could not be switched on again: %w", why, err)
		}
	}
	return why
}

// withdraw takes both variables back; a statement that was killed may have set one.
func (a *actor) withdraw(ctx context.Context) error {
	for {
		if err := a.Exec(ctx, "SET GLOBAL super_read_only=OFF, GLOBAL read_only=OFF"); err != nil {
			return err
		}
		b, err := a.basics(ctx)
		if err != nil || b.writable() {
			return err
		}
		if !conn.Pause(ctx, killPause) {
			return errors.New("read_only still reads ON")
		}
	}
}

// holders says who holds up a fence, as far as it can be seen.
func (a *actor) holders(ctx context.Context, own int64) string {
	var waiting int
	const acks = "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_STATE LIKE 'Waiting for semi-sync ACK%'"
	if err := a.Row(ctx, acks, nil, &waiting); err == nil && waiting > 0 {
		return fmt.Sprintf("%d commit(s) wait for the acknowledgement of a semi-sync replica: mend a replica, or set spec.mode: rpl_async", waiting)
	}
	const locks = "SELECT DISTINCT t.PROCESSLIST_ID, t.PROCESSLIST_USER FROM performance_schema.metadata_locks l" +
		" JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID" +
		" WHERE l.OBJECT_TYPE IN ('GLOBAL','COMMIT') AND l.LOCK_STATUS = 'GRANTED' AND t.PROCESSLIST_ID <> ? LIMIT 5"
	rows, err := a.DB.QueryContext(ctx, locks, own)
	if err != nil {
		return ""
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	var sessions []string
	for rows.Next() {
		var id int64
		var user sql.NullString
		if rows.Scan(&id, &user) == nil {
			sessions = append(sessions, fmt.Sprintf("session %d of user %q", id, user.String))
		}
	}
	if rows.Err() != nil || len(sessions) == 0 {
		return ""
	}
	return "locks are held by " + strings.Join(sessions, ", ")
}

// killClients ends the connections of clients, those that do something first, and says
// which have ended.
func (a *actor) killClients(ctx context.Context, w words) []int64 {
	return a.Kill(ctx, a.clients(ctx, w))
}

// clients lists whom a fence cuts off; none when they cannot be listed.
func (a *actor) clients(ctx context.Context, w words) []int64 {
	return a.Clients(ctx, w.instrumented, a.replicationUser)
}

// expelClients ends the connections of clients to a server that is fenced.
func (a *actor) expelClients(ctx context.Context, w words) error {
	b, err := a.basics(ctx)
	if err != nil {
		return err
	}
	if b.fenced() {
		a.killClients(ctx, w)
	}
	return nil
}
