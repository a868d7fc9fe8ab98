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

// redisSpecs labels the specs about Redis.
const redisSpecs = "redis"

// redisPods of a set.
var redisPods = []string{kit.RedisPodName(0), kit.RedisPodName(1), kit.RedisPodName(2)}

// redisFixture is a set of Redis pods that specs share.
type redisFixture = shared[*kit.RedisSet]

func redisSets(options kit.RedisOptions) *redisFixture {
	return &redisFixture{
		fresh: func(ctx context.Context, namespace string) (*kit.RedisSet, error) {
			return suite.cluster.NewRedisSet(ctx, namespace, options)
		},
		create: func(ctx context.Context, s *kit.RedisSet) error {
			return s.Create(ctx, s.Resource(redisPods[0], redisPods[1:]...))
		},
		repair: repairRedis,
	}
}

var (
	sessions = redisSets(kit.RedisOptions{})
	// sessionsOnLimitedDisks can be full.
	sessionsOnLimitedDisks = redisSets(kit.RedisOptions{DiskBytes: 64 << 20})
	// sessionsInMemory are empty after a restart.
	sessionsInMemory = redisSets(kit.RedisOptions{Forgetful: true})
	underSentinel    = redisSets(kit.RedisOptions{})
)

// repairRedis brings the spec back to all pods under the present source.
func repairRedis(ctx context.Context, s *kit.RedisSet) error {
	source, err := s.Source(ctx)
	if err != nil {
		return err
	}
	source, replicas := present(source, redisPods)
	want := s.Resource(source, replicas...)
	_, err = s.Edit(ctx, func(r *v1alpha1.RedisReplication) {
		want.Spec.DeepCopyInto(&r.Spec)
		r.Annotations = nil
	})
	return err
}

// redisScene is one spec at work.
type redisScene struct {
	*kit.RedisSet
	writing
	// thawed are servers that were let go on, and not looked after since.
	thawed []*thawed
}

// onRedis gives every spec of a container a healthy set with clients at work, and checks them
// at the spec's end.
func onRedis(f *redisFixture) *redisScene {
	s := &redisScene{}
	inScene(f, func() *writing {
		*s = redisScene{RedisSet: f.set, writing: writing{of: f.set, name: f.set.Name, pods: redisPods}}
		return &s.writing
	})
	return s
}

func (s *redisScene) edit(ctx SpecContext, change func(*v1alpha1.RedisReplication)) {
	GinkgoHelper()
	_, err := s.Edit(ctx, change)
	Expect(err).NotTo(HaveOccurred())
}

// takeBack waits until an old source is a replica again. Where it holds more than the new one,
// or may, it stays out until its data are given up, which the spec says then, and no more after that.
func (s *redisScene) takeBack(ctx SpecContext, old string) (stayedOut bool) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		r, err := s.Get(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		node := r.Status.Topology[old]
		g.Expect(node).NotTo(BeNil())
		stayedOut = node.Diverged
		g.Expect(node.Ready || node.Diverged && node.Status == v1alpha1.NodeHealthy).To(BeTrue(), kit.DescribeRedis(r))
	}).Should(Succeed())
	if stayedOut {
		s.edit(ctx, func(r *v1alpha1.RedisReplication) { r.Spec.RejoinPolicy = v1alpha1.RedisRejoinResync })
		Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
		s.edit(ctx, func(r *v1alpha1.RedisReplication) { r.Spec.RejoinPolicy = v1alpha1.RedisRejoinManual })
	}
	Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
	return stayedOut
}
