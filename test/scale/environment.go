// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/upmio/compose-operator/internal/manager"
)

const (
	operatorNamespace = "upm-system"
	operatorUser      = "system:serviceaccount:upm-system:compose-operator"
)

// auditPolicy records what the operator asks of the API server, without the contents.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - level: Metadata
    users: ["` + operatorUser + `"]
  - level: None
`

// environment is a real API server with etcd, on loopback.
type environment struct {
	controlPlane       *envtest.Environment
	admin              client.WithWatch
	directory          string
	adminKubeconfig    string
	operatorKubeconfig string
}

func startEnvironment(ctx context.Context, o options) (*environment, error) {
	e := &environment{controlPlane: &envtest.Environment{ControlPlaneStartTimeout: startTimeout, ControlPlaneStopTimeout: 5 * time.Minute}}
	var err error
	if e.directory, err = os.MkdirTemp("", "scale-"); err != nil {
		return nil, err
	}
	policy := filepath.Join(e.directory, "audit.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return nil, err
	}
	e.controlPlane.ControlPlane.GetAPIServer().Configure().
		Set("authorization-mode", "RBAC").
		Set("audit-policy-file", policy).
		Set("audit-log-path", e.auditLog()).
		Set("service-cluster-ip-range", "10.96.0.0/16")
	cluster, err := e.controlPlane.Start()
	if err != nil {
		return e, fmt.Errorf("start the API server: %w", err)
	}
	admin, err := e.controlPlane.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, cluster)
	if err != nil {
		return e, fmt.Errorf("user admin: %w", err)
	}
	config := rest.CopyConfig(admin.Config())
	config.QPS, config.Burst = -1, 0
	if e.admin, err = client.NewWithWatch(config, client.Options{Scheme: manager.Scheme()}); err != nil {
		return e, fmt.Errorf("client: %w", err)
	}
	if e.adminKubeconfig, err = e.kubeconfig("admin", admin); err != nil {
		return e, err
	}
	operator, err := e.controlPlane.AddUser(envtest.User{
		Name:   operatorUser,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + operatorNamespace, "system:authenticated"},
	}, cluster)
	if err != nil {
		return e, fmt.Errorf("the operator's user: %w", err)
	}
	if e.operatorKubeconfig, err = e.kubeconfig("operator", operator); err != nil {
		return e, err
	}
	return e, e.install(ctx, o)
}

func (e *environment) kubeconfig(name string, user *envtest.AuthenticatedUser) (string, error) {
	data, err := user.KubeConfig()
	if err != nil {
		return "", fmt.Errorf("kubeconfig of %s: %w", name, err)
	}
	file := filepath.Join(e.directory, name+".kubeconfig")
	return file, os.WriteFile(file, data, 0o600)
}

// install applies dist/install.yaml but for the webhook: nobody could create a
// resource before the operator runs, and its start is to be measured.
func (e *environment) install(ctx context.Context, o options) error {
	all, err := os.ReadFile(filepath.Join(o.root, "dist", "install.yaml"))
	if err != nil {
		return err
	}
	var kept []string
	for _, document := range strings.Split(string(all), "\n---\n") {
		if !strings.Contains(document, "\nkind: ValidatingWebhookConfiguration\n") {
			kept = append(kept, document)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), "--kubeconfig="+e.adminKubeconfig,
		"apply", "--server-side", "-f", "-")
	cmd.Stdin = strings.NewReader(strings.Join(kept, "\n---\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("install the operator's objects: %w\n%s", err, out)
	}
	return nil
}

func (e *environment) stop() {
	if e == nil {
		return
	}
	if err := e.controlPlane.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "scale: stop the API server:", err)
	}
	_ = os.RemoveAll(e.directory)
}

func (e *environment) auditLog() string { return filepath.Join(e.directory, "audit.log") }

// requests is how often the operator asked for what, e.g. "update mysqlreplications/status".
type requests map[string]int

func (r requests) writes() int {
	n := 0
	for what, times := range r {
		if isWrite(what) {
			n += times
		}
	}
	return n
}

func (r requests) total() int {
	n := 0
	for _, times := range r {
		n += times
	}
	return n
}

func isWrite(what string) bool {
	verb, of, _ := strings.Cut(what, " ")
	switch verb {
	case "create", "update", "patch", "delete", "deletecollection":
		// The lease is renewed every second whatever the operator does.
		return of != "leases"
	}
	return false
}

// requests since a place in the audit log, and the place where it ends now.
func (e *environment) requests(from int64) (requests, int64, error) {
	f, err := os.Open(e.auditLog())
	if err != nil {
		return nil, from, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return nil, from, err
	}
	out := requests{}
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return out, from, nil
		}
		if err != nil {
			return out, from, err
		}
		from += int64(len(line))
		var event struct {
			Verb      string `json:"verb"`
			ObjectRef *struct {
				Resource    string `json:"resource"`
				Subresource string `json:"subresource"`
			} `json:"objectRef"`
		}
		if err := json.Unmarshal(bytes.TrimSpace(line), &event); err != nil {
			return out, from, fmt.Errorf("audit log: %w", err)
		}
		if event.ObjectRef == nil {
			continue
		}
		what := event.Verb + " " + event.ObjectRef.Resource
		if event.ObjectRef.Subresource != "" {
			what += "/" + event.ObjectRef.Subresource
		}
		out[what]++
	}
}
