// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
)

// followAhead leads a replica from the old source to the candidate before the fence.
func (a *actor) followAhead(ctx context.Context, w words, do FollowAhead) error {
	ch, _, err := a.channel(ctx, w)
	switch {
	case err != nil:
		return err
	case ch == nil:
		return errors.New("it does not replicate")
	case ch.leadsTo(do.Attach, a.replicationUser):
		return nil
	case !ch.Streams():
		return errors.New("its replication does not run")
	}
	if err := a.exec(ctx, w.stopReceiver()); err != nil {
		return err
	}
	if err := a.leave(ctx, w, do); err != nil {
		// Whichever source its channel leads to now, it is better off connected.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
		defer cancel()
		return errors.Join(err, a.exec(ctx, w.start()))
	}
	return nil
}

// leave changes the source of a server whose receiver is stopped, once the new source
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
	if ch == nil || ch.IO != ThreadNo {
		return errors.New("its receiver was started by somebody else")
	}
	holds := b.executed.Union(ch.Retrieved)
	candidate, err := a.other(do.Source)
	if err != nil {
		return err
	}
	if err := candidate.awaitExecuted(ctx, holds, do.Timeout); err != nil {
		return fmt.Errorf("%s: %w", do.Source, err)
	}
	do.Within = &holds
	return a.attach(ctx, w, do.Attach)
}
