// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// ofReplication is the matrix of MysqlReplication.
var ofReplication = matrix{
	kind: "MysqlReplication", situations: []situation{atRest, planned, failingOver},
	troubles: []trouble{
		{name: "mysqld of the source killed", late: true, short: []situation{failingOver}, inject: killWriter},
		{name: "mysqld of the source hangs (SIGSTOP)", silences: true, short: []situation{atRest, failingOver}, inject: freezeWriter},
		{name: "source cut off from the operator", silences: true, short: []situation{failingOver}, inject: cutFromOperator},
		{name: "source cut off from its replicas", short: []situation{planned}, inject: cutFromOthers},
		{name: "source cut off from its clients", inject: cutFromClients},
		{name: "source's disk full", lasts: 20 * time.Second, needs: limitedDisks, inject: fillDiskOfWriter},
		{name: "candidate applies late", short: []situation{planned}, inject: delayCandidate},
		{name: "candidate errant", inject: makeCandidateErrant},
		{name: "API server hangs for 30 s", lasts: 30 * time.Second, late: true, everywhere: true, inject: hangAPIServer},
		{name: "DNS gives the candidate's name the source's address", lasts: 15 * time.Second, stays: true, everywhere: true, inject: misdirectCandidate},
		{name: "clock of the source 2 h ahead", needs: ownClocks, inject: clockOf(func(c cast) string { return c.writer }, 2*time.Hour)},
		{name: "clock of the candidate 2 h behind", needs: ownClocks, inject: clockOf(func(c cast) string { return c.candidate }, -2*time.Hour)},
	},
}

var _ = Describe("A fault", Label(inMatrix, onNode), func() { ofReplication.cells(onSet(semiSync), ordinary) })

var _ = Describe("A fault, with disks of a limited size", Label(inMatrix, onNode), func() { ofReplication.cells(onSet(onLimitedDisks), limitedDisks) })

var _ = Describe("A fault, with clocks of their own", Label(inMatrix, onNode), func() { ofReplication.cells(onSet(onOwnClocks), ownClocks) })

// delayed makes a replica apply late, or not any more.
func delayed(ctx context.Context, set *kit.Set, pod string, seconds int) error {
	return set.Exec(ctx, pod, "STOP REPLICA SQL_THREAD", fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_DELAY = %d", seconds), "START REPLICA SQL_THREAD")
}

func delayCandidate(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	Expect(delayed(ctx, mysqlOf(s), c.candidate, 6)).To(Succeed())
	return func(ctx context.Context) error {
		if sourceOf(ctx, mysqlOf(s)) == c.candidate {
			return nil
		}
		return delayed(ctx, mysqlOf(s), c.candidate, 0)
	}
}

func makeCandidateErrant(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	// A transaction without content, which nobody else has.
	empty := []string{"SET GTID_NEXT = '11111111-2222-4333-8444-555555555555:1'", "BEGIN", "COMMIT", "SET GTID_NEXT = 'AUTOMATIC'"}
	Expect(mysqlOf(s).Exec(ctx, c.candidate, empty...)).To(Succeed())
	return func(ctx context.Context) error {
		if source := sourceOf(ctx, mysqlOf(s)); source != c.candidate {
			return mysqlOf(s).Exec(ctx, source, empty...)
		}
		return nil
	}
}

// clockOf lets the clock of a server jump; mending it is another jump, back.
func clockOf(whose func(cast) string, by time.Duration) func(SpecContext, stage, cast) func(context.Context) error {
	return func(ctx SpecContext, s stage, c cast) func(context.Context) error {
		GinkgoHelper()
		mend, err := mysqlOf(s).SkewClock(ctx, whose(c), by)
		Expect(err).NotTo(HaveOccurred())
		return mend
	}
}

// sourceOf is the source that the status names, "" when that is not known.
func sourceOf(ctx context.Context, set *kit.Set) string {
	r, err := set.Get(ctx)
	if err != nil {
		return ""
	}
	return r.Status.Source
}

// mysqlOf is the set of a stage of MySQL servers.
func mysqlOf(s stage) *kit.Set {
	GinkgoHelper()
	switch on := s.(type) {
	case *scene:
		return on.Set
	case *groupScene:
		return on.Set
	}
	Fail(fmt.Sprintf("%T is no stage of MySQL servers", s))
	return nil
}

func (s *scene) servers() *kit.Pods { return s.Pods }
func (s *scene) clients() *load.Run { return s.run }

func (s *scene) cast(ctx SpecContext) cast {
	GinkgoHelper()
	others := s.others(ctx)
	return cast{writer: s.source(ctx), candidate: others[0], other: others[1]}
}

func (s *scene) want(ctx SpecContext, to string) {
	GinkgoHelper()
	s.edit(ctx, kit.ExchangeSource(to))
}

func (s *scene) soFar(ctx context.Context, to string) (string, error) {
	r, err := s.Get(ctx)
	if err != nil {
		return "", err
	}
	switch how := outcome(r, to); how {
	case finished, undone, refused:
		return how, nil
	}
	return waits, nil
}

// endsWell takes a change that was undone back in the spec. One node may stay out: an old
// source with commits that no replica had and no client was told of.
func (s *scene) endsWell(ctx SpecContext, c cast, wanted bool, how string) string {
	GinkgoHelper()
	wasUndone := false
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		r, err := s.Get(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.Status.ObservedGeneration).To(Equal(r.Generation))
		if sw := r.Status.Switchover; sw != nil {
			g.Expect(sw.Phase).To(Equal(v1alpha1.SwitchoverUndone), kit.Describe(r))
			wasUndone = true
			_, err := s.Edit(ctx, func(r *v1alpha1.MysqlReplication) { kit.ExchangeSource(r.Status.Source)(r) })
			g.Expect(err).NotTo(HaveOccurred())
		}
		g.Expect(r.Status.Source).To(Equal(r.Spec.Source.Name), kit.Describe(r))
		s.broken, s.spent = nil, false
		for name, node := range r.Status.Topology {
			if name == c.writer && name != r.Status.Source && node.ErrantCount > 0 {
				s.broken, s.spent = []string{name}, true
				continue
			}
			g.Expect(node.Ready).To(BeTrue(), kit.Describe(r))
		}
	}).Should(Succeed())
	switch {
	case wasUndone:
		how = undone
	case wanted && how != finished && s.source(ctx) == c.candidate:
		how = afterIt + finished
	}
	if s.spent {
		how += "; the old source holds what nobody was told, and stays out"
	}
	return how
}

// afterIt is how a change ended that waited for the fault to be over.
const afterIt = "after it: "

func (s *scene) judgeTurns(ctx SpecContext, c cast, turns []load.Turn) {
	GinkgoHelper()
	if s.source(ctx) == c.writer {
		Expect(turns).To(HaveLen(1), "the source was not changed:\n%s", load.DescribeTurns(turns))
		return
	}
	// One that was silenced before it was asked for anything has no turn.
	Expect(len(turns)).To(BeElementOf(1, 2), "the source was changed once:\n%s", load.DescribeTurns(turns))
}
