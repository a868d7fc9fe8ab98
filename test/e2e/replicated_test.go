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
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// replicated is a set of pods and the resource over them, of a kind with one writable node.
type replicated interface {
	comparable
	replicatedSet
}

// replicatedSet is what the specs of such kinds share.
type replicatedSet interface {
	StartTraffic(ctx context.Context, options load.Options) (*load.Run, error)
	CheckTraffic(ctx context.Context, run *load.Run, broken ...string) (load.Verdict, error)
	WaitReady(ctx context.Context, timeout time.Duration) error
	Source(ctx context.Context) (string, error)
	FailedOver(ctx context.Context, to string) error
	RunID(ctx context.Context, pod string) (string, error)
	ManagedLabels(ctx context.Context, pod string) (string, error)
	Routed(ctx context.Context, service string) ([]string, error)
	ReadWriteService() string
	ReadOnlyService() string
	Diagnose(ctx context.Context, operator *kit.Operator) string
	Close()
}

// shared is a set that specs use one after the other, as long as they leave it healthy.
type shared[S replicated] struct {
	// fresh pods in a namespace, without a resource.
	fresh func(ctx context.Context, namespace string) (S, error)
	// create the resource over fresh pods.
	create func(ctx context.Context, s S) error
	// repair brings the spec back to all pods under the present source.
	repair func(ctx context.Context, s S) error

	// set is nil until a spec needs it.
	set       S
	namespace string
}

// discard lets go of the set.
func (f *shared[S]) discard(ctx context.Context) {
	var none S
	if f.set == none {
		return
	}
	f.set.Close()
	if !keep() {
		_ = suite.cluster.DeleteNamespace(ctx, f.namespace)
	}
	f.set = none
}

// healthy makes sure of a set that is Ready with all its pods. After an error, set is the one
// that is not.
func (f *shared[S]) healthy(ctx SpecContext) error {
	GinkgoHelper()
	theOperator(ctx)
	var none S
	if f.set != none {
		err := f.restore(ctx)
		if err == nil {
			return nil
		}
		GinkgoWriter.Printf("the set of earlier specs is given up: %v\n", err)
		f.discard(ctx)
	}
	var err error
	f.namespace, err = suite.cluster.CreateNamespace(ctx, namespacePrefix)
	Expect(err).NotTo(HaveOccurred())
	f.set, err = f.fresh(ctx, f.namespace)
	Expect(err).NotTo(HaveOccurred())
	if err := f.create(ctx, f.set); err != nil {
		return err
	}
	return f.set.WaitReady(ctx, settleTimeout)
}

// restore waits until the set is as repair wants it.
func (f *shared[S]) restore(ctx context.Context) error {
	if err := f.repair(ctx, f.set); err != nil {
		return err
	}
	return f.set.WaitReady(ctx, settleTimeout)
}

// present source and the other pods.
func present(source string, pods []string) (string, []string) {
	if source == "" {
		source = pods[0]
	}
	return source, slices.DeleteFunc(slices.Clone(pods), func(pod string) bool { return pod == source })
}

// writing is one spec at work: a set of pods, and clients that write to it.
type writing struct {
	of replicatedSet
	// name of the resource, and the pods.
	name string
	pods []string
	run  *load.Run
	// replaced are processes of servers, as the clients note them, that were replaced without
	// having been asked: what nobody else had received is lost with them.
	replaced []string
	// spent: the spec leaves nothing that another one can use.
	spent bool
}

// inScene gives every spec of a container a healthy set with clients at work, and checks them
// at the spec's end. begin makes the scene of a spec over the set as it is then.
func inScene[S replicated](f *shared[S], begin func() *writing) {
	var w *writing
	BeforeEach(func(ctx SpecContext) {
		w = nil
		err := f.healthy(ctx)
		w = begin()
		Expect(err).NotTo(HaveOccurred())
		w.write(ctx)
	})
	AfterEach(func(ctx SpecContext) {
		if w == nil {
			return
		}
		failed := CurrentSpecReport().Failed()
		var problems []string
		if !failed && !w.spent {
			if err := f.restore(ctx); err != nil {
				problems = append(problems, "the set is not healthy at the end: "+err.Error())
			} else if w.run != nil {
				if err := kit.WaitWrites(ctx, w.run, 20, writesTimeout); err != nil {
					problems = append(problems, "clients are not served at the end: "+err.Error())
				}
			}
		}
		if _, text, right := w.judge(ctx); !right {
			problems = append(problems, text)
		}
		if failed || len(problems) > 0 {
			GinkgoWriter.Println(w.of.Diagnose(ctx, suite.operator))
		}
		if failed || len(problems) > 0 || w.spent {
			f.discard(ctx)
		}
		Expect(problems).To(BeEmpty())
	})
}

// write sets clients to work.
func (w *writing) write(ctx SpecContext) {
	GinkgoHelper()
	var err error
	w.run, err = w.of.StartTraffic(ctx, traffic)
	Expect(err).NotTo(HaveOccurred())
}

// judge ends the clients' work and checks what they were told. Losses are noted for the end
// of the suite, but for those of servers that were replaced.
func (w *writing) judge(ctx context.Context) (v load.Verdict, text string, right bool) {
	if w.run == nil {
		return v, "", true
	}
	run := w.run
	w.run = nil
	report := run.Stop()
	v, err := w.of.CheckTraffic(ctx, run)
	if err != nil {
		return v, fmt.Sprintf("the writes could not be checked: %v\n%s", err, report), false
	}
	v.GiveUp(w.replaced...)
	if len(v.Lost) > 0 {
		noteLoss(v.String())
	}
	GinkgoWriter.Println(v)
	return v, v.String(), v.OK()
}

// stopWriting ends the clients' work and fails unless all that they were told is true.
func (w *writing) stopWriting(ctx SpecContext) load.Verdict {
	GinkgoHelper()
	v, text, right := w.judge(ctx)
	Expect(right).To(BeTrue(), text)
	return v
}

// giveUpOthers notes that all servers that have acknowledged something were replaced, but one.
func (w *writing) giveUpOthers(but string) {
	for _, turn := range w.run.Turns() {
		if turn.Server != but {
			w.replaced = append(w.replaced, turn.Server)
		}
	}
}

// source that the status names.
func (w *writing) source(ctx SpecContext) string {
	GinkgoHelper()
	source, err := w.of.Source(ctx)
	Expect(err).NotTo(HaveOccurred())
	return source
}

// process of a pod, as it is noted for each acknowledged write.
func (w *writing) process(ctx SpecContext, pod string) string {
	GinkgoHelper()
	id, err := w.of.RunID(ctx, pod)
	Expect(err).NotTo(HaveOccurred())
	return id
}

// routed waits until labels and Services say who the source is.
func (w *writing) routed(ctx SpecContext, source string, replicas ...string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		for _, pod := range w.pods {
			labels, err := w.of.ManagedLabels(ctx, pod)
			if apierrors.IsNotFound(err) && pod != source && !slices.Contains(replicas, pod) {
				continue // Nobody is led to a pod that does not exist.
			}
			g.Expect(err).NotTo(HaveOccurred())
			switch {
			case pod == source:
				g.Expect(labels).To(Equal(w.name+"/false"), pod)
			case slices.Contains(replicas, pod):
				g.Expect(labels).To(Equal(w.name+"/true"), pod)
			default:
				g.Expect(labels).To(BeEmpty(), pod)
			}
		}
		behind, err := w.of.Routed(ctx, w.of.ReadWriteService())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(behind).To(Equal([]string{source}), w.of.ReadWriteService())
		behind, err = w.of.Routed(ctx, w.of.ReadOnlyService())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(behind).To(ConsistOf(replicas), w.of.ReadOnlyService())
	}).Should(Succeed())
}

func (w *writing) served(ctx SpecContext) {
	GinkgoHelper()
	Expect(kit.WaitWrites(ctx, w.run, 30, writesTimeout)).To(Succeed())
}

// failedOver waits until a node is the source by a failover.
func (w *writing) failedOver(ctx SpecContext, to string) {
	GinkgoHelper()
	Eventually(ctx, func(ctx context.Context) error { return w.of.FailedOver(ctx, to) }).Should(Succeed())
}
