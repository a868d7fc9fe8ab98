// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package olm

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

var _ = Describe("A Subscription", func() {
	It("installs an operator that admits, replicates and switches over, and removing it disturbs nobody", func(ctx SpecContext) {
		install(ctx)
		set := newSet(ctx, newNamespace(ctx), 2)

		By("the webhook, with the certificate that OLM has made")
		bad := set.Resource(v1alpha1.MysqlAsync, kit.PodName(0), kit.PodName(1))
		bad.Annotations = map[string]string{v1alpha1.AnnotationForcePromote: "nobody"}
		Eventually(ctx, func() error { return set.Cluster.Client.Create(ctx, bad.DeepCopy()) }).Should(MatchError(ContainSubstring("admission webhook")))

		By("replication and a switchover")
		manage(ctx, set, v1alpha1.MysqlAsync, kit.PodName(0), kit.PodName(1))
		run := write(ctx, set)
		_, err := set.Edit(ctx, kit.ExchangeSource(kit.PodName(1)))
		Expect(err).NotTo(HaveOccurred())
		Expect(set.WaitReady(ctx, settleTimeout)).To(Succeed())
		Expect(kit.WaitWrites(ctx, run, 50, settleTimeout)).To(Succeed())
		verdict, err := set.CheckTraffic(ctx, stop(run))
		Expect(err).NotTo(HaveOccurred())
		Expect(verdict.OK()).To(BeTrue(), "%s", verdict)

		By("removing the Subscription and the release")
		run = write(ctx, set)
		before, err := set.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		uninstall(ctx)
		Expect(kit.WaitWrites(ctx, run, 200, settleTimeout)).To(Succeed())
		after, err := set.Get(ctx)
		Expect(err).NotTo(HaveOccurred(), "the resource is gone")
		Expect(after.Spec).To(Equal(before.Spec))
		Expect(set.Routed(ctx, set.ReadWriteService())).To(Equal([]string{kit.PodName(1)}))
		Expect(set.Routed(ctx, set.ReadOnlyService())).To(Equal([]string{kit.PodName(0)}))
		check(ctx, set, run)
	})
})

// An install mode is a promise: what is in the watched namespaces is looked after,
// and nothing else is touched.
var _ = Describe("The install mode", func() {
	DescribeTable("is kept", func(ctx SpecContext, watched, others int, own bool) {
		var inside, outside []*kit.Set
		var targets []string
		if own {
			targets = append(targets, suite.cluster.Settings.OperatorNamespace)
		}
		for range watched {
			set := newSet(ctx, newNamespace(ctx), 1)
			inside, targets = append(inside, set), append(targets, set.Namespace)
		}
		for range others {
			outside = append(outside, newSet(ctx, newNamespace(ctx), 1))
		}
		if own {
			set := newSet(ctx, suite.cluster.Settings.OperatorNamespace, 1)
			DeferCleanup(func(ctx SpecContext) { Expect(set.Delete(ctx)).To(Succeed()) })
			inside = append(inside, set)
		}
		install(ctx, targets...)
		for _, set := range outside {
			Expect(set.Create(ctx, set.Resource(v1alpha1.MysqlAsync, kit.PodName(0)))).To(Succeed())
		}
		for _, set := range inside {
			manage(ctx, set, v1alpha1.MysqlAsync, kit.PodName(0))
			Expect(set.Routed(ctx, set.ReadWriteService())).To(Equal([]string{kit.PodName(0)}))
		}
		for _, set := range outside {
			Consistently(ctx, func(g Gomega) {
				r, err := set.Get(ctx)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(r.Status.Conditions).To(BeEmpty(), "%s is not watched, and its resource has a status", set.Namespace)
				g.Expect(set.ManagedLabels(ctx, kit.PodName(0))).To(BeEmpty())
			}).Should(Succeed())
		}
	},
		Entry("OwnNamespace", 0, 1, true),
		Entry("SingleNamespace", 1, 1, false),
		Entry("MultiNamespace", 2, 1, false),
	)
})
