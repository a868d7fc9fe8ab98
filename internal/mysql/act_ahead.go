// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// followAhead leads a replica from the old source to the candidate before the fence.
func (a *actor) followAhead(ctx context.Context, w words, do FollowAhead) error {
	ch, _, err := a.channel(ctx, w)
	switch {
	case err != nil:
		return err
	case ch == nil:
		return errors.New("it does not replicate")
	case ch.leadsTo(do.Attach, a.replicationUser) && ch.IO == ThreadYes:
		return nil
	case ch.leadsTo(do.Attach, a.replicationUser):
		// An operator that led it died before it was started, or it is turned away.
		if err := a.meant(ctx, do.source()); err != nil {
			return err
		}
		if err := a.Exec(ctx, w.start()); err != nil {
			return err
		}
		return a.awaitStream(ctx, w, do.source(), ch.SourceUUID)
	case !ch.Streams():
		return errors.New("its replication does not run")
	}
	// Before anything is stopped, and once more before it is started.
	if err := a.meant(ctx, do.source()); err != nil {
		return err
	}
	// Both threads at once. A receiver that is stopped alone may leave half a transaction
	// in the relay log, and the applier, once in the middle of that, does not stop before
	// it has waited a minute for the rest. STOP REPLICA stops the applier first.
	err = a.Exec(ctx, w.stop())
	if err == nil {
		err = a.leave(ctx, w, do)
	}
	if err == nil {
		return nil
	}
	if now, _, look := a.channel(ctx, w); look == nil && now != nil && isMisled(err) && now.leadsTo(do.Attach, a.replicationUser) {
		// It has found another server under that address, and would find it again.
		return err
	}
	// Whichever source its channel leads to now, it is better off connected.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	return errors.Join(err, a.Exec(ctx, w.start()))
}

// leave changes the source of a server whose replication is stopped, once the new source
// has executed all that this one has.
func (a *actor) leave(ctx context.Context, w words, do FollowAhead) error {
	b, err := a.basics(ctx)
	if err != nil {
		return err
	}
	ch, _, err := a.channel(ctx, w)
	if err != nil {
		return err
	}
	if ch.Running() || ch == nil {
		return errors.New("its replication was started by somebody else")
	}
	holds := b.executed.Union(ch.Retrieved)
	candidate, err := a.other(do.Source)
	if err != nil {
		return err
	}
	if err := candidate.AwaitExecuted(ctx, holds, do.Timeout); err != nil {
		return fmt.Errorf("%s: %w", do.Source, err)
	}
	candidate.rotate(ctx)
	do.Within = &holds
	return a.attach(ctx, w, do.Attach)
}

// connected says why a replica that was led to this server cannot have it as its source.
func (a *actor) connected(ctx context.Context, do CatchUp) error {
	if do.Ahead.Name == "" {
		return nil
	}
	replica, err := a.other(do.Ahead.Name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rereadTimeout)
	defer cancel()
	w, err := replica.words(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", do.Ahead.Name, err)
	}
	ch, _, err := replica.channel(ctx, w)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", do.Ahead.Name, err)
	case ch == nil || ch.IO == ThreadYes || ch.SourcePort != do.Ahead.Port || !strings.EqualFold(ch.SourceHost, do.Ahead.Host):
		// Where it could not be led it follows the old source.
		return nil
	case ch.IOErrno != 0:
		return fmt.Errorf("%s was pointed here: %s", do.Ahead.Name, ch.receiverTrouble())
	}
	return fmt.Errorf("%s was pointed here and is not connected (receiver %s)", do.Ahead.Name, ch.IO)
}
