// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Main runs a program that works on a cluster until it ends or is asked to, and
// exits with 1 after an error, which it prints under the program's name.
func Main(name string, run func(context.Context) error) {
	log.SetLogger(logr.Discard())
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	cancel()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Open connects to the cluster of the environment's settings once nobody else is at
// work on it; see Settings.Lock. Call release at the end.
func Open(ctx context.Context, progress io.Writer) (c *Cluster, release func(), err error) {
	settings, err := SettingsFromEnvironment()
	if err != nil {
		return nil, nil, err
	}
	release, err = settings.Lock(ctx, progress)
	if err != nil {
		return nil, nil, err
	}
	if c, err = Connect(settings); err != nil {
		release()
		return nil, nil, err
	}
	return c, release, nil
}
