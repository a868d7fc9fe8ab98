// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

var _ = Describe("A PostgresReplication", Label(postgresSpecs), func() {
	s := onPostgres(ledger)

	It("attaches standbys that were filled by a base backup, and switches over there and back without losing a write", func(ctx SpecContext) {
		primary, standbys := present(s.source(ctx), postgresPods)
		s.routed(ctx, primary, standbys...)
		for range rounds(1) {
			for _, to := range []string{standbys[0], primary} {
				s.switchOver(ctx, to)
			}
		}
		s.routed(ctx, primary, standbys...)
		s.quiet(ctx)
	})

	It("isolates a standby and takes it back", func(ctx SpecContext) {
		primary, standbys := present(s.source(ctx), postgresPods)
		s.edit(ctx, func(r *v1alpha1.PostgresReplication) { r.Spec.Standby[0].Isolated = true })
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		s.routed(ctx, primary, standbys[1])
		s.served(ctx)
		s.edit(ctx, func(r *v1alpha1.PostgresReplication) { r.Spec.Standby[0].Isolated = false })
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		s.routed(ctx, primary, standbys...)
	})

	It("leaves replication and data as they are when it is deleted", func(ctx SpecContext) {
		primary, standbys := present(s.source(ctx), postgresPods)
		s.stopWriting(ctx)
		s.spent = true
		r, err := s.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(suite.cluster.Client.Delete(ctx, r)).To(Succeed())
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			for _, pod := range postgresPods {
				labels, err := s.ManagedLabels(ctx, pod)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(labels).To(BeEmpty(), pod)
			}
			err := suite.cluster.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: s.ReadWriteService()}, &corev1.Service{})
			g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "the Service: %v", err)
		}).Should(Succeed())
		Consistently(ctx, func(g Gomega, ctx context.Context) {
			streaming, err := s.Query(ctx, primary, "SELECT count(*)::text FROM pg_stat_replication WHERE state = 'streaming'")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(streaming).To(Equal("2"))
			for _, pod := range standbys {
				recovers, err := s.Query(ctx, pod, "SELECT pg_is_in_recovery()::text")
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(recovers).To(Equal("true"), pod)
			}
		}).Should(Succeed())
	})
})

// The primary is the last pod of the StatefulSet, so that scaling it down takes the primary
// away for as long as the spec likes.
var _ = Describe("A PostgresReplication whose commits wait for a standby", Label(postgresSpecs, onNode), func() {
	s := onPostgres(syncLedger)

	It("is failed over from a primary that was killed, by an edit and not before, and loses nothing", func(ctx SpecContext) {
		candidate, other, old := postgresPods[0], postgresPods[1], postgresPods[2]
		s.spent = true
		s.switchOver(ctx, old)
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.Status.Synchronous).To(Equal(v1alpha1.PostgresSyncActive), kit.DescribePostgres(r))
			g.Expect(r.Status.SynchronousStandbys).To(ConsistOf(candidate, other))
		}).Should(Succeed())
		s.served(ctx)
		Expect(s.Kill(ctx, old)).To(Succeed())
		Expect(s.Scale(ctx, 2)).To(Succeed())

		By("waiting for nothing to happen")
		Consistently(ctx, func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.Status.Primary).To(Equal(old), kit.DescribePostgres(r))
			for _, pod := range []string{candidate, other} {
				recovers, err := s.Query(ctx, pod, "SELECT pg_is_in_recovery()::text")
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(recovers).To(Equal("true"), pod)
			}
		}).Should(Succeed())

		By("asking for another primary")
		s.edit(ctx, kit.ExchangePrimary(candidate))
		s.failedOver(ctx, candidate)
		s.routed(ctx, candidate, other)
		s.served(ctx)

		By("letting the old primary come back: nobody is led to it")
		Expect(s.Scale(ctx, 3)).To(Succeed())
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			node := r.Status.Topology[old]
			g.Expect(node).NotTo(BeNil())
			g.Expect(node.Status).To(Equal(v1alpha1.NodeHealthy), kit.DescribePostgres(r))
			g.Expect(node.Ready || node.Message != "").To(BeTrue(), kit.DescribePostgres(r))
		}).Should(Succeed())
		behind, err := s.Routed(ctx, s.ReadWriteService())
		Expect(err).NotTo(HaveOccurred())
		Expect(behind).To(Equal([]string{candidate}))
		s.served(ctx)

		// Not as it is at the end of others: the old primary may stay out for ever.
		run := s.run
		s.run = nil
		run.Stop()
		verdict, err := s.CheckTraffic(ctx, run, old)
		Expect(err).NotTo(HaveOccurred())
		if len(verdict.Lost) > 0 {
			noteLoss(verdict.String())
		}
		Expect(verdict.OK()).To(BeTrue(), verdict.String())
		s.quiet(ctx)
	})
})
