// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package olm

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

const (
	// settleTimeout is for the operator and for OLM to get somewhere. It says nothing about speed.
	settleTimeout = 3 * time.Minute
	// standstill is how long something must stay as it is before it counts as left alone.
	standstill = 5 * time.Second
	// namespacePrefix of everything that the suite makes.
	namespacePrefix = "olm"
)

// suite is what all specs share.
var suite struct {
	cluster *kit.Cluster
	// head is the newest release in the catalog, previous the one that it replaces.
	head, previous string
	// losses are verdicts of a lost write. They fail the suite even when a repeated
	// spec passes.
	losses []string
	unlock func()
}

func TestOLM(t *testing.T) {
	RegisterFailHandler(Fail)
	suiteConfig, reporterConfig := GinkgoConfiguration()
	if suiteConfig.FlakeAttempts == 0 {
		suiteConfig.FlakeAttempts = 2
	}
	RunSpecs(t, "Compose Operator by OLM", suiteConfig, reporterConfig)
}

var _ = BeforeSuite(func(ctx SpecContext) {
	log.SetLogger(logr.Discard())
	SetDefaultEventuallyTimeout(settleTimeout)
	SetDefaultEventuallyPollingInterval(kit.Interval)
	EnforceDefaultTimeoutsWhenUsingContexts()
	SetDefaultConsistentlyDuration(standstill)
	SetDefaultConsistentlyPollingInterval(2 * kit.Interval)

	settings, err := kit.SettingsFromEnvironment()
	Expect(err).NotTo(HaveOccurred())
	suite.unlock, err = settings.Lock(ctx, os.Stderr)
	Expect(err).NotTo(HaveOccurred())
	suite.cluster, err = kit.Connect(settings)
	Expect(err).NotTo(HaveOccurred())
	Expect(suite.cluster.HasOLM()).To(BeTrue(), "OLM does not run on this cluster: make testbed-olm, or install it")
	suite.head, suite.previous, err = kit.Releases()
	Expect(err).NotTo(HaveOccurred())
	Expect(suite.cluster.DeleteLeftovers(ctx, namespacePrefix)).To(Succeed())
	uninstall(ctx)
	Expect(suite.cluster.RemovePlainInstallation(ctx)).To(Succeed())
})

var _ = AfterSuite(func(ctx SpecContext) {
	if suite.unlock != nil {
		defer suite.unlock()
	}
	if suite.cluster != nil && suite.cluster.HasOLM() {
		uninstall(ctx)
	}
	Expect(suite.losses).To(BeEmpty(), "acknowledged writes were lost; a repeated spec does not make that good")
})

// uninstall what OLM has installed, if anything.
func uninstall(ctx context.Context) {
	GinkgoHelper()
	Expect(suite.cluster.Installed().Uninstall(ctx)).To(Succeed())
}

// install the newest release for some namespaces, or for all, and remove it after the spec.
func install(ctx SpecContext, targets ...string) *kit.Operator {
	GinkgoHelper()
	p := subscribe(ctx, kit.SubscribeOptions{CatalogImage: suite.cluster.Settings.CatalogImage, Targets: targets})
	o, err := p.WaitInstalled(ctx, suite.head)
	Expect(err).NotTo(HaveOccurred())
	return o
}

// subscribe and remove what comes of it after the spec.
func subscribe(ctx SpecContext, options kit.SubscribeOptions) *kit.Package {
	GinkgoHelper()
	DeferCleanup(func(ctx SpecContext) {
		if CurrentSpecReport().Failed() {
			GinkgoWriter.Println(suite.cluster.Installed().Describe(ctx))
		}
		uninstall(ctx)
	})
	p, err := suite.cluster.Subscribe(ctx, options)
	Expect(err).NotTo(HaveOccurred())
	return p
}

// newNamespace is deleted after the spec.
func newNamespace(ctx SpecContext) string {
	GinkgoHelper()
	name, err := suite.cluster.CreateNamespace(ctx, namespacePrefix)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx SpecContext) { Expect(suite.cluster.DeleteNamespace(ctx, name)).To(Succeed()) })
	return name
}

// newSet of MySQL pods that nobody looks after yet.
func newSet(ctx SpecContext, namespace string, pods int) *kit.Set {
	GinkgoHelper()
	return newSets(ctx, pods, namespace)[0]
}

// newSets are sets in several namespaces, which start at the same time.
func newSets(ctx SpecContext, pods int, namespaces ...string) []*kit.Set {
	GinkgoHelper()
	sets, errs := make([]*kit.Set, len(namespaces)), make([]error, len(namespaces))
	var starting sync.WaitGroup
	for i, namespace := range namespaces {
		starting.Go(func() { sets[i], errs[i] = suite.cluster.NewSet(ctx, namespace, kit.SetOptions{Pods: pods}) })
	}
	starting.Wait()
	Expect(errors.Join(errs...)).NotTo(HaveOccurred())
	for _, set := range sets {
		DeferCleanup(set.Close)
	}
	return sets
}

// manage makes the resource over a set and waits until it is Ready.
func manage(ctx SpecContext, set *kit.Set, mode v1alpha1.MysqlReplicationMode, source string, replicas ...string) {
	GinkgoHelper()
	Expect(set.Create(ctx, set.Resource(mode, source, replicas...))).To(Succeed())
	Expect(set.WaitReady(ctx, settleTimeout)).To(Succeed())
}

// traffic of a spec: clients that write all the time and do not saturate the machine.
var traffic = load.Options{Writers: 8, Readers: 1, Interval: 20 * time.Millisecond}

// write sets clients to work; they end with the spec at the latest.
func write(ctx SpecContext, set *kit.Set) *load.Run {
	GinkgoHelper()
	run, err := set.StartTraffic(ctx, traffic)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { run.Stop() })
	return run
}

// check that no acknowledged write is lost.
func check(ctx SpecContext, set *kit.Set, run *load.Run) load.Report {
	GinkgoHelper()
	report := run.Stop()
	verdict, err := set.CheckTraffic(ctx, run)
	Expect(err).NotTo(HaveOccurred())
	GinkgoWriter.Println(verdict)
	if len(verdict.Lost) > 0 {
		suite.losses = append(suite.losses, CurrentSpecReport().FullText()+"\n"+verdict.String())
	}
	Expect(verdict.OK()).To(BeTrue(), "%s", verdict)
	return report
}

// checkUndisturbed that no acknowledged write is lost, and that clients saw no error at all.
func checkUndisturbed(ctx SpecContext, set *kit.Set, run *load.Run) {
	GinkgoHelper()
	report := check(ctx, set, run)
	Expect(report.WriteErrors).To(BeEmpty(), "clients saw errors: %s", report)
}
