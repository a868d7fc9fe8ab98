// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// The fault matrix: everything that can go wrong, at rest, during a planned switchover
// and during a failover, with clients writing. Each cell asks the same: no acknowledged
// write is lost, no two nodes took writes through -readwrite at the same time, and once
// the fault is over the set is healthy again. How it ends is noted for the page in docs.

// Labels of the cells. make test runs those that are short; make fault-matrix all.
const (
	inMatrix = "matrix"
	isLong   = "long"
	// onNode: processes of pods are stopped and networks cut, on the node's own machine.
	onNode = "node"
)

// situation that a fault meets.
type situation string

const (
	atRest      situation = "at rest"
	planned     situation = "planned switchover"
	failingOver situation = "failover"
)

var situations = []situation{atRest, planned, failingOver}

// faultTime is how long a fault lasts where nothing tells that it has had its effect.
const faultTime = 8 * time.Second

// cast of a cell.
type cast struct {
	source, candidate, other string
}

// trouble is one row of the matrix. inject does it and returns what mends it, which may be
// called when there is nothing left to mend.
type trouble struct {
	name string
	// lasts is the time that it is there when the source stays; faultTime.
	lasts time.Duration
	// silences: the operator gets no answer of the source, so an edit means a failover.
	silences bool
	// late: it begins after the spec was edited, because editing needs what it breaks.
	late bool
	// short are the situations that make test has time for.
	short []situation
	// on is the set that it needs; nil: an ordinary one.
	on     *fixture
	inject func(ctx SpecContext, s *scene, c cast) (mend func(context.Context) error)
}

func nothingToMend(context.Context) error { return nil }

func cut(ctx SpecContext, s *scene, pod string, from ...string) func(context.Context) error {
	GinkgoHelper()
	heal, err := s.Cut(ctx, pod, from...)
	Expect(err).NotTo(HaveOccurred())
	return heal
}

func podIPs(ctx SpecContext, s *scene, pods ...string) []string {
	GinkgoHelper()
	ips, err := s.IPs(ctx, pods...)
	Expect(err).NotTo(HaveOccurred())
	return ips
}

// delay makes a replica apply late, or not any more.
func delayed(ctx SpecContext, s *scene, pod string, seconds int) {
	GinkgoHelper()
	s.exec(ctx, pod, "STOP REPLICA SQL_THREAD", fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_DELAY = %d", seconds), "START REPLICA SQL_THREAD")
}

var troubles = []trouble{
	{
		name: "mysqld of the source killed", late: true, short: []situation{failingOver},
		inject: func(ctx SpecContext, s *scene, c cast) func(context.Context) error {
			Expect(s.Kill(ctx, c.source)).To(Succeed())
			return nothingToMend
		},
	},
	{
		name: "mysqld of the source hangs (SIGSTOP)", silences: true, short: []situation{atRest, failingOver},
		inject: func(ctx SpecContext, s *scene, c cast) func(context.Context) error {
			Expect(s.Freeze(ctx, c.source)).To(Succeed())
			return func(ctx context.Context) error { return s.Thaw(ctx, c.source) }
		},
	},
	{
		name: "source cut off from the operator", silences: true, short: []situation{failingOver},
		inject: func(ctx SpecContext, s *scene, c cast) func(context.Context) error {
			ips, err := suite.operator.PodIPs(ctx)
			Expect(err).NotTo(HaveOccurred())
			return cut(ctx, s, c.source, ips...)
		},
	},
	{
		name: "source cut off from its replicas", short: []situation{planned},
		inject: func(ctx SpecContext, s *scene, c cast) func(context.Context) error {
			return cut(ctx, s, c.source, podIPs(ctx, s, c.candidate, c.other)...)
		},
	},
	{
		name: "source cut off from its clients",
		inject: func(ctx SpecContext, s *scene, c cast) func(context.Context) error {
			return cut(ctx, s, c.source, machineAddresses(ctx)...)
		},
	},
	{
		name: "source's disk full", lasts: 20 * time.Second, on: onLimitedDisks,
		inject: func(ctx SpecContext, s *scene, c cast) func(context.Context) error {
			mend, err := s.FillDisk(ctx, c.source)
			Expect(err).NotTo(HaveOccurred())
			return mend
		},
	},
	{
		name: "candidate applies late", short: []situation{planned},
		inject: func(ctx SpecContext, s *scene, c cast) func(context.Context) error {
			delayed(ctx, s, c.candidate, 6)
			return func(context.Context) error {
				if s.source(ctx) != c.candidate {
					delayed(ctx, s, c.candidate, 0)
				}
				return nil
			}
		},
	},
	{
		name: "candidate errant",
		inject: func(ctx SpecContext, s *scene, c cast) func(context.Context) error {
			// A transaction without content, which nobody else has.
			empty := []string{"SET GTID_NEXT = '11111111-2222-4333-8444-555555555555:1'", "BEGIN", "COMMIT", "SET GTID_NEXT = 'AUTOMATIC'"}
			s.exec(ctx, c.candidate, empty...)
			return func(context.Context) error {
				if source := s.source(ctx); source != c.candidate {
					return s.Exec(ctx, source, empty...)
				}
				return nil
			}
		},
	},
	{
		name: "API server hangs for 30 s", lasts: 30 * time.Second, late: true,
		inject: func(_ SpecContext, _ *scene, _ cast) func(context.Context) error {
			thaw, err := kit.FreezeAPIServer()
			Expect(err).NotTo(HaveOccurred())
			return func(context.Context) error { return thaw() }
		},
	},
	{
		name: "DNS gives the candidate's name the source's address", lasts: 15 * time.Second,
		inject: func(ctx SpecContext, s *scene, c cast) func(context.Context) error {
			heal, err := suite.cluster.Misdirect(ctx, s.Host(c.candidate), podIPs(ctx, s, c.source)[0])
			Expect(err).NotTo(HaveOccurred())
			return heal
		},
	},
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

var _ = Describe("A fault", Label(inMatrix, onNode), func() { cells(semiSync, nil) })

var _ = Describe("A fault, with disks of a limited size", Label(inMatrix, onNode), func() { cells(onLimitedDisks, onLimitedDisks) })

// cells are the specs of the faults that need a certain set.
func cells(f, needed *fixture) {
	s := onSet(f)
	for _, fault := range troubles {
		if fault.on != needed {
			continue
		}
		for _, meets := range situations {
			labels := Label(isLong)
			if slices.Contains(fault.short, meets) {
				labels = Label()
			}
			It(fmt.Sprintf("%s, %s: nothing is lost, and it ends well", fault.name, meets), labels, func(ctx SpecContext) {
				meet(ctx, s, fault, meets)
			})
		}
	}
}

// meet lets a fault meet a situation.
func meet(ctx SpecContext, s *scene, fault trouble, meets situation) {
	GinkgoHelper()
	others := s.others(ctx)
	c := cast{source: s.source(ctx), candidate: others[0], other: others[1]}
	began := time.Now()

	mends := []func(context.Context) error{}
	mend := func(ctx context.Context) error {
		var errs []error
		// The last one first: what was broken before may need what was broken after.
		for _, one := range slices.Backward(mends) {
			errs = append(errs, one(ctx))
		}
		mends = nil
		return errors.Join(errs...)
	}
	DeferCleanup(func(ctx SpecContext) { _ = mend(ctx) })
	inject := func() { mends = append(mends, fault.inject(ctx, s, c)) }

	if !fault.late {
		inject()
	}
	if meets == failingOver && !fault.silences {
		Expect(s.Freeze(ctx, c.source)).To(Succeed())
		mends = append(mends, func(ctx context.Context) error { return s.Thaw(ctx, c.source) })
	}
	if meets != atRest {
		s.edit(ctx, kit.ExchangeSource(c.candidate))
	}
	if fault.late {
		inject()
	}
	lasts := fault.lasts
	if lasts == 0 {
		lasts = faultTime
	}
	// The fault is there for a while, or until the change has come to an end under it.
	how := awaitOutcome(ctx, s, c.candidate, lasts, meets)
	Expect(mend(ctx)).To(Succeed())
	wasUndone := endsWell(ctx, s, c)
	s.served(ctx)
	switch {
	case wasUndone:
		how = undone
	case meets != atRest && s.source(ctx) == c.candidate && how != finished:
		how = "after it: " + finished
	}
	if s.spent {
		how += "; the old source holds what nobody was told, and stays out"
	}

	By("no two nodes took writes at the same time")
	turns := s.run.Turns()
	if s.source(ctx) == c.source {
		Expect(turns).To(HaveLen(1), "the source was not changed:\n%s", load.DescribeTurns(turns))
	} else {
		// One that was silenced before it was asked for anything has no turn.
		Expect(len(turns)).To(BeElementOf(1, 2), "the source was changed once:\n%s", load.DescribeTurns(turns))
	}
	AddReportEntry(inMatrix, cell{Fault: fault.name, Situation: string(meets), End: how, Outage: s.run.Outage(began, time.Now()).Duration()}, ReportEntryVisibilityNever)
}

// endsWell waits until nothing is in progress and every node does what the spec wants. One
// may stay out: an old source with commits that no replica had and no client was told of.
// A change that was undone is taken back in the spec.
func endsWell(ctx SpecContext, s *scene, c cast) (wasUndone bool) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		r, err := s.Get(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.Status.ObservedGeneration).To(Equal(r.Generation))
		if sw := r.Status.Switchover; sw != nil {
			g.Expect(sw.Phase).To(Equal(v1alpha1.SwitchoverUndone), kit.Describe(r))
			wasUndone = true
			_, err := s.Edit(ctx, func(r *v1alpha1.MysqlReplication) { kit.ExchangeSource(r.Status.Source)(r) })
			g.Expect(err).NotTo(HaveOccurred())
		}
		g.Expect(r.Status.Source).To(Equal(r.Spec.Source.Name), kit.Describe(r))
		s.broken, s.spent = nil, false
		for name, node := range r.Status.Topology {
			if name == c.source && name != r.Status.Source && node.ErrantCount > 0 {
				s.broken, s.spent = []string{name}, true
				continue
			}
			g.Expect(node.Ready).To(BeTrue(), kit.Describe(r))
		}
	}).Should(Succeed())
	return wasUndone
}

// awaitOutcome lets time pass, and ends early when a wanted change has come to an end.
func awaitOutcome(ctx SpecContext, s *scene, to string, lasts time.Duration, meets situation) string {
	GinkgoHelper()
	end := time.NewTimer(lasts)
	defer end.Stop()
	look := time.NewTicker(kit.Interval)
	defer look.Stop()
	how := "nothing"
	for {
		select {
		case <-ctx.Done():
			Fail("the spec's time is over")
		case <-end.C:
			return how
		case <-look.C:
			if meets == atRest {
				continue
			}
			asking, cancel := context.WithTimeout(ctx, time.Second)
			r, err := s.Get(asking)
			cancel()
			if err != nil {
				continue // The API server may be what is broken.
			}
			if how = briefly(r, to); how == finished {
				return how
			}
		}
	}
}

// briefly is outcome in a word.
func briefly(r *v1alpha1.MysqlReplication, to string) string {
	switch how := outcome(r, to); how {
	case finished, undone, refused:
		return how
	}
	return "waits"
}
