// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// ofRedis is the matrix of RedisReplication.
var ofRedis = matrix{
	kind: "RedisReplication", situations: []situation{atRest, planned, failingOver},
	troubles: []trouble{
		{name: "redis-server of the source killed", late: true, inject: killWriter},
		{name: "redis-server of the source hangs (SIGSTOP)", silences: true, inject: freezeWriter},
		{name: "source cut off from the operator (clients that are connected go on writing there)", silences: true, twoWriters: true, inject: cutFromOperator},
		{name: "source cut off from its replicas", inject: cutFromOthers},
		{name: "source cut off from its clients", inject: cutFromClients},
		{name: "source's disk full", lasts: 20 * time.Second, needs: limitedDisks, inject: fillDiskOfWriter},
		{name: "source comes back empty (no append-only file)", late: true, needs: noFiles, inject: emptyWriter},
		{name: "candidate hangs (SIGSTOP)", inject: freezeCandidate},
		{name: "operator killed", everywhere: true, only: []situation{atRest}, inject: killOperator},
		{name: "operator killed while it prepares", everywhere: true, only: []situation{planned}, phase: v1alpha1.SwitchoverPreparing, inject: killOperator},
		{name: "operator killed while it switches", everywhere: true, only: []situation{planned, failingOver}, phase: v1alpha1.SwitchoverSwitching, inject: killOperator},
		{name: "API server hangs for 30 s", lasts: 30 * time.Second, late: true, everywhere: true, inject: hangAPIServer},
		{name: "DNS gives the candidate's name the source's address", lasts: 15 * time.Second, everywhere: true, inject: misdirectCandidate},
	},
}

// No cell is short: what make test has time for is in redis_test.go.
var _ = Describe("A fault of Redis", Label(inMatrix, redisSpecs, onNode), func() { ofRedis.cells(onRedis(sessions), ordinary) })

var _ = Describe("A fault of Redis, with disks of a limited size", Label(inMatrix, redisSpecs, onNode), func() { ofRedis.cells(onRedis(sessionsOnLimitedDisks), limitedDisks) })

var _ = Describe("A fault of Redis, without files", Label(inMatrix, redisSpecs, onNode), func() { ofRedis.cells(onRedis(sessionsInMemory), noFiles) })

func (s *redisScene) servers() *kit.Pods { return s.Pods }
func (s *redisScene) clients() *load.Run { return s.run }

func (s *redisScene) cast(ctx SpecContext) cast {
	GinkgoHelper()
	r, err := s.Get(ctx)
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Spec.Replica).To(HaveLen(2))
	return cast{writer: r.Status.Source, candidate: r.Spec.Replica[0].Name, other: r.Spec.Replica[1].Name}
}

func (s *redisScene) want(ctx SpecContext, to string) {
	GinkgoHelper()
	s.edit(ctx, kit.ExchangeRedisSource(to))
}

func (s *redisScene) wantUntil(ctx SpecContext, to string, phase v1alpha1.SwitchoverPhase) {
	GinkgoHelper()
	Expect(s.EditUntil(ctx, kit.ExchangeRedisSource(to), phase, settleTimeout)).To(Succeed())
}

// reasonOf a resource's topology.
func reasonOf(r *v1alpha1.RedisReplication) string {
	if c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionTopologyReady); c != nil {
		return c.Reason
	}
	return ""
}

func (s *redisScene) soFar(ctx context.Context, to string) (string, error) {
	r, err := s.Get(ctx)
	if err != nil {
		return "", err
	}
	sw := r.Status.Switchover
	switch {
	case r.Status.ObservedGeneration != r.Generation:
		return waits, nil
	case sw == nil && r.Status.Source == to:
		return finished, nil
	case sw != nil && sw.Phase == v1alpha1.SwitchoverUndone:
		return undone, nil
	case slices.Contains([]string{"SwitchoverRefused", "FailoverRefused"}, reasonOf(r)):
		return refused, nil
	}
	return waits, nil
}

// endsWell takes a change that was undone back in the spec, and makes the candidate the source
// in place of one that has restarted without its data. An old source that holds, or may hold,
// what the new one lacks stays out until that is given up.
func (s *redisScene) endsWell(ctx SpecContext, c cast, wanted bool, how string) string {
	GinkgoHelper()
	wasUndone, wasLost := false, false
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		s.lookAfterThawed(ctx)
		r, err := s.Get(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.Status.ObservedGeneration).To(Equal(r.Generation))
		if sw := r.Status.Switchover; sw != nil {
			g.Expect(sw.Phase).To(Equal(v1alpha1.SwitchoverUndone), kit.DescribeRedis(r))
			wasUndone = true
			_, err := s.Edit(ctx, func(r *v1alpha1.RedisReplication) { kit.ExchangeRedisSource(r.Status.Source)(r) })
			g.Expect(err).NotTo(HaveOccurred())
		}
		if slices.Contains([]string{"SourceRestartedEmpty", "SourceRestartedBehind"}, reasonOf(r)) && r.Spec.Source.Name == r.Status.Source {
			wasLost = true
			_, err := s.Edit(ctx, kit.ExchangeRedisSource(c.candidate))
			g.Expect(err).NotTo(HaveOccurred())
		}
		if better := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionTopologyReady); r.Spec.Source.Name == c.candidate &&
			better != nil && better.Reason == "FailoverRefused" && strings.Contains(better.Message, "BetterCandidate") {
			// The other one has received a little more. That is named, as a user would.
			_, err := s.Edit(ctx, kit.ExchangeRedisSource(c.other))
			g.Expect(err).NotTo(HaveOccurred())
		}
		g.Expect(r.Status.Source).To(Equal(r.Spec.Source.Name), kit.DescribeRedis(r))
		for name, node := range r.Status.Topology {
			if name == c.writer && name != r.Status.Source && node.Diverged {
				continue
			}
			g.Expect(node.Ready).To(BeTrue(), kit.DescribeRedis(r))
		}
	}).Should(Succeed())
	now := s.source(ctx)
	switch {
	case wasUndone:
		how = undone
	case wasLost:
		how = "nobody is led to it, until the candidate is made the source"
	case wanted && how != finished && now == c.candidate:
		how = afterIt + finished
	case wanted && now == c.other:
		how = "refused; the better candidate: " + finished
	}
	if now != c.writer && s.takeBack(ctx, c.writer) {
		how += "; the old source stays out"
	}
	s.lookAfterThawed(ctx)
	how += s.crashes()
	r, err := s.Get(ctx)
	Expect(err).NotTo(HaveOccurred())
	// A planned switchover loses nothing, and a source that stays has to have what it acknowledged.
	if last := r.Status.LastSwitchover; now != c.writer && last != nil && last.Failover && last.To == now {
		s.giveUpOthers(s.process(ctx, now))
	}
	return how
}

// thawed is a server that was let go on: its pod, its process until then, and since when it has
// not answered.
type thawed struct {
	pod     string
	process int
	silent  time.Time
	crashed bool
}

// wakeTimeout is for a server that goes on to answer; one that does not hangs in its crash report.
const wakeTimeout = 30 * time.Second

func (s *redisScene) thaws(ctx SpecContext, pod string) func(context.Context) error {
	GinkgoHelper()
	process, err := s.Process(ctx, pod)
	Expect(err).NotTo(HaveOccurred())
	return func(ctx context.Context) error {
		// One that the fault itself has ended meanwhile is another process.
		if !kit.Runs(process) {
			return nil
		}
		s.thawed = append(s.thawed, &thawed{pod: pod, process: process, silent: time.Now()})
		return s.Thaw(ctx, pod)
	}
}

// lookAfterThawed finds out which servers have not survived that they were let go on:
// redis-server 8 crashes by itself when it was stopped in a FAILOVER, and may hang in its crash
// report for ever, which is ended here. That is no fault of the operator's, and a crash like any
// other: what clients were told counts as ever.
func (s *redisScene) lookAfterThawed(ctx context.Context) {
	for _, one := range s.thawed {
		if one.crashed {
			continue
		}
		if !kit.Runs(one.process) {
			one.crashed = true
			continue
		}
		asking, cancel := context.WithTimeout(ctx, time.Second)
		_, err := s.Info(asking, one.pod, "server")
		cancel()
		switch {
		case err == nil:
			one.silent = time.Time{}
		case one.silent.IsZero():
			one.silent = time.Now()
		case time.Since(one.silent) > wakeTimeout:
			GinkgoWriter.Printf("%s has not answered for %s since it was let go on (%v), and is killed\n", one.pod, wakeTimeout, err)
			if err := s.Kill(ctx, one.pod); err != nil {
				GinkgoWriter.Println(err)
			}
		}
	}
}

// crashes says in some words which servers have crashed by themselves; "" for none.
func (s *redisScene) crashes() (words string) {
	for _, one := range s.thawed {
		if one.crashed {
			words += "; redis-server of " + one.pod + " crashed by itself when it went on"
		}
	}
	return words
}

// judgeTurns: a process that was started again is another server, but nobody comes back.
func (s *redisScene) judgeTurns(ctx SpecContext, _ cast, turns []load.Turn) {
	GinkgoHelper()
	nobodyReturns(turns)
	Expect(turns[len(turns)-1].Server).To(Equal(s.process(ctx, s.source(ctx))), "who takes writes is not who should:\n%s", load.DescribeTurns(turns))
}

// tally fails when a write is lost that is not lost by right.
func (s *redisScene) tally(ctx SpecContext) string {
	GinkgoHelper()
	if lost := len(s.stopWriting(ctx).GivenUp); lost > 0 {
		return fmt.Sprintf("; %d writes lost that only the old source had", lost)
	}
	return ""
}
