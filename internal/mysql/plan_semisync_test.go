// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// counted is a set of four in order whose commits wait for two replicas.
func counted() *scene {
	return given("a", "b", "c", "d").counting(2).knowing("a", "a", "b", "c", "d").vouchedBy("a", 2).seeing(
		source("a").waitsFor(2), replica("b", "a").acks(), replica("c", "a").acks(), replica("d", "a").acks())
}

// heldUp: the source runs on, and waits for the acknowledgement of the one replica that has
// the commit, and does not replicate any more.
func heldUp() *scene {
	return given("a", "b").semiSync().knowing("a", "a", "b").wasActive("a").startedAt("a", t0.Add(-time.Hour)).seeing(
		source("a").waits().clients(0).waitingSince(), replica("b", "a").acks().unattached().has("a:1-101").labelled(""))
}

func (n *node) waitingSince() *node { n.SemiSync.WaitSessions = 1; return n }
func (n *node) times(t time.Duration) *node {
	n.SemiSync.Timeout = t
	return n
}
func (n *node) clients(count int) *node { n.SemiSync.Clients = count; return n }

// lingering: rpl_semi_sync_replica_enabled is off since its receiver was started.
func (n *node) lingering() *node { n.SemiSync.ReplicaEnabled = false; return n }

// A replica that left the spec is forgotten once it acknowledges to nobody of the set.
func TestWhoAcknowledgesIsNotForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		d    *node
		want bool
	}{
		"it acknowledges":                         {replica("d", "a").acks(), false},
		"it would after a restart":                {replica("d", "a").acks().stopped(), false},
		"its receiver goes on to acknowledge":     {replica("d", "a").acks().lingering(), false},
		"its receiver tries to, and acknowledges": {replica("d", "a").acks().lingering().ioError(2003), false},
		"its receiver is stopped":                 {replica("d", "a").acks().lingering().stopped(), true},
		"it acknowledges to somebody else":        {replica("d", "x").acks(), true},
		"it acknowledges to nobody":               {replica("d", "a").plugins(), true},
	} {
		s := given("a", "b").semiSync().knowing("a", "a", "b", "d").vouchedBy("a", 1).seeing(source("a").waits(), replica("b", "a").acks(), c.d)
		p := Plan(s.Input)
		if got := p.Data.Drop["d"]; got != c.want {
			t.Errorf("%s: forgotten: %t", name, got)
		}
		for _, broken := range brokenLaws(s.Input, p) {
			t.Errorf("%s: law broken: %s", name, broken)
		}
	}
}

// How the setting of a source is brought to the spec: raised when that many acknowledge,
// lowered at once, recorded before it is lowered, and left alone when it is right.
func TestPlanSemiSyncSettings(t *testing.T) {
	lone := func() *scene { return given("a", "b").knowing("a", "a", "b").wasActive("a") }
	runRows(t, []row{
		{
			name: "as wanted", scene: counted(),
			steps: []string{"route: {a=rw b=ro c=ro d=ro}"}, reason: "TopologyAsWanted",
		},
		{
			name: "raised", scene: counted().counting(3).seeing(source("a").waitsFor(2)),
			steps:  []string{"source-settings: settle a semi x3", "route: {a=rw b=ro c=ro d=ro}"},
			reason: "FewerAcknowledgements",
		},
		{
			name: "not raised while one is away", scene: counted().counting(3).seeing(source("a").waitsFor(2), replica("d", "a").acks().unseen()),
			steps:  []string{"route: {a=rw b=ro c=ro}"},
			reason: "FewerAcknowledgements", message: "wait for 2 replica(s) and not for the 3 of spec.semiSync.waitForReplicaCount yet: 2 acknowledge(s)",
		},
		{
			name: "the mode becomes semi-sync with a count: replicas acknowledge first",
			scene: counted().seeing(source("a").plugins(), replica("b", "a").plugins(), replica("c", "a").plugins(), replica("d", "a").plugins()).
				knowing("a", "a", "b", "c", "d"),
			steps: []string{
				"replica-settings: semi-sync b replica, semi-sync c replica, semi-sync d replica (optional)",
				"source-settings: settle a semi", "route: {a=rw b=ro c=ro d=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name: "lowered: on record before it is done", scene: counted().counting(1),
			steps:  []string{"persist", "source-settings: settle a semi", "route: {a=rw b=ro c=ro d=ro}"},
			reason: "SourceNotReady",
		},
		{
			name: "a timeout: on record before it is set", scene: lone().timing(10*time.Second).seeing(source("a").waits(), replica("b", "a").acks()),
			steps:  []string{"persist", "source-settings: settle a semi for 10s", "route: {a=rw b=ro}"},
			reason: "SourceNotReady",
		},
		{
			name: "lowered as a replica leaves: before that stops to acknowledge",
			scene: given("a", "b", "c").counting(1).knowing("a", "a", "b", "c", "d").vouchedBy("a", 2).seeing(
				source("a").waitsFor(2), replica("b", "a").acks(), replica("c", "a").acks(), replica("d", "a").acks()),
			steps: []string{
				"persist", "source-settings: settle a semi", "replica-settings: semi-sync d (optional)", "route: {a=rw b=ro c=ro d=-}",
			},
			reason: "SourceNotReady",
		},
		{
			name: "no more than can acknowledge", scene: counted().seeing(replica("c", "a"), replica("d", "a")),
			steps:  []string{"persist", "source-settings: settle a semi", "route: {a=rw b=ro c=ro d=ro}"},
			reason: "SourceNotReady",
		},
		{
			name: "no more than can acknowledge, settled", scene: counted().seeing(source("a").waitsFor(1), replica("c", "a"), replica("d", "a")),
			steps:  []string{"route: {a=rw b=ro c=ro d=ro}"},
			reason: "FewerAcknowledgements", message: "not for 2: no more could acknowledge",
		},
		{
			name: "commits hang: one of two is attached", scene: counted().seeing(source("a").waitsFor(2).clients(1).waitingSince()),
			steps:  []string{"route: {a=rw b=ro c=ro d=ro}"},
			reason: "CommitsWaitForReplica", message: "the acknowledgements of 2 replicas and 1 of them are attached",
		},
		{
			name: "given up with one of two attached: made to wait again", scene: counted().seeing(source("a").waitsFor(2).clients(1).gaveUp()),
			steps:  []string{"persist", "source-settings: settle a semi x2", "route: {a=rw b=ro c=ro d=ro}"},
			reason: "SemiSyncInactive",
		},
		{
			name:  "fallen back as the timeout lets it: left alone",
			scene: lone().timing(10*time.Second).seeing(source("a").waits().times(10*time.Second).gaveUp(), replica("b", "a").acks()),
			steps: []string{"route: {a=rw b=ro}"}, reason: "SemiSyncInactive",
			message: "as spec.semiSync.timeout (10s) lets them",
		},
		{
			name:  "a timeout and all is well",
			scene: lone().timing(10*time.Second).seeing(source("a").waits().times(10*time.Second), replica("b", "a").acks()),
			steps: []string{"route: {a=rw b=ro}"}, reason: "TopologyAsWanted",
		},
		{
			name:  "a timeout is taken away",
			scene: lone().semiSync().seeing(source("a").waits().times(10*time.Second), replica("b", "a").acks()),
			steps: []string{"persist", "source-settings: settle a semi", "route: {a=rw b=ro}"}, reason: "SourceNotReady",
		},
		{
			name:  "a replica has what waits for another one: it is not errant, and starts again",
			scene: counted().seeing(source("a").waitsFor(2).clients(0).waitingSince(), replica("b", "a").acks().has("a:1-101").stopped()),
			steps: []string{"restart-replication: start b (optional)", "route: {a=rw b=- c=ro d=ro}"}, reason: "CommitsWaitForReplica",
		},
		{
			name:  "the same when nothing waits: it is errant",
			scene: counted().seeing(replica("b", "a").acks().has("a:1-101").stopped()),
			steps: []string{"route: {a=rw b=- c=ro d=ro}"}, reason: "ReplicaDiverged",
		},
		{
			name:  "a replica was taken out of replication with what waits for it: it is attached again",
			scene: heldUp(),
			steps: []string{"attach: attach b to a semi (optional)", "route: {a=rw b=-}"}, reason: "CommitsWaitForReplica",
		},
		{
			name:  "the same, and it was cut off before: it is not errant",
			scene: heldUp().seeing(replica("b", "a").acks().has("a:1-101").ioError(2003)),
			steps: []string{"route: {a=rw b=ro}"}, reason: "CommitsWaitForReplica",
		},
		{
			name:  "the same, and the source was restarted: it may have lost that, and commit something else now",
			scene: heldUp().startedAt("a", t0.Add(-2*time.Hour)),
			steps: []string{"route: {a=rw b=-}"}, reason: "CommitsWaitForReplica", message: "b: holds 1 transaction(s) that the source a lacks",
		},
		{
			name:  "the same at a later look",
			scene: heldUp().reported("b", "a:101"),
			steps: []string{"route: {a=rw b=-}"}, reason: "CommitsWaitForReplica", message: "b: holds 1 transaction(s) that the source a lacks",
		},
		{
			name:  "a source that was fenced takes writes with the whole count, whoever acknowledges",
			scene: counted().knowing("a", "a", "b", "c", "d").seeing(source("a").plugins().fenced(), replica("b", "a").acks().unseen()),
			steps: []string{"source-settings: writable a semi x2", "route: {c=ro d=ro}"}, reason: "SourceNotReady",
		},
	})
}

// A change of the source with a count above one.
func TestPlanSwitchoverWithCount(t *testing.T) {
	at := func(names ...string) *scene {
		return given(names...).counting(2).knowing("a", "a", "b", "c", "d").vouchedBy("a", 2).record("a", "b", v1alpha1.SwitchoverSwitching).after(time.Second)
	}
	a, b := source("a").waitsFor(2).armed(), func() *node { return replica("b", "a").acks().labelled("") }
	runRows(t, []row{
		{
			name:  "one is led ahead while two are left who acknowledge, and the new source has the count before it takes writes",
			scene: at("b", "a", "c", "d").seeing(a, b(), replica("c", "a").acks(), replica("d", "a").acks()),
			steps: []string{
				"ahead: lead c to b semi (optional)", "catch-up: catch up b to a:1-100 unless it turns away c", "fence: fence a still kill",
				"promote: promote b after fenced a semi x2", "repoint: attach d to b semi (background)", "route: {a=- b=rw}",
				"rejoin: attach a to b semi, attach c to b semi (background)",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name:  "none is led ahead when both are needed, and the old source acknowledges as soon as it can",
			scene: at("b", "a", "c").seeing(a, b(), replica("c", "a").acks()).seeing(replica("d", "a").unseen().podGone()),
			steps: []string{
				"catch-up: catch up b to a:1-100", "fence: fence a still kill",
				"promote: promote b after fenced a semi x2", "repoint: attach a to b semi, attach c to b semi (background)", "route: {a=- b=rw}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
		{
			name: "refused while commits wait for one that is away: the fence would wait behind them",
			scene: given("b", "a", "c", "d").counting(2).knowing("a", "a", "b", "c", "d").vouchedBy("a", 2).seeing(
				source("a").waitsFor(2).clients(1), replica("b", "a").acks(), replica("c", "a").unseen(), replica("d", "a").unseen()),
			steps:  []string{"route: {a=rw b=ro}"},
			reason: "SwitchoverRefused", source: "a", message: "TooFewAcknowledge",
		},
		{
			name: "refused: the new source's commits would wait for one that is not there",
			scene: given("b", "a", "c").counting(2).knowing("a", "a", "b", "c").wasActive("a").seeing(
				source("a").waits(), replica("b", "a").acks(), replica("c", "a").acks().unseen()),
			steps:  []string{"route: {a=rw b=ro}"},
			reason: "SwitchoverRefused", source: "a", message: "as the source its commits would wait for 2 replicas, and 1 could acknowledge now",
		},
		{
			name: "the same with a count of one: the old source lacks the plugin",
			scene: given("b", "a", "c").semiSync().knowing("a", "a", "b", "c").wasActive("a").seeing(
				source("a").waits().withoutReplicaPlugin(), replica("b", "a").acks(), replica("c", "a").acks().unseen()),
			steps:  []string{"route: {a=rw b=ro}"},
			reason: "SwitchoverRefused", source: "a", message: "as the source its commits would wait for a replica, and 0 could acknowledge now",
		},
		{
			name: "not refused with a timeout: it goes on without",
			scene: given("b", "a", "c").timing(10*time.Second).knowing("a", "a", "b", "c").seeing(
				source("a").waits().times(10*time.Second).gaveUp(), replica("b", "a").acks(), replica("c", "a").acks().unseen()),
			steps:  []string{"persist", "arm: arm a (optional)"},
			reason: "SwitchoverInProgress", record: "a>b Preparing", source: "a",
		},
	})
}

// Whether a failover is sure to lose nothing is a matter of who is not seen.
func TestPlanFailoverTellsWhetherItIsSure(t *testing.T) {
	gone := func(count int32, unseen ...string) *scene {
		s := given("b", "a", "c", "d").counting(max(1, count)).knowing("a", "a", "b", "c", "d").vouchedBy("a", count).seeing(
			source("a").unseen().podGone(), replica("b", "a").acks(), replica("c", "a").acks(), replica("d", "a").acks())
		for _, name := range unseen {
			s.seeing(replica(name, "a").unseen())
		}
		return s
	}
	isolated := gone(1)
	isolated.Object.Spec.Replica[2].Isolated = true
	acknowledgedOnce := gone(1)
	acknowledgedOnce.Object.Spec.Replica[2].Isolated = true
	acknowledgedOnce.Object.Status.Topology["d"].SemiSync = v1alpha1.MysqlSemiSyncActive
	anew := gone(1).seeing(replica("d", "a").uuid("e"))
	timed := gone(0)
	timed.Object.Spec.SemiSync.Timeout = &metav1.Duration{Duration: 10 * time.Second}
	async := gone(0, "c", "d")
	async.Object.Spec.Mode = v1alpha1.MysqlAsync

	for _, test := range []struct {
		name  string
		scene *scene
		want  string // part of what is told; "" when it is sure
	}{
		{"one copy, all seen", gone(1), ""},
		{"one copy, one not seen", gone(1, "d"), "on 1 replica(s) only, which may be among those that are not seen: d"},
		{"two copies, one not seen", gone(2, "d"), ""},
		{"two copies, two not seen", gone(2, "c", "d"), "on 2 replica(s) only, which may be among those that are not seen: c, d"},
		{"three copies, two not seen", gone(3, "c", "d"), ""},
		{"nobody vouches", gone(0), "It was not seen that replicas have all that a has acknowledged"},
		{"a timeout", timed, "spec.semiSync.timeout lets commits of a go on without a replica after 10s"},
		{"an isolated node that never was a replica is not seen", isolated.seeing(replica("d", "a").unseen()), ""},
		{"an isolated node is not seen that may have acknowledged", acknowledgedOnce.seeing(replica("d", "a").unseen()), "not seen: d"},
		{"one was made anew since, with what it had acknowledged", anew, "It was not seen that replicas have all"},
		{"asynchronous mode promises nothing", async, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.scene.failover("a", "b", v1alpha1.SwitchoverSwitching)
			for name, s := range test.scene.State.Nodes {
				if s.Channel != nil && s.OK() {
					test.scene.State.Nodes[name].Channel.IO = ThreadNo
				}
			}
			p := Plan(test.scene.Input)
			if !slices.ContainsFunc(p.Steps, func(s reconcile.Step) bool { return s.Name == "promote" }) {
				t.Fatalf("it is not promoted: %s", quoted(stepsOf(p)))
			}
			told := ""
			for _, e := range p.Events {
				if e.Reason == "PromotionUnassured" {
					told = e.Message
				}
			}
			if p.Data.Switchover.Unassured != (test.want != "") || p.Persist != (test.want != "") {
				t.Errorf("on record: %t, at once: %t", p.Data.Switchover.Unassured, p.Persist)
			}
			if (told == "") != (test.want == "") || !strings.Contains(told, test.want) || !strings.Contains(p.Conditions[0].Message, test.want) {
				t.Errorf("told %q, in the condition %q", told, p.Conditions[0].Message)
			}
		})
	}
}

// What vouches for a source: seen once, it holds until the source waits for fewer or a
// holder may be gone.
func TestVouchedBy(t *testing.T) {
	behind := func(name string) *node { return replica(name, "a").acks().has("a:1-90") }
	left := given("a", "b", "c").counting(2).knowing("a", "a", "b", "c", "d").vouchedBy("a", 2).seeing(
		source("a").waitsFor(2), behind("b"), replica("c", "a").acks(), replica("d", "a").acks())
	isolating := counted().seeing(behind("b"), behind("c"))
	isolating.Object.Spec.Replica[2].Isolated = true
	isolating.Object.Status.Topology["d"].SemiSync = v1alpha1.MysqlSemiSyncActive
	before := counted().vouchedBy("a", 0).seeing(source("a").waitsFor(2).has("a:1-120"))
	before.State.Nodes["a"].Before = set("a:1-100")
	late := func(name string) *node { return replica(name, "a").acks().has("a:1-50").received("a:51-100") }
	forgotten := given("a", "b").semiSync().knowing("a", "a", "b", "x").wasActive("a").seeing(source("a").waits().clients(2), replica("b", "a").acks(), replica("x", "a").unseen())
	forgotten.Object.Status.Topology["x"].External = true
	forgotten.outside("x")
	unpatient := source("a").waitsFor(2)
	unpatient.SemiSync.WaitNoReplica = false

	for _, test := range []struct {
		name  string
		scene *scene
		want  int32
	}{
		{"in order", counted(), 2},
		{"a new source whose replicas have all", counted().vouchedBy("a", 0), 2},
		{"a new source whose replicas have not all yet", counted().vouchedBy("a", 0).seeing(behind("b"), behind("c")), 1},
		{"the source goes on while it is looked at", before, 2},
		{"seen before, replicas may be a moment behind", counted().seeing(behind("b"), behind("c"), behind("d")), 2},
		{"raised, and not all have what was acknowledged by fewer", counted().counting(3).vouchedBy("a", 2).seeing(source("a").waitsFor(3), behind("b"), behind("c")), 2},
		{"raised, and all have it", counted().counting(3).seeing(source("a").waitsFor(3)), 3},
		{"it is to wait for fewer", counted().counting(1), 1},
		{"it waits for fewer", counted().seeing(source("a").waitsFor(1)), 1},
		{"it does not wait", counted().seeing(source("a").waitsFor(2).gaveUp()), 0},
		{"it would not wait without replicas", counted().seeing(unpatient), 0},
		{"a timeout", counted().seeing(source("a").waitsFor(2).times(time.Minute)), 0},
		{"a timeout to be", func() *scene { s := counted(); s.timing(time.Minute); return s }(), 0},
		{"asynchronous mode", func() *scene { s := counted(); s.Object.Spec.Mode = v1alpha1.MysqlAsync; return s }(), 0},
		{"the source is not seen", counted().seeing(source("a").unseen()), 2},
		{"the source is not seen and a replica was made anew", counted().seeing(source("a").unseen(), replica("d", "a").uuid("e")), 1},
		{"a replica was made anew", counted().seeing(replica("d", "a").uuid("e").has("a:1-10"), behind("c")), 1},
		{"a replica leaves, another is behind", left, 1},
		{"a replica is isolated, the others are behind", isolating, 0},
		{"a replica is being cloned", counted().cloned("d", "b", v1alpha1.MysqlCloneInProgress).seeing(behind("b"), behind("c"), replica("d", "a").copies("b", CloneRun{Running: true})), 0},
		{"a replica was restarted, the others are behind", counted().startedAt("d", t0.Add(-3*time.Hour)).seeing(behind("b"), behind("c")), 1},
		{"a replica was restarted, and all have it", counted().startedAt("d", t0.Add(-3*time.Hour)), 2},
		{"a replica runs on", counted().startedAt("d", t0.Add(-time.Hour-2*time.Second)).seeing(behind("b"), behind("c"), behind("d")), 2},
		{"the source is not seen and a replica was restarted", counted().startedAt("d", t0.Add(-3*time.Hour)).seeing(source("a").unseen()), 1},
		{"channels are to be made anew, relay logs are not executed", counted().moved("a", "a2").seeing(source("a").waitsFor(2).at("a2"), late("b"), late("c")), 1},
		{"channels are to be made anew, relay logs are executed", counted().moved("a", "a2").seeing(source("a").waitsFor(2).at("a2"), late("b")), 2},
		{"a stranger acknowledges as well", counted().seeing(source("a").waitsFor(2).clients(4)), 1},
		{"as many strangers as it waits for", counted().seeing(source("a").waitsFor(2).clients(6)), 0},
		{"a stranger attached in place of one that is not seen raises nothing", counted().vouchedBy("a", 0).seeing(source("a").waitsFor(2).clients(3), replica("d", "a").unseen()), 1},
		{"a node that is forgotten in this very plan may be attached still", forgotten, 0},
		{"a restart would take away that it waits", counted().seeing(source("a").waitsFor(2).forgetsToWait()), 0},
		{"one that is not seen may be attached still", counted().seeing(source("a").waitsFor(2).clients(3), replica("d", "a").unseen()), 2},
		{"the source is another server", counted().seeing(source("a").waitsFor(2).uuid("e"), behind("b"), behind("c"), behind("d")), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := Plan(test.scene.Input)
			if p.Data.VouchedBy != test.want {
				t.Errorf("vouched by %d, want %d", p.Data.VouchedBy, test.want)
			}
			o := test.scene.Object.DeepCopy()
			Project(o, test.scene.State, p)
			if got := o.Status.Topology["a"].VouchedBy; got != test.want {
				t.Errorf("status: %d, want %d", got, test.want)
			}
		})
	}
}

// A source that would forget at a restart that its commits wait is told to keep that.
func TestPlanPersistsThatCommitsWait(t *testing.T) {
	ignores := source("a").waitsFor(2).forgetsToWait()
	ignores.IgnoresPersisted = true
	for name, c := range map[string]struct {
		a    *node
		want bool
	}{
		"persisted":                     {source("a").waitsFor(2), false},
		"not persisted":                 {source("a").waitsFor(2).forgetsToWait(), true},
		"nothing persisted would count": {ignores, false},
	} {
		steps := stepsOf(Plan(counted().seeing(c.a).Input))
		if got := slices.ContainsFunc(steps, func(s string) bool { return strings.HasPrefix(s, "source-settings: settle a") }); got != c.want {
			t.Errorf("%s: %s", name, quoted(steps))
		}
	}
}

// That a source has fallen back is told once, as it happens.
func TestPlanTellsOfAFallback(t *testing.T) {
	at := func(was v1alpha1.MysqlSemiSyncState) []string {
		s := given("a", "b").timing(10*time.Second).knowing("a", "a", "b").seeing(source("a").waits().times(10*time.Second).gaveUp(), replica("b", "a").acks())
		s.Object.Status.Topology["a"].SemiSync = was
		var out []string
		for _, e := range Plan(s.Input).Events {
			out = append(out, e.Reason)
		}
		return out
	}
	if got := fmt.Sprint(at(v1alpha1.MysqlSemiSyncActive)); got != "[SemiSyncInactive]" {
		t.Errorf("as it falls back: %s", got)
	}
	if got := fmt.Sprint(at(v1alpha1.MysqlSemiSyncInactive)); got != "[]" {
		t.Errorf("later: %s", got)
	}
}

// An unseen source with a timeout may have gone on by itself: it is waited for as one in
// asynchronous mode is.
func TestPlanWaitsForASourceThatNobodyVouchesFor(t *testing.T) {
	for count, want := range map[int32]string{1: "failover a>b Switching", 0: "failover a>b Preparing"} {
		s := wanting().semiSync().vouchedBy("a", count).seeing(source("a").silentFor(vouchedPatience), replica("b", "a").acks(), replica("c", "a").acks())
		if got := recordOf(Plan(s.Input).Data.Switchover); got != want {
			t.Errorf("vouched by %d: %s, want %s", count, got, want)
		}
	}
}

// The source got another address. A channel that is made anew loses its relay log, and with
// it what the replica had acknowledged: one after the other, and none of them counts.
func TestPlanMakesChannelsAnewOneByOne(t *testing.T) {
	late := func(name string) *node { return replica(name, "a").acks().has("a:1-50").received("a:51-100") }
	moved := func(with ...*node) []string {
		s := counted().moved("a", "a2").seeing(append(with, source("a").waitsFor(2).at("a2"))...)
		var out []string
		for _, step := range Plan(s.Input).Steps {
			for _, a := range step.Actions {
				if do, is := a.(Attach); is {
					out = append(out, do.Node())
				}
			}
		}
		return out
	}
	if got := moved(late("b"), late("c")); !slices.Equal(got, []string{"b", "d"}) {
		t.Errorf("b and c have relay logs to lose: attached are %v", got)
	}
	if got := moved(); !slices.Equal(got, []string{"b", "c", "d"}) {
		t.Errorf("nothing is lost: attached are %v", got)
	}
}
