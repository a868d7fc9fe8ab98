// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/grants"
)

const (
	// privilegesKept is how long a user that lacks nothing is taken to lack nothing, or
	// up to half as long again, so that servers are not all asked at the same time. A
	// privilege that fails earlier is noticed at once.
	privilegesKept = 10 * time.Minute
	// privilegesRetried is when a server is asked again that gave no answer to the question.
	privilegesRetried = time.Minute
)

// permission is what was read of a user's privileges on one server.
type permission struct {
	account string
	missing []grants.Privilege
	// until then it is taken as it is.
	until time.Time
}

// required lists what the operator's user needs on a server.
func required(w words) []grants.Privilege {
	out := []grants.Privilege{
		grants.SystemVariablesAdmin, grants.ReplicationSlaveAdmin, grants.ConnectionAdmin,
		grants.ReplicationClient, grants.Reload, grants.PerformanceSchema,
	}
	if !w.instrumented {
		// The clients are in information_schema.PROCESSLIST only.
		out = append(out, grants.Process)
	}
	return out
}

// lacks says what the operator's user lacks. While something is missing the server is
// asked at every look, and otherwise seldom: a quiet look costs nothing more. When the
// server does not tell, what it said last holds.
func (h *handle) lacks(ctx context.Context, w words) (account string, missing []grants.Privilege) {
	was := h.may.Load()
	if was != nil && time.Now().Before(was.until) {
		return was.account, was.missing
	}
	now, err := h.readPrivileges(ctx, w)
	if err != nil {
		log.FromContext(ctx).V(1).Info("the privileges of the operator's user were not told", "error", err.Error())
		unknown := permission{until: time.Now().Add(privilegesRetried)}
		if was != nil {
			// What was missing is not there because nobody says so.
			unknown.account, unknown.missing = was.account, was.missing
		}
		h.may.Store(&unknown)
		return unknown.account, unknown.missing
	}
	if len(now.missing) > 0 || was != nil && len(was.missing) > 0 {
		// What was granted meanwhile is so in new sessions only.
		h.Renew()
	}
	h.may.Store(&now)
	return now.account, now.missing
}

func (h *handle) readPrivileges(ctx context.Context, w words) (permission, error) {
	set, err := h.grants(ctx)
	if err != nil {
		return permission{}, err
	}
	out := permission{account: set.Account, missing: set.Lacks(required(w))}
	if len(out.missing) == 0 {
		out.until = time.Now().Add(privilegesKept + rand.N(privilegesKept/2)) //nolint:gosec // no secret
	}
	return out, nil
}

// grants asks what the operator's user may do.
func (h *handle) grants(ctx context.Context) (grants.Set, error) {
	rows, err := h.DB.QueryContext(ctx, grants.Query)
	if err != nil {
		return grants.Set{}, h.Fail(grants.Query, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return grants.Set{}, h.Fail(grants.Query, err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		return grants.Set{}, h.Fail(grants.Query, err)
	}
	set := grants.Parse(lines)
	if set.Account == "" {
		return grants.Set{}, fmt.Errorf("%s: no line names an account", grants.Query)
	}
	return set, nil
}

// denied says whether a server refused something for the lack of a privilege.
func denied(err error) bool {
	return conn.IsNumber(err, conn.NumberPrivilege, conn.NumberTableDenied, conn.NumberDatabaseDenied)
}

// doubt has the privileges read again at the next look when one was missing.
func (h *handle) doubt(err error) {
	if denied(err) {
		h.may.Store(nil)
		h.Renew()
	}
}

// lackingError is the failure of a look for the lack of privileges.
type lackingError struct {
	account string
	missing []grants.Privilege
	cause   error
}

func (l *lackingError) Error() string {
	return fmt.Sprintf("user %s lacks %s: %s", l.account, grants.List(l.missing), grants.Statement(l.account, l.missing))
}

func (l *lackingError) Unwrap() error { return l.cause }

// explain says which privileges are missing, all of them, where a look failed for one.
func (h *handle) explain(ctx context.Context, err error) error {
	if !denied(err) {
		return err
	}
	h.doubt(err)
	// The server's figures may not have come: it is taken to have performance_schema.
	account, missing := h.lacks(ctx, words{instrumented: true})
	if len(missing) == 0 {
		return err
	}
	return &lackingError{account: account, missing: missing, cause: err}
}
