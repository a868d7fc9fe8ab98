// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
)

// shedTimeout bounds the wait for another server to end a half transaction.
const shedTimeout = 3 * time.Second

// shedHalf rids a server, whose receiver is stopped, of a transaction that its source has
// left half sent. The applier has begun it, and a multi-threaded one that is told to stop
// then waits a minute for the rest (SLAVE_WAIT_GROUP_DONE in the server's source), and with
// it everybody who waits for the new source. It was never received in full, so that it was
// never acknowledged, and nothing is lost by it.
//
// Killing the coordinator ends it at once, and takes the privilege SYSTEM_USER. Without
// that the receiver is led to another server: the format description with which every
// connection begins has the applier roll back what it is in the middle of. The relay log
// stays, because the applier runs.
func (a *actor) shedHalf(ctx context.Context, w words, to Known) error {
	if half, err := a.hasHalf(ctx, w); err != nil || !half {
		return err
	}
	ended := func() (bool, error) {
		half, err := a.hasHalf(ctx, w)
		return !half, err
	}
	switch {
	case a.killApplier(ctx):
		// A STOP REPLICA that comes before it has noticed has it wait after all.
		ended = func() (bool, error) {
			ch, _, err := a.channel(ctx, w)
			return ch == nil || ch.SQL == ThreadNo, err
		}
	case to.Host == "":
		return nil
	default:
		if err := a.meant(ctx, to); err != nil {
			// The rest may come to the applier's end of patience, as without a lender.
			log.FromContext(ctx).Info("a transaction that was received in part is left to end by itself", "error", err.Error())
			return nil
		}
		if err := a.lead(ctx, w, to.Host, to.Port); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, shedTimeout)
	defer cancel()
	for {
		over, err := ended()
		if err != nil {
			return err
		}
		if over {
			return a.stopReceiver(ctx, w)
		}
		if !conn.Pause(ctx, killPause) {
			return fmt.Errorf("its applier is in the middle of a transaction that was received in part, and that did not end within %s", shedTimeout)
		}
	}
}

// lead connects the receiver to another server.
func (a *actor) lead(ctx context.Context, w words, host string, port int32) error {
	if err := a.ExecSecret(ctx, w.lead(), host, port, a.replicationUser, a.replicationPassword.Reveal()); err != nil {
		return err
	}
	return a.Exec(ctx, w.startReceiver())
}

// hasHalf says whether the applier is in the middle of a transaction that was not received
// in full: it is at one that is neither executed nor in Retrieved_Gtid_Set.
func (a *actor) hasHalf(ctx context.Context, w words) (bool, error) {
	const query = "SELECT APPLYING_TRANSACTION FROM performance_schema.replication_applier_status_by_worker" +
		" WHERE CHANNEL_NAME = '' AND APPLYING_TRANSACTION NOT IN ('', 'ANONYMOUS')"
	if !w.instrumented {
		return false, nil
	}
	applying, err := a.column(ctx, query)
	if denied(err) {
		// The tables that see the clients are all that is demanded of performance_schema.
		// A half transaction, if there is one, ends by itself after a minute.
		log.FromContext(ctx).V(1).Info("whether a transaction was received in part is not known", "error", err.Error())
		return false, nil
	}
	if err != nil || len(applying) == 0 {
		return false, err
	}
	// In this order: what was being applied and is executed by now counts as executed.
	ch, _, err := a.channel(ctx, w)
	if err != nil || ch == nil || ch.SQL == ThreadNo {
		return false, err
	}
	b, err := a.basics(ctx)
	if err != nil {
		return false, err
	}
	whole := b.executed.Union(ch.Retrieved)
	for _, text := range applying {
		if one, err := gtid.Parse(text); err == nil && !whole.Contains(one) {
			return true, nil
		}
	}
	return false, nil
}

// killApplier ends the coordinator's thread; it says whether that was possible.
func (a *actor) killApplier(ctx context.Context) bool {
	var id int64
	const query = "SELECT t.PROCESSLIST_ID FROM performance_schema.threads t" +
		" JOIN performance_schema.replication_applier_status_by_coordinator c ON c.THREAD_ID = t.THREAD_ID WHERE c.CHANNEL_NAME = ''"
	if err := a.Row(ctx, query, nil, &id); err != nil {
		return false
	}
	err := a.Exec(ctx, fmt.Sprintf("KILL %d", id))
	return err == nil || conn.IsNumber(err, conn.NumberUnknownThread)
}
