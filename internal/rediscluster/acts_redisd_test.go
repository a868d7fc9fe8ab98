// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build redisd

package rediscluster

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/redis/conn"
	"github.com/upmio/compose-operator/test/redisd"
)

// nobody is an id that no node has.
var nobody = strings.Repeat("0", 40)

func idOf(s *redisd.Server) string { return fmt.Sprint(s.Do("CLUSTER", "MYID")) }

// actor of a node, as the engine has it.
func (f *fleet) actor(name string) *actor {
	f.t.Helper()
	a, err := f.engine.actor(f.scene(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

// TestMeetLooksAgain: nobody is introduced to a server that is not, or not at its address, the one
// that was meant: it may be another cluster's by now.
func TestMeetLooksAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisd.Options{}, 3, 1)
	a, b, c := f.servers["a0"], f.servers["b0"], f.servers["c0"]
	// The name of b0 leads to c0 by now, and a connection to b0 is open still.
	elsewhere := func(_ Member, at conn.Access) (*conn.Client, error) {
		access := f.engine.access(f.scene(), Member{Host: c.Host, Port: c.Port})
		access.Port = at.Port
		return conn.Open(access)
	}
	for _, row := range []struct {
		name string
		do   Meet
		at   func(Member, conn.Access) (*conn.Client, error)
	}{
		{"the other one has another id", Meet{ID: idOf(a), Others: map[string]string{"b0": nobody}}, nil},
		{"it has another id itself", Meet{ID: nobody, Others: map[string]string{"b0": idOf(b)}}, nil},
		{"another one is at the address", Meet{ID: idOf(a), Others: map[string]string{"b0": idOf(b)}}, elsewhere},
		{"all is as it was", Meet{ID: idOf(a), Others: map[string]string{"b0": idOf(b)}}, nil},
	} {
		at := f.actor("a0")
		if row.at != nil {
			at.at = row.at
		}
		err := at.meet(t.Context(), row.do)
		met := !strings.Contains(fmt.Sprint(a.Do("CLUSTER", "INFO")), "cluster_known_nodes:1\r")
		if wanted := row.name == "all is as it was"; (err == nil) != wanted || met != wanted {
			t.Errorf("%s: met %v, %v", row.name, met, err)
		}
	}
}

// TestReplaceLooksAgain: a key that is on both ends of a move is overwritten at the target only while
// the source is the process that the move began with. What another one has read from its disk may be
// older than what was moved and written to since.
func TestReplaceLooksAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisd.Options{}, 2, 1)
	f.settle("the cluster is made")
	a, b := f.servers["a0"], f.servers["b0"]
	key, slot := "", int64(0)
	for n := 0; key == "" || slot >= slotCount/2; n++ {
		key = fmt.Sprint("key", n)
		slot = a.Do("CLUSTER", "KEYSLOT", key).(int64)
	}
	b.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", idOf(a))
	a.Do("SET", key, "of the source")
	a.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", idOf(b))
	b.Do("ASKING")
	b.Do("SET", key, "of the target")
	for _, row := range []struct {
		name, run string
		conflicts int
		value     string
	}{
		{"the source was started anew", nobody, 1, "of the target"},
		{"the source is the same process", runID(a), 0, "of the source"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		at := f.actor("a0")
		src, err := at.now(ctx, idOf(a))
		if err != nil {
			t.Fatal(err)
		}
		to, dst, err := at.peer(ctx, "b0", idOf(b))
		if err != nil {
			t.Fatal(err)
		}
		m := &mover{
			actor: at, to: to, src: src, dst: dst, host: b.Host, port: b.Port, stops: time.Now().Add(time.Minute),
			do: Migrate{target: target{"a0"}, To: "b0", FromID: idOf(a), ToID: idOf(b), FromRunID: strings.TrimSpace(row.run)},
		}
		conflicts, err := m.reconcile(ctx, []any{key}, migrateTimeout)
		b.Do("ASKING")
		if value := b.Do("GET", key); err != nil || conflicts != row.conflicts || value != row.value {
			t.Errorf("%s: %d conflicts, %v, and the target has %q", row.name, conflicts, err, value)
		}
	}
}
