// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/test/e2e/kit"
)

var _ = Describe("Credentials that do not work", func() {
	s := onSet(semiSync)

	// unchanged expects not Ready, everything as it was, and clients served; then
	// mends the Secrets and expects Ready.
	unchanged := func(ctx SpecContext, mend func() error) {
		GinkgoHelper()
		source, before := s.source(ctx), picture(ctx, s)
		Eventually(ctx, func(ctx context.Context) (bool, error) {
			r, err := s.Get(ctx)
			if err != nil {
				return false, err
			}
			return r.Status.Ready, nil
		}).Should(BeFalse(), "the status says Ready")
		r, err := s.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		for _, secret := range []string{string(s.AESKey()), s.Admin().Password} {
			Expect(strings.Contains(kit.Describe(r), secret)).To(BeFalse(), "the status tells a secret")
		}
		Consistently(ctx, func() string { return picture(ctx, s) }).Should(Equal(before))
		s.served(ctx)

		By("writing what works")
		Expect(mend()).To(Succeed())
		s.ready(ctx)
		Expect(s.source(ctx)).To(Equal(source))
		Expect(picture(ctx, s)).To(Equal(before))
	}

	It("change nothing when the password is wrong", func(ctx SpecContext) {
		right := func() error { return s.WriteCredentials(context.WithoutCancel(ctx), nil) }
		DeferCleanup(right)
		Expect(s.WriteCredentials(ctx, map[string]string{"mysql": "not-the-password"})).To(Succeed())
		unchanged(ctx, right)
	})

	It("change nothing when the AES key is another one", func(ctx SpecContext) {
		right := func() error { return s.WriteAESKey(context.WithoutCancel(ctx), s.AESKey()) }
		DeferCleanup(right)
		Expect(s.WriteAESKey(ctx, []byte(strings.Repeat("k", len(s.AESKey()))))).To(Succeed())
		unchanged(ctx, right)
	})
})

// picture of what must not change: labels, and what the servers are told to do.
func picture(ctx context.Context, s *scene) string {
	GinkgoHelper()
	var b strings.Builder
	for _, pod := range pods {
		labels, err := s.ManagedLabels(ctx, pod)
		Expect(err).NotTo(HaveOccurred())
		readOnly, err := s.Query(ctx, pod, "SELECT CONCAT(@@read_only, @@super_read_only)")
		Expect(err).NotTo(HaveOccurred())
		status, err := s.ReplicaStatus(ctx, pod)
		Expect(err).NotTo(HaveOccurred())
		fmt.Fprintf(&b, "%s: labels %q, read-only %s, follows %q, IO %q, SQL %q\n", pod, labels, readOnly,
			status["Source_Host"], status["Replica_IO_Running"], status["Replica_SQL_Running"])
	}
	return b.String()
}
