// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command demo shows a planned change of who takes writes under load on a cluster: it
// installs the operator, makes pods and a resource of a kind over them, lets eight clients
// write, makes another node take the writes by an edit, and reports what that cost.
// With "-kind proxysql" the clients write through ProxySQL pods that a ProxysqlSync keeps
// as the set is. It leaves everything up; "demo down" removes the pods again.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

const namespace = "demo"

func main() { kit.Main("demo", run) }

func run(ctx context.Context) error {
	names := strings.Join(slices.Sorted(maps.Keys(subjects)), ", ")
	kind := flag.String("kind", "mysql", "what is shown: "+names)
	flag.Parse()
	args := flag.Args()
	subject, known := subjects[*kind]
	if !known {
		return fmt.Errorf("-kind is %q: there is a demo of %s", *kind, names)
	}
	cluster, release, err := kit.Open(ctx, os.Stderr)
	if err != nil {
		return err
	}
	defer release()
	switch {
	case len(args) == 0 || args[0] == "up":
		return up(ctx, cluster, subject())
	case args[0] == "down":
		return down(ctx, cluster)
	}
	return fmt.Errorf("unknown command %q: up (the default) or down", args[0])
}

// down removes what the demo made and waits until it is gone.
func down(ctx context.Context, cluster *kit.Cluster) error {
	return cluster.RemoveNamespace(ctx, namespace)
}

func up(ctx context.Context, cluster *kit.Cluster, of *subject) error {
	var operator *kit.Operator
	var on kit.Topology
	var traffic *load.Run
	var change kit.Switchover
	var verdict load.Verdict
	steps := []demoStep{
		// A demo that ran before leaves pods with passwords that nobody knows any more.
		{"clearing what an earlier demo left", func() error { return down(ctx, cluster) }},
		{"installing the operator", func() (err error) { operator, err = cluster.Install(ctx); return err }},
		{"starting " + of.pods, func() (err error) {
			if err = cluster.EnsureNamespace(ctx, namespace); err != nil {
				return err
			}
			on, err = of.start(ctx, cluster)
			return err
		}},
		{"applying a " + of.applied + " and waiting for Ready", func() error {
			if err := of.apply(ctx); err != nil {
				return err
			}
			return on.WaitReady(ctx, 2*time.Minute)
		}},
	}
	if of.then != nil {
		steps = append(steps, of.then(ctx)...)
	}
	steps = append(steps, []demoStep{
		{"letting 8 clients write through " + of.way + " for 5 seconds", func() (err error) {
			if traffic, err = on.StartTraffic(ctx, load.Options{Interval: load.Paced}); err != nil {
				return err
			}
			return pause(ctx, 5*time.Second)
		}},
		{of.edit, func() (err error) {
			change, err = on.SwitchOver(ctx, operator, traffic, of.to, 2*time.Minute)
			return err
		}},
		{"letting the clients write for 3 more seconds", func() error { return pause(ctx, 3*time.Second) }},
		{"comparing what the clients were told with what the servers hold", func() (err error) {
			traffic.Stop()
			verdict, err = on.CheckTraffic(ctx, traffic)
			return err
		}},
	}...)
	for _, s := range steps {
		if err := s.run(); err != nil {
			if on != nil {
				fmt.Fprintln(os.Stderr, on.Diagnose(ctx, operator))
			}
			return err
		}
	}
	now, err := of.now(ctx)
	if err != nil {
		return err
	}
	fmt.Print(report(of, change, verdict, now))
	if !verdict.OK() {
		return fmt.Errorf("acknowledged writes were lost or servers differ:\n%s", verdict)
	}
	return nil
}
