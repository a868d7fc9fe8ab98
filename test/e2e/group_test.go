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

// groupScene is one spec at work: a MysqlGroupReplication, and clients that write to it.
// Specs share a group as long as they leave it healthy.
type groupScene struct {
	*kit.Group
	run *load.Run
}

// groupFixture is a group that specs use one after the other; group is nil until one
// needs it.
type groupFixture struct {
	options kit.SetOptions
	group   *kit.Group
}

var (
	ring = &groupFixture{options: kit.SetOptions{Name: "ring"}}
	// ringOnLimitedDisks can be full.
	ringOnLimitedDisks = &groupFixture{options: kit.SetOptions{Name: "ring", DiskBytes: 1 << 30}}
)

// discard lets go of the group.
func (f *groupFixture) discard(ctx context.Context) {
	if f.group == nil {
		return
	}
	f.group.Close()
	if !keep() {
		_ = suite.cluster.DeleteNamespace(ctx, f.group.Namespace)
	}
	f.group = nil
}

// restore brings the spec back to all pods and no wanted primary, and waits until that is so.
func (f *groupFixture) restore(ctx context.Context) error {
	want := f.group.Resource("", pods...)
	if _, err := f.group.Edit(ctx, func(r *v1alpha1.MysqlGroupReplication) {
		want.Spec.DeepCopyInto(&r.Spec)
		r.Annotations = nil
	}); err != nil {
		return err
	}
	return f.group.WaitReady(ctx, settleTimeout)
}

// healthy makes sure of a group that is Ready with all its pods. After an error, group is
// the one that is not.
func (f *groupFixture) healthy(ctx SpecContext) error {
	GinkgoHelper()
	theOperator(ctx)
	if f.group != nil {
		err := f.restore(ctx)
		if err == nil {
			return nil
		}
		GinkgoWriter.Printf("the group of earlier specs is given up: %v\n", err)
		f.discard(ctx)
	}
	namespace, err := suite.cluster.CreateNamespace(ctx, namespacePrefix)
	Expect(err).NotTo(HaveOccurred())
	f.group, err = suite.cluster.NewGroup(ctx, namespace, f.options)
	Expect(err).NotTo(HaveOccurred())
	if err := f.group.Create(ctx, f.group.Resource("", pods...)); err != nil {
		return err
	}
	return f.group.WaitReady(ctx, settleTimeout)
}

// onGroup gives every spec of a container a healthy group with clients at work, and
// checks them at the spec's end.
func onGroup(f *groupFixture) *groupScene {
	s := &groupScene{}
	BeforeEach(func(ctx SpecContext) {
		*s = groupScene{}
		err := f.healthy(ctx)
		s.Group = f.group
		Expect(err).NotTo(HaveOccurred())
		s.run, err = s.StartTraffic(ctx, traffic)
		Expect(err).NotTo(HaveOccurred())
	})
	AfterEach(func(ctx SpecContext) {
		if s.Group == nil {
			return
		}
		var problems []string
		if !CurrentSpecReport().Failed() {
			if err := f.restore(ctx); err != nil {
				problems = append(problems, "the group is not healthy at the end: "+err.Error())
			} else if err := kit.WaitWrites(ctx, s.run, 20, writesTimeout); err != nil {
				problems = append(problems, "clients are not served at the end: "+err.Error())
			}
		}
		if s.run != nil {
			report := s.run.Stop()
			verdict, err := s.CheckTraffic(ctx, s.run)
			switch {
			case err != nil:
				problems = append(problems, fmt.Sprintf("the writes could not be checked: %v\n%s", err, report))
			case !verdict.OK():
				problems = append(problems, verdict.String())
			}
			if len(verdict.Lost) > 0 {
				noteLoss(verdict.String())
			}
		}
		if len(problems) > 0 || CurrentSpecReport().Failed() {
			GinkgoWriter.Println(s.Diagnose(ctx, suite.operator))
			f.discard(ctx)
		}
		Expect(problems).To(BeEmpty())
	})
	return s
}

// primary that the status names.
func (s *groupScene) primary(ctx SpecContext) string {
	GinkgoHelper()
	r, err := s.Get(ctx)
	Expect(err).NotTo(HaveOccurred())
	return r.Status.Primary
}

// others are the pods that are not the primary.
func (s *groupScene) others(ctx SpecContext) []string {
	GinkgoHelper()
	primary := s.primary(ctx)
	return slices.DeleteFunc(slices.Clone(pods), func(pod string) bool { return pod == primary })
}

// served waits until clients have written something more.
func (s *groupScene) served(ctx SpecContext) {
	GinkgoHelper()
	Expect(kit.WaitWrites(ctx, s.run, 30, writesTimeout)).To(Succeed())
}

// ready waits until the resource is Ready as its spec says, routed, and serves clients.
func (s *groupScene) ready(ctx SpecContext) {
	GinkgoHelper()
	Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		r, err := s.Get(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		var secondaries []string
		for _, member := range r.Spec.Member {
			want := "true"
			if member.Name == r.Status.Primary {
				want = "false"
			} else {
				secondaries = append(secondaries, member.Name)
			}
			labels, err := s.ManagedLabels(ctx, member.Name)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(labels).To(Equal(s.Name + "/" + want))
		}
		behind, err := s.Routed(ctx, s.ReadWriteService())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(behind).To(Equal([]string{r.Status.Primary}), s.ReadWriteService())
		behind, err = s.Routed(ctx, s.ReadOnlyService())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(behind).To(ConsistOf(secondaries), s.ReadOnlyService())
	}).Should(Succeed())
	s.served(ctx)
}

// online waits until pods see all three members ONLINE. A status from before they were
// killed may still say Ready: a look at servers that are gone takes some seconds.
func (s *groupScene) online(ctx SpecContext, names ...string) {
	GinkgoHelper()
	for _, pod := range names {
		Eventually(ctx, func(ctx context.Context) (string, error) {
			return s.Query(ctx, pod, onlineMembers)
		}).WithTimeout(settleTimeout).Should(Equal("3"), pod)
	}
}

// value of a query on a pod.
func (s *groupScene) value(ctx SpecContext, pod, query string) string {
	GinkgoHelper()
	v, err := s.Query(ctx, pod, query)
	Expect(err).NotTo(HaveOccurred())
	return v
}

const onlineMembers = "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE = 'ONLINE'"

var _ = Describe("A MysqlGroupReplication", Ordered, ContinueOnFailure, func() {
	s := onGroup(ring)

	It("makes a group of fresh pods", func(ctx SpecContext) {
		s.ready(ctx)
		r, err := s.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Status.Members).To(Equal("3/3"))
		Expect(r.Status.Bootstrapped).To(BeTrue())
		Expect(r.Status.GroupName).To(Equal(s.value(ctx, pods[0], "SELECT @@group_replication_group_name")))
		for _, pod := range pods {
			Expect(s.value(ctx, pod, onlineMembers)).To(Equal("3"), pod)
			Expect(s.value(ctx, pod, "SELECT @@group_replication_bootstrap_group")).To(Equal("0"), pod)
			Expect(r.Status.Topology[pod].MemberState).To(Equal("ONLINE"))
			writable := "11"
			if pod == r.Status.Primary {
				writable = "00"
			}
			Expect(s.value(ctx, pod, "SELECT CONCAT(@@read_only, @@super_read_only)")).To(Equal(writable), pod)
		}
	})

	It("changes its primary there and back without losing a write", func(ctx SpecContext) {
		home, away := s.primary(ctx), s.others(ctx)[0]
		for _, to := range []string{away, home} {
			began := time.Now()
			_, err := s.Edit(ctx, kit.WantPrimary(to))
			Expect(err).NotTo(HaveOccurred())
			s.ready(ctx)
			Expect(s.primary(ctx)).To(Equal(to))
			GinkgoWriter.Printf("%s is the primary after %d ms; %s without writes\n", to, time.Since(began).Milliseconds(), s.run.Outage(began, time.Now()))
		}
	})

	It("follows the election when the primary's pod is killed, and takes the old one back", func(ctx SpecContext) {
		dead := s.primary(ctx)
		Expect(s.KillPods(ctx, dead)).To(Succeed())
		s.online(ctx, dead)
		s.ready(ctx)
	})

	It("comes back with everything that it acknowledged after all pods were killed", func(ctx SpecContext) {
		name := s.value(ctx, pods[0], "SELECT @@group_replication_group_name")
		Expect(s.KillPods(ctx, pods...)).To(Succeed())
		s.online(ctx, pods...)
		s.ready(ctx)
		for _, pod := range pods {
			Expect(s.value(ctx, pod, "SELECT @@group_replication_group_name")).To(Equal(name), pod)
		}
	})

	It("fills a member that came back empty", func(ctx SpecContext) {
		last := pods[len(pods)-1]
		before := s.value(ctx, last, "SELECT @@server_uuid")
		Expect(s.Empty(ctx, len(pods))).To(Succeed())
		s.ready(ctx)
		Expect(s.value(ctx, last, "SELECT @@server_uuid")).NotTo(Equal(before), "its data was not emptied")
		s.online(ctx, last)
	})
})

var _ = Describe("A MysqlGroupReplication over the pods of a MysqlReplication", func() {
	s := onSet(semiSync)

	It("is refused, and the set goes on", func(ctx SpecContext) {
		group := (&kit.Group{Set: s.Set}).Resource("", pods...)
		group.Name = "twin"
		err := suite.cluster.Client.Create(ctx, group)
		Expect(err).To(MatchError(ContainSubstring("belongs to MysqlReplication %q", s.Name)))
		s.ready(ctx)
		s.served(ctx)
	})
})
