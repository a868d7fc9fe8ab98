// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cgroupName is the cgroup that the kubelet keeps the pods in, in every hierarchy.
const cgroupName = "compose-testbed"

const cgroupRoot = "/sys/fs/cgroup"

// cgroupDirs are the testbed's directories: one per controller with cgroup v1, a single one with
// cgroup v2.
func cgroupDirs() ([]string, error) {
	if exists(filepath.Join(cgroupRoot, "cgroup.controllers")) {
		return []string{filepath.Join(cgroupRoot, cgroupName)}, nil
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil, fmt.Errorf("cgroups: %w", err)
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() { // links are other names of the same controllers
			dirs = append(dirs, filepath.Join(cgroupRoot, e.Name(), cgroupName))
		}
	}
	return dirs, nil
}

// createCgroups makes the testbed's cgroup in every hierarchy.
func createCgroups() error {
	dirs, err := cgroupDirs()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("cgroup: %w", err)
		}
		// A new cpuset has no CPUs, and no process can enter it until it has.
		for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
			own := filepath.Join(dir, name)
			data, err := os.ReadFile(own)
			if err != nil || strings.TrimSpace(string(data)) != "" || len(dirs) == 1 {
				continue
			}
			parent, err := os.ReadFile(filepath.Join(filepath.Dir(dir), name))
			if err != nil {
				return fmt.Errorf("cgroup: %w", err)
			}
			if err := os.WriteFile(own, parent, 0o644); err != nil {
				return fmt.Errorf("cgroup: %w", err)
			}
		}
	}
	return nil
}

// killCgroups kills every process in the testbed's cgroups: the pods'.
func killCgroups(ctx context.Context) error {
	dirs, err := cgroupDirs()
	if err != nil {
		return err
	}
	return poll(ctx, 20*time.Second, nil, func(context.Context) error {
		left := 0
		for _, dir := range dirs {
			for _, pid := range cgroupProcesses(dir) {
				if state, _, err := procStat(pid); err != nil || state == "Z" {
					continue
				}
				left++
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if left > 0 {
			return fmt.Errorf("%d processes of pods still run", left)
		}
		return nil
	})
}

// cgroupProcesses lists the processes in a cgroup and below it.
func cgroupProcesses(dir string) []int {
	var pids []int
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "cgroup.procs" {
			return nil //nolint:nilerr // a cgroup that is gone has no processes
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		for _, field := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids
}

// deleteCgroups removes the testbed's cgroups, the innermost first.
func deleteCgroups(ctx context.Context) error {
	dirs, err := cgroupDirs()
	if err != nil {
		return err
	}
	return poll(ctx, 10*time.Second, nil, func(context.Context) error {
		var failed error
		for _, dir := range dirs {
			if err := removeCgroupTree(dir); err != nil {
				failed = err
			}
		}
		return failed
	})
}

func removeCgroupTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cgroup: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeCgroupTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("remove cgroup %s: %w", dir, err)
	}
	return nil
}
