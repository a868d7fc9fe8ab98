// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const cgroupRoot = "/sys/fs/cgroup"

// cgroup limits a process as a kubelet does: quota of CPU per 100 ms, and memory.
type cgroup struct {
	directories []string
	// limited says what was limited; empty: nothing.
	limited string
	// throttled and periods are read from here.
	stat string
}

// newCgroup makes one for the limits. Where that is not allowed, or not wanted, it
// limits nothing, and says so.
func newCgroup(milliCPU, memory int64, unlimited bool) (*cgroup, error) {
	g := &cgroup{}
	if unlimited || os.Getuid() != 0 {
		return g, nil
	}
	name := fmt.Sprintf("compose-scale-%d", os.Getpid())
	period := int64(100_000)
	quota := milliCPU * period / 1000
	var settings map[string]string
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		own := filepath.Join(cgroupRoot, name)
		settings = map[string]string{
			filepath.Join(own, "cpu.max"):    fmt.Sprintf("%d %d", quota, period),
			filepath.Join(own, "memory.max"): strconv.FormatInt(memory, 10),
		}
		g.directories = []string{own}
	} else {
		cpu, mem := filepath.Join(cgroupRoot, "cpu", name), filepath.Join(cgroupRoot, "memory", name)
		settings = map[string]string{
			filepath.Join(cpu, "cpu.cfs_quota_us"):      strconv.FormatInt(quota, 10),
			filepath.Join(mem, "memory.limit_in_bytes"): strconv.FormatInt(memory, 10),
		}
		g.directories = []string{cpu, mem}
	}
	g.stat = filepath.Join(g.directories[0], "cpu.stat")
	for _, directory := range g.directories {
		if err := os.Mkdir(directory, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return &cgroup{}, nil //nolint:nilerr // not allowed here
		}
	}
	for file, value := range settings {
		if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
			g.remove()
			return nil, fmt.Errorf("cgroup: %w", err)
		}
	}
	g.limited = fmt.Sprintf("%dm CPU and %d MiB", milliCPU, memory>>20)
	return g, nil
}

// enter is shell that puts the shell itself into the cgroup.
func (g *cgroup) enter() string {
	var out strings.Builder
	for _, directory := range g.directories {
		fmt.Fprintf(&out, "echo $$ >%s/cgroup.procs && ", directory)
	}
	return out.String()
}

// throttled says in how many of how many periods of 100 ms the quota was used up.
func (g *cgroup) throttled() (times, periods int64) {
	data, err := os.ReadFile(g.stat)
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(data)) {
		_, _ = fmt.Sscanf(line, "nr_throttled %d", &times)
		_, _ = fmt.Sscanf(line, "nr_periods %d", &periods)
	}
	return times, periods
}

func (g *cgroup) remove() {
	for _, directory := range g.directories {
		_ = os.Remove(directory)
	}
}
