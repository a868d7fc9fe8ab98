// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/internal/mysql/conn"
)

const (
	// nameTimeout bounds the question who answers at an address, which takes a new
	// connection: some ten round trips. A server that is slower counts as not seen anyway.
	nameTimeout = lookTimeout
	// uuidTimeout is how long a receiver that runs may show no server_uuid of its source, or
	// that of its last connection: it runs before it has asked.
	uuidTimeout = 2 * time.Second
)

// misledError: an address leads to another server than the one that is meant.
type misledError struct{ at, node, there, want string }

func (e *misledError) Error() string {
	return fmt.Sprintf("%s leads to the server %s, and %s is %s: a replica that is pointed there follows the wrong server; mend the name (DNS, Service, /etc/hosts)",
		e.at, e.there, e.node, e.want)
}

func isMisled(err error) bool {
	var m *misledError
	return errors.As(err, &m)
}

// source is the node that is to be followed.
func (do Attach) source() Known {
	return Known{Name: do.Source, Host: do.SourceHost, Port: do.SourcePort, UUID: do.SourceUUID}
}

func (k Known) address() string { return fmt.Sprintf("%s:%d", k.Host, k.Port) }

// meant asks at the address that a receiver is about to be given whether the server there is
// the one that is meant.
//
// A name that leads to the old source, which hangs or is fenced only now, has the replica
// acknowledge commits that the new source will never have. The operator's own connections
// may be older than what the name says now, so that the question has a new one, and what is
// known is what the planner saw. A name that is not known here, or leads to nobody, tells
// nothing of what the replica will find; the server that it has found is looked at again.
// Somebody who is there and does not answer may do so later: that is an error.
func (a *actor) meant(ctx context.Context, k Known) error {
	err := a.answers(ctx, k)
	if conn.Unasked(err) {
		log.FromContext(ctx).V(1).Info("who answers at an address could not be asked", "node", k.Name, "address", k.address(), "error", err.Error())
		return nil
	}
	return err
}

// answers is meant where it counts as well that nobody could be asked.
func (a *actor) answers(ctx context.Context, k Known) error {
	if k.UUID == "" {
		return nil
	}
	h, err := a.other(k.Name)
	if err != nil {
		return fmt.Errorf("whether %s is %s: %w", k.address(), k.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	var there string
	switch err := h.AskAt(ctx, k.Host, k.Port, "SELECT @@GLOBAL.server_uuid", &there); {
	case err != nil:
		return fmt.Errorf("whether %s is %s: %w (nothing is started there before somebody answers)", k.address(), k.Name, err)
	case !strings.EqualFold(there, k.UUID):
		return &misledError{k.address(), k.Name, there, k.UUID}
	}
	return nil
}

// awaitStream waits until both threads run, or one reports an error, and the receiver tells
// whom it has reached. One that has found another server is stopped, at once unless the uuid is
// the one that was shown before it started: that may be its last connection's still.
func (a *actor) awaitStream(ctx context.Context, w words, k Known, shown string) error {
	if err := a.awaitThreads(ctx, w); err != nil || k.UUID == "" {
		return err
	}
	settled, cancel := context.WithTimeout(ctx, uuidTimeout)
	defer cancel()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		ch, _, err := a.channel(ctx, w)
		switch {
		case err != nil:
			return err
		case ch == nil || ch.IO != ThreadYes || strings.EqualFold(ch.SourceUUID, k.UUID):
			return nil
		}
		if ch.SourceUUID == "" || strings.EqualFold(ch.SourceUUID, shown) {
			if conn.Pause(settled, pause) {
				continue
			}
			if ch.SourceUUID == "" {
				// The next look tells.
				return nil
			}
		}
		return errors.Join(&misledError{k.address(), k.Name, ch.SourceUUID, k.UUID}, a.Exec(ctx, w.stopReceiver()))
	}
}

// connectedToOther says whether the receiver is connected to another server than uuid.
func (c *Channel) connectedToOther(uuid string) bool {
	return c != nil && c.IO == ThreadYes && c.SourceUUID != "" && uuid != "" && !strings.EqualFold(c.SourceUUID, uuid)
}
