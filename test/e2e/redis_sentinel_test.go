// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// looker is the operator's user under Sentinel. It may look and nothing else, and a server notes
// whatever else it tries.
const looker = "looker"

var looksOnly = []any{"+info", "+config|get", "+client|list", "+client|setname", "+ping", "+auth", "+hello"}

// silentFor so long, a source is down for a Sentinel.
const silentFor = 3 * time.Second

var _ = Describe("A RedisReplication under Sentinel", Label(redisSpecs, onNode), func() {
	s := onRedis(underSentinel)

	It("follows whom three Sentinels make the source, and does not fight them", func(ctx SpecContext) {
		s.spent = true // Sentinels watch over it now.
		c := s.cast(ctx)
		for _, pod := range redisPods {
			_, err := s.Do(ctx, pod, append([]any{"ACL", "SETUSER", looker, "on", ">" + s.Login().Password}, looksOnly...)...)
			Expect(err).NotTo(HaveOccurred())
			// One that is started again is to know the user, too.
			_, err = s.Do(ctx, pod, "CONFIG", "REWRITE")
			Expect(err).NotTo(HaveOccurred())
		}
		sentinels, err := s.NewSentinels(ctx, 3, c.writer, 2, silentFor)
		Expect(err).NotTo(HaveOccurred())
		s.edit(ctx, func(r *v1alpha1.RedisReplication) {
			r.Spec.Secret.User = looker
			r.Spec.Sentinel = []string{kit.SentinelName(0), kit.SentinelName(1), kit.SentinelName(2)}
		})
		s.follows(ctx, sentinels, c.writer, metav1.ConditionTrue)
		s.routed(ctx, c.writer, c.candidate, c.other)

		By("killing the source until it is not started again at once")
		began := time.Now()
		elected := s.killUntilMoved(ctx, sentinels, c.writer)
		s.follows(ctx, sentinels, elected, metav1.ConditionFalse)
		s.served(ctx)
		GinkgoWriter.Printf("clients were without writes %s\n", s.run.Outage(began, time.Now()))

		By("waiting until Sentinel has made the old source a replica")
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(kit.RedisReady(r)).To(Succeed())
		}).Should(Succeed())
		s.routed(ctx, elected, slices.DeleteFunc(slices.Clone(redisPods), func(pod string) bool { return pod == elected })...)

		By("leaving it where it is, although the spec names another one")
		Consistently(ctx, func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.Status.Source).To(Equal(elected))
			g.Expect(r.Status.Switchover).To(BeNil())
		}).Should(Succeed())
		for _, pod := range redisPods {
			log, err := s.Do(ctx, pod, "ACL", "LOG")
			Expect(err).NotTo(HaveOccurred())
			Expect(fmt.Sprint(log)).NotTo(ContainSubstring(looker), "%s has refused the operator something", pod)
		}
		Expect(told(ctx, s.Namespace, s.Name, "SentinelFailover")).To(BeNumerically(">", 0))

		By("saying in the spec what is")
		s.edit(ctx, kit.ExchangeRedisSource(elected))
		s.follows(ctx, sentinels, elected, metav1.ConditionTrue)

		turns := s.run.Turns()
		Expect(turns[len(turns)-1].Server).To(Equal(s.process(ctx, elected)), load.DescribeTurns(turns))
		s.giveUpOthers(s.process(ctx, elected))
		s.stopWriting(ctx)
	})
})

// follows waits until the status, the labels of the Sentinels' pods and the condition AsSpecified
// say who is the source.
func (s *redisScene) follows(ctx SpecContext, sentinels *kit.Sentinels, source string, specified metav1.ConditionStatus) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		r, err := s.Get(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.Status.Source).To(Equal(source), kit.DescribeRedis(r))
		as := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionAsSpecified)
		g.Expect(as).NotTo(BeNil(), kit.DescribeRedis(r))
		g.Expect(as.Status).To(Equal(specified), as.Message)
		g.Expect(as.ObservedGeneration).To(Equal(r.Generation))
		for _, pod := range r.Spec.Sentinel {
			labelled, err := sentinels.Labelled(ctx, pod)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(labelled).To(Equal(source), pod)
		}
	}).Should(Succeed())
}

// killUntilMoved kills the source again and again, until everything that follows names another
// one. It returns that, and prints when each of them was first seen to name it.
func (s *redisScene) killUntilMoved(ctx SpecContext, sentinels *kit.Sentinels, old string) (elected string) {
	GinkgoHelper()
	began := time.Now()
	first := map[string]time.Duration{}
	var order []string
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		var behindIt []string
		// note says of one that follows whom it names now.
		note := func(who, names string, err error) {
			g.Expect(err).NotTo(HaveOccurred())
			if names == "" || names == old || names == v1alpha1.LabelSourceUnknown {
				behindIt = append(behindIt, fmt.Sprintf("%s names %q", who, names))
			} else if _, seen := first[who]; !seen {
				first[who], order = time.Since(began), append(order, who)
			}
		}
		says, err := sentinels.Elected(ctx, kit.SentinelName(0))
		g.Expect(err).NotTo(HaveOccurred())
		if strings.HasPrefix(says, s.Host(old)+":") {
			// There may be no process to kill at the moment.
			_ = s.Kill(ctx, old)
		}
		elected, _, _ = strings.Cut(says, ".")
		note("Sentinel", elected, nil)
		r, err := s.Get(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		note("the status", r.Status.Source, nil)
		for _, pod := range r.Spec.Sentinel {
			labelled, err := sentinels.Labelled(ctx, pod)
			note("the label of "+pod, labelled, err)
		}
		behind, err := s.Routed(ctx, s.ReadWriteService())
		note(s.ReadWriteService(), strings.Join(behind, " "), err)
		g.Expect(behindIt).To(BeEmpty())
		g.Expect(r.Status.Source).To(Equal(elected), kit.DescribeRedis(r))
	}).Should(Succeed())
	GinkgoWriter.Printf("%s is the source in place of %s; after the first kill it was named by\n", elected, old)
	for _, who := range order {
		GinkgoWriter.Printf("  %s: %d ms\n", who, first[who].Milliseconds())
	}
	return elected
}
