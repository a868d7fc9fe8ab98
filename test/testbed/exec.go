// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// execCommand replaces this process by a command inside the namespace: signals, the terminal and
// the exit status are the command's own.
func execCommand(_ context.Context, l layout, args []string) error {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return errors.New("usage: testbed exec -- COMMAND…")
	}
	if !exists(netnsPath) {
		return errors.New("the testbed is down: testbed up")
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return fmt.Errorf("nsenter (package util-linux): %w", err)
	}
	argv := append([]string{"nsenter"}, nsenterArgs(args...)...)
	if err := syscall.Exec(nsenter, argv, execEnvironment(l, os.Environ())); err != nil {
		return fmt.Errorf("nsenter: %w", err)
	}
	return nil
}

// execEnvironment is the caller's environment with the testbed's kubeconfig, and its clients first
// in PATH.
func execEnvironment(l layout, environ []string) []string {
	env := make([]string, 0, len(environ)+2)
	path := "/usr/sbin:/usr/bin:/sbin:/bin"
	for _, e := range environ {
		key, value, _ := strings.Cut(e, "=")
		switch key {
		case "PATH":
			path = value
		case "KUBECONFIG":
		default:
			env = append(env, e)
		}
	}
	return append(env, "PATH="+l.in("bin")+":"+path, "KUBECONFIG="+l.kubeconfig())
}

func kubectlCommand(ctx context.Context, l layout, args []string) error {
	return execCommand(ctx, l, append([]string{l.in("bin", "kubectl")}, args...))
}
