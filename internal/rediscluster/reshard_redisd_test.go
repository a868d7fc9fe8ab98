// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build redisd

package rediscluster

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/test/redisd"
)

// Variables of make bench-reshard: how many keys there are, how often each way is measured, and the
// file of the page. Without them the test only sees that both ways work, with few keys.
const (
	reshardKeys = "RESHARD_KEYS"
	reshardRuns = "RESHARD_RUNS"
	reshardPage = "RESHARD_PAGE"
)

func numberOf(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// TestReshardBesideRedisCli gives a fourth shard its part of the slots and takes it back, once by
// the operator and once by redis-cli --cluster rebalance, over the same servers and keys.
func TestReshardBesideRedisCli(t *testing.T) {
	keys, runs := numberOf(t, reshardKeys, 500), numberOf(t, reshardRuns, 1)
	f := newFleet(t, redisd.Options{}, 3, 1)
	f.settle("the cluster is made")
	client := redisd.ClusterClient(t, f.all())
	value := strings.Repeat("v", 100)
	for at := 0; at < keys; {
		pipe := client.Pipeline()
		for end := min(at+1000, keys); at < end; at++ {
			pipe.Set(context.Background(), fmt.Sprintf("key:%d", at), value, 0)
		}
		if _, err := pipe.Exec(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	var byOperator, byCLI time.Duration
	for range runs {
		f.grow("d", 1)
		server := f.servers["d0"]
		byOperator += f.moving("a shard more")
		delete(f.object.Spec.Members, "d")
		f.object.Generation++
		byOperator += f.moving("a shard less")
		f.until("who left is forgotten", func() bool { return f.node("d0") == nil })

		first := f.servers["a0"]
		redisd.CLI(t, "--cluster", "add-node", server.Address(), first.Address())
		for _, s := range append(f.all(), server) {
			// A node that has just joined takes nothing before it has called the cluster up.
			s.Eventually("everybody knows it, and it that the cluster is up", func() bool {
				info := fmt.Sprint(s.Do("CLUSTER", "INFO"))
				return strings.Contains(info, "cluster_known_nodes:4") && strings.Contains(info, "cluster_state:ok")
			})
		}
		id := fmt.Sprint(server.Do("CLUSTER", "MYID"))
		byCLI += redisd.CLI(t, "--cluster", "rebalance", first.Address(), "--cluster-use-empty-masters", "--cluster-threshold", "1")
		byCLI += redisd.CLI(t, "--cluster", "rebalance", first.Address(), "--cluster-weight", id+"=0", "--cluster-threshold", "1")
		redisd.CLI(t, "--cluster", "del-node", first.Address(), id)
		f.settle("the operator has it back")
	}
	f.whole()
	for at := range keys {
		if got, err := client.Get(context.Background(), fmt.Sprintf("key:%d", at)).Result(); err != nil || got != value {
			t.Fatalf("key:%d is %q, %v", at, got, err)
		}
	}
	moved := 2 * runs * slotCount / 4
	page := reshardingPage(keys, moved, byOperator, byCLI)
	t.Log(page)
	file := os.Getenv(reshardPage)
	if file == "" {
		return
	}
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil { //nolint:gosec // A page of the documentation.
		t.Fatal(err)
	}
	if byOperator > byCLI {
		t.Errorf("the operator took %s and redis-cli %s", byOperator, byCLI)
	}
}

// moving makes passes until everything is as wanted, and says for how long slots were moved.
func (f *fleet) moving(what string) time.Duration {
	f.t.Helper()
	var began, ended time.Time
	f.until(what, func() bool {
		if len(f.object.Status.Moves) > 0 {
			// It is on record before anything is done about it.
			began, ended = f.object.Status.Migration.StartedAt.Time, time.Time{}
		} else if ended.IsZero() {
			ended = time.Now()
		}
		return !began.IsZero() && !ended.IsZero() && f.object.Status.ClusterSynced
	})
	return ended.Sub(began)
}

func reshardingPage(keys, slots int, byOperator, byCLI time.Duration) string {
	row := func(who string, took time.Duration) string {
		return fmt.Sprintf("| %s | %.1f s | %.0f |\n", who, took.Seconds(), float64(slots)/took.Seconds())
	}
	return fmt.Sprintf("# Moving slots\n\nMade by `make bench-reshard`, on %d CPUs. %d slots of a cluster of three sources with %d keys of 100 bytes were moved to a fourth one and back, in the same run and over the same servers on one machine, without clients.\n\n"+
		"| by | took | slots in a second |\n|---|---|---|\n%s%s", runtime.NumCPU(), slots, keys, row("the operator", byOperator), row("`redis-cli --cluster rebalance`", byCLI))
}
