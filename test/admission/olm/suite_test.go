// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package olm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/operator-framework/api/crds"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/upmio/compose-operator/internal/manager"
)

const root = "../../.."

// Timeouts are generous: a slow machine must not fail a test.
const (
	startTimeout = 5 * time.Minute
	waitTimeout  = 2 * time.Minute
	pollInterval = 100 * time.Millisecond
)

// What all tests share.
var (
	controlPlane *envtest.Environment
	cluster      *rest.Config
	// admin may do everything.
	admin client.Client
	// logged is what all managers log.
	logged = &lines{}
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if err := startControlPlane(); err != nil {
		fmt.Fprintln(os.Stderr, "OLM tests:", err)
		return 1
	}
	defer func() {
		if err := controlPlane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "OLM tests: stop the API server:", err)
		}
	}()
	return m.Run()
}

func startControlPlane() error {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return errors.New(`KUBEBUILDER_ASSETS is not set: run make test-admission, or set it to what "bin/testbed assets" prints`)
	}
	logger := funcr.New(func(prefix, args string) { logged.add(prefix + " " + args) }, funcr.Options{})
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	controlPlane = &envtest.Environment{
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  time.Minute,
		CRDDirectoryPaths:        []string{filepath.Join(root, "config", "crd", "bases")},
		ErrorIfCRDPathMissing:    true,
		CRDInstallOptions:        envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{crds.OperatorCondition()}},
	}
	// The permissions count.
	controlPlane.ControlPlane.GetAPIServer().Configure().Set("authorization-mode", "RBAC")
	var err error
	if cluster, err = controlPlane.Start(); err != nil {
		return fmt.Errorf("start the API server: %w", err)
	}
	admin, err = client.New(cluster, client.Options{Scheme: manager.Scheme()})
	return err
}

// eventually tries until do succeeds.
func eventually(t *testing.T, what string, do func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	for {
		err := do(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, waitTimeout, err)
		case <-time.After(pollInterval):
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// namespace makes a namespace with a name of its own.
func namespace(t *testing.T, prefix string) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix + "-"}}
	must(t, admin.Create(t.Context(), ns))
	return ns.Name
}
