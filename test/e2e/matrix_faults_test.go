// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// Faults that any kind can meet. Each returns what mends it.

func nothingToMend(context.Context) error { return nil }

func killWriter(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	Expect(s.servers().Kill(ctx, c.writer)).To(Succeed())
	return nothingToMend
}

func freezeWriter(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	return freeze(ctx, s, c.writer)
}

func freezeCandidate(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	return freeze(ctx, s, c.candidate)
}

// freeze stops a pod's server, and returns what lets it go on.
func freeze(ctx SpecContext, s stage, pod string) func(context.Context) error {
	GinkgoHelper()
	Expect(s.servers().Freeze(ctx, pod)).To(Succeed())
	if on, is := s.(frail); is {
		return on.thaws(ctx, pod)
	}
	return func(ctx context.Context) error { return s.servers().Thaw(ctx, pod) }
}

// killOperator as a crash does, without giving its lease back. Mending it is that the next one
// need not wait for the lease to run out.
func killOperator(ctx SpecContext, _ stage, _ cast) func(context.Context) error {
	GinkgoHelper()
	Expect(suite.operator.Kill(ctx, killed)).To(Succeed())
	return func(ctx context.Context) error {
		if err := suite.operator.WaitReady(ctx); err != nil {
			return err
		}
		return suite.operator.ReleaseLease(ctx)
	}
}

// emptyWriter makes the pod of who takes writes anew. A server that keeps nothing on disk is
// empty then.
func emptyWriter(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	Expect(s.servers().DeletePod(ctx, c.writer, killed)).To(Succeed())
	return nothingToMend
}

func cutFromOperator(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	ips, err := suite.operator.PodIPs(ctx)
	Expect(err).NotTo(HaveOccurred())
	return cut(ctx, s, c.writer, ips...)
}

func cutFromOthers(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	return cut(ctx, s, c.writer, podIPs(ctx, s, c.candidate, c.other)...)
}

func cutFromClients(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	return cut(ctx, s, c.writer, machineAddresses(ctx)...)
}

func fillDiskOfWriter(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	mend, err := s.servers().FillDisk(ctx, c.writer)
	Expect(err).NotTo(HaveOccurred())
	return mend
}

func hangAPIServer(SpecContext, stage, cast) func(context.Context) error {
	GinkgoHelper()
	thaw, err := kit.FreezeAPIServer()
	Expect(err).NotTo(HaveOccurred())
	return func(context.Context) error { return thaw() }
}

func misdirectCandidate(ctx SpecContext, s stage, c cast) func(context.Context) error {
	GinkgoHelper()
	heal, err := suite.cluster.Misdirect(ctx, s.servers().Host(c.candidate), podIPs(ctx, s, c.writer)[0])
	Expect(err).NotTo(HaveOccurred())
	return heal
}

func cut(ctx SpecContext, s stage, pod string, from ...string) func(context.Context) error {
	GinkgoHelper()
	heal, err := s.servers().Cut(ctx, pod, from...)
	Expect(err).NotTo(HaveOccurred())
	return heal
}

func podIPs(ctx SpecContext, s stage, pods ...string) []string {
	GinkgoHelper()
	ips, err := s.servers().IPs(ctx, pods...)
	Expect(err).NotTo(HaveOccurred())
	return ips
}

// nobodyReturns: there are turns, and nobody comes back who was followed by somebody else.
func nobodyReturns(turns []load.Turn) {
	GinkgoHelper()
	had := map[string]bool{}
	for _, turn := range turns {
		Expect(had[turn.Server]).To(BeFalse(), "%s took writes beside another one:\n%s", turn.Server, load.DescribeTurns(turns))
		had[turn.Server] = true
	}
	Expect(turns).NotTo(BeEmpty())
}

// machineAddresses are those that clients of this machine come from.
func machineAddresses(ctx SpecContext) []string {
	GinkgoHelper()
	out, err := exec.CommandContext(ctx, "ip", "-4", "-o", "addr", "show", "scope", "global").Output()
	Expect(err).NotTo(HaveOccurred())
	var addresses []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 3 {
			addresses = append(addresses, strings.Split(fields[3], "/")[0])
		}
	}
	return addresses
}
