// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tailLines is how many lines of a log a failure shows.
const tailLines = 25

// run executes a short command and returns its standard output. The error holds what it wrote to
// standard error.
func run(ctx context.Context, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(stderr.String())
		if text == "" {
			text = strings.TrimSpace(stdout.String())
		}
		return stdout.String(), fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, text)
	}
	return stdout.String(), nil
}

// runLogged executes cmd with its output in logFile (and, when watch is not nil, also there). A
// failure carries the log's tail.
func runLogged(cmd *exec.Cmd, logFile string, watch io.Writer) error {
	if err := os.MkdirAll(filepath.Dir(logFile), 0o755); err != nil {
		return fmt.Errorf("log directory: %w", err)
	}
	log, err := os.Create(logFile)
	if err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	defer func() { _ = log.Close() }()
	var out io.Writer = log
	if watch != nil {
		out = io.MultiWriter(log, watch)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return withTail(fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err), logFile)
	}
	return nil
}

// withTail adds the end of a log to an error.
func withTail(err error, logFile string) error {
	text, readErr := tail(logFile, tailLines)
	if readErr != nil || text == "" {
		return err
	}
	return fmt.Errorf("%w\n--- last lines of %s ---\n%s", err, logFile, text)
}

// tail returns the last n lines of a file.
func tail(file string, n int) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	const window = 64 << 10
	if info, err := f.Stat(); err == nil && info.Size() > window {
		if _, err := f.Seek(-window, io.SeekEnd); err != nil {
			return "", err
		}
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return "", err
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n"), nil
}

// lineCounter calls each with the number of lines written so far.
type lineCounter struct {
	lines int
	each  func(lines int)
}

func (c *lineCounter) Write(p []byte) (int, error) {
	c.lines += bytes.Count(p, []byte("\n"))
	c.each(c.lines)
	return len(p), nil
}

// exists says whether a file, directory or link is there.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil || !errors.Is(err, os.ErrNotExist)
}

// writeFile writes a file and the directories above it.
func writeFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("create %s: %w", filepath.Dir(path), err)
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
