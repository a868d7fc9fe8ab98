// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
)

// attach makes a server a replica. What can lose something is refused, and what a
// client waits for (the acknowledging receiver) comes before what only a restart needs.
func (a *actor) attach(ctx context.Context, w words, do Attach) error {
	if do.SemiSync && w.replicaPlugin == "" {
		return errors.New("the semi-sync replica plugin is not loaded: INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so', or set spec.mode: rpl_async")
	}
	now, err := a.asFollower(ctx, w)
	if err != nil {
		return err
	}
	if err := a.holdForGood(ctx, w, &now); err != nil {
		return err
	}
	ch, _, err := a.channel(ctx, w)
	if err != nil {
		return err
	}
	right := ch != nil && ch.leadsTo(do, a.replicationUser)
	if err := a.harmless(ctx, do, now.executed, ch, right); err != nil {
		return err
	}
	if err := a.meant(ctx, do.source()); err != nil {
		if right && ch.connectedToOther(do.SourceUUID) {
			return errors.Join(err, a.Exec(ctx, w.stopReceiver()))
		}
		return err
	}
	if err := a.readyToFollow(ctx, w, now, do.SemiSync); err != nil {
		return err
	}
	switch {
	case !right:
		if err = a.configure(ctx, w, do, ch); err == nil {
			a.gavePassword = now.uuid
		}
	case do.RenewPassword, !ch.securedAs(do.TLS):
		if err = a.renewAccess(ctx, w, do, ch); err == nil && do.RenewPassword {
			a.gavePassword = now.uuid
		}
	case ch.IO != ThreadNo && now.otherwise(do.SemiSync):
		// A running receiver does not notice that the replica's setting changed.
		err = a.Exec(ctx, w.stopReceiver())
	}
	if err != nil {
		return err
	}
	if err := a.Exec(ctx, w.start()); err != nil {
		return err
	}
	shown := ""
	if ch != nil && ch.SourcePort == do.SourcePort && strings.EqualFold(ch.SourceHost, do.SourceHost) {
		// CHANGE empties it only where it changes one of these.
		shown = ch.SourceUUID
	}
	if err := a.awaitStream(ctx, w, do.source(), shown); err != nil {
		return err
	}
	if ch == nil {
		// It was no replica until now: whoever is connected takes it for the source.
		a.killClients(ctx, w)
	}
	return a.persistReplica(ctx, w, do.SemiSync)
}

// holdForGood fences a server that is to follow, and its next start with it: replication
// begins by itself after a restart, and must not find a server that takes writes. One
// that is persisted so already costs no write, which clients may be waiting for.
func (a *actor) holdForGood(ctx context.Context, w words, now *follower) error {
	if !now.fenced() {
		how := toFollow
		if !now.persisted {
			how.scope = setPersist
		}
		var err error
		now.basics, err = a.fence(ctx, w, how)
		return err
	}
	if now.persisted {
		return nil
	}
	var set assignments
	set.readOnly(setPersist, true)
	return a.Exec(ctx, set.statement())
}

// leadsTo says whether the channel is as an attachment by that user leaves it.
func (c *Channel) leadsTo(do Attach, user string) bool {
	return c.AutoPosition && c.User == user && c.SourcePort == do.SourcePort && strings.EqualFold(c.SourceHost, do.SourceHost)
}

// holdBack fences a server that is to follow others.
func (a *actor) holdBack(ctx context.Context, w words) error {
	b, err := a.basics(ctx)
	if err != nil || b.fenced() {
		return err
	}
	_, err = a.fence(ctx, w, toFollow)
	return err
}

// toFollow is the fence of a server that becomes a replica.
var toFollow = fencing{timeout: attachFenceTimeout, kill: true, releaseAcks: true, scope: setGlobal}

// harmless refuses to attach a server that holds what its source lacks. When the
// relay log is about to be thrown away, what it holds counts as well.
func (a *actor) harmless(ctx context.Context, do Attach, executed gtid.Set, ch *Channel, keepsRelayLog bool) error {
	within := do.Within
	if within == nil && do.WithinFact != "" {
		set, err := a.fact(do.WithinFact)
		if err != nil {
			return err
		}
		within = &set
	}
	if within == nil {
		return nil
	}
	holds := executed
	if ch != nil && !keepsRelayLog {
		holds = holds.Union(ch.Retrieved)
	}
	if within.Contains(holds) {
		return nil
	}
	// The source has gone on since it was asked, and this server has followed it.
	now := *within
	if source, err := a.executedOn(ctx, do.Source); err == nil {
		now = now.Union(source)
	}
	if extra := holds.Subtract(now); !extra.Empty() {
		return fmt.Errorf("it holds %d transaction(s) that %s lacks: %s", extra.Count(), do.Source, shorten(extra.String()))
	}
	return nil
}

// configure points the channel at the source. The relay log goes.
func (a *actor) configure(ctx context.Context, w words, do Attach, ch *Channel) error {
	if ch != nil && ch.IO == ThreadNo && ch.SQL != ThreadNo {
		// A failover has stopped the receiver, or its source died while it sent something.
		if err := a.shedHalf(ctx, w, do.source()); err != nil {
			return err
		}
	}
	if ch != nil && (ch.IO != ThreadNo || ch.SQL != ThreadNo) {
		if err := a.Exec(ctx, w.stop()); err != nil {
			return err
		}
	}
	args := append([]any{do.SourceHost, do.SourcePort, a.replicationUser, a.replicationPassword.Reveal()}, do.TLS.arguments()...)
	return a.ExecSecret(ctx, w.change(do.TLS), args...)
}

// renewAccess gives the receiver its credential and its TLS without losing the relay
// log: the server keeps it only while the applier runs.
func (a *actor) renewAccess(ctx context.Context, w words, do Attach, ch *Channel) error {
	if ch.IO != ThreadNo {
		if err := a.Exec(ctx, w.stopReceiver()); err != nil {
			return err
		}
	}
	if ch.SQL != ThreadYes {
		if err := a.Exec(ctx, w.startApplier()); err != nil {
			return err
		}
		now, _, err := a.channel(ctx, w)
		if err != nil {
			return err
		}
		b, err := a.basics(ctx)
		if err != nil {
			return err
		}
		if (now == nil || now.SQL != ThreadYes) && !b.executed.Contains(ch.Retrieved) {
			return errors.New("the applier does not run, and new access to the source would cost the relay log with transactions not executed yet: mend the applier first")
		}
	}
	statement, args := w.changeTLS(do.TLS), do.TLS.arguments()
	if do.RenewPassword {
		statement = w.changeAccess(do.TLS)
		args = append([]any{a.replicationUser, a.replicationPassword.Reveal()}, args...)
	}
	err := a.ExecSecret(ctx, statement, args...)
	if err != nil && ch.IO != ThreadNo {
		// As it was it may go on.
		return errors.Join(err, a.Exec(ctx, w.startReceiver()))
	}
	return err
}

// follower is what is looked at before a server is made to follow another.
type follower struct {
	basics
	// persisted: a restart comes up fenced.
	persisted bool
	// waits: the semi-sync source side is on.
	waits bool
	// acknowledges: the replica side is on; active: its receiver works so.
	acknowledges, active bool
	// netTimeout of the receiver, in seconds.
	netTimeout int
}

// otherwise says whether the replica side is not as wanted, or the running receiver
// does not know it yet.
func (f follower) otherwise(acknowledges bool) bool {
	return f.acknowledges != acknowledges || f.active != acknowledges
}

// asFollower reads it in one look, because clients may wait for the replica.
func (a *actor) asFollower(ctx context.Context, w words) (follower, error) {
	var now follower
	var executed string
	var active, persisted sql.NullString
	waits, acknowledges := "0", "0"
	if w.sourcePlugin != "" {
		waits = "@@GLOBAL." + w.sourceVariable("enabled")
	}
	if w.replicaPlugin != "" {
		acknowledges = "@@GLOBAL." + w.replicaVariable("enabled")
	}
	// The status variable has the name of a system variable that does not exist.
	query := "SELECT @@GLOBAL.server_uuid, @@GLOBAL.read_only, @@GLOBAL.super_read_only, @@GLOBAL.gtid_executed, @@GLOBAL." + w.netTimeout() +
		", " + waits + ", " + acknowledges +
		", (SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = '" + w.replicaVariable("status") + "')" +
		", (SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME = 'super_read_only')"
	if err := a.Row(ctx, query, nil, &now.uuid, &now.readOnly, &now.superReadOnly, &executed, &now.netTimeout,
		&now.waits, &now.acknowledges, &active, &persisted); err != nil {
		return now, err
	}
	now.persisted = strings.EqualFold(persisted.String, "ON")
	now.active = strings.EqualFold(active.String, "ON")
	var err error
	now.executed, err = gtid.Parse(executed)
	return now, err
}

// readyToFollow readies semi-sync for a server that follows, without a wait. A source
// side that is on would have the applier's commits wait for acknowledgements, and
// switching it off holds up everybody who connects for as long as a second while
// semi-sync replicas are attached; with no patience it does not wait, and
// persistReplica switches it off later.
func (a *actor) readyToFollow(ctx context.Context, w words, now follower, acknowledges bool) error {
	var set assignments
	if now.waits {
		set.add(setGlobal, w.sourceVariable("timeout"), "0")
	}
	if now.netTimeout != netTimeoutSeconds {
		set.netTimeout(setGlobal, w)
	}
	if now.acknowledges != acknowledges {
		set.replica(setGlobal, w, acknowledges)
	}
	if len(set) == 0 {
		return nil
	}
	return a.Exec(ctx, set.statement())
}

// persistReplica has the server come up as a replica after a restart.
func (a *actor) persistReplica(ctx context.Context, w words, acknowledges bool) error {
	var set assignments
	set.readOnly(setPersist, true)
	set.netTimeout(setPersist, w)
	set.replica(setPersist, w, acknowledges)
	// Last: it can take a second, see acknowledge.
	set.source(setPersist, w, SemiSyncWant{})
	return a.Exec(ctx, set.statement())
}

// detach takes a server out of replication.
func (a *actor) detach(ctx context.Context, w words, do Detach) error {
	if err := a.holdBack(ctx, w); err != nil {
		return err
	}
	ch, _, err := a.channel(ctx, w)
	if err != nil {
		return err
	}
	if ch != nil {
		if ch.IO != ThreadNo || ch.SQL != ThreadNo {
			if err := a.Exec(ctx, w.stop()); err != nil {
				return err
			}
		}
		if !do.KeepChannel {
			if err := a.removeChannel(ctx, w, do.Elsewhere); err != nil {
				return err
			}
		}
	}
	return a.persistReplica(ctx, w, false)
}

// removeChannel removes a channel that is stopped, and its relay log with it, unless that
// holds what was neither executed nor is elsewhere: it went on to receive until it stopped,
// and its source may be gone by now.
func (a *actor) removeChannel(ctx context.Context, w words, elsewhere gtid.Set) error {
	ch, _, err := a.channel(ctx, w)
	if err != nil || ch == nil {
		return err
	}
	b, err := a.basics(ctx)
	if err != nil {
		return err
	}
	if !b.executed.Union(elsewhere).Contains(ch.Retrieved) {
		return nil
	}
	return a.Exec(ctx, w.resetReplicaAll())
}

// setSemiSync changes semi-sync and nothing else.
func (a *actor) setSemiSync(ctx context.Context, w words, do SetSemiSync) error {
	if err := acknowledgeable(w, do.Source); err != nil {
		return err
	}
	if do.Replica && w.replicaPlugin == "" {
		return errors.New("the semi-sync replica plugin is not loaded: INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'")
	}
	ch, _, err := a.channel(ctx, w)
	if err != nil {
		return err
	}
	if do.Source.Enabled && ch != nil && ch.SQL != ThreadNo {
		return errors.New("it replicates: with the semi-sync source on, its applier would wait for acknowledgements")
	}
	now, err := a.asFollower(ctx, w)
	if err != nil {
		return err
	}
	var set assignments
	set.replica(setPersist, w, do.Replica)
	set.source(setPersist, w, do.Source)
	if len(set) > 0 {
		if err := a.Exec(ctx, set.statement()); err != nil {
			return err
		}
	}
	if !now.otherwise(do.Replica) || ch == nil || ch.IO == ThreadNo {
		return nil
	}
	if err := a.Exec(ctx, w.stopReceiver()); err != nil {
		return err
	}
	if err := a.Exec(ctx, w.startReceiver()); err != nil {
		return err
	}
	return a.awaitThreads(ctx, w)
}
