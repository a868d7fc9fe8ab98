// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

var _ = Describe("A second resource over the same pods", Serial, func() {
	s := onSet(semiSync)

	It("does nothing when it slipped past admission, not even to a restarted operator's eyes", func(ctx SpecContext) {
		source, replicas := s.source(ctx), s.others(ctx)
		twin := s.Resource(semiSync.mode, replicas[0], source, replicas[1])
		twin.Name = "twin"
		before := picture(ctx, s)
		DeferCleanup(func(ctx SpecContext) { _ = suite.cluster.Client.Delete(ctx, twin) })
		// Admission fails open while there is nobody to ask.
		Expect(kit.Wait(ctx, settleTimeout, func(ctx context.Context) error {
			if err := suite.operator.Kill(ctx, killed); err != nil {
				return err
			}
			return suite.cluster.Client.Create(ctx, twin.DeepCopy())
		})).To(Succeed())
		Expect(suite.operator.ReleaseLease(ctx)).To(Succeed())

		claimed := func(g Gomega, ctx context.Context) {
			r := &v1alpha1.MysqlReplication{}
			g.Expect(suite.cluster.Client.Get(ctx, client.ObjectKeyFromObject(twin), r)).To(Succeed())
			ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
			g.Expect(ready).NotTo(BeNil())
			g.Expect(ready.Status).To(Equal(metav1.ConditionFalse))
			g.Expect(ready.Reason).To(Equal("PodClaimed"))
			g.Expect(ready.Message).To(ContainSubstring(s.Name))
			g.Expect(picture(ctx, s)).To(Equal(before))
		}
		Eventually(ctx, claimed).Should(Succeed())
		Consistently(ctx, claimed).Should(Succeed())
		Expect(suite.operator.WaitReady(ctx)).To(Succeed())
		s.ready(ctx)
		expectRouted(ctx, s, source, replicas...)
		s.served(ctx)
		Expect(suite.cluster.Client.Delete(ctx, twin)).To(Succeed())
	})
})
