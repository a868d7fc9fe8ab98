// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import "context"

// sync makes a set of changes. Where it ends in between, the next look finds what is missing:
// rows that are right in one layer and not in the next.
func (h *handle) sync(ctx context.Context, s Sync) error {
	h.begin()
	err := func() error {
		for _, one := range s.statements() {
			if err := h.Exec(ctx, one.about, one.sql); err != nil {
				return err
			}
		}
		return nil
	}()
	h.ended(err, s.Servers.Load || s.Users.Load || s.LoadVersion || s.Servers.Save || s.Users.Save || s.SaveVersion)
	return err
}
