// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/upmio/compose-operator/internal/redis/conn"
)

const (
	// slotsAtOnce are open at the same time between two nodes.
	slotsAtOnce = 32
	// keysAtOnce and bytesAtOnce bound what a source sends in one MIGRATE: it serves nobody
	// else meanwhile.
	keysAtOnce  = 100
	bytesAtOnce = 4 << 20
	// migrateTimeout is for how long a source waits for a target that says nothing;
	// bigTimeout where one key alone is larger than bytesAtOnce.
	migrateTimeout = 1500 * time.Millisecond
	bigTimeout     = 8 * time.Second
	// pingTimeout is how long a target has to answer before it is sent anything.
	pingTimeout = 500 * time.Millisecond
	// pingEvery is for how long that counts.
	pingEvery = 20 * time.Millisecond
	// ttlSlack is how far the ends of the lives of two copies of a key are apart at the most.
	ttlSlack = time.Second
	// biggestKey is the largest that is sent, in bytes: both ends serve nobody meanwhile, and a
	// cluster takes a node that is silent for too long for dead.
	biggestKey = 256 << 20
	// fewKeys are sent at once where nobody says how large they are.
	fewKeys = 10
)

// mover moves slots from one server to another.
type mover struct {
	*actor
	do       Migrate
	to       *handle
	src, dst *Server
	// host and port are where the source reaches the target.
	host string
	port int32
	// stops is when no slot is begun any more.
	stops time.Time
	// heard is when the target has answered last, sizes are those of the keys at hand in bytes.
	heard time.Time
	sizes map[any]int64
	errs  []error
}

// migrate moves slots with their keys. A slot is opened on both ends, target first, emptied, and
// given to the target: to the target first, then to the source, then to all other sources. Nothing is
// closed before the source has no key of it.
func (a *actor) migrate(ctx context.Context, do Migrate) error {
	src, err := a.now(ctx, do.FromID)
	if err != nil {
		return err
	}
	to, dst, err := a.peer(ctx, do.To, do.ToID)
	switch {
	case err != nil:
		return err
	case src.Replica:
		return errors.New("it is a replica now")
	case dst.Replica:
		return fmt.Errorf("%s is a replica now", do.To)
	case !src.reaches(do.ToID) || !dst.knows(do.FromID):
		return fmt.Errorf("it and %s do not reach one another", do.To)
	case outranked(src, dst) != "":
		return errors.New(outranked(src, dst))
	}
	if do.FromRunID != src.RunID {
		// What it has read from its disk may be older than what was moved.
		do.Inherited = true
	}
	m := &mover{actor: a, do: do, to: to, src: src, dst: dst, stops: time.Now().Add(do.Budget)}
	m.host, m.port = src.View[do.ToID].IP, src.View[do.ToID].Port
	landed := do.Slots.And(dst.Slots)
	if err := m.close(ctx, landed.List()); err != nil {
		return err
	}
	if none := do.Slots.Minus(landed).Minus(src.Slots); !none.Empty() {
		m.errs = append(m.errs, fmt.Errorf("slots %s are of neither of the two", none))
	}
	list := do.Slots.Minus(landed).And(src.Slots)
	rest := list.List()
	for len(rest) > 0 && time.Now().Before(m.stops) {
		n := min(slotsAtOnce, len(rest))
		if err := m.move(ctx, rest[:n]); err != nil {
			return errors.Join(append(m.errs, err)...)
		}
		rest = rest[n:]
	}
	return errors.Join(m.errs...)
}

// move moves a few slots. Its error ends the action; what concerns one slot only is in errs.
func (m *mover) move(ctx context.Context, list []int) error {
	list, err := m.open(ctx, list)
	if err != nil {
		return err
	}
	first, err := m.keysOf(ctx, list)
	if err != nil {
		return err
	}
	if err := m.measure(ctx, slices.Concat(first...)); err != nil {
		return err
	}
	var done []int
	for i, slot := range list {
		empty := false
		if empty, err = m.drain(ctx, slot, first[i]); err != nil {
			// Those that are empty can be closed all the same.
			break
		}
		if empty {
			done = append(done, slot)
		}
	}
	return errors.Join(err, m.close(ctx, done))
}

// keysOf are the first keys of each slot.
func (m *mover) keysOf(ctx context.Context, list []int) ([][]any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	commands := make([][]any, len(list))
	for i, slot := range list {
		commands[i] = []any{"CLUSTER", "GETKEYSINSLOT", slot, keysAtOnce}
	}
	replies, err := m.Batch(ctx, commands...)
	if err != nil {
		return nil, err
	}
	out := make([][]any, len(list))
	for i, reply := range replies {
		keys, is := reply.Value.([]any)
		if reply.Err != nil || !is {
			return nil, fmt.Errorf("the keys of slot %d: %w", list[i], errors.Join(reply.Err, errUnread))
		}
		out[i] = keys
	}
	return out, nil
}

// measure finds out how large keys are.
func (m *mover) measure(ctx context.Context, keys []any) error {
	m.sizes = make(map[any]int64, len(keys))
	if len(keys) == 0 {
		return nil
	}
	commands := make([][]any, len(keys))
	for i, key := range keys {
		commands[i] = []any{"MEMORY", "USAGE", key}
	}
	replies, err := m.Batch(ctx, commands...)
	if err != nil {
		return err
	}
	for i, reply := range replies {
		if size, known := reply.Value.(int64); known {
			m.sizes[keys[i]] = size
		} else if reply.Err != nil {
			// Nobody says how large they are: a few at a time.
			m.sizes[keys[i]] = bytesAtOnce / fewKeys
		}
	}
	return nil
}

// counted is how many keys a server has of each slot.
func counted(ctx context.Context, h *handle, list []int) ([]int64, error) {
	if len(list) == 0 {
		return nil, nil
	}
	commands := make([][]any, len(list))
	for i, slot := range list {
		commands[i] = []any{"CLUSTER", "COUNTKEYSINSLOT", slot}
	}
	replies, err := h.Batch(ctx, commands...)
	if err != nil {
		return nil, err
	}
	counts := make([]int64, len(list))
	for i, reply := range replies {
		n, is := reply.Value.(int64)
		if reply.Err != nil || !is {
			return nil, fmt.Errorf("count the keys of slot %d: %w", list[i], errors.Join(reply.Err, errUnread))
		}
		counts[i] = n
	}
	return counts, nil
}

var errUnread = errors.New("the answer cannot be read")

// open opens slots on both ends, and returns those that are. A target that holds keys of a slot
// which was not open holds something that is not known.
func (m *mover) open(ctx context.Context, list []int) ([]int, error) {
	held, err := counted(ctx, m.to, list)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.do.To, err)
	}
	var able []int
	for i, slot := range list {
		if held[i] > 0 && !m.do.Inherited && m.dst.Importing[slot] != m.do.FromID {
			m.errs = append(m.errs, fmt.Errorf("%s holds %d keys of slot %d, which it does not own: see what they are, and delete them there or move them by hand", m.do.To, held[i], slot))
			continue
		}
		able = append(able, slot)
	}
	if able, err = m.introduce(ctx, able); err != nil {
		return nil, err
	}
	refused, first, err := setSlots(ctx, m.to, able, "IMPORTING", m.do.FromID)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.do.To, err)
	}
	m.note(first)
	able = without(able, refused)
	refused, first, err = setSlots(ctx, m.handle, able, "MIGRATING", m.do.ToID)
	m.note(first)
	return without(able, refused), err
}

// introduce tells a target who owns slots of which it has not heard: while a slot is open it
// does not listen to others, and refuses its keys. It returns those that it knows the owner of.
func (m *mover) introduce(ctx context.Context, list []int) ([]int, error) {
	var others, unheard Slots
	for id, p := range m.dst.View {
		if id != m.do.FromID {
			others = others.Or(p.Slots)
		}
	}
	theirs := m.dst.View[m.do.FromID].Slots
	for _, slot := range list {
		switch {
		case others.Has(slot):
			m.errs = append(m.errs, fmt.Errorf("slot %d has another owner for %s: that has not heard of this one yet", slot, m.do.To))
		case !theirs.Has(slot):
			unheard.Add(slot)
		}
	}
	if _, first, err := setSlots(ctx, m.to, unheard.List(), "NODE", m.do.FromID); err != nil || first != nil {
		return nil, fmt.Errorf("%s: %w", m.do.To, errors.Join(first, err))
	}
	return without(list, others), nil
}

func (m *mover) note(err error) {
	if err != nil {
		m.errs = append(m.errs, err)
	}
}

func without(list []int, refused Slots) []int {
	var out []int
	for _, slot := range list {
		if !refused.Has(slot) {
			out = append(out, slot)
		}
	}
	return out
}

// close gives slots that are empty at the source to the target.
func (m *mover) close(ctx context.Context, list []int) error {
	if len(list) == 0 {
		return nil
	}
	counts, err := counted(ctx, m.handle, list)
	if err != nil {
		return err
	}
	var empty []int
	for i, slot := range list {
		if counts[i] == 0 {
			empty = append(empty, slot)
		} else if m.dst.Slots.Has(slot) {
			m.errs = append(m.errs, fmt.Errorf("%s owns slot %d, and %d keys of it are here: see what they are, and move or delete them by hand", m.do.To, slot, counts[i]))
		}
	}
	refused, first, err := setSlots(ctx, m.to, empty, "NODE", m.do.ToID)
	if err != nil {
		return fmt.Errorf("%s: %w", m.do.To, err)
	}
	m.note(first)
	empty = without(empty, refused)
	_, first, err = setSlots(ctx, m.handle, empty, "NODE", m.do.ToID)
	m.note(first)
	m.tellAll(ctx, m.do.Tell, empty, m.do.ToID)
	return err
}

// drain sends the keys of a slot to the target, of which the first are known, and says whether
// none should be left. Its error ends the action.
func (m *mover) drain(ctx context.Context, slot int, keys []any) (empty bool, err error) {
	for more := len(keys) == keysAtOnce; ; {
		if len(keys) == 0 {
			if !more {
				return true, nil
			}
			next, err := m.keysOf(ctx, []int{slot})
			if err != nil {
				return false, err
			}
			if keys = next[0]; len(keys) == 0 {
				return true, nil
			}
			if err := m.measure(ctx, keys); err != nil {
				return false, err
			}
			more = len(keys) == keysAtOnce
		}
		if !time.Now().Before(m.stops) {
			return false, nil
		}
		if m.sizes[keys[0]] > biggestKey {
			m.errs = append(m.errs, fmt.Errorf("slot %d has a key of %d MiB, which would keep both nodes from answering for too long: move the slot by hand, or split or delete the key", slot, m.sizes[keys[0]]>>20))
			return false, nil
		}
		batch, timeout := m.batch(keys)
		keys = keys[len(batch):]
		if err := m.send(ctx, batch, timeout, false); err != nil {
			if conn.Code(err) != "BUSYKEY" {
				return false, err
			}
			if conflicts, err := m.reconcile(ctx, batch, timeout); err != nil {
				return false, err
			} else if conflicts > 0 {
				m.errs = append(m.errs, fmt.Errorf("%d keys of slot %d are on this node and on %s, and not the same: a source was promoted or restarted while the slot was moved. Compare them (redis-cli -h … CLUSTER GETKEYSINSLOT %d 100; ASKING and GET on %s), delete the one that does not count, and it goes on", conflicts, slot, m.do.To, slot, m.do.To))
				return false, nil
			}
		}
		m.count(len(batch))
	}
}

// batch is as many of the keys as are sent at once, and how long that may take.
func (m *mover) batch(keys []any) ([]any, time.Duration) {
	sum := int64(0)
	for i, key := range keys {
		if sum += m.sizes[key]; sum <= bytesAtOnce {
			continue
		}
		if i == 0 {
			return keys[:1], bigTimeout
		}
		return keys[:i], migrateTimeout
	}
	return keys, migrateTimeout
}

// send has the source send keys to the target, once that has answered.
func (m *mover) send(ctx context.Context, keys []any, timeout time.Duration, replace bool) error {
	if time.Since(m.heard) > pingEvery {
		asked, cancel := context.WithTimeout(ctx, pingTimeout)
		defer cancel()
		if _, err := m.to.Do(asked, "PING"); err != nil {
			return fmt.Errorf("%s: %w", m.do.To, err)
		}
		m.heard = time.Now()
	}
	words := []any{"MIGRATE", m.host, strconv.Itoa(int(m.port)), "", 0, timeout.Milliseconds()}
	if replace {
		words = append(words, "REPLACE")
	}
	if password := m.Password.Reveal(); password != "" && m.User != "" {
		words = append(words, "AUTH2", m.User, password)
	} else if password != "" {
		words = append(words, "AUTH", password)
	}
	// The summary of a command in an error is its first two words; the rest has the password.
	return m.DoSecret(ctx, append(append(words, "KEYS"), keys...)...)
}

// reconcile sends keys of which some are on both ends, one by one, and says how many are left to
// a person.
func (m *mover) reconcile(ctx context.Context, keys []any, timeout time.Duration) (conflicts int, err error) {
	for _, key := range keys {
		err := m.send(ctx, []any{key}, timeout, false)
		if conn.Code(err) != "BUSYKEY" {
			if err != nil {
				return conflicts, err
			}
			continue
		}
		// The source owns the slot, so what it has counts: the other one is the copy of a MIGRATE
		// that was not answered in time. Of a source that is not the one that began, nobody knows.
		counts, err := m.counts(ctx, key)
		if err != nil {
			return conflicts, err
		}
		if !counts {
			conflicts++
			continue
		}
		if err := m.send(ctx, []any{key}, timeout, true); err != nil {
			return conflicts, err
		}
	}
	return conflicts, nil
}

// counts says whether what the source has under a key may replace what the target has.
func (m *mover) counts(ctx context.Context, key any) (bool, error) {
	if !m.do.Inherited {
		s, err := m.now(ctx, m.do.FromID)
		if err != nil {
			return false, err
		}
		if m.do.Inherited = s.Replica || s.RunID != m.do.FromRunID; !m.do.Inherited {
			return true, nil
		}
	}
	return m.same(ctx, key)
}

// same says whether both ends hold the same under a key, for the same time.
func (m *mover) same(ctx context.Context, key any) (bool, error) {
	here, err := m.Batch(ctx, []any{"DUMP", key}, []any{"PTTL", key})
	if err != nil {
		return false, err
	}
	there, err := m.to.Batch(ctx, []any{"ASKING"}, []any{"DUMP", key}, []any{"ASKING"}, []any{"PTTL", key})
	if err != nil {
		return false, fmt.Errorf("%s: %w", m.do.To, err)
	}
	if err := errors.Join(here[0].Err, here[1].Err, there[1].Err, there[3].Err); err != nil {
		return false, err
	}
	a, isA := here[0].Value.(string)
	b, isB := there[1].Value.(string)
	ttlA, hasA := here[1].Value.(int64)
	ttlB, hasB := there[3].Value.(int64)
	// A key without an end has -1.
	near := ttlA == ttlB || ttlA > 0 && ttlB > 0 && max(ttlA, ttlB)-min(ttlA, ttlB) <= ttlSlack.Milliseconds()
	return isA && isB && hasA && hasB && a == b && near, nil
}
