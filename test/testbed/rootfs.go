// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// basePackages make a shell usable in an image: entrypoints are scripts, and people look around
// with `kubectl exec`.
var basePackages = []string{"base-files", "bash", "coreutils", "dash", "grep", "libc-bin", "ncurses-base", "sed"}

// removed are parts of a root file system that no server needs: documentation, what only a
// package manager reads, and Perl, which the packages depend on for scripts that do not run here.
var removed = []string{
	"boot", "home", "media", "mnt", "opt", "srv",
	"etc/apt", "etc/init.d", "etc/perl", "etc/fstab", "etc/hostname", "etc/resolv.conf",
	"usr/lib/apt", "usr/lib/systemd", "usr/lib/udev", "usr/lib/x86_64-linux-gnu/systemd",
	"usr/lib/*-linux-gnu/perl*", "usr/lib/*-linux-gnu/libperl*", "usr/lib/*-linux-gnu/gconv",
	"usr/share/bash-completion", "usr/share/bug", "usr/share/debconf", "usr/share/doc", "usr/share/i18n",
	"usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man", "usr/share/perl*",
	"usr/share/postgresql/18/man", "usr/bin/perl*", "usr/bin/cpan*", "usr/bin/myisam*",
	"usr/bin/mysql_secure_installation", "usr/bin/mysqlslap", "usr/bin/mysqlimport", "usr/bin/mysqlshow",
	"usr/bin/ibd2sdi", "usr/bin/innochecksum", "usr/bin/mysql_migrate_keyring", "usr/bin/perror",
	"var/cache", "var/lib/apt", "var/lib/dpkg", "var/log",
}

// rootfsKey changes whenever the recipe of a root file system does.
func rootfsKey(d database) string {
	recipe := fmt.Sprintf("%v|%v|%v|%s|%d|%s|%v", basePackages, d.packages, removed, d.user, d.uid, d.volume, d.dirs)
	if d.suite != "" {
		recipe += "|" + d.suite
	}
	sum := sha256.Sum256([]byte(recipe))
	return hex.EncodeToString(sum[:])[:8]
}

func rootfsDir(l layout, d database) string {
	return filepath.Join(l.cache, "rootfs", d.name+"-"+d.tag+"-"+rootfsKey(d))
}

// rootfs returns the directory of a database's unpacked root file system and makes it when the
// cache has none. Needs root: files of a root file system belong to it.
func rootfs(ctx context.Context, l layout, p *progress, d database) (string, error) {
	dir := rootfsDir(l, d)
	return dir, once(ctx, dir, func() error {
		return p.do(fmt.Sprintf("making the root file system of %s %s", d.name, d.tag), func(s *step) error {
			return buildRootfs(ctx, l, s, d, dir)
		})
	})
}

func buildRootfs(ctx context.Context, l layout, s *step, d database, dir string) error {
	mirror, err := debianMirror()
	if err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	tmp, err := os.MkdirTemp(parent, "making-"+d.name+"-")
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()

	// "extract" unpacks the packages without running their scripts: those make users, services and
	// sample databases, none of which belongs into an image. The archive's index may be older than
	// its own validity, which is about updates, not about integrity.
	archive := filepath.Join(tmp, "rootfs.tar")
	packages := strings.Join(append(append([]string{}, basePackages...), d.packages...), ",")
	s.progress("downloading from Debian %s", d.from())
	debstrap := exec.CommandContext(ctx, "mmdebstrap", "--variant=extract", "--include="+packages,
		`--aptopt=Acquire::Check-Valid-Until "false"`, d.from(), archive, mirror)
	if err := runLogged(debstrap, l.log("rootfs-"+d.name), nil); err != nil {
		return err
	}
	s.progress("unpacking")
	root := filepath.Join(tmp, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	// Device nodes come from the container runtime.
	if _, err := run(ctx, "tar", "-xf", archive, "-C", root, "--exclude=./dev/*"); err != nil {
		return err
	}
	if err := trimRootfs(root); err != nil {
		return err
	}
	if err := furnishRootfs(root, d); err != nil {
		return err
	}
	if err := os.Rename(root, dir); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

func trimRootfs(root string) error {
	for _, pattern := range removed {
		matches, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return fmt.Errorf("trim %s: %w", pattern, err)
		}
		for _, m := range matches {
			if err := os.RemoveAll(m); err != nil {
				return fmt.Errorf("trim: %w", err)
			}
		}
	}
	return nil
}

// furnishRootfs adds what the packages' scripts would have made: the server's user, and the
// directories that it writes to.
func furnishRootfs(root string, d database) error {
	passwd := fmt.Sprintf("root:x:0:0:root:/root:/bin/bash\n%[1]s:x:%[2]d:%[2]d::%[3]s:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
		d.user, d.uid, d.volume)
	group := fmt.Sprintf("root:x:0:\n%[1]s:x:%[2]d:\nnogroup:x:65534:\n", d.user, d.uid)
	for name, text := range map[string]string{
		"passwd": passwd, "group": group, "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
	} {
		if err := writeFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, dir := range d.dirs {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return fmt.Errorf("rootfs: %w", err)
		}
	}
	for _, dir := range []string{d.volume, "/var/run/postgresql"} {
		at := filepath.Join(root, dir)
		if dir != d.volume && !exists(at) {
			continue
		}
		if err := os.MkdirAll(at, 0o750); err != nil {
			return fmt.Errorf("rootfs: %w", err)
		}
		if err := os.Chown(at, d.uid, d.uid); err != nil {
			return fmt.Errorf("rootfs: %w", err)
		}
	}
	return nil
}

// clientWrapper is a script that runs a program of a root file system on this machine with the
// libraries it was built for.
func clientWrapper(root, program string) string {
	return fmt.Sprintf(`#!/bin/sh
root=%s
exec "$root"/lib64/ld-linux-x86-64.so.2 --library-path "$root/usr/lib/x86_64-linux-gnu" "$root%s" "$@"
`, root, program)
}
