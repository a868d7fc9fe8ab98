// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// asksForClone says whether servers are asked for the CLONE plugin: while a node may
// have to be made anew, or is being. A set at rest is not.
func asksForClone(obj *v1alpha1.MysqlReplication) bool {
	for name, n := range obj.Status.Topology {
		switch {
		case n == nil:
		case n.Clone != nil && n.Clone.State != v1alpha1.MysqlCloneCompleted:
			return true
		case obj.Spec.RejoinPolicy == v1alpha1.MysqlRejoinClone && !n.Ready && name != obj.Status.Source:
			return true
		}
	}
	return false
}

// cloneMeansQuery reads what a clone needs, besides privileges.
const cloneMeansQuery = "SELECT 'performance_schema', @@GLOBAL.performance_schema" +
	" UNION ALL SELECT 'plugin', PLUGIN_STATUS FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'clone'"

// cloneRunQuery reads the newest clone. A server that was killed in the middle of one
// says "In Progress" ever after, with no session.
const cloneRunQuery = "SELECT s.STATE, s.PID, s.SOURCE, TIMESTAMPDIFF(MICROSECOND, s.BEGIN_TIME, NOW(6)), s.ERROR_NO, s.ERROR_MESSAGE," +
	" EXISTS (SELECT 1 FROM performance_schema.threads t WHERE t.PROCESSLIST_ID = s.PID)," +
	" (SELECT SUM(p.DATA) FROM performance_schema.clone_progress p), (SELECT SUM(p.ESTIMATE) FROM performance_schema.clone_progress p)," +
	" (SELECT p.STATE FROM performance_schema.clone_progress p WHERE p.STAGE = 'DROP DATA')," +
	" (SELECT p.STATE FROM performance_schema.clone_progress p WHERE p.STAGE = 'RESTART')" +
	" FROM performance_schema.clone_status s"

// numberReadOnly is the error of a clone that finds super_read_only ON, and then
// removes nothing.
const numberReadOnly = 1290

// clone looks at what concerns cloning.
func (h *handle) clone(ctx context.Context) (*CloneView, error) {
	means, err := h.Pairs(ctx, cloneMeansQuery)
	if err != nil {
		return nil, err
	}
	v := &CloneView{
		Instrumented: means["performance_schema"] == "1",
		Plugin:       strings.EqualFold(means["plugin"], "ACTIVE"),
	}
	allowed, err := h.grants(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range []string{privilegeBackup, privilegeClone} {
		if allowed.Has(p) {
			v.Privileges = append(v.Privileges, p)
		}
	}
	if v.Plugin && v.Instrumented {
		// Without the plugin the tables do not exist.
		v.Run, err = h.cloneRun(ctx)
	}
	return v, err
}

// cloneRun reads the newest clone; nil: there was none.
func (h *handle) cloneRun(ctx context.Context) (*CloneRun, error) {
	var r CloneRun
	var state, message string
	var number int
	var session bool
	var age, data, total sql.NullInt64
	var drop, restart sql.NullString
	err := h.Row(ctx, cloneRunQuery, nil, &state, &r.Session, &r.Donor, &age, &number, &message, &session, &data, &total, &drop, &restart)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.Age = time.Duration(age.Int64) * time.Microsecond
	r.Completed = state == "Completed"
	r.Running = state == "In Progress" && (session || restart.String == "In Progress")
	r.Dropped = !r.Completed && drop.String != "" && drop.String != "Not Started" && number != numberReadOnly
	r.Bytes, r.TotalBytes = data.Int64, total.Int64
	if number != 0 {
		r.Error = "error " + strconv.Itoa(number) + ": " + message
	}
	if !session {
		r.Session = 0
	}
	return &r, nil
}
