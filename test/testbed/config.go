// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed config
var configFiles embed.FS

const containerdSocket = runDir + "/containerd.sock"

// settings are what the configuration files are made with.
type settings struct {
	State, Run                    string
	ContainerdSocket              string
	NetnsName, Bridge, NodeName   string
	NodeIP, PodCIDR, ServiceCIDR  string
	DNSIP, APIServer              string
	Registry                      string
	PauseImage, CoreDNSImage      string
	CgroupRoot                    string
	StorageClass, ProvisionerName string
}

func newSettings(l layout) settings {
	return settings{
		State: l.state, Run: runDir, ContainerdSocket: containerdSocket,
		NetnsName: netnsName, Bridge: bridgeName, NodeName: nodeName,
		NodeIP: nodeIP, PodCIDR: podCIDR, ServiceCIDR: serviceCIDR, DNSIP: dnsIP, APIServer: apiServerURL,
		Registry: registryAddress, PauseImage: pauseImage, CoreDNSImage: corednsImage, CgroupRoot: "/" + cgroupName,
		StorageClass: storageClass, ProvisionerName: provisionerName,
	}
}

// render fills in one of the files below config/.
func render(name string, s settings) ([]byte, error) {
	t, err := template.New(name).Option("missingkey=error").ParseFS(configFiles, "config/"+name)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, name, s); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// configTargets are the files below config/ and where they go in the testbed's directory.
var configTargets = map[string]string{
	"containerd.toml":    "config/containerd.toml",
	"kubelet.yaml":       "config/kubelet.yaml",
	"kube-proxy.yaml":    "config/kube-proxy.yaml",
	"cluster.yaml":       "config/cluster.yaml",
	"resolv.conf":        "config/resolv.conf",
	"10-bridge.conflist": "config/cni/10-bridge.conflist",
}

// configReaders are the components that read their file once, when they start.
var configReaders = map[string]string{
	"containerd.toml": "containerd",
	"kubelet.yaml":    "kubelet",
	"kube-proxy.yaml": "kube-proxy",
}

// writeConfiguration writes the files that are not there yet or have changed. A component that runs
// with what a file said before is ended, to be started again by whoever called this; pods go on
// meanwhile. It ends before the file is written, so that no interruption leaves one running beside a
// file that it has not read.
func writeConfiguration(ctx context.Context, l layout, r *record) error {
	for name, target := range configTargets {
		data, err := render(name, newSettings(l))
		if err != nil {
			return err
		}
		file := l.in(filepath.FromSlash(target))
		old, err := os.ReadFile(file)
		if err == nil && bytes.Equal(old, data) {
			continue
		}
		if proc, ok := r.get(configReaders[name]); ok {
			if err := kill(ctx, []process{proc}); err != nil {
				return fmt.Errorf("%s has another configuration now: %w", configReaders[name], err)
			}
		}
		if err := writeFile(file, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
