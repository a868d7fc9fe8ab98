// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// What only a test on the node's own machine can do to pods: processes that are stopped,
// networks that are cut. Everything is found by the pod's UID, so that nothing else on
// the machine can be meant.

// machineTimeout bounds a command on the machine.
const machineTimeout = 15 * time.Second

// Process is the id of a pod's server, as this machine counts.
func (p *Pods) Process(ctx context.Context, pod string) (int, error) {
	of, err := p.Pod(ctx, pod)
	if err != nil {
		return 0, err
	}
	return processOf(of, p.process)
}

// Runs says whether a process of this machine has not ended yet. One that is stopped, or hangs,
// has not.
func Runs(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// processOf finds a pod's process by its name: the cgroup has the pod's UID in it,
// with dashes or with underscores.
func processOf(pod *corev1.Pod, name string) (int, error) {
	uid := string(pod.UID)
	found := func(dir string) bool {
		group, err := os.ReadFile(filepath.Join(dir, "cgroup"))
		return err == nil && (strings.Contains(string(group), uid) || strings.Contains(string(group), strings.ReplaceAll(uid, "-", "_")))
	}
	pid, err := findProcess(name, found)
	if err != nil {
		return 0, fmt.Errorf("pod %s: %w", pod.Name, err)
	}
	return pid, nil
}

// findProcess returns the process of a name for whose directory in /proc is says yes.
func findProcess(name string, is func(dir string) bool) (int, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, fmt.Errorf("processes of this machine: %w", err)
	}
	for _, dir := range dirs {
		comm, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil || strings.TrimSpace(string(comm)) != name || !is(dir) {
			continue
		}
		return strconv.Atoi(filepath.Base(dir))
	}
	return 0, fmt.Errorf("%s: %w", name, errNoProcess)
}

var errNoProcess = errors.New("no such process of it runs on this machine")

// Kill ends a pod's server as a crash does. The kubelet starts it again.
func (p *Pods) Kill(ctx context.Context, pod string) error {
	return p.signal(ctx, pod, syscall.SIGKILL)
}

// Freeze stops a pod's server without ending it: connections are accepted and nothing
// is said. Thaw lets it go on.
func (p *Pods) Freeze(ctx context.Context, pod string) error {
	return p.signal(ctx, pod, syscall.SIGSTOP)
}

// Thaw ends what Freeze began. A process that is gone needs no thawing.
func (p *Pods) Thaw(ctx context.Context, pod string) error {
	err := p.signal(ctx, pod, syscall.SIGCONT)
	if errors.Is(err, syscall.ESRCH) || errors.Is(err, errNoProcess) {
		return nil
	}
	return err
}

func (p *Pods) signal(ctx context.Context, pod string, signal syscall.Signal) error {
	pid, err := p.Process(ctx, pod)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, signal); err != nil {
		return fmt.Errorf("signal %s to %s of pod %s: %w", signal, p.process, pod, err)
	}
	return nil
}

// FreezeAPIServer stops the API server of the network that this test runs in, and
// returns what lets it go on.
func FreezeAPIServer() (thaw func() error, err error) {
	here, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("network of this process: %w", err)
	}
	pid, err := findProcess("kube-apiserver", func(dir string) bool {
		there, err := os.Readlink(filepath.Join(dir, "ns", "net"))
		return err == nil && there == here
	})
	if err != nil {
		return nil, err
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return nil, fmt.Errorf("stop the API server: %w", err)
	}
	return func() error { return syscall.Kill(pid, syscall.SIGCONT) }, nil
}

// Cut drops all packets between a pod and some addresses, in both directions, until heal
// is called. It needs nothing of the pod but its network, which a restart of the server keeps.
func (p *Pods) Cut(ctx context.Context, pod string, addresses ...string) (heal func(context.Context) error, err error) {
	pid, err := p.Process(ctx, pod)
	if err != nil {
		return nil, err
	}
	// The server may be gone when the cut is to be healed; its network has a name as long as
	// it is open here.
	network, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, fmt.Errorf("network of pod %s: %w", pod, err)
	}
	var rules [][]string
	for _, address := range addresses {
		rules = append(rules, []string{"INPUT", "-s", address, "-j", "DROP"}, []string{"OUTPUT", "-d", address, "-j", "DROP"})
	}
	heal = func(ctx context.Context) error {
		defer func() { _ = network.Close() }()
		var errs []error
		for _, rule := range rules {
			errs = append(errs, inNetwork(ctx, network, append([]string{"-D"}, rule...)...))
		}
		return errors.Join(errs...)
	}
	for i, rule := range rules {
		if err := inNetwork(ctx, network, append([]string{"-I"}, rule...)...); err != nil {
			rules = rules[:i]
			return nil, errors.Join(err, heal(ctx))
		}
	}
	return heal, nil
}

// inNetwork runs iptables in a network namespace that is open as a file.
func inNetwork(ctx context.Context, network *os.File, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, machineTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--net=/proc/self/fd/3", "iptables", "-w", "5"}, args...)...)
	cmd.ExtraFiles = []*os.File{network}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("iptables %s: %w: %s", strings.Join(args, " "), err, out.String())
	}
	return nil
}
