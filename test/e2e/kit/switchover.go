// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/load"
)

// Switchover is what a planned change of the source, or of a group's primary, looked like
// from outside.
// Times of the operator's are by its clock.
type Switchover struct {
	From, To string
	// Edited is when the spec was about to be written.
	Edited time.Time
	// Started, Switching and Finished are the operator's records: preparation
	// began, the part that clients notice began, the new source was promoted and routed.
	// Of a group, whose change is one step, there is Finished alone: the status was seen to
	// name the new primary.
	Started, Switching, Finished time.Time
	// Ready is when the condition Ready was seen again.
	Ready time.Time
	// Steps that the operator logged, in order.
	Steps []Step
	// Outage is the longest time without an acknowledged write from the edit on.
	Outage load.Outage
}

// Step of a plan and how long it took.
type Step struct {
	Name string
	Took time.Duration
}

// SwitchOver makes a replica the source by editing the spec, and waits until the
// resource is Ready. run is what clients do meanwhile.
func (s *Set) SwitchOver(ctx context.Context, operator *Operator, run *load.Run, to string, timeout time.Duration) (Switchover, error) {
	change := Switchover{To: to}
	edit := func(ctx context.Context) (*v1alpha1.MysqlReplication, error) {
		before, err := s.Get(ctx)
		if err != nil {
			return nil, err
		}
		change.From, change.Edited = before.Status.Source, time.Now()
		return s.Edit(ctx, ExchangeSource(to))
	}
	look := func(r *v1alpha1.MysqlReplication) (bool, error) {
		if sw := r.Status.Switchover; sw != nil && sw.Phase == v1alpha1.SwitchoverUndone {
			return false, fmt.Errorf("undone: %s", sw.Message)
		}
		change.note(r)
		return !change.Ready.IsZero(), nil
	}
	if err := watched(ctx, s.Pods, &v1alpha1.MysqlReplicationList{}, timeout, Describe, edit, look); err != nil {
		return change, fmt.Errorf("the switchover to %s: %w", to, err)
	}
	return change, change.measure(ctx, s.Namespace, operator, run, timeout)
}

// measure adds what clients saw of a change that is over, and what the operator logged.
func (c *Switchover) measure(ctx context.Context, namespace string, operator *Operator, run *load.Run, timeout time.Duration) error {
	// The last writes before Ready belong to it; a moment later there are some more.
	if err := WaitWrites(ctx, run, 50, timeout); err != nil {
		return err
	}
	c.Outage = run.Outage(c.Edited, time.Now())
	log, err := operator.LogSince(ctx, c.Edited)
	if err != nil {
		return err
	}
	c.Steps = stepsOf(log, namespace)
	return nil
}

// EditUntil edits the resource and waits until the status has shown a phase of the
// change that was asked for. It sees each version of the status, however short-lived.
func (s *Set) EditUntil(ctx context.Context, change func(*v1alpha1.MysqlReplication), phase v1alpha1.SwitchoverPhase, timeout time.Duration) error {
	var generation int64
	edit := func(ctx context.Context) (*v1alpha1.MysqlReplication, error) {
		r, err := s.Edit(ctx, change)
		generation = r.GetGeneration()
		return r, err
	}
	look := func(r *v1alpha1.MysqlReplication) (bool, error) {
		sw := r.Status.Switchover
		return sw != nil && sw.Generation == generation && sw.Phase == phase, nil
	}
	if err := watched(ctx, s.Pods, &v1alpha1.MysqlReplicationList{}, timeout, Describe, edit, look); err != nil {
		return fmt.Errorf("the phase %s: %w", phase, err)
	}
	return nil
}

// note takes the times from a status.
func (c *Switchover) note(r *v1alpha1.MysqlReplication) {
	if sw := r.Status.Switchover; sw != nil && sw.Generation == r.Generation {
		c.Started = sw.StartedAt.Time
		if sw.SwitchingAt != nil {
			c.Switching = sw.SwitchingAt.Time
		}
	}
	if done := r.Status.LastSwitchover; done != nil && done.To == c.To && r.Status.Source == c.To {
		c.Finished = done.FinishedAt.Time
	}
	if ReadyAsWanted(r) == nil {
		c.Ready = time.Now()
	}
}

var stepLine = regexp.MustCompile(`"step":\s*"([^"]+)",\s*"ms":\s*(\d+)`)

// stepsOf reads the operator's log.
func stepsOf(log, namespace string) []Step {
	var steps []Step
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "step done") || !strings.Contains(line, namespace) {
			continue
		}
		found := stepLine.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		ms, err := strconv.Atoi(found[2])
		if err != nil {
			continue
		}
		steps = append(steps, Step{Name: found[1], Took: time.Duration(ms) * time.Millisecond})
	}
	return steps
}

// StepTook adds up the steps of a name.
func (c Switchover) StepTook(name string) (took time.Duration, seen bool) {
	for _, s := range c.Steps {
		if s.Name == name {
			took, seen = took+s.Took, true
		}
	}
	return took, seen
}
