// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command subscribe installs the operator through OLM, in the place of one that is
// there, and leaves it: for the scorecard and for people who want to look around.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/test/e2e/kit"
)

// patience with all of it.
const patience = 10 * time.Minute

func main() {
	log.SetLogger(logr.Discard())
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "subscribe:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	settings, err := kit.SettingsFromEnvironment()
	if err != nil {
		return err
	}
	settings.Install = kit.InstallByOLM
	unlock, err := settings.Lock(ctx, os.Stderr)
	if err != nil {
		return err
	}
	defer unlock()
	cluster, err := kit.Connect(settings)
	if err != nil {
		return err
	}
	_, err = cluster.Install(ctx)
	return err
}
