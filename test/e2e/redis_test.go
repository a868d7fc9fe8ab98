// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

var _ = Describe("A RedisReplication", Label(redisSpecs), func() {
	s := onRedis(sessions)

	It("makes replicas of fresh pods, and switches over there and back without losing a write", func(ctx SpecContext) {
		c := s.cast(ctx)
		s.routed(ctx, c.writer, c.candidate, c.other)
		for i := range rounds(3) {
			for _, to := range []string{c.candidate, c.writer} {
				change, err := s.SwitchOver(ctx, suite.operator, s.run, to, settleTimeout)
				Expect(err).NotTo(HaveOccurred())
				GinkgoWriter.Printf("switchover %d to %s: ready after %d ms, without writes %s\n", i+1, to, change.Ready.Sub(change.Edited).Milliseconds(), change.Outage)
			}
		}
		s.routed(ctx, c.writer, c.candidate, c.other)
	})

	It("takes a pod with another IP back, and the source's too", func(ctx SpecContext) {
		c := s.cast(ctx)
		for _, pod := range []string{c.candidate, c.writer} {
			Expect(s.DeletePod(ctx, pod, 10*time.Second)).To(Succeed())
			Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
			s.routed(ctx, c.writer, c.candidate, c.other)
			s.served(ctx)
		}
	})

	It("isolates a replica and takes it back", func(ctx SpecContext) {
		c := s.cast(ctx)
		s.edit(ctx, func(r *v1alpha1.RedisReplication) { r.Spec.Replica[0].Isolated = true })
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		s.routed(ctx, c.writer, c.other)
		s.served(ctx)
		s.edit(ctx, func(r *v1alpha1.RedisReplication) { r.Spec.Replica[0].Isolated = false })
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		s.routed(ctx, c.writer, c.candidate, c.other)
	})

	It("leads a replica back that somebody has pointed elsewhere, and switches over to it", func(ctx SpecContext) {
		c := s.cast(ctx)
		_, err := s.Do(ctx, c.candidate, "REPLICAOF", "192.0.2.1", "6379")
		Expect(err).NotTo(HaveOccurred())
		Eventually(ctx, func(ctx context.Context) (string, error) { return s.Info(ctx, c.candidate, "replication") }).
			Should(And(ContainSubstring("master_host:"+s.Host(c.writer)), ContainSubstring("master_link_status:up")))
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		_, err = s.SwitchOver(ctx, suite.operator, s.run, c.candidate, settleTimeout)
		Expect(err).NotTo(HaveOccurred())
		s.routed(ctx, c.candidate, c.writer, c.other)
	})

	It("follows a change of the password, and replicates with the new one alone", func(ctx SpecContext) {
		c := s.cast(ctx)
		By("giving every server the new one beside the old one, and then the Secret")
		forget, err := s.Rotate(ctx, redisPods...)
		Expect(err).NotTo(HaveOccurred())
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			for _, pod := range redisPods {
				auth, err := s.Do(ctx, pod, "CONFIG", "GET", "masterauth")
				g.Expect(err).NotTo(HaveOccurred())
				// A failure would print the password.
				pair, is := auth.([]any)
				g.Expect(is && len(pair) == 2 && pair[1] == s.Login().Password).To(BeTrue(), "%s has another masterauth than the Secret", pod)
			}
		}).Should(Succeed())
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		Expect(s.source(ctx)).To(Equal(c.writer))
		s.served(ctx)
		s.stopWriting(ctx)

		By("taking the old one from every server")
		for _, pod := range redisPods {
			Expect(forget(ctx, pod)).To(Succeed())
		}
		s.write(ctx)
		// Links that are up need no password: each replica makes a new one.
		_, err = s.SwitchOver(ctx, suite.operator, s.run, c.candidate, settleTimeout)
		Expect(err).NotTo(HaveOccurred())
		s.routed(ctx, c.candidate, c.writer, c.other)
	})
})

var _ = Describe("A RedisReplication whose source's node is gone", Label(redisSpecs, onNode), func() {
	s := onRedis(sessions)

	It("is failed over by an edit, and loses nothing that the new source has acknowledged", func(ctx SpecContext) {
		c := s.cast(ctx)
		old := s.process(ctx, c.writer)
		Expect(s.Freeze(ctx, c.writer)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { _ = s.Thaw(ctx, c.writer) })
		// What it had acknowledged and nobody had received is lost; how much that is, the verdict says.
		s.replaced = []string{old}
		s.edit(ctx, kit.ExchangeRedisSource(c.candidate))
		s.failedOver(ctx, c.candidate)
		s.served(ctx)

		By("letting the old source go on: it takes no client's write")
		Expect(s.Thaw(ctx, c.writer)).To(Succeed())
		if s.takeBack(ctx, c.writer) {
			GinkgoWriter.Println("the old source held more, and stayed out until that was given up")
		}
		s.routed(ctx, c.candidate, c.writer, c.other)
		s.served(ctx)
		turns := s.run.Turns()
		Expect(turns).To(HaveLen(2), load.DescribeTurns(turns))
		Expect([]string{turns[0].Server, turns[1].Server}).To(Equal([]string{old, s.process(ctx, c.candidate)}), load.DescribeTurns(turns))

		By("counting what each of them has acknowledged, and what is there")
		counted := s.stopWriting(ctx).ByServer
		Expect(counted).To(HaveLen(2))
		Expect(counted[0].Acknowledged).To(BeNumerically(">", 0), "nothing was acknowledged before the failover")
		Expect(counted[1].Lost).To(BeZero(), counted[1].String())
	})
})

var _ = Describe("A RedisReplication whose source comes back empty", Label(redisSpecs), func() {
	s := onRedis(sessionsInMemory)

	It("keeps what the replicas hold", func(ctx SpecContext) {
		c := s.cast(ctx)
		s.stopWriting(ctx)
		before, err := s.Do(ctx, c.candidate, "DBSIZE")
		Expect(err).NotTo(HaveOccurred())
		Expect(before).To(BeNumerically(">", 0))
		Expect(s.DeletePod(ctx, c.writer, 0)).To(Succeed())
		Eventually(ctx, func(ctx context.Context) (bool, error) {
			r, err := s.Get(ctx)
			return err == nil && r.Status.Ready, err
		}).Should(BeFalse())
		Consistently(ctx, func(g Gomega) {
			for _, pod := range []string{c.candidate, c.other} {
				now, err := s.Do(ctx, pod, "DBSIZE")
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(now).To(Equal(before), pod)
			}
		}).Should(Succeed())

		By("making a replica the source: its data serve again")
		s.edit(ctx, kit.ExchangeRedisSource(c.candidate))
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		s.routed(ctx, c.candidate, c.writer, c.other)
		now, err := s.Do(ctx, c.writer, "DBSIZE")
		Expect(err).NotTo(HaveOccurred())
		Expect(now).To(Equal(before))
	})
})
