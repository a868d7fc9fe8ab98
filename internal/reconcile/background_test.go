// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

func TestAStepBesideOthersIsNotWaitedFor(t *testing.T) {
	promoted := make(chan struct{})
	k := newKit(t, &testEngine{})
	k.engine.plan = func(_ Scene[*set], observation int) testPlan {
		if observation > 1 {
			return testPlan{Conditions: topology(metav1.ConditionTrue, "Replicating", "")}
		}
		return testPlan{Again: true, Steps: []Step{
			{Name: "repoint", Background: true, Routing: Routing{"mysql-1": AccessReadOnly}, Actions: []Action{
				doFunc("repoint", "mysql-1", func(ctx context.Context) (Facts, error) {
					select {
					case <-promoted:
						return nil, nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}),
			}},
			{Name: "promote", Routing: Routing{"mysql-0": AccessReadWrite}, Actions: []Action{
				doFunc("promote", "mysql-0", func(context.Context) (Facts, error) { close(promoted); return nil, nil }),
			}},
		}}
	}
	k.pass()
	k.wantLabels("mysql-0", "orders/false")
	k.wantLabels("mysql-1", "orders/true")
	k.wantEvents()
	k.wantCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, reasonReady)
}

func TestAStepBesideOthersMayFailAndIsWaitedForAtTheEnd(t *testing.T) {
	k := newKit(t, &testEngine{})
	ended := false
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{Steps: []Step{
			{Name: "repoint", Background: true, Actions: []Action{
				doFunc("repoint", "mysql-1", func(context.Context) (Facts, error) {
					ended = true
					return nil, errors.New("no answer")
				}),
			}},
			{Name: "promote", Actions: []Action{do("promote", "mysql-0")}},
		}}
	}
	if wait := k.pass(); wait != busyPoll || !ended {
		t.Errorf("next pass in %s, ended: %v", wait, ended)
	}
	if !slices.Contains(k.engine.journal, "act promote mysql-0") {
		t.Errorf("what happened: %v", k.engine.journal)
	}
	k.wantEvents("Warning ActionFailed: step repoint: repoint on mysql-1: no answer")
}
