// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// redisSpecs labels the specs about Redis.
const redisSpecs = "redis"

// redisPods of a set.
var redisPods = []string{kit.RedisPodName(0), kit.RedisPodName(1), kit.RedisPodName(2)}

// redisFixture is a set that specs use one after the other, as long as they leave it healthy;
// set is nil until one needs it.
type redisFixture struct {
	options kit.RedisOptions
	set     *kit.RedisSet
}

var (
	sessions = &redisFixture{}
	// sessionsOnLimitedDisks can be full.
	sessionsOnLimitedDisks = &redisFixture{options: kit.RedisOptions{DiskBytes: 64 << 20}}
	// sessionsInMemory are empty after a restart.
	sessionsInMemory = &redisFixture{options: kit.RedisOptions{Forgetful: true}}
	underSentinel    = &redisFixture{}
)

// discard lets go of the set.
func (f *redisFixture) discard(ctx context.Context) {
	if f.set == nil {
		return
	}
	f.set.Close()
	if !keep() {
		_ = suite.cluster.DeleteNamespace(ctx, f.set.Namespace)
	}
	f.set = nil
}

// healthy makes sure of a set that is Ready with all its pods. After an error, set is the one
// that is not.
func (f *redisFixture) healthy(ctx SpecContext) error {
	GinkgoHelper()
	theOperator(ctx)
	if f.set != nil {
		err := f.restore(ctx)
		if err == nil {
			return nil
		}
		GinkgoWriter.Printf("the set of earlier specs is given up: %v\n", err)
		f.discard(ctx)
	}
	namespace, err := suite.cluster.CreateNamespace(ctx, namespacePrefix)
	Expect(err).NotTo(HaveOccurred())
	f.set, err = suite.cluster.NewRedisSet(ctx, namespace, f.options)
	Expect(err).NotTo(HaveOccurred())
	if err := f.set.Create(ctx, f.set.Resource(redisPods[0], redisPods[1:]...)); err != nil {
		return err
	}
	return f.set.WaitReady(ctx, settleTimeout)
}

// restore brings the spec back to all pods under the present source, and waits until that is so.
func (f *redisFixture) restore(ctx context.Context) error {
	r, err := f.set.Get(ctx)
	if err != nil {
		return err
	}
	source := r.Status.Source
	if source == "" {
		source = redisPods[0]
	}
	want := f.set.Resource(source, slices.DeleteFunc(slices.Clone(redisPods), func(pod string) bool { return pod == source })...)
	if _, err := f.set.Edit(ctx, func(r *v1alpha1.RedisReplication) {
		want.Spec.DeepCopyInto(&r.Spec)
		r.Annotations = nil
	}); err != nil {
		return err
	}
	return f.set.WaitReady(ctx, settleTimeout)
}

// redisScene is one spec at work: a set of Redis pods, and clients that write to it.
type redisScene struct {
	*kit.RedisSet
	run *load.Run
	// replaced are servers, by run_id, that were replaced without having been asked: what
	// nobody else had received is lost with them.
	replaced []string
	// thawed are servers that were let go on, and not looked after since.
	thawed []*thawed
	// spent: the spec leaves nothing that another one can use.
	spent bool
}

// onRedis gives every spec of a container a healthy set with clients at work, and checks them
// at the spec's end.
func onRedis(f *redisFixture) *redisScene {
	s := &redisScene{}
	BeforeEach(func(ctx SpecContext) {
		*s = redisScene{}
		err := f.healthy(ctx)
		s.RedisSet = f.set
		Expect(err).NotTo(HaveOccurred())
		s.write(ctx)
	})
	AfterEach(func(ctx SpecContext) {
		if s.RedisSet == nil {
			return
		}
		failed := CurrentSpecReport().Failed()
		var problems []string
		if !failed && !s.spent {
			if err := f.restore(ctx); err != nil {
				problems = append(problems, "the set is not healthy at the end: "+err.Error())
			} else if s.run != nil {
				if err := kit.WaitWrites(ctx, s.run, 20, writesTimeout); err != nil {
					problems = append(problems, "clients are not served at the end: "+err.Error())
				}
			}
		}
		if _, text, right := s.judge(ctx); !right {
			problems = append(problems, text)
		}
		if failed || len(problems) > 0 {
			GinkgoWriter.Println(s.Diagnose(ctx, suite.operator))
		}
		if failed || len(problems) > 0 || s.spent {
			f.discard(ctx)
		}
		Expect(problems).To(BeEmpty())
	})
	return s
}

// write sets clients to work.
func (s *redisScene) write(ctx SpecContext) {
	GinkgoHelper()
	var err error
	s.run, err = s.StartTraffic(ctx, traffic)
	Expect(err).NotTo(HaveOccurred())
}

// judge ends the clients' work and checks what they were told. Losses are noted for the end
// of the suite, but for those of servers that were replaced.
func (s *redisScene) judge(ctx context.Context) (v load.Verdict, text string, right bool) {
	if s.run == nil {
		return v, "", true
	}
	run := s.run
	s.run = nil
	report := run.Stop()
	v, err := s.CheckTraffic(ctx, run)
	if err != nil {
		return v, fmt.Sprintf("the writes could not be checked: %v\n%s", err, report), false
	}
	v.GiveUp(s.replaced...)
	if len(v.Lost) > 0 {
		noteLoss(v.String())
	}
	GinkgoWriter.Println(v)
	return v, v.String(), v.OK()
}

// stopWriting ends the clients' work and fails unless all that they were told is true.
func (s *redisScene) stopWriting(ctx SpecContext) load.Verdict {
	GinkgoHelper()
	v, text, right := s.judge(ctx)
	Expect(right).To(BeTrue(), text)
	return v
}

// giveUpOthers notes that all servers that have acknowledged something were replaced, but one.
func (s *redisScene) giveUpOthers(but string) {
	for _, turn := range s.run.Turns() {
		if turn.Server != but {
			s.replaced = append(s.replaced, turn.Server)
		}
	}
}

// source that the status names.
func (s *redisScene) source(ctx SpecContext) string {
	GinkgoHelper()
	r, err := s.Get(ctx)
	Expect(err).NotTo(HaveOccurred())
	return r.Status.Source
}

// process of a pod, as it is noted for each acknowledged write.
func (s *redisScene) process(ctx SpecContext, pod string) string {
	GinkgoHelper()
	id, err := s.RunID(ctx, pod)
	Expect(err).NotTo(HaveOccurred())
	return id
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

// failedOver waits until a node is the source by a failover.
func (s *redisScene) failedOver(ctx SpecContext, to string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		r, err := s.Get(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.Status.Source).To(Equal(to), kit.DescribeRedis(r))
		g.Expect(r.Status.LastSwitchover).NotTo(BeNil())
		g.Expect(r.Status.LastSwitchover.Failover).To(BeTrue())
	}).Should(Succeed())
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
