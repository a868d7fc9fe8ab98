// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/upmio/compose-operator/internal/mysql/conn"
)

// heldError names the sessions for whose sake commits are not released.
type heldError struct{ sessions []string }

func (e *heldError) Error() string {
	return fmt.Sprintf("%d session(s) could not be ended and wait for an acknowledgement, or may still commit: %s. They would be told of commits that no other node has, so these go on waiting."+
		" End them by hand (KILL, or stop the application), or let the operator's user do it: GRANT CONNECTION_ADMIN, and SYSTEM_USER for sessions of users who have that",
		len(e.sessions), strings.Join(e.sessions[:min(len(e.sessions), 5)], ", "))
}

// isHeld says whether commits are not released for the sake of sessions.
func isHeld(err error) bool {
	held := (*heldError)(nil)
	return errors.As(err, &held)
}

// release of the commits that wait for an acknowledgement on a server that is fenced.
type release struct {
	*actor
	w words
	// wanted by whoever fences.
	wanted bool
	// fence is the session that waits for the fence.
	fence int64
	// ended are the sessions that were killed. Such a one may still be there, waiting: its
	// client is cut off and is told of nothing.
	ended map[int64]bool
	// done: the source side was on, and is off.
	done bool
}

// kill ends the clients of the server, as far as that is allowed.
func (r *release) kill(ctx context.Context) {
	for _, id := range r.killClients(ctx, r.w) {
		r.ended[id] = true
	}
}

// try lets the commits complete by switching the source side off, if no client can be told
// of one that no other node has.
func (r *release) try(ctx context.Context) error {
	if !r.wanted || r.w.sourcePlugin == "" {
		return nil
	}
	name := r.w.sourceVariable("enabled")
	var on bool
	if err := r.Row(ctx, "SELECT @@GLOBAL."+name, nil, &on); err != nil || !on {
		return err
	}
	left, err := r.committers(ctx)
	if err != nil {
		return fmt.Errorf("who waits for an acknowledgement: %w", err)
	}
	if len(left) > 0 {
		return &heldError{left}
	}
	r.done = true
	return r.Exec(ctx, "SET GLOBAL "+name+"=OFF")
}

// committersQuery lists the clients' sessions that wait for an acknowledgement, and those
// that hold what a commit takes: they are in a statement or a transaction that the fence
// waits for. The server's own threads, such as an applier's, tell nobody.
const committersQuery = "SELECT DISTINCT t.PROCESSLIST_ID, t.PROCESSLIST_USER FROM performance_schema.threads t" +
	" LEFT JOIN performance_schema.metadata_locks l ON l.OWNER_THREAD_ID = t.THREAD_ID" +
	" AND l.OBJECT_TYPE IN ('GLOBAL', 'COMMIT') AND l.LOCK_STATUS = 'GRANTED'" +
	" WHERE t.TYPE = 'FOREGROUND' AND t.CONNECTION_TYPE IS NOT NULL AND t.PROCESSLIST_ID NOT IN (CONNECTION_ID(), ?)" +
	" AND (t.PROCESSLIST_STATE LIKE 'Waiting for semi-sync ACK%' OR l.OWNER_THREAD_ID IS NOT NULL)" +
	" AND NOT EXISTS (SELECT 1 FROM performance_schema.session_connect_attrs c WHERE c.PROCESSLIST_ID = t.PROCESSLIST_ID" +
	" AND c.ATTR_NAME = 'program_name' AND c.ATTR_VALUE = '" + conn.ProgramName + "')"

// plainCommittersQuery does without performance_schema, and sees who waits only.
const plainCommittersQuery = "SELECT ID, USER FROM information_schema.PROCESSLIST" +
	" WHERE STATE LIKE 'Waiting for semi-sync ACK%' AND USER <> 'system user' AND ID NOT IN (CONNECTION_ID(), ?)"

// committers names those that were not ended.
func (r *release) committers(ctx context.Context) ([]string, error) {
	query := plainCommittersQuery
	if r.w.instrumented {
		query = committersQuery
	}
	rows, err := r.DB.QueryContext(ctx, query, r.fence)
	if err != nil {
		return nil, r.Fail(query, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	var out []string
	for rows.Next() {
		var id int64
		var user sql.NullString
		if err := rows.Scan(&id, &user); err != nil {
			return nil, r.Fail(query, err)
		}
		if !r.ended[id] {
			out = append(out, fmt.Sprintf("session %d of user %q", id, user.String))
		}
	}
	slices.Sort(out)
	return out, r.Fail(query, rows.Err())
}

// untilFree tries again, with those killed who have come meanwhile, until the patience ends.
func (r *release) untilFree(ctx, patience context.Context, kill bool) error {
	for {
		err := r.try(ctx)
		if !isHeld(err) || !conn.Pause(patience, killPause) {
			return err
		}
		if kill {
			r.kill(ctx)
		}
	}
}
