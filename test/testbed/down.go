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
	if inNamespace("self") {
		return errors.New("this command runs inside the namespace that it should remove: run it outside of testbed exec")
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
	try("stopping commands inside the cluster's network", func() error { return stopInNetns(ctx) })
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

// stopInNetns kills what is left in the namespace: commands of `testbed exec`, and a component whose
// start was interrupted before it was recorded. A process there would keep the namespace alive.
func stopInNetns(ctx context.Context) error {
	left, err := findProcesses(inNamespace)
	if err != nil {
		return err
	}
	return kill(ctx, left)
}

// inNamespace says whether a process is in the testbed's network namespace.
func inNamespace(pid string) bool {
	ours, err := os.Stat(netnsPath)
	if err != nil {
		return false
	}
	theirs, err := os.Stat(filepath.Join("/proc", pid, "ns", "net"))
	return err == nil && os.SameFile(ours, theirs)
}

// stopPods kills what runs in the pods' cgroups, and the shims that watch it.
func stopPods(ctx context.Context) error {
	if err := killCgroups(ctx); err != nil {
		return err
	}
	// containerd's shims are processes of their own, whose pids nobody records.
	shims, err := findProcesses(func(pid string) bool {
		cmdline, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
		return err == nil && isShim(string(cmdline))
	})
	if err != nil {
		return err
	}
	return kill(ctx, shims)
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
