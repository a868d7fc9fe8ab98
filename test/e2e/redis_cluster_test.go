// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"maps"
	"slices"
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// Shards of the cluster of the specs: as it is made, and with one more.
var (
	threeShards = kit.Shards{
		"a": {kit.RedisPodName(0), kit.RedisPodName(3)},
		"b": {kit.RedisPodName(1), kit.RedisPodName(4)},
		"c": {kit.RedisPodName(2), kit.RedisPodName(5)},
	}
	// fourthShard is one that comes and goes.
	fourthShard = []string{kit.RedisPodName(6), kit.RedisPodName(7)}
)

// clusterScene is one spec at work: a RedisCluster over pods of its own, and clients that write to it.
type clusterScene struct {
	*kit.RedisCluster
	run *load.Run
}

// onRedisCluster gives every spec of a container a cluster that was made of fresh pods.
func onRedisCluster(pods int) *clusterScene {
	s := &clusterScene{}
	BeforeEach(func(ctx SpecContext) {
		*s = clusterScene{}
		theOperator(ctx)
		namespace, err := suite.cluster.CreateNamespace(ctx, namespacePrefix)
		Expect(err).NotTo(HaveOccurred())
		s.RedisCluster, err = suite.cluster.NewRedisCluster(ctx, namespace, pods)
		Expect(err).NotTo(HaveOccurred())
		Expect(s.Create(ctx, s.Resource(threeShards))).To(Succeed())
		s.ready(ctx)
	})
	AfterEach(func(ctx SpecContext) {
		if s.RedisCluster == nil {
			return
		}
		if s.run != nil {
			s.run.Stop()
		}
		if CurrentSpecReport().Failed() {
			GinkgoWriter.Println(s.Diagnose(ctx, suite.operator))
		}
		s.Close()
		if !keep() {
			Expect(suite.cluster.DeleteNamespace(ctx, s.Namespace)).To(Succeed())
		}
	})
	return s
}

func (s *clusterScene) ready(ctx SpecContext) {
	GinkgoHelper()
	Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
}

// write sets clients to work.
func (s *clusterScene) write(ctx SpecContext) {
	GinkgoHelper()
	var err error
	s.run, err = s.StartTraffic(ctx, traffic)
	Expect(err).NotTo(HaveOccurred())
}

func (s *clusterScene) served(ctx SpecContext) {
	GinkgoHelper()
	Expect(kit.WaitWrites(ctx, s.run, 30, writesTimeout)).To(Succeed())
}

// stopWriting ends the clients' work and fails unless all that they were told is true.
func (s *clusterScene) stopWriting(ctx SpecContext) *load.Run {
	GinkgoHelper()
	run := s.run
	s.run = nil
	GinkgoWriter.Println(run.Stop())
	s.holds(ctx, run)
	return run
}

// holds fails unless every key of a run is served with its value, as soon as all slots are.
func (s *clusterScene) holds(ctx SpecContext, run *load.Run) {
	GinkgoHelper()
	var verdict load.Verdict
	Eventually(ctx, func(ctx context.Context) (err error) {
		verdict, err = s.CheckTraffic(ctx, run, threeShards["a"][0])
		return err
	}).WithTimeout(settleTimeout).Should(Succeed())
	if len(verdict.Lost) > 0 {
		noteLoss(verdict.String())
	}
	Expect(verdict.OK()).To(BeTrue(), verdict.String())
}

func (s *clusterScene) edit(ctx SpecContext, change func(*v1alpha1.RedisCluster)) {
	GinkgoHelper()
	_, err := s.Edit(ctx, change)
	Expect(err).NotTo(HaveOccurred())
}

// status as the resource has it.
func (s *clusterScene) status(ctx SpecContext) v1alpha1.RedisClusterStatus {
	GinkgoHelper()
	r, err := s.Get(ctx)
	Expect(err).NotTo(HaveOccurred())
	return r.Status
}

// sources of the status, by shard.
func (s *clusterScene) sources(ctx SpecContext) map[string]string {
	GinkgoHelper()
	found := map[string]string{}
	for name, node := range s.status(ctx).Topology {
		if node.Role == v1alpha1.RedisRoleSource {
			found[node.Shard] = name
		}
	}
	return found
}

// ids of the nodes, as their servers say them.
func (s *clusterScene) ids(ctx SpecContext) map[string]string {
	GinkgoHelper()
	ids := map[string]string{}
	for _, pods := range threeShards {
		for _, pod := range pods {
			id, err := s.ClusterID(ctx, pod)
			Expect(err).NotTo(HaveOccurred())
			ids[pod] = id
		}
	}
	return ids
}

// whole expects all slots to be served as every node of some shards sees it, status, labels and
// Services of these nodes, and none on the others.
func (s *clusterScene) whole(ctx SpecContext, shards kit.Shards, sources map[string]string, others ...string) {
	GinkgoHelper()
	all := slices.Sorted(func(yield func(string) bool) {
		for _, pods := range shards {
			for _, pod := range pods {
				if !yield(pod) {
					return
				}
			}
		}
	})
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		for _, pod := range all {
			for name, want := range map[string]string{
				"cluster_state": "ok", "cluster_slots_ok": strconv.Itoa(kit.RedisClusterSlots),
				"cluster_known_nodes": strconv.Itoa(len(all)), "cluster_size": strconv.Itoa(len(shards)),
			} {
				got, err := s.ClusterInfo(ctx, pod, name)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(got).To(Equal(want), "%s of %s", name, pod)
			}
		}
		r, err := s.Get(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		told := kit.DescribeRedisCluster(r)
		g.Expect(r.Status.NumberOfShard).To(BeEquivalentTo(len(shards)), told)
		g.Expect(r.Status.SlotsAssigned).To(BeEquivalentTo(kit.RedisClusterSlots), told)
		g.Expect(r.Status.ClusterJoined).To(BeTrue(), told)
		g.Expect(r.Status.ClusterSynced).To(BeTrue(), told)
		for shard, pods := range shards {
			for _, pod := range pods {
				labels, err := s.ManagedLabels(ctx, pod)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(labels).To(Equal(s.Name+"/"+strconv.FormatBool(pod != sources[shard])), pod)
			}
		}
		for _, pod := range others {
			labels, err := s.ManagedLabels(ctx, pod)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(labels).To(BeEmpty(), pod)
		}
		for _, service := range []string{s.Service(), s.HeadlessService()} {
			behind, err := s.Routed(ctx, service)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(behind).To(Equal(all), service)
		}
	}).Should(Succeed())
}

var _ = Describe("A RedisCluster", Label(redisSpecs), func() {
	s := onRedisCluster(8)

	It("takes a shard in, promotes a replica and gives the shard back without losing a write", func(ctx SpecContext) {
		sources := map[string]string{"a": threeShards["a"][0], "b": threeShards["b"][0], "c": threeShards["c"][0]}
		s.whole(ctx, threeShards, sources, fourthShard...)
		s.write(ctx)

		By("taking a fourth shard in")
		fourShards := maps.Clone(threeShards)
		fourShards["d"] = fourthShard
		s.edit(ctx, func(r *v1alpha1.RedisCluster) { r.Spec.Members = s.Members(fourShards) })
		s.ready(ctx)
		sources["d"] = fourthShard[0]
		s.whole(ctx, fourShards, sources)
		s.served(ctx)

		By("putting a replica first")
		to := threeShards["a"][1]
		s.edit(ctx, kit.PreferRedisSource("a", to))
		s.ready(ctx)
		sources["a"] = to
		s.whole(ctx, fourShards, sources)
		s.served(ctx)

		By("giving the fourth shard back")
		s.edit(ctx, func(r *v1alpha1.RedisCluster) { delete(r.Spec.Members, "d") })
		s.ready(ctx)
		delete(sources, "d")
		s.whole(ctx, threeShards, sources, fourthShard...)
		s.served(ctx)
		s.stopWriting(ctx)
	})
})

// A replica may stay at the old address of its source (docs/rediscluster.md, Limits): it is no part of make test before that is mended.
var _ = Describe("A RedisCluster whose pods are killed", Label(redisSpecs, isLong), func() {
	s := onRedisCluster(6)

	It("has all that it had, with a source that Redis has promoted, with other IPs, and without the resource", func(ctx SpecContext) {
		s.write(ctx)
		s.served(ctx)
		run, ids := s.stopWriting(ctx), s.ids(ctx)

		By("killing a source")
		killed := threeShards["b"][0]
		Expect(s.KillPods(ctx, killed)).To(Succeed())
		s.holds(ctx, run)
		// It is back in time, or Redis has promoted its replica; the spec then says what is.
		Eventually(ctx, func(g Gomega) {
			status := s.status(ctx)
			g.Expect(status.ClusterJoined).To(BeTrue())
			g.Expect(s.sources(ctx)).To(HaveKey("b"))
		}).WithTimeout(settleTimeout).Should(Succeed())
		s.edit(ctx, kit.PreferRedisSource("b", s.sources(ctx)["b"]))
		s.ready(ctx)
		s.whole(ctx, threeShards, s.sources(ctx))
		s.holds(ctx, run)

		By("killing all of them")
		Expect(s.KillPods(ctx, slices.Collect(maps.Keys(ids))...)).To(Succeed())
		s.holds(ctx, run)
		Eventually(ctx, func(g Gomega) {
			g.Expect(s.status(ctx).ClusterJoined).To(BeTrue())
			g.Expect(s.sources(ctx)).To(HaveLen(len(threeShards)))
		}).WithTimeout(settleTimeout).Should(Succeed())
		for shard, source := range s.sources(ctx) {
			s.edit(ctx, kit.PreferRedisSource(shard, source))
		}
		s.ready(ctx)
		Expect(s.ids(ctx)).To(Equal(ids))
		s.whole(ctx, threeShards, s.sources(ctx))
		s.write(ctx)
		s.served(ctx)
		s.stopWriting(ctx)

		By("deleting the resource, and making it again over the cluster that is there")
		r, err := s.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(suite.cluster.Client.Delete(ctx, r)).To(Succeed())
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			for pod := range ids {
				labels, err := s.ManagedLabels(ctx, pod)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(labels).To(BeEmpty(), pod)
			}
			for _, name := range []string{s.Service(), s.HeadlessService()} {
				err := suite.cluster.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, &corev1.Service{})
				g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), name)
			}
		}).Should(Succeed())
		s.holds(ctx, run)
		again := s.Resource(threeShards)
		again.Spec.Members = r.Spec.Members
		Expect(s.Create(ctx, again)).To(Succeed())
		s.ready(ctx)
		Expect(s.ids(ctx)).To(Equal(ids))
		s.holds(ctx, run)
	})
})
