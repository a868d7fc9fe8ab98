// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// span is what was spent in a time.
type span struct {
	took, cpu time.Duration
	// resident at its end, and the most since the process began, in bytes.
	resident, most int64
	requests       requests
	// of the stand-ins.
	connections, statements, open int
	// periods of 100 ms in which the quota was used up.
	throttled, periods int64
}

// millicores on average.
func (s span) millicores() int64 {
	if s.took == 0 {
		return 0
	}
	return int64(s.cpu) * 1000 / int64(s.took)
}

// result of a benchmark.
type result struct {
	options options
	limited string
	// first start with resources that have nothing yet; steady; the same while clients
	// write to every source; a restart.
	first, steady, written, restart span
	// observed is when all nodes were seen after the restart.
	observed time.Duration
	// until the status shows it: an applier's error, a dead source, an edit that was carried out.
	broken, dead, edited []time.Duration
	// the most that was resident in all of it.
	most     int64
	profiles []profile
}

// meter reads all counters.
type meter struct {
	e  *environment
	s  *standins
	op *operator
}

type reading struct {
	at                 time.Time
	cpu                time.Duration
	tally              tally
	log                int64
	throttled, periods int64
}

func (m meter) read(ctx context.Context, log int64) (reading, requests, error) {
	r := reading{at: time.Now()}
	var asked requests
	var err error
	if r.cpu, err = m.op.cpu(); err != nil {
		return r, nil, err
	}
	r.throttled, r.periods = m.op.group.throttled()
	if r.tally, err = m.s.tally(ctx); err != nil {
		return r, nil, err
	}
	asked, r.log, err = m.e.requests(log)
	return r, asked, err
}

func (m meter) since(ctx context.Context, from reading) (span, error) {
	now, asked, err := m.read(ctx, from.log)
	if err != nil {
		return span{}, err
	}
	s := span{
		took: now.at.Sub(from.at), cpu: now.cpu - from.cpu, requests: asked,
		connections: now.tally.Connections - from.tally.Connections, statements: now.tally.Statements - from.tally.Statements,
		open:      now.tally.Open,
		throttled: now.throttled - from.throttled, periods: now.periods - from.periods,
	}
	s.resident, s.most, err = m.op.memory()
	return s, err
}

// calm waits until the operator has written nothing and opened nothing for a while.
func (m meter) calm(ctx context.Context) error {
	const quiet, limit = 25 * time.Second, 10 * time.Minute
	from, _, err := m.read(ctx, 0)
	for began := time.Now(); err == nil; {
		if err = pause(ctx, quiet); err != nil {
			return err
		}
		var s span
		if s, err = m.since(ctx, from); err != nil {
			return err
		}
		if s.requests.writes() == 0 && s.connections == 0 {
			return nil
		}
		if time.Since(began) > limit {
			return fmt.Errorf("after %s the operator still writes: %v, and opened %d connections in %s", limit, s.requests, s.connections, quiet)
		}
		from, _, err = m.read(ctx, from.log)
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func measure(ctx context.Context, o options) (result, error) {
	r := result{options: o}
	say := func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
	}
	say("API server")
	e, err := startEnvironment(ctx, o)
	defer e.stop()
	if err != nil {
		return r, err
	}
	say("%d resources", o.sets)
	if err := e.create(ctx, o.sets); err != nil {
		return r, err
	}
	s, err := startStandins(ctx, o, e.directory)
	if err != nil {
		return r, err
	}
	defer s.process.stop()
	w, err := e.watch(ctx)
	if err != nil {
		return r, err
	}
	m := meter{e: e, s: s}
	defer func() { m.op.stop() }()

	say("first start")
	if r.first, err = m.start(ctx, o, func(began time.Time) error {
		return m.allReady(ctx, o, w, began)
	}); err != nil {
		return r, m.explain(err)
	}
	r.limited = m.op.group.limited
	say("all ready after %s: %s", r.first.took, r.first)
	if err := m.calm(ctx); err != nil {
		return r, m.explain(err)
	}
	say("calm; %s of nothing", o.window)
	if r.steady, err = m.window(ctx, o.window); err != nil {
		return r, m.explain(err)
	}
	say("steady: %s", r.steady)
	if o.profile {
		if r.profiles, err = m.op.profiles(ctx, o, e.directory); err != nil {
			return r, m.explain(err)
		}
	}
	if err := m.changes(ctx, w, &r, say); err != nil {
		return r, m.explain(err)
	}
	say("clients write to every source; %s", o.window)
	if err := s.call(ctx, "POST", "/write", nil); err != nil {
		return r, err
	}
	if r.written, err = m.window(ctx, o.window); err != nil {
		return r, m.explain(err)
	}
	say("written to: %s", r.written)
	_, r.most, err = m.op.memory()
	if err != nil {
		return r, m.explain(err)
	}

	say("restart")
	m.op.stop()
	m.op = nil
	if err := s.call(ctx, "POST", "/forget", nil); err != nil {
		return r, err
	}
	if r.restart, err = m.start(ctx, o, func(time.Time) error { return m.allSeen(ctx, o) }); err != nil {
		return r, m.explain(err)
	}
	r.observed = r.restart.took
	say("all nodes seen after %s: %s", r.observed, r.restart)
	if err := m.calm(ctx); err != nil {
		return r, m.explain(err)
	}
	_, most, err := m.op.memory()
	r.most = max(r.most, most)
	return r, err
}

// window measures for a time in which it does nothing.
func (m meter) window(ctx context.Context, d time.Duration) (span, error) {
	_, log, err := m.e.requests(0)
	if err != nil {
		return span{}, err
	}
	from, _, err := m.read(ctx, log)
	if err == nil {
		err = pause(ctx, d)
	}
	if err != nil {
		return span{}, err
	}
	return m.since(ctx, from)
}

// start measures from the operator's start until something has come about.
func (m *meter) start(ctx context.Context, o options, until func(began time.Time) error) (span, error) {
	before, err := m.s.tally(ctx)
	if err != nil {
		return span{}, err
	}
	_, log, err := m.e.requests(0)
	if err != nil && !os.IsNotExist(err) {
		return span{}, err
	}
	began := time.Now()
	if m.op, err = m.e.startOperator(ctx, o); err != nil {
		return span{}, err
	}
	if err := until(began); err != nil {
		return span{}, err
	}
	return m.since(ctx, reading{at: began, tally: before, log: log})
}

func (m meter) allReady(ctx context.Context, o options, w *watcher, began time.Time) error {
	took := make([]time.Duration, o.sets)
	for set := range o.sets {
		w.expect(keyOf(set), began, &took[set], ready)
	}
	return w.wait(ctx, 15*time.Minute, m.op.alive)
}

func (m meter) allSeen(ctx context.Context, o options) error {
	for began := time.Now(); ; {
		t, err := m.s.tally(ctx)
		if err != nil || t.Seen == o.sets*nodes {
			return err
		}
		if err := m.op.alive(); err != nil {
			return err
		}
		if time.Since(began) > 10*time.Minute {
			return fmt.Errorf("only %d of %d nodes were looked at within 10 min", t.Seen, o.sets*nodes)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// changes happen one every 100 ms, so that they meet the operator at any moment.
func (m meter) changes(ctx context.Context, w *watcher, r *result, say func(string, ...any)) error {
	o := r.options
	const between = 100 * time.Millisecond
	each := func(first int, list *[]time.Duration, do func(set int) error, holds func(set int) func(*v1alpha1.MysqlReplication) bool) error {
		*list = make([]time.Duration, o.changed)
		for i := range o.changed {
			if err := pause(ctx, between); err != nil {
				return err
			}
			set := first + i
			since := time.Now()
			if err := do(set); err != nil {
				return err
			}
			w.expect(keyOf(set), since, &(*list)[i], holds(set))
		}
		return w.wait(ctx, 5*time.Minute, m.op.alive)
	}
	again := func(what string, first, node int) error {
		var ignored []time.Duration
		return each(first, &ignored, func(set int) error { return m.s.happen(ctx, what, set, node) },
			func(int) func(*v1alpha1.MysqlReplication) bool { return ready })
	}

	say("appliers stop with an error")
	err := each(0, &r.broken, func(set int) error { return m.s.happen(ctx, "break", set, 1) },
		func(set int) func(*v1alpha1.MysqlReplication) bool {
			return func(now *v1alpha1.MysqlReplication) bool {
				n := now.Status.Topology[nodeOf(set, 1).Name]
				return n != nil && n.ReplicaSQL == "No" && !n.Ready
			}
		})
	if err == nil {
		err = again("mend", 0, 1)
	}
	if err != nil {
		return err
	}
	say("sources die")
	err = each(o.changed, &r.dead, func(set int) error { return m.s.happen(ctx, "down", set, 0) },
		func(set int) func(*v1alpha1.MysqlReplication) bool {
			return func(now *v1alpha1.MysqlReplication) bool {
				n := now.Status.Topology[nodeOf(set, 0).Name]
				return n != nil && n.Status == v1alpha1.NodeFailed && !now.Status.Ready
			}
		})
	if err == nil {
		err = again("up", o.changed, 0)
	}
	if err != nil {
		return err
	}
	say("replicas are isolated")
	return each(2*o.changed, &r.edited, func(set int) error {
		now := w.get(keyOf(set))
		now.Spec.Replica[1].Isolated = true
		return m.e.admin.Update(ctx, now)
	}, func(int) func(*v1alpha1.MysqlReplication) bool {
		return func(now *v1alpha1.MysqlReplication) bool {
			return now.Spec.Replica[1].Isolated && ready(now)
		}
	})
}

// explain keeps what the processes logged, which the directory that goes had.
func (m meter) explain(err error) error {
	for _, name := range []string{"manager.log", "standin.log"} {
		if log, readErr := os.ReadFile(m.e.directory + "/" + name); readErr == nil && len(log) > 0 {
			kept := "bin/scale-" + name
			if os.WriteFile(kept, log, 0o600) == nil {
				err = fmt.Errorf("%w (see %s)", err, kept)
			}
		}
	}
	return err
}
