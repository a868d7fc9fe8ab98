// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

// withoutLog runs statements that must not be replicated.
func withoutLog(statements ...string) []string {
	return append([]string{"SET SESSION sql_log_bin = 0"}, statements...)
}

var _ = Describe("A candidate that cannot take over", func() {
	s := onSet(semiSync)

	// refusedThenTaken asks for a switchover to a broken candidate, expects that
	// nothing happens, mends the candidate, and expects the switchover.
	refusedThenTaken := func(ctx SpecContext, from, to string, mend func()) {
		GinkgoHelper()
		s.broken = []string{to}
		s.edit(ctx, kit.ExchangeSource(to))
		s.reaches(ctx, to, refused)
		Consistently(ctx, func(g Gomega, ctx context.Context) {
			r, err := s.Get(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.Status.Source).To(Equal(from))
			g.Expect(r.Status.Ready).To(BeFalse())
			behind, err := s.Routed(ctx, s.ReadWriteService())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(behind).To(Equal([]string{from}))
			readOnly, err := s.Query(ctx, from, "SELECT @@super_read_only")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(readOnly).To(Equal("0"), "super_read_only of the source")
			readOnly, err = s.Query(ctx, to, "SELECT @@super_read_only")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(readOnly).To(Equal("1"), "super_read_only of the candidate")
		}).Should(Succeed())
		s.served(ctx)

		By("mending the candidate")
		mend()
		s.ready(ctx)
		Expect(s.source(ctx)).To(Equal(to))
		s.served(ctx)
		s.broken = nil
	}

	It("is refused with a stopped IO thread, and taken once that runs", func(ctx SpecContext) {
		from, to := s.source(ctx), s.others(ctx)[0]
		// The operator starts stopped threads. This one stays down because the source
		// does not let its user in; the other replica's connection is not touched.
		s.exec(ctx, from, withoutLog("ALTER USER 'replication'@'%' ACCOUNT LOCK")...)
		DeferCleanup(func(ctx SpecContext) {
			if !CurrentSpecReport().Failed() {
				return // It is unlocked, and no source any more.
			}
			_ = s.Exec(ctx, from, withoutLog("SET GLOBAL super_read_only = OFF", "ALTER USER 'replication'@'%' ACCOUNT UNLOCK")...)
		})
		s.exec(ctx, to, "STOP REPLICA IO_THREAD")
		s.served(ctx)
		refusedThenTaken(ctx, from, to, func() {
			s.exec(ctx, from, withoutLog("ALTER USER 'replication'@'%' ACCOUNT UNLOCK")...)
			s.exec(ctx, to, "START REPLICA IO_THREAD")
		})
	})

	It("is refused with a stopped SQL thread, and taken once that runs", func(ctx SpecContext) {
		from, to := s.source(ctx), s.others(ctx)[0]
		// A row that only the candidate has stops its applier at the same row of the source.
		s.exec(ctx, from, "CREATE TABLE IF NOT EXISTS compose_load.notes (id INT PRIMARY KEY)", "DELETE FROM compose_load.notes")
		Eventually(ctx, func(ctx context.Context) (string, error) {
			return s.Query(ctx, to, "SELECT COUNT(*) FROM compose_load.notes")
		}).Should(Equal("0"))
		writable, fenced := "SET GLOBAL super_read_only = OFF", "SET GLOBAL super_read_only = ON"
		s.exec(ctx, to, withoutLog(writable, "INSERT INTO compose_load.notes VALUES (7)", fenced)...)
		s.exec(ctx, from, "INSERT INTO compose_load.notes VALUES (7)")
		Eventually(ctx, func(ctx context.Context) (string, error) {
			status, err := s.ReplicaStatus(ctx, to)
			return status["Replica_SQL_Running"], err
		}).Should(Equal("No"))
		refusedThenTaken(ctx, from, to, func() {
			s.exec(ctx, to, withoutLog(writable, "DELETE FROM compose_load.notes", fenced)...)
			s.exec(ctx, to, "START REPLICA SQL_THREAD")
		})
	})

	It("is refused while it lags, and taken once it has caught up", func(ctx SpecContext) {
		from, to := s.source(ctx), s.others(ctx)[0]
		delay := func(seconds int) {
			s.exec(ctx, to, "STOP REPLICA SQL_THREAD", fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_DELAY = %d", seconds), "START REPLICA SQL_THREAD")
		}
		delay(3600)
		// Well beyond what a candidate may be behind.
		Eventually(ctx, func(ctx context.Context) (int, error) {
			status, err := s.ReplicaStatus(ctx, to)
			if err != nil {
				return 0, err
			}
			return strconv.Atoi(status["Seconds_Behind_Source"])
		}).Should(BeNumerically(">", 12))
		refusedThenTaken(ctx, from, to, func() { delay(0) })
	})

	It("is not promoted while it lags a little, whatever happens", func(ctx SpecContext) {
		from, to := s.source(ctx), s.others(ctx)[0]
		s.broken = []string{to}
		// Little enough to pass a check of the lag, too much to catch up in time.
		s.exec(ctx, to, "STOP REPLICA SQL_THREAD", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 3600", "START REPLICA SQL_THREAD")
		s.edit(ctx, kit.ExchangeSource(to))
		s.reaches(ctx, to, refused, undone)
		s.served(ctx)
		Expect(s.source(ctx)).To(Equal(from))
		s.edit(ctx, func(r *v1alpha1.MysqlReplication) { kit.ExchangeSource(from)(r) })
		s.exec(ctx, to, "STOP REPLICA SQL_THREAD", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 0", "START REPLICA SQL_THREAD")
		s.ready(ctx)
		s.broken = nil
	})
})
