// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// actor runs one action on one server.
type actor struct {
	*handle
	// other returns the handle of another node of the set.
	other func(node string) (*handle, error)
	facts reconcile.Facts

	replicationUser     string
	replicationPassword credential.Password
	// gavePassword is the server_uuid of the server whose channel was given the password.
	gavePassword string

	// send makes a statement run on a connection of its own, beyond the action.
	send func(node string, run func(context.Context, *conn.Handle) error) (*sending, error)
	// operatorPassword is known on every node; a server that is made anew needs it to read
	// from another one.
	operatorPassword credential.Password
}

// run is the list of what can be done.
func (a *actor) run(ctx context.Context, action reconcile.Action) (reconcile.Facts, error) {
	w, err := a.words(ctx)
	if err != nil {
		return nil, err
	}
	switch do := action.(type) {
	case FenceSource:
		return a.fenceSource(ctx, w, do)
	case ArmFence:
		return nil, a.armFence(ctx)
	case SetWritable:
		return nil, a.setWritable(ctx, w, do)
	case CatchUp:
		return nil, a.catchUp(ctx, w, do)
	case Promote:
		return nil, a.promote(ctx, w, do)
	case Settle:
		return nil, a.settle(ctx, w, do)
	case Attach:
		return nil, a.attach(ctx, w, do)
	case FollowAhead:
		return nil, a.followAhead(ctx, w, do)
	case ExpelClients:
		return nil, a.expelClients(ctx, w)
	case StopReceiver:
		return nil, a.stopReceiver(ctx, w)
	case StartReplication:
		return nil, a.startReplication(ctx, w, do)
	case Detach:
		return nil, a.detach(ctx, w, do)
	case Clone:
		return nil, a.clone(ctx, w, do)
	case AbortClone:
		return nil, a.abortClone(ctx, do)
	case SetSemiSync:
		return nil, a.setSemiSync(ctx, w, do)
	}
	return nil, fmt.Errorf("%T is not an action of MySQL", action)
}

// slack is what an action may take beyond the time that it names itself: the
// statements around the wait, and withdrawing what did not succeed.
const slack = 5 * time.Second

// Deadline implements reconcile.Deadliner.
func (f FenceSource) Deadline() time.Duration { return f.Timeout + slack }

// Deadline implements reconcile.Deadliner.
func (c CatchUp) Deadline() time.Duration { return c.Timeout + slack }

// Deadline implements reconcile.Deadliner.
func (f FollowAhead) Deadline() time.Duration { return f.Timeout + threadsTimeout + slack }

// Deadline implements reconcile.Deadliner.
func (p Promote) Deadline() time.Duration { return p.Timeout + slack }

const (
	// closeEnough is how long the last round of catching up may take for the server
	// to count as close to its source.
	closeEnough = 50 * time.Millisecond
	// bearable is the same at the end of the patience: an outage of that length is
	// better than no change of the source, a longer one is not.
	bearable = time.Second
)

// catchUp waits for a set; it fails at once where waiting is of no use.
func (a *actor) catchUp(ctx context.Context, w words, do CatchUp) error {
	if err := a.connected(ctx, do); err != nil {
		return err
	}
	if err := a.answers(ctx, do.Known); err != nil && (isMisled(err) || do.Answers && !conn.IsNumber(err, conn.NumberTooManyConnections, conn.NumberTooManyUserConnects)) {
		return err
	}
	if do.Source != "" {
		// Before it catches up: the commits that come meanwhile wait for the new file.
		a.rotate(ctx)
	}
	return a.keepUp(ctx, w, do)
}

// rotate begins a new binary log. A replica that attaches by position has the source
// read its current one from the beginning, and with semi-sync the first commit waits for
// that. A new file is short. Without the privilege RELOAD it just takes longer.
func (h *handle) rotate(ctx context.Context) {
	if err := h.Exec(ctx, "FLUSH BINARY LOGS"); err != nil {
		log.FromContext(ctx).V(1).Info("the binary log was not rotated", "error", err.Error())
	}
}

func (a *actor) keepUp(ctx context.Context, w words, do CatchUp) error {
	began := time.Now()
	for set := do.Set; ; {
		if do.Source != "" {
			// What was seen of it may be old: other steps came in between.
			now, err := a.executedOn(ctx, do.Source)
			if err != nil {
				return fmt.Errorf("gtid_executed of %s: %w", do.Source, err)
			}
			set = now
		}
		round := time.Now()
		if err := a.catchUpOnce(ctx, w, set, do.Timeout-time.Since(began)); err != nil {
			return err
		}
		took := time.Since(round)
		if do.Source == "" || took < closeEnough {
			return nil
		}
		if time.Since(began)+took > do.Timeout {
			if took < bearable {
				return nil
			}
			return fmt.Errorf("it does not keep up with %s: after %s it still takes %s to catch up", do.Source, do.Timeout, took.Round(time.Millisecond))
		}
	}
}

func (a *actor) catchUpOnce(ctx context.Context, w words, set gtid.Set, timeout time.Duration) error {
	b, err := a.basics(ctx)
	if err != nil || b.executed.Contains(set) {
		return err
	}
	ch, _, err := a.channel(ctx, w)
	if err != nil {
		return err
	}
	return a.waitExecuted(ctx, ch, set, timeout)
}

// executedOn reads gtid_executed of another node.
func (a *actor) executedOn(ctx context.Context, node string) (gtid.Set, error) {
	other, err := a.other(node)
	if err != nil {
		return gtid.Set{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, rereadTimeout)
	defer cancel()
	b, err := other.basics(ctx)
	return b.executed, err
}

// waitExecuted waits until the server has executed a set.
func (a *actor) waitExecuted(ctx context.Context, ch *Channel, set gtid.Set, timeout time.Duration) error {
	if ch == nil || ch.SQL != ThreadYes {
		return errors.New("the server lacks transactions and its applier (SQL thread) does not run: run START REPLICA on it, and mend what stopped it")
	}
	return a.AwaitExecuted(ctx, set, timeout)
}

// stopReceiver stops the IO thread, and nothing else.
func (a *actor) stopReceiver(ctx context.Context, w words) error {
	ch, _, err := a.channel(ctx, w)
	if err != nil || ch == nil || ch.IO == ThreadNo {
		return err
	}
	return a.Exec(ctx, w.stopReceiver())
}

// startReplication starts both threads of the channel that is there.
func (a *actor) startReplication(ctx context.Context, w words, do StartReplication) error {
	ch, _, err := a.channel(ctx, w)
	switch {
	case err != nil:
		return err
	case ch == nil:
		return errors.New("there is no replication channel to start")
	case ch.Streams():
		return nil
	}
	source, shown := do.Source, ch.SourceUUID
	source.Host, source.Port = ch.SourceHost, ch.SourcePort
	if err := a.meant(ctx, source); err != nil {
		return err
	}
	if err := a.Exec(ctx, w.start()); err != nil {
		return err
	}
	return a.awaitStream(ctx, w, source, shown)
}

// threadsTimeout bounds the wait for the receiver to connect.
const threadsTimeout = 5 * time.Second

// awaitThreads waits until both threads run, or one reports an error.
func (a *actor) awaitThreads(ctx context.Context, w words) error {
	ctx, cancel := context.WithTimeout(ctx, threadsTimeout)
	defer cancel()
	for pause := 25 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		ch, _, err := a.channel(ctx, w)
		switch {
		case err != nil:
			return err
		case ch == nil:
			return errors.New("the replication channel is gone")
		case ch.Streams():
			return nil
		case ch.IOErrno != 0:
			return errors.New(ch.receiverTrouble())
		case ch.SQLErrno != 0:
			return fmt.Errorf("the applier reports error %d: %s", ch.SQLErrno, shorten(ch.SQLError))
		}
		if !conn.Pause(ctx, pause) {
			return fmt.Errorf("replication does not run within %s: receiver %s, applier %s", threadsTimeout, ch.IO, ch.SQL)
		}
	}
}
