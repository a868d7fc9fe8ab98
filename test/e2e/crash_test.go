// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

// When the next operator takes over: at once, and then it resumes; or when the
// dead one's lease has run out, which is about when a switchover is overdue.
const (
	soon = "taken over soon"
	late = "taken over late"
)

// Where a switchover ends that a process died in. Before the promotion that depends
// on how fast the next one takes over; after it there is no way back.
const (
	either  = "finished or undone"
	forward = "finished"
)

// Grace periods of an operator's pod.
const (
	killed     = time.Duration(0)
	terminated = 30 * time.Second
)

var _ = Describe("An operator that dies", Serial, func() {
	s := onSet(semiSync)

	// Each point of a switchover at which a process can end. "persisted" is after
	// the record is written, "acted" between a step's actions and its labels. What make test has no
	// time for is a part of make fault-matrix.
	DescribeTable("during a switchover leaves it to the next one to finish or to undo", Label(withFaults),
		func(ctx SpecContext, fault kit.Fault, takeover, end string) {
			Expect(suite.operator.Deploy(ctx, fault)).To(Succeed())
			to := s.others(ctx)[0]
			s.edit(ctx, kit.ExchangeSource(to))
			Eventually(ctx, suite.operator.Restarts).WithContext(ctx).Should(BeNumerically(">", 0), "the fault point was never reached")
			if takeover == soon {
				Expect(suite.operator.ReleaseLease(ctx)).To(Succeed())
			}
			switch wasUndone := s.settled(ctx); {
			case wasUndone && end == forward:
				Fail("it was undone after the promotion")
			case wasUndone:
				GinkgoWriter.Println("it was undone")
			default:
				Expect(s.source(ctx)).To(Equal(to))
			}
			s.served(ctx)
			expectRouted(ctx, s, s.source(ctx), s.others(ctx)...)
		},
		Entry(nil, Label(isLong, inMatrix), kit.Fault("after:drain"), soon, either),
		Entry(nil, Label(isLong, inMatrix), kit.Fault("persisted:ahead"), soon, either),
		Entry(nil, kit.Fault("after:ahead"), soon, either),
		Entry(nil, Label(isLong, inMatrix), kit.Fault("before:fence"), soon, either),
		Entry(nil, kit.Fault("after:fence"), soon, either),
		Entry(nil, kit.Fault("after:fence"), late, either),
		Entry(nil, kit.Fault("after:promote"), soon, forward),
		// Between the label of the new source and that of the old one.
		Entry(nil, kit.Fault("routing:readwrite"), soon, forward),
		Entry(nil, kit.Fault("after:route"), soon, forward),
		// Once the record says that it is finished.
		Entry(nil, Label(isLong, inMatrix), kit.Fault("persisted:route"), soon, forward),
	)

	// Without time to end, and asked to end as every rollout does.
	DescribeTable("in a phase leaves the set in order",
		func(ctx SpecContext, phase v1alpha1.SwitchoverPhase, grace time.Duration) {
			to := s.others(ctx)[0]
			Expect(s.EditUntil(ctx, kit.ExchangeSource(to), phase, settleTimeout)).To(Succeed())
			Expect(suite.operator.Kill(ctx, grace)).To(Succeed())
			Expect(suite.operator.WaitReady(ctx)).To(Succeed())
			s.settled(ctx)
			s.served(ctx)
			expectRouted(ctx, s, s.source(ctx), s.others(ctx)...)
		},
		Entry(nil, v1alpha1.SwitchoverPreparing, killed),
		Entry(nil, v1alpha1.SwitchoverPreparing, terminated),
		Entry(nil, v1alpha1.SwitchoverSwitching, killed),
		Entry(nil, v1alpha1.SwitchoverSwitching, terminated),
	)
})
