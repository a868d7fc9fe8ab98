// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

// The source is the last pod of the StatefulSet, so that scaling it down takes
// the source away for as long as the spec likes.
func failoverSet(mode v1alpha1.MysqlReplicationMode) func(SpecContext) (*kit.Set, error) {
	return func(ctx SpecContext) (*kit.Set, error) {
		theOperator(ctx)
		set := newSet(ctx, kit.SetOptions{})
		if err := set.Create(ctx, set.Resource(mode, pods[2], pods[0], pods[1])); err != nil {
			return set, err
		}
		return set, set.WaitReady(ctx, settleTimeout)
	}
}

var _ = Describe("A source that is gone, semi-synchronous", func() {
	s := onOwnSet(failoverSet(v1alpha1.MysqlSemiSync))

	It("is replaced when the spec says so and not before, and comes back as a replica at most", func(ctx SpecContext) {
		s.write(ctx)
		Expect(s.Scale(ctx, 2)).To(Succeed())

		By("waiting for nothing to happen")
		Consistently(ctx, func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.Status.Source).To(Equal(pods[2]))
			for _, pod := range pods[:2] {
				readOnly, err := s.Query(ctx, pod, "SELECT @@super_read_only")
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(readOnly).To(Equal("1"), pod)
			}
		}).Should(Succeed())

		By("asking for another source")
		s.edit(ctx, kit.ExchangeSource(pods[0]))
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.Status.Source).To(Equal(pods[0]), kit.Describe(r))
			g.Expect(r.Status.LastSwitchover).NotTo(BeNil())
			g.Expect(r.Status.LastSwitchover.Failover).To(BeTrue())
		}).Should(Succeed())
		expectRouted(ctx, s, pods[0], pods[1])
		s.served(ctx)

		By("letting the old source come back with its data")
		Expect(s.Scale(ctx, 3)).To(Succeed())
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			readOnly, err := s.Query(ctx, pods[2], "SELECT @@super_read_only")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(readOnly).To(Equal("1"), "the old source is fenced")
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			old := r.Status.Topology[pods[2]]
			g.Expect(old).NotTo(BeNil())
			// Commits that never were acknowledged may be on it. Then it stays out and says so.
			g.Expect(old.Ready || old.ErrantCount > 0).To(BeTrue(), kit.Describe(r))
			if !old.Ready {
				s.broken = []string{pods[2]}
			}
		}).Should(Succeed())
		behind, err := s.Routed(ctx, s.ReadWriteService())
		Expect(err).NotTo(HaveOccurred())
		Expect(behind).To(Equal([]string{pods[0]}))
		s.served(ctx)
	})
})

var _ = Describe("A source that is gone, with a candidate that lacks transactions", func() {
	s := onOwnSet(failoverSet(v1alpha1.MysqlAsync))

	It("is replaced by the better replica, or by force", func(ctx SpecContext) {
		behind, ahead, old := pods[0], pods[1], pods[2]
		s.write(ctx)
		By("keeping a replica from receiving the last writes")
		s.exec(ctx, old, withoutLog("ALTER USER 'replication'@'%' ACCOUNT LOCK")...)
		s.exec(ctx, behind, "STOP REPLICA IO_THREAD")
		s.served(ctx)
		s.run.Stop()
		s.run = nil // Writes are about to be lost, by the user's own wish.
		executed := s.value(ctx, old, "SELECT @@gtid_executed")
		Eventually(ctx, func(ctx context.Context) (string, error) { return s.Query(ctx, ahead, "SELECT @@gtid_executed") }).Should(Equal(executed))
		Expect(s.Scale(ctx, 2)).To(Succeed())

		By("asking for the one that lacks them")
		s.edit(ctx, kit.ExchangeSource(behind))
		refused := func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.Status.Source).To(Equal(old))
			g.Expect(kit.Describe(r)).To(ContainSubstring("FailoverRefused"))
			g.Expect(kit.Describe(r)).To(ContainSubstring(ahead+" has received"), "the better one is named")
		}
		Eventually(ctx, refused).Should(Succeed())
		Consistently(ctx, refused).Should(Succeed())

		By("forcing it")
		s.edit(ctx, func(r *v1alpha1.MysqlReplication) {
			r.Annotations = map[string]string{v1alpha1.AnnotationForcePromote: behind}
		})
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.Status.Source).To(Equal(behind), kit.Describe(r))
			g.Expect(r.Status.Topology[ahead].ErrantCount).To(BeNumerically(">", 0), "what the other one has more is reported: %s", kit.Describe(r))
		}).Should(Succeed())
		Expect(s.value(ctx, ahead, "SELECT @@super_read_only")).To(Equal("1"))
		expectRouted(ctx, s, behind)
	})
})
