// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// nodes of a set, the first of which is the source.
	nodes = 3

	adminUser, adminPassword             = "mysql", "scale-p4ss"
	replicationUser, replicationPassword = "replication", "scale-r3pl"
	startTimeout                         = 2 * time.Minute
)

// standins is the process with the stand-ins for the servers.
type standins struct {
	process *process
	control string
}

// tally is what the stand-ins were asked; see the command's own.
type tally struct{ Connections, Open, Statements, Seen int }

func startStandins(ctx context.Context, o options, directory string) (*standins, error) {
	log, err := os.Create(filepath.Join(directory, "standin.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the process has a copy of it
	cmd := exec.Command(o.standin, fmt.Sprintf("-sets=%d", o.sets), fmt.Sprintf("-nodes=%d", nodes), fmt.Sprintf("-tls=%t", o.tls),
		fmt.Sprintf("-port=%d", port), "-user="+adminUser, "-replication-user="+replicationUser)
	cmd.Env = append(os.Environ(), "STANDIN_PASSWORD="+adminPassword, "STANDIN_REPLICATION_PASSWORD="+replicationPassword)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s := &standins{}
	if s.process, err = launch(cmd); err != nil {
		return nil, fmt.Errorf("the stand-ins: %w", err)
	}
	ready := make(chan string, 1)
	go func() {
		line := bufio.NewScanner(out)
		line.Scan()
		ready <- line.Text()
	}()
	select {
	case s.control = <-ready:
	case <-time.After(startTimeout):
	case <-ctx.Done():
	}
	if s.control == "" {
		s.process.stop()
		return nil, fmt.Errorf("the stand-ins do not listen; see %s", log.Name())
	}
	return s, nil
}

func (s *standins) call(ctx context.Context, method, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.control+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("the stand-ins: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(strings.TrimSpace(string(body)))
	}
	if err == nil && into != nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("the stand-ins: %s %s: %w", method, path, err)
	}
	return nil
}

func (s *standins) tally(ctx context.Context) (tally, error) {
	var t tally
	return t, s.call(ctx, http.MethodGet, "/tally", &t)
}

// happen tells one node of a set what happens to it: down, up, break, mend, stop.
func (s *standins) happen(ctx context.Context, what string, set, node int) error {
	return s.call(ctx, http.MethodPost, fmt.Sprintf("/%s?server=%d", what, set*nodes+node), nil)
}

// process is a child that ends with this one.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func launch(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends it in order, or, when that takes long, at once.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(40 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}
