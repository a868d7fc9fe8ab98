// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// debianPackages are what a node and the image builds need, with a file that shows that the
// package is there.
var debianPackages = []struct{ name, file string }{
	{"containerd", "/usr/bin/containerd"},
	{"runc", "/usr/sbin/runc"},
	{"containernetworking-plugins", "/usr/lib/cni/bridge"},
	{"iptables", "/usr/sbin/iptables"},
	{"conntrack", "/usr/sbin/conntrack"},
	{"iproute2", "/bin/ip"},
	{"mmdebstrap", "/usr/bin/mmdebstrap"},
	{"util-linux", "/usr/bin/nsenter"},
	// Tests give pods clocks of their own with it.
	{"libfaketime", "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"},
	// The file that tells it from the package busybox, whose program needs libraries.
	{"busybox-static", "/var/lib/dpkg/info/busybox-static.list"},
}

func missingPackages() (missing []string) {
	for _, pkg := range debianPackages {
		if !exists(pkg.file) {
			missing = append(missing, pkg.name)
		}
	}
	return missing
}

// installPackages installs the missing ones. apt's lists are refreshed only when an install needs
// it: a second run of the testbed reaches no network at all.
func installPackages(ctx context.Context, l layout, p *progress) error {
	if len(missingPackages()) == 0 {
		return nil
	}
	unlock, err := lockCache(ctx, filepath.Join(l.cache, "apt"))
	if err != nil {
		return err
	}
	defer unlock()
	missing := missingPackages()
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("missing %s and no apt-get to install them: the testbed runs on Debian 12 or newer",
			strings.Join(missing, ", "))
	}
	return p.do("installing Debian packages: "+strings.Join(missing, " "), func(*step) error {
		install := append([]string{"install", "-y", "--no-install-recommends"}, missing...)
		if runLogged(apt(ctx, install...), l.log("apt"), nil) == nil {
			return nil
		}
		if err := runLogged(apt(ctx, "update"), l.log("apt"), nil); err != nil {
			return err
		}
		return runLogged(apt(ctx, install...), l.log("apt"), nil)
	})
}

func apt(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return cmd
}

// debianMirror returns the archive this machine installs from, so that root file systems come
// from the same place and no host name is written down here.
func debianMirror() (string, error) {
	files := []string{"/etc/apt/sources.list"}
	for _, pattern := range []string{"*.list", "*.sources"} {
		more, err := filepath.Glob("/etc/apt/sources.list.d/" + pattern)
		if err != nil {
			return "", fmt.Errorf("apt sources: %w", err)
		}
		files = append(files, more...)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("apt sources: %w", err)
		}
		if mirror := mirrorIn(string(data)); mirror != "" {
			return mirror, nil
		}
	}
	return "", errors.New("no Debian archive among apt's sources (a URI that ends in /debian): add one to /etc/apt/sources.list")
}

// mirrorIn finds the Debian archive in one sources file, in the one-line or the deb822 format: the
// first binary source whose path ends in "/debian". Security and third-party archives do not.
func mirrorIn(text string) string {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || (fields[0] != "deb" && fields[0] != "URIs:") {
			continue
		}
		for _, f := range fields[1:] {
			uri := strings.TrimSuffix(f, "/")
			if strings.Contains(uri, "://") && strings.HasSuffix(uri, "/debian") {
				return uri
			}
		}
	}
	return ""
}
