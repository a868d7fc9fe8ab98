// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// The checker must be able to fail, on the servers that it is used on.
var _ = Describe("The checker of acknowledged writes", func() {
	It("sees a write that is lost, one that nobody made, and a replica that differs", func(ctx SpecContext) {
		set := newSet(ctx, kit.SetOptions{Pods: 2})
		DeferCleanup(func(ctx SpecContext) {
			set.Close()
			Expect(suite.cluster.DeleteNamespace(ctx, set.Namespace)).To(Succeed())
		})
		source, err := set.Address(ctx, pods[0])
		Expect(err).NotTo(HaveOccurred())
		replica, err := set.Address(ctx, pods[1])
		Expect(err).NotTo(HaveOccurred())
		Expect(load.Prepare(ctx, source, set.Application())).To(Succeed())
		run, err := load.Start(context.WithoutCancel(ctx), load.Options{ReadWrite: source, Login: set.Application(), Interval: traffic.Interval})
		Expect(err).NotTo(HaveOccurred())
		Expect(kit.WaitWrites(ctx, run, 50, writesTimeout)).To(Succeed())
		run.Stop()

		check := func(servers load.Servers) load.Verdict {
			GinkgoHelper()
			servers.Source, servers.Login = load.Server{Name: pods[0], Address: source}, set.Admin()
			verdict, err := run.Check(ctx, servers)
			Expect(err).NotTo(HaveOccurred())
			return verdict
		}
		Expect(check(load.Servers{}).OK()).To(BeTrue())

		By("deleting an acknowledged row")
		Expect(set.Exec(ctx, pods[0], "DELETE FROM compose_load.acknowledged ORDER BY run DESC, writer, seq LIMIT 1")).To(Succeed())
		Expect(check(load.Servers{}).Lost).To(HaveLen(1))

		By("inserting a row that no client wrote")
		Expect(set.Exec(ctx, pods[0], "INSERT INTO compose_load.acknowledged SELECT MAX(run), 0, 1000000 FROM compose_load.acknowledged")).To(Succeed())
		Expect(check(load.Servers{}).Phantoms).To(HaveLen(1))

		By("comparing with a server that has the source's transactions without their rows")
		executed, err := set.Query(ctx, pods[0], "SELECT @@gtid_executed")
		Expect(err).NotTo(HaveOccurred())
		Expect(load.Prepare(ctx, replica, set.Application())).To(Succeed())
		Expect(set.Exec(ctx, pods[1], "RESET BINARY LOGS AND GTIDS", "SET GLOBAL gtid_purged='"+executed+"'")).To(Succeed())
		Expect(check(load.Servers{Replicas: []load.Server{{Name: pods[1], Address: replica}}}).Diverged).To(HaveLen(1))
	})
})
