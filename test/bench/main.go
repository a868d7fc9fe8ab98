// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command bench measures what planned switchovers, failovers, and planned changes of a group's
// primary cost clients: how long no write is acknowledged, and where the time goes. It writes a
// page for docs/benchmarks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// byDefault stands for a flag's value that depends on what is measured.
const byDefault = "by default"

func main() { kit.Main("bench", run) }

func run(ctx context.Context) error {
	runs := flag.Int("runs", 20, "planned changes to measure")
	out := flag.String("out", byDefault, "file for the page, docs/benchmarks/… by default; empty: none is written")
	ofGroup := flag.Bool("group", false, "measure changes of the primary of a MysqlGroupReplication, and not switchovers of a MysqlReplication")
	ofRedis := flag.Bool("redis", false, "measure switchovers of a RedisReplication, and not of a MysqlReplication")
	ofPostgres := flag.Bool("postgres", false, "measure switchovers of a PostgresReplication, and not of a MysqlReplication")
	between := flag.Duration("between", 2*time.Second, "time between a switchover's end and the next edit")
	failovers := flag.Bool("failover", false, "measure failovers from a source that is dead, hung or cut off, -runs of each, and no switchovers")
	var options load.Options
	flag.IntVar(&options.Writers, "writers", load.DefaultWriters, "writing clients")
	flag.DurationVar(&options.Interval, "interval", load.Paced, "between two writes of one client; 0: as fast as they are answered, which saturates a small machine")
	flag.DurationVar(&options.Pause, "pause", load.DefaultPause, "between an error of a client and its next attempt")
	var bar bars
	flag.DurationVar(&bar.median, "median-bar", -1, "fail when the median time without writes is longer, than 150 ms, or of a group 300 ms, or of PostgreSQL 500 ms, by default; 0: no bar")
	flag.DurationVar(&bar.most, "max-bar", -1, "fail when the longest is longer, than 500 ms, or of a group no bar, by default; 0: no bar")
	flag.Parse()
	if *runs < 1 {
		return errors.New("-runs must be 1 or more")
	}
	of, err := subjectOf(*ofGroup, *ofRedis, *ofPostgres, *failovers)
	if err != nil {
		return err
	}
	bar = bar.or(of.bar)
	switch {
	case *out == byDefault && *failovers:
		*out = failoverPage
	case *out == byDefault:
		*out = of.out
	}
	cluster, release, err := kit.Open(ctx, os.Stderr)
	if err != nil {
		return err
	}
	defer release()
	operator, err := cluster.Install(ctx)
	if err != nil {
		return err
	}
	namespace, err := cluster.CreateNamespace(ctx, "bench")
	if err != nil {
		return err
	}
	defer func() { _ = cluster.DeleteNamespace(context.WithoutCancel(ctx), namespace) }()
	if *failovers {
		measured, err := measureFailovers(ctx, cluster, namespace, operator, options, *runs)
		if err != nil {
			return err
		}
		return errors.Join(publish(measured.page(thisMachine()), *out), measured.judge())
	}
	on, err := of.make(ctx, cluster, namespace)
	if err != nil {
		return err
	}
	defer on.Close()
	if err := on.WaitReady(ctx, 2*time.Minute); err != nil {
		return fmt.Errorf("%w\n%s", err, on.Diagnose(ctx, operator))
	}
	result, err := measure(ctx, of, on, operator, options, *runs, *between)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, on.Diagnose(ctx, operator))
	}
	if err := publish(result.page(thisMachine()), *out); err != nil {
		return err
	}
	if !result.verdict.OK() {
		return fmt.Errorf("acknowledged writes were lost or servers differ:\n%s", result.verdict)
	}
	return bar.judge(result.outages())
}

// publish prints a page, and writes it to a file unless that is "".
func publish(page, file string) error {
	fmt.Println(page)
	if file == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("the page's directory: %w", err)
	}
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil { //nolint:gosec // A page of the documentation.
		return fmt.Errorf("the page: %w", err)
	}
	return nil
}

// subjectOf the flags.
func subjectOf(ofGroup, ofRedis, ofPostgres, failovers bool) (subject, error) {
	of, chosen := replication(), 0
	for _, kind := range []struct {
		is   bool
		made func() subject
	}{{ofGroup, group}, {ofRedis, redis}, {ofPostgres, postgres}} {
		if kind.is {
			of = kind.made()
			chosen++
		}
	}
	switch {
	case chosen > 1:
		return subject{}, errors.New("-group, -redis and -postgres exclude one another: they are different kinds")
	case chosen > 0 && failovers:
		return subject{}, errors.New("-failover excludes -group, -redis and -postgres: failovers are measured of a MysqlReplication")
	}
	return of, nil
}

// measure switches back and forth between two pods while clients write.
func measure(ctx context.Context, of subject, on kit.Topology, operator *kit.Operator, options load.Options, runs int, between time.Duration) (result, error) {
	r := result{of: of, options: options}
	traffic, err := on.StartTraffic(ctx, options)
	if err != nil {
		return r, err
	}
	defer traffic.Stop()
	for i := range runs {
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(between):
		}
		change, err := on.SwitchOver(ctx, operator, traffic, of.pod((i+1)%2), 2*time.Minute)
		if err != nil {
			return r, err
		}
		r.changes = append(r.changes, change)
		fmt.Fprintf(os.Stderr, "  %3d/%d  %s → %s  %4d ms without writes, Ready after %4d ms\n", i+1, runs, change.From, change.To,
			change.Outage.Duration().Milliseconds(), change.Ready.Sub(change.Edited).Milliseconds())
	}
	traffic.Stop()
	r.verdict, err = on.CheckTraffic(ctx, traffic)
	return r, err
}
