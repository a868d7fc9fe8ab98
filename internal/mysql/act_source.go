// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
)

// acknowledgeable says why semi-sync cannot be switched on as wanted.
func acknowledgeable(w words, want SemiSyncWant) error {
	if want.Enabled && w.sourcePlugin == "" {
		return errors.New("the semi-sync source plugin is not loaded: INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so', or set spec.mode: rpl_async")
	}
	return nil
}

// writable assigns what makes a source of a server: semi-sync first, so that no
// write gets by without it.
func writable(s scope, w words, want SemiSyncWant) string {
	var set assignments
	set.replica(s, w, false)
	set.source(s, w, want)
	set.readOnly(s, false)
	return set.statement()
}

// setWritable takes the fence off a server that does not replicate.
func (a *actor) setWritable(ctx context.Context, w words, do SetWritable) error {
	if err := acknowledgeable(w, do.SemiSync); err != nil {
		return err
	}
	ch, _, err := a.channel(ctx, w)
	if err != nil {
		return err
	}
	if ch != nil && (ch.IO != ThreadNo || ch.SQL != ThreadNo) {
		return fmt.Errorf("it replicates from %s:%d: a node that takes writes must not", ch.SourceHost, ch.SourcePort)
	}
	if err := a.Exec(ctx, writable(setPersist, w, do.SemiSync)); err != nil {
		return err
	}
	return a.verifyWritable(ctx)
}

func (a *actor) verifyWritable(ctx context.Context) error {
	b, err := a.basics(ctx)
	if err != nil {
		return err
	}
	if !b.writable() {
		return errors.New("read_only was switched off and reads ON: somebody else changes it")
	}
	return nil
}

// promote makes a replica the source. Of two that call it, the second finds
// nothing left to do.
func (a *actor) promote(ctx context.Context, w words, do Promote) error {
	if err := acknowledgeable(w, do.SemiSync); err != nil {
		return err
	}
	after, err := a.after(do)
	if err != nil {
		return err
	}
	if do.Failover {
		if err := a.stopReceiver(ctx, w); err != nil {
			return err
		}
	}
	ch, _, err := a.channel(ctx, w)
	if err != nil {
		return err
	}
	if do.Failover && ch != nil {
		// A relay log is never left behind: whatever was received was acknowledged.
		after = after.Union(ch.Retrieved)
		// Those who follow it next begin to read at a new file.
		a.rotate(ctx)
	}
	b, err := a.basics(ctx)
	if err != nil {
		return err
	}
	if !b.executed.Contains(after) {
		if err := a.waitExecuted(ctx, ch, after, do.Timeout); err != nil {
			return err
		}
	}
	if do.Failover && ch != nil && ch.SQL != ThreadNo {
		if err := a.shedHalf(ctx, w, do.Lender); err != nil {
			return err
		}
		if ch, _, err = a.channel(ctx, w); err != nil {
			return err
		}
	}
	if do.From != "" && !b.writable() {
		if err := a.stillFenced(ctx, do.From, after); err != nil {
			return err
		}
	}
	// The applier's own commits would wait for acknowledgements: it stops before
	// semi-sync is switched on.
	if ch != nil && (ch.IO != ThreadNo || ch.SQL != ThreadNo) {
		if err := a.Exec(ctx, w.stop()); err != nil {
			return err
		}
	}
	if err := a.Exec(ctx, writable(setGlobal, w, do.SemiSync)); err != nil {
		return err
	}
	return a.verifyWritable(ctx)
}

// stillFenced says why a fence that was put up does not hold any more.
func (a *actor) stillFenced(ctx context.Context, node string, after gtid.Set) error {
	other, err := a.other(node)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rereadTimeout)
	defer cancel()
	b, err := other.basics(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("whether %s is still fenced: %w", node, err)
	case !b.fenced() || !after.Contains(b.executed):
		return fmt.Errorf("%s is not fenced any more: the switchover was undone meanwhile", node)
	}
	return nil
}

// after is the set that must be executed before a promotion.
func (a *actor) after(do Promote) (gtid.Set, error) {
	if do.AfterFact == "" {
		return do.AfterSet, nil
	}
	return a.fact(do.AfterFact)
}

func (a *actor) fact(name string) (gtid.Set, error) {
	text, known := a.facts[name]
	if !known {
		return gtid.Set{}, fmt.Errorf("%s is not known", name)
	}
	set, err := gtid.Parse(text)
	if err != nil {
		return gtid.Set{}, fmt.Errorf("%s: %w", name, err)
	}
	return set, nil
}

// settle tidies a server that is writable.
func (a *actor) settle(ctx context.Context, w words, do Settle) error {
	if err := acknowledgeable(w, do.SemiSync); err != nil {
		return err
	}
	ch, _, err := a.channel(ctx, w)
	if err != nil {
		return err
	}
	b, err := a.basics(ctx)
	if err != nil || !b.writable() {
		return err
	}
	if err := a.Exec(ctx, writable(setPersist, w, do.SemiSync)); err != nil {
		return err
	}
	if !do.KeepChannel && ch != nil && ch.IO == ThreadNo && ch.SQL == ThreadNo && b.executed.Contains(ch.Retrieved) {
		return a.Exec(ctx, w.resetReplicaAll())
	}
	return nil
}
