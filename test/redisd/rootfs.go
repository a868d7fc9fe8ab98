// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redisd

import (
	"os"
	"os/exec"
	"path/filepath"
)

// RootFSVariable names the directory that holds Redis or Valkey as a root file system, e.g.
// what "bin/testbed rootfs redis" prints. Without it the redis-server of PATH is used.
const RootFSVariable = "REDIS_ROOTFS"

const libraries = "usr/lib/x86_64-linux-gnu"

// program is the beginning of the command line that runs a server; nil when there is none.
func program() []string { return tool("server") }

// tool is the beginning of the command line of a program of Redis or Valkey, such as redis-cli;
// nil when there is none. One of a root file system runs outside of it, with its own libraries
// and, where it has one, its own dynamic linker: no chroot, no root needed.
func tool(name string) []string {
	root := os.Getenv(RootFSVariable)
	if root == "" {
		found, err := exec.LookPath("redis-" + name)
		if err != nil {
			return nil
		}
		return []string{found}
	}
	for _, of := range []string{"valkey-", "redis-"} {
		file := filepath.Join(root, "usr/bin", of+name)
		if _, err := os.Stat(file); err != nil {
			continue
		}
		linker, path := filepath.Join(root, libraries, "ld-linux-x86-64.so.2"), filepath.Join(root, libraries)
		if _, err := os.Stat(linker); err == nil {
			return []string{linker, "--library-path", path, file}
		}
		return []string{"/usr/bin/env", "LD_LIBRARY_PATH=" + path, file}
	}
	return nil
}
