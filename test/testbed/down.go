// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// down takes the testbed down and leaves nothing behind but the logs and the cache. It works on
// whatever is there: also on a testbed that never came up, or that died.
func down(ctx context.Context, l layout, p *progress) error {
	if err := checkMachine(l); err != nil {
		return err
	}
	if !exists(l.state) && !exists(runDir) && !exists(netnsPath) {
		p.printf("the testbed is down already")
		return nil
	}
	unlock, err := lock(l)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := readRecord(l)
	if err != nil {
		return err
	}
	// Everything is tried, so that one thing that is stuck does not leave all the others.
	var failed []error
	try := func(name string, f func() error) {
		if err := p.do(name, func(*step) error { return f() }); err != nil {
			failed = append(failed, err)
		}
	}
	try("stopping components", func() error { return stopComponents(ctx, r) })
	try("stopping pods", func() error { return stopPods(ctx) })
	try("removing mounts, cgroups and the network", func() error { return cleanMachine(ctx, l, r) })
	if err := errors.Join(failed...); err != nil {
		// The state stays, for the next attempt.
		return err
	}
	if err := removeState(l); err != nil {
		return err
	}
	p.printf("the testbed is down; logs are in %s", l.in("logs"))
	return nil
}

// stopComponents ends the recorded processes. Nothing of theirs is kept, so none has to be asked
// to close it properly.
func stopComponents(ctx context.Context, r *record) error {
	var processes []process
	for _, p := range r.Processes {
		processes = append(processes, p)
	}
	return kill(ctx, processes)
}

// stopPods kills what runs in the pods' cgroups, and the shims that watch it.
func stopPods(ctx context.Context) error {
	if err := killCgroups(ctx); err != nil {
		return err
	}
	shims, err := findShims()
	if err != nil {
		return err
	}
	return kill(ctx, shims)
}

// findShims finds containerd's shims: processes of their own, whose pids nobody records. Their
// command line names the testbed's socket.
func findShims() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("processes: %w", err)
	}
	var shims []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		data, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil || !isShim(string(data)) {
			continue // ended in between, or somebody else's
		}
		if _, start, err := procStat(pid); err == nil {
			shims = append(shims, process{PID: pid, Start: start})
		}
	}
	return shims, nil
}

// isShim says whether a command line (of /proc/PID/cmdline) is one of this testbed's shims.
func isShim(cmdline string) bool {
	args := strings.Split(cmdline, "\x00")
	if !strings.HasPrefix(filepath.Base(args[0]), "containerd-shim") {
		return false
	}
	for i, arg := range args[:len(args)-1] {
		if arg == "-address" && args[i+1] == containerdSocket {
			return true
		}
	}
	return false
}

// taskDir is where containerd keeps a directory for every container and sandbox that ran last.
const taskDir = runDir + "/containerd/io.containerd.runtime.v2.task/k8s.io"

func cleanMachine(ctx context.Context, l layout, r *record) error {
	return errors.Join(
		unmountBelow(l.state, runDir),
		deleteCgroups(ctx),
		deleteNetwork(ctx),
		r.restoreSysctls(),
		removeStrays(l),
	)
}

// removeStrays removes what components wrote to fixed places of the machine, and the places
// themselves when nothing else is in them.
func removeStrays(l layout) error {
	strays, err := filepath.Glob("/var/lib/cni/results/" + netnsName + "-*")
	if err != nil {
		return fmt.Errorf("strays: %w", err)
	}
	tasks, err := filepath.Glob(taskDir + "/*")
	if err != nil {
		return fmt.Errorf("strays: %w", err)
	}
	for _, task := range tasks {
		strays = append(strays, "/var/lib/cni/results/cni-loopback-"+filepath.Base(task)+"-lo")
		// The socket of a shim that could not remove it itself.
		if data, err := os.ReadFile(filepath.Join(task, "address")); err == nil {
			strays = append(strays, strings.TrimPrefix(string(data), "unix://"))
		}
	}
	links, err := filepath.Glob("/var/log/containers/*.log")
	if err != nil {
		return fmt.Errorf("strays: %w", err)
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, l.state+"/") {
			strays = append(strays, link)
		}
	}
	const pluginSocket = "/var/lib/kubelet/device-plugins/kubelet.sock"
	if !answers(pluginSocket) {
		strays = append(strays, pluginSocket)
	}
	for _, file := range strays {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("strays: %w", err)
		}
	}
	for _, dir := range []string{
		"/run/containerd/s", "/run/containerd", "/var/lib/cni/results", "/var/lib/cni", "/var/log/containers",
		"/var/lib/kubelet/device-plugins", "/var/lib/kubelet",
	} {
		_ = os.Remove(dir) // fails when it is not empty, as it should
	}
	return nil
}

// answers says whether something listens on a unix socket.
func answers(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// removeState removes the testbed's directories, except for the logs.
func removeState(l layout) error {
	entries, err := os.ReadDir(l.state)
	if err != nil {
		return fmt.Errorf("testbed's directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() == "logs" {
			continue
		}
		if err := os.RemoveAll(l.in(e.Name())); err != nil {
			return fmt.Errorf("testbed's directory: %w", err)
		}
	}
	if err := os.RemoveAll(runDir); err != nil {
		return fmt.Errorf("remove %s: %w", runDir, err)
	}
	return nil
}
