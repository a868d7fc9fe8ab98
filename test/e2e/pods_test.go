// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

var _ = Describe("A pod that is deleted and comes back with another IP", func() {
	s := onSet(semiSync)

	comesBack := func(ctx SpecContext, pod string) {
		GinkgoHelper()
		source := s.source(ctx)
		before, err := s.Pod(ctx, pod)
		Expect(err).NotTo(HaveOccurred())
		Expect(s.DeletePod(ctx, pod, 10*time.Second)).To(Succeed())
		after, err := s.Pod(ctx, pod)
		Expect(err).NotTo(HaveOccurred())
		GinkgoWriter.Printf("%s had IP %s and has %s\n", pod, before.Status.PodIP, after.Status.PodIP)
		expectRouted(ctx, s, source, s.others(ctx)...)
		s.ready(ctx)
		s.served(ctx)
		Expect(s.source(ctx)).To(Equal(source), "nobody asked for another source")
	}

	It("is a replica again", func(ctx SpecContext) { comesBack(ctx, s.others(ctx)[0]) })

	It("is the source again", func(ctx SpecContext) { comesBack(ctx, s.source(ctx)) })
})

var _ = Describe("A changed host", func() {
	s := onSet(semiSync)

	It("is followed, for the source and for a replica", func(ctx SpecContext) {
		source, replicas := s.source(ctx), s.others(ctx)
		ip := func(pod string) string {
			p, err := s.Pod(ctx, pod)
			Expect(err).NotTo(HaveOccurred())
			return p.Status.PodIP
		}
		s.edit(ctx, func(r *v1alpha1.MysqlReplication) {
			r.Spec.Source.Host = ip(source)
			r.Spec.Replica[0].Host = ip(replicas[0])
		})
		s.ready(ctx)
		for _, replica := range replicas {
			status, err := s.ReplicaStatus(ctx, replica)
			Expect(err).NotTo(HaveOccurred())
			Expect(status["Source_Host"]).To(Equal(ip(source)), replica)
		}
		s.served(ctx)
	})
})
