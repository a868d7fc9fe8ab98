// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package olm

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// world is what an upgrade must leave as it is.
type world struct {
	UIDs, Labels map[string]string
	Services     map[string]string
	Routed       map[string][]string
	Source       string
	Spec         v1alpha1.MysqlReplicationSpec
}

func see(ctx SpecContext, set *kit.Set, pods ...string) world {
	GinkgoHelper()
	w := world{UIDs: map[string]string{}, Labels: map[string]string{}, Services: map[string]string{}, Routed: map[string][]string{}}
	for _, name := range pods {
		pod, err := set.Pod(ctx, name)
		Expect(err).NotTo(HaveOccurred())
		w.UIDs[name] = string(pod.UID)
		w.Labels[name], err = set.ManagedLabels(ctx, name)
		Expect(err).NotTo(HaveOccurred())
	}
	for _, name := range []string{set.ReadWriteService(), set.ReadOnlyService()} {
		var err error
		w.Services[name], err = set.ServiceAddress(ctx, name)
		Expect(err).NotTo(HaveOccurred())
		w.Routed[name], err = set.Routed(ctx, name)
		Expect(err).NotTo(HaveOccurred())
	}
	r, err := set.Get(ctx)
	Expect(err).NotTo(HaveOccurred())
	w.Source, w.Spec = r.Status.Source, r.Spec
	return w
}

var _ = Describe("An upgrade", func() {
	pods := []string{kit.PodName(0), kit.PodName(1), kit.PodName(2)}

	// previous installs the release before, with a set that clients write to.
	previous := func(ctx SpecContext, manual bool) (*kit.Package, *kit.Set, *load.Run) {
		GinkgoHelper()
		p := subscribe(ctx, kit.SubscribeOptions{CatalogImage: suite.cluster.Settings.PreviousCatalogImage, Manual: manual})
		if manual {
			approve(ctx, p, suite.previous)
		}
		_, err := p.WaitInstalled(ctx, suite.previous)
		Expect(err).NotTo(HaveOccurred())
		set := newSet(ctx, newNamespace(ctx), len(pods))
		manage(ctx, set, v1alpha1.MysqlSemiSync, pods[0], pods[1:]...)
		return p, set, write(ctx, set)
	}

	It("comes with the catalog, and nobody notices", func(ctx SpecContext) {
		p, set, run := previous(ctx, false)
		before := see(ctx, set, pods...)
		leaders := suite.cluster.WatchLeaders(ctx)

		Expect(p.Publish(ctx, suite.cluster.Settings.CatalogImage)).To(Succeed())
		_, err := p.WaitInstalled(ctx, suite.head)
		Expect(err).NotTo(HaveOccurred())
		gap, err := leaders.HandOver(ctx)
		Expect(err).NotTo(HaveOccurred())
		AddReportEntry(fmt.Sprintf("nobody led for %d ms", gap.Milliseconds()))

		Expect(kit.WaitWrites(ctx, run, 100, settleTimeout)).To(Succeed())
		Expect(set.WaitReady(ctx, settleTimeout)).To(Succeed())
		Expect(see(ctx, set, pods...)).To(Equal(before))
		checkUndisturbed(ctx, set, run)

		By("the new release works")
		_, err = set.Edit(ctx, kit.ExchangeSource(pods[1]))
		Expect(err).NotTo(HaveOccurred())
		Expect(set.WaitReady(ctx, settleTimeout)).To(Succeed())
	})

	It("waits for a person's approval, and for a switchover in flight to end", func(ctx SpecContext) {
		p, set, run := previous(ctx, true)
		Expect(p.Publish(ctx, suite.cluster.Settings.CatalogImage)).To(Succeed())
		plan := pendingPlan(ctx, p, suite.head)
		Consistently(ctx, func() (string, error) { phase, _, err := p.Phase(ctx, suite.head); return phase, err }).
			Should(BeEmpty(), "it was not approved")

		By("a switchover that takes its time: the candidate applies with a delay")
		Expect(set.Exec(ctx, pods[1], "STOP REPLICA SQL_THREAD", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 6", "START REPLICA SQL_THREAD")).To(Succeed())
		_, err := set.Edit(ctx, kit.ExchangeSource(pods[1]))
		Expect(err).NotTo(HaveOccurred())
		upgradeable := func() (metav1.ConditionStatus, error) {
			c, err := p.Upgradeable(ctx, suite.previous)
			if err != nil || c == nil {
				return "", err
			}
			return c.Status, nil
		}
		Eventually(ctx, upgradeable).Should(Equal(metav1.ConditionFalse))
		Expect(p.Approve(ctx, plan)).To(Succeed())
		var held string
		Eventually(ctx, func(g Gomega) {
			phase, message, err := p.Phase(ctx, suite.head)
			g.Expect(err).NotTo(HaveOccurred())
			held = message
			g.Expect(phase).To(Equal("Pending"))
			g.Expect(message).To(ContainSubstring("not upgradeable"))
		}).Should(Succeed())
		GinkgoWriter.Println("OLM says:", held)

		By("it ends, and the upgrade goes on")
		Eventually(ctx, upgradeable).Should(Equal(metav1.ConditionTrue))
		_, err = p.WaitInstalled(ctx, suite.head)
		Expect(err).NotTo(HaveOccurred())
		Expect(kit.WaitWrites(ctx, run, 100, settleTimeout)).To(Succeed())
		check(ctx, set, run)
	})
})

func pendingPlan(ctx SpecContext, p *kit.Package, csv string) string {
	GinkgoHelper()
	var plan string
	Eventually(ctx, func() (err error) { plan, err = p.PendingPlan(ctx, csv); return err }).Should(Succeed())
	return plan
}

func approve(ctx SpecContext, p *kit.Package, csv string) {
	GinkgoHelper()
	Expect(p.Approve(ctx, pendingPlan(ctx, p, csv))).To(Succeed())
}
