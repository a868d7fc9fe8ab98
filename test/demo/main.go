// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command demo shows a planned switchover under load on a cluster: it installs the
// operator, makes three MySQL pods and a semi-synchronous MysqlReplication, lets
// eight clients write, exchanges source and replica, and reports what that cost.
// With "-kind proxysql" the clients write through ProxySQL pods that a ProxysqlSync keeps
// as the set is. It leaves everything up; "demo down" removes the pods again.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

const (
	namespace = "demo"
	name      = "orders"
)

func main() { kit.Main("demo", run) }

// The kinds that there is a demo of.
const (
	ofMySQL    = "mysql"
	ofProxySQL = "proxysql"
)

func run(ctx context.Context) error {
	kind := flag.String("kind", ofMySQL, "what is shown: "+ofMySQL+" or "+ofProxySQL)
	flag.Parse()
	args := flag.Args()
	if *kind != ofMySQL && *kind != ofProxySQL {
		return fmt.Errorf("-kind is %q: there is a demo of %s and of %s", *kind, ofMySQL, ofProxySQL)
	}
	cluster, release, err := kit.Open(ctx, os.Stderr)
	if err != nil {
		return err
	}
	defer release()
	switch {
	case len(args) == 0 || args[0] == "up":
		return up(ctx, cluster, *kind)
	case args[0] == "down":
		return down(ctx, cluster)
	}
	return fmt.Errorf("unknown command %q: up (the default) or down", args[0])
}

// down removes what the demo made and waits until it is gone.
func down(ctx context.Context, cluster *kit.Cluster) error {
	return cluster.RemoveNamespace(ctx, namespace)
}

func up(ctx context.Context, cluster *kit.Cluster, kind string) error {
	// A demo that ran before leaves pods with passwords that nobody knows any more.
	if err := step("clearing what an earlier demo left", func() error { return down(ctx, cluster) }); err != nil {
		return err
	}
	var operator *kit.Operator
	var set *kit.Set
	var proxysql *kit.Proxysql
	way := "the Service " + name + v1alpha1.ServiceSuffixReadWrite
	var traffic *load.Run
	var change kit.Switchover
	const source, candidate, other = 0, 1, 2
	steps := []demoStep{
		{"installing the operator", func() (err error) { operator, err = cluster.Install(ctx); return err }},
		{"starting three MySQL pods, fresh and empty", func() (err error) {
			set, err = cluster.NewSet(ctx, namespace, kit.SetOptions{Name: name})
			return err
		}},
		{"applying a MysqlReplication (rpl_semi_sync) and waiting for Ready", func() error {
			r := set.Resource(v1alpha1.MysqlSemiSync, kit.PodName(source), kit.PodName(candidate), kit.PodName(other))
			if err := set.Create(ctx, r); err != nil {
				return err
			}
			return set.WaitReady(ctx, 2*time.Minute)
		}},
	}
	options := load.Options{Interval: load.Paced}
	start := func() (*load.Run, error) { return set.StartTraffic(ctx, options) }
	if kind == ofProxySQL {
		way = "ProxySQL " + kit.ProxysqlPodName(0)
		start = func() (*load.Run, error) { return proxysql.StartTraffic(ctx, kit.ProxysqlPodName(0), options) }
		steps = append(steps, demoStep{"starting two ProxySQL pods, which know no servers and no users", func() (err error) {
			proxysql, err = set.NewProxysql(ctx, 2)
			return err
		}}, demoStep{"applying a ProxysqlSync and waiting for Ready", func() error {
			if err := proxysql.Create(ctx, proxysql.Resource(kit.ProxysqlPodName(0), kit.ProxysqlPodName(1))); err != nil {
				return err
			}
			return proxysql.WaitReady(ctx, time.Minute)
		}})
	}
	steps = append(steps, []demoStep{
		{"letting 8 clients write through " + way + " for 5 seconds", func() (err error) {
			if traffic, err = start(); err != nil {
				return err
			}
			return pause(ctx, 5*time.Second)
		}},
		{"exchanging " + kit.PodName(source) + " and " + kit.PodName(candidate) + " in the spec", func() (err error) {
			change, err = set.SwitchOver(ctx, operator, traffic, kit.PodName(candidate), 2*time.Minute)
			return err
		}},
		{"letting the clients write for 3 more seconds", func() error { return pause(ctx, 3*time.Second) }},
	}...)
	for _, s := range steps {
		if err := step(s.what, s.do); err != nil {
			if set != nil {
				fmt.Fprintln(os.Stderr, set.Diagnose(ctx, operator))
			}
			return err
		}
	}
	traffic.Stop()
	var verdict load.Verdict
	err := step("comparing what the clients were told with what the servers hold", func() (err error) {
		verdict, err = set.CheckTraffic(ctx, traffic)
		return err
	})
	if err != nil {
		return err
	}
	r, err := set.Get(ctx)
	if err != nil {
		return err
	}
	fmt.Print(report(change, verdict, r, way))
	if proxysql != nil {
		synced, err := proxysql.Get(ctx)
		if err != nil {
			return err
		}
		fmt.Println("ProxysqlSync " + name + ": " + kit.DescribeProxysql(synced))
	}
	if !verdict.OK() {
		return fmt.Errorf("acknowledged writes were lost or servers differ:\n%s", verdict)
	}
	return nil
}

// demoStep is a step that a person is told of.
type demoStep struct {
	what string
	do   func() error
}

// step says what is done and how long it took.
func step(what string, do func() error) error {
	fmt.Printf("  … %s", what)
	began := time.Now()
	err := do()
	if err != nil {
		fmt.Printf(": failed after %.1f s\n", time.Since(began).Seconds())
		return fmt.Errorf("%s: %w", what, err)
	}
	fmt.Printf(" (%.1f s)\n", time.Since(began).Seconds())
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// report is what a person reads in the end.
func report(c kit.Switchover, v load.Verdict, r *v1alpha1.MysqlReplication, way string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("\nPlanned switchover, %s → %s", c.From, c.To)
	moment := func(at time.Time, what string) {
		if !at.IsZero() {
			line("  %+7d ms  %s", at.Sub(c.Edited).Milliseconds(), what)
		}
	}
	moment(c.Edited, "spec.source and spec.replica exchanged")
	moment(c.Started, "Preparing: checked; the candidate leaves -readonly and catches up, clients notice nothing")
	moment(c.Switching, "Switching: fence the old source, promote the new one, route")
	moment(c.Outage.From, "  last write acknowledged before the change")
	moment(c.Outage.To, "  first write acknowledged after it")
	moment(c.Finished, "finished: "+c.To+" is the source")
	moment(c.Ready, "Ready again, with the old source as a replica")
	if len(c.Steps) > 0 {
		line("\nSteps that the operator logged")
		for _, s := range c.Steps {
			line("  %7d ms  %s", s.Took.Milliseconds(), s.Name)
		}
	}
	line("\nClients: 8, each with a write every %d ms at most, through %s", load.Paced.Milliseconds(), way)
	line("  %d writes acknowledged in %.1f s, %d with an unknown outcome (never told OK)", v.Report.Acknowledged, v.Report.Duration.Seconds(), v.Report.Unknown)
	for _, e := range v.Report.WriteErrors {
		line("  %6d × %s", e.Count, e.Kind)
	}
	line("\nThe set now")
	for _, n := range []string{kit.PodName(0), kit.PodName(1), kit.PodName(2)} {
		if node := r.Status.Topology[n]; node != nil {
			line("  %s  %-7s %s", n, node.Role, node.Status)
		}
	}
	if ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		line("  Ready=%s (%s)", ready.Status, ready.Message)
	}
	line("\nIt is left up. Look at it:")
	for _, command := range []string{
		"get mysqlreplication -n " + namespace + " -o wide",
		"describe mysqlreplication " + name + " -n " + namespace,
		"get pods -n " + namespace + " --show-labels",
		"edit mysqlreplication " + name + " -n " + namespace + "      # exchange source and replica once more",
		"logs -n upm-system deployment/compose-operator",
	} {
		line("  bin/testbed kubectl %s", command)
	}
	line("  make demo-down                 # take it all away")
	line("\n%d acknowledged writes lost, %d ms without writes", len(v.Lost), c.Outage.Duration().Milliseconds())
	return b.String()
}
