// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/redis/conn"
	"github.com/upmio/compose-operator/internal/server"
)

// actor runs one action on one server.
type actor struct {
	*handle
	node Member
	tls  bool
	// other returns the handle of another node.
	other func(name string) (*handle, Member, error)
	// at opens a connection to a member at another address; the caller closes it.
	at func(m Member, at conn.Access) (*conn.Client, error)
	// count is told how many keys were moved.
	count func(keys int)
}

// run is the list of what can be done.
func (a *actor) run(ctx context.Context, action reconcile.Action) error {
	switch do := action.(type) {
	case Configure:
		return a.configure(ctx, do)
	case Meet:
		return a.meet(ctx, do)
	case Assign:
		return a.assign(ctx, do)
	case GiveUp:
		return a.giveUp(ctx, do)
	case Replicate:
		return a.replicate(ctx, do)
	case Promote:
		return a.promote(ctx, do)
	case Migrate:
		return a.migrate(ctx, do)
	case Tell:
		return a.tell(ctx, do)
	case Forget:
		return a.forget(ctx, do)
	case Reset:
		return a.reset(ctx, do)
	}
	return fmt.Errorf("%T is not an action of a Redis cluster", action)
}

// now looks at the server again: it must have the id that was meant.
func (a *actor) now(ctx context.Context, id string) (*Server, error) {
	s, err := a.look(ctx, a.node)
	if err == nil && id != "" && s.ID != id {
		return nil, fmt.Errorf("it is not the node that was meant: its id is %s", s.ID)
	}
	return s, err
}

// peer looks at another node, which must have an id.
func (a *actor) peer(ctx context.Context, name, id string) (*handle, *Server, error) {
	h, m, err := a.other(name)
	if err != nil {
		return nil, nil, err
	}
	s, err := h.look(ctx, m)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	case s.ID != id:
		return nil, nil, fmt.Errorf("%s is not the node that was meant: its id is %s", name, s.ID)
	}
	return h, s, nil
}

func (a *actor) set(ctx context.Context, name string, value any) error {
	_, err := a.Do(ctx, "CONFIG", "SET", name, value)
	return err
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// configure sets what differs, and keeps it in the server's file where it has one.
func (a *actor) configure(ctx context.Context, do Configure) error {
	s, err := a.now(ctx, "")
	if err != nil || s.Config == nil {
		return err
	}
	c := s.Config
	if !c.AuthOK {
		// masteruser before masterauth: with the new password and the old user nobody gets in.
		if err := a.DoSecret(ctx, "CONFIG", "SET", masterUser, a.User); err != nil {
			return err
		}
		if err := a.DoSecret(ctx, "CONFIG", "SET", masterAuth, a.Password.Reveal()); err != nil {
			return err
		}
	}
	if c.TLSReplication != a.tls {
		if err := a.set(ctx, tlsReplication, yesNo(a.tls)); err != nil {
			return err
		}
	}
	if c.TLSCluster != a.tls && do.Bus && c.BusPort && s.Alone() {
		if err := a.set(ctx, tlsCluster, yesNo(a.tls)); err != nil {
			return err
		}
	}
	if !c.AnnounceOK {
		want := a.node.announcements(a.tls)
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if err := a.set(ctx, name, want[name]); err != nil {
				return err
			}
		}
	}
	if c.Migrates {
		// 6.2 and older do not know the parameter.
		if err := a.set(ctx, allowMigration, "no"); conn.Answered(err) {
			err = a.set(ctx, barrier, highBarrier)
			if err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
	}
	if s.ConfigFile == "" {
		return nil
	}
	// A file that cannot be written (a ConfigMap) is not an error.
	if _, err := a.Do(ctx, "CONFIG", "REWRITE"); err != nil && !conn.Answered(err) {
		return err
	}
	return nil
}

// meetTimeout bounds what is asked of one node that is to be met.
const meetTimeout = 3 * time.Second

// meet introduces the server to others. One that cannot be met holds up nobody else.
func (a *actor) meet(ctx context.Context, do Meet) error {
	if _, err := a.now(ctx, do.ID); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(do.Others))
	errs := make([]error, len(names))
	server.Each(len(names), func(i int) {
		ctx, cancel := context.WithTimeout(ctx, meetTimeout)
		defer cancel()
		if err := a.meetOne(ctx, names[i], do.Others[names[i]]); err != nil {
			errs[i] = fmt.Errorf("%s: %w", names[i], err)
		}
	})
	return errors.Join(errs...)
}

// meetOne sends CLUSTER MEET with an address at which the node with the id was seen just now: a
// node of another cluster that has got the address meanwhile must not be met.
func (a *actor) meetOne(ctx context.Context, name, id string) error {
	_, s, err := a.peer(ctx, name, id)
	if err != nil {
		return err
	}
	_, m, err := a.other(name)
	if err != nil {
		return err
	}
	// Never an address that it announces: nobody has looked who is there. It tells its own by itself.
	ip, err := resolve(ctx, m.Host)
	if err != nil {
		return err
	}
	if err := a.isAt(ctx, m, ip, id); err != nil {
		return err
	}
	words := []any{"CLUSTER", "MEET", ip.String(), strconv.Itoa(int(m.Port))}
	if own := s.View[s.ID]; own != nil && own.Bus != 0 && m.AnnounceBus == 0 && m.AnnouncePort == 0 {
		words = append(words, strconv.Itoa(int(own.Bus)))
	}
	_, err = a.Do(ctx, words...)
	return err
}

// isAt says with an error that a node is not at an address.
func (a *actor) isAt(ctx context.Context, m Member, ip netip.Addr, id string) error {
	c, err := a.at(m, conn.Access{At: []netip.Addr{ip}, Port: m.Port})
	if err != nil {
		return err
	}
	defer c.Close()
	is, err := c.Text(ctx, "CLUSTER", "MYID")
	if err == nil && is != id {
		err = fmt.Errorf("at %s is another node: its id is %s", ip, is)
	}
	return err
}

// resolve looks a host up: CLUSTER MEET takes addresses only.
func resolve(ctx context.Context, host string) (netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip, nil
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("look up %s: %w", host, err)
	}
	if len(all) == 0 {
		return netip.Addr{}, fmt.Errorf("look up %s: no address", host)
	}
	return all[0].Unmap(), nil
}

// assign gives the server slots of nobody.
func (a *actor) assign(ctx context.Context, do Assign) error {
	s, err := a.now(ctx, do.ID)
	switch {
	case err != nil:
		return err
	case s.Replica:
		return errors.New("it is a replica now")
	}
	missing := do.Slots.Minus(s.Slots)
	words := []any{"CLUSTER", "ADDSLOTS"}
	for _, slot := range missing.List() {
		words = append(words, slot)
	}
	if missing.Empty() {
		return nil
	}
	_, err = a.Do(ctx, words...)
	return err
}

// setSlots sends CLUSTER SETSLOT for all of them and returns those that were refused, and the
// first refusal.
func setSlots(ctx context.Context, h *handle, list []int, words ...any) (refused Slots, first, err error) {
	if len(list) == 0 {
		return refused, nil, nil
	}
	commands := make([][]any, len(list))
	for i, slot := range list {
		commands[i] = append([]any{"CLUSTER", "SETSLOT", slot}, words...)
	}
	replies, err := h.Batch(ctx, commands...)
	if err != nil {
		return refused, nil, err
	}
	for i, reply := range replies {
		if reply.Err != nil {
			refused.Add(list[i])
			if first == nil {
				first = fmt.Errorf("slot %d: %w", list[i], reply.Err)
			}
		}
	}
	return refused, first, nil
}

// tellAll tells other sources who owns slots. Who cannot be told hears of it by gossip.
func (a *actor) tellAll(ctx context.Context, names []string, list []int, owner string) {
	server.Each(len(names), func(i int) {
		if h, _, err := a.other(names[i]); err == nil {
			_, _, _ = setSlots(ctx, h, list, "NODE", owner)
		}
	})
}

// dead says whether a node is dead as another one sees it. One that has come back as another node
// is, for Redis, at no address and not dead.
func (p *Peer) dead(replaced bool) bool { return p != nil && (p.Fail || replaced && p.NoAddress) }

// refusal says what servers tell against giving up what a dead node held. A node that has joined
// since need not know of that one, but somebody must.
func (do GiveUp) refusal(heir *Server, others ...*Server) error {
	said := do.Dead == ""
	for _, s := range append(others, heir) {
		for id, p := range s.View {
			if _, replaced := do.Replaced[id]; do.Dead != "" && p.Replica && p.MasterID == do.Dead && !p.dead(replaced) {
				return fmt.Errorf("%s replicates from %s and is not dead", id, do.Dead)
			}
			if taken := p.Slots.And(do.Slots); id != heir.ID && id != do.Dead && !taken.Empty() {
				return fmt.Errorf("slots %s are owned by %s now", taken, id)
			}
		}
		_, replaced := do.Replaced[do.Dead]
		switch p := s.View[do.Dead]; {
		case do.Dead == "" || p == nil:
		case !p.dead(replaced):
			return fmt.Errorf("node %s is not dead for %s", do.Dead, s.Name)
		default:
			said = true
		}
	}
	if !said {
		return fmt.Errorf("nobody knows node %s", do.Dead)
	}
	return nil
}

// givenUp says with an error what the server, or another source, tells against it.
func (a *actor) givenUp(ctx context.Context, do GiveUp, heir *Server) error {
	others, errs := make([]*Server, len(do.Tell)), make([]error, len(do.Tell))
	server.Each(len(do.Tell), func(i int) {
		h, m, err := a.other(do.Tell[i])
		if err == nil {
			others[i], err = h.look(ctx, m)
		}
		if err != nil {
			errs[i] = fmt.Errorf("%s: %w", do.Tell[i], err)
		}
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := do.refusal(heir, others...); err != nil {
		return err
	}
	text, err := a.Text(ctx, "CLUSTER", "INFO")
	if err != nil {
		return err
	}
	current, err := strconv.ParseUint(conn.ParseInfo(text)["cluster_current_epoch"], 10, 64)
	if err != nil {
		return fmt.Errorf("its epoch: %w", err)
	}
	return do.unheard(heir, current, others...)
}

// unheard says with an error that a server which has just joined is not known to all other sources, or
// has not heard yet of an epoch that they know: its claim would count less than that of the dead node.
func (do GiveUp) unheard(heir *Server, current uint64, others ...*Server) error {
	for _, s := range others {
		if s.ID != heir.ID && (!s.knows(heir.ID) || !heir.knows(s.ID)) {
			return fmt.Errorf("it and %s do not know one another yet", s.Name)
		}
		for id, p := range s.View {
			if p.Epoch > current {
				return fmt.Errorf("it has not heard yet of epoch %d of node %s", p.Epoch, id)
			}
		}
	}
	return nil
}

// isAnother says with an error that a member is not seen, or is the node that it was.
func (a *actor) isAnother(ctx context.Context, name, id string) error {
	h, m, err := a.other(name)
	if err != nil {
		return err
	}
	s, err := h.look(ctx, m)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case s.ID == id:
		return fmt.Errorf("%s is node %s again", name, id)
	}
	return nil
}

// giveUp gives the server slots that nobody alive has.
func (a *actor) giveUp(ctx context.Context, do GiveUp) error {
	s, err := a.now(ctx, do.ID)
	switch {
	case err != nil:
		return err
	case s.Replica:
		return errors.New("it is a replica now")
	}
	if err := a.givenUp(ctx, do, s); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(do.Replaced)) {
		if err := a.isAnother(ctx, do.Replaced[id], id); err != nil {
			return err
		}
	}
	list := do.Slots.List()
	// What the dead node says of them must not count as much, for the others as well: a claim of the
	// same epoch would leave them at odds for ever.
	if _, err := a.Do(ctx, "CLUSTER", "BUMPEPOCH"); err != nil {
		return err
	}
	if _, refusal, err := setSlots(ctx, a.handle, list, "NODE", do.ID); err != nil || refusal != nil {
		return errors.Join(refusal, err)
	}
	a.tellAll(ctx, do.Tell, list, do.ID)
	return nil
}

// tell tells the server who owns slots, if that node says so itself.
func (a *actor) tell(ctx context.Context, do Tell) error {
	if _, err := a.now(ctx, do.ID); err != nil {
		return err
	}
	_, owner, err := a.peer(ctx, do.Owner, do.OwnerID)
	if err != nil {
		return err
	}
	if lacks := do.Slots.Minus(owner.Slots); !lacks.Empty() {
		return fmt.Errorf("%s does not own slots %s", do.Owner, lacks)
	}
	_, refusal, err := setSlots(ctx, a.handle, do.Slots.List(), "NODE", owner.ID)
	return errors.Join(refusal, err)
}

// replicate makes the server a replica.
func (a *actor) replicate(ctx context.Context, do Replicate) error {
	s, err := a.now(ctx, do.ID)
	switch {
	case err != nil:
		return err
	case s.Replica && s.MasterID == do.SourceID:
		return nil
	case do.MasterID == "" && !s.Bare():
		return errors.New("it is not empty any more")
	case do.MasterID != "" && (!s.Replica || s.MasterID != do.MasterID):
		return errors.New("it does not replicate from whom it did")
	case !s.knows(do.SourceID):
		return fmt.Errorf("it does not know %s yet", do.Source)
	}
	if do.Master != "" {
		_, master, err := a.peer(ctx, do.Master, do.MasterID)
		if err != nil {
			return err
		}
		if master.Replica {
			return fmt.Errorf("%s is no source any more", do.Master)
		}
	}
	_, source, err := a.peer(ctx, do.Source, do.SourceID)
	switch {
	case err != nil:
		return err
	case source.Replica:
		return fmt.Errorf("%s replicates itself", do.Source)
	}
	_, err = a.Do(ctx, "CLUSTER", "REPLICATE", do.SourceID)
	return err
}

// promotePause passes between two looks at a replica that takes over.
const promotePause = 50 * time.Millisecond

// promote asks a replica to take over and waits until it has.
func (a *actor) promote(ctx context.Context, do Promote) error {
	s, err := a.now(ctx, do.ID)
	switch {
	case err != nil:
		return err
	case !s.Replica:
		return nil
	case s.MasterID != do.MasterID:
		return errors.New("it does not replicate from whom it did")
	case do.stale(s):
		return errors.New("it has not heard yet which slots its source has")
	case do.Way == "" && (!s.LinkUp || s.SyncInProgress):
		return errors.New("it is not connected to its source")
	}
	if do.Way != "" {
		if err := a.forsaken(ctx, s, do); err != nil {
			return err
		}
	}
	words := []any{"CLUSTER", "FAILOVER"}
	if do.Way != "" {
		words = append(words, do.Way)
	}
	if _, err := a.Do(ctx, words...); err != nil {
		return err
	}
	for ends := time.Now().Add(promoteTimeout); time.Now().Before(ends); {
		if s, err = a.now(ctx, do.ID); err == nil && !s.Replica {
			return nil
		}
		if !server.Pause(ctx, promotePause) {
			return ctx.Err()
		}
	}
	return errors.New("it did not take over, and has given it up by itself: it was not elected, or could not catch up")
}

// askTimeout is how long a source that seems dead is asked once more.
const askTimeout = time.Second

// refusal says what a replica itself tells against taking over without its source.
func (do Promote) refusal(s *Server) error {
	p := s.View[do.MasterID]
	switch {
	case s.LinkUp:
		return errors.New("its source serves it")
	case s.SyncInProgress:
		return errors.New("it is sent a full copy")
	case !p.dead(do.Replaced):
		return errors.New("the cluster does not say that its source is dead")
	case do.Source == "":
		return errors.New("nobody knows where its source could be asked")
	}
	return nil
}

// forsaken says with an error that the source of a replica may be there.
func (a *actor) forsaken(ctx context.Context, s *Server, do Promote) error {
	if err := do.refusal(s); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if do.Replaced {
		return a.isAnother(ctx, do.Source, do.MasterID)
	}
	h, m, err := a.other(do.Source)
	if err != nil {
		return err
	}
	if is, err := h.look(ctx, m); conn.Answered(err) || err == nil && is.ID == do.MasterID {
		return fmt.Errorf("%s answers", do.Source)
	}
	return nil
}

// forget has the server forget nodes. One that it does not know is forgotten.
func (a *actor) forget(ctx context.Context, do Forget) error {
	s, err := a.now(ctx, do.ID)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range do.IDs {
		p := s.View[id]
		if p == nil {
			continue
		}
		if !p.Slots.Empty() {
			errs = append(errs, fmt.Errorf("node %s owns slots for it", id))
			continue
		}
		if _, err := a.Do(ctx, "CLUSTER", "FORGET", id); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// reset makes a bare server forget the cluster. One that holds anything is left as it is. It gets
// another id: its own is on the ban lists of those that have forgotten it, for a minute, and whoever
// is told of that (7.2 and newer) forgets it again, with slots that it owns by then.
func (a *actor) reset(ctx context.Context, do Reset) error {
	s, err := a.now(ctx, do.ID)
	if err != nil || !s.Bare() || s.Alone() {
		return err
	}
	_, err = a.Do(ctx, "CLUSTER", "RESET", "HARD")
	return err
}
