// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command scale measures what a thousand quiet resources cost the operator, and how soon
// it notices that one is quiet no more. The operator is the real binary in a cgroup with
// the limits of its manifest, the API server and etcd are real, the MySQL servers are
// stand-ins (test/scale/standin). It writes a page for docs/benchmarks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

type options struct {
	root, manager, standin, out string
	sets, changed               int
	window                      time.Duration
	tls, unlimited, profile     bool
	managerArgs                 []string
}

func main() {
	// What the API server's clients log is not about what is measured.
	log.SetLogger(logr.Discard())
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	var more string
	flag.StringVar(&o.root, "root", ".", "the source tree, for dist/install.yaml")
	flag.StringVar(&o.manager, "manager", "bin/manager", "the operator's binary")
	flag.StringVar(&o.standin, "standin", "bin/standin", "the stand-ins' binary")
	flag.StringVar(&o.out, "out", filepath.Join("docs", "benchmarks", "scale.md"), "file for the page; empty: none is written")
	flag.IntVar(&o.sets, "sets", 1000, "resources, with three nodes each")
	flag.IntVar(&o.changed, "changed", 100, "resources that something happens to, for each kind of change")
	flag.DurationVar(&o.window, "window", 2*time.Minute, "time to measure while nothing changes")
	flag.BoolVar(&o.tls, "tls", true, "the stand-ins offer TLS, which the operator then uses")
	flag.BoolVar(&o.unlimited, "unlimited", false, "do not hold the operator to its limits")
	flag.BoolVar(&o.profile, "profile", true, "take profiles, after what is measured")
	flag.StringVar(&more, "manager-args", "", "more flags for the operator")
	bars := flag.Bool("bars", true, "fail when a bar is missed")
	flag.Parse()
	o.managerArgs = strings.Fields(more)
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return errors.New(`KUBEBUILDER_ASSETS is not set: run make bench-scale, or set it to what "bin/testbed assets" prints`)
	}
	if o.sets < 1 || o.changed*3 > o.sets {
		return errors.New("-sets must be 1 or more and three times -changed at the least: each kind of change has resources of its own")
	}
	r, err := measure(ctx, o)
	if err != nil {
		return err
	}
	page := r.page(thisMachine())
	fmt.Println(page)
	if o.out != "" {
		if err := os.WriteFile(o.out, []byte(page), 0o644); err != nil { //nolint:gosec // A page of the documentation.
			return fmt.Errorf("the page: %w", err)
		}
	}
	if *bars {
		return r.judge()
	}
	return nil
}
