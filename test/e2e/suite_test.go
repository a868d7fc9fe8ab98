// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/test/e2e/kit"
)

// Timeouts are generous: a slow machine must not fail a spec. None of them is
// an assertion about speed.
const (
	// settleTimeout is for the operator to get somewhere.
	settleTimeout = 120 * time.Second
	// writesTimeout is for clients to be served again.
	writesTimeout = 90 * time.Second
	// standstill is how long something must stay as it is before it counts as left alone.
	standstill = 3 * time.Second
)

// namespacePrefix of everything that the suite makes.
const namespacePrefix = "e2e"

// suite is what all specs share.
var suite struct {
	cluster  *kit.Cluster
	operator *kit.Operator
	mu       sync.Mutex
	// losses are verdicts of a lost write. They fail the suite even when a
	// repeated spec passes.
	losses []string
	// unlock is the first process's; nil in the others.
	unlock func()
}

func TestEndToEnd(t *testing.T) {
	RegisterFailHandler(Fail)
	suiteConfig, reporterConfig := GinkgoConfiguration()
	if suiteConfig.FlakeAttempts == 0 {
		suiteConfig.FlakeAttempts = 2
	}
	RunSpecs(t, "Compose Operator", suiteConfig, reporterConfig)
}

// Specs may run in several processes at once, each with sets of its own, under the one
// operator that the first process installs. Specs that end the operator, or break what
// everybody on the cluster needs, are Serial: they run after all others.
var _ = SynchronizedBeforeSuite(func(ctx SpecContext) []byte {
	prepare()
	var err error
	suite.cluster, suite.unlock, err = kit.Open(ctx, os.Stderr)
	Expect(err).NotTo(HaveOccurred())
	Expect(suite.cluster.DeleteLeftovers(ctx, namespacePrefix)).To(Succeed())
	suite.operator, err = suite.cluster.Install(ctx)
	Expect(err).NotTo(HaveOccurred())
	told, err := json.Marshal(suite.operator.Reference())
	Expect(err).NotTo(HaveOccurred())
	return told
}, func(_ SpecContext, told []byte) {
	if suite.operator != nil {
		return
	}
	prepare()
	settings, err := kit.SettingsFromEnvironment()
	Expect(err).NotTo(HaveOccurred())
	suite.cluster, err = kit.Connect(settings)
	Expect(err).NotTo(HaveOccurred())
	var installed kit.OperatorReference
	Expect(json.Unmarshal(told, &installed)).To(Succeed())
	suite.operator = suite.cluster.Attach(installed)
})

// prepare what a process of the suite waits with.
func prepare() {
	log.SetLogger(logr.Discard())
	SetDefaultEventuallyTimeout(settleTimeout)
	SetDefaultEventuallyPollingInterval(kit.Interval)
	// Without it a wait with a context goes on for ever.
	EnforceDefaultTimeoutsWhenUsingContexts()
	SetDefaultConsistentlyDuration(standstill)
	SetDefaultConsistentlyPollingInterval(2 * kit.Interval)
}

var _ = SynchronizedAfterSuite(func(ctx SpecContext) {
	closeSets(ctx)
	suite.mu.Lock()
	defer suite.mu.Unlock()
	Expect(suite.losses).To(BeEmpty(), "acknowledged writes were lost; a repeated spec does not make that good")
}, func() {
	if suite.unlock != nil {
		suite.unlock()
	}
})

// withFaults labels specs that need the operator built with fault points.
const withFaults = "faults"

// theOperator returns the installed operator. A spec before may have left one with a
// fault, which only another one of its kind tolerates.
func theOperator(ctx SpecContext) *kit.Operator {
	GinkgoHelper()
	if !slices.Contains(CurrentSpecReport().Labels(), withFaults) {
		Expect(suite.operator.Deploy(ctx, "")).To(Succeed())
	}
	return suite.operator
}

// noteLoss remembers a verdict of lost writes until the end of the suite.
func noteLoss(verdict string) {
	suite.mu.Lock()
	defer suite.mu.Unlock()
	suite.losses = append(suite.losses, fmt.Sprintf("%s\n%s", CurrentSpecReport().FullText(), verdict))
}

// keep says whether the namespaces of failed specs are left for a person to look at.
func keep() bool { return strings.EqualFold(os.Getenv("E2E_KEEP"), "true") }
