// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// operator is the manager's binary, in a process and a cgroup of its own, with the
// environment and the limits that config/manager gives its container.
type operator struct {
	process *process
	group   *cgroup
	pprof   string
}

// container is the manager's, from dist/install.yaml.
func container(root string) (corev1.Container, error) {
	all, err := os.ReadFile(filepath.Join(root, "dist", "install.yaml"))
	if err != nil {
		return corev1.Container{}, err
	}
	for _, document := range strings.Split(string(all), "\n---\n") {
		if !strings.Contains(document, "\nkind: Deployment\n") {
			continue
		}
		var d appsv1.Deployment
		if err := yaml.Unmarshal([]byte(document), &d); err != nil {
			return corev1.Container{}, fmt.Errorf("dist/install.yaml: %w", err)
		}
		return d.Spec.Template.Spec.Containers[0], nil
	}
	return corev1.Container{}, errors.New("dist/install.yaml has no Deployment")
}

func (e *environment) startOperator(ctx context.Context, o options) (*operator, error) {
	c, err := container(o.root)
	if err != nil {
		return nil, err
	}
	op := &operator{}
	if op.group, err = newCgroup(c.Resources.Limits.Cpu().MilliValue(), c.Resources.Limits.Memory().Value(), o.unlimited); err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	op.pprof = ports[0]
	log, err := os.OpenFile(filepath.Join(e.directory, "manager.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the process has a copy of it
	args := append([]string{"-c", op.group.enter() + `exec "$@"`, "sh", o.manager,
		"--leader-elect", "--enable-webhook=false",
		"--kubeconfig=" + e.operatorKubeconfig,
		"--pprof-bind-address=" + op.pprof,
		"--health-probe-bind-address=" + ports[1],
		"--metrics-bind-address=" + ports[2],
	}, o.managerArgs...)
	cmd := exec.Command("sh", args...)
	cmd.Env = append(os.Environ(), "POD_NAMESPACE="+operatorNamespace)
	for _, v := range c.Env {
		if v.Value != "" {
			cmd.Env = append(cmd.Env, v.Name+"="+v.Value)
		}
	}
	cmd.Stdout, cmd.Stderr = log, log
	if op.process, err = launch(cmd); err != nil {
		return nil, fmt.Errorf("the operator: %w", err)
	}
	return op, ctx.Err()
}

func (op *operator) stop() {
	if op == nil {
		return
	}
	op.process.stop()
	op.group.remove()
}

// alive fails when the operator has ended, e.g. for want of memory.
func (op *operator) alive() error {
	select {
	case <-op.process.done:
		return fmt.Errorf("the operator has ended: %s", op.process.cmd.ProcessState)
	default:
		return nil
	}
}

// cpu is what the process has used so far.
func (op *operator) cpu() (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", op.process.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is not what it was")
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	// USER_HZ is 100 on every architecture that Linux has.
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}

// memory is what is resident, and what was at the most, in bytes.
func (op *operator) memory() (now, most int64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", op.process.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(data)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			now = kib << 10
		}
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			most = kib << 10
		}
	}
	return now, most, nil
}

func freePorts(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() //nolint:errcheck // nothing was written
		out = append(out, l.Addr().String())
	}
	return out, nil
}
