// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// proxysqlSpecs labels the specs about ProxySQL.
const proxysqlSpecs = "proxysql"

const (
	writers = 0
	readers = 1
)

// proxies are the ProxySQL pods of a set.
var proxies = []string{kit.ProxysqlPodName(0), kit.ProxysqlPodName(1)}

// proxyScene is a set with ProxySQL pods before it, which it shares with the specs before and
// after it, and clients that write through the first of them. Those of the set write through its Service.
type proxyScene struct {
	*scene
	proxysql *kit.Proxysql
	through  *load.Run
}

// onProxysql gives every spec of a container ProxySQL pods that are synced with the healthy set
// of the container around it, which is judged after it.
func onProxysql(s *scene) *proxyScene {
	p := &proxyScene{scene: s}
	BeforeEach(func(ctx SpecContext) {
		if p.proxysql == nil || p.proxysql.Namespace != p.Namespace {
			var err error
			p.proxysql, err = p.NewProxysql(ctx, len(proxies))
			Expect(err).NotTo(HaveOccurred())
			Expect(p.proxysql.Create(ctx, p.proxysql.Resource(proxies...))).To(Succeed())
		}
		p.synced(ctx, proxies...)
		var err error
		p.through, err = p.proxysql.StartTraffic(ctx, proxies[0], traffic)
		Expect(err).NotTo(HaveOccurred())
	})
	AfterEach(func(ctx SpecContext) {
		if p.proxysql == nil {
			return
		}
		if CurrentSpecReport().Failed() {
			GinkgoWriter.Println(p.proxysql.Diagnose(ctx, suite.operator))
		}
		if p.through == nil {
			return
		}
		run := p.through
		p.through = nil
		report := run.Stop()
		verdict, err := p.CheckTraffic(ctx, run, p.broken...)
		Expect(err).NotTo(HaveOccurred(), "%s", report)
		if len(verdict.Lost) > 0 {
			noteLoss(verdict.String())
		}
		GinkgoWriter.Println("through ProxySQL:", verdict)
		Expect(verdict.OK()).To(BeTrue(), verdict.String())
	})
	return p
}

// synced waits until these ProxySQL servers lead to the source of the set and to its replicas,
// and the resource says so.
func (p *proxyScene) synced(ctx SpecContext, on ...string) {
	GinkgoHelper()
	source, replicas := p.source(ctx), p.others(ctx)
	slices.Sort(replicas)
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		r, err := p.proxysql.Get(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.Status.Source).To(Equal(source), kit.DescribeProxysql(r))
		for _, proxy := range on {
			node := r.Status.Topology[proxy]
			g.Expect(node).NotTo(BeNil(), proxy)
			g.Expect(node.Synced).To(BeTrue(), kit.DescribeProxysql(r))
			p.leads(ctx, g, proxy, source, replicas...)
		}
	}).Should(Succeed())
	if len(on) == len(proxies) {
		Expect(p.proxysql.WaitReady(ctx, settleTimeout)).To(Succeed())
	}
}

// leads says whether a ProxySQL goes by these servers.
func (p *proxyScene) leads(ctx context.Context, g Gomega, proxy, source string, replicas ...string) {
	writing, err := p.proxysql.Hostgroup(ctx, proxy, writers)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(writing).To(Equal([]string{source}), proxy)
	reading, err := p.proxysql.Hostgroup(ctx, proxy, readers)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(reading).To(Equal(replicas), proxy)
}

// known waits until every ProxySQL has a user with a hash; an empty one: until none has the user.
func (p *proxyScene) known(ctx SpecContext, user, hash string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		for _, proxy := range proxies {
			has, err := p.proxysql.HashOf(ctx, proxy, user)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(has).To(Equal(hash), proxy)
		}
	}).Should(Succeed())
}

var _ = Describe("A ProxysqlSync", Label(proxysqlSpecs), func() {
	s := onSet(async)

	Context("of two pods", func() {
		p := onProxysql(s)

		It("leads ProxySQL after a switchover, and one that was started empty meanwhile", func(ctx SpecContext) {
			home, away := p.source(ctx), p.others(ctx)[0]
			for _, to := range []string{away, home} {
				p.edit(ctx, kit.ExchangeSource(to))
				p.ready(ctx)
				p.synced(ctx, proxies...)
				Expect(kit.WaitWrites(ctx, p.through, 20, writesTimeout)).To(Succeed())
			}
			By("emptying a ProxySQL")
			Expect(p.proxysql.Empty(ctx, len(proxies))).To(Succeed())
			p.synced(ctx, proxies...)
			Expect(kit.WaitWrites(ctx, p.through, 20, writesTimeout)).To(Succeed())
		})

		It("brings users and takes them away, whatever they are called, and leaves those of others", func(ctx SpecContext) {
			source := p.source(ctx)
			// A name has 32 characters at the most.
			hostile := load.Login{User: `o'b\"; DROP TABLE x -- é`, Password: `'\" OR 1=1 -- é` + "\t"}
			for _, statement := range []string{
				"INSERT INTO mysql_users (username, password, default_hostgroup, comment) VALUES ('of-others', 'x', 50, 'mine')",
				"LOAD MYSQL USERS TO RUNTIME", "SAVE MYSQL USERS TO DISK",
				"INSERT INTO mysql_servers (hostgroup_id, hostname, port, comment) VALUES (50, 'elsewhere.invalid', 3306, 'mine')",
				"LOAD MYSQL SERVERS TO RUNTIME", "SAVE MYSQL SERVERS TO DISK",
			} {
				_, err := p.proxysql.Admin(ctx, proxies[0], statement)
				Expect(err).NotTo(HaveOccurred())
			}

			hash, err := p.CreateUser(ctx, source, hostile)
			Expect(err).NotTo(HaveOccurred())
			Expect(hash).NotTo(BeEmpty())
			p.known(ctx, hostile.User, hash)
			p.known(ctx, "replication", "")
			p.known(ctx, "mysql.sys", "")

			By("dropping it")
			Expect(p.DropUser(ctx, source, hostile.User)).To(Succeed())
			p.known(ctx, hostile.User, "")

			for _, query := range []string{
				"SELECT count(*) FROM runtime_mysql_users WHERE username = 'of-others' AND backend = 1",
				"SELECT count(*) FROM runtime_mysql_servers WHERE hostgroup_id = 50",
			} {
				rows, err := p.proxysql.Admin(ctx, proxies[0], query)
				Expect(err).NotTo(HaveOccurred())
				Expect(rows).To(Equal([]string{"1"}), query)
			}
			p.synced(ctx, proxies...)
		})

		It("is not held up by a ProxySQL that does not answer, and leaves what is there when it is deleted", Label(onNode), func(ctx SpecContext) {
			Expect(p.proxysql.Freeze(ctx, proxies[1])).To(Succeed())
			DeferCleanup(func(ctx SpecContext) { _ = p.proxysql.Thaw(ctx, proxies[1]) })
			before := p.source(ctx)
			p.edit(ctx, kit.ExchangeSource(p.others(ctx)[0]))
			p.ready(ctx)
			p.synced(ctx, proxies[0])
			Expect(kit.WaitWrites(ctx, p.through, 20, writesTimeout)).To(Succeed())
			r, err := p.proxysql.Get(ctx)
			Expect(err).NotTo(HaveOccurred())
			Expect(r.Status.Ready).To(BeFalse(), kit.DescribeProxysql(r))
			Expect(p.proxysql.Thaw(ctx, proxies[1])).To(Succeed())
			p.synced(ctx, proxies...)

			By("deleting the resource")
			Expect(suite.cluster.Client.Delete(ctx, &v1alpha1.ProxysqlSync{ObjectMeta: r.ObjectMeta})).To(Succeed())
			Eventually(ctx, func(ctx context.Context) bool {
				_, err := p.proxysql.Get(ctx)
				return apierrors.IsNotFound(err)
			}).Should(BeTrue())
			source, replicas := p.source(ctx), p.others(ctx)
			slices.Sort(replicas)
			Expect(source).NotTo(Equal(before))
			Consistently(ctx, func(g Gomega, ctx context.Context) { p.leads(ctx, g, proxies[0], source, replicas...) }).Should(Succeed())

			By("making it again: what is there is taken over")
			Expect(p.proxysql.Create(ctx, p.proxysql.Resource(proxies...))).To(Succeed())
			p.synced(ctx, proxies...)
		})
	})
})

var _ = Describe("A ProxysqlSync over a set whose source is gone", Label(proxysqlSpecs), func() {
	s := onOwnSet(failoverSet(v1alpha1.MysqlSemiSync))

	It("leads ProxySQL to the new source, and the old one is led to as a replica at most", func(ctx SpecContext) {
		p := &proxyScene{scene: s}
		var err error
		p.proxysql, err = s.NewProxysql(ctx, len(proxies))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { p.proxysql.Close() })
		Expect(p.proxysql.Create(ctx, p.proxysql.Resource(proxies...))).To(Succeed())
		p.synced(ctx, proxies...)
		p.through, err = p.proxysql.StartTraffic(ctx, proxies[0], traffic)
		Expect(err).NotTo(HaveOccurred())
		// Its acknowledged writes are those of the set's clients: judged at the spec's end.
		s.run = p.through

		Expect(s.Scale(ctx, 2)).To(Succeed())
		s.edit(ctx, kit.ExchangeSource(pods[0]))
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			for _, proxy := range proxies {
				writing, err := p.proxysql.Hostgroup(ctx, proxy, writers)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(writing).To(Equal([]string{pods[0]}), proxy)
			}
		}).Should(Succeed())
		s.served(ctx)

		By("letting the old source come back with its data")
		Expect(s.Scale(ctx, 3)).To(Succeed())
		Eventually(ctx, func(ctx context.Context) (string, error) { return s.Query(ctx, pods[2], "SELECT @@super_read_only") }).Should(Equal("1"))
		Eventually(ctx, func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			old := r.Status.Topology[pods[2]]
			g.Expect(old).NotTo(BeNil())
			g.Expect(old.Ready || old.ErrantCount > 0).To(BeTrue(), kit.Describe(r))
			if !old.Ready {
				s.broken = []string{pods[2]}
			}
		}).Should(Succeed())
		for _, proxy := range proxies {
			writing, err := p.proxysql.Hostgroup(ctx, proxy, writers)
			Expect(err).NotTo(HaveOccurred())
			Expect(writing).To(Equal([]string{pods[0]}), proxy)
		}
		s.served(ctx)
	})
})
