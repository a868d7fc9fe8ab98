// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// plannedInGroup is an edit of spec.primary.
const plannedInGroup situation = "planned primary change"

// untilExpelled is longer than a group takes to expel a member that does not answer, and to
// elect another primary: 5 s until it is suspected, and 5 s more (member_expel_timeout).
const untilExpelled = 20 * time.Second

// ofGroups is the matrix of MysqlGroupReplication. There is no failover in it: electing
// another primary is the group's own affair, and happens at rest as well.
var ofGroups = matrix{
	kind: "MysqlGroupReplication", situations: []situation{atRest, plannedInGroup},
	troubles: []trouble{
		{name: "mysqld of the primary killed", late: true, lasts: untilExpelled, inject: killWriter},
		{name: "mysqld of the primary hangs (SIGSTOP)", lasts: untilExpelled, inject: freezeWriter},
		{name: "primary cut off from the operator", inject: cutFromOperator},
		{name: "primary cut off from the other members", lasts: untilExpelled, short: []situation{atRest}, inject: cutFromOthers},
		{name: "primary cut off from its clients", inject: cutFromClients},
		{name: "primary's disk full", lasts: 20 * time.Second, needs: limitedDisks, inject: fillDiskOfWriter},
		{name: "candidate does not apply", inject: blockCandidate},
		{name: "API server hangs for 30 s", lasts: 30 * time.Second, late: true, everywhere: true, inject: hangAPIServer},
		{name: "DNS gives the candidate's name the primary's address", lasts: 15 * time.Second, everywhere: true, inject: misdirectCandidate},
		{name: "quorum lost: the primary and another one killed", inject: func(ctx SpecContext, s stage, c cast) func(context.Context) error {
			return kill(ctx, s, c.writer, c.other)
		}},
		{name: "quorum lost: both secondaries killed", inject: func(ctx SpecContext, s stage, c cast) func(context.Context) error {
			return kill(ctx, s, c.candidate, c.other)
		}},
	},
}

var _ = Describe("A fault of a group", Label(inMatrix, onNode), func() { ofGroups.cells(onGroup(ring), ordinary) })

var _ = Describe("A fault of a group, with disks of a limited size", Label(inMatrix, onNode), func() { ofGroups.cells(onGroup(ringOnLimitedDisks), limitedDisks) })

// kill some servers, as close to one another as can be.
func kill(ctx SpecContext, s stage, pods ...string) func(context.Context) error {
	GinkgoHelper()
	for _, pod := range pods {
		Expect(s.servers().Kill(ctx, pod)).To(Succeed())
	}
	return nothingToMend
}

// blockCandidate keeps a member from applying what the group has ordered: its applier waits
// for a lock on the table that clients write to.
func blockCandidate(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	address, err := s.servers().Address(ctx, c.candidate)
	Expect(err).NotTo(HaveOccurred())
	session, err := kit.OpenSession(ctx, address, mysqlOf(s).Admin())
	Expect(err).NotTo(HaveOccurred())
	mend := func(context.Context) error {
		session.Close()
		return nil
	}
	Expect(session.Exec(ctx, "LOCK TABLES "+load.Table+" READ")).To(Succeed())
	return mend
}

func (s *groupScene) servers() *kit.Pods { return s.Pods }
func (s *groupScene) clients() *load.Run { return s.run }

func (s *groupScene) cast(ctx SpecContext) cast {
	GinkgoHelper()
	others := s.others(ctx)
	return cast{writer: s.primary(ctx), candidate: others[0], other: others[1]}
}

func (s *groupScene) want(ctx SpecContext, to string) {
	GinkgoHelper()
	_, err := s.Edit(ctx, kit.WantPrimary(to))
	Expect(err).NotTo(HaveOccurred())
}

// soFar: a wish that cannot be fulfilled stands until it can, so nothing is ever refused.
func (s *groupScene) soFar(ctx context.Context, to string) (string, error) {
	r, err := s.Get(ctx)
	if err != nil {
		return "", err
	}
	if r.Status.ObservedGeneration == r.Generation && r.Status.Primary == to {
		return finished, nil
	}
	return waits, nil
}

func (s *groupScene) endsWell(ctx SpecContext, c cast, wanted bool, how string) string {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		r, err := s.Get(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(kit.GroupReadyAsWanted(r)).To(Succeed())
		for _, node := range r.Status.Topology {
			g.Expect(node.Ready).To(BeTrue(), kit.DescribeGroup(r))
		}
	}).Should(Succeed())
	switch {
	case wanted && how != finished:
		return afterIt + finished
	case !wanted && s.primary(ctx) != c.writer:
		return "the group elects another"
	}
	return how
}

// judgeTurns: the group may have elected another one before the wanted one, but nobody comes
// back who was followed by somebody else.
func (s *groupScene) judgeTurns(ctx SpecContext, _ cast, turns []load.Turn) {
	GinkgoHelper()
	nobodyReturns(turns)
	Expect(turns[len(turns)-1].Server).To(Equal(s.value(ctx, s.primary(ctx), "SELECT @@server_uuid")), "who takes writes is not who should:\n%s", load.DescribeTurns(turns))
}
