// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/mysql/shared"
)

const (
	// lookTimeout bounds the look at one server, rereadTimeout the second look at
	// what a member holds: an observation takes 4 s at the most.
	lookTimeout   = 3 * time.Second
	rereadTimeout = time.Second
)

// oldest is the oldest server whose groups are looked after: older ones name their
// channels and variables otherwise.
var oldest = conn.Version{Major: 8, Minor: 0, Patch: 27}

// identityQuery works without the plugin. gtid_executed cannot be read from
// performance_schema: its values are cut at 1024 characters.
const identityQuery = "SELECT @@GLOBAL.server_uuid, @@GLOBAL.version, @@GLOBAL.read_only, @@GLOBAL.super_read_only, @@GLOBAL.offline_mode, " +
	"@@GLOBAL.gtid_mode, @@GLOBAL.log_bin, @@GLOBAL.log_replica_updates, @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged"

// figuresQuery reads what is not there without the plugins, and what is persisted. Plugins
// and persisted variables are marked by a prefix.
const figuresQuery = "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_variables WHERE VARIABLE_NAME LIKE 'group_replication\\_%'" +
	" UNION ALL SELECT CONCAT('persisted.', VARIABLE_NAME), VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME = 'super_read_only'" +
	" UNION ALL SELECT CONCAT('plugin.', PLUGIN_NAME), PLUGIN_STATUS FROM information_schema.PLUGINS WHERE PLUGIN_NAME IN ('group_replication', 'clone')"

// viewQuery reads the group as the server sees it, with the id of the view in every row.
const viewQuery = "SELECT m.MEMBER_ID, m.MEMBER_HOST, m.MEMBER_PORT, m.MEMBER_STATE, m.MEMBER_ROLE, s.VIEW_ID," +
	" s.COUNT_TRANSACTIONS_IN_QUEUE + s.COUNT_TRANSACTIONS_REMOTE_IN_APPLIER_QUEUE" +
	" FROM performance_schema.replication_group_members m" +
	" LEFT JOIN performance_schema.replication_group_member_stats s ON s.MEMBER_ID = m.MEMBER_ID"

// queuedQuery reads what the applier's channel has received.
const queuedQuery = "SELECT RECEIVED_TRANSACTION_SET FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = 'group_replication_applier'"

// channelsQuery reads whom recovery connects as, and the last error of the channels.
const channelsQuery = "SELECT 'user', c.USER FROM performance_schema.replication_connection_configuration c WHERE c.CHANNEL_NAME = 'group_replication_recovery'" +
	" UNION ALL SELECT 'error', LAST_ERROR_MESSAGE FROM performance_schema.replication_connection_status" +
	" WHERE CHANNEL_NAME LIKE 'group_replication\\_%' AND LAST_ERROR_NUMBER <> 0" +
	" UNION ALL SELECT 'error', LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker" +
	" WHERE CHANNEL_NAME LIKE 'group_replication\\_%' AND LAST_ERROR_NUMBER <> 0"

// observe looks at all servers at the same time.
func observe(ctx context.Context, nodes []Node, open func(Node) (*handle, error)) State {
	servers := make([]*Server, len(nodes))
	handles := make([]*handle, len(nodes))
	conn.Each(len(nodes), func(i int) {
		n := nodes[i]
		h, err := open(n)
		if err == nil {
			handles[i] = h
			servers[i], err = h.look(ctx, n)
		}
		if err != nil {
			servers[i] = unseen(n, err)
		}
	})

	// What a node outside has must be found in the group: the members are asked after it.
	outside := false
	for _, s := range servers {
		outside = outside || s.Out()
	}
	conn.Each(len(nodes), func(i int) {
		if !outside || !servers[i].InGroup() {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, rereadTimeout)
		defer cancel()
		uuid, executed, queued, err := handles[i].holds(ctx)
		switch {
		case err != nil:
			servers[i] = unseen(nodes[i], err)
		case uuid != servers[i].UUID:
			servers[i] = unseen(nodes[i], errors.New("another server answered the second time: it is looked at again"))
		default:
			servers[i].Executed, servers[i].Queued = executed, queued
		}
	})

	out := State{Nodes: make(map[string]*Server, len(nodes))}
	for _, s := range servers {
		out.Nodes[s.Name] = s
	}
	return out
}

func unseen(n Node, err error) *Server {
	return &Server{Name: n.Name, Host: n.Host, Port: n.Port, Reach: conn.ReachOf(err), Problem: err.Error()}
}

// look reads one server: two connections, five statements.
func (h *handle) look(ctx context.Context, n Node) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()

	s := &Server{Name: n.Name, Host: n.Host, Port: n.Port, Reach: shared.ReachOK}
	var figures map[string]string
	var figuresErr error
	var beside sync.WaitGroup
	beside.Go(func() {
		if figures, figuresErr = h.Pairs(ctx, figuresQuery); figuresErr == nil {
			figuresErr = h.channels(ctx, s)
		}
	})
	err := h.identity(ctx, s)
	if err == nil {
		err = h.view(ctx, s)
	}
	if err == nil {
		s.Queued, err = h.queued(ctx)
	}
	if err != nil {
		cancel()
		beside.Wait()
		return nil, err
	}
	beside.Wait()
	if figuresErr != nil {
		return nil, figuresErr
	}
	s.read(figures)
	s.RecoveryOutdated = !h.has(s.UUID)
	return s, nil
}

func (h *handle) identity(ctx context.Context, s *Server) error {
	var mode, executed, purged string
	err := h.Row(ctx, identityQuery, nil, &s.UUID, &s.Version, &s.ReadOnly, &s.SuperReadOnly, &s.OfflineMode,
		&mode, &s.LogBin, &s.LogReplicaUpdates, &executed, &purged)
	if err != nil {
		return err
	}
	v, err := conn.ParseVersion(s.Version)
	if err != nil {
		return conn.Refusal(err.Error())
	}
	if why := conn.Unsupported(s.Version, v); why != "" {
		return conn.Refusal(why)
	}
	if !v.AtLeast(oldest) {
		return conn.Refusal(fmt.Sprintf("the server is MySQL %s: upgrade it to %s or newer, the oldest whose groups are looked after", v, oldest))
	}
	s.GTIDMode = strings.EqualFold(mode, "ON")
	if s.Executed, err = gtid.Parse(executed); err != nil {
		return conn.Refusal(fmt.Sprintf("gtid_executed: %v", err))
	}
	if s.Purged, err = gtid.Parse(purged); err != nil {
		return conn.Refusal(fmt.Sprintf("gtid_purged: %v", err))
	}
	return nil
}

func (h *handle) view(ctx context.Context, s *Server) error {
	rows, err := h.DB.QueryContext(ctx, viewQuery)
	if err != nil {
		return h.Fail(viewQuery, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	for rows.Next() {
		var m Member
		var host, role, view sql.NullString
		var port, backlog sql.NullInt64
		if err := rows.Scan(&m.UUID, &host, &port, &m.State, &role, &view, &backlog); err != nil {
			return h.Fail(viewQuery, err)
		}
		if m.UUID == "" {
			// A plugin that has never started leaves such a row.
			continue
		}
		m.Host, m.Port, m.Primary = host.String, int32(port.Int64), role.String == "PRIMARY"
		s.Members = append(s.Members, m)
		if view.String != "" {
			s.ViewID = view.String
		}
		if m.UUID == s.UUID {
			s.Backlog = backlog.Int64
		}
	}
	return h.Fail(viewQuery, rows.Err())
}

// queued is empty where the channel does not exist.
func (h *handle) queued(ctx context.Context) (gtid.Set, error) {
	var text sql.NullString
	err := h.DB.QueryRowContext(ctx, queuedQuery).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return gtid.Set{}, nil
	}
	if err != nil {
		return gtid.Set{}, h.Fail(queuedQuery, err)
	}
	set, err := gtid.Parse(text.String)
	if err != nil {
		return gtid.Set{}, conn.Refusal(fmt.Sprintf("RECEIVED_TRANSACTION_SET of group_replication_applier: %v", err))
	}
	return set, nil
}

// holds reads who answers and what it has, received before executed: what moves from one
// to the other meanwhile is in both.
func (h *handle) holds(ctx context.Context) (uuid string, executed, queued gtid.Set, err error) {
	if queued, err = h.queued(ctx); err != nil {
		return "", executed, queued, err
	}
	var text string
	if err = h.Row(ctx, "SELECT @@GLOBAL.server_uuid, @@GLOBAL.gtid_executed", nil, &uuid, &text); err != nil {
		return "", executed, queued, err
	}
	executed, err = gtid.Parse(text)
	return uuid, executed, queued, err
}

func (h *handle) channels(ctx context.Context, s *Server) error {
	rows, err := h.DB.QueryContext(ctx, channelsQuery)
	if err != nil {
		return h.Fail(channelsQuery, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	for rows.Next() {
		var what string
		var value sql.NullString
		if err := rows.Scan(&what, &value); err != nil {
			return h.Fail(channelsQuery, err)
		}
		if what == "user" {
			s.RecoveryUser = value.String
		} else if s.RecoveryError == "" {
			s.RecoveryError = value.String
		}
	}
	return h.Fail(channelsQuery, rows.Err())
}

// read fills in what figuresQuery gave.
func (s *Server) read(figures map[string]string) {
	value := func(name string) string { return figures["group_replication_"+name] }
	on := func(name string) bool { return strings.EqualFold(value(name), "ON") }
	s.ReadOnlyPersisted = strings.EqualFold(figures["persisted.super_read_only"], "ON")
	s.Plugin = figures["plugin.group_replication"] == "ACTIVE"
	s.ClonePlugin = figures["plugin.clone"] == "ACTIVE"
	s.Config = Config{
		GroupName: strings.ToLower(value("group_name")), LocalAddress: value("local_address"), Seeds: value("group_seeds"),
		SinglePrimary: on("single_primary_mode"), Bootstrap: on("bootstrap_group"), StartOnBoot: on("start_on_boot"),
		ForceMembers:  value("force_members"),
		OfflineOnExit: value("exit_state_action") == "OFFLINE_MODE",
		MySQLStack:    strings.EqualFold(value("communication_stack"), "MYSQL"),
		RecoveryTLS:   on("recovery_use_ssl"), RecoveryKey: on("recovery_get_public_key"),
	}
}
