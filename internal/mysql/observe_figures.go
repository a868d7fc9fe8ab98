// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
)

// identityColumns: gtid_executed cannot be read from performance_schema, whose values are
// cut at 1024 characters.
const identityColumns = "@@GLOBAL.server_uuid, @@GLOBAL.server_id, @@GLOBAL.version, @@GLOBAL.read_only, " +
	"@@GLOBAL.super_read_only, @@GLOBAL.gtid_mode, @@GLOBAL.log_bin, @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged"

const identityQuery = "SELECT " + identityColumns

// figuresQuery reads what has another name on another server or may not be there.
// Persisted variables are marked by a prefix.
const figuresQuery = "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_variables WHERE VARIABLE_NAME IN (" +
	"'performance_schema','ssl_ca','persisted_globals_load','log_replica_updates','log_slave_updates'," +
	"'rpl_semi_sync_source_enabled','rpl_semi_sync_source_timeout','rpl_semi_sync_source_wait_for_replica_count'," +
	"'rpl_semi_sync_master_enabled','rpl_semi_sync_master_timeout','rpl_semi_sync_master_wait_for_slave_count'," +
	"'rpl_semi_sync_source_wait_no_replica','rpl_semi_sync_master_wait_no_slave'," +
	"'rpl_semi_sync_replica_enabled','rpl_semi_sync_slave_enabled')" +
	" UNION ALL SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME IN (" +
	"'Uptime'," +
	"'Rpl_semi_sync_source_status','Rpl_semi_sync_source_clients','Rpl_semi_sync_source_wait_sessions'," +
	"'Rpl_semi_sync_master_status','Rpl_semi_sync_master_clients','Rpl_semi_sync_master_wait_sessions'," +
	"'Rpl_semi_sync_replica_status','Rpl_semi_sync_slave_status')" +
	" UNION ALL SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Ssl_cipher'" +
	" UNION ALL SELECT CONCAT('persisted.', VARIABLE_NAME), VARIABLE_VALUE FROM performance_schema.persisted_variables" +
	" WHERE VARIABLE_NAME IN ('super_read_only'," +
	"'rpl_semi_sync_source_enabled','rpl_semi_sync_source_timeout','rpl_semi_sync_source_wait_for_replica_count'," +
	"'rpl_semi_sync_master_enabled','rpl_semi_sync_master_timeout','rpl_semi_sync_master_wait_for_slave_count'," +
	"'rpl_semi_sync_source_wait_no_replica','rpl_semi_sync_master_wait_no_slave')"

// quietQuery is identityQuery and figuresQuery in one: of a thousand sets in which nothing
// happens every statement counts. The identity is the pair named quietIdentity. A server may
// give a column of a UNION a length, and cut what is longer: the identity ends with
// quietEnd, and one without is not believed.
const (
	quietQuery = "SELECT '" + quietIdentity + "' VARIABLE_NAME, CONCAT_WS('" + quietSeparator + "', " + identityColumns + ", '" + quietEnd +
		"') VARIABLE_VALUE UNION ALL " + figuresQuery
	// No variable is called that.
	quietIdentity = "@"
	// No version and no GTID set has it: a tag is of letters, digits and underscores
	// (https://dev.mysql.com/doc/refman/9.7/en/replication-gtids-concepts.html).
	quietSeparator = "|"
	quietEnd       = "."
)

// errNotQuiet: a server does not answer quietQuery as it should; it is asked in two statements.
var errNotQuiet = errors.New("the server says who it is in a statement of its own only")

// quietly reads who a server is, the text of its version, and its figures.
func quietly(ctx context.Context, c *handle, m Member) (*Server, string, map[string]string, error) {
	figures, err := c.Pairs(ctx, quietQuery)
	switch {
	case denied(err) || conn.IsNumber(err, conn.NumberMixOfCollations, conn.NumberMixOfManyCollations):
		return nil, "", nil, fmt.Errorf("%w: %w", errNotQuiet, err)
	case err != nil:
		return nil, "", nil, err
	}
	row := strings.Split(figures[quietIdentity], quietSeparator)
	if len(row) != 1+len(strings.Split(identityColumns, ", ")) || row[len(row)-1] != quietEnd {
		return nil, "", nil, errNotQuiet
	}
	delete(figures, quietIdentity)
	id, err := strconv.ParseUint(row[1], 10, 32)
	if err != nil {
		return nil, "", nil, errNotQuiet
	}
	s := &Server{Name: m.Name, Host: m.Host, Port: m.Port, Reach: ReachOK, UUID: row[0], ServerID: uint32(id)}
	s.ReadOnly, s.SuperReadOnly, s.LogBin = row[3] == "1", row[4] == "1", row[6] == "1"
	return s, row[2], figures, s.sets(row[5], row[7], row[8])
}

// identity reads who a server is, and the text of its version.
func identity(ctx context.Context, c *handle, m Member) (*Server, string, error) {
	s := &Server{Name: m.Name, Host: m.Host, Port: m.Port, Reach: ReachOK}
	var text, mode, executed, purged string
	err := c.Row(ctx, identityQuery, nil, &s.UUID, &s.ServerID, &text, &s.ReadOnly, &s.SuperReadOnly,
		&mode, &s.LogBin, &executed, &purged)
	if err == nil {
		err = s.sets(mode, executed, purged)
	}
	if err != nil {
		return nil, "", err
	}
	return s, text, nil
}

func (s *Server) sets(mode, executed, purged string) (err error) {
	s.GTIDMode = strings.EqualFold(mode, "ON")
	if s.Executed, err = gtid.Parse(executed); err != nil {
		return conn.Refusal(fmt.Sprintf("gtid_executed: %v", err))
	}
	if s.Purged, err = gtid.Parse(purged); err != nil {
		return conn.Refusal(fmt.Sprintf("gtid_purged: %v", err))
	}
	return nil
}

// read fills in what figuresQuery gave, under whichever names.
func (s *Server) read(w words, figures map[string]string) {
	on := func(names ...string) bool {
		for _, name := range names {
			if strings.EqualFold(figures[name], "ON") {
				return true
			}
		}
		return false
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(figures[name], 10, 64)
		return n
	}
	s.Uptime = time.Duration(number("uptime")) * time.Second
	s.LogReplicaUpdates = on("log_replica_updates", "log_slave_updates")
	s.CAFile = figures["ssl_ca"]
	cipher, known := figures["ssl_cipher"]
	s.Plain = known && cipher == ""
	s.ReadOnlyPersisted = on("persisted.super_read_only")
	s.IgnoresPersisted = strings.EqualFold(figures["persisted_globals_load"], "OFF")
	semi := SemiSync{SourcePlugin: w.sourcePlugin != "", ReplicaPlugin: w.replicaPlugin != ""}
	if semi.SourcePlugin {
		status := "rpl_semi_sync_" + w.sourcePlugin + "_"
		semi.SourceEnabled = on(w.sourceVariable("enabled"))
		semi.SourceActive = on(status + "status")
		semi.Timeout = time.Duration(number(w.sourceVariable("timeout"))) * time.Millisecond
		semi.WaitCount = int(number(w.sourceVariable("wait_for_replica_count")))
		semi.WaitNoReplica = on(w.sourceVariable("wait_no_replica"))
		semi.Clients = int(number(status + "clients"))
		semi.WaitSessions = int(number(status + "wait_sessions"))
	}
	if semi.ReplicaPlugin {
		semi.ReplicaEnabled = on(w.replicaVariable("enabled"))
		semi.ReplicaActive = on(w.replicaVariable("status"))
	}
	s.SemiSync = semi
	s.WaitsAfterRestart = !s.IgnoresPersisted && (s.ReadOnlyPersisted || semi.SourceEnabled && persisted(w, figures))
}

// persisted says whether a server comes up again with the settings of a semi-sync source
// that it has now.
func persisted(w words, figures map[string]string) bool {
	for _, of := range []string{"enabled", "timeout", "wait_for_replica_count", "wait_no_replica"} {
		name := w.sourceVariable(of)
		if kept, is := figures["persisted."+name]; !is || !strings.EqualFold(kept, figures[name]) {
			return false
		}
	}
	return true
}
