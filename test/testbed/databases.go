// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed images/mysql/entrypoint.sh
var mysqlEntrypoint string

//go:embed images/redis/entrypoint.sh
var redisEntrypoint string

//go:embed images/postgres/entrypoint.sh
var postgresEntrypoint string

// database is a database image: a Debian root file system and an entrypoint.
type database struct {
	name string
	tag  string
	// suite of Debian; empty: sid, which has the newest versions.
	suite string
	// packages to install from it; their dependencies follow.
	packages []string
	// user that the server runs as, with the id that people's manifests give in fsGroup.
	user string
	uid  int
	// volume is where the data directory goes.
	volume     string
	entrypoint string
	// path is PATH inside the image.
	path string
	// stopSignal ends the server in order, where that is not SIGTERM.
	stopSignal string
	// files are added to the image.
	files []imageFile
	// dirs are made in the image, e.g. places where a manifest mounts a ConfigMap.
	dirs []string
	// clients that `testbed exec` offers on the host side, as paths inside the root file system.
	clients []string
}

const standardPath = "/usr/sbin:/usr/bin:/sbin:/bin"

var databases = []database{
	{
		name: "mysql", tag: "9.7", packages: []string{"mysql-server-core", "mysql-client-core"},
		user: "mysql", uid: 999, volume: "/var/lib/mysql", entrypoint: mysqlEntrypoint, path: standardPath,
		files:   []imageFile{{path: "/etc/mysql/my.cnf", mode: 0o644, data: []byte("[client]\nsocket=/var/lib/mysql/run/mysqld.sock\n")}},
		dirs:    []string{"/etc/mysql", "/etc/mysql-conf", "/etc/mysql-users"},
		clients: []string{"/usr/bin/mysql", "/usr/bin/mysqladmin", "/usr/bin/mysqlbinlog", "/usr/bin/mysqldump"},
	},
	{
		name: "redis", tag: "8", packages: []string{"redis-server", "redis-tools"},
		user: "redis", uid: 999, volume: "/data", entrypoint: redisEntrypoint, path: standardPath,
		dirs:    []string{"/etc/redis-conf", "/etc/redis-users"},
		clients: []string{"/usr/bin/redis-cli", "/usr/bin/redis-benchmark"},
	},
	{
		name: "postgres", tag: "18", packages: []string{"postgresql-18", "postgresql-client-18"},
		user: "postgres", uid: 999, volume: "/var/lib/postgresql", entrypoint: postgresEntrypoint,
		path: "/usr/lib/postgresql/18/bin:" + standardPath,
		// A fast stop: SIGTERM would wait for all clients to leave.
		stopSignal: "SIGINT",
		dirs:       []string{"/etc/postgres-conf", "/etc/postgres-users", "/var/run/postgresql"},
		clients:    []string{"/usr/lib/postgresql/18/bin/psql", "/usr/lib/postgresql/18/bin/pgbench"},
	},
}

// otherVersions are servers that tests run without a cluster: root file systems, and no images.
var otherVersions = []database{
	{
		name: "redis-7.0", tag: "7.0", suite: "bookworm", packages: []string{"redis-server", "redis-tools"},
		user: "redis", uid: 999, volume: "/data",
	},
	{
		name: "valkey", tag: "8.1", suite: "trixie", packages: []string{"valkey-server", "valkey-tools"},
		user: "valkey", uid: 999, volume: "/data",
	},
	{
		name: "postgres-15", tag: "15", suite: "bookworm", packages: []string{"postgresql-15", "postgresql-client-15"},
		user: "postgres", uid: 999, volume: "/var/lib/postgresql",
	},
	{
		name: "postgres-17", tag: "17", suite: "trixie", packages: []string{"postgresql-17", "postgresql-client-17"},
		user: "postgres", uid: 999, volume: "/var/lib/postgresql",
	},
}

// findDatabase returns the definition of a root file system, and of the image made of it if there is one.
func findDatabase(name string) (database, error) {
	for _, d := range slices.Concat(databases, otherVersions) {
		if d.name == name {
			return d, nil
		}
	}
	return database{}, fmt.Errorf("no database %q: known are %s", name, databaseNames(", "))
}

func databaseNames(separator string) string {
	var names []string
	for _, d := range slices.Concat(databases, otherVersions) {
		names = append(names, d.name)
	}
	return strings.Join(names, separator)
}

// from is the suite of Debian that the packages come from.
func (d database) from() string { return cmp.Or(d.suite, "sid") }

// image is the reference that manifests use.
func (d database) image() string { return imagePrefix + d.name + ":" + d.tag }
