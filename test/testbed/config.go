// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"embed"
	"fmt"
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

func writeConfiguration(l layout) error {
	for name, target := range configTargets {
		data, err := render(name, newSettings(l))
		if err != nil {
			return err
		}
		if err := writeFile(l.in(filepath.FromSlash(target)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
