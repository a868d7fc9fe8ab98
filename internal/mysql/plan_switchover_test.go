// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// switching is a set in which b is to take over from a, with the record in that phase.
func switching(phase v1alpha1.SwitchoverPhase) *scene {
	return given("b", "a", "c").knowing("a", "a", "b", "c").record("a", "b", phase).
		seeing(source("a"), replica("b", "a"), replica("c", "a"))
}

// wanting is the same without a record.
func wanting() *scene {
	s := switching(v1alpha1.SwitchoverPreparing)
	s.Object.Status.Switchover = nil
	return s
}

func TestPlanSwitchoverBegins(t *testing.T) {
	runRows(t, []row{
		{
			name:  "prepared",
			scene: wanting(),
			steps: []string{
				"persist",
				"arm: arm a (optional)",
				"drain: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverInProgress", record: "a>b Preparing", source: "a",
		},
		{
			name:  "prepared, the source is armed",
			scene: wanting().seeing(source("a").armed()),
			steps: []string{
				"persist",
				"drain: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverInProgress", record: "a>b Preparing", source: "a",
		},
		{
			name:  "nobody else serves readers: no drain",
			scene: given("b", "a").knowing("a", "a", "b").seeing(source("a"), replica("b", "a")),
			steps: []string{
				"persist",
				"arm: arm a (optional)",
			},
			reason: "SwitchoverInProgress", record: "a>b Preparing", source: "a",
		},
		{
			name:  "refused: candidate not seen",
			scene: wanting().seeing(replica("b", "a").unseen()),
			steps: []string{
				"route: {a=rw c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: candidate answers with an error",
			scene: wanting().seeing(replica("b", "a").failing()),
			steps: []string{
				"route: {a=rw c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: source answers with an error",
			scene: wanting().seeing(source("a").failing()),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: receiver stopped, and left so",
			scene: wanting().seeing(replica("b", "a").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: replication filters",
			scene: wanting().seeing(replica("b", "a").filters("Replicate_Ignore_DB: logs")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a", message: "CandidateFiltered): its replication filters leave out or rename part of the data (Replicate_Ignore_DB: logs)",
		},
		{
			name:  "refused: receiver connecting",
			scene: wanting().seeing(replica("b", "a").threads(ThreadConnecting, ThreadYes)),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: applier stopped, and left so",
			scene: wanting().seeing(replica("b", "a").threads(ThreadYes, ThreadNo)),
			steps: []string{
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: applier error",
			scene: wanting().seeing(replica("b", "a").sqlError(1062)),
			steps: []string{
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: receiver error",
			scene: wanting().seeing(replica("b", "a").ioError(1236)),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: password refused, and renewed",
			scene: wanting().seeing(replica("b", "a").ioError(1045)),
			steps: []string{
				"renew-password: attach b to a renew (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: behind",
			scene: wanting().seeing(replica("b", "a").has("a:1-50").lag(11)),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: lag unknown",
			scene: wanting().seeing(replica("b", "a").lagUnknown()),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: diverged",
			scene: wanting().seeing(replica("b", "a").has("a:1-100 b:1")),
			steps: []string{
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: not a replica, and attached",
			scene: wanting().seeing(replica("b", "a").unattached()),
			steps: []string{
				"attach: attach b to a (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: follows another, and attached",
			scene: wanting().seeing(replica("b", "c")),
			steps: []string{
				"attach: attach b to a (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: it has purged what another needs",
			scene: wanting().seeing(replica("b", "a").hasPurged("a:1-60"), replica("c", "a").has("a:1-50")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: the source replicates itself",
			scene: wanting().seeing(source("a").follows("z")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: a foreign channel feeds the source",
			scene: wanting().seeing(source("a").fed()),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a", message: `(SourceReplicates): a: it replicates through the channel "feed"`,
		},
		{
			name:  "refused: the source is overtaken",
			scene: wanting().seeing(source("a").fenced(), replica("c", "a").has("a:1-100 d:1")),
			steps: []string{
				"route: {b=ro c=-}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: semi-sync, candidate lacks the plugin",
			scene: wanting().semiSync().seeing(source("a").waits(), replica("b", "a"), replica("c", "a").acks()),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "refused: semi-sync asked for at the same time, candidate does not acknowledge yet",
			scene: wanting().semiSync().seeing(source("a").plugins(), replica("b", "a").plugins(), replica("c", "a").plugins()),
			steps: []string{
				"replica-settings: semi-sync b replica, semi-sync c replica (optional)",
				"source-settings: settle a semi",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "others are looked after while it is refused",
			scene: wanting().seeing(replica("b", "a").sqlError(1062), replica("c", "a").stopped()),
			steps: []string{
				"restart-replication: start c (optional)",
				"route: {a=rw b=- c=-}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "the old source left the spec",
			scene: given("b", "c").knowing("a", "a", "b", "c").seeing(source("a"), replica("b", "a"), replica("c", "a")),
			steps: []string{
				"persist",
				"arm: arm a (optional)",
				"drain: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverInProgress", record: "a>b Preparing", source: "a",
		},
		{
			name:  "the source is read-only",
			scene: wanting().seeing(source("a").fenced()),
			steps: []string{
				"persist",
				"drain: {b=- c=ro}",
			},
			reason: "SwitchoverInProgress", record: "a>b Preparing", source: "a",
		},
		{
			name:  "skip begins nothing",
			scene: wanting().skipping(),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotAsWanted", source: "a",
		},
		{
			name:  "GTIDs are off",
			scene: wanting().seeing(replica("c", "a").withoutGTID()),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "GTIDRequired", source: "a",
		},
	})
}

func TestPlanSwitchoverPreparing(t *testing.T) {
	preparing := func() *scene { return switching(v1alpha1.SwitchoverPreparing).after(100 * time.Millisecond) }
	runRows(t, []row{
		{
			name:  "waits for the drain",
			scene: preparing(),
			steps: []string{
				"arm: arm a (optional)",
				"drain: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverInProgress", record: "a>b Preparing", source: "a",
		},
		{
			name:  "drained: the record first, then all of it",
			scene: preparing().after(drainTime),
			steps: []string{
				"persist",
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill persist",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "drained, armed",
			scene: preparing().after(drainTime).seeing(source("a").armed()),
			steps: []string{
				"persist",
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "two nodes have no drain",
			scene: given("b", "a").knowing("a", "a", "b").record("a", "b", v1alpha1.SwitchoverPreparing).seeing(source("a").armed(), replica("b", "a")),
			steps: []string{
				"persist",
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach a to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "semi-sync",
			scene: preparing().after(drainTime).semiSync().seeing(source("a").waits().armed(), replica("b", "a").acks(), replica("c", "a").acks()),
			steps: []string{
				"persist",
				"ahead: lead c to b semi (optional)",
				"catch-up: catch up b to a:1-100 unless it turns away c",
				"fence: fence a still kill",
				"promote: promote b after fenced a semi",
				"route: {a=- b=rw}",
				"rejoin: attach a to b semi, attach c to b semi (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name: "semi-sync: one of two is led ahead, the one that streams",
			scene: given("b", "a", "c", "d").knowing("a", "a", "b", "c", "d").record("a", "b", v1alpha1.SwitchoverSwitching).semiSync().after(time.Second).
				seeing(source("a").waits().armed(), replica("b", "a").acks().labelled(""), replica("c", "a").acks().threads(ThreadConnecting, ThreadYes), replica("d", "a").acks()),
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
			name: "semi-sync: nobody else is led when one is ahead already",
			scene: given("b", "a", "c", "d").knowing("a", "a", "b", "c", "d").record("a", "b", v1alpha1.SwitchoverSwitching).semiSync().after(time.Second).
				seeing(source("a").waits().armed(), replica("b", "a").acks().labelled(""), replica("c", "b").acks(), replica("d", "a").acks()),
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
			name: "semi-sync: fenced, one is ahead: the old source can wait",
			scene: given("b", "a", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).semiSync().after(time.Second).
				seeing(source("a").waits().armed().fenced(), replica("b", "a").acks().labelled(""), replica("c", "b").acks()),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a semi",
				"route: {a=- b=rw}",
				"rejoin: attach a to b semi (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name: "semi-sync: who is ahead has what its source's source has still to commit",
			scene: given("b", "a", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).semiSync().after(time.Second).
				seeing(source("a").waits().armed(), replica("b", "a").acks().labelled("").has("a:1-101"), replica("c", "b").acks().has("a:1-101")),
			steps: []string{
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a semi",
				"route: {a=- b=rw}",
				"rejoin: attach a to b semi (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "the source of before is not seen and has its label still: that goes first",
			scene: switching(v1alpha1.SwitchoverSwitching).after(time.Second).seeing(source("a").armed(), replica("b", "a").labelled(""), server("c").unseen().labelled("false")),
			steps: []string{
				"unroute: {c=-}",
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach a to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "the same, and it is back and takes writes",
			scene: switching(v1alpha1.SwitchoverSwitching).after(time.Second).seeing(source("a").armed(), replica("b", "a").labelled(""), source("c")),
			steps: []string{
				"unroute: {c=-}",
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach a to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name: "it is undone while that one is not seen: nobody is led to the old source beside it",
			scene: given("a", "b", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).after(time.Second).
				seeing(source("a").labelled("").fenced(), replica("b", "a"), server("c").unseen().labelled("false")),
			steps: []string{
				"unroute: {c=-}",
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing",
		},
		{
			name:  "an errant and a broken replica are not re-pointed",
			scene: given("b", "a", "c", "d").knowing("a", "a", "b", "c", "d").record("a", "b", v1alpha1.SwitchoverPreparing).after(time.Minute).seeing(source("a").armed(), replica("b", "a"), replica("c", "a").has("a:1-100 c:1"), replica("d", "a").sqlError(1062)),
			steps: []string{
				"persist",
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach a to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "an isolated replica is not re-pointed",
			scene: given("b", "a!", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverPreparing).after(time.Minute).seeing(source("a").armed(), replica("b", "a"), replica("c", "a")),
			steps: []string{
				"persist",
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "cancelled",
			scene: given("a", "b", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverPreparing).edited().seeing(source("a").armed(), replica("b", "a").labelled(""), replica("c", "a")),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "a third is wanted now",
			scene: given("c", "a", "b").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverPreparing).edited().seeing(source("a").armed(), replica("b", "a").labelled(""), replica("c", "a")),
			steps: []string{
				"persist",
				"drain: {a=rw b=ro c=-}",
			},
			reason: "SwitchoverInProgress", record: "a>c Preparing", source: "a",
		},
		{
			name:  "the candidate broke meanwhile",
			scene: preparing().seeing(replica("b", "a").sqlError(1062)),
			steps: []string{
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "the source went away: failover",
			scene: preparing().seeing(source("a").unseen()),
			steps: []string{
				"persist",
				"drain: {b=-}",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "the source came back empty",
			scene: preparing().seeing(fresh("a").uuid("e")),
			steps: []string{
				"persist",
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "the source answers with an error",
			scene: preparing().seeing(source("a").failing()),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "skip stops it here",
			scene: preparing().skipping(),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotAsWanted", record: "a>b Preparing", source: "a",
		},
	})
}

func TestPlanSwitchoverAtWork(t *testing.T) {
	at := func() *scene {
		return switching(v1alpha1.SwitchoverSwitching).after(time.Second).seeing(source("a").armed(), replica("b", "a").labelled(""))
	}
	cancelled := func() *scene {
		s := given("a", "b", "c").edited().knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).after(time.Second).seeing(source("a").armed(), replica("b", "a").labelled(""), replica("c", "a"))
		s.Object.Status.Switchover.Generation = 7
		return s
	}
	third := func() *scene {
		s := cancelled()
		s.Object.Spec.Source.Name, s.Object.Spec.Replica[1].Name = "c", "a"
		s.Object.Spec.Source.Host, s.Object.Spec.Replica[1].Host = "c", "a"
		return s
	}
	fenced := func() *node { return source("a").fenced() }
	halfway := func() *node { return replica("b", "a").stopped().labelled("") }
	promoted := func() *node { return replica("b", "a").stopped().writable().labelled("") }
	routed := func() *node { return promoted().labelled("false") }
	wrote := "a:1-100 b:1-5"
	late := 16 * time.Second
	runRows(t, []row{
		{
			name:  "nothing done yet",
			scene: at(),
			steps: []string{
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "not armed: the fence persists",
			scene: at().seeing(source("a")),
			steps: []string{
				"catch-up: catch up b to a:1-100",
				"fence: fence a still kill persist",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "fenced",
			scene: at().seeing(fenced()),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "half fenced",
			scene: at().seeing(source("a").halfFenced()),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "fenced, candidate behind",
			scene: at().seeing(fenced(), replica("b", "a").has("a:1-90").labelled("")),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "fenced, candidate's replication stopped",
			scene: at().seeing(fenced(), halfway()),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "promoted",
			scene: at().seeing(fenced(), promoted()),
			steps: []string{
				"persist",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach a to b, attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "promoted on another port: the Service for readers follows at the next look",
			scene: given("b", "a").knowing("a", "a", "b").record("a", "b", v1alpha1.SwitchoverSwitching).seeing(replica("a", "b").labelled(""), routed().unattached()).on(3307, "b"),
			steps: []string{
				"persist",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"route: {a=- b=rw}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "promoted and wrote",
			scene: at().seeing(fenced(), routed().has(wrote)),
			steps: []string{
				"persist",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach a to b, attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "promoted, routed, others attached",
			scene: at().seeing(replica("a", "b").labelled(""), routed().unattached(), replica("c", "b")),
			steps: []string{
				"persist",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"route: {a=- b=rw c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "promoted, the old source is attached and seen a moment later",
			scene: at().seeing(replica("a", "b").has("a:1-100 b:1-2").labelled(""), routed().has("a:1-100 b:1"), replica("c", "b")),
			steps: []string{
				"persist",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"route: {a=- b=rw c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "promoted, old source not seen",
			scene: at().seeing(source("a").unseen(), routed()),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "NodeUnreachable",
		},
		{
			// It is routed: since it was looked at it may have taken what was acknowledged.
			name:  "promoted, old source restarted unfenced, and nobody has written to the candidate",
			scene: at().seeing(source("a"), promoted()),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"attach: attach b to a (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "promoted, old source restarted unfenced, and nobody is led anywhere",
			scene: at().seeing(source("a").labelled(""), promoted()),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach a to b, attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "promoted and written to by somebody, old source restarted unfenced without writes: fenced before the route",
			scene: at().seeing(source("a"), promoted().has(wrote)),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach a to b, attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "the same, and the old source took writes since: they are kept apart",
			scene: at().after(3*time.Second).seeing(source("a").has("a:1-101").upFor(time.Second), promoted().has(wrote)),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaDiverged", message: "a: holds 1 transaction(s) that the source b lacks",
		},
		{
			name:  "both took writes, and in whole seconds the old source may have been started just before the fence: not on a guess",
			scene: at().after(3*time.Second).seeing(source("a").has("a:1-101").upFor(2*time.Second), promoted().has(wrote)),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "both took writes, and the old source was not restarted: somebody else made the candidate writable",
			scene: at().seeing(source("a").has("a:1-101"), promoted().has(wrote)),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "routed, old source restarted half fenced",
			scene: at().seeing(source("a").halfFenced().labelled(""), routed().has(wrote)),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach a to b, attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "routed and written to, old source restarted unfenced and took a write: as after a failover",
			scene: at().seeing(source("a").has("a:1-101").armed().labelled(""), routed().has(wrote)),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaDiverged", message: "a: holds 1 transaction(s) that the source b lacks",
		},
		{
			name:  "the same, and the operator died between the two labels",
			scene: at().seeing(source("a").has("a:1-101"), routed()),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaDiverged",
		},
		{
			name:  "the same, and the candidate's new pod has no label",
			scene: at().seeing(source("a").has("a:1-101").labelled(""), promoted().has(wrote).newPod()),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaDiverged",
		},
		{
			name:  "the same, and the candidate restarted and replicates again: it is not written off",
			scene: at().seeing(source("a").has("a:1-101").labelled(""), replica("b", "a").has(wrote).labelled("false")),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"detach-source: detach b",
				"source-settings: writable b",
				"attach: attach c to b (optional)",
				"route: {a=- c=-}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "both restarted read-only and both took writes: forward",
			scene: at().seeing(fenced().has("a:1-101").labelled(""), halfway().has(wrote).labelled("false")),
			steps: []string{
				"persist",
				"source-settings: writable b",
				"attach: attach c to b (optional)",
				"route: {a=- c=-}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "routed, and made anew under its label: it has nothing of what it took",
			scene: at().seeing(source("a").labelled(""), fresh("b").uuid("e").has("e:1").labelled("false")),
			steps: []string{
				"unroute: {b=-}",
				"fence-extra: fence b kill persist release",
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "old source restarted unfenced and took writes",
			scene: at().seeing(source("a").has("a:1-101"), promoted()),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"attach: attach b to a (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "writable by somebody else, lacks what the fenced source has",
			scene: at().seeing(fenced(), promoted().has("a:1-90")),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "lost its writability after writes: forward",
			scene: at().seeing(fenced(), replica("b", "a").has(wrote).labelled("false")),
			steps: []string{
				"fence: fence a kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "lost its writability after writes, cancelled: forward all the same",
			scene: cancelled().seeing(fenced(), replica("b", "a").has(wrote).labelled("false")),
			steps: []string{
				"fence: fence a kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching",
		},
		{
			name:   "candidate not seen, was not routed",
			scene:  at().seeing(fenced(), replica("b", "a").unseen().labelled("")),
			steps:  nil,
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:   "candidate not seen, was routed",
			scene:  at().seeing(fenced().labelled(""), replica("b", "a").unseen().labelled("false")),
			steps:  nil,
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:   "candidate not seen, its new pod has no labels, the old source lost its own",
			scene:  at().after(late).seeing(fenced().labelled(""), replica("b", "a").unseen().labelled("")),
			steps:  nil,
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "candidate not seen, may have been routed, the old source is forced: undone",
			scene: cancelled().forcing("a").seeing(fenced().labelled(""), replica("b", "a").unseen().labelled("")),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing",
		},
		{
			name:  "candidate not seen, overdue: undone",
			scene: at().after(late).seeing(fenced(), replica("b", "a").unseen().labelled("")),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name:   "candidate not seen, its new pod has no labels, the old source has its own still",
			scene:  at().after(late).seeing(fenced(), replica("b", "a").unseen().newPod()),
			steps:  nil,
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a", message: "it may have been promoted and taken writes",
		},
		{
			name:   "candidate not seen, its pod is gone, the old source has its label still",
			scene:  at().after(late).seeing(fenced(), replica("b", "a").podGone().labelled("")),
			steps:  nil,
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "candidate not seen, its pod was made anew, the old source is not fenced: undone",
			scene: at().after(late).seeing(source("a").armed(), replica("b", "a").unseen().newPod()),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw c=ro}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "candidate not seen, its pod was made anew, the old source is forced: undone",
			scene: cancelled().forcing("a").seeing(fenced(), replica("b", "a").unseen().newPod()),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing",
		},
		{
			name:  "candidate's pod was made anew, and is seen to have taken nothing: undone",
			scene: at().after(late).seeing(fenced(), halfway().newPod()),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name:  "candidate not seen, routed, the old source is named again: failover from the candidate",
			scene: cancelled().seeing(fenced().labelled(""), replica("b", "a").unseen().labelled("false")),
			steps: []string{
				"persist",
			},
			reason: "FailoverInProgress", record: "failover b>a Preparing", source: "b",
		},
		{
			name:  "candidate came back empty",
			scene: at().seeing(fenced(), fresh("b").uuid("e").fenced()),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "candidate came back empty and writable",
			scene: at().seeing(fenced(), fresh("b").uuid("e")),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "candidate came back empty after the old source was attached to it",
			scene: at().seeing(replica("a", "b").has("a:1-100 b:1").labelled(""), fresh("b").uuid("e")),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "overdue, nothing done",
			scene: at().after(late),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "overdue, fenced",
			scene: at().after(late).seeing(fenced()),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name:  "overdue, half fenced",
			scene: at().after(late).seeing(source("a").halfFenced()),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name:  "overdue, fenced, candidate stopped",
			scene: at().after(late).seeing(fenced(), halfway()),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name:  "a foreign channel feeds the fenced source: undone",
			scene: at().seeing(fenced().fed()),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a", message: "STOP REPLICA FOR CHANNEL 'feed'",
		},
		{
			name:  "a foreign channel feeds the source: refused before the fence",
			scene: at().seeing(source("a").armed().fed()),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "a foreign channel feeds the fenced source and the candidate took writes: forward",
			scene: at().seeing(fenced().fed(), replica("b", "a").has(wrote).labelled("false")),
			steps: []string{
				"fence: fence a kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "overdue, promoted: too late to undo",
			scene: at().after(late).seeing(fenced(), promoted()),
			steps: []string{
				"persist",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach a to b, attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "overdue, the old source is attached already",
			scene: at().after(late).seeing(replica("a", "b").labelled("")),
			steps: []string{
				"detach-source: detach a",
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name:  "overdue, candidate writable and replicating",
			scene: at().after(late).seeing(fenced(), replica("b", "a").writable().labelled("")),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name:  "cancelled, nothing done",
			scene: cancelled(),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "cancelled, fenced",
			scene: cancelled().seeing(fenced()),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing",
		},
		{
			name:  "cancelled, fenced, candidate not seen",
			scene: cancelled().seeing(fenced(), replica("b", "a").unseen().labelled("")),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing",
		},
		{
			name:  "cancelled, promoted: finished and then back",
			scene: cancelled().seeing(fenced(), promoted()),
			steps: []string{
				"persist",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach a to b, attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "SourceNotAsWanted", source: "b",
		},
		{
			name:  "a third is wanted, fenced: undone first",
			scene: third().seeing(fenced()),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name:  "a third is wanted, nothing done",
			scene: third(),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotAsWanted", source: "a",
		},
		{
			name:  "a third is wanted, the old source gone: failover to it",
			scene: third().seeing(source("a").unseen(), replica("b", "a").labelled("")),
			steps: []string{
				"persist",
			},
			reason: "FailoverInProgress", record: "failover a>c Preparing", source: "a",
		},
		{
			name:   "old source gone: waits for it",
			scene:  at().seeing(source("a").unseen()),
			steps:  nil,
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:   "old source gone, overdue: waits for it",
			scene:  at().after(late).seeing(source("a").unseen()),
			steps:  nil,
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "old source gone and forced: failover",
			scene: at().forcing("b").seeing(source("a").unseen()),
			steps: []string{
				"persist",
				"drain: {b=-}",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "old source gone and the spec edited again: failover",
			scene: at().edited().seeing(source("a").unseen()),
			steps: []string{
				"persist",
				"drain: {b=-}",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:   "old source gone and cancelled: waits for it",
			scene:  cancelled().seeing(source("a").unseen()),
			steps:  nil,
			reason: "SwitchoverInProgress", record: "a>b Switching",
		},
		{
			name:   "old source answers with an error",
			scene:  at().seeing(source("a").failing()),
			steps:  nil,
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "old source came back empty",
			scene: at().seeing(fresh("a").uuid("e").labelled("false")),
			steps: []string{
				"persist",
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "old source came back empty, promoted",
			scene: at().seeing(fresh("a").uuid("e"), routed().has(wrote)),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach a to b, attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "writable and the candidate broke: refused",
			scene: at().seeing(replica("b", "a").sqlError(1062).labelled("")),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "writable and the candidate was stopped by the attempt: started again",
			scene: at().seeing(halfway()),
			steps: []string{
				"source-settings: settle a",
				"restart-replication: start b (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "twins elsewhere do not hold it up",
			scene: given("b", "a", "c", "d").knowing("a", "a", "b", "c", "d").record("a", "b", v1alpha1.SwitchoverSwitching).after(time.Second).seeing(fenced(), replica("b", "a").labelled(""), replica("c", "a"), replica("d", "a").uuid("c")),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "the name of another node leads to the candidate: that one is not seen",
			scene: at().seeing(fenced(), replica("c", "a").uuid("b")),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach a to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:   "a node of it is a twin, and nobody knows which of them answers",
			scene:  unknownServers(at().seeing(fenced(), replica("c", "a").uuid("b")), "b", "c"),
			steps:  nil,
			reason: "DuplicateServer", record: "a>b Switching", source: "a",
		},
		{
			name:  "the candidate's name leads to the fenced source: undone after the deadline",
			scene: at().after(switchDeadline+time.Second).seeing(fenced(), fenced().named("b").labelled(""), replica("c", "a")),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name:  "who replicated from the candidate before says nothing of a promotion",
			scene: at().behindBefore("c").after(switchDeadline+time.Second).seeing(fenced(), replica("b", "a").unseen().labelled(""), replica("c", "b")),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name:   "skip, the fenced source's pod is gone and the spec names a third: nothing is begun",
			scene:  given("c", "a", "b").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).edited().skipping().after(time.Minute).seeing(fenced().podGone(), replica("b", "a").ioError(2003), replica("c", "a").ioError(2003)),
			steps:  nil,
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "skip does not leave a fence up",
			scene: at().skipping().seeing(fenced()),
			steps: []string{
				"fence: fence a still kill",
				"promote: promote b after fenced a",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
				"rejoin: attach a to b (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "undoing goes on",
			scene: undoing().seeing(fenced()),
			steps: []string{
				"undo: writable a {a=rw b=-}",
			},
			reason: "SwitchoverInProgress", record: "a>b Undoing", source: "a",
		},
		{
			name:  "undoing is done",
			scene: undoing().seeing(source("a")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "undoing and promoted by a late leader",
			scene: undoing().seeing(fenced(), promoted()),
			steps: []string{
				"persist",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach a to b, attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "undoing, cancelled meanwhile",
			scene: cancelledUndoing().seeing(source("a")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "the record names a node that nobody knows",
			scene: given("b", "c").knowing("b", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).seeing(source("b"), replica("c", "b")),
			steps: []string{
				"route: {b=rw c=ro}",
			},
			reason: "TopologyAsWanted",
		},
	})
}

func undoing() *scene {
	s := switching(v1alpha1.SwitchoverUndoing).after(20 * time.Second).seeing(replica("b", "a").labelled(""))
	s.Object.Status.Switchover.Message = "it took too long"
	return s
}

func cancelledUndoing() *scene {
	s := given("a", "b", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverUndoing).after(20*time.Second).
		seeing(replica("b", "a").labelled(""), replica("c", "a"))
	s.Object.Status.Switchover.Message = "it took too long"
	return s
}

func TestPlanSwitchoverUndone(t *testing.T) {
	undone := func() *scene { return switching(v1alpha1.SwitchoverUndone).after(time.Minute) }
	reverted := given("a", "b", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverUndone).edited().
		seeing(source("a"), replica("b", "a"), replica("c", "a"))
	runRows(t, []row{
		{
			name:  "is not tried again",
			scene: undone(),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "nodes are looked after",
			scene: undone().seeing(replica("b", "a").stopped().labelled("")),
			steps: []string{
				"restart-replication: start b (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverUndone", record: "a>b Undone", source: "a",
		},
		{
			name:  "a new edit of the spec tries again",
			scene: undone().edited(),
			steps: []string{
				"persist",
				"arm: arm a (optional)",
				"drain: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverInProgress", record: "a>b Preparing", source: "a",
		},
		{
			name:  "put back",
			scene: reverted,
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "the source goes away: a failover when it has been silent for long",
			scene: undone().seeing(source("a").silentFor(failoverPatience)),
			steps: []string{
				"persist",
				"stop-receivers: stop receiver b, stop receiver c",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "the source is silent for a moment: the record stays, or nobody would know that it was tried",
			scene: undone().seeing(source("a").silentFor(leaveTimeout)),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "SourceUnreachable", record: "a>b Undone", source: "a",
		},
		{
			name:  "the source goes away, failover refused: the record stays",
			scene: undone().seeing(source("a").silentFor(failoverPatience), replica("b", "a").sqlError(1062)),
			steps: []string{
				"route: {b=- c=ro}",
			},
			reason: "FailoverRefused", record: "a>b Undone", source: "a",
		},
		{
			name:  "the source answers with an error",
			scene: undone().seeing(source("a").failing()),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "SourceAnswersWithError", record: "a>b Undone", source: "a",
		},
	})
}

// A node whose name leads to another one is told apart at every look, and not only at the first
// one, which reports whom it has found there.
func TestMisledNodesAreToldApartAtEveryLook(t *testing.T) {
	fenced := func() *node { return source("a").fenced() }
	for name, s := range map[string]*scene{
		"the candidate's name leads to the fenced source": given("b", "a", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).
			seeing(fenced(), fenced().named("b").labelled(""), replica("c", "a")),
		"all names lead to the fenced source": given("b", "a", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).
			seeing(fenced(), fenced().named("b").labelled(""), fenced().named("c").labelled("")),
	} {
		for look := range 3 {
			s.after(time.Duration(look) * switchDeadline)
			p := Plan(s.Input)
			if reason := p.Conditions[0].Reason; reason == "DuplicateServer" {
				t.Fatalf("%s: look %d says %s: %s", name, look, reason, p.Conditions[0].Message)
			}
			if look == 2 && !slices.Contains(stepsOf(p), "undo: writable a {a=rw b=-}") {
				t.Errorf("%s: the fence stays up: %s", name, quoted(stepsOf(p)))
			}
			Project(s.Object, s.State, p)
		}
		if got := s.Object.Status.Topology["b"].ServerUUID; got != uuidOf("b") {
			t.Errorf("%s: the status says of b that it is %s", name, got)
		}
	}
}

// Nobody knows which of two is which: the record keeps what it has.
func TestTwinsAreNotRecorded(t *testing.T) {
	s := unknownServers(steadySet(), "b").seeing(replica("b", "a").uuid("c"))
	p := Plan(s.Input)
	if p.Conditions[0].Reason != "DuplicateServer" {
		t.Fatalf("%+v", p.Conditions)
	}
	Project(s.Object, s.State, p)
	if top := s.Object.Status.Topology; top["b"].ServerUUID != "" || top["c"].ServerUUID != uuidOf("c") {
		t.Errorf("b is %q, c is %q", top["b"].ServerUUID, top["c"].ServerUUID)
	}
}

// Under skip nothing is on record as finished that was not.
func TestSkipKeepsTheLastSwitchover(t *testing.T) {
	s := given("c", "a", "b").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).edited().skipping().after(time.Minute).
		seeing(source("a").fenced().labelled(""), replica("b", "a").unseen().labelled("false"), replica("c", "b").ioError(2003))
	if p := Plan(s.Input); p.Data.Last != nil || p.Data.Result != "" || recordOf(p.Data.Switchover) != "a>b Switching" {
		t.Errorf("last %+v, result %q, record %q", p.Data.Last, p.Data.Result, recordOf(p.Data.Switchover))
	}
}

// A node that was never seen, and one that a failover leaves, are told apart as well.
func TestMisledStrangersHoldNothingUp(t *testing.T) {
	fenced := func() *node { return source("a").fenced() }
	for name, s := range map[string]*scene{
		"a new node's name leads elsewhere, and the candidate's to the source": given("b", "a", "c", "d").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).
			seeing(fenced(), fenced().named("b").labelled(""), replica("c", "a"), replica("d", "a").uuid("c")),
		"a new node's name leads to the candidate": given("b", "a", "c", "d").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).
			seeing(fenced(), replica("b", "a").labelled(""), replica("c", "a"), replica("d", "a").uuid("b")),
		"the name of the source that is left leads to the candidate": given("b", "a", "c").knowing("a", "a", "b", "c").failover("a", "b", v1alpha1.SwitchoverPreparing).
			seeing(replica("b", "a").named("a").labelled("false"), replica("b", "a"), replica("c", "a")),
	} {
		for look := range 2 {
			p := Plan(s.Input)
			if p.Conditions[0].Reason == "DuplicateServer" || len(p.Steps) == 0 && look == 0 && s.Object.Status.Switchover.Failover {
				t.Errorf("%s: look %d: %s %s", name, look, p.Conditions[0].Reason, quoted(stepsOf(p)))
			}
			for _, step := range stepsOf(p) {
				if strings.Contains(step, "promote b") && name == "a new node's name leads elsewhere, and the candidate's to the source" {
					t.Errorf("%s: %s", name, step)
				}
			}
			Project(s.Object, s.State, p)
		}
	}
}

// The record names a node that nobody knows any more. Under skip the source takes writes again,
// and nothing else is begun.
func TestSkipWithARecordOfAnUnknownNode(t *testing.T) {
	of := func() *scene {
		return given("c", "a", "b").knowing("a", "a", "b", "c").record("a", "z", v1alpha1.SwitchoverSwitching).edited().skipping().after(time.Minute)
	}
	p := Plan(of().seeing(source("a").fenced(), replica("b", "a"), replica("c", "a")).Input)
	if steps := quoted(stepsOf(p)); !strings.Contains(steps, "writable a") || strings.Contains(steps, "attach") || recordOf(p.Data.Switchover) != "" {
		t.Errorf("the fence: %s, record %q", steps, recordOf(p.Data.Switchover))
	}
	gone := of()
	gone.Object.Status.Switchover.Failover = true
	p = Plan(gone.seeing(source("a").fenced().podGone(), replica("b", "a").ioError(2003), replica("c", "a").ioError(2003)).Input)
	if recordOf(p.Data.Switchover) != "" || strings.Contains(quoted(stepsOf(p)), "promote") || strings.Contains(quoted(stepsOf(p)), "stop receiver") {
		t.Errorf("a failover is begun: %s, record %q", quoted(stepsOf(p)), recordOf(p.Data.Switchover))
	}
}

// What is on record of others was found from the source that is on record, and stays so: rules
// that look from another source under skip must not be what the status is made of.
func TestSkipKeepsWhatIsOnRecordOfOthers(t *testing.T) {
	s := given("c", "a", "b", "d").knowing("a", "a", "b", "c", "d").record("a", "b", v1alpha1.SwitchoverSwitching).edited().skipping().after(time.Minute).
		seeing(source("a").fenced().labelled(""), replica("b", "a").unseen().labelled("false"), replica("c", "b").ioError(2003), replica("d", "a").has("a:1-100 d:1-3")).
		reported("d", "d:1-3")
	Project(s.Object, s.State, Plan(s.Input))
	if d := s.Object.Status.Topology["d"]; d.ErrantTransactions == "" || s.Object.Status.Source != "a" {
		t.Errorf("the source is %s, and d is said to hold %q apart", s.Object.Status.Source, d.ErrantTransactions)
	}
}
