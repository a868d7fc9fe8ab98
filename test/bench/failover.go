// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// failoverTimeout bounds what comes between an edit and the first write on the new source.
const failoverTimeout = time.Minute

// settled is after how many acknowledged writes a set-up counts as over: some four seconds.
const settled = 3000

// loss is a way in which a source goes away, and the bar for the median time from the
// edit to the first acknowledged write.
type loss struct {
	name   string
	bar    time.Duration
	inject func(ctx context.Context, set *kit.Set, operator *kit.Operator, source string) error
}

func losses() []loss {
	return []loss{
		{"dead", 500 * time.Millisecond, func(ctx context.Context, set *kit.Set, _ *kit.Operator, source string) error {
			return set.Kill(ctx, source)
		}},
		{"hung", 3 * time.Second, func(ctx context.Context, set *kit.Set, _ *kit.Operator, source string) error {
			return set.Freeze(ctx, source)
		}},
		// From everybody but its clients, who would go on to write where commits waited for
		// nobody: they wait for an acknowledgement that never comes.
		{"partitioned", 3 * time.Second, func(ctx context.Context, set *kit.Set, operator *kit.Operator, source string) error {
			others := slices.DeleteFunc([]string{kit.PodName(0), kit.PodName(1), kit.PodName(2)}, func(pod string) bool { return pod == source })
			addresses, err := set.IPs(ctx, others...)
			if err != nil {
				return err
			}
			operators, err := operator.PodIPs(ctx)
			if err != nil {
				return err
			}
			// The pod goes with its set, and the rules with the pod.
			_, err = set.Cut(ctx, source, append(addresses, operators...)...)
			return err
		}},
	}
}

// failoverPage is where the figures of failovers go.
var failoverPage = filepath.Join("docs", "benchmarks", "failover.md")

// lost is what was measured of one loss.
type lost struct {
	loss
	took []time.Duration
}

// failovers are the result of the benchmark.
type failovers struct {
	losses       []lost
	writers      int
	interval     time.Duration
	acknowledged int
}

// measureFailovers measures each loss on sets of their own: a source that comes back may
// hold what nobody was told of, and is out of its set then. A lost write is an error.
func measureFailovers(ctx context.Context, cluster *kit.Cluster, namespace string, operator *kit.Operator, options load.Options, runs int) (failovers, error) {
	out := failovers{writers: options.Writers, interval: options.Interval}
	for _, l := range losses() {
		of := lost{loss: l}
		for range runs {
			took, acknowledged, err := measureFailover(ctx, cluster, namespace, operator, options, l)
			if err != nil {
				return out, fmt.Errorf("%s: %w", l.name, err)
			}
			fmt.Fprintf(os.Stderr, "  %s: %d ms\n", l.name, took.Milliseconds())
			of.took = append(of.took, took)
			out.acknowledged += acknowledged
		}
		out.losses = append(out.losses, of)
	}
	return out, nil
}

// judge says which bars were missed.
func (f failovers) judge() error {
	var errs []error
	for _, l := range f.losses {
		if s := summarize(l.took); s.median > l.bar {
			errs = append(errs, fmt.Errorf("source %s: the median is %d ms; the bar is %d ms", l.name, s.median.Milliseconds(), l.bar.Milliseconds()))
		}
	}
	return errors.Join(errs...)
}

// page is the benchmark in Markdown.
func (f failovers) page(m machine) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	runs := 0
	line("# Failover: time from the edit to the first acknowledged write\n")
	line("MysqlReplication with three MySQL pods, rpl_semi_sync. The source is lost while %d clients write through the", f.writers)
	line("`-readwrite` Service, one INSERT every %d ms at most; right after that `spec.source` is edited, without a look at the status.", f.interval.Milliseconds())
	line("Everything, clients included, ran on one machine with %d cores and %s.\n", m.cores, m.memory)
	line("| ms from the edit to the first acknowledged write | median | max | runs | bar for the median |")
	line("|---|---:|---:|---:|---:|")
	for _, l := range f.losses {
		s := summarize(l.took)
		runs = max(runs, len(l.took))
		line("| source %s | %d | %d | %d | %d |", l.name, s.median.Milliseconds(), s.most.Milliseconds(), len(l.took), l.bar.Milliseconds())
	}
	line("\n%d writes acknowledged, **0 lost** (the benchmark fails otherwise).\n", f.acknowledged)
	line("A dead source has no process any more; a hung one is stopped (SIGSTOP); one that is partitioned reaches its clients and")
	line("nobody else. A client gives up a connection that is silent for %d ms and makes a new one: what your clients wait before", load.DefaultConnectTimeout.Milliseconds())
	line("they do that comes on top. So does up to a second of kube-proxy, if it has just taken over another change.\n")
	line("Measure again: `make bench-failover-cluster BENCH_ROUNDS=%d`.", runs)
	return b.String()
}

func measureFailover(ctx context.Context, cluster *kit.Cluster, namespace string, operator *kit.Operator, options load.Options, l loss) (took time.Duration, acknowledged int, err error) {
	source, replicas := kit.PodName(0), []string{kit.PodName(1), kit.PodName(2)}
	set, err := cluster.NewSet(ctx, namespace, kit.SetOptions{})
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		set.Close()
		err = errors.Join(err, set.Delete(context.WithoutCancel(ctx)))
	}()
	if err := set.Create(ctx, set.Resource(v1alpha1.MysqlSemiSync, source, replicas...)); err != nil {
		return 0, 0, err
	}
	if err := set.WaitReady(ctx, 2*time.Minute); err != nil {
		return 0, 0, fmt.Errorf("%w\n%s", err, set.Diagnose(ctx, operator))
	}
	// Clients that wait for long for an answer which does not come, and all in step, would
	// be measured and not the operator.
	options.AnswerTimeout = load.DefaultConnectTimeout
	traffic, err := set.StartTraffic(ctx, options)
	if err != nil {
		return 0, 0, err
	}
	defer traffic.Stop()
	// kube-proxy lets a second pass between two changes, those of the set-up included.
	if err := kit.WaitWrites(ctx, traffic, settled, failoverTimeout); err != nil {
		return 0, 0, err
	}
	if err := l.inject(ctx, set, operator, source); err != nil {
		return 0, 0, err
	}
	to, err := mostReceived(ctx, set, replicas...)
	if err != nil {
		return 0, 0, err
	}
	edited := time.Now()
	if _, err := set.Edit(ctx, kit.ExchangeSource(to)); err != nil {
		return 0, 0, err
	}
	promoted := func(ctx context.Context) error {
		r, err := set.Get(ctx)
		if err != nil {
			return err
		}
		if r.Status.Source == source || r.Status.LastSwitchover == nil || !r.Status.LastSwitchover.Failover {
			return fmt.Errorf("no failover yet: %s", kit.Describe(r))
		}
		return nil
	}
	if err := kit.Wait(ctx, failoverTimeout, promoted); err != nil {
		return 0, 0, fmt.Errorf("%w\n%s", err, set.Diagnose(ctx, operator))
	}
	if err := kit.WaitWrites(ctx, traffic, 50, failoverTimeout); err != nil {
		return 0, 0, err
	}
	took = traffic.Outage(edited, time.Now()).To.Sub(edited)
	traffic.Stop()
	verdict, err := set.CheckTraffic(ctx, traffic, source)
	if err != nil {
		return 0, 0, err
	}
	if !verdict.OK() {
		return 0, 0, fmt.Errorf("acknowledged writes were lost or servers differ:\n%s\n%s", verdict, set.Diagnose(ctx, operator))
	}
	return took, verdict.Report.Acknowledged, nil
}

// receivedQuery asks a replica for all that it has received, executed or not.
const receivedQuery = "SELECT CONCAT(@@GLOBAL.gtid_executed, ',', IFNULL((SELECT RECEIVED_TRANSACTION_SET FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = ''), ''))"

// mostReceived names the replica that a user would make the source. Those of a source that
// dies, or is cut off from one after the other, need not have received the same, and a
// failover to one that has less is refused (CandidateBehind).
func mostReceived(ctx context.Context, set *kit.Set, replicas ...string) (string, error) {
	best, most := "", gtid.Set{}
	for _, pod := range replicas {
		text, err := set.Query(ctx, pod, receivedQuery)
		if err != nil {
			return "", err
		}
		received, err := gtid.Parse(text)
		if err != nil {
			return "", fmt.Errorf("what %s has received: %w", pod, err)
		}
		if best == "" || received.Contains(most) {
			best, most = pod, received
		}
	}
	return best, nil
}
