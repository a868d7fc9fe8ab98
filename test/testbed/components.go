// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const etcdURL = "http://127.0.0.1:2379"

// component is a process of the cluster.
type component struct {
	name string
	// binary is the tool to run; empty means this program itself, or, with path, an installed one.
	binary string
	path   string
	args   func(l layout) []string
	// ready is a URL that answers 200 when the component is ready; empty means that running is enough.
	ready string
}

// components in the order in which they start.
var components = []component{
	{name: "containerd", path: "/usr/bin/containerd", args: func(l layout) []string {
		return []string{"--config", l.in("config", "containerd.toml")}
	}},
	{name: "etcd", binary: "etcd", ready: etcdURL + "/health", args: func(l layout) []string {
		return []string{
			"--name=testbed", "--data-dir=" + l.in("etcd"), "--listen-client-urls=" + etcdURL,
			"--advertise-client-urls=" + etcdURL, "--listen-peer-urls=http://127.0.0.1:2380",
			"--initial-advertise-peer-urls=http://127.0.0.1:2380", "--initial-cluster=testbed=http://127.0.0.1:2380",
			// Nothing here has to survive a power cut.
			"--unsafe-no-fsync", "--log-level=warn",
		}
	}},
	{name: "kube-apiserver", binary: "kube-apiserver", ready: apiServerURL + "/readyz", args: apiServerArgs},
	{name: "kube-controller-manager", binary: "kube-controller-manager", args: func(l layout) []string {
		kubeconfig := l.cert("kube-controller-manager.kubeconfig")
		return []string{
			"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
			"--bind-address=127.0.0.1", "--leader-elect=false", "--use-service-account-credentials",
			"--root-ca-file=" + l.cert("ca.crt"), "--service-account-private-key-file=" + l.cert("service-account.key"),
			"--cluster-signing-cert-file=" + l.cert("ca.crt"), "--cluster-signing-key-file=" + l.cert("ca.key"),
			"--flex-volume-plugin-dir=" + l.in("kubelet-plugins"),
		}
	}},
	{name: "kube-scheduler", binary: "kube-scheduler", args: func(l layout) []string {
		kubeconfig := l.cert("kube-scheduler.kubeconfig")
		return []string{
			"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
			"--bind-address=127.0.0.1", "--leader-elect=false",
		}
	}},
	{name: "kubelet", binary: "kubelet", args: func(l layout) []string {
		return []string{
			"--config=" + l.in("config", "kubelet.yaml"), "--kubeconfig=" + l.cert("kubelet.kubeconfig"),
			"--hostname-override=" + nodeName, "--node-ip=" + nodeIP, "--root-dir=" + l.in("kubelet"), "--cert-dir=" + l.in("certs"),
		}
	}},
	{name: "kube-proxy", binary: "kube-proxy", args: func(l layout) []string {
		return []string{"--config=" + l.in("config", "kube-proxy.yaml")}
	}},
	{name: "provisioner", args: func(l layout) []string { return []string{"--dir", l.repo, "provisioner"} }},
	{name: "registry", ready: "http://" + registryAddress + "/v2/", args: func(l layout) []string {
		return []string{"--dir", l.repo, "registry"}
	}},
}

func apiServerArgs(l layout) []string {
	return []string{
		"--etcd-servers=" + etcdURL, "--advertise-address=" + nodeIP, "--secure-port=6443",
		"--service-cluster-ip-range=" + serviceCIDR, "--allow-privileged", "--event-ttl=6h",
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--tls-cert-file=" + l.cert("apiserver.crt"), "--tls-private-key-file=" + l.cert("apiserver.key"),
		"--client-ca-file=" + l.cert("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + l.cert("service-account.crt"),
		"--service-account-signing-key-file=" + l.cert("service-account.key"),
		"--kubelet-certificate-authority=" + l.cert("ca.crt"),
		"--kubelet-client-certificate=" + l.cert("apiserver-kubelet-client.crt"),
		"--kubelet-client-key=" + l.cert("apiserver-kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + l.cert("front-proxy-ca.crt"),
		"--requestheader-allowed-names=front-proxy-client", "--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + l.cert("front-proxy-client.crt"),
		"--proxy-client-key-file=" + l.cert("front-proxy-client.key"),
	}
}

// findComponent returns a component by name.
func findComponent(name string) (component, error) {
	var names []string
	for _, c := range components {
		if c.name == name {
			return c, nil
		}
		names = append(names, c.name)
	}
	return component{}, fmt.Errorf("no component %q: known are %s", name, strings.Join(names, ", "))
}

// executable is the path of what the component runs. Its binary has been built before.
func (c component) executable(ctx context.Context, l layout, p *progress) (string, error) {
	switch {
	case c.path != "":
		return c.path, nil
	case c.binary != "":
		return tool(ctx, l, p, c.binary)
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.name, err)
	}
	return self, nil
}

// startTimeout bounds the start of one component. The API server needs some 10 s on two busy cores.
const startTimeout = 2 * time.Minute

// start starts a component and waits until it is ready.
func (c component) start(ctx context.Context, l layout, p *progress, r *record) error {
	path, err := c.executable(ctx, l, p)
	if err != nil {
		return err
	}
	d, err := r.daemon(l, c.name, path, c.args(l)...)
	if err != nil {
		return err
	}
	if c.name == "containerd" {
		return d.waitFor(ctx, startTimeout, func(ctx context.Context) error {
			_, err := run(ctx, "ctr", ctrArgs("version")...)
			return err
		})
	}
	if c.ready == "" {
		return nil
	}
	return d.waitFor(ctx, startTimeout, func(ctx context.Context) error { return probe(ctx, l, c.ready) })
}

// probe asks a URL inside the namespace; an answer other than 200 is an error.
func probe(ctx context.Context, l layout, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	transport := &http.Transport{DialContext: dialNetns, DisableKeepAlives: true}
	if strings.HasPrefix(url, "https:") {
		ca, err := os.ReadFile(l.cert("ca.crt"))
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(ca)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return fmt.Errorf("%s answers %s: %s", url, resp.Status, strings.TrimSpace(string(body)))
	}
	return nil
}
