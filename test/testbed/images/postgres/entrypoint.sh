#!/bin/sh
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0
#
# Starts PostgreSQL in a pod.
#   /var/lib/postgresql  a volume; the data directory is data/ in it
#   /etc/postgres-conf   *.conf files (a ConfigMap) that override the defaults below
#   /etc/postgres-users  one file per user, named like the user, with the password in clear text
#                        (a Secret). "postgres" is the superuser, "replication" may replicate, any
#                        other name may log in.
#   POSTGRES_CLONE_FROM  host of the server that a fresh pod is filled from, by pg_basebackup, and
#                        becomes a standby of. The pod that the host begins with makes a database
#                        cluster of its own, as every fresh pod does when there is no such host.
# Arguments go to postgres.
set -eu

volume=/var/lib/postgresql
data=$volume/data
users=${POSTGRES_USERS_DIR:-/etc/postgres-users}
clone_from=${POSTGRES_CLONE_FROM:-}
umask 077

# say prints a line as it is; echo of this shell interprets backslashes.
say() { printf '%s\n' "$1"; }

# sql_string prints standard input as the inside of an SQL string.
sql_string() { sed -e "s/'/''/g"; }

user_statements() {
	for file in "$users"/*; do
		[ -f "$file" ] || continue
		user=$(basename "$file" | sed -e 's/"/""/g')
		password=$(sql_string <"$file")
		case $user in
		postgres) say "ALTER ROLE postgres PASSWORD '$password';" ;;
		replication) say "CREATE ROLE \"$user\" LOGIN REPLICATION PASSWORD '$password';" ;;
		*) say "CREATE ROLE \"$user\" LOGIN PASSWORD '$password';" ;;
		esac
	done
}

# make a database cluster in a directory.
make() {
	initdb --pgdata="$1" --username=postgres --encoding=UTF8 --locale=C \
		--auth-local=trust --auth-host=scram-sha-256 --data-checksums
	{
		echo "host all all all scram-sha-256"
		echo "host replication all all scram-sha-256"
	} >>"$1/pg_hba.conf"
	cat >>"$1/postgresql.conf" <<EOF
listen_addresses = '*'
unix_socket_directories = '/tmp'
shared_buffers = '32MB'
wal_level = replica
hot_standby = on
wal_log_hints = on
password_encryption = 'scram-sha-256'
include_dir = '/etc/postgres-conf'
EOF
	user_statements | postgres --single -D "$1" -c unix_socket_directories='' -c log_statement=none postgres >/dev/null
}

# clone the server of another pod into a directory. It is a standby, and nobody has told it yet
# whose: primary_conninfo is the operator's to set.
clone() {
	until PGPASSWORD=$(cat "$users/replication") pg_basebackup --host="$clone_from" --username=replication \
		--no-password --pgdata="$1" --wal-method=stream --checkpoint=fast; do
		rm -rf "$1"
		sleep 1
	done
	touch "$1/standby.signal"
}

# Made under another name and renamed when complete: a pod killed in the middle begins again.
if [ ! -d "$data" ]; then
	new=$volume/new
	rm -rf "$new"
	if [ -n "$clone_from" ] && [ "${clone_from%%.*}" != "$(uname -n)" ]; then
		clone "$new"
	else
		make "$new"
	fi
	sync
	mv "$new" "$data"
fi

# A pod's fsGroup lets the group write when the volume is mounted again, which postgres does not bear.
chmod 0700 "$data"
exec postgres -D "$data" "$@"
