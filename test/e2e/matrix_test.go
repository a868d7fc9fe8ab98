// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// The fault matrix: everything that can go wrong, at rest, during a planned change of who
// takes writes and, where the operator does that, during a failover, with clients writing.
// Each cell asks the same: no acknowledged write is lost, no two nodes took writes through
// -readwrite at the same time, and once the fault is over all is healthy again. How it ends
// is noted for the page in docs.

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

// faultTime is how long a fault lasts where nothing tells that it has had its effect.
const faultTime = 8 * time.Second

// What becomes of a wanted change, beside finished, undone and refused.
const (
	nothing = "nothing"
	waits   = "waits"
)

// cast of a cell: who takes writes, and who is to take over.
type cast struct {
	writer, candidate, other string
}

// stage is where a fault happens: a set or a group, with clients at work.
type stage interface {
	servers() *kit.Pods
	clients() *load.Run
	// cast as it is now. The candidate is the first that does not take writes.
	cast(ctx SpecContext) cast
	// want edits the spec: another node is to take over.
	want(ctx SpecContext, to string)
	// soFar says in a word how that has ended, or that it waits.
	soFar(ctx context.Context, to string) (string, error)
	// endsWell waits until nothing is in progress and every node does what the spec wants.
	// It returns how it has ended, given what was said while the fault was there.
	endsWell(ctx SpecContext, c cast, wanted bool, how string) string
	// judgeTurns says whether one node at a time took writes.
	judgeTurns(ctx SpecContext, c cast, turns []load.Turn)
}

// phased is a stage where a change can be met in one of its phases.
type phased interface {
	// wantUntil is want, and waits until the status has shown a phase of the change.
	wantUntil(ctx SpecContext, to string, phase v1alpha1.SwitchoverPhase)
}

// tallying is a stage whose writes are judged within the cell, because the page is to have what
// was lost where something may be.
type tallying interface {
	// tally ends the clients' work, checks it, and says in some words what was lost by right; "" for nothing.
	tally(ctx SpecContext) string
}

// frail is a stage whose servers may crash by themselves once they go on.
type frail interface {
	// thaws returns what lets a pod's server go on that has been stopped. What becomes of it
	// then is seen to in endsWell, when every fault is mended.
	thaws(ctx SpecContext, pod string) func(context.Context) error
}

// need of a fault: what the pods must have been made with.
type need int

const (
	ordinary need = iota
	limitedDisks
	ownClocks
	// noFiles: servers that keep nothing on disk.
	noFiles
)

// trouble is one row of the matrix. inject does it and returns what mends it, which may be
// called when there is nothing left to mend.
type trouble struct {
	name string
	// lasts is the time that it is there when who takes writes stays; faultTime.
	lasts time.Duration
	// stays: it is there for all of that time, also when the change has ended under it and
	// everything else is mended.
	stays bool
	// silences: the operator gets no answer of the source, so an edit means a failover.
	silences bool
	// late: it begins after the spec was edited, because editing needs what it breaks.
	late bool
	// phase of the change that it begins in; late, then.
	phase v1alpha1.SwitchoverPhase
	// only in these situations; all.
	only []situation
	// twoWriters: the old source cannot be told that it is not the source any more, and clients that
	// are connected to it go on writing there. What they are told then is lost.
	twoWriters bool
	// short are the situations that make test has time for.
	short []situation
	needs need
	// everywhere: all of the cluster feels it.
	everywhere bool
	inject     func(ctx SpecContext, s stage, c cast) (mend func(context.Context) error)
}

// matrix is the table of a kind of resource.
type matrix struct {
	kind       string
	situations []situation
	troubles   []trouble
}

// cells are the specs of the faults that need such pods.
func (m matrix) cells(s stage, needed need) {
	for _, fault := range m.troubles {
		if fault.needs != needed {
			continue
		}
		for _, meets := range m.situations {
			if !fault.meets(meets) {
				continue
			}
			labels := Label(isLong)
			if slices.Contains(fault.short, meets) {
				labels = Label()
			}
			var alone any = Label()
			if fault.everywhere {
				alone = Serial
			}
			It(fmt.Sprintf("%s, %s: nothing is lost, and it ends well", fault.name, meets), labels, alone, func(ctx SpecContext) {
				m.meet(ctx, s, fault, meets)
			})
		}
	}
}

// meets says whether there is a cell of a situation.
func (t trouble) meets(s situation) bool { return len(t.only) == 0 || slices.Contains(t.only, s) }

// meet lets a fault meet a situation.
func (m matrix) meet(ctx SpecContext, s stage, fault trouble, meets situation) {
	GinkgoHelper()
	c, wanted := s.cast(ctx), meets != atRest
	began := time.Now()
	// What the page says of a cell that fails on its way; the last entry counts.
	at := cell{Kind: m.kind, Fault: fault.name, Situation: meets, End: "no end"}
	AddReportEntry(inMatrix, at, ReportEntryVisibilityNever)

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

	late := fault.late || fault.phase != ""
	if !late {
		inject()
	}
	if meets == failingOver && !fault.silences {
		mends = append(mends, freeze(ctx, s, c.writer))
	}
	if in, is := s.(phased); is && wanted && fault.phase != "" {
		in.wantUntil(ctx, c.candidate, fault.phase)
	} else if wanted {
		s.want(ctx, c.candidate)
	}
	if late {
		inject()
	}
	lasts := fault.lasts
	if lasts == 0 {
		lasts = faultTime
	}
	// The fault is there for a while, or until the change has come to an end under it.
	how := nothing
	if wanted {
		how = awaitEnd(ctx, s, c.candidate, lasts)
	} else {
		pass(ctx, lasts)
	}
	if fault.stays {
		for _, one := range slices.Backward(mends[1:]) {
			Expect(one(ctx)).To(Succeed())
		}
		mends = mends[:1]
		pass(ctx, time.Until(began.Add(lasts)))
	}
	Expect(mend(ctx)).To(Succeed())
	how = s.endsWell(ctx, c, wanted, how)
	Expect(kit.WaitWrites(ctx, s.clients(), 30, writesTimeout)).To(Succeed())

	if !fault.twoWriters || !wanted {
		By("no two nodes took writes at the same time")
		s.judgeTurns(ctx, c, s.clients().Turns())
	}
	at.Outage = s.clients().Outage(began, time.Now()).Duration()
	if on, is := s.(tallying); is {
		how += on.tally(ctx)
	}
	at.End = how
	AddReportEntry(inMatrix, at, ReportEntryVisibilityNever)
}

// pass lets time pass.
func pass(ctx SpecContext, lasts time.Duration) {
	GinkgoHelper()
	select {
	case <-ctx.Done():
		Fail("the spec's time is over")
	case <-time.After(lasts):
	}
}

// awaitEnd lets time pass, and returns early when a wanted change is finished.
func awaitEnd(ctx SpecContext, s stage, to string, lasts time.Duration) string {
	GinkgoHelper()
	how := waits
	for end := time.Now().Add(lasts); time.Now().Before(end) && how != finished; pass(ctx, kit.Interval) {
		asking, cancel := context.WithTimeout(ctx, time.Second)
		// The API server may be what is broken.
		if now, err := s.soFar(asking, to); err == nil {
			how = now
		}
		cancel()
	}
	return how
}
