// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/redis/conn"
	"github.com/upmio/compose-operator/internal/server"
)

// catchUp waits until the server has what the source has written by now.
func (a *actor) catchUp(ctx context.Context, do CatchUp) error {
	src, err := a.peer(ctx, do.Source)
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, do.Timeout)
	defer cancel()
	err = await(bounded, func() (bool, error) {
		s, err := a.now(ctx)
		if err != nil {
			return false, err
		}
		if !s.Follows(src) || !s.LinkUp || s.ReplID != src.ReplID {
			return false, fmt.Errorf("it does not replicate from %s any more", do.Source)
		}
		return s.Offset >= src.Offset, nil
	})
	if bounded.Err() != nil && ctx.Err() == nil && errors.Is(err, bounded.Err()) {
		return fmt.Errorf("it has not applied within %s what %s had written", do.Timeout, do.Source)
	}
	return err
}

// handOver runs FAILOVER TO. Whatever is refused before clients were paused is no error:
// fence and promotion follow.
func (a *actor) handOver(ctx context.Context, do Handover) (reconcile.Facts, error) {
	to, node, err := a.other(do.To)
	if err != nil {
		return nil, err
	}
	s, err := a.now(ctx)
	if err != nil {
		return nil, err
	}
	before := s.ReplID
	host, port, listed := listedAs(s, node)
	if s.Replica || !listed {
		return nil, nil
	}
	if seen, err := to.look(ctx, node); err != nil || seen.RunID != do.ToRunID {
		return nil, nil
	}
	nudge, err := to.Nudge(ctx)
	if err != nil {
		// Without it the source waits up to a second for the replica to tell how far it is.
		return nil, nil
	}
	defer nudge.Close()
	if _, err := a.Do(ctx, "FAILOVER", "TO", host, strconv.Itoa(int(port)), "TIMEOUT", do.Timeout.Milliseconds()); err != nil {
		if conn.Answered(err) {
			return nil, nil
		}
		return nil, err
	}
	learned := reconcile.Facts{}
	err = await(ctx, func() (bool, error) {
		if err := nudge.Ask(ctx); err != nil {
			return false, fmt.Errorf("%s: %w", do.To, err)
		}
		after, err := to.look(ctx, node)
		if err != nil {
			return false, fmt.Errorf("%s: %w", do.To, err)
		}
		if after.RunID != do.ToRunID {
			return false, fmt.Errorf("%s has restarted while it was handed to", do.To)
		}
		if after.Master() && after.ReplID2 == before {
			learned[handedOver(a.node.Name)] = "yes"
			learned[replIDOf(do.To)] = after.ReplID
			return true, nil
		}
		mine, err := a.now(ctx)
		if err != nil {
			return false, err
		}
		// It has given up by itself: clients write to it again.
		return !mine.Replica && !mine.FailingOver, nil
	})
	return learned, err
}

// listedAs is the address under which a source has a replica.
func listedAs(s *Server, m Member) (host string, port int32, listed bool) {
	for _, f := range s.Followers {
		if f.Online && (f.Host == m.AnnounceHost && f.Port == m.AnnouncePort || f.Host == m.Host && f.Port == m.Port) {
			return f.Host, f.Port, true
		}
	}
	return "", 0, false
}

// fenceSource fences the old source and learns where it stands then.
func (a *actor) fenceSource(ctx context.Context, do FenceSource) (reconcile.Facts, error) {
	if a.facts[handedOver(a.node.Name)] != "" {
		return nil, nil
	}
	s, err := a.now(ctx)
	switch {
	case err != nil:
		return nil, err
	case s.FailingOver:
		return nil, errors.New("a FAILOVER is under way")
	case s.ReplID != do.ID:
		return nil, errors.New("it is not what it was (another replication id)")
	case !s.Replica && scriptsPass(s.Version):
		return nil, fmt.Errorf("version %s of Redis lets scripts write whatever min-replicas-to-write is, and FAILOVER was not possible: use 6.2.7 or newer", s.Version)
	case !s.Replica:
		if err := a.fence(ctx, s); err != nil {
			return nil, err
		}
	}
	// Nobody writes any more: what it has now is all.
	if s, err = a.now(ctx); err != nil {
		return nil, err
	}
	if s.Writable() {
		return nil, errors.New("it takes writes although it was fenced")
	}
	return reconcile.Facts{fencedAt(a.node.Name): fmt.Sprintf("%s %d", s.ReplID, s.Offset)}, nil
}

// scriptsPass says whether a version of Redis has scripts write past min-replicas-to-write
// (redis#9993; mended in 6.2.7 and 7.0).
func scriptsPass(version string) bool {
	patch, found := strings.CutPrefix(version, "6.2.")
	n, err := strconv.Atoi(patch)
	return found && err == nil && n < 7
}

// promote has the server replicate from nobody once it holds what it must.
func (a *actor) promote(ctx context.Context, do Promote) (reconcile.Facts, error) {
	if do.From != "" && a.facts[handedOver(do.From)] != "" {
		return nil, nil
	}
	must := position{do.ID, do.Offset}
	if do.From != "" {
		id, offset, found := strings.Cut(a.facts[fencedAt(do.From)], " ")
		n, err := strconv.ParseInt(offset, 10, 64)
		if !found || err != nil {
			return nil, fmt.Errorf("nobody knows where %s stood when it was fenced", do.From)
		}
		must = position{id, n}
	}
	bounded, cancel := context.WithTimeout(ctx, do.Timeout)
	defer cancel()
	// s is what was seen last: a server that hangs is asked for longer than there is time.
	s := &Server{}
	err := await(bounded, func() (bool, error) {
		seen, err := a.now(bounded)
		if err != nil {
			return false, err
		}
		if s = seen; do.Forced {
			return true, nil
		}
		rel, _ := historyOf(s, nil).of(must)
		if rel == unrelated {
			return false, errors.New("it holds something else than before (another replication id)")
		}
		return rel == within, nil
	})
	if bounded.Err() != nil && ctx.Err() == nil && errors.Is(err, bounded.Err()) {
		return nil, fmt.Errorf("it has not applied within %s what the source had when it was fenced: %d of %d bytes", do.Timeout, s.Offset, must.offset)
	}
	if err != nil {
		return nil, err
	}
	if s.Replica {
		if _, err := a.Do(ctx, "REPLICAOF", "NO", "ONE"); err != nil {
			return nil, err
		}
	}
	if err := a.unfence(ctx, s); err != nil {
		return nil, err
	}
	after, err := a.now(ctx)
	switch {
	case err != nil:
		return nil, err
	case !after.Master() || !after.Writable():
		return nil, errors.New("it was promoted and takes no writes")
	}
	return reconcile.Facts{replIDOf(a.node.Name): after.ReplID}, nil
}

// expelPause passes between two rounds of ending clients' connections: some connect to
// where they were led before the route took effect.
const expelPause = 300 * time.Millisecond

// expel ends connections to the old source, at once and a moment later.
func (a *actor) expel(ctx context.Context) error {
	if err := a.KillClients(ctx); err != nil {
		return err
	}
	if !server.Pause(ctx, expelPause) {
		return nil
	}
	return a.KillClients(ctx)
}

// abort ends a FAILOVER.
func (a *actor) abort(ctx context.Context) error {
	s, err := a.now(ctx)
	if err != nil || !s.FailingOver {
		return err
	}
	_, err = a.Do(ctx, "FAILOVER", "ABORT")
	return err
}
