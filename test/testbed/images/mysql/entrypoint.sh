#!/bin/sh
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0
#
# Starts MySQL in a pod.
#   /var/lib/mysql      a volume; the data directory is data/ in it
#   /etc/mysql-conf     *.cnf files (a ConfigMap) that override the defaults below
#   /etc/mysql-users    one file per user, named like the user, with the password in clear text
#                       (a Secret). "mysql" is the administrator, "replication" may replicate, any
#                       other name is an application's user.
#   MYSQL_SERVER_ID     server_id; without it, and without one in the configuration, it is made from
#                       the pod's name, so that it differs between pods and survives a restart.
# Arguments go to mysqld.
set -eu

volume=/var/lib/mysql
data=$volume/data
run=$volume/run
users=${MYSQL_USERS_DIR:-/etc/mysql-users}

rm -rf "$run"
mkdir -p "$run"

server_id=${MYSQL_SERVER_ID:-$(uname -n | cksum | cut -d' ' -f1)}
[ "$server_id" -gt 0 ] || server_id=1

cat >"$run/my.cnf" <<EOF
[mysqld]
datadir=$data
socket=$run/mysqld.sock
pid-file=$run/mysqld.pid
server_id=$server_id
gtid_mode=ON
enforce_gtid_consistency=ON
log_bin=binlog
skip_name_resolve=ON
mysqlx=OFF
secure_file_priv=NULL
# A TCP probe is an aborted connection to MySQL; the default blocks a host after 100 of them.
max_connect_errors=1000000000
innodb_buffer_pool_size=64M
# All servers of a machine share fs.aio-max-nr, which some thirty use up: the next would not start.
innodb_use_native_aio=OFF
# A container may not set memory policies; Debian turns them on.
innodb_numa_interleave=OFF
!includedir /etc/mysql-conf
EOF

# say prints a line as it is; echo of this shell interprets backslashes.
say() { printf '%s\n' "$1"; }

# sql_string prints standard input as the inside of an SQL string.
sql_string() { sed -e 's/\\/\\\\/g' -e "s/'/''/g"; }

# user_statements prints the statements that make the users. The administrator may do everything;
# root exists only on the socket, without a password, because nobody but this user reaches it.
user_statements() {
	for file in "$users"/*; do
		[ -f "$file" ] || continue
		user=$(basename "$file" | sql_string)
		password=$(sql_string <"$file")
		say "CREATE USER IF NOT EXISTS '$user'@'%' IDENTIFIED BY '$password';"
		case $user in
		mysql) say "GRANT ALL PRIVILEGES ON *.* TO '$user'@'%' WITH GRANT OPTION;" ;;
		replication) say "GRANT REPLICATION SLAVE, BACKUP_ADMIN ON *.* TO '$user'@'%';" ;;
		*) say "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES ON *.* TO '$user'@'%';" ;;
		esac
	done
}

# The data directory is made under another name and renamed when it is complete, so that a pod
# killed in the middle begins again. No binary log meanwhile: users belong to the pod, and a fresh
# pod has an empty gtid_executed.
if [ ! -d "$data" ]; then
	new=$volume/new
	rm -rf "$new"
	mysqld --defaults-file="$run/my.cnf" --datadir="$new" --initialize-insecure
	(umask 077 && {
		user_statements
		echo "SHUTDOWN;"
	} >"$run/users.sql")
	mysqld --defaults-file="$run/my.cnf" --datadir="$new" --skip-networking --skip-log-bin \
		--gtid-mode=OFF --enforce-gtid-consistency=OFF --super-read-only=OFF --read-only=OFF \
		--init-file="$run/users.sql"
	rm -f "$run/users.sql"
	# Every server makes its own UUID when it starts on the final directory.
	rm -f "$new/auto.cnf"
	sync
	mv "$new" "$data"
fi

exec mysqld --defaults-file="$run/my.cnf" "$@"
