#!/bin/bash
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0
#
# A stand-in for the entrypoint of the official MySQL image, which the testbed cannot
# pull: as much of its contract as the README's quick start uses. Its arguments are
# "mysqld" and mysqld's; on an empty data directory it makes root with the password
# MYSQL_ROOT_PASSWORD at MYSQL_ROOT_HOST and runs /docker-entrypoint-initdb.d/*.sql.
set -euo pipefail

shift # mysqld
datadir=/var/lib/mysql
for argument in "$@"; do
  case $argument in --datadir=*) datadir=${argument#*=} ;; esac
done
socket=$datadir.sock
mysqld=(/usr/sbin/mysqld "$@" --socket="$socket" --pid-file="$datadir.pid" --secure-file-priv=NULL --mysqlx=OFF --innodb-numa-interleave=OFF --innodb-use-native-aio=OFF)

if [[ ! -d $datadir/mysql ]]; then
  "${mysqld[@]}" --initialize-insecure
  "${mysqld[@]}" --skip-networking --daemonize --log-error="$datadir.log"
  client=(mysql --no-defaults --socket="$socket" -uroot)
  "${client[@]}" <<SQL
SET sql_log_bin=0;
ALTER USER 'root'@'localhost' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
SQL
  [[ ${MYSQL_ROOT_HOST:-%} == localhost ]] || { echo "the stand-in knows MYSQL_ROOT_HOST=localhost only" >&2; exit 1; }
  export MYSQL_PWD=$MYSQL_ROOT_PASSWORD
  for script in /docker-entrypoint-initdb.d/*.sql; do
    "${client[@]}" <"$script"
  done
  mysqladmin --no-defaults --socket="$socket" -uroot shutdown
  unset MYSQL_PWD
fi
exec "${mysqld[@]}"
