// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

// Renew closes the connections that nobody uses now, so that the next statement opens
// one. A session has the global privileges and the roles of the moment when it began:
// https://dev.mysql.com/doc/refman/8.4/en/privilege-changes.html
func (h *Handle) Renew() {
	h.DB.SetMaxIdleConns(0)
	h.DB.SetMaxIdleConns(idleConnections)
}
