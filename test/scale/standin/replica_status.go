// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"

	"vitess.io/vitess/go/sqltypes"
	querypb "vitess.io/vitess/go/vt/proto/query"
)

// replicaStatusColumns are those of SHOW REPLICA STATUS of MySQL 9.7, in its order.
var replicaStatusColumns = []string{
	"Replica_IO_State", "Source_Host", "Source_User", "Source_Port", "Connect_Retry", "Source_Log_File",
	"Read_Source_Log_Pos", "Relay_Log_File", "Relay_Log_Pos", "Relay_Source_Log_File", "Replica_IO_Running",
	"Replica_SQL_Running", "Replicate_Do_DB", "Replicate_Ignore_DB", "Replicate_Do_Table", "Replicate_Ignore_Table",
	"Replicate_Wild_Do_Table", "Replicate_Wild_Ignore_Table", "Last_Errno", "Last_Error", "Skip_Counter",
	"Exec_Source_Log_Pos", "Relay_Log_Space", "Until_Condition", "Until_Log_File", "Until_Log_Pos",
	"Source_SSL_Allowed", "Source_SSL_CA_File", "Source_SSL_CA_Path", "Source_SSL_Cert", "Source_SSL_Cipher",
	"Source_SSL_Key", "Seconds_Behind_Source", "Source_SSL_Verify_Server_Cert", "Last_IO_Errno", "Last_IO_Error",
	"Last_SQL_Errno", "Last_SQL_Error", "Replicate_Ignore_Server_Ids", "Source_Server_Id", "Source_UUID",
	"Source_Info_File", "SQL_Delay", "SQL_Remaining_Delay", "Replica_SQL_Running_State", "Source_Retry_Count",
	"Source_Bind", "Last_IO_Error_Timestamp", "Last_SQL_Error_Timestamp", "Source_SSL_Crl", "Source_SSL_Crlpath",
	"Retrieved_Gtid_Set", "Executed_Gtid_Set", "Auto_Position", "Replicate_Rewrite_DB", "Channel_Name",
	"Source_TLS_Version", "Source_public_key_path", "Get_Source_public_key", "Network_Namespace",
}

// replicaStatusFields are made once: every answer has them.
var replicaStatusFields = table(replicaStatusColumns).Fields

func (s *server) showReplicaStatus() *sqltypes.Result {
	s.seen = true
	result := &sqltypes.Result{Fields: replicaStatusFields}
	if s.channel == nil {
		return result
	}
	s.replicate()
	c := s.channel
	io, ioErrno, ioError := s.receiver()
	sql, sqlErrno, sqlError := s.applier()
	// It moves with what is executed.
	position := strconv.FormatInt(157+300*s.executed.Count(), 10)
	values := map[string]string{
		"Source_Host": c.host, "Source_User": c.user, "Source_Port": strconv.Itoa(c.port), "Connect_Retry": "1",
		"Source_Log_File": "binlog.000002", "Read_Source_Log_Pos": position, "Exec_Source_Log_Pos": position,
		"Relay_Log_File": "standin-relay-bin.000002", "Relay_Log_Pos": position, "Relay_Source_Log_File": "binlog.000002",
		"Replica_IO_Running": io, "Replica_SQL_Running": sql,
		"Last_Errno": strconv.Itoa(sqlErrno), "Last_Error": sqlError, "Skip_Counter": "0", "Relay_Log_Space": position,
		"Until_Condition": "None", "Until_Log_Pos": "0", "Source_SSL_Allowed": yesNo(c.ssl), "Source_SSL_Verify_Server_Cert": yesNo(c.verify),
		"Source_SSL_CA_File": c.ca, "Source_SSL_CA_Path": c.caPath, "Source_SSL_Cert": c.cert, "Source_SSL_Key": c.key,
		"Last_IO_Errno": strconv.Itoa(ioErrno), "Last_IO_Error": ioError,
		"Last_SQL_Errno": strconv.Itoa(sqlErrno), "Last_SQL_Error": sqlError,
		"Source_Info_File": "mysql.slave_master_info", "SQL_Delay": "0", "Source_Retry_Count": "0",
		"Retrieved_Gtid_Set": c.retrieved.String(), "Executed_Gtid_Set": s.executed.String(),
		"Auto_Position": "0", "Get_Source_public_key": "1",
	}
	if c.autoPosition {
		values["Auto_Position"] = "1"
	}
	if source := c.connected; source != nil {
		values["Source_UUID"], values["Source_Server_Id"] = source.uuid, source.variables["server_id"]
	}
	if io == running {
		values["Replica_IO_State"] = "Waiting for source to send event"
	}
	if sql == running {
		values["Replica_SQL_Running_State"] = "Replica has read all relay log; waiting for more updates"
	}
	row := make([]sqltypes.Value, len(replicaStatusFields))
	for i, field := range replicaStatusFields {
		row[i] = text(values[field.Name])
		if field.Name == "Seconds_Behind_Source" {
			row[i] = sqltypes.NULL
			if io == running && sql == running {
				row[i] = sqltypes.MakeTrusted(querypb.Type_VARCHAR, []byte("0"))
			}
		}
	}
	result.Rows = [][]sqltypes.Value{row}
	return result
}

func yesNo(on bool) string {
	if on {
		return "Yes"
	}
	return "No"
}
