-- Copyright 2026 The Compose Operator Authors
-- SPDX-License-Identifier: Apache-2.0

-- The two users of a group and the least that they need. Run it on every server
-- before there is a group. sql_log_bin=0 keeps these statements out of the binary log:
-- they would be transactions that only this server has.
-- Put your own passwords in: those that make-secrets.sh encrypts.
SET SESSION sql_log_bin = 0;

-- The operator. Its name is the key spec.secret.mysql.
--   GROUP_REPLICATION_ADMIN    START and STOP GROUP_REPLICATION, group_replication_set_as_primary
--   SYSTEM_VARIABLES_ADMIN     the variables group_replication_…, super_read_only, offline_mode
--   REPLICATION_SLAVE_ADMIN    the user of the channel group_replication_recovery
--   CONNECTION_ADMIN           end the clients of an old primary, connect in offline_mode
--   REPLICATION CLIENT         the state of replication
--   PROCESS                    see the clients
--   SELECT on performance_schema   the members, and what they have received
CREATE USER IF NOT EXISTS 'mysql'@'%' IDENTIFIED BY 'change-me-mysql';
GRANT PROCESS, REPLICATION CLIENT ON *.* TO 'mysql'@'%';
GRANT SYSTEM_VARIABLES_ADMIN, GROUP_REPLICATION_ADMIN, CONNECTION_ADMIN, REPLICATION_SLAVE_ADMIN ON *.* TO 'mysql'@'%';
GRANT SELECT ON performance_schema.* TO 'mysql'@'%';

-- Recovery: as whom a server that joins copies from a member. Its name is the key
-- spec.secret.replication.
--   REPLICATION SLAVE          read binary logs
--   BACKUP_ADMIN               clone
--   CONNECTION_ADMIN           not to be cut off by offline_mode
--   GROUP_REPLICATION_STREAM   for group_replication_communication_stack=MYSQL only
CREATE USER IF NOT EXISTS 'replication'@'%' IDENTIFIED BY 'change-me-replication';
GRANT REPLICATION SLAVE ON *.* TO 'replication'@'%';
GRANT BACKUP_ADMIN, CONNECTION_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO 'replication'@'%';

SET SESSION sql_log_bin = 1;
