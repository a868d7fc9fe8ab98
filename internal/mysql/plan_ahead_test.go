// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// A replica that was led to the candidate before the fence, and what goes wrong meanwhile.
func TestPlanAhead(t *testing.T) {
	at := func(names ...string) *scene {
		return given(names...).knowing("a", "a", "b", "c", "d").record("a", "b", v1alpha1.SwitchoverSwitching).semiSync().after(time.Second)
	}
	steady := func() *scene { return given("a", "b", "c").knowing("a", "a", "b", "c").semiSync() }
	from := func() *node { return source("a").waits().armed() }
	hanging := func() *node {
		n := from()
		n.SemiSync.WaitSessions = 1
		return n
	}
	candidate := func() *node { return replica("b", "a").acks().labelled("") }
	gone := func() *node { return candidate().unseen() }
	reconnecting := func() *node { return replica("c", "b").acks().threads(ThreadConnecting, ThreadYes) }
	impatient := from()
	impatient.SemiSync.WaitCount = 2
	deaf := replica("b", "a").labelled("")
	deaf.SemiSync.SourcePlugin = true

	runRows(t, []row{
		{
			name:  "the candidate dies: undone at once, because nobody acknowledges to the old source",
			scene: at("b", "a", "c").seeing(hanging(), gone(), reconnecting()),
			steps: []string{
				"source-settings: settle a semi",
				"attach: attach c to a semi (optional)",
				"route: {a=rw c=- d=-}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "the candidate dies and nobody was led: it is waited for",
			scene: at("b", "a", "c").seeing(from(), gone(), replica("c", "a").acks()),
			steps: nil, reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "it has what the source has still to commit: it comes back, or the source would wait for ever",
			scene: steady().seeing(hanging(), gone(), reconnecting().has("a:1-101")),
			steps: []string{
				"source-settings: settle a semi",
				"attach: attach c to a semi (optional)",
				"route: {a=rw c=-}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "the same without a commit that waits: it is errant",
			scene: steady().seeing(source("a").waits(), gone(), reconnecting().has("a:1-101")),
			steps: []string{
				"route: {a=rw c=-}",
			},
			reason: "NodeUnreachable",
		},
		{
			name:  "somebody else's transaction is errant, whatever waits",
			scene: steady().seeing(hanging(), gone(), reconnecting().has("a:1-100 b:1")),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw c=-}",
			},
			reason: "SourceNotReady",
		},
		{
			name: "the mode changes and the candidate dies: who follows it is no evidence while the source takes writes",
			scene: func() *scene {
				s := at("b", "a", "c").seeing(hanging(), gone(), reconnecting())
				s.Object.Spec.Mode = v1alpha1.MysqlAsync
				return s
			}(),
			steps: []string{
				"source-settings: settle a",
				"attach: attach c to a (optional)",
				"route: {a=rw c=- d=-}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "led and not running: nobody else is led",
			scene: at("b", "a", "c", "d").seeing(from(), candidate(), replica("c", "b").acks().stopped(), replica("d", "a").acks()),
			steps: []string{
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a semi",
				"repoint: attach d to b semi (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b semi (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "the candidate does not acknowledge: nobody is led",
			scene: at("b", "a", "c").seeing(from(), deaf, replica("c", "a").acks()),
			steps: []string{
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a semi",
				"repoint: attach c to b semi (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b semi (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "the source waits for two: nobody is led",
			scene: at("b", "a", "c").seeing(impatient, candidate(), replica("c", "a").acks()),
			steps: []string{
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a semi",
				"repoint: attach c to b semi (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b semi (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "the one that lags least is led",
			scene: at("b", "a", "c", "d").seeing(from(), candidate(), replica("c", "a").acks().lag(5), replica("d", "a").acks()),
			steps: []string{
				"ahead: lead d to b semi (optional)",
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a semi",
				"repoint: attach c to b semi (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b semi, attach d to b semi (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "one that lags too much is not led",
			scene: at("b", "a", "c").seeing(from(), candidate(), replica("c", "a").acks().lag(5000)),
			steps: []string{
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a semi",
				"repoint: attach c to b semi (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b semi (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "one that leaves the spec does not vouch for the candidate's commits",
			scene: given("a", "b").knowing("a", "a", "b", "c").semiSync().seeing(source("a").waits(), replica("b", "a").acks(), replica("c", "b").acks()),
			steps: []string{
				"replica-settings: semi-sync c (optional)",
				"route: {a=rw b=ro c=-}",
			},
			reason: "TopologyAsWanted",
		},
	})
}
