// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqld

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

// process is one run of mysqld.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	// err is how it ended; read it after done.
	err error
}

// launch starts a command that dies with the test.
func launch(line []string, log *os.File) (*process, error) {
	p := &process{cmd: exec.Command(line[0], line[1:]...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	starts() <- func() { started <- p.cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }
