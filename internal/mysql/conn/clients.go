// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"
)

// killTimeout bounds one round of listing or killing.
const killTimeout = time.Second

// clientsQuery lists clients by their own marks: it leaves out the server's own
// threads (they have no connection type; replication's carry the name of the user
// who started them), replicas that read the binary log or are about to, and the
// operator's connections, whichever process of it.
const clientsQuery = "SELECT t.PROCESSLIST_ID FROM performance_schema.threads t" +
	" WHERE t.TYPE = 'FOREGROUND' AND t.CONNECTION_TYPE IS NOT NULL AND t.PROCESSLIST_ID <> CONNECTION_ID()" +
	" AND t.PROCESSLIST_USER NOT IN ('unauthenticated user', ?)" +
	" AND t.PROCESSLIST_COMMAND NOT IN ('Binlog Dump', 'Binlog Dump GTID', 'Register Slave', 'Daemon')" +
	" AND NOT EXISTS (SELECT 1 FROM performance_schema.session_connect_attrs c WHERE c.PROCESSLIST_ID = t.PROCESSLIST_ID" +
	" AND c.ATTR_NAME = 'program_name' AND c.ATTR_VALUE = '" + ProgramName + "')" +
	" ORDER BY t.PROCESSLIST_COMMAND = 'Sleep'"

// plainClientsQuery does without performance_schema. It cannot tell the operator's
// connections from others of the same user, and leaves them all.
const plainClientsQuery = "SELECT ID FROM information_schema.PROCESSLIST" +
	" WHERE USER NOT IN ('system user', 'event_scheduler', 'unauthenticated user', ?, ?)" +
	" AND COMMAND NOT IN ('Binlog Dump', 'Binlog Dump GTID', 'Register Slave', 'Daemon')" +
	" ORDER BY COMMAND = 'Sleep'"

// Clients lists the connections of clients, those that do something first; none when
// they cannot be listed. instrumented: the server has performance_schema. Connections of
// the replication user and of the operator are left out.
func (h *Handle) Clients(ctx context.Context, instrumented bool, replicationUser string) []int64 {
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	out, err := h.listClients(ctx, instrumented, replicationUser)
	if err != nil {
		log.FromContext(ctx).V(1).Info("clients could not be listed", "error", err.Error())
	}
	return out
}

// Kill ends connections, and says which have ended, or were gone. It does what it can: one
// of somebody whom the operator's user may not touch is left.
func (h *Handle) Kill(ctx context.Context, clients []int64) (ended []int64) {
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	for _, id := range clients {
		err := h.Exec(ctx, fmt.Sprintf("KILL %d", id))
		switch {
		case err == nil, IsNumber(err, NumberUnknownThread):
			ended = append(ended, id)
		case IsNumber(err, NumberNotOwnerOfThread, NumberPrivilege):
			log.FromContext(ctx).V(1).Info("a client could not be killed: grant SYSTEM_USER to end such sessions", "session", id, "error", err.Error())
		default:
			log.FromContext(ctx).V(1).Info("killing clients ends", "error", err.Error())
			return ended
		}
	}
	return ended
}

func (h *Handle) listClients(ctx context.Context, instrumented bool, replicationUser string) ([]int64, error) {
	query, args := clientsQuery, []any{replicationUser}
	if !instrumented {
		query, args = plainClientsQuery, []any{replicationUser, h.User}
	}
	rows, err := h.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, h.Fail(query, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, h.Fail(query, err)
		}
		out = append(out, id)
	}
	return out, h.Fail(query, rows.Err())
}
