// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// redisPods of a set.
var redisPods = []string{kit.RedisPodName(0), kit.RedisPodName(1), kit.RedisPodName(2)}

// redisScene is one spec at work: a set of Redis pods, and clients that write to it.
type redisScene struct {
	*kit.RedisSet
	run *load.Run
}

// onRedis gives every spec of a container a set that is Ready, with clients at work, and
// checks them at the spec's end.
func onRedis(options kit.RedisOptions) *redisScene {
	s := &redisScene{}
	BeforeEach(func(ctx SpecContext) {
		*s = redisScene{}
		theOperator(ctx)
		namespace, err := suite.cluster.CreateNamespace(ctx, namespacePrefix)
		Expect(err).NotTo(HaveOccurred())
		s.RedisSet, err = suite.cluster.NewRedisSet(ctx, namespace, options)
		Expect(err).NotTo(HaveOccurred())
		Expect(s.Create(ctx, s.Resource(redisPods[0], redisPods[1:]...))).To(Succeed())
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		s.run, err = s.StartTraffic(ctx, traffic)
		Expect(err).NotTo(HaveOccurred())
	})
	AfterEach(func(ctx SpecContext) {
		if s.RedisSet == nil {
			return
		}
		failed := CurrentSpecReport().Failed()
		text, right := s.judge(ctx)
		if failed || !right {
			GinkgoWriter.Println(s.Diagnose(ctx, suite.operator))
		}
		if !keep() {
			_ = suite.cluster.DeleteNamespace(ctx, s.Namespace)
		}
		Expect(right).To(BeTrue(), text)
	})
	return s
}

// judge ends the clients' work and checks what they were told. Losses are noted for the end
// of the suite.
func (s *redisScene) judge(ctx context.Context, broken ...string) (string, bool) {
	if s.run == nil {
		return "", true
	}
	run := s.run
	s.run = nil
	report := run.Stop()
	verdict, err := s.CheckTraffic(ctx, run, broken...)
	if err != nil {
		return fmt.Sprintf("the writes could not be checked: %v\n%s", err, report), false
	}
	if len(verdict.Lost) > 0 {
		noteLoss(verdict.String())
	}
	GinkgoWriter.Println(verdict)
	return verdict.String(), verdict.OK()
}

// routed waits until labels and Services say who the source is.
func (s *redisScene) routed(ctx SpecContext, source string, replicas ...string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		for _, pod := range redisPods {
			labels, err := s.ManagedLabels(ctx, pod)
			g.Expect(err).NotTo(HaveOccurred())
			switch {
			case pod == source:
				g.Expect(labels).To(Equal(s.Name+"/false"), pod)
			case slices.Contains(replicas, pod):
				g.Expect(labels).To(Equal(s.Name+"/true"), pod)
			default:
				g.Expect(labels).To(BeEmpty(), pod)
			}
		}
		behind, err := s.Routed(ctx, s.ReadWriteService())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(behind).To(Equal([]string{source}), s.ReadWriteService())
		behind, err = s.Routed(ctx, s.ReadOnlyService())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(behind).To(ConsistOf(replicas), s.ReadOnlyService())
	}).Should(Succeed())
}

func (s *redisScene) served(ctx SpecContext) {
	GinkgoHelper()
	Expect(kit.WaitWrites(ctx, s.run, 30, writesTimeout)).To(Succeed())
}

func (s *redisScene) edit(ctx SpecContext, change func(*v1alpha1.RedisReplication)) {
	GinkgoHelper()
	_, err := s.Edit(ctx, change)
	Expect(err).NotTo(HaveOccurred())
}

var _ = Describe("A RedisReplication", func() {
	s := onRedis(kit.RedisOptions{})

	It("makes replicas of fresh pods, and switches over there and back without losing a write", func(ctx SpecContext) {
		s.routed(ctx, redisPods[0], redisPods[1], redisPods[2])
		for i := range rounds(3) {
			for _, to := range []string{redisPods[1], redisPods[0]} {
				change, err := s.SwitchOver(ctx, suite.operator, s.run, to, settleTimeout)
				Expect(err).NotTo(HaveOccurred())
				GinkgoWriter.Printf("switchover %d to %s: ready after %d ms, without writes %s\n", i+1, to, change.Ready.Sub(change.Edited).Milliseconds(), change.Outage)
			}
		}
		s.routed(ctx, redisPods[0], redisPods[1], redisPods[2])
	})

	It("takes a pod with another IP back, and the source's too", func(ctx SpecContext) {
		for _, pod := range []string{redisPods[1], redisPods[0]} {
			Expect(s.DeletePod(ctx, pod, 10*time.Second)).To(Succeed())
			Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
			s.routed(ctx, redisPods[0], redisPods[1], redisPods[2])
			s.served(ctx)
		}
	})

	It("isolates a replica and takes it back", func(ctx SpecContext) {
		s.edit(ctx, func(r *v1alpha1.RedisReplication) { r.Spec.Replica[0].Isolated = true })
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		s.routed(ctx, redisPods[0], redisPods[2])
		s.served(ctx)
		s.edit(ctx, func(r *v1alpha1.RedisReplication) { r.Spec.Replica[0].Isolated = false })
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		s.routed(ctx, redisPods[0], redisPods[1], redisPods[2])
	})

	It("leads a replica back that somebody has pointed elsewhere, and switches over to it", func(ctx SpecContext) {
		_, err := s.Do(ctx, redisPods[1], "REPLICAOF", "192.0.2.1", "6379")
		Expect(err).NotTo(HaveOccurred())
		Eventually(ctx, func(ctx context.Context) (string, error) { return s.Info(ctx, redisPods[1], "replication") }).
			Should(And(ContainSubstring("master_host:"+s.Host(redisPods[0])), ContainSubstring("master_link_status:up")))
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		_, err = s.SwitchOver(ctx, suite.operator, s.run, redisPods[1], settleTimeout)
		Expect(err).NotTo(HaveOccurred())
		s.routed(ctx, redisPods[1], redisPods[0], redisPods[2])
	})
})

var _ = Describe("A RedisReplication whose source's node is gone", Label(onNode), func() {
	s := onRedis(kit.RedisOptions{})

	It("is failed over by an edit, and what is acknowledged on the replica stays", func(ctx SpecContext) {
		// What was written before the fault is on the replicas by then.
		text, right := s.judge(ctx)
		Expect(right).To(BeTrue(), text)
		Expect(s.Freeze(ctx, redisPods[0])).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { _ = s.Thaw(ctx, redisPods[0]) })
		s.edit(ctx, kit.ExchangeRedisSource(redisPods[1]))
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.Status.Source).To(Equal(redisPods[1]), kit.DescribeRedis(r))
		}).Should(Succeed())
		var err error
		s.run, err = s.StartTraffic(ctx, load.Options{Writers: 8, Interval: 100 * time.Millisecond, NoteServers: true})
		Expect(err).NotTo(HaveOccurred())

		By("letting the old source go on: it takes no client's write")
		Expect(s.Thaw(ctx, redisPods[0])).To(Succeed())
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		s.routed(ctx, redisPods[1], redisPods[0], redisPods[2])
		Expect(s.run.Turns()).To(HaveLen(1), load.DescribeTurns(s.run.Turns()))
	})
})

var _ = Describe("A RedisReplication whose source comes back empty", func() {
	s := onRedis(kit.RedisOptions{Forgetful: true})

	It("keeps what the replicas hold", func(ctx SpecContext) {
		text, right := s.judge(ctx)
		Expect(right).To(BeTrue(), text)
		before, err := s.Do(ctx, redisPods[1], "DBSIZE")
		Expect(err).NotTo(HaveOccurred())
		Expect(before).To(BeNumerically(">", 0))
		Expect(s.DeletePod(ctx, redisPods[0], 0)).To(Succeed())
		Eventually(ctx, func(ctx context.Context) (bool, error) {
			r, err := s.Get(ctx)
			return err == nil && r.Status.Ready, err
		}).Should(BeFalse())
		Consistently(ctx, func(g Gomega) {
			for _, pod := range redisPods[1:] {
				now, err := s.Do(ctx, pod, "DBSIZE")
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(now).To(Equal(before), pod)
			}
		}).Should(Succeed())

		By("making a replica the source: its data serve again")
		s.edit(ctx, kit.ExchangeRedisSource(redisPods[1]))
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		s.routed(ctx, redisPods[1], redisPods[0], redisPods[2])
		now, err := s.Do(ctx, redisPods[0], "DBSIZE")
		Expect(err).NotTo(HaveOccurred())
		Expect(now).To(Equal(before))
	})
})
