// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// actor runs one action on one server.
type actor struct {
	*handle
	node Node
	// other returns the handle of another node.
	other func(name string) (*handle, Node, error)

	replicationUser     string
	replicationPassword credential.Password
}

// run is the list of what can be done.
func (a *actor) run(ctx context.Context, action reconcile.Action) error {
	switch do := action.(type) {
	case Bootstrap:
		return a.bootstrap(ctx, do)
	case Join:
		return a.join(ctx, do)
	case Leave:
		return a.leave(ctx)
	case Dissolve:
		return a.dissolve(ctx)
	case Fence:
		return a.fence(ctx, do.Persist)
	case Disarm:
		return a.disarm(ctx)
	case Welcome:
		return a.welcome(ctx)
	case SetRecoveryUser:
		return a.credentials(ctx)
	case SetSeeds:
		return a.Exec(ctx, setSeeds, do.Seeds)
	case CatchUp:
		return a.catchUp(ctx, do)
	case SetPrimary:
		return a.setPrimary(ctx, do)
	case ExpelClients:
		return a.expelClients(ctx)
	case ForceMembers:
		return a.forceMembers(ctx, do)
	}
	return fmt.Errorf("%T is not an action of a MySQL group", action)
}

const (
	// slack is what an action may take beyond the time that it names itself.
	slack = 5 * time.Second
	// bootstrapDeadline and forceDeadline bound statements that wait for the group.
	bootstrapDeadline = 45 * time.Second
	forceDeadline     = 60 * time.Second
	// tidyTimeout bounds what is done to leave a server as it should be.
	tidyTimeout = 3 * time.Second
)

// Deadline implements reconcile.Deadliner.
func (Bootstrap) Deadline() time.Duration { return bootstrapDeadline }

// Deadline implements reconcile.Deadliner.
func (ForceMembers) Deadline() time.Duration { return forceDeadline }

// Deadline implements reconcile.Deadliner.
func (c CatchUp) Deadline() time.Duration { return c.Timeout + c.Linger + slack }

// now looks at the server again.
func (a *actor) now(ctx context.Context) (*Server, error) { return a.look(ctx, a.node) }

// persistReadOnly makes a server read-only now and after each restart.
const persistReadOnly = "SET PERSIST super_read_only=ON, PERSIST read_only=ON"

// fence makes a server read-only that is in no group; with persist, after a restart as well.
func (a *actor) fence(ctx context.Context, persist bool) error {
	s, err := a.now(ctx)
	switch {
	case err != nil:
		return err
	case s.InGroup():
		return nil
	case persist && !s.staysReadOnly():
		return a.Exec(ctx, persistReadOnly)
	case s.ReadOnly && s.SuperReadOnly:
		return nil
	}
	return a.Exec(ctx, "SET GLOBAL super_read_only=ON")
}

// disarm takes back what is on for the time of a start or a force only.
func (a *actor) disarm(ctx context.Context) error {
	s, err := a.now(ctx)
	if err != nil {
		return err
	}
	if s.Config.Bootstrap {
		if err := a.Exec(ctx, "SET GLOBAL group_replication_bootstrap_group=OFF"); err != nil {
			return err
		}
	}
	if s.Config.ForceMembers == "" {
		return nil
	}
	return a.Exec(ctx, "SET GLOBAL group_replication_force_members=''")
}

// welcome lets clients in again.
func (a *actor) welcome(ctx context.Context) error {
	s, err := a.now(ctx)
	switch {
	case err != nil || !s.OfflineMode:
		return err
	case !s.HasMajority():
		return errors.New("it is not an ONLINE member of the group any more")
	}
	return a.Exec(ctx, "SET GLOBAL offline_mode=OFF")
}

// leave stops Group Replication on a member that the spec does not name. A later pass sees
// that it is out, where the stop takes long.
func (a *actor) leave(ctx context.Context) error {
	if busy, err := a.recently(); busy || err != nil {
		return err
	}
	s, err := a.now(ctx)
	if err != nil {
		return err
	}
	if !s.InGroup() {
		return a.fence(ctx, true)
	}
	if why := s.cannotLeave(); why != "" {
		return errors.New(why)
	}
	return a.beside(ctx, patience, func(ctx context.Context) error {
		if err := a.Exec(ctx, "SET PERSIST group_replication_start_on_boot=OFF"); err != nil {
			return err
		}
		if err := a.Exec(ctx, stopStatement); err != nil {
			return err
		}
		// A member that was adopted was never made ready by a join.
		return a.fence(ctx, true)
	})
}

const stopStatement = "STOP GROUP_REPLICATION"

// cannotLeave says why a member must not leave its group; "" when it may: more than half
// of the others are alive.
func (s *Server) cannotLeave() string {
	others, alive := 0, 0
	for _, m := range s.Members {
		if m.UUID == s.UUID {
			continue
		}
		others++
		if m.State == MemberOnline {
			alive++
		}
	}
	switch {
	case others == 0:
		return "it is the only member of the group"
	case 2*alive <= others:
		return fmt.Sprintf("only %d of the %d other members are ONLINE: the group would lose its quorum without it", alive, others)
	}
	return ""
}

// dissolve stops a member whose group will not have a quorum again. That takes the server
// half a minute; a later pass sees that it is out.
func (a *actor) dissolve(ctx context.Context) error {
	if busy, err := a.recently(); busy || err != nil {
		return err
	}
	s, err := a.now(ctx)
	switch {
	case err != nil || s.Out():
		return err
	case s.reachesMajority():
		return errors.New("it sees a majority of the group again")
	}
	return a.beside(ctx, patience, func(ctx context.Context) error { return a.Exec(ctx, stopStatement) })
}

// expelClients ends the connections of clients to a server that is read-only.
func (a *actor) expelClients(ctx context.Context) error {
	s, err := a.now(ctx)
	if err != nil || !s.SuperReadOnly {
		return err
	}
	a.Kill(ctx, a.Clients(ctx, true, a.replicationUser))
	return nil
}

// catchUp waits; the primary goes on writing meanwhile.
func (a *actor) catchUp(ctx context.Context, do CatchUp) error {
	began := time.Now()
	if err := a.AwaitExecuted(ctx, do.Set, do.Timeout); err != nil {
		return err
	}
	if rest := do.Linger - time.Since(began); rest > 0 && !conn.Pause(ctx, rest) {
		return ctx.Err()
	}
	if do.Primary == "" {
		return nil
	}
	h, _, err := a.other(do.Primary)
	if err != nil {
		return err
	}
	set, err := h.Executed(ctx)
	if err != nil {
		return fmt.Errorf("gtid_executed of %s: %w", do.Primary, err)
	}
	return a.AwaitExecuted(ctx, set, do.Timeout)
}

// withTimeouts is the first version whose election takes a timeout for transactions.
var withTimeouts = conn.Version{Major: 8, Minor: 0, Patch: 29}

// verifyTimeout bounds the wait for an elected member to be writable.
const verifyTimeout = 3 * time.Second

// setPrimary has the group elect the server.
func (a *actor) setPrimary(ctx context.Context, do SetPrimary) error {
	s, err := a.now(ctx)
	switch {
	case err != nil:
		return err
	case s.UUID != do.UUID:
		return fmt.Errorf("another server answers, with server_uuid %s", s.UUID)
	case !s.HasMajority():
		return errors.New("it is not an ONLINE member of a group with quorum")
	}
	if m := s.sees(s.UUID); m.Primary && s.Writable() {
		return nil
	}
	v, err := conn.ParseVersion(s.Version)
	if err != nil {
		return err
	}
	query, args := "SELECT group_replication_set_as_primary(?)", []any{do.UUID}
	if v.AtLeast(withTimeouts) {
		query, args = "SELECT group_replication_set_as_primary(?, ?)", []any{do.UUID, int(do.Transactions.Seconds())}
	}
	var said string
	if err := a.Row(ctx, query, args, &said); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		if s, err = a.now(ctx); err != nil {
			return err
		}
		if m := s.sees(s.UUID); m != nil && m.Primary && s.Writable() {
			return nil
		}
		if !conn.Pause(ctx, pause) {
			return fmt.Errorf("it was elected and takes no writes within %s: %s", verifyTimeout, shared.Shorten(said))
		}
	}
}
