// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
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
	cluster *kit.Cluster
	// operator is nil until a spec needs it.
	operator *kit.Operator
	mu       sync.Mutex
	// losses are verdicts of a lost write. They fail the suite even when a
	// repeated spec passes.
	losses []string
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

var _ = BeforeSuite(func(ctx SpecContext) {
	log.SetLogger(logr.Discard())
	SetDefaultEventuallyTimeout(settleTimeout)
	SetDefaultEventuallyPollingInterval(kit.Interval)
	// Without it a wait with a context goes on for ever.
	EnforceDefaultTimeoutsWhenUsingContexts()
	SetDefaultConsistentlyDuration(standstill)
	SetDefaultConsistentlyPollingInterval(2 * kit.Interval)

	var err error
	suite.cluster, suite.unlock, err = kit.Open(ctx, os.Stderr)
	Expect(err).NotTo(HaveOccurred())
	Expect(suite.cluster.DeleteLeftovers(ctx, namespacePrefix)).To(Succeed())
})

var _ = AfterSuite(func(ctx SpecContext) {
	if suite.unlock != nil {
		defer suite.unlock()
	}
	closeSets(ctx)
	suite.mu.Lock()
	defer suite.mu.Unlock()
	Expect(suite.losses).To(BeEmpty(), "acknowledged writes were lost; a repeated spec does not make that good")
})

// withFaults labels specs that need the operator built with fault points.
const withFaults = "faults"

// theOperator installs the operator when the first spec needs it. A spec before
// may have left one with a fault, which only another one of its kind tolerates.
func theOperator(ctx SpecContext) *kit.Operator {
	GinkgoHelper()
	if suite.operator == nil {
		o, err := suite.cluster.Install(ctx)
		Expect(err).NotTo(HaveOccurred())
		suite.operator = o
	}
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
