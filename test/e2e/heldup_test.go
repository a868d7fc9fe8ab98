// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

// A table lock of a session that the operator may not end holds up the fence for as
// long as a spec likes: what is cancelled or killed then is in the middle of it, on
// every machine, and cannot be finished.
var _ = Describe("A fence that is held up", func() {
	s := onSet(least)
	var from, to string
	var release func()

	BeforeEach(func(ctx SpecContext) {
		from, to = s.source(ctx), s.others(ctx)[0]
		s.exec(ctx, from, "CREATE TABLE IF NOT EXISTS compose_load.held (id INT PRIMARY KEY)")
		address, err := s.Address(ctx, from)
		Expect(err).NotTo(HaveOccurred())
		session, err := kit.OpenSession(ctx, address, s.Admin())
		Expect(err).NotTo(HaveOccurred())
		release = session.Close
		DeferCleanup(session.Close)
		Expect(session.Exec(ctx, "LOCK TABLES compose_load.held WRITE")).To(Succeed())
	})

	// comesTo asks for the switchover and waits for a phase; for Switching, until the
	// fence waits on the server.
	comesTo := func(ctx SpecContext, phase v1alpha1.SwitchoverPhase) {
		GinkgoHelper()
		Expect(s.EditUntil(ctx, kit.ExchangeSource(to), phase, settleTimeout)).To(Succeed())
		if phase != v1alpha1.SwitchoverSwitching {
			return
		}
		Eventually(ctx, func(ctx context.Context) (string, error) {
			return s.Query(ctx, from, "SELECT COUNT(*) FROM performance_schema.processlist WHERE INFO LIKE 'SET %super_read_only=ON%'")
		}).ShouldNot(Equal("0"), "the fence waits for the lock")
	}

	// free expects that nothing of a fence is left, for now and for the next start.
	free := func(g Gomega, ctx context.Context) {
		for query, want := range map[string]string{
			"SELECT CONCAT(@@read_only, @@super_read_only)": "00",
			"SELECT COUNT(*) FROM performance_schema.persisted_variables WHERE VARIABLE_NAME IN ('read_only', 'super_read_only') AND VARIABLE_VALUE IN ('ON', '1')": "0",
		} {
			got, err := s.Query(ctx, from, query)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(want), query)
		}
	}

	// stays expects the old source in its place, with clients served, and the record
	// of an earlier switchover untouched.
	stays := func(ctx SpecContext, last *v1alpha1.LastSwitchover) {
		GinkgoHelper()
		Eventually(ctx, free).Should(Succeed())
		s.served(ctx)
		expectRouted(ctx, s, from, slices.DeleteFunc(slices.Clone(pods), func(pod string) bool { return pod == from })...)
		r, err := s.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Status.Source).To(Equal(from))
		Expect(r.Status.LastSwitchover).To(Equal(last), "nobody was promoted")
	}

	lastSwitchover := func(ctx SpecContext) *v1alpha1.LastSwitchover {
		GinkgoHelper()
		r, err := s.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		return r.Status.LastSwitchover
	}

	DescribeTable("is cancelled by putting the source back in the spec",
		func(ctx SpecContext, phase v1alpha1.SwitchoverPhase, reason string) {
			last, before := lastSwitchover(ctx), s.told(ctx, reason)
			comesTo(ctx, phase)
			s.edit(ctx, kit.ExchangeSource(from))
			Eventually(ctx, func(g Gomega, ctx context.Context) {
				r, err := s.Get(ctx)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(r.Status.Switchover).To(BeNil(), kit.Describe(r))
			}).Should(Succeed())
			Eventually(ctx, func() int { return s.told(ctx, reason) }).Should(Equal(before+1), reason)
			stays(ctx, last)
			s.ready(ctx)
		},
		Entry(nil, v1alpha1.SwitchoverPreparing, "SwitchoverCancelled"),
		Entry(nil, v1alpha1.SwitchoverSwitching, "SwitchoverUndone"),
	)

	It("is undone within its deadline", func(ctx SpecContext) {
		last := lastSwitchover(ctx)
		s.edit(ctx, kit.ExchangeSource(to))
		s.reaches(ctx, to, undone)
		stays(ctx, last)
	})

	DescribeTable("is undone by the next operator", Serial,
		func(ctx SpecContext, grace time.Duration) {
			last := lastSwitchover(ctx)
			comesTo(ctx, v1alpha1.SwitchoverSwitching)
			Expect(suite.operator.Kill(ctx, grace)).To(Succeed())
			if grace == killed {
				Expect(suite.operator.ReleaseLease(ctx)).To(Succeed())
			}
			s.reaches(ctx, to, undone)
			Expect(suite.operator.WaitReady(ctx)).To(Succeed())
			stays(ctx, last)
		},
		Entry(nil, killed),
		Entry(nil, terminated),
	)

	DescribeTable("is undone before its resource goes",
		func(ctx SpecContext, phase v1alpha1.SwitchoverPhase) {
			replicas := s.others(ctx)
			// The Services' addresses go with the resource.
			s.stopWriting(ctx)
			comesTo(ctx, phase)
			r, err := s.Get(ctx)
			Expect(err).NotTo(HaveOccurred())
			Expect(suite.cluster.Client.Delete(ctx, r)).To(Succeed())
			Eventually(ctx, func(ctx context.Context) bool {
				_, err := s.Get(ctx)
				return apierrors.IsNotFound(err)
			}).Should(BeTrue(), "the resource is gone")
			Expect(s.told(ctx, "ChangeAbandoned")).To(BeZero())
			free(Default, ctx)
			for _, pod := range pods {
				labels, err := s.ManagedLabels(ctx, pod)
				Expect(err).NotTo(HaveOccurred())
				Expect(labels).To(BeEmpty(), pod)
			}

			By("making it again over the set that replicates")
			release()
			Expect(s.Create(ctx, s.Resource(least.mode, from, replicas...))).To(Succeed())
			s.ready(ctx)
			s.write(ctx)
		},
		Entry(nil, v1alpha1.SwitchoverPreparing),
		Entry(nil, v1alpha1.SwitchoverSwitching),
	)
})
