// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package olm

import (
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

var _ = Describe("A Subscription", func() {
	It("installs an operator that admits, replicates and switches over, and removing it disturbs nobody", func(ctx SpecContext) {
		install(ctx)
		set := newSet(ctx, newNamespace(ctx), 2)

		By("replication")
		manage(ctx, set, v1alpha1.MysqlAsync, kit.PodName(0), kit.PodName(1))
		run := write(ctx, set)

		By("the webhook, with the certificate that OLM has made: no second resource over the same pods")
		second := set.Resource(v1alpha1.MysqlAsync, kit.PodName(0), kit.PodName(1))
		second.Name = "second"
		Eventually(ctx, func() error { return set.Cluster.Client.Create(ctx, second.DeepCopy(), client.DryRunAll) }).
			Should(MatchError(ContainSubstring("admission webhook")))

		By("a switchover")
		_, err := set.Edit(ctx, kit.ExchangeSource(kit.PodName(1)))
		Expect(err).NotTo(HaveOccurred())
		Expect(set.WaitReady(ctx, settleTimeout)).To(Succeed())
		Expect(kit.WaitWrites(ctx, run, 50, settleTimeout)).To(Succeed())
		check(ctx, set, run)

		By("removing the Subscription and the release")
		Expect(set.WaitRouted(ctx, settleTimeout)).To(Succeed())
		run = write(ctx, set)
		before, err := set.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		uninstall(ctx)
		Expect(kit.WaitWrites(ctx, run, 200, settleTimeout)).To(Succeed())
		after, err := set.Get(ctx)
		Expect(err).NotTo(HaveOccurred(), "the resource is gone")
		Expect(after.Spec).To(Equal(before.Spec))
		for service, pod := range map[string]string{set.ReadWriteService(): kit.PodName(1), set.ReadOnlyService(): kit.PodName(0)} {
			Eventually(ctx, func() ([]string, error) { return set.Routed(ctx, service) }).Should(Equal([]string{pod}))
		}
		checkUndisturbed(ctx, set, run)
	})
})

// An install mode is a promise: what is in the watched namespaces is looked after,
// and nothing else is touched.
var _ = Describe("The install mode", func() {
	DescribeTable("is kept", func(ctx SpecContext, watched, others int, own bool) {
		var namespaces []string
		for range watched + others {
			namespaces = append(namespaces, newNamespace(ctx))
		}
		targets := slices.Clone(namespaces[:watched])
		if own {
			namespaces = append(namespaces, suite.cluster.Settings.OperatorNamespace)
			targets = append(targets, suite.cluster.Settings.OperatorNamespace)
		}
		sets := newSets(ctx, 1, namespaces...)
		outside := sets[watched : watched+others]
		inside := append(slices.Clone(sets[:watched]), sets[watched+others:]...)
		if own {
			DeferCleanup(func(ctx SpecContext) { Expect(inside[len(inside)-1].Delete(ctx)).To(Succeed()) })
		}
		install(ctx, targets...)
		for _, set := range outside {
			Expect(set.Create(ctx, set.Resource(v1alpha1.MysqlAsync, kit.PodName(0)))).To(Succeed())
		}
		for _, set := range inside {
			manage(ctx, set, v1alpha1.MysqlAsync, kit.PodName(0))
			// Endpoints follow the labels a moment later.
			Eventually(ctx, func() ([]string, error) { return set.Routed(ctx, set.ReadWriteService()) }).Should(Equal([]string{kit.PodName(0)}))
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
