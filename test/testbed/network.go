// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The testbed's network. Everything lives in one network namespace; its bridge's address is the
// node's, the API server's and the pods' gateway. Nothing leads out of it.
const (
	netnsName   = "compose-testbed"
	bridgeName  = "cni0"
	nodeIP      = "10.85.0.1"
	podCIDR     = "10.85.0.0/16"
	serviceCIDR = "10.96.0.0/16"
	apiIP       = "10.96.0.1"  // the "kubernetes" Service: the first address of serviceCIDR
	dnsIP       = "10.96.0.10" // the "kube-dns" Service, which the kubelet tells to pods
	nodeName    = "testbed"

	registryAddress = nodeIP + ":5000"
	apiServerURL    = "https://" + nodeIP + ":6443"
)

var netnsPath = filepath.Join("/run/netns", netnsName)

// nsenterArgs are nsenter's arguments that run a command inside the namespace. Not `ip netns exec`:
// that mounts another /sys, in which the cgroups are missing.
func nsenterArgs(command ...string) []string {
	return append([]string{"--net=" + netnsPath, "--"}, command...)
}

// inNetns runs a short command inside the namespace.
func inNetns(ctx context.Context, command ...string) (string, error) {
	return run(ctx, "nsenter", nsenterArgs(command...)...)
}

// createNetwork makes the namespace and the bridge; what exists already stays.
func createNetwork(ctx context.Context) error {
	if !exists(netnsPath) {
		if _, err := run(ctx, "ip", "netns", "add", netnsName); err != nil {
			return err
		}
	}
	// Traffic between two pods through a Service comes back over the bridge; without this it would
	// bypass the address translation. A module on most machines, built in on others.
	if !exists("/proc/sys/net/bridge") {
		if _, err := run(ctx, "modprobe", "br_netfilter"); err != nil {
			return fmt.Errorf("the kernel needs br_netfilter: %w", err)
		}
	}
	if _, err := inNetns(ctx, "ip", "link", "show", bridgeName); err != nil {
		setup := [][]string{
			{"ip", "link", "set", "lo", "up"},
			{"ip", "link", "add", bridgeName, "type", "bridge"},
			{"ip", "address", "add", nodeIP + "/16", "dev", bridgeName},
			{"ip", "link", "set", bridgeName, "up"},
		}
		for _, command := range setup {
			if _, err := inNetns(ctx, command...); err != nil {
				return err
			}
		}
	}
	// There is no default route, and the kernel looks for a route before kube-proxy's rules
	// translate a Service's address.
	if _, err := inNetns(ctx, "ip", "route", "replace", serviceCIDR, "dev", bridgeName); err != nil {
		return err
	}
	// Inside the namespace /proc/sys/net is the namespace's own.
	for _, key := range []string{"net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables"} {
		if _, err := inNetns(ctx, "sh", "-c", "echo 1 > /proc/sys/"+key); err != nil {
			return err
		}
	}
	return nil
}

// deleteNetwork removes the namespace, and with it the bridge and the pods' interfaces.
func deleteNetwork(ctx context.Context) error {
	if !exists(netnsPath) {
		return nil
	}
	if _, err := run(ctx, "ip", "netns", "delete", netnsName); err != nil {
		return err
	}
	// The first `ip netns add` on a machine mounts the directory on itself.
	dir := filepath.Dir(netnsPath)
	if entries, err := os.ReadDir(dir); err == nil && len(entries) == 0 {
		_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		_ = os.Remove(dir)
	}
	return nil
}

// globalSysctls are settings of the whole machine that the kubelet changes.
var globalSysctls = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
	"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
}

// rememberSysctls records the machine's settings, once, before the kubelet changes them.
func (r *record) rememberSysctls() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range globalSysctls {
		if _, known := r.Sysctls[key]; known {
			continue
		}
		data, err := os.ReadFile("/proc/sys/" + key)
		if err != nil {
			continue // not every kernel has every key; what cannot be read is not changed either
		}
		r.Sysctls[key] = strings.TrimSpace(string(data))
	}
	return r.save()
}

// restoreSysctls puts the machine's settings back.
func (r *record) restoreSysctls() error {
	for key, value := range r.Sysctls {
		if err := os.WriteFile("/proc/sys/"+key, []byte(value+"\n"), 0o644); err != nil {
			return fmt.Errorf("restore sysctl %s=%s: %w", key, value, err)
		}
	}
	return nil
}
