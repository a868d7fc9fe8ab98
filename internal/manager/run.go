// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// Exit codes of Run.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Run is the program: it returns when the context ends or the operator cannot go
// on, with the process's exit code.
func Run(ctx context.Context, version string, args []string, stdout, stderr io.Writer) int {
	o, err := ParseOptions(args, os.Getenv, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "compose-operator:", err)
		return exitUsage
	case o.Version:
		_, _ = fmt.Fprintln(stdout, "compose-operator", version, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
		return exitOK
	}
	logger := zap.New(zap.UseFlagOptions(&o.Log), zap.WriteTo(stderr))
	ctrl.SetLogger(logger)
	// Leader election and the watches log through klog.
	klog.SetLogger(logger)

	if err := run(ctx, version, o); err != nil {
		logger.Error(err, "The operator ends")
		return exitFailed
	}
	return exitOK
}

func run(ctx context.Context, version string, o Options) error {
	cluster, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster (inside one a service account token is needed, outside --kubeconfig): %w", err)
	}
	mgr, err := New(ctx, cluster, o)
	if err != nil {
		return err
	}
	mgr.GetLogger().Info("Starting", "version", version, "go", runtime.Version(),
		"operatorNamespace", o.OperatorNamespace, "watchNamespaces", o.WatchNamespaces, "webhook", o.EnableWebhook)
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run the manager: %w", err)
	}
	return nil
}
