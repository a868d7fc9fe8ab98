-- Copyright 2026 The Compose Operator Authors
-- SPDX-License-Identifier: Apache-2.0

-- The two users of a set and the least that they need. Run it on every server
-- that is to join, before it replicates. sql_log_bin=0 keeps these statements out of the
-- binary log: they would be transactions that only this server has.
-- Put your own passwords in: those that make-secrets.sh encrypts.
SET SESSION sql_log_bin = 0;

-- The operator. Its name is the key spec.secret.mysql.
--   SYSTEM_VARIABLES_ADMIN     read_only, super_read_only, the semi-sync settings
--   REPLICATION_SLAVE_ADMIN    CHANGE REPLICATION SOURCE, START, STOP, RESET REPLICA
--   CONNECTION_ADMIN           end the clients of a source that is fenced, connect while all connections are taken
--   REPLICATION CLIENT         the state of replication
--   RELOAD                     RESET REPLICA ALL, FLUSH BINARY LOGS
--   PERSIST_RO_VARIABLES_ADMIN may be left out: with it the fence of a switchover is stored before, and is up sooner
--   SELECT on performance_schema   see the clients, and who holds up a fence
-- Servers with performance_schema=OFF need PROCESS too, to see the clients.
CREATE USER IF NOT EXISTS 'mysql'@'%' IDENTIFIED BY 'change-me-mysql';
GRANT RELOAD, REPLICATION CLIENT ON *.* TO 'mysql'@'%';
GRANT SYSTEM_VARIABLES_ADMIN, PERSIST_RO_VARIABLES_ADMIN, CONNECTION_ADMIN, REPLICATION_SLAVE_ADMIN ON *.* TO 'mysql'@'%';
GRANT SELECT ON performance_schema.* TO 'mysql'@'%';

-- For spec.rejoinPolicy: Clone, and only for that: CLONE_ADMIN lets its holder replace all that a server holds.
-- GRANT BACKUP_ADMIN, CLONE_ADMIN ON *.* TO 'mysql'@'%';

-- The replicas' connections. Its name is the key spec.secret.replication.
CREATE USER IF NOT EXISTS 'replication'@'%' IDENTIFIED BY 'change-me-replication';
GRANT REPLICATION SLAVE ON *.* TO 'replication'@'%';

SET SESSION sql_log_bin = 1;
