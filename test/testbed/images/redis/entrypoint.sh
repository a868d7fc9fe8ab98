#!/bin/sh
# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0
#
# Starts Redis in a pod.
#   /data               a volume for the data
#   /etc/redis-conf     *.conf files (a ConfigMap) that override the defaults below
#   /etc/redis-users    a file "redis" with the password in clear text (a Secret); no file, no password
#   REDIS_PORT          port, 6379 when unset
# Arguments go to redis-server; "--sentinel" makes it a sentinel.
set -eu

# say prints a line as it is; echo of this shell interprets backslashes.
say() { printf '%s\n' "$1"; }

password=${REDIS_PASSWORD_FILE:-/etc/redis-users/redis}
conf=/data/redis.conf

# The file is made once: a sentinel, and CONFIG REWRITE, keep their state in it. It holds a
# password, hence the mode.
if [ ! -f "$conf" ]; then
	umask 077
	{
		echo "port ${REDIS_PORT:-6379}"
		echo "dir /data"
		echo "protected-mode no"
		case " $* " in
		*" --sentinel "*) ;;
		*)
			echo "appendonly yes"
			echo "maxmemory 64mb"
			echo "maxmemory-policy noeviction"
			;;
		esac
		if [ -f "$password" ]; then
			secret=$(sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' <"$password")
			say "requirepass \"$secret\""
			case " $* " in
			*" --sentinel "*) ;;
			*) say "masterauth \"$secret\"" ;;
			esac
		fi
		for file in /etc/redis-conf/*.conf; do
			[ -f "$file" ] && cat "$file"
		done
	} >"$conf.new"
	sync
	mv "$conf.new" "$conf"
fi

exec redis-server "$conf" "$@"
