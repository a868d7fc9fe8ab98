// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqld

import (
	"os"
	"path/filepath"
	"strconv"
)

// RootFSVariable names the directory that holds MySQL as a Debian root file
// system; "bin/testbed rootfs mysql" makes it and prints its path.
const RootFSVariable = "MYSQL_ROOTFS"

const libraries = "usr/lib/x86_64-linux-gnu"

// rootFS is a root file system with mysqld in it. Its program is run outside of
// it, with its own dynamic linker and libraries: no chroot, no root needed.
type rootFS string

func findRootFS() rootFS {
	if dir := os.Getenv(RootFSVariable); dir != "" {
		return rootFS(dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return rootFS(filepath.Join(cache, "compose-operator", "rootfs", "mysql"))
}

func (r rootFS) mysqld() string { return filepath.Join(string(r), "usr/sbin/mysqld") }

func (r rootFS) complete() bool {
	_, err := os.Stat(r.mysqld())
	return err == nil
}

// command is the command line that runs mysqld. first is --no-defaults or
// --defaults-file: with the former a server ignores its persisted variables.
func (r rootFS) command(first string, options ...string) []string {
	usr := filepath.Join(string(r), "usr")
	line := []string{
		filepath.Join(string(r), libraries, "ld-linux-x86-64.so.2"),
		"--library-path", filepath.Join(string(r), libraries),
		r.mysqld(), first,
		"--basedir=" + usr,
		"--plugin-dir=" + filepath.Join(usr, "lib/mysql/plugin"),
		"--lc-messages-dir=" + filepath.Join(usr, "share/mysql"),
		"--character-sets-dir=" + filepath.Join(usr, "share/mysql/charsets"),
	}
	if os.Geteuid() == 0 {
		// mysqld runs as root only when it is told to. Another user could not
		// reach files below root's home.
		line = append(line, "--user=root")
	}
	return append(line, options...)
}

// id changes when the program does, so that no data directory of another
// version is used with it.
func (r rootFS) id() (string, error) {
	info, err := os.Stat(r.mysqld())
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(info.Size(), 36) + "-" + strconv.FormatInt(info.ModTime().Unix(), 36), nil
}
