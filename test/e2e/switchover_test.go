// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

// rounds is how often a spec switches over there and back; E2E_ROUNDS.
func rounds(otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv("E2E_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// thereAndBack switches over to a replica and back, so many times.
func thereAndBack(ctx SpecContext, s *scene, times int) {
	GinkgoHelper()
	home, away := s.source(ctx), s.others(ctx)[0]
	for i := range times {
		for _, to := range []string{away, home} {
			began := time.Now()
			s.edit(ctx, kit.ExchangeSource(to))
			s.ready(ctx)
			s.served(ctx)
			GinkgoWriter.Printf("round %d: %s is the source, Ready after %d ms; %s without writes\n",
				i+1, to, time.Since(began).Milliseconds(), s.run.Outage(began, time.Now()))
		}
	}
	expectRouted(ctx, s, home, s.others(ctx)...)
}

var _ = Describe("A planned switchover, semi-synchronous", func() {
	s := onSet(semiSync)

	It("goes there and back ten times without losing a write", func(ctx SpecContext) {
		thereAndBack(ctx, s, rounds(10))
		r, err := s.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Status.LastSwitchover).NotTo(BeNil())
		Expect(r.Status.LastSwitchover.To).To(Equal(r.Status.Source))
		Expect(r.Status.Switchover).To(BeNil())
	})

	It("goes through a transaction that a client keeps open on the source", func(ctx SpecContext) {
		from, to := s.source(ctx), s.others(ctx)[0]
		s.exec(ctx, from, "CREATE TABLE IF NOT EXISTS compose_load.notes (id INT PRIMARY KEY)", "DELETE FROM compose_load.notes")
		address, err := s.Address(ctx, from)
		Expect(err).NotTo(HaveOccurred())
		session, err := kit.OpenSession(ctx, address, s.Application())
		Expect(err).NotTo(HaveOccurred())
		defer session.Close()
		Expect(session.Exec(ctx, "START TRANSACTION")).To(Succeed())
		Expect(session.Exec(ctx, "INSERT INTO compose_load.notes VALUES (1)")).To(Succeed())

		s.edit(ctx, kit.ExchangeSource(to))
		// The fence ends the client's session, so that it waits for nobody.
		Expect(s.settled(ctx)).To(BeFalse(), "it was undone")
		Expect(s.source(ctx)).To(Equal(to))
		Expect(session.Exec(ctx, "COMMIT")).NotTo(Succeed(), "the fence must not let an open transaction through")
		Expect(s.value(ctx, to, "SELECT COUNT(*) FROM compose_load.notes")).To(Equal("0"))
	})

	It("goes through a global read lock that a client holds on the source", func(ctx SpecContext) {
		from, to := s.source(ctx), s.others(ctx)[0]
		login := s.Application()
		login.User = "dba"
		s.exec(ctx, from, "CREATE USER IF NOT EXISTS 'dba'@'%' IDENTIFIED BY '"+login.Password+"'", "GRANT RELOAD ON *.* TO 'dba'@'%'")
		address, err := s.Address(ctx, from)
		Expect(err).NotTo(HaveOccurred())
		session, err := kit.OpenSession(ctx, address, login)
		Expect(err).NotTo(HaveOccurred())
		defer session.Close()
		Expect(session.Exec(ctx, "FLUSH TABLES WITH READ LOCK")).To(Succeed())

		s.edit(ctx, kit.ExchangeSource(to))
		// The fence ends that session too.
		s.reaches(ctx, to, finished)
		s.ready(ctx)
		s.served(ctx)
	})

	It("is cancelled by putting the source back in the spec", func(ctx SpecContext) {
		from, to := s.source(ctx), s.others(ctx)[0]
		for _, phase := range []v1alpha1.SwitchoverPhase{v1alpha1.SwitchoverPreparing, v1alpha1.SwitchoverSwitching} {
			Expect(s.EditUntil(ctx, kit.ExchangeSource(to), phase, settleTimeout)).To(Succeed())
			s.edit(ctx, kit.ExchangeSource(from))
			// It was cancelled, or it was finished and is made once more the other way.
			// What is held up at the fence cannot be finished: see "A fence that is held up".
			s.ready(ctx)
			s.served(ctx)
			Expect(s.source(ctx)).To(Equal(from))
		}
		expectRouted(ctx, s, from, s.others(ctx)...)
	})
})

// Ends of a wanted change of the source.
const (
	finished = "finished"
	undone   = "undone"
	refused  = "refused"
)

// outcome of a wanted change of the source, as the status tells it.
func outcome(r *v1alpha1.MysqlReplication, to string) string {
	switch {
	case r.Status.ObservedGeneration != r.Generation:
		return "not observed yet"
	case r.Status.Source == to && r.Status.Switchover == nil:
		return finished
	case r.Status.Switchover != nil && r.Status.Switchover.Phase == v1alpha1.SwitchoverUndone:
		return undone
	}
	for _, c := range r.Status.Conditions {
		if c.Type == v1alpha1.ConditionTopologyReady && c.Reason == "SwitchoverRefused" {
			return refused
		}
	}
	return fmt.Sprintf("in progress: %s", kit.Describe(r))
}

var _ = Describe("A planned switchover, asynchronous", func() {
	s := onSet(async)

	It("goes there and back without losing a write", func(ctx SpecContext) {
		thereAndBack(ctx, s, rounds(3))
	})
})
