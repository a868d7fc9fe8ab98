// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package process runs servers for tests: none of them outlives the test.
package process

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// starts are handed to one thread that lives as long as the process: the kernel
// ends a child with Pdeathsig when the thread that started it ends, and Go ends
// threads as it likes.
var starts = sync.OnceValue(func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// Process is one run of a server.
type Process struct {
	cmd *exec.Cmd
	// Done is closed when it has ended.
	Done chan struct{}
	// Err is how it ended; read it after Done.
	Err error
}

// Launch starts a command that dies with the test.
func Launch(line []string, log *os.File) (*Process, error) {
	return LaunchWith(line, log, syscall.SysProcAttr{})
}

// LaunchWith does the same with attributes, e.g. another user.
func LaunchWith(line []string, log *os.File, with syscall.SysProcAttr) (*Process, error) {
	p := &Process{cmd: exec.Command(line[0], line[1:]...), Done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	with.Pdeathsig, with.Setpgid = syscall.SIGKILL, true
	p.cmd.SysProcAttr = &with
	if with.Chroot != "" {
		p.cmd.Dir = "/"
	}
	started := make(chan error)
	starts() <- func() { started <- p.cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	go func() {
		p.Err = p.cmd.Wait()
		close(p.Done)
	}()
	return p, nil
}

// Running says whether it has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.Done:
		return false
	default:
		return true
	}
}

// PID of it.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal to it.
func (p *Process) Signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }
