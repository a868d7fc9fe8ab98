// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

var _ = Describe("A change of the topology under load", func() {
	s := onSet(semiSync)

	It("isolates a replica and takes it back", func(ctx SpecContext) {
		source, replicas := s.source(ctx), s.others(ctx)
		aside := replicas[1]
		isolate := func(on bool) func(*v1alpha1.MysqlReplication) {
			return func(r *v1alpha1.MysqlReplication) {
				i := slices.IndexFunc(r.Spec.Replica, func(n v1alpha1.ReplicaNode) bool { return n.Name == aside })
				r.Spec.Replica[i].Isolated = on
			}
		}
		s.edit(ctx, isolate(true))
		s.ready(ctx)
		expectRouted(ctx, s, source, replicas[0])
		labels, err := s.ManagedLabels(ctx, aside)
		Expect(err).NotTo(HaveOccurred())
		Expect(labels).To(BeEmpty())
		status, err := s.ReplicaStatus(ctx, aside)
		Expect(err).NotTo(HaveOccurred())
		Expect(status["Replica_IO_Running"]).NotTo(Equal("Yes"))
		Expect(s.value(ctx, aside, "SELECT @@super_read_only")).To(Equal("1"))
		s.served(ctx)

		s.edit(ctx, isolate(false))
		s.ready(ctx)
		expectRouted(ctx, s, source, replicas...)
	})

	It("removes a replica and adds it again", func(ctx SpecContext) {
		source, replicas := s.source(ctx), s.others(ctx)
		var gone v1alpha1.ReplicaNode
		s.edit(ctx, func(r *v1alpha1.MysqlReplication) {
			gone = r.Spec.Replica[1]
			r.Spec.Replica = r.Spec.Replica[:1]
		})
		s.ready(ctx)
		expectRouted(ctx, s, source, replicas[0])
		Eventually(ctx, func(ctx context.Context) (string, error) { return s.ManagedLabels(ctx, gone.Name) }).Should(BeEmpty())
		s.served(ctx)

		s.edit(ctx, func(r *v1alpha1.MysqlReplication) { r.Spec.Replica = append(r.Spec.Replica, gone) })
		s.ready(ctx)
		expectRouted(ctx, s, source, replicas...)
	})

	It("changes the mode to asynchronous and back", func(ctx SpecContext) {
		source := s.source(ctx)
		for _, mode := range []v1alpha1.MysqlReplicationMode{v1alpha1.MysqlAsync, v1alpha1.MysqlSemiSync} {
			s.edit(ctx, func(r *v1alpha1.MysqlReplication) { r.Spec.Mode = mode })
			s.ready(ctx)
			want := map[v1alpha1.MysqlReplicationMode]string{v1alpha1.MysqlAsync: "0", v1alpha1.MysqlSemiSync: "1"}[mode]
			Expect(s.value(ctx, source, "SELECT @@rpl_semi_sync_source_enabled")).To(Equal(want))
			s.served(ctx)
		}
	})
})

var _ = Describe("The skip annotation", func() {
	s := onSet(semiSync)

	It("leaves replication alone, whatever the spec says", func(ctx SpecContext) {
		source, to := s.source(ctx), s.others(ctx)[0]
		s.edit(ctx, func(r *v1alpha1.MysqlReplication) {
			r.Annotations = map[string]string{v1alpha1.AnnotationSkipReconcile: "true"}
		})
		before := picture(ctx, s)
		s.edit(ctx, kit.ExchangeSource(to))
		Eventually(ctx, func(ctx context.Context) error {
			r, err := s.Get(ctx)
			if err != nil {
				return err
			}
			if r.Status.ObservedGeneration != r.Generation {
				return kit.ReadyAsWanted(r)
			}
			return nil
		}).Should(Succeed(), "the status is kept up")
		Consistently(ctx, func() string { return picture(ctx, s) }).Should(Equal(before))
		s.served(ctx)

		s.edit(ctx, func(r *v1alpha1.MysqlReplication) {
			kit.ExchangeSource(source)(r)
			r.Annotations = nil
		})
		s.ready(ctx)
	})
})

var _ = Describe("A deleted resource", func() {
	s := onSet(semiSync)

	It("takes labels and Services with it and leaves replication, and can be made again", func(ctx SpecContext) {
		r, err := s.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		source, replicas := r.Status.Source, s.others(ctx)
		// The Services' addresses go with the resource.
		s.stopWriting(ctx)
		Expect(suite.cluster.Client.Delete(ctx, r)).To(Succeed())
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			for _, pod := range pods {
				labels, err := s.ManagedLabels(ctx, pod)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(labels).To(BeEmpty(), pod)
			}
			for _, name := range []string{s.ReadWriteService(), s.ReadOnlyService()} {
				err := suite.cluster.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, &corev1.Service{})
				g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), name)
			}
			_, err := s.Get(ctx)
			g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "the resource itself")
		}).Should(Succeed())
		Expect(s.value(ctx, source, "SELECT @@super_read_only")).To(Equal("0"))
		for _, replica := range replicas {
			status, err := s.ReplicaStatus(ctx, replica)
			Expect(err).NotTo(HaveOccurred())
			Expect(status["Replica_IO_Running"]).To(Equal("Yes"), replica)
			Expect(status["Replica_SQL_Running"]).To(Equal("Yes"), replica)
		}

		By("making it again over the set that replicates")
		Expect(s.Create(ctx, s.Resource(semiSync.mode, source, replicas...))).To(Succeed())
		s.ready(ctx)
		s.write(ctx)
		expectRouted(ctx, s, source, replicas...)
	})
})
