// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"context"
	"errors"

	"github.com/upmio/compose-operator/internal/proxysql/admin"
	"github.com/upmio/compose-operator/internal/server"
)

// errUnderWay: the changes have not ended, and go on.
var errUnderWay = errors.New("ProxySQL has not answered yet; the change goes on")

// sync makes a set of changes, and waits for it as long as an action may take.
func (h *handle) sync(ctx context.Context, s Sync) error {
	if !h.syncs.idle(ctx, silentPatience) {
		return errUnderWay
	}
	err, ended := h.syncs.wait(ctx, syncTimeout, func() (error, bool) {
		err := h.change(s)
		return err, admin.ReachOf(err) != server.ReachNone
	})
	if !ended {
		return errUnderWay
	}
	return err
}

// change makes a set of changes, with a deadline of its own. Where it ends in between, the next
// look finds what is missing: rows that are right in one layer and not in the next.
func (h *handle) change(s Sync) error {
	ctx, cancel := context.WithTimeout(context.Background(), syncTimeout)
	defer cancel()
	h.begin()
	var errs []error
	for _, group := range s.statements() {
		for _, one := range group {
			if err := h.Exec(ctx, one.about, one.sql); err != nil {
				errs = append(errs, err)
				break
			}
		}
	}
	err := errors.Join(errs...)
	h.ended(err, s.Servers.Load || s.Users.Load || s.LoadVersion || s.Servers.Save || s.Users.Save || s.SaveVersion)
	return err
}
