// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process identifies a process for good: a pid alone may belong to somebody else by now, a pid
// with its start time does not.
type process struct {
	PID int `json:"pid"`
	// Start is the start time in clock ticks since boot (field 22 of /proc/PID/stat).
	Start uint64 `json:"start"`
}

// alive says whether the process still runs. A zombie does not.
func (p process) alive() bool {
	state, start, err := procStat(p.PID)
	return err == nil && start == p.Start && state != "Z"
}

// procStat reads a process's state letter and start time.
func procStat(pid int) (state string, start uint64, err error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", 0, err
	}
	return parseStat(string(data))
}

// parseStat reads a line of /proc/PID/stat. The command's name, in parentheses, may itself hold
// spaces and parentheses, so fields count from the last one.
func parseStat(line string) (state string, start uint64, err error) {
	_, rest, found := cutLast(line, ")")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 {
		return "", 0, fmt.Errorf("unexpected process status %q", line)
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return "", 0, fmt.Errorf("process start time: %w", err)
	}
	return fields[0], start, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// findProcesses returns the running processes for which want, given the pid, is true.
func findProcesses(want func(pid string) bool) ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("processes: %w", err)
	}
	var found []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !want(e.Name()) {
			continue
		}
		// One that ended in between is not there to be found.
		if _, start, err := procStat(pid); err == nil {
			found = append(found, process{PID: pid, Start: start})
		}
	}
	return found, nil
}

// record is what a testbed has to remember to be able to take itself down.
type record struct {
	mu        sync.Mutex
	file      string
	Processes map[string]process `json:"processes"`
	// Sysctls are kernel settings, which are the whole machine's, as they were before.
	Sysctls map[string]string `json:"sysctls"`
}

// readRecord reads the record of the layout's testbed; none is an empty record.
func readRecord(l layout) (*record, error) {
	r := &record{file: l.in("record.json"), Processes: map[string]process{}, Sysctls: map[string]string{}}
	data, err := os.ReadFile(r.file)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("testbed's record: %w", err)
	}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("testbed's record %s: %w", r.file, err)
	}
	return r, nil
}

// save writes the record; the caller holds the lock.
func (r *record) save() error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("testbed's record: %w", err)
	}
	if err := writeFile(r.file+".tmp", data, 0o644); err != nil {
		return err
	}
	return os.Rename(r.file+".tmp", r.file)
}

func (r *record) get(name string) (process, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.Processes[name]
	return p, ok
}

func (r *record) set(name string, p process) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Processes[name] = p
	return r.save()
}

// daemon starts a process that outlives this one, unless the recorded one still runs. Its output
// goes to its log. Called with the path and arguments as they run inside the namespace.
func (r *record) daemon(l layout, name, path string, args ...string) (*daemon, error) {
	if p, ok := r.get(name); ok && p.alive() {
		return &daemon{name: name, log: l.log(name), process: p}, nil
	}
	if err := os.MkdirAll(filepath.Dir(l.log(name)), 0o755); err != nil {
		return nil, fmt.Errorf("log directory: %w", err)
	}
	log, err := os.Create(l.log(name))
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", name, err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command("nsenter", nsenterArgs(append([]string{path}, args...)...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	_, start, err := procStat(cmd.Process.Pid)
	if err != nil {
		return nil, withTail(fmt.Errorf("%s ended at once", name), l.log(name))
	}
	d := &daemon{name: name, log: l.log(name), process: process{PID: cmd.Process.Pid, Start: start}, exited: make(chan struct{})}
	go func() {
		d.err = cmd.Wait()
		close(d.exited)
	}()
	return d, r.set(name, d.process)
}

// daemon is a running component.
type daemon struct {
	name    string
	log     string
	process process
	// exited closes when a component started by this run ends; err is set before. Nil for one that
	// an earlier run started.
	exited chan struct{}
	err    error
}

// waitFor calls ready every interval until it succeeds. It fails at the timeout, or at once when
// the component ends, with the reason and the log's tail.
func (d *daemon) waitFor(ctx context.Context, timeout time.Duration, ready func(context.Context) error) error {
	err := poll(ctx, timeout, d.exited, ready)
	if errors.Is(err, errGone) {
		return withTail(fmt.Errorf("%s ended: %w", d.name, d.err), d.log)
	}
	if err != nil {
		return withTail(fmt.Errorf("%s is not ready: %w", d.name, err), d.log)
	}
	return nil
}

var errGone = errors.New("ended")

// pollInterval is short because most of a cached start is spent between such polls.
const pollInterval = 100 * time.Millisecond

// poll calls ready until it succeeds, the timeout passes or gone closes. The error is ready's last
// one, or errGone.
func poll(ctx context.Context, timeout time.Duration, gone <-chan struct{}, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-gone:
			return errGone
		case <-ctx.Done():
			return fmt.Errorf("after %s: %w", timeout, err)
		case <-tick.C:
		}
	}
}

// kill ends processes and returns when they are gone.
func kill(ctx context.Context, processes []process) error {
	for _, p := range processes {
		if p.alive() {
			// Failing means that it ended in between.
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
	}
	return waitGone(ctx, processes, 10*time.Second)
}

func waitGone(ctx context.Context, processes []process, timeout time.Duration) error {
	return poll(ctx, timeout, nil, func(context.Context) error {
		for _, p := range processes {
			if p.alive() {
				return fmt.Errorf("process %d still runs", p.PID)
			}
		}
		return nil
	})
}
