// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
)

// cloneBegins bounds the wait for a clone to show at work or to fail its first checks.
const cloneBegins = 10 * time.Second

// Deadline implements reconcile.Deadliner.
func (Clone) Deadline() time.Duration { return cloneBegins + 2*slack }

// clone begins to make a server anew. Everything is asked again before the first touch:
// what was planned on may have changed, and there is no way back.
func (a *actor) clone(ctx context.Context, w words, do Clone) error {
	if run, err := a.cloneRun(ctx); err != nil || run != nil && run.Running {
		return err
	}
	if err := a.expendable(ctx, w, do); err != nil {
		return err
	}
	ch, _, err := a.channel(ctx, w)
	if err != nil {
		return err
	}
	if ch.Running() {
		if err := a.Exec(ctx, w.stop()); err != nil {
			return err
		}
		// It may have received something until then.
		if err := a.expendable(ctx, w, do); err != nil {
			return err
		}
	}
	// The server keeps its persisted variables: it comes up as a fenced one, and nobody
	// takes it for a replica that acknowledges before it is looked at.
	if err := a.persistReplica(ctx, w, false); err != nil {
		return err
	}
	if err := a.fencedAtStart(ctx); err != nil {
		return err
	}
	sent, err := a.send(do.On, func(ctx context.Context, h *conn.Handle) error { return a.runClone(ctx, h, do) })
	if err != nil {
		return err
	}
	return a.awaitClone(ctx, sent)
}

// expendable fails unless the server is fenced and holds nothing but what was announced
// to be thrown away, and the donor is sound.
func (a *actor) expendable(ctx context.Context, w words, do Clone) error {
	b, err := a.basics(ctx)
	if err != nil {
		return err
	}
	ch, foreign, err := a.channel(ctx, w)
	if err != nil {
		return err
	}
	switch {
	case b.uuid != do.UUID:
		return fmt.Errorf("another server answers, with server_uuid %s: it is looked at again first", b.uuid)
	case !b.fenced():
		return errors.New("it is not fenced: somebody may write to it")
	case feeding(foreign) != "":
		return errors.New(behindAFence(feeding(foreign)))
	}
	donor, err := a.soundDonor(ctx, do)
	if err != nil {
		return err
	}
	source, err := a.basicsOf(ctx, do.Source)
	switch {
	case err != nil:
		return fmt.Errorf("gtid_executed of %s: %w", do.Source, err)
	case source.uuid != do.SourceUUID || !source.writable():
		return fmt.Errorf("%s is not the source that it was: nothing is thrown away before that is clear", do.Source)
	case !source.executed.Contains(donor):
		extra := donor.Subtract(source.executed)
		return fmt.Errorf("%s holds %d transaction(s) that %s lacks: %s", do.Donor, extra.Count(), do.Source, shorten(extra.String()))
	}
	holds := b.executed
	if ch != nil {
		holds = holds.Union(ch.Retrieved)
	}
	if extra := holds.Subtract(source.executed).Subtract(do.Discards); !extra.Empty() {
		return fmt.Errorf("it holds %d transaction(s) that %s lacks and that were not announced to be thrown away: %s", extra.Count(), do.Source, shorten(extra.String()))
	}
	return nil
}

// soundDonor returns what the donor has executed.
func (a *actor) soundDonor(ctx context.Context, do Clone) (gtid.Set, error) {
	donor, err := a.basicsOf(ctx, do.Donor)
	switch {
	case err != nil:
		return gtid.Set{}, fmt.Errorf("donor %s: %w", do.Donor, err)
	case donor.executed.Empty():
		return gtid.Set{}, fmt.Errorf("donor %s holds no transaction at all", do.Donor)
	case donor.uuid == do.UUID:
		return gtid.Set{}, fmt.Errorf("donor %s is the same server", do.Donor)
	case do.Donor != do.Source && !donor.fenced():
		return gtid.Set{}, fmt.Errorf("donor %s is not read-only", do.Donor)
	}
	return donor.executed, nil
}

// basicsOf another node.
func (a *actor) basicsOf(ctx context.Context, node string) (basics, error) {
	other, err := a.other(node)
	if err != nil {
		return basics{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, rereadTimeout)
	defer cancel()
	return other.basics(ctx)
}

// fencedAtStart reads back that the server comes up fenced.
func (h *handle) fencedAtStart(ctx context.Context) error {
	var on int
	const query = "SELECT COUNT(*) FROM performance_schema.persisted_variables WHERE VARIABLE_NAME IN ('read_only','super_read_only') AND VARIABLE_VALUE = 'ON'"
	if err := h.Row(ctx, query, nil, &on); err != nil {
		return err
	}
	if on != 2 {
		return errors.New("read_only and super_read_only were persisted and do not read so: it would come up writable with the copy")
	}
	return nil
}

const cloneStatement = "CLONE INSTANCE FROM ?@?:? IDENTIFIED BY ?"

// runClone makes the clone. Under super_read_only it would fail; read_only stays, so that
// ordinary users write nothing meanwhile.
func (a *actor) runClone(ctx context.Context, h *conn.Handle, do Clone) error {
	donors := net.JoinHostPort(do.DonorHost, strconv.Itoa(int(do.DonorPort)))
	if err := h.Exec(ctx, "SET GLOBAL clone_valid_donor_list = ?", donors); err != nil {
		return err
	}
	if do.TLS != nil && do.TLS.On {
		statement, args := do.TLS.cloneFiles()
		if err := h.Exec(ctx, statement, args...); err != nil {
			return err
		}
	}
	if err := h.Exec(ctx, "SET GLOBAL super_read_only=OFF"); err != nil {
		return err
	}
	err := h.ExecSecret(ctx, cloneStatement+do.TLS.cloneClause(), h.User, do.DonorHost, do.DonorPort, a.operatorPassword.Reveal())
	if err == nil || conn.IsNumber(err, conn.NumberRestartFailed) {
		// The copy is there. With nobody to restart it, the server stops: kubelet starts it.
		return nil
	}
	if conn.Answered(err) {
		// It goes on as it was, or empty.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
		defer cancel()
		if fenced := h.Exec(ctx, "SET GLOBAL super_read_only=ON"); fenced != nil {
			err = fmt.Errorf("%w; and it is not fenced again: %w", err, fenced)
		}
	}
	return err
}

// awaitClone waits until the server is at work with a clone, or the statement has ended.
func (a *actor) awaitClone(ctx context.Context, sent *sending) error {
	ctx, cancel := context.WithTimeout(ctx, cloneBegins)
	defer cancel()
	for conn.Pause(ctx, killPause) {
		if sent.ended() {
			return sent.err
		}
		if run, err := a.cloneRun(ctx); err == nil && run != nil && run.Running {
			return nil
		}
	}
	if sent.ended() {
		return sent.err
	}
	// It does its first checks still, or the server restarts already: the next look tells.
	return nil
}

// abortClone ends the session that makes a clone.
func (a *actor) abortClone(ctx context.Context, do AbortClone) error {
	run, err := a.cloneRun(ctx)
	if err != nil || run == nil || !run.Running || run.Session == 0 || run.Session != do.Session {
		return err
	}
	err = a.Exec(ctx, fmt.Sprintf("KILL QUERY %d", do.Session))
	if conn.IsNumber(err, conn.NumberUnknownThread) {
		return nil
	}
	return err
}
