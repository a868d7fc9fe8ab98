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

// nameTimeout bounds the question who answers at an address. Whoever is asked was seen to
// be well a moment before.
const nameTimeout = time.Second

// meant asks at the address that a receiver is about to be given whether the server there is
// the node that is meant, and returns that one's server_uuid; "" when that could not be asked.
//
// The operator speaks to the addresses of pods, a receiver to a name: one that leads to the
// old source, which hangs or is fenced only now, has the replica acknowledge commits that
// the new source will never have. A name that is not known here, or leads to nobody, tells
// nothing of what the replica will find; the server that it has found is looked at again.
func (a *actor) meant(ctx context.Context, node, host string, port int32) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	other, err := a.other(node)
	var known basics
	if err == nil {
		known, err = other.basics(ctx)
	}
	if err != nil {
		// Whoever is not seen cannot be compared with.
		log.FromContext(ctx).V(1).Info("who answers at an address was not asked", "node", node, "error", err.Error())
		return "", nil //nolint:nilerr // unknown, which is said above
	}
	var there string
	switch err := other.AskAt(ctx, host, port, "SELECT @@GLOBAL.server_uuid", &there); {
	case conn.Unreachable(err):
		log.FromContext(ctx).V(1).Info("nobody answers the operator at an address", "node", node, "host", host, "error", err.Error())
	case err != nil:
		return known.uuid, fmt.Errorf("whether %s:%d is %s, which answers at its pod's address: %w", host, port, node, err)
	case !strings.EqualFold(there, known.uuid):
		return known.uuid, misleads(fmt.Sprintf("%s:%d", host, port), node, there, known.uuid)
	}
	return known.uuid, nil
}

func misleads(address, node, there, want string) error {
	return fmt.Errorf("%s leads to the server %s, and %s is %s: a replica that is pointed there follows the wrong server; mend the name (DNS, Service, /etc/hosts)", address, there, node, want)
}

// awaitStream waits until both threads run, or one reports an error. A receiver that has
// found another server than uuid ("": unknown) is stopped.
func (a *actor) awaitStream(ctx context.Context, w words, node, uuid string) error {
	if err := a.awaitThreads(ctx, w); err != nil || uuid == "" {
		return err
	}
	ch, _, err := a.channel(ctx, w)
	if err != nil || !ch.connectedToOther(uuid) {
		return err
	}
	return errors.Join(misleads(fmt.Sprintf("%s:%d", ch.SourceHost, ch.SourcePort), node, ch.SourceUUID, uuid), a.Exec(ctx, w.stopReceiver()))
}

// connectedToOther says whether the receiver is connected to another server than uuid.
func (c *Channel) connectedToOther(uuid string) bool {
	return c != nil && c.IO == ThreadYes && c.SourceUUID != "" && uuid != "" && !strings.EqualFold(c.SourceUUID, uuid)
}
