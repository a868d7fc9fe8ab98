// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// losing is a set whose source a gives no answer while b is wanted.
func losing() *scene { return wanting().seeing(source("a").unseen()) }

func TestPlanFailoverBegins(t *testing.T) {
	runRows(t, []row{
		{
			name:  "recorded",
			scene: losing(),
			steps: []string{
				"persist",
				"drain: {b=-}",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "not wanted: nothing",
			scene: steadySet().seeing(source("a").unseen()),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "SourceUnreachable",
		},
		{
			name: "not wanted any more: one that follows a member which is not seen goes on, too",
			scene: given("a", "b", "c", "d").knowing("a", "a", "b", "c", "d").seeing(
				source("a").unseen(), replica("b", "a").threads(ThreadNo, ThreadYes), replica("c", "a").unseen(), replica("d", "c").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"restart-replication: start b, start d (optional)",
				"route: {b=- d=-}",
			},
			reason: "SourceUnreachable",
		},
		{
			name: "unless it is kept apart",
			scene: given("a", "b", "c", "d").knowing("a", "a", "b", "c", "d").reported("d", "d:1-2").seeing(
				source("a").unseen(), replica("b", "a"), replica("c", "a").unseen(), replica("d", "c").has("a:1-100 d:1-2").stopped()),
			steps: []string{
				"route: {b=ro d=-}",
			},
			reason: "SourceUnreachable",
		},
		{
			name:  "refused: another has received more",
			scene: losing().seeing(replica("b", "a").has("a:1-90")),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "refused: another has more in its relay log",
			scene: losing().seeing(replica("c", "a").received("a:1-105")),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "refused: an isolated node has more",
			scene: given("b", "a", "c!").knowing("a", "a", "b", "c").seeing(source("a").unseen(), replica("b", "a").has("a:1-90"), replica("c", "a").unattached()),
			steps: []string{
				"route: {b=ro c=-}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "refused: a leaving node has more",
			scene: given("b", "a").knowing("a", "a", "b", "c").seeing(source("a").unseen(), replica("b", "a").has("a:1-90"), replica("c", "a")),
			steps: []string{
				"route: {b=ro c=-}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "refused: a node without a channel has more",
			scene: losing().seeing(replica("b", "a").has("a:1-90"), replica("c", "a").unattached()),
			steps: []string{
				"route: {b=ro c=-}",
			},
			reason: "FailoverRefused", source: "a", message: "c has received 10 transaction(s)",
		},
		{
			name:  "refused: a node without a channel has what nobody has reported",
			scene: losing().seeing(replica("c", "a").unattached().has("a:1-100 c:1-2")),
			steps: []string{
				"route: {b=ro c=-}",
			},
			reason: "FailoverRefused", source: "a", message: "c has received 2 transaction(s)",
		},
		{
			name:  "what a node without a channel was reported to have of its own does not count",
			scene: losing().reported("c", "c:1-2").seeing(replica("c", "a").unattached().has("a:1-100 c:1-2")),
			steps: []string{
				"persist",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "refused: a report on the source's own transactions does not make them lost",
			scene: losing().reported("c", "a:91-100").seeing(replica("b", "a").has("a:1-90"), replica("c", "a").unattached()),
			steps: []string{
				"route: {b=ro c=-}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "refused: a replica's own transactions count, reported or not",
			scene: losing().reported("c", "c:1-2").seeing(replica("c", "a").has("a:1-100 c:1-2")),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "forced although another has more",
			scene: losing().forcing("b").seeing(replica("b", "a").has("a:1-90")),
			steps: []string{
				"persist",
				"drain: {b=-}",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "the candidate's relay log counts",
			scene: losing().seeing(replica("b", "a").has("a:1-90").received("a:1-100")),
			steps: []string{
				"persist",
				"drain: {b=-}",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "refused: candidate not seen",
			scene: losing().seeing(replica("b", "a").unseen()),
			steps: []string{
				"route: {c=ro}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "refused: applier error",
			scene: losing().seeing(replica("b", "a").sqlError(1062)),
			steps: []string{
				"route: {b=- c=ro}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "applier error, forced",
			scene: losing().forcing("b").seeing(replica("b", "a").sqlError(1062)),
			steps: []string{
				"persist",
				"drain: {b=-}",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "refused: never was a replica",
			scene: losing().seeing(fresh("b")),
			steps: []string{
				"fence-extra: fence b kill persist release (optional)",
				"route: {b=- c=ro}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "refused: an empty replica",
			scene: given("b", "a").knowing("a", "a", "b").seeing(source("a").unseen(), replica("b", "a").has("")),
			steps: []string{
				"route: {b=ro}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "refused: semi-sync, candidate lacks the plugin",
			scene: losing().semiSync(),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:   "refused: GTIDs are off on it",
			scene:  given("b", "a").knowing("a", "a", "b").seeing(source("a").unseen(), replica("b", "a").withoutGTID()),
			steps:  nil,
			reason: "GTIDRequired", source: "a",
		},
		{
			name:  "the source answers with an error: no failover",
			scene: wanting().seeing(source("a").failing()),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "the source answers with an error and it is forced",
			scene: wanting().forcing("b").seeing(source("a").failing()),
			steps: []string{
				"persist",
				"drain: {b=-}",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "the source came back empty",
			scene: wanting().seeing(fresh("a").uuid("e").labelled("false")),
			steps: []string{
				"persist",
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "the source came back empty, refused: kept out all the same",
			scene: wanting().seeing(fresh("a").uuid("e").labelled("false"), replica("b", "a").has("a:1-90")),
			steps: []string{
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "refused: the source came back under another uuid with more",
			scene: wanting().seeing(source("a").uuid("e").has("a:1-120"), replica("c", "a").unseen()),
			steps: []string{
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "the old source left the spec",
			scene: given("b", "c").knowing("a", "a", "b", "c").seeing(source("a").unseen(), replica("b", "a"), replica("c", "a")),
			steps: []string{
				"persist",
				"drain: {b=-}",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:   "skip begins nothing",
			scene:  losing().skipping(),
			steps:  nil,
			reason: "SourceUnreachable", source: "a",
		},
	})
}

// A source that had given up waiting may have acknowledged what nobody else has.
func TestPlanTellsThatTheSourceWentUnacknowledged(t *testing.T) {
	const warning = "commits did not wait for a replica"
	told := func(s *scene) bool {
		p := Plan(s.Input)
		inCondition := strings.Contains(p.Conditions[0].Message, warning)
		for _, e := range p.Events {
			if strings.Contains(e.Message, warning) != inCondition {
				t.Errorf("%s: the event says %q, the condition %q", e.Reason, e.Message, p.Conditions[0].Message)
			}
		}
		return inCondition
	}
	unseen := source("a").unseen()
	for state, want := range map[v1alpha1.MysqlSemiSyncState]bool{
		v1alpha1.MysqlSemiSyncInactive: true, v1alpha1.MysqlSemiSyncActive: false, "": false,
	} {
		held := steadySemiSet().seeing(unseen)
		begun := losing().semiSync().seeing(replica("b", "a").acks(), replica("c", "a").acks())
		for _, s := range []*scene{held, begun} {
			s.wasActive("a").Object.Status.Topology["a"].SemiSync = state
			if told(s) != want {
				t.Errorf("last seen %q: told %t", state, !want)
			}
		}
	}
}

// What tells a death from a short silence, and who need not be waited for.
func TestPlanFailoverPatience(t *testing.T) {
	stop := []string{"persist", "stop-receivers: stop receiver b, stop receiver c"}
	const drain = "drain: {b=-}"
	const left, waits = "failover a>b Switching", "failover a>b Preparing"
	// In semi-sync mode a replica has what the source acknowledged, unless it had given up.
	semi := func(a *node) *scene {
		return wanting().semiSync().wasActive("a").seeing(a, replica("b", "a").acks(), replica("c", "a").acks())
	}
	inactive := func(a *node) *scene {
		s := semi(a)
		s.Object.Status.Topology["a"].SemiSync = v1alpha1.MysqlSemiSyncInactive
		return s
	}
	async := func(a *node) *scene { return wanting().seeing(a) }
	almost := func(d time.Duration) time.Duration { return d - time.Millisecond }
	begins := func(name string, s *scene, record string) row {
		steps := []string{"persist", drain}
		if record == left {
			steps = stop
		}
		return row{name: name, scene: s, steps: steps, reason: "FailoverInProgress", record: record, source: "a"}
	}
	goesOn := func(name string, s *scene, record string) row {
		r := begins(name, s.failover("a", "b", v1alpha1.SwitchoverPreparing), record)
		if record == waits {
			r.steps = []string{drain}
		}
		return r
	}
	runRows(t, []row{
		begins("semi-sync, no process: at once", semi(source("a").refuses()), left),
		begins("semi-sync, silent since now", semi(source("a").unseen()), waits),
		begins("semi-sync, silent for not quite long enough", semi(source("a").silentFor(almost(vouchedPatience))), waits),
		begins("semi-sync, silent before the edit", semi(source("a").silentFor(vouchedPatience)), left),
		begins("semi-sync that had given up, no process: what it acknowledged may be on it alone", inactive(source("a").refuses()), waits),
		begins("semi-sync that had given up, silent", inactive(source("a").silentFor(vouchedPatience)), waits),
		begins("semi-sync that had given up, silent for long", inactive(source("a").silentFor(failoverPatience)), left),
		begins("asynchronous, no process", async(source("a").refuses()), waits),
		begins("asynchronous, silent for not quite long enough", async(source("a").silentFor(almost(failoverPatience))), waits),
		begins("asynchronous, silent before the edit", async(source("a").silentFor(failoverPatience)), left),
		begins("the mode was changed with the edit", async(source("a").refuses()).semiSync().seeing(replica("b", "a").acks(), replica("c", "a").acks()), waits),
		begins("the pod is gone", async(source("a").podGone()), left),
		goesOn("asynchronous, no process meanwhile", async(source("a").refuses()).after(time.Second), waits),
		goesOn("semi-sync, silent, and refuses by now", semi(source("a").refuses()), left),
		goesOn("a new operator goes by the record", async(source("a").refuses()).after(failoverPatience), left),
		goesOn("semi-sync, silent since the record", semi(source("a").unseen()).after(vouchedPatience), left),
		goesOn("semi-sync, silent since a moment before the record", semi(source("a").unseen()).after(almost(vouchedPatience)), waits),
	})
}

// The look at a silent source that ends when the patience does begins before, and not a second later.
func TestPlanFailoverLooksAgainInTime(t *testing.T) {
	for silent, want := range map[time.Duration]time.Duration{
		0: busy, failoverPatience - silentWait - 200*time.Millisecond: 200 * time.Millisecond, failoverPatience - silentWait/2: time.Millisecond,
	} {
		if p := Plan(wanting().seeing(source("a").silentFor(silent)).Input); p.Next != want || p.Again {
			t.Errorf("silent for %v: next look in %v (again: %t), not %v", silent, p.Next, p.Again, want)
		}
	}
	if p := Plan(wanting().seeing(source("a").podGone()).Input); !p.Again {
		t.Error("nobody is waited for, and it does not look again at once")
	}
}

// A source that refuses is not waited for, so that nothing is left to subtract.
func TestPlanFailoverDoesNotAskAgainAndAgain(t *testing.T) {
	refusing := source("a").silentFor(failoverPatience - silentWait/2)
	refusing.Refused = true
	if p := Plan(wanting().seeing(refusing).Input); p.Next != silentWait/2 {
		t.Errorf("next look in %v", p.Next)
	}
}

// Readers are not left without anybody: who has lost the label serves nobody.
func TestPlanFailoverDrainsOneOnly(t *testing.T) {
	s := given("c", "a", "b").knowing("a", "a", "b", "c").seeing(source("a").silentFor(time.Second), replica("b", "a").labelled(""), replica("c", "a"))
	if got := stepsOf(Plan(s.Input)); !slices.Equal(got, []string{"persist"}) {
		t.Errorf("%s", quoted(got))
	}
}

// The candidate of a failover that is cancelled reads again, also where the source has come
// back without its data, and nobody else gives labels.
func TestPlanCancelledFailoverGivesTheCandidateBack(t *testing.T) {
	s := given("a", "b", "c").edited().knowing("a", "a", "b", "c").failover("a", "b", v1alpha1.SwitchoverPreparing).
		seeing(source("a").uuid("e").has("e:1").labelled(""), replica("b", "a").threads(ThreadConnecting, ThreadYes).labelled(""), replica("c", "a").threads(ThreadConnecting, ThreadYes))
	if got := stepsOf(Plan(s.Input)); !slices.Contains(got, "undrain: {b=ro}") {
		t.Errorf("%s", quoted(got))
	}
}

// What the candidate has committed itself is recorded as the old source is left: a source of
// before has such transactions, and some may be in its relay log still.
func TestPlanFailoverRecordsCandidate(t *testing.T) {
	begun := func(p reconcile.Plan[Data]) (uuid, own string) {
		return p.Data.Switchover.ToServerUUID, p.Data.Switchover.ToTransactions
	}
	held := func() *node { return replica("b", "a").has("a:1-100 b:1-5").received("a:90-100 b:5-6") }
	losing := func() *scene { return losing().seeing(held()) }
	for name, s := range map[string]*scene{
		"at once":           losing().seeing(source("a").podGone()),
		"after the silence": losing().failover("a", "b", v1alpha1.SwitchoverPreparing).after(time.Minute),
	} {
		if uuid, own := begun(Plan(s.Input)); uuid != uuidOf("b") || own != set("b:1-6").String() {
			t.Errorf("%s: recorded %q of %q", name, own, uuid)
		}
	}
	var torn []string
	for i := range 1000 {
		torn = append(torn, fmt.Sprintf("b:%d", 2*i+1))
	}
	if uuid, own := begun(Plan(losing().seeing(source("a").podGone(), held().has("a:1-100 "+strings.Join(torn, " "))).Input)); uuid != "" || own != "" {
		t.Errorf("recorded %d bytes of %q", len(own), uuid)
	}
}

func TestPlanFailoverAtWork(t *testing.T) {
	in := func(phase v1alpha1.SwitchoverPhase) *scene {
		return losing().failover("a", "b", phase).after(time.Second)
	}
	preparing := func() *scene { return in(v1alpha1.SwitchoverPreparing) }
	at := func() *scene { return in(v1alpha1.SwitchoverSwitching) }
	starved := func() *scene {
		return at().seeing(replica("b", "a").threads(ThreadNo, ThreadYes), replica("c", "a").threads(ThreadNo, ThreadYes))
	}
	cancelled := func() *scene {
		s := given("a", "b", "c").edited().knowing("a", "a", "b", "c").failover("a", "b", v1alpha1.SwitchoverSwitching).after(time.Second).
			seeing(source("a").unseen(), replica("b", "a").threads(ThreadNo, ThreadYes), replica("c", "a").threads(ThreadNo, ThreadYes))
		s.Object.Status.Switchover.Generation = 7
		return s
	}
	promoted := func() *node { return replica("b", "a").stopped().writable() }
	routed := func() *node { return promoted().labelled("false") }
	wrote := "a:1-100 b:1-5"
	madeAnew := func(receiver Thread, has string) *scene {
		return cancelled().begunWith("b:1-2").seeing(source("a").unseen().labelled(""), replica("b", "a").has(has).threads(receiver, ThreadYes).newPod())
	}
	// two nodes, of which the candidate was the source once, and the old one's pod is gone.
	two := func() *scene {
		s := given("a", "b").edited().knowing("a", "a", "b").failover("a", "b", v1alpha1.SwitchoverSwitching).after(time.Second).
			seeing(source("a").podGone().labelled(""), replica("b", "a").has("a:1-90 b:1-5").threads(ThreadNo, ThreadYes).newPod())
		s.Object.Status.Switchover.Generation = 7
		return s
	}
	apart := func() *scene {
		return at().seeing(source("a").has("a:1-105").labelled(""), replica("b", "a").unattached().has(wrote)).reported("b", "b:1-5")
	}
	runRows(t, []row{
		{
			name:   "the source answers again, and what the candidate has more was reported before: nobody was promoted",
			scene:  apart(),
			steps:  nil,
			reason: "FailoverAbandoned", source: "a",
		},
		{
			name:   "the same with a report that was cut short",
			scene:  apart().cutShort("b", 5),
			steps:  nil,
			reason: "FailoverAbandoned", source: "a",
		},
		{
			name:  "a report that was cut short, and the candidate has more than it counts: forward",
			scene: apart().cutShort("b", 4),
			steps: []string{
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"promote: promote b after a:1-100 b:1-5 failover",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "a complete report is out of date, and the candidate has committed as many since: forward",
			scene: apart().seeing(source("a").has("a:1-105 b:1-5").labelled(""), replica("b", "a").unattached().has("a:1-100 b:1-10")),
			steps: []string{
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"promote: promote b after a:1-100 b:1-10 failover",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "the same, and it was recorded that it had all that when the old source was left: nobody was promoted",
			scene: apart().begunWith("b:1-5").cutShort("b", 4),
			steps: nil, reason: "FailoverAbandoned", source: "a",
		},
		{
			name:  "the same, and the candidate has committed more since: forward",
			scene: apart().seeing(replica("b", "a").unattached().has("a:1-100 b:1-6")),
			steps: []string{
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"promote: promote b after a:1-100 b:1-6 failover",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "the same, and clients are led to the old source still: nobody was promoted, and somebody has written to the candidate by hand",
			scene: apart().seeing(source("a").has("a:1-105"), replica("b", "a").unattached().has("a:1-100 b:1-6")),
			steps: nil, reason: "FailoverAbandoned", source: "a",
		},
		{
			name:   "patience",
			scene:  preparing(),
			steps:  []string{"drain: {b=-}"},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "patience is over: receivers stop",
			scene: preparing().after(failoverPatience),
			steps: []string{
				"persist",
				"stop-receivers: stop receiver b, stop receiver c",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "the pod is gone: no patience",
			scene: preparing().seeing(source("a").podGone()),
			steps: []string{
				"persist",
				"stop-receivers: stop receiver b, stop receiver c",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:   "the source answers in time",
			scene:  preparing().seeing(source("a")),
			steps:  nil,
			reason: "FailoverAbandoned", source: "a",
		},
		{
			name:  "the source came back empty meanwhile: kept out",
			scene: preparing().seeing(fresh("a").uuid("e").labelled("false")),
			steps: []string{
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:   "the source came back with all data under another uuid",
			scene:  preparing().seeing(source("a").uuid("e")),
			steps:  nil,
			reason: "FailoverAbandoned", source: "a",
		},
		{
			name:   "cancelled while it was patient",
			scene:  cancelled().failover("a", "b", v1alpha1.SwitchoverPreparing).seeing(replica("b", "a"), replica("c", "a")),
			steps:  nil,
			reason: "FailoverAbandoned",
		},
		{
			name:  "a receiver runs still",
			scene: at().seeing(replica("b", "a").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"stop-receivers: stop receiver c",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "a receiver that the candidate's name had led to the old source tries again",
			scene: given("b", "a", "c").semiSync().knowing("a", "a", "b", "c").wasActive("a").failover("a", "b", v1alpha1.SwitchoverSwitching).after(time.Second).seeing(source("a").unseen(), replica("b", "a").acks().threads(ThreadNo, ThreadYes), misled("c", "b", "a").acks().ioError(2003)),
			steps: []string{
				"stop-receivers: stop receiver c",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "a receiver runs that the candidate's name has led to the old source",
			scene: given("b", "a", "c").semiSync().knowing("a", "a", "b", "c").wasActive("a").failover("a", "b", v1alpha1.SwitchoverSwitching).after(time.Second).seeing(source("a").unseen(), replica("b", "a").acks().threads(ThreadNo, ThreadYes), misled("c", "b", "a").acks()),
			steps: []string{
				"stop-receivers: stop receiver c",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "a receiver runs that has another address of the old source",
			scene: starved().seeing(replica("c", "a").through("10.0.0.1")),
			steps: []string{
				"stop-receivers: stop receiver c",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name: "a receiver runs behind a member that is not seen, which may bring what the old source commits",
			scene: given("b", "a", "c", "d").knowing("a", "a", "b", "c", "d").failover("a", "b", v1alpha1.SwitchoverSwitching).after(time.Second).
				seeing(source("a").unseen(), replica("b", "a").threads(ThreadNo, ThreadYes), replica("c", "a").unseen(), replica("d", "c")),
			steps: []string{
				"stop-receivers: stop receiver d",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "receivers are stopped: promote",
			scene: starved(),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 failover",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "a replica that is not seen follows the old source still: nobody is led to it any more",
			scene: starved().seeing(replica("c", "a").unseen()),
			steps: []string{
				"unroute: {a=- c=-}",
				"promote: promote b after a:1-100 failover",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "a source of before is not seen and has its label still: nobody is led to it any more",
			scene: starved().seeing(replica("c", "a").unseen().labelled("false")),
			steps: []string{
				"unroute: {a=- c=-}",
				"promote: promote b after a:1-100 failover",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "the same, and it is back and takes writes",
			scene: starved().seeing(source("c")),
			steps: []string{
				"unroute: {a=- c=-}",
				"promote: promote b after a:1-100 failover",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "the same, and the candidate was promoted",
			scene: starved().seeing(promoted(), source("c")),
			steps: []string{
				"persist",
				"unroute: {a=- c=-}",
				"route: {a=- b=rw}",
				"fence-extra: fence c kill persist release",
				"source-settings: settle b",
				"attach: attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "NodeUnreachable",
		},
		{
			name:  "the candidate executes its relay log first",
			scene: starved().seeing(replica("b", "a").has("a:1-90").received("a:1-100").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 failover",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "an operator died that had killed its applier in the middle of a half transaction",
			scene: starved().seeing(replica("b", "a").received("a:1-100").sqlError(1756).stopped()),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 failover",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "its replication filters leave something out: refused, and it goes on",
			scene: starved().seeing(replica("b", "a").filters("Replicate_Ignore_DB: logs").stopped(), replica("c", "a").has("a:1-90").stopped()),
			steps: []string{
				"restart-replication: start b, start c (optional)",
				"route: {b=- c=-}",
			},
			reason: "FailoverRefused", source: "a", message: "CandidateFiltered",
		},
		{
			name:  "somebody has killed its applier, and it has not executed all: refused, and it goes on",
			scene: starved().seeing(replica("b", "a").has("a:1-90").received("a:1-100").sqlError(1756).stopped(), replica("c", "a").has("a:1-90").stopped()),
			steps: []string{
				"restart-replication: start b, start c (optional)",
				"route: {b=- c=-}",
			},
			reason: "FailoverRefused", source: "a", message: "ApplierError",
		},
		{
			name:  "the old source is back, and an operator has killed the candidate's applier: it goes on",
			scene: at().seeing(source("a"), replica("b", "a").sqlError(1756).stopped(), replica("c", "a").stopped()),
			steps: []string{
				"restart-replication: start b, start c (optional)",
			},
			reason: "FailoverAbandoned", source: "a",
		},
		{
			name:  "semi-sync, and it is not sure who has what was acknowledged: that is on record first",
			scene: starved().semiSync().seeing(replica("b", "a").acks().threads(ThreadNo, ThreadYes), replica("c", "a").acks().threads(ThreadNo, ThreadYes)),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"promote: promote b after a:1-100 failover semi",
				"repoint: attach c to b semi (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "semi-sync",
			scene: starved().semiSync().doubted().seeing(replica("b", "a").acks().threads(ThreadNo, ThreadYes), replica("c", "a").acks().threads(ThreadNo, ThreadYes)),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 failover semi",
				"repoint: attach c to b semi (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "another turns out to have more: refused, receivers go on",
			scene: starved().seeing(replica("c", "a").received("a:1-105").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"restart-replication: start b, start c (optional)",
				"route: {b=- c=-}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "another has more and it is forced: its relay log is kept",
			scene: starved().forcing("b").seeing(replica("c", "a").received("a:1-105").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 failover",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "its applier is broken and it is forced: what it has not applied is left",
			scene: starved().forcing("b").seeing(replica("b", "a").received("a:1-105").sqlError(1062).threads(ThreadNo, ThreadNo)),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "another needs what the candidate has purged: it is not re-pointed",
			scene: starved().seeing(replica("b", "a").hasPurged("a:1-95").threads(ThreadNo, ThreadYes), replica("c", "a").has("a:1-90").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 failover",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "the candidate came back empty",
			scene: starved().seeing(fresh("b").uuid("e")),
			steps: []string{
				"fence-extra: fence b kill persist release (optional)",
				"restart-replication: start c (optional)",
				"route: {b=- c=-}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "promoted",
			scene: starved().seeing(promoted()),
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
			name:  "writable before it was promoted: receivers stop all the same",
			scene: at().seeing(promoted().unattached().labelled("")),
			steps: []string{
				"stop-receivers: stop receiver c",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "promoted, routed, and another has received more since",
			scene: starved().seeing(routed(), replica("c", "a").received("a:1-105").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"route: {a=- b=rw c=-}",
			},
			reason: "NodeUnreachable",
		},
		{
			name:  "promoted, routed, and its replication was started again: forward, whatever is wanted by now",
			scene: cancelled().seeing(routed().has(wrote).threads(ThreadNo, ThreadYes)),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 b:1-5 failover",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching",
		},
		{
			name:  "the same, and it receives from the old source",
			scene: cancelled().seeing(routed().has(wrote).threads(ThreadConnecting, ThreadYes)),
			steps: []string{
				"stop-receivers: stop receiver b",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching",
		},
		{
			name:  "promoted, not routed, and another has received more since",
			scene: starved().seeing(promoted().labelled(""), replica("c", "a").received("a:1-105").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"fence-extra: fence b kill persist release (optional)",
				"restart-replication: start b, start c (optional)",
				"route: {b=- c=-}",
			},
			reason: "FailoverRefused", source: "a",
		},
		{
			name:  "promoted, the old source returns writable",
			scene: starved().seeing(source("a").has("a:1-103"), routed().has(wrote)),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"route: {a=- b=rw}",
				"fence-extra: fence a kill persist release",
				"source-settings: settle b",
				"attach: attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "ReplicaDiverged",
		},
		{
			name:  "promoted, the old source returns writable with writes of its own, and is alone",
			scene: given("b", "a").knowing("a", "a", "b").failover("a", "b", v1alpha1.SwitchoverSwitching).seeing(source("a").has("a:1-103").labelled(""), routed().unattached().has(wrote)),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"route: {a=- b=rw}",
				"fence-extra: fence a kill persist release",
				"source-settings: settle b",
				"route: {a=- b=rw}",
			},
			reason: "ReplicaDiverged",
		},
		{
			name:   "the old source returns, the candidate's pod was made anew and it is not seen: it may have taken writes",
			scene:  starved().seeing(source("a").labelled(""), replica("b", "a").unseen().newPod()),
			steps:  nil,
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name: "the same, and another one is wanted: a failover from the one that may have taken writes",
			scene: given("c", "a", "b").edited().knowing("a", "a", "b", "c").failover("a", "b", v1alpha1.SwitchoverSwitching).after(time.Second).
				seeing(replica("c", "a").threads(ThreadNo, ThreadYes), source("a").fenced().labelled(""), replica("b", "a").unseen().newPod()),
			steps:  []string{"persist"},
			reason: "FailoverInProgress", record: "failover b>c Preparing", source: "b",
		},
		{
			name: "the same, and the old source has its label: nobody was promoted",
			scene: given("c", "a", "b").edited().knowing("a", "a", "b", "c").failover("a", "b", v1alpha1.SwitchoverSwitching).after(time.Second).
				seeing(replica("c", "a").threads(ThreadNo, ThreadYes), source("a"), replica("b", "a").unseen().newPod()),
			steps: []string{
				"restart-replication: start c (optional)",
			},
			reason: "FailoverAbandoned", source: "a",
		},
		{
			name:  "the old source returns before the promotion",
			scene: starved().seeing(source("a")),
			steps: []string{
				"restart-replication: start b, start c (optional)",
			},
			reason: "FailoverAbandoned", source: "a",
		},
		{
			name:  "the old source returns before the promotion and is about to commit what the candidate has",
			scene: starved().seeing(source("a").has("a:1-99")),
			steps: []string{
				"restart-replication: start b, start c (optional)",
			},
			reason: "FailoverAbandoned", source: "a",
		},
		{
			name:  "the old source returns; the candidate took writes and restarted: forward",
			scene: starved().seeing(source("a").labelled(""), replica("b", "a").has(wrote).labelled("false")),
			steps: []string{
				"unroute: {a=-}",
				"fence-extra: fence a kill persist release",
				"promote: promote b after a:1-100 b:1-5 failover",
				"repoint: attach a to b, attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "the old source returns and the candidate was cut short: undone",
			scene: starved().seeing(source("a").has("a:1-101"), promoted().labelled(""), replica("c", "a").received("a:1-101").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"restart-replication: start b, start c (optional)",
			},
			reason: "FailoverAbandoned", source: "a",
		},
		{
			name:  "the old source answers with an error",
			scene: starved().seeing(source("a").failing()),
			steps: []string{
				"restart-replication: start b, start c (optional)",
			},
			reason: "FailoverAbandoned", source: "a",
		},
		{
			name:  "the old source answers with an error and it is forced",
			scene: starved().forcing("b").seeing(source("a").failing()),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 failover",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:   "candidate not seen",
			scene:  starved().seeing(replica("b", "a").unseen()),
			steps:  nil,
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:   "candidate not seen, was routed",
			scene:  starved().seeing(source("a").unseen().labelled(""), replica("b", "a").unseen().labelled("false")),
			steps:  nil,
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "candidate not seen, was routed, another is named: failover from the candidate",
			scene: cancelled().seeing(source("a").unseen().labelled(""), replica("b", "a").unseen().labelled("false")),
			steps: []string{
				"route: {c=-}",
			},
			reason: "FailoverRefused", source: "b",
		},
		{
			name:  "cancelled",
			scene: cancelled(),
			steps: []string{
				"restart-replication: start b, start c (optional)",
			},
			reason: "FailoverAbandoned",
		},
		{
			name:  "cancelled, promoted: finished",
			scene: cancelled().seeing(promoted()),
			steps: []string{
				"persist",
				"unroute: {a=-}",
				"route: {a=- b=rw}",
				"source-settings: settle b",
				"attach: attach c to b (optional)",
				"route: {a=- b=rw c=-}",
			},
			reason: "SourceNotAsWanted", source: "b",
		},
		{
			name:  "cancelled, the old source is away, and the candidate took writes before its pod was made anew: it receives no more",
			scene: madeAnew(ThreadYes, wrote),
			steps: []string{
				"stop-receivers: stop receiver b",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching",
		},
		{
			name:  "the same: forward",
			scene: madeAnew(ThreadNo, wrote),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 b:1-5 failover",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching",
		},
		{
			name:  "the same, and it restarted in its pod, routed",
			scene: cancelled().begunWith("").seeing(source("a").unseen().labelled(""), replica("b", "a").has(wrote).threads(ThreadNo, ThreadYes).labelled("false")),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 b:1-5 failover",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching",
		},
		{
			name:  "the same, and it had committed all that before: it was the source once, and nobody was promoted",
			scene: madeAnew(ThreadNo, wrote).begunWith("b:1-5"),
			steps: []string{
				"restart-replication: start b, start c (optional)",
				"undrain: {b=ro}",
			},
			reason: "FailoverAbandoned",
		},
		{
			name:  "the same of two nodes: nobody else could tell",
			scene: two().begunWith("b:1-5"),
			steps: []string{
				"restart-replication: start b (optional)",
				"undrain: {b=ro}",
			},
			reason: "FailoverAbandoned",
		},
		{
			name:  "the same of two nodes, and an older operator has not recorded what it had: it is as the user wants",
			scene: two(),
			steps: []string{
				"restart-replication: start b (optional)",
				"undrain: {b=ro}",
			},
			reason: "FailoverAbandoned",
		},
		{
			name:  "the same of two nodes, and it is another server than the one that was to be promoted",
			scene: two().begunWith("b:1-5").seeing(replica("b", "a").uuid("e").has("a:1-90 b:1-5 e:1-3").threads(ThreadNo, ThreadYes).newPod()),
			steps: []string{
				"restart-replication: start b (optional)",
				"undrain: {b=ro}",
			},
			reason: "FailoverAbandoned",
		},
		{
			name:  "the same of two nodes, and it has committed more since: forward",
			scene: two().begunWith("b:1-4"),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-90 b:1-5 failover",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching",
		},
		{
			name:  "the same, and the old source has its label: nobody was promoted",
			scene: madeAnew(ThreadNo, wrote).seeing(source("a").unseen()),
			steps: []string{
				"restart-replication: start b, start c (optional)",
				"undrain: {b=ro}",
			},
			reason: "FailoverAbandoned",
		},
		{
			name:  "skip does not stop it in the middle",
			scene: starved().skipping(),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after a:1-100 failover",
				"repoint: attach c to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
	})
}
