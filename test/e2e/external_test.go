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

// outside is the name that the last pod's server has in the spec as an external node.
const outside = "outside"

// A server that is named by its address only. It runs in a pod, of which the operator
// is not told.
var _ = Describe("An external node", func() {
	s := onOwnSet(func(ctx SpecContext) (*kit.Set, error) {
		theOperator(ctx)
		set := newSet(ctx, kit.SetOptions{})
		pod, err := set.Pod(ctx, pods[2])
		if err != nil {
			return set, err
		}
		r := set.Resource(v1alpha1.MysqlSemiSync, pods[0], pods[1], pods[2])
		r.Spec.Replica[1].Node = v1alpha1.Node{Name: outside, Host: pod.Status.PodIP, Port: r.Spec.Source.Port, External: true}
		if err := set.Create(ctx, r); err != nil {
			return set, err
		}
		return set, set.WaitReady(ctx, settleTimeout)
	})

	It("serves readers, becomes the source and gives that back under load", func(ctx SpecContext) {
		expectLed(ctx, s, pods[0], pods[1], outside)
		s.write(ctx)
		for range rounds(3) {
			for _, to := range []string{outside, pods[0]} {
				s.edit(ctx, kit.ExchangeSource(to))
				s.ready(ctx)
				s.served(ctx)
				Expect(s.source(ctx)).To(Equal(to))
			}
		}
		expectLed(ctx, s, pods[0], pods[1], outside)
		// The pod that the server runs in was never touched.
		labels, err := s.ManagedLabels(ctx, pods[2])
		Expect(err).NotTo(HaveOccurred())
		Expect(labels).To(BeEmpty())
	})

	It("takes its EndpointSlices with it when it leaves the spec", func(ctx SpecContext) {
		expectLed(ctx, s, pods[0], pods[1], outside)
		s.edit(ctx, func(r *v1alpha1.MysqlReplication) { r.Spec.Replica = r.Spec.Replica[:1] })
		s.ready(ctx)
		expectLed(ctx, s, pods[0], pods[1])
	})
})

// expectLed waits until the Services lead to these nodes and no others.
func expectLed(ctx SpecContext, s *scene, source string, replicas ...string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		behind, err := s.Routed(ctx, s.ReadWriteService())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(behind).To(Equal([]string{source}), s.ReadWriteService())
		behind, err = s.Routed(ctx, s.ReadOnlyService())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(behind).To(ConsistOf(replicas), s.ReadOnlyService())
	}).Should(Succeed())
}
