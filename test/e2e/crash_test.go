// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"math/rand/v2"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/test/e2e/kit"
)

// When the next operator takes over: at once, and then it resumes; or when the
// dead one's lease has run out, which is about when a switchover is overdue.
const (
	soon = "taken over soon"
	late = "taken over late"
)

var _ = Describe("An operator that dies", func() {
	s := onSet(semiSync)

	// Each point of a switchover at which a process can end. "persisted" is after
	// the record is written, "acted" between a step's actions and its labels.
	DescribeTable("during a switchover leaves it to the next one to finish or to undo", Label(withFaults),
		func(ctx SpecContext, fault kit.Fault, takeover string) {
			Expect(suite.operator.Deploy(ctx, fault)).To(Succeed())
			to := s.others(ctx)[0]
			s.edit(ctx, kit.ExchangeSource(to))
			Eventually(ctx, suite.operator.Restarts).WithContext(ctx).Should(BeNumerically(">", 0), "the fault point was never reached")
			if takeover == soon {
				Expect(suite.operator.ReleaseLease(ctx)).To(Succeed())
			}
			if s.settled(ctx) {
				GinkgoWriter.Println("it was undone")
			}
			s.served(ctx)
			expectRouted(ctx, s, s.source(ctx), s.others(ctx)...)
		},
		Entry(nil, kit.Fault("after:drain"), soon),
		Entry(nil, kit.Fault("persisted:catch-up"), soon),
		Entry(nil, kit.Fault("before:fence"), soon),
		Entry(nil, kit.Fault("after:fence"), soon),
		Entry(nil, kit.Fault("after:fence"), late),
		Entry(nil, kit.Fault("after:promote"), soon),
		Entry(nil, kit.Fault("after:route"), soon),
	)

	It("at any moment leaves the set in order", func(ctx SpecContext) {
		// Without time to end, and asked to end as every rollout does.
		for _, grace := range []time.Duration{0, 30 * time.Second} {
			to := s.others(ctx)[0]
			s.edit(ctx, kit.ExchangeSource(to))
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Millisecond)
			Expect(suite.operator.Kill(ctx, grace)).To(Succeed())
			Expect(suite.operator.WaitReady(ctx)).To(Succeed())
			s.settled(ctx)
			s.served(ctx)
		}
		expectRouted(ctx, s, s.source(ctx), s.others(ctx)...)
	})
})
