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
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// fixture is a set that many specs use one after the other, to save the time of
// making one. A spec that fails leaves a set that nobody can vouch for: the next
// one gets a new set.
type fixture struct {
	mode    v1alpha1.MysqlReplicationMode
	options kit.SetOptions
	set     *kit.Set
}

// pods of a fixture's set.
var pods = []string{kit.PodName(0), kit.PodName(1), kit.PodName(2)}

var (
	semiSync = &fixture{mode: v1alpha1.MysqlSemiSync}
	async    = &fixture{mode: v1alpha1.MysqlAsync}
	// least has an operator that cannot end the administrator's sessions.
	least = &fixture{mode: v1alpha1.MysqlSemiSync, options: kit.SetOptions{LeastPrivileges: true}}
	// onLimitedDisks can be full.
	onLimitedDisks = &fixture{mode: v1alpha1.MysqlSemiSync, options: kit.SetOptions{DiskBytes: 1 << 30}}
	// onOwnClocks can each be told another time.
	onOwnClocks = &fixture{mode: v1alpha1.MysqlSemiSync, options: kit.SetOptions{OwnClocks: true}}
)

// closeSets lets go of the sets at the end of the suite.
func closeSets(ctx context.Context) {
	for _, f := range []*fixture{semiSync, async, least, onLimitedDisks, onOwnClocks} {
		f.discard(ctx)
	}
	for _, f := range []*groupFixture{ring, ringOnLimitedDisks} {
		f.discard(ctx)
	}
	for _, f := range []*redisFixture{sessions, sessionsOnLimitedDisks, sessionsInMemory, underSentinel} {
		f.discard(ctx)
	}
	for _, f := range []*postgresFixture{ledger, syncLedger} {
		f.discard(ctx)
	}
}

func (f *fixture) discard(ctx context.Context) {
	if f.set == nil {
		return
	}
	f.set.Close()
	if !keep() {
		_ = suite.cluster.DeleteNamespace(ctx, f.set.Namespace)
	}
	f.set = nil
}

// healthy returns a set that is Ready with all its pods as members. With an error
// it returns the set that is not.
func (f *fixture) healthy(ctx SpecContext) (*kit.Set, error) {
	GinkgoHelper()
	theOperator(ctx)
	if f.set != nil {
		err := f.restore(ctx)
		if err == nil {
			return f.set, nil
		}
		GinkgoWriter.Printf("the set of earlier specs is given up: %v\n", err)
		f.discard(ctx)
	}
	f.set = newSet(ctx, f.options)
	if err := f.set.Create(ctx, f.set.Resource(f.mode, pods[0], pods[1:]...)); err != nil {
		return f.set, err
	}
	return f.set, f.set.WaitReady(ctx, settleTimeout)
}

// restore brings the spec back to all pods in the fixture's mode under the
// present source, and waits until that is so.
func (f *fixture) restore(ctx context.Context) error {
	r, err := f.set.Get(ctx)
	if err != nil {
		return err
	}
	source := r.Status.Source
	if source == "" {
		source = pods[0]
	}
	var replicas []string
	for _, p := range pods {
		if p != source {
			replicas = append(replicas, p)
		}
	}
	want := f.set.Resource(f.mode, source, replicas...)
	same := r.Spec.Mode == f.mode && r.Spec.Source.Name == source && r.Spec.Source.Host == want.Spec.Source.Host &&
		len(r.Spec.Replica) == len(replicas) && len(r.Annotations) == 0
	for _, n := range r.Spec.Replica {
		same = same && !n.Isolated && n.Host == f.set.Host(n.Name)
	}
	if !same {
		if _, err := f.set.Edit(ctx, func(r *v1alpha1.MysqlReplication) {
			want.Spec.DeepCopyInto(&r.Spec)
			r.Annotations = nil
		}); err != nil {
			return err
		}
	}
	return f.set.WaitReady(ctx, settleTimeout)
}

// newSet makes pods in a namespace of their own.
func newSet(ctx SpecContext, options kit.SetOptions) *kit.Set {
	GinkgoHelper()
	namespace, err := suite.cluster.CreateNamespace(ctx, namespacePrefix)
	Expect(err).NotTo(HaveOccurred())
	set, err := suite.cluster.NewSet(ctx, namespace, options)
	Expect(err).NotTo(HaveOccurred())
	return set
}

// scene is one spec at work: a set, and clients that write to it.
type scene struct {
	*kit.Set
	run *load.Run
	// broken pods are not judged by the checker: a spec broke them on purpose.
	broken []string
	// spent: the spec leaves nothing that another one can use.
	spent bool
}

// traffic of a spec: it is not a stress test, and the machine has other things to do.
var traffic = load.Options{Writers: 8, Readers: 1, Interval: 100 * time.Millisecond, NoteServers: true}

// onSet gives every spec of a container a healthy set with clients at work, and
// checks them at the spec's end.
func onSet(f *fixture) *scene {
	s := &scene{}
	BeforeEach(func(ctx SpecContext) {
		set, err := f.healthy(ctx)
		*s = scene{Set: set}
		Expect(err).NotTo(HaveOccurred())
		s.write(ctx)
	})
	s.judge(f.restore, f.discard)
	return s
}

// onOwnSet is onSet for specs that leave nothing usable: build returns their set.
func onOwnSet(build func(SpecContext) (*kit.Set, error)) *scene {
	s := &scene{}
	BeforeEach(func(ctx SpecContext) {
		*s = scene{}
		set, err := build(ctx)
		s.Set = set
		Expect(err).NotTo(HaveOccurred())
	})
	s.judge(nil, func(ctx context.Context) {
		s.Close()
		if !keep() {
			_ = suite.cluster.DeleteNamespace(ctx, s.Namespace)
		}
	})
	AfterEach(func(ctx SpecContext) {
		if s.Set != nil && !CurrentSpecReport().Failed() {
			s.Close()
			_ = suite.cluster.DeleteNamespace(ctx, s.Namespace)
		}
	})
	return s
}

// judge registers what happens at the end of each spec.
func (s *scene) judge(restore func(context.Context) error, giveUp func(context.Context)) {
	AfterEach(func(ctx SpecContext) {
		if s.Set == nil {
			return
		}
		failed := CurrentSpecReport().Failed()
		if failed {
			GinkgoWriter.Println(s.Diagnose(ctx, suite.operator))
		}
		var problems []string
		if restore != nil && !failed && !s.spent {
			if err := restore(ctx); err != nil {
				problems = append(problems, "the set is not healthy at the end: "+err.Error())
			} else if s.run != nil {
				if err := kit.WaitWrites(ctx, s.run, 20, writesTimeout); err != nil {
					problems = append(problems, "clients are not served at the end: "+err.Error())
				}
			}
		}
		if text, ok := s.stopAndCheck(ctx); !ok {
			problems = append(problems, text)
		}
		if len(problems) > 0 && !failed {
			GinkgoWriter.Println(s.Diagnose(ctx, suite.operator))
		}
		if len(problems) > 0 || failed || s.spent {
			giveUp(ctx)
		}
		Expect(problems).To(BeEmpty())
	})
}

// write sets clients to work.
func (s *scene) write(ctx SpecContext) {
	GinkgoHelper()
	run, err := s.StartTraffic(ctx, traffic)
	Expect(err).NotTo(HaveOccurred())
	s.run = run
}

// stopWriting ends the clients' work and fails unless all that they were told is true.
func (s *scene) stopWriting(ctx SpecContext) {
	GinkgoHelper()
	if text, ok := s.stopAndCheck(ctx); !ok {
		Fail(text)
	}
}

// stopAndCheck notes losses for the end of the suite. A source that cannot be
// asked is a failure of the spec and not a loss.
func (s *scene) stopAndCheck(ctx context.Context) (string, bool) {
	if s.run == nil {
		return "", true
	}
	run := s.run
	s.run = nil
	report := run.Stop()
	verdict, err := s.CheckTraffic(ctx, run, s.broken...)
	if err != nil {
		return fmt.Sprintf("the writes could not be checked: %v\n%s", err, report), false
	}
	if len(verdict.Lost) > 0 {
		noteLoss(verdict.String())
	}
	GinkgoWriter.Println(verdict)
	return verdict.String(), verdict.OK()
}

// source that the status names.
func (s *scene) source(ctx SpecContext) string {
	GinkgoHelper()
	r, err := s.Get(ctx)
	Expect(err).NotTo(HaveOccurred())
	return r.Status.Source
}

// others are the members that are not the source, in the order of the spec.
func (s *scene) others(ctx SpecContext) []string {
	GinkgoHelper()
	r, err := s.Get(ctx)
	Expect(err).NotTo(HaveOccurred())
	names := make([]string, 0, len(r.Spec.Replica))
	for _, n := range r.Spec.Replica {
		names = append(names, n.Name)
	}
	return names
}

// edit the resource.
func (s *scene) edit(ctx SpecContext, change func(*v1alpha1.MysqlReplication)) {
	GinkgoHelper()
	_, err := s.Edit(ctx, change)
	Expect(err).NotTo(HaveOccurred())
}

// ready waits until the resource is Ready as its spec says.
func (s *scene) ready(ctx SpecContext) {
	GinkgoHelper()
	Expect(s.WaitReady(ctx, settleTimeout)).To(Succeed())
}

// served waits until clients have written something more.
func (s *scene) served(ctx SpecContext) {
	GinkgoHelper()
	Expect(kit.WaitWrites(ctx, s.run, 30, writesTimeout)).To(Succeed())
}

// exec runs statements as the administrator.
func (s *scene) exec(ctx SpecContext, pod string, statements ...string) {
	GinkgoHelper()
	Expect(s.Exec(ctx, pod, statements...)).To(Succeed())
}

// value of a query on a pod.
func (s *scene) value(ctx SpecContext, pod, query string) string {
	GinkgoHelper()
	v, err := s.Query(ctx, pod, query)
	Expect(err).NotTo(HaveOccurred())
	return v
}

// reaches waits until a wanted change of the source has come to one of these ends.
func (s *scene) reaches(ctx SpecContext, to string, ends ...string) {
	GinkgoHelper()
	Eventually(ctx, func(ctx context.Context) (string, error) {
		r, err := s.Get(ctx)
		if err != nil {
			return "", err
		}
		return outcome(r, to), nil
	}).Should(BeElementOf(ends))
}

// told counts the events with one of these reasons. Each change of the source has its own.
func (s *scene) told(ctx SpecContext, reasons ...string) int {
	GinkgoHelper()
	return told(ctx, s.Namespace, s.Name, reasons...)
}

// told counts the events of these reasons about a resource.
func told(ctx SpecContext, namespace, name string, reasons ...string) int {
	GinkgoHelper()
	var list corev1.EventList
	Expect(suite.cluster.Client.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
	count := 0
	for _, e := range list.Items {
		if e.InvolvedObject.Name == name && slices.Contains(reasons, e.Reason) {
			count++
		}
	}
	return count
}

// settled waits until a change of the source has either happened or been undone,
// and leaves a set that is Ready: after an undone one the spec is put back.
func (s *scene) settled(ctx SpecContext) (undone bool) {
	GinkgoHelper()
	Expect(kit.Wait(ctx, settleTimeout, func(ctx context.Context) error {
		r, err := s.Get(ctx)
		if err != nil {
			return err
		}
		undone = r.Status.Switchover != nil && r.Status.Switchover.Phase == v1alpha1.SwitchoverUndone &&
			r.Status.ObservedGeneration == r.Generation
		if undone {
			return nil
		}
		return kit.ReadyAsWanted(r)
	})).To(Succeed())
	if undone {
		s.served(ctx)
		s.edit(ctx, func(r *v1alpha1.MysqlReplication) { kit.ExchangeSource(r.Status.Source)(r) })
	}
	s.ready(ctx)
	return undone
}
