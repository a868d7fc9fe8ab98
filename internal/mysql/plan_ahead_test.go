// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/grants"
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
	restarted := hanging()
	restarted.Uptime = 30 * time.Second
	undone := func() *scene {
		return given("b", "a", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverUndone).semiSync().after(time.Minute)
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
			name:  "the candidate dies: it is waited for, and the replica comes back meanwhile",
			scene: at("b", "a", "c").seeing(hanging(), gone(), reconnecting()),
			steps: []string{
				"source-settings: settle a semi",
				"attach: attach c to a semi (optional)",
				"route: {a=rw c=- d=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "the candidate dies and the replica was only stopped: it starts again",
			scene: at("b", "a", "c").seeing(hanging(), gone(), replica("c", "a").acks().stopped()),
			steps: []string{
				"source-settings: settle a semi",
				"restart-replication: start c (optional)",
				"route: {a=rw c=- d=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "the candidate stays away until the deadline",
			scene: at("b", "a", "c").after(16*time.Second).seeing(from(), gone(), replica("c", "a").acks()),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw c=ro d=-}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "it has what the source has still to commit: it comes back, or the source would wait for ever",
			scene: at("b", "a", "c").seeing(hanging(), gone(), reconnecting().has("a:1-101")),
			steps: []string{
				"source-settings: settle a semi",
				"attach: attach c to a semi (optional)",
				"route: {a=rw c=- d=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "the same once it is undone",
			scene: undone().seeing(hanging(), gone(), reconnecting().has("a:1-101")),
			steps: []string{
				"source-settings: settle a semi",
				"attach: attach c to a semi (optional)",
				"route: {a=rw c=-}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "the same without a commit that waits: it is errant",
			scene: undone().seeing(from(), gone(), reconnecting().has("a:1-101")),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw c=-}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "the same and the source has restarted since, and may have lost it: it is errant",
			scene: undone().seeing(restarted, gone(), reconnecting().has("a:1-101")),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw c=-}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "one that the source turns away has more of it: that has lost it, whatever waits",
			scene: steady().seeing(hanging(), replica("b", "a").acks(), replica("c", "a").acks().has("a:1-105").threads(ThreadNo, ThreadYes).ioError(13114)),
			steps: []string{
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "SourceLostData",
		},
		{
			name:  "somebody else's transaction is errant, whatever waits",
			scene: undone().seeing(hanging(), gone(), reconnecting().has("a:1-100 b:1")),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw c=-}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
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
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "led and not running: it is started, to see whether it is let in, and nobody else is led",
			scene: at("b", "a", "c", "d").seeing(from(), candidate(), replica("c", "b").acks().stopped(), replica("d", "a").acks()),
			steps: []string{
				"ahead: lead c to b semi (optional)",
				"catch-up: catch up b to a:1-100 unless it turns away c",
				"fence: fence a still kill",
				"promote: promote b after fenced a semi",
				"repoint: attach d to b semi (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b semi (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "the same, and the operator may not start it",
			scene: at("b", "a", "c", "d").seeing(from(), candidate(), replica("c", "b").acks().stopped().lacks(grants.ReplicationSlaveAdmin), replica("d", "a").acks()),
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
			name:  "led and not connected yet: the fence waits for what comes of that",
			scene: at("b", "a", "c").seeing(from(), candidate(), reconnecting()),
			steps: []string{
				"ahead: lead c to b semi (optional)",
				"catch-up: catch up b to a:1-100 unless it turns away c",
				"fence: fence a still kill",
				"promote: promote b after fenced a semi",
				"repoint: attach a to b semi (background)",
				"route: {a=- b=rw}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "the candidate turns it away: nobody would acknowledge, and it is undone before the fence",
			scene: at("b", "a", "c").seeing(from(), candidate(), replica("c", "b").acks().ioError(1045)),
			steps: []string{
				"source-settings: settle a semi",
				"attach: attach c to a semi (optional)",
				"route: {a=rw b=ro c=- d=-}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
			message: "c was pointed at b and cannot replicate from it, and nobody would acknowledge its commits: the receiver reports error 1045",
		},
		{
			name:  "one of two is turned away",
			scene: at("b", "a", "c", "d").seeing(from(), candidate(), replica("c", "b").acks(), replica("d", "b").acks().ioError(2003)),
			steps: []string{
				"source-settings: settle a semi",
				"attach: attach c to a semi, attach d to a semi (optional)",
				"route: {a=rw b=ro c=ro d=-}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "the fence is up and it is turned away: the old source takes writes again",
			scene: at("b", "a", "c").seeing(from().fenced(), candidate(), replica("c", "b").acks().ioError(1045)),
			steps: []string{
				"undo: writable a semi {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name: "in asynchronous mode no commit waits for it",
			scene: func() *scene {
				s := at("b", "a", "c").seeing(source("a").armed(), replica("b", "a").labelled(""), replica("c", "b").ioError(1045))
				s.Object.Spec.Mode = v1alpha1.MysqlAsync
				return s
			}(),
			steps: []string{
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach a to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "it is not let in because the candidate is gone: that is waited for",
			scene: at("b", "a", "c").seeing(from(), gone(), replica("c", "b").acks().ioError(2003)),
			steps: []string{
				"source-settings: settle a semi",
				"attach: attach c to a semi (optional)",
				"route: {a=rw c=- d=-}",
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
				"catch-up: catch up b to a:1-100 unless it turns away d",
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
