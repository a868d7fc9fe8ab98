// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/upmio/compose-operator/internal/metrics"
)

// stepError is the failure of a step.
type stepError struct {
	step string
	// routing: the actions succeeded and the labels could not be put in place.
	routing bool
	err     error
}

func (e *stepError) Error() string { return fmt.Sprintf("step %s: %v", e.step, e.err) }

func (e *stepError) Unwrap() error { return e.err }

// step runs the actions of a step at the same time and then puts its routing in
// place. What the actions learned is added to facts.
func (p *pass[T, S, D]) step(ctx context.Context, scene Scene[T], step Step, facts Facts) *stepError {
	began := p.now()
	faultPoint(p.log, "before", step.Name)
	actions := p.permitted(step)
	learned := make([]Facts, len(actions))
	errs := make([]error, len(actions))
	var running sync.WaitGroup
	for i, action := range actions {
		running.Go(func() { learned[i], errs[i] = p.act(ctx, scene, action, facts) })
	}
	running.Wait()
	for _, of := range learned {
		maps.Copy(facts, of)
	}
	if err := errors.Join(errs...); err != nil {
		return &stepError{step: step.Name, err: err}
	}
	faultPoint(p.log, "acted", step.Name)
	labeled, err := p.route(ctx, step.Routing)
	if err != nil {
		return &stepError{step: step.Name, routing: true, err: err}
	}
	faultPoint(p.log, "after", step.Name)
	if len(actions) == 0 && labeled == 0 {
		// Routing that is in place already: every quiet pass has it.
		return nil
	}
	took := p.now().Sub(began)
	metrics.ObserveStep(p.engine.Kind(), step.Name, took)
	p.log.Info("step done", "step", step.Name, "ms", took.Milliseconds(), "actions", len(actions), "labeled", labeled)
	return nil
}

// permitted are the actions of a step on nodes that do not belong to another
// resource: one that is in the middle of something goes on with its own nodes only.
func (p *pass[T, S, D]) permitted(step Step) []Action {
	return slices.DeleteFunc(slices.Clone(step.Actions), func(action Action) bool {
		if !p.isForeign(action.Node()) {
			return false
		}
		p.log.Info("an action is left out: the pod belongs to another resource",
			"step", step.Name, "action", action.About(), "node", action.Node(), "resource", p.nameOf(p.foreign[action.Node()]))
		return true
	})
}

// whole fails where a step would be left half done that what follows builds on: one that
// says so, and any while clients cannot write. An undo stops nobody's writes, and goes on
// with what is there.
func (p *pass[T, S, D]) whole(step Step, stopped bool) *stepError {
	if !stopped && !step.Whole || step.Optional {
		return nil
	}
	for _, action := range step.Actions {
		if p.isForeign(action.Node()) {
			return &stepError{step: step.Name, err: fmt.Errorf("%s on %s: it belongs to %s", action.About(), action.Node(), p.nameOf(p.foreign[action.Node()]))}
		}
	}
	return nil
}

// act runs one action within its deadline. A panic ends the action only.
func (p *pass[T, S, D]) act(ctx context.Context, scene Scene[T], action Action, facts Facts) (learned Facts, err error) {
	what := fmt.Sprintf("%s on %s", action.About(), action.Node())
	defer func() {
		if caught := recover(); caught != nil {
			p.caught(ctx, what, caught)
			err = fmt.Errorf("%s: panic: %v", what, caught)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, deadlineOf(action))
	defer cancel()
	if learned, err = p.engine.Act(ctx, scene, action, facts); err != nil {
		return learned, fmt.Errorf("%s: %w", what, err)
	}
	return learned, nil
}

func deadlineOf(action Action) time.Duration {
	if own, has := action.(Deadliner); has {
		return own.Deadline()
	}
	return DefaultDeadline
}
