// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/conn"
)

func TestWords(t *testing.T) {
	old, between, current := conn.Version{Major: 8, Minor: 0, Patch: 20}, conn.Version{Major: 8, Minor: 0, Patch: 22}, conn.Version{Major: 9, Minor: 7, Patch: 4}
	for _, test := range []struct {
		v    conn.Version
		of   func(words) string
		want string
	}{
		{old, words.showStatus, "SHOW SLAVE STATUS"},
		{old, words.start, "START SLAVE FOR CHANNEL ''"},
		{old, words.stop, "STOP SLAVE FOR CHANNEL ''"},
		{old, words.startReceiver, "START SLAVE IO_THREAD FOR CHANNEL ''"},
		{old, words.stopReceiver, "STOP SLAVE IO_THREAD FOR CHANNEL ''"},
		{old, words.startApplier, "START SLAVE SQL_THREAD FOR CHANNEL ''"},
		{old, words.resetReplicaAll, "RESET SLAVE ALL FOR CHANNEL ''"},
		{old, func(w words) string { return w.change(nil) }, "CHANGE MASTER TO MASTER_HOST=?, MASTER_PORT=?, MASTER_USER=?, MASTER_PASSWORD=?, MASTER_AUTO_POSITION=1, MASTER_CONNECT_RETRY=1, MASTER_RETRY_COUNT=0, MASTER_HEARTBEAT_PERIOD=5, GET_MASTER_PUBLIC_KEY=1 FOR CHANNEL ''"},
		{old, func(w words) string { return w.changeAccess(nil) }, "CHANGE MASTER TO MASTER_USER=?, MASTER_PASSWORD=?, GET_MASTER_PUBLIC_KEY=1 FOR CHANNEL ''"},
		{between, words.showStatus, "SHOW REPLICA STATUS"},
		{between, func(w words) string { return w.changeAccess(nil) }, "CHANGE MASTER TO MASTER_USER=?, MASTER_PASSWORD=?, GET_MASTER_PUBLIC_KEY=1 FOR CHANNEL ''"},
		{current, words.showStatus, "SHOW REPLICA STATUS"},
		{current, words.resetReplicaAll, "RESET REPLICA ALL FOR CHANNEL ''"},
		{current, func(w words) string { return w.change(nil) }, "CHANGE REPLICATION SOURCE TO SOURCE_HOST=?, SOURCE_PORT=?, SOURCE_USER=?, SOURCE_PASSWORD=?, SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=0, SOURCE_HEARTBEAT_PERIOD=5, GET_SOURCE_PUBLIC_KEY=1 FOR CHANNEL ''"},
		{old, func(w words) string { return w.changeAccess(&full) }, "CHANGE MASTER TO MASTER_USER=?, MASTER_PASSWORD=?, MASTER_SSL=1, MASTER_SSL_VERIFY_SERVER_CERT=?, MASTER_SSL_CA=?, MASTER_SSL_CAPATH=?, MASTER_SSL_CERT=?, MASTER_SSL_KEY=?, GET_MASTER_PUBLIC_KEY=1 FOR CHANNEL ''"},
		{old, func(w words) string { return w.changeTLS(&ChannelTLS{}) }, "CHANGE MASTER TO MASTER_SSL=0, GET_MASTER_PUBLIC_KEY=1 FOR CHANNEL ''"},
		{current, func(w words) string { return w.changeTLS(&full) }, "CHANGE REPLICATION SOURCE TO SOURCE_SSL=1, SOURCE_SSL_VERIFY_SERVER_CERT=?, SOURCE_SSL_CA=?, SOURCE_SSL_CAPATH=?, SOURCE_SSL_CERT=?, SOURCE_SSL_KEY=?, GET_SOURCE_PUBLIC_KEY=1 FOR CHANNEL ''"},
		{current, func(w words) string { return w.changeAccess(&ChannelTLS{}) }, "CHANGE REPLICATION SOURCE TO SOURCE_USER=?, SOURCE_PASSWORD=?, SOURCE_SSL=0, GET_SOURCE_PUBLIC_KEY=1 FOR CHANNEL ''"},
	} {
		if got := test.of(words{version: test.v}); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.v, got, test.want)
		}
	}
}

func TestSemiSyncNames(t *testing.T) {
	on := SemiSyncWant{Enabled: true}
	for name, test := range map[string]struct {
		figures         map[string]string
		source, replica string
	}{
		"newer names": {
			map[string]string{"rpl_semi_sync_source_enabled": "OFF", "rpl_semi_sync_replica_enabled": "ON"},
			"SET GLOBAL rpl_semi_sync_replica_enabled=OFF, GLOBAL rpl_semi_sync_source_timeout=2147483647, GLOBAL rpl_semi_sync_source_wait_for_replica_count=1, GLOBAL rpl_semi_sync_source_wait_no_replica=ON, GLOBAL rpl_semi_sync_source_enabled=ON, GLOBAL super_read_only=OFF, GLOBAL read_only=OFF",
			"SET GLOBAL rpl_semi_sync_replica_enabled=OFF, GLOBAL rpl_semi_sync_source_enabled=OFF, GLOBAL super_read_only=OFF, GLOBAL read_only=OFF",
		},
		"older names": {
			map[string]string{"rpl_semi_sync_master_enabled": "OFF", "rpl_semi_sync_slave_enabled": "ON"},
			"SET GLOBAL rpl_semi_sync_slave_enabled=OFF, GLOBAL rpl_semi_sync_master_timeout=2147483647, GLOBAL rpl_semi_sync_master_wait_for_slave_count=1, GLOBAL rpl_semi_sync_master_wait_no_slave=ON, GLOBAL rpl_semi_sync_master_enabled=ON, GLOBAL super_read_only=OFF, GLOBAL read_only=OFF",
			"SET GLOBAL rpl_semi_sync_slave_enabled=OFF, GLOBAL rpl_semi_sync_master_enabled=OFF, GLOBAL super_read_only=OFF, GLOBAL read_only=OFF",
		},
		"no plugins": {
			nil,
			"SET GLOBAL super_read_only=OFF, GLOBAL read_only=OFF",
			"SET GLOBAL super_read_only=OFF, GLOBAL read_only=OFF",
		},
	} {
		w := newWords(conn.Version{Major: 8, Minor: 0, Patch: 26}, test.figures)
		if got := writable(setGlobal, w, on); got != test.source {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.source)
		}
		if got := writable(setGlobal, w, SemiSyncWant{}); got != test.replica {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.replica)
		}
	}
	w := newWords(conn.Version{Major: 8, Minor: 0, Patch: 26}, map[string]string{"rpl_semi_sync_source_enabled": "OFF"})
	const two = "SET PERSIST rpl_semi_sync_source_timeout=10500, PERSIST rpl_semi_sync_source_wait_for_replica_count=2, PERSIST rpl_semi_sync_source_wait_no_replica=ON, PERSIST rpl_semi_sync_source_enabled=ON, PERSIST super_read_only=OFF, PERSIST read_only=OFF"
	if got := writable(setPersist, w, SemiSyncWant{Enabled: true, Count: 2, Timeout: 10500*time.Millisecond + time.Microsecond}); got != two {
		t.Errorf("count and timeout:\n got %s\nwant %s", got, two)
	}
	if err := acknowledgeable(words{}, on); err == nil {
		t.Error("semi-sync without a plugin is accepted")
	}
}

// What 8.0.20 answers to SHOW SLAVE STATUS, shortened to what is read.
func TestStatusOf8020(t *testing.T) {
	row := newStatusRow(columns(
		"Slave_IO_State", "Waiting for master to send event",
		"Master_Host", "10.0.0.1", "Master_User", "repl", "Master_Port", "3306", "Connect_Retry", "60",
		"Master_Log_File", "binlog.000007", "Read_Master_Log_Pos", "4711", "Relay_Master_Log_File", "binlog.000006",
		"Slave_IO_Running", "Connecting", "Slave_SQL_Running", "Yes", "Exec_Master_Log_Pos", "815",
		"Seconds_Behind_Master", nil, "Last_IO_Errno", "1045", "Last_IO_Error", "error connecting to master",
		"Last_SQL_Errno", "0", "Last_SQL_Error", "", "Master_UUID", "3e11fa47-71ca-11e1-9e33-c80aa9429562",
		"Retrieved_Gtid_Set", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5", "Auto_Position", "1", "Channel_Name", "",
		"Replicate_Do_DB", "", "Replicate_Ignore_DB", "logs,tmp", "Replicate_Wild_Ignore_Table", "shop.tmp%",
	))
	got, err := row.channel()
	if err != nil {
		t.Fatal(err)
	}
	if got.SourceHost != "10.0.0.1" || got.SourcePort != 3306 || got.User != "repl" || got.SourceUUID == "" || !got.AutoPosition {
		t.Errorf("source: %+v", got)
	}
	if got.IO != ThreadConnecting || got.SQL != ThreadYes || got.IOErrno != 1045 || got.IOError == "" || got.SQLErrno != 0 {
		t.Errorf("threads: %+v", got)
	}
	if got.Filters != "Replicate_Ignore_DB: logs,tmp, Replicate_Wild_Ignore_Table: shop.tmp%" {
		t.Errorf("filters: %q", got.Filters)
	}
	if got.Lag != nil || got.Retrieved.Count() != 5 || got.SourceLogFile != "binlog.000007" || got.ReadSourceLogPos != 4711 || got.ExecSourceLogPos != 815 {
		t.Errorf("figures: %+v", got)
	}
	row["Seconds_Behind_Source"] = sql.NullString{String: "0", Valid: true}
	if got, _ = row.channel(); got.Lag == nil || *got.Lag != 0 {
		t.Errorf("lag: %v", got.Lag)
	}
	row["Retrieved_Gtid_Set"] = sql.NullString{String: "nonsense", Valid: true}
	if _, err = row.channel(); err == nil {
		t.Error("a damaged set is accepted")
	}
}

// columns takes name, value, name, value …; nil is NULL.
func columns(pairs ...any) (names []string, values []sql.NullString) {
	for i := 0; i < len(pairs); i += 2 {
		names = append(names, pairs[i].(string))
		text, valid := pairs[i+1].(string)
		values = append(values, sql.NullString{String: text, Valid: valid})
	}
	return names, values
}

// Figures of a 8.0.20 with the plugins' older names.
func TestFiguresUnderOlderNames(t *testing.T) {
	figures := map[string]string{
		"log_slave_updates": "ON", "uptime": "120", "persisted.super_read_only": "ON",
		"rpl_semi_sync_master_enabled": "ON", "rpl_semi_sync_master_timeout": "10000", "rpl_semi_sync_master_wait_for_slave_count": "2",
		"rpl_semi_sync_slave_enabled": "ON", "rpl_semi_sync_master_status": "ON", "rpl_semi_sync_master_clients": "3",
		"rpl_semi_sync_master_wait_sessions": "4", "rpl_semi_sync_slave_status": "OFF",
	}
	s := &Server{}
	s.read(newWords(conn.Version{Major: 8, Minor: 0, Patch: 20}, figures), figures)
	want := SemiSync{
		SourcePlugin: true, ReplicaPlugin: true, SourceEnabled: true, ReplicaEnabled: true, SourceActive: true,
		Timeout: 10 * time.Second, WaitCount: 2, Clients: 3, WaitSessions: 4,
	}
	if s.SemiSync != want {
		t.Errorf("got %+v, want %+v", s.SemiSync, want)
	}
	if !s.LogReplicaUpdates || !s.ReadOnlyPersisted || s.Uptime != 2*time.Minute {
		t.Errorf("%+v", s)
	}
	for name := range figures {
		if !strings.Contains(strings.ToLower(figuresQuery), "'"+strings.TrimPrefix(name, "persisted.")+"'") {
			t.Errorf("figuresQuery does not ask for %s", name)
		}
	}
}

// A server comes up waiting as it does now only if it has all of that persisted, and reads it.
func TestFiguresTellWhetherItWaitsAfterARestart(t *testing.T) {
	for _, plugin := range []string{"source", "master"} {
		w := words{sourcePlugin: plugin}
		for name, c := range map[string]struct {
			change func(map[string]string)
			want   bool
		}{
			"persisted":                       {func(map[string]string) {}, true},
			"switched on by SET GLOBAL":       {func(f map[string]string) { delete(f, "persisted."+w.sourceVariable("enabled")) }, false},
			"persisted OFF":                   {func(f map[string]string) { f["persisted."+w.sourceVariable("enabled")] = "OFF" }, false},
			"a timeout is persisted":          {func(f map[string]string) { f["persisted."+w.sourceVariable("timeout")] = "1000" }, false},
			"a lower count is persisted":      {func(f map[string]string) { f["persisted."+w.sourceVariable("wait_for_replica_count")] = "1" }, false},
			"it goes on without its replicas": {func(f map[string]string) { f["persisted."+w.sourceVariable("wait_no_replica")] = "OFF" }, false},
			"persisted_globals_load is OFF":   {func(f map[string]string) { f["persisted_globals_load"] = "OFF" }, false},
			"asynchronous":                    {func(f map[string]string) { f[w.sourceVariable("enabled")] = "OFF" }, false},
			"comes up fenced": {func(f map[string]string) {
				delete(f, "persisted."+w.sourceVariable("enabled"))
				f["persisted.super_read_only"] = "ON"
			}, true},
		} {
			figures := map[string]string{"persisted_globals_load": "ON"}
			for of, value := range map[string]string{"enabled": "ON", "timeout": "2147483647", "wait_for_replica_count": "2", "wait_no_replica": "ON"} {
				figures[w.sourceVariable(of)], figures["persisted."+w.sourceVariable(of)] = value, value
			}
			for name := range figures {
				if !strings.Contains(figuresQuery, "'"+strings.TrimPrefix(name, "persisted.")+"'") {
					t.Errorf("figuresQuery does not ask for %s", name)
				}
			}
			c.change(figures)
			s := &Server{}
			if s.read(w, figures); s.WaitsAfterRestart != c.want {
				t.Errorf("%s, %s: %t", plugin, name, s.WaitsAfterRestart)
			}
		}
	}
}
