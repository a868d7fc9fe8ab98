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

	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/load"
)

// Switchover is what a planned change of the source looked like from outside.
// Times of the operator's are by its clock.
type Switchover struct {
	From, To string
	// Edited is when the spec was about to be written.
	Edited time.Time
	// Started, Switching and Finished are the operator's records: preparation
	// began, the part that clients notice began, the new source was promoted and routed.
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
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	changes, err := s.watch(ctx)
	if err != nil {
		return Switchover{}, err
	}
	defer changes.Stop()
	before, err := s.Get(ctx)
	if err != nil {
		return Switchover{}, err
	}
	change := Switchover{From: before.Status.Source, To: to, Edited: time.Now()}
	written, err := s.Edit(ctx, ExchangeSource(to))
	if err != nil {
		return change, err
	}
	last := written
	for change.Ready.IsZero() {
		select {
		case <-ctx.Done():
			return change, fmt.Errorf("the switchover to %s did not finish within %s: %s", to, timeout, Describe(last))
		case event, open := <-changes.ResultChan():
			r, is := event.Object.(*v1alpha1.MysqlReplication)
			if !open || !is {
				return change, fmt.Errorf("the watch of MysqlReplication %s ended", s.Name)
			}
			if r.Generation < written.Generation {
				continue
			}
			last = r
			if sw := r.Status.Switchover; sw != nil && sw.Phase == v1alpha1.SwitchoverUndone {
				return change, fmt.Errorf("the switchover to %s was undone: %s", to, sw.Message)
			}
			change.note(r)
		}
	}
	// The last writes before Ready belong to it; a moment later there are some more.
	if err := WaitWrites(ctx, run, 50, timeout); err != nil {
		return change, err
	}
	change.Outage = run.Outage(change.Edited, time.Now())
	log, err := operator.LogSince(ctx, change.Edited)
	if err != nil {
		return change, err
	}
	change.Steps = stepsOf(log, s.Namespace)
	return change, nil
}

// EditUntil edits the resource and waits until the status has shown a phase of the
// change that was asked for. It sees each version of the status, however short-lived.
func (s *Set) EditUntil(ctx context.Context, change func(*v1alpha1.MysqlReplication), phase v1alpha1.SwitchoverPhase, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	changes, err := s.watch(ctx)
	if err != nil {
		return err
	}
	defer changes.Stop()
	last, err := s.Edit(ctx, change)
	if err != nil {
		return err
	}
	generation := last.Generation
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the phase %s was not seen within %s: %s", phase, timeout, Describe(last))
		case event, open := <-changes.ResultChan():
			r, is := event.Object.(*v1alpha1.MysqlReplication)
			if !open || !is {
				return fmt.Errorf("the watch of MysqlReplication %s ended", s.Name)
			}
			last = r
			if sw := r.Status.Switchover; sw != nil && sw.Generation == generation && sw.Phase == phase {
				return nil
			}
		}
	}
}

// watch the resource.
func (s *Set) watch(ctx context.Context) (watch.Interface, error) {
	w, err := s.Cluster.Client.Watch(ctx, &v1alpha1.MysqlReplicationList{}, client.InNamespace(s.Namespace), client.MatchingFields{"metadata.name": s.Name})
	if err != nil {
		return nil, fmt.Errorf("watch MysqlReplication %s: %w", s.Name, err)
	}
	return w, nil
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
