// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/mysql/shared"
)

const (
	// patience is how long a pass waits for a server to start or to stop; that goes on without it.
	patience = 3 * time.Second
	// startTimeout bounds a start, which may wait for the group a minute, and the stop before
	// it; and a stop, which without a quorum takes half a minute.
	startTimeout = 150 * time.Second
	// retryPause lies between a start or stop that failed and the next.
	retryPause = 10 * time.Second
)

// join starts Group Replication on a server that is out of the group.
func (a *actor) join(ctx context.Context, do Join) error {
	if busy, err := a.recently(); busy || err != nil {
		return err
	}
	// What it holds is compared after nobody can add to it.
	if err := a.fence(ctx, false); err != nil {
		return err
	}
	s, err := a.now(ctx)
	if err != nil || s.InGroup() {
		return err
	}
	if !s.SuperReadOnly {
		return errors.New("it was made read-only and takes writes again")
	}
	donor, _, err := a.other(do.Donor)
	if err != nil {
		return err
	}
	_, executed, queued, err := donor.holds(ctx)
	if err != nil {
		return fmt.Errorf("what %s holds: %w", do.Donor, err)
	}
	if extra := s.Holds().Subtract(executed.Union(queued)); !extra.Empty() {
		return fmt.Errorf("it holds %d transaction(s) that the group lacks: %s", extra.Count(), shared.Shorten(extra.String()))
	}
	return a.beside(ctx, patience, func(ctx context.Context) error {
		if err := a.prepare(ctx, s, do.Settings); err != nil {
			return a.joinFailed(err)
		}
		return a.joinFailed(a.Exec(ctx, startStatement))
	})
}

// errJoin marks the failure of a start that asked an existing group.
var errJoin = errors.New("joining the group")

func (a *actor) joinFailed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errJoin, err)
}

const startStatement = "START GROUP_REPLICATION"

// recently says whether a start or stop is under way, or how it failed a moment ago.
func (h *handle) recently() (busy bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failed != nil && time.Since(h.ended) < retryPause {
		return false, h.failed
	}
	return h.underWay, nil
}

// beside starts or stops the server and waits for that for a while. It goes on after that: a
// server cannot be told to stop waiting for the group, and nobody else is to wait with it.
func (h *handle) beside(ctx context.Context, patience time.Duration, start func(context.Context) error) error {
	h.mu.Lock()
	h.underWay, h.failed = true, nil
	h.mu.Unlock()
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
		defer cancel()
		err := start(ctx)
		h.mu.Lock()
		h.underWay, h.failed, h.ended = false, err, time.Now()
		h.mu.Unlock()
		done <- err
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// setSeeds is persisted: a server that restarts by itself has them too.
const setSeeds = "SET PERSIST group_replication_group_seeds=?"

// prepare gives a server that is out of a group what it needs for the start.
func (a *actor) prepare(ctx context.Context, s *Server, set Settings) error {
	if s.Self() == MemberError {
		// It has not stopped yet.
		if err := a.Exec(ctx, stopStatement); err != nil {
			return err
		}
	}
	// Persisted: a member that restarts takes no writes before the group says so. The group
	// sets and clears the variable of a running member by itself.
	if err := a.Exec(ctx, persistReadOnly); err != nil {
		return err
	}
	if s.Config.Bootstrap {
		if err := a.Exec(ctx, "SET GLOBAL group_replication_bootstrap_group=OFF"); err != nil {
			return err
		}
	}
	for name, value := range map[string]string{
		"group_name": set.GroupName, "local_address": set.LocalAddress, "group_seeds": set.Seeds,
	} {
		if value == "" {
			continue
		}
		// A server that restarts by itself has them too.
		if err := a.Exec(ctx, "SET PERSIST group_replication_"+name+"=?", value); err != nil {
			return err
		}
	}
	if !s.Config.RecoveryTLS && !s.Config.RecoveryKey {
		// Without TLS a password of caching_sha2_password goes under the server's key.
		if err := a.Exec(ctx, "SET PERSIST group_replication_recovery_get_public_key=ON"); err != nil {
			return err
		}
	}
	return a.credentials(ctx)
}

// credentials gives the recovery channel its user and password.
func (a *actor) credentials(ctx context.Context) error {
	var uuid string
	if err := a.Row(ctx, "SELECT @@GLOBAL.server_uuid", nil, &uuid); err != nil {
		return err
	}
	err := a.ExecSecret(ctx, "CHANGE REPLICATION SOURCE TO SOURCE_USER=?, SOURCE_PASSWORD=? FOR CHANNEL 'group_replication_recovery'",
		a.replicationUser, a.replicationPassword.Reveal())
	if err == nil {
		a.mu.Lock()
		a.gave = uuid
		a.mu.Unlock()
	}
	return err
}

// has says whether a server was given this handle's credential by this process.
func (h *handle) has(uuid string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gave == uuid
}

// bootstrap makes a group of the server.
func (a *actor) bootstrap(ctx context.Context, do Bootstrap) (err error) {
	s, err := a.now(ctx)
	switch {
	case err != nil:
		return err
	case s.HasMajority():
		return nil
	case s.InGroup():
		return fmt.Errorf("it is %s in a group already", s.Self())
	}
	busy, err := a.recently()
	if errors.Is(err, errJoin) {
		// The group that it asked is no more: that says nothing of a start without one.
		err = nil
	}
	if err != nil || busy {
		return errors.Join(err, errors.New("a start of Group Replication has just been tried"))
	}
	if err := a.aloneIn(ctx, do, s.Holds()); err != nil {
		return err
	}
	if err := a.prepare(ctx, s, do.Settings); err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
		defer cancel()
		if off := a.Exec(ctx, "SET GLOBAL group_replication_bootstrap_group=OFF"); off != nil {
			err = errors.Join(err, fmt.Errorf("and bootstrapping could not be switched off again: %w", off))
		}
	}()
	if err := a.Exec(ctx, "SET GLOBAL group_replication_bootstrap_group=ON"); err != nil {
		return err
	}
	start := func(ctx context.Context) error { return a.Exec(ctx, startStatement) }
	if err := a.beside(ctx, bootstrapDeadline-slack-tidyTimeout, start); err != nil {
		return err
	}
	if s, err = a.now(ctx); err == nil && !s.HasMajority() {
		err = fmt.Errorf("the group was bootstrapped and the member is %s", s.Self())
	}
	return err
}

// aloneIn says why somebody else stands against a bootstrap here: one who does not
// answer, one who is in a group, one who holds more.
func (a *actor) aloneIn(ctx context.Context, do Bootstrap, holds gtid.Set) error {
	return errors.Join(a.among(ctx, do.Others, holds, false), a.among(ctx, do.Lost, holds, true))
}

// among says who of the named stands against others' going on without him, who hold that
// much. Those that are lost may give no answer; who refuses one is there.
func (a *actor) among(ctx context.Context, names []string, holds gtid.Set, lost bool) error {
	errs := make([]error, len(names))
	conn.Each(len(names), func(i int) {
		name := names[i]
		h, n, err := a.other(name)
		if err != nil {
			errs[i] = err
			return
		}
		if busy, _ := h.recently(); busy {
			// It may be making a group: it is OFFLINE until that is done.
			errs[i] = fmt.Errorf("a start or stop of Group Replication on %s has not ended", name)
			return
		}
		s, err := h.look(ctx, n)
		if err == nil || !lost || conn.ReachOf(err) == shared.ReachError {
			errs[i] = against(name, s, err, holds)
		}
	})
	return errors.Join(errs...)
}

// against says why a server stands against others' going on without it: it does not answer,
// is in a group, or holds more than they do.
func against(name string, s *Server, err error, holds gtid.Set) error {
	switch {
	case conn.ReachOf(err) == shared.ReachError:
		return fmt.Errorf("%s is there, and it cannot be seen whether it is in a group: %w", name, err)
	case err != nil:
		return fmt.Errorf("%s does not answer any more: %w", name, err)
	case s.InGroup():
		return fmt.Errorf("%s is %s in a group", name, s.Self())
	case !holds.Contains(s.Holds()):
		extra := s.Holds().Subtract(holds)
		return fmt.Errorf("%s holds %d transaction(s) more: %s", name, extra.Count(), shared.Shorten(extra.String()))
	}
	return nil
}

// forceMembers has the members that are left go on alone.
func (a *actor) forceMembers(ctx context.Context, do ForceMembers) error {
	s, err := a.now(ctx)
	switch {
	case err != nil:
		return err
	case s.HasMajority():
		return nil
	case s.Self() != MemberOnline:
		return fmt.Errorf("it is %s: only an ONLINE member can be forced", s.Self())
	}
	var addresses []string
	var holds gtid.Set
	for _, name := range do.Names {
		h, n, err := a.other(name)
		if err != nil {
			return err
		}
		m, err := h.look(ctx, n)
		switch {
		case err != nil:
			return fmt.Errorf("%s does not answer: %w", name, err)
		case m.Self() != MemberOnline || m.HasMajority() || !s.reaches(m.UUID) || m.ViewID != s.ViewID:
			return fmt.Errorf("%s is not of the same view any more", name)
		}
		addresses, holds = append(addresses, m.Config.LocalAddress), holds.Union(m.Holds())
	}
	// Last, because it counts at the moment of the force: the user has given up those that
	// were not seen, and not somebody who is there.
	if err := a.among(ctx, do.Others, holds, true); err != nil {
		return err
	}
	force := a.Exec(ctx, "SET GLOBAL group_replication_force_members=?", strings.Join(addresses, ","))
	// It must be empty again before the next start.
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	if off := a.Exec(tidy, "SET GLOBAL group_replication_force_members=''"); off != nil {
		force = errors.Join(force, fmt.Errorf("and group_replication_force_members could not be emptied again: %w", off))
	}
	if force != nil {
		return force
	}
	if s, err = a.now(ctx); err == nil && !s.HasMajority() {
		err = errors.New("the members were forced and there is no majority yet")
	}
	return err
}
