// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/redis/conn"
	"github.com/upmio/compose-operator/internal/server"
)

// actor runs one action on one server.
type actor struct {
	*handle
	node  Member
	facts reconcile.Facts
	tls   bool
	// other returns the handle of another node.
	other func(name string) (*handle, Member, error)
}

// run is the list of what can be done. It returns what was learned.
func (a *actor) run(ctx context.Context, action reconcile.Action) (reconcile.Facts, error) {
	switch do := action.(type) {
	case Configure:
		return nil, a.configure(ctx)
	case Follow:
		return nil, a.follow(ctx, do)
	case Detach:
		return nil, a.detach(ctx)
	case Release:
		return nil, a.release(ctx)
	case Shut:
		return nil, a.shut(ctx)
	case Open:
		return nil, a.open(ctx)
	case MakeSource:
		return nil, a.makeSource(ctx, do)
	case CatchUp:
		return nil, a.catchUp(ctx, do)
	case Handover:
		return a.handOver(ctx, do)
	case FenceSource:
		return a.fenceSource(ctx, do)
	case Promote:
		return a.promote(ctx, do)
	case Expel:
		return nil, a.expel(ctx)
	case Abort:
		return nil, a.abort(ctx)
	case Persist:
		return nil, a.persist(ctx)
	}
	return nil, fmt.Errorf("%T is not an action of Redis replication", action)
}

// now looks at the server again.
func (a *actor) now(ctx context.Context) (*Server, error) { return a.look(ctx, a.node) }

// peer looks at another node.
func (a *actor) peer(ctx context.Context, name string) (*Server, error) {
	h, m, err := a.other(name)
	if err != nil {
		return nil, err
	}
	s, err := h.look(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func (a *actor) set(ctx context.Context, name string, value any) error {
	_, err := a.Do(ctx, "CONFIG", "SET", name, value)
	return err
}

// configure sets what differs, and keeps it in the server's file where it has one.
func (a *actor) configure(ctx context.Context) error {
	s, err := a.now(ctx)
	if err != nil {
		return err
	}
	if err := a.prepare(ctx, s); err != nil {
		return err
	}
	if s.WritableReplica {
		if err := a.set(ctx, "replica-read-only", "yes"); err != nil {
			return err
		}
	}
	return a.rewrite(ctx, s)
}

// prepare sets what a server needs to follow another one.
func (a *actor) prepare(ctx context.Context, s *Server) error {
	c := s.Config
	if c == nil {
		return nil
	}
	if !c.AuthOK {
		// masteruser before masterauth: with the new password and the old user nobody gets in.
		if err := a.DoSecret(ctx, "CONFIG", "SET", "masteruser", a.User); err != nil {
			return err
		}
		if err := a.DoSecret(ctx, "CONFIG", "SET", "masterauth", a.Password.Reveal()); err != nil {
			return err
		}
	}
	if c.TLSReplication != a.tls {
		yes := "no"
		if a.tls {
			yes = "yes"
		}
		if err := a.set(ctx, "tls-replication", yes); err != nil {
			return err
		}
	}
	if c.AnnounceHost != s.AnnounceHost {
		if err := a.set(ctx, "replica-announce-ip", s.AnnounceHost); err != nil {
			return err
		}
	}
	if c.AnnouncePort != s.AnnouncePort {
		return a.set(ctx, "replica-announce-port", s.AnnouncePort)
	}
	return nil
}

// rewrite has the server write its configuration file, where it has one. A file that cannot be
// written (a ConfigMap) is not an error. Never while a fence is up: it must end with the process.
func (a *actor) rewrite(ctx context.Context, s *Server) error {
	if s.ConfigFile == "" || s.Fenced() || s.Config == nil {
		return nil
	}
	if _, err := a.Do(ctx, "CONFIG", "REWRITE"); err != nil && !conn.Answered(err) {
		return err
	}
	return nil
}

func (a *actor) persist(ctx context.Context) error {
	s, err := a.now(ctx)
	if err != nil {
		return err
	}
	return a.rewrite(ctx, s)
}

// replicaOf sends REPLICAOF.
func (a *actor) replicaOf(ctx context.Context, host string, port int32) error {
	_, err := a.Do(ctx, "REPLICAOF", host, strconv.Itoa(int(port)))
	return err
}

// follow makes the server a replica of another one, if both are what they were.
func (a *actor) follow(ctx context.Context, do Follow) error {
	src, err := a.peer(ctx, do.Source)
	if err != nil {
		return err
	}
	want := do.SourceID
	if do.SourceFact {
		want = a.facts[replIDOf(do.Source)]
	}
	s, err := a.now(ctx)
	switch {
	case err != nil:
		return err
	case s.Follows(src):
		return a.unfenceReplica(ctx, s)
	case src.Replica:
		return fmt.Errorf("%s replicates itself", do.Source)
	case want == "" || src.ReplID != want:
		return fmt.Errorf("%s is not what it was (another replication id)", do.Source)
	}
	if err := changed(s, do); err != nil {
		return err
	}
	if err := a.prepare(ctx, s); err != nil {
		return err
	}
	if s.WritableReplica {
		if err := a.set(ctx, "replica-read-only", "yes"); err != nil {
			return err
		}
	}
	if err := a.replicaOf(ctx, src.AnnounceHost, src.AnnouncePort); err != nil {
		return err
	}
	return a.unfenceReplica(ctx, s)
}

// changed says whether a server holds more than the plan was made for.
func changed(s *Server, do Follow) error {
	switch {
	case do.Discard || s.Keys == 0:
	case do.Fenced && s.Master() && s.Fenced() && s.ReplID == do.ID:
	case s.ReplID != do.ID && (!s.Replica || s.ReplID2 != do.ID):
		return errors.New("it holds something else than before (another replication id)")
	case s.Master() && s.Offset > do.Offset:
		return fmt.Errorf("it was written to meanwhile (%d bytes)", s.Offset-do.Offset)
	}
	return nil
}

// unfenceReplica takes off a fence that a replica does not need, and persists what it is.
func (a *actor) unfenceReplica(ctx context.Context, s *Server) error {
	if err := a.unfence(ctx, s); err != nil {
		return err
	}
	s.Config = &Config{}
	return a.rewrite(ctx, s)
}

// detach points the server at nowhere.
func (a *actor) detach(ctx context.Context) error {
	s, err := a.now(ctx)
	if err != nil {
		return err
	}
	if s.WritableReplica {
		if err := a.set(ctx, "replica-read-only", "yes"); err != nil {
			return err
		}
	}
	if !s.Detached() {
		if err := a.replicaOf(ctx, nowhereHost, nowherePort); err != nil {
			return err
		}
	}
	// Also in its file: a process that starts anew must not go back to a source that may be empty.
	return a.unfenceReplica(ctx, s)
}

// release has a server stand alone.
func (a *actor) release(ctx context.Context) error {
	s, err := a.now(ctx)
	if err != nil {
		return err
	}
	if s.Replica {
		if _, err := a.Do(ctx, "REPLICAOF", "NO", "ONE"); err != nil {
			return err
		}
	}
	if err := a.unfence(ctx, s); err != nil {
		return err
	}
	s.Config = &Config{}
	return a.rewrite(ctx, s)
}

// shut fences a server and ends its clients' connections.
func (a *actor) shut(ctx context.Context) error {
	s, err := a.now(ctx)
	if err != nil || s.Replica {
		return err
	}
	if err := a.fence(ctx, s); err != nil {
		return err
	}
	return a.KillClients(ctx)
}

// fence makes a server refuse writes, and verifies that it does.
func (a *actor) fence(ctx context.Context, s *Server) error {
	if s.Fenced() {
		return nil
	}
	if s.Config == nil {
		return errors.New("the operator's user may not run CONFIG, and cannot fence the server")
	}
	base := int64(fenceBase)
	if s.Config.MaxLag == 0 {
		base = laxBase
		if err := a.set(ctx, "min-replicas-max-lag", 10); err != nil {
			return err
		}
	}
	if err := a.set(ctx, "min-replicas-to-write", base+min(s.Config.MinReplicas, 1_000_000)); err != nil {
		return err
	}
	after, err := a.now(ctx)
	switch {
	case err != nil:
		return err
	case after.Replica:
	case !after.Fenced() || after.Config.MaxLag == 0:
		return errors.New("it took min-replicas-to-write, and does not have it")
	}
	return nil
}

// unfence gives a server back what the fence has replaced.
func (a *actor) unfence(ctx context.Context, s *Server) error {
	if !s.Fenced() {
		return nil
	}
	was := s.Config.MinReplicas
	if was >= laxBase {
		if err := a.set(ctx, "min-replicas-max-lag", 0); err != nil {
			return err
		}
		return a.set(ctx, "min-replicas-to-write", was-laxBase)
	}
	return a.set(ctx, "min-replicas-to-write", was-fenceBase)
}

// open lets clients write to a source.
func (a *actor) open(ctx context.Context) error {
	s, err := a.now(ctx)
	switch {
	case err != nil:
		return err
	case s.Replica:
		return errors.New("it is a replica now")
	}
	return a.unfence(ctx, s)
}

// makeSource has a detached replica replicate from nobody.
func (a *actor) makeSource(ctx context.Context, do MakeSource) error {
	s, err := a.now(ctx)
	switch {
	case err != nil:
		return err
	case s.ReplID != do.ID && s.ReplID2 != do.ID:
		return errors.New("it holds something else than before (another replication id)")
	}
	if s.Replica {
		if _, err := a.Do(ctx, "REPLICAOF", "NO", "ONE"); err != nil {
			return err
		}
	}
	if err := a.unfence(ctx, s); err != nil {
		return err
	}
	return a.rewrite(ctx, s)
}

// The pauses between two looks at a server that is waited for.
const (
	firstPause   = time.Millisecond
	longestPause = 20 * time.Millisecond
)

// await looks until done says so.
func await(ctx context.Context, look func() (done bool, err error)) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		done, err := look()
		if done || err != nil {
			return err
		}
		if !server.Pause(ctx, pause) {
			return ctx.Err()
		}
	}
}
