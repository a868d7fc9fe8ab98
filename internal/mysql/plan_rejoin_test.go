// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// rejoiningSet is a set in order, of which c is to be made anew if it has to be.
func rejoiningSet() *scene {
	return steadySet().rejoining().seeing(source("a").clonable(), replica("b", "a").clonable(), replica("c", "a").clonable())
}

// errantC holds two transactions of its own.
func errantC() *node {
	return server("c").has("a:1-90 c:1-2").fenced().clonable()
}

const (
	quiet    = "route: {a=rw b=ro c=-}"
	clonesC  = "clone: clone c from b discarding {c:1-2} (optional)"
	restarts = "restart-replication: start c (optional)"
)

func TestPlanRejoin(t *testing.T) {
	inProgress, failed, completed := v1alpha1.MysqlCloneInProgress, v1alpha1.MysqlCloneFailed, v1alpha1.MysqlCloneCompleted
	begins := []string{"persist", quiet, clonesC}
	nothing := []string{quiet}
	runRows(t, []row{
		{name: "in order", scene: rejoiningSet(), steps: []string{"route: {a=rw b=ro c=ro}"}, reason: "TopologyAsWanted"},
		{
			name: "a node with transactions of its own", scene: rejoiningSet().seeing(errantC()),
			steps: begins, reason: "RejoinInProgress", message: "as a copy of b (attempt 1)",
		},
		{
			name: "with the TLS of the spec", scene: rejoiningSet().tls(v1alpha1.TLSVerifyFull, &v1alpha1.DatabaseTLSFiles{Cert: "/x/crt", Key: "/x/key"}).
				seeing(replica("b", "a").clonable().channelTLS(ChannelTLS{On: true, VerifyIdentity: true, CA: "ca.pem", Cert: "/x/crt", Key: "/x/key"}), errantC()),
			steps:  []string{"persist", quiet, strings.Replace(clonesC, " (optional)", " tls verify-full ca.pem /x/crt /x/key (optional)", 1)},
			reason: "RejoinInProgress",
		},
		{
			name: "without TLS where the spec says so", scene: rejoiningSet().tls(v1alpha1.TLSDisable, nil).seeing(errantC()),
			steps: []string{"persist", quiet, strings.Replace(clonesC, " (optional)", " tls disable (optional)", 1)}, reason: "RejoinInProgress",
		},
		{
			name: "the spec says nothing of TLS and the donor has none", scene: rejoiningSet().seeing(replica("b", "a").clonable().plain(), errantC()),
			steps: begins, reason: "RejoinInProgress",
		},
		{
			name:  "what it has received and not executed counts",
			scene: rejoiningSet().seeing(server("c").has("a:1-90").fenced().clonable().follows("a").stopped().received("a:91-95 d:1-3").sqlError(1062).clonable()),
			steps: nothing, reason: "ReplicaNotReady",
		},
		{
			name:  "the same, and the source has purged what it needs",
			scene: rejoiningSet().seeing(source("a").clonable().hasPurged("a:1-95"), server("c").has("a:1-90").fenced().follows("a").stopped().received("d:1-3").clonable()),
			steps: []string{"persist", quiet, "clone: clone c from b discarding {d:1-3} (optional)"}, reason: "RejoinInProgress",
		},
		{
			name: "Manual leaves it as it is", scene: steadySet().seeing(source("a").clonable(), replica("b", "a").clonable(), errantC()),
			steps: nothing, reason: "ReplicaDiverged",
		},
		{
			name: "nobody was asked yet", scene: steadySet().rejoining().seeing(server("c").has("a:1-90 c:1-2").fenced()),
			steps: nothing, reason: "ReplicaDiverged",
		},
		{
			name: "an empty one, and the source has purged", scene: rejoiningSet().seeing(source("a").clonable().hasPurged("a:1-10"), server("c").fenced().clonable()),
			steps: []string{"persist", quiet, "clone: clone c from b discarding {} (optional)"}, reason: "RejoinInProgress",
		},
		{
			name: "an empty one that can replicate from the beginning", scene: rejoiningSet().seeing(server("c").fenced().clonable()),
			steps: []string{"attach: attach c to a (optional)", quiet}, reason: "ReplicaNotReady",
		},
		{
			name: "a writable one is fenced first", scene: rejoiningSet().seeing(errantC().writable()),
			steps: []string{"fence-extra: fence c kill persist release", quiet}, reason: "ReplicaDiverged",
		},
		{
			name: "an isolated one is left alone", scene: given("a", "b", "c!").knowing("a", "a", "b", "c").rejoining().
				seeing(source("a").clonable(), replica("b", "a").clonable(), errantC().labelled("")),
			steps: nothing, reason: "TopologyAsWanted",
		},
		{
			name: "skip", scene: rejoiningSet().seeing(errantC()).skipping(), steps: nothing, reason: "ReplicaDiverged",
		},
		{
			name: "not while another source is wanted", scene: given("b", "a", "c").knowing("a", "a", "b", "c").rejoining().
				seeing(source("a").clonable(), replica("b", "a").clonable().lag(60), errantC()),
			steps: nothing, reason: "SwitchoverRefused", source: "a",
		},
		{
			name: "not while the source is not seen", scene: rejoiningSet().seeing(source("a").unseen(), errantC()),
			steps: []string{"route: {b=ro c=-}"}, reason: "SourceUnreachable",
		},
		{
			name: "a source that lacks what it has committed itself has lost data", scene: rejoiningSet().seeing(server("c").has("a:1-102 c:1").fenced().clonable()),
			steps: nothing, reason: "RejoinRefused", message: "the source has lost data",
		},
		{
			name: "an empty source", scene: rejoiningSet().seeing(source("a").has("").clonable(), server("b").has("c:1-2").fenced().clonable(), errantC()),
			steps: []string{"route: {a=rw b=- c=-}"}, reason: "RejoinRefused", message: "the source a holds no transaction at all",
		},
		{
			name: "an external node", scene: rejoiningSet().seeing(errantC()).outside("c"),
			steps: nothing, reason: "RejoinRefused", message: "it is no pod",
		},
		{
			name: "no pod has its name: nobody starts it again", scene: rejoiningSet().seeing(errantC().withoutPod()),
			steps: nothing, reason: "RejoinRefused", message: "nobody is known to start it again",
		},
		{
			name: "the last that acknowledges: commits would hang until the copy is made", scene: given("a", "c").knowing("a", "a", "c").rejoining().semiSync().
				seeing(source("a").clonable().waits().attached(1), replica("c", "a").has("a:1-90 c:1-2").clonable().acks()),
			steps: []string{"route: {a=rw c=-}"}, reason: "RejoinRefused", message: "commits on a wait for its acknowledgement",
		},
		{
			name: "another one acknowledges", scene: rejoiningSet().semiSync().
				seeing(source("a").clonable().waits().attached(2), replica("b", "a").clonable().acks(), replica("c", "a").has("a:1-90 c:1-2").clonable().acks()),
			steps: begins, reason: "RejoinInProgress",
		},
		{
			name: "it does not replicate, so that nobody waits for it", scene: given("a", "c").knowing("a", "a", "c").rejoining().semiSync().
				seeing(source("a").clonable().waits(), errantC().plugins()),
			steps: []string{"persist", "route: {a=rw c=-}", "clone: clone c from a discarding {c:1-2} (optional)"}, reason: "RejoinInProgress",
		},
		{
			name: "the resource is being deleted", scene: rejoiningSet().seeing(errantC()).deleted(), steps: nothing, reason: "ReplicaDiverged",
		},
		{
			name: "the donor has left the spec, and the data is gone all the same", scene: given("a", "c").knowing("a", "a", "c").cloned("c", "b", inProgress).
				seeing(source("a"), server("c").has("a:1-100").fenced().copies("b", CloneRun{Dropped: true, Error: "error 3862: no donor"})),
			steps: []string{"route: {a=rw c=-}"}, reason: "ReplicaNotReady", message: "What it held is gone",
		},
		{
			name: "the donor has another address by now", scene: steadySet().cloned("c", "b", inProgress).
				seeing(replica("b", "a").at("other"), server("c").has("a:1-100").fenced().copies("b", CloneRun{Dropped: true, Error: "error 3862: no donor"})),
			steps: []string{quiet}, reason: "ReplicaNotReady", message: "What it held is gone",
		},
		{
			name: "without the plugin", scene: rejoiningSet().seeing(errantC().cannotClone(func(c *CloneView) { c.Plugin = false })),
			steps: nothing, reason: "RejoinRefused", message: "plugin_load_add=mysql_clone.so",
		},
		{
			name: "without the privilege", scene: rejoiningSet().seeing(errantC().cannotClone(func(c *CloneView) { c.Privileges = []string{privilegeBackup} })),
			steps: nothing, reason: "RejoinRefused", message: "GRANT CLONE_ADMIN ON *.*",
		},
		{
			name: "without performance_schema", scene: rejoiningSet().seeing(errantC().cannotClone(func(c *CloneView) { c.Instrumented = false })),
			steps: nothing, reason: "RejoinRefused", message: "performance_schema",
		},
		{
			name: "the donor has not the plugin, and the source is spared", scene: rejoiningSet().seeing(errantC(), replica("b", "a").clonable().cannotClone(func(c *CloneView) { c.Plugin = false })),
			steps: nothing, reason: "RejoinRefused", message: "b cannot be copied: the plugin mysql_clone.so",
		},
		{
			name: "the donor is of another series", scene: rejoiningSet().seeing(errantC(), replica("b", "a").clonable().version("8.0.40")),
			steps: nothing, reason: "RejoinRefused", message: "it is MySQL 8.0.40, and c is 8.4.0",
		},
		{
			name: "the donor lags", scene: rejoiningSet().seeing(errantC(), replica("b", "a").clonable().lag(60)),
			steps: nothing, reason: "RejoinRefused", message: "more than 10 seconds behind",
		},
		{
			name: "another replica is about to replicate", scene: rejoiningSet().seeing(errantC(), replica("b", "a").clonable().threads(ThreadConnecting, ThreadYes)),
			steps: []string{quiet}, reason: "ReplicaNotReady", message: "waits for b to replicate",
		},
		{
			name: "no replica is healthy", scene: rejoiningSet().seeing(errantC(), replica("b", "a").unseen()),
			steps:  []string{"persist", "route: {a=rw c=-}", "clone: clone c from a discarding {c:1-2} (optional)"},
			reason: "NodeUnreachable",
		},
		{
			name: "there is no other", scene: given("a", "c").knowing("a", "a", "c").rejoining().seeing(source("a").clonable(), errantC()),
			steps:  []string{"persist", "route: {a=rw c=-}", "clone: clone c from a discarding {c:1-2} (optional)"},
			reason: "RejoinInProgress",
		},
		{
			name: "the donor is the one that has executed most", scene: given("a", "b", "c", "d").knowing("a", "a", "b", "c", "d").rejoining().
				seeing(source("a").clonable(), replica("b", "a").clonable().has("a:1-98"), errantC(), replica("d", "a").clonable()),
			steps: []string{"persist", "route: {a=rw b=ro c=- d=ro}", "clone: clone c from d discarding {c:1-2} (optional)"}, reason: "RejoinInProgress",
		},
		{
			name: "one at a time", scene: given("a", "b", "c", "d").knowing("a", "a", "b", "c", "d").rejoining().cloned("d", "b", inProgress).
				seeing(source("a").clonable(), replica("b", "a").clonable(), errantC(), server("d").readOnly(true, false, true).copies("b", CloneRun{Running: true, Dropped: true})),
			steps: []string{"route: {a=rw b=ro c=- d=-}"}, reason: "ReplicaDiverged", message: "after d: one at a time",
		},
		{
			name: "one that is not seen may be at it", scene: given("a", "b", "c", "d").knowing("a", "a", "b", "c", "d").rejoining().cloned("d", "b", inProgress).
				seeing(source("a").clonable(), replica("b", "a").clonable(), errantC(), server("d").unseen()),
			steps: []string{"route: {a=rw b=ro c=-}"}, reason: "ReplicaDiverged", message: "after d: one at a time",
		},
		{
			name: "a clone at work is left alone", scene: rejoiningSet().cloned("c", "b", inProgress).
				seeing(server("c").readOnly(true, false, true).copies("b", CloneRun{Running: true, Dropped: true, Bytes: 5 << 20, TotalBytes: 9 << 20})),
			steps: nothing, reason: "RejoinInProgress", message: "5 of 9 MiB",
		},
		{
			name: "also when the policy was changed meanwhile", scene: steadySet().cloned("c", "b", inProgress).
				seeing(server("c").readOnly(true, false, true).copies("b", CloneRun{Running: true})),
			steps: nothing, reason: "RejoinInProgress",
		},
		{
			name: "the server restarts at the end", scene: rejoiningSet().cloned("c", "b", inProgress).seeing(server("c").unseen()),
			steps: []string{"route: {a=rw b=ro}"}, reason: "NodeUnreachable",
		},
		{
			name: "it is back, with its donor's channel", scene: rejoiningSet().cloned("c", "b", inProgress).
				seeing(replica("c", "a").copies("b", CloneRun{Completed: true})),
			steps: []string{"route: {a=rw b=ro c=ro}"}, reason: "TopologyAsWanted",
		},
		{
			name: "it is back, a copy of the source", scene: rejoiningSet().cloned("c", "a", inProgress).
				seeing(server("c").has("a:1-95").fenced().copies("a", CloneRun{Completed: true})),
			steps: []string{"attach: attach c to a (optional)", quiet}, reason: "ReplicaNotReady",
		},
		{
			name: "a clone of long ago is not the one on record", scene: rejoiningSet().cloned("c", "b", inProgress).
				seeing(errantC().copies("b", CloneRun{Completed: true, Age: time.Hour})).after(time.Minute),
			steps: nothing, reason: "RejoinFailed", message: "it did not begin. What it holds is still there",
		},
		{
			name: "the operator has only just sent it", scene: rejoiningSet().cloned("c", "b", inProgress).seeing(errantC().sent()),
			steps: nothing, reason: "RejoinInProgress",
		},
		{
			name: "it has failed before anything was removed, and waits", scene: rejoiningSet().cloned("c", "b", inProgress).seeing(errantC().sentInVain("donor says no")),
			steps: nothing, reason: "RejoinFailed", message: "donor says no. What it holds is still there",
		},
		{
			name: "it has failed after that, and is half fenced", scene: rejoiningSet().cloned("c", "b", inProgress).
				seeing(server("c").readOnly(true, false, true).copies("b", CloneRun{Dropped: true, Error: "error 3862: no donor"})),
			steps:  []string{"hold-read-only: fence c kill persist release (optional)", quiet},
			reason: "RejoinFailed", message: "error 3862: no donor. What it held is gone: it is empty",
		},
		{
			name: "an emptied one is not attached, but tried again", scene: rejoiningSet().cloned("c", "b", failed, emptied).seeing(server("c").fenced().clonable()).after(cloneRetry),
			steps: []string{"persist", quiet, "clone: clone c from b discarding {} (optional)"}, reason: "RejoinInProgress", message: "attempt 2",
		},
		{
			name: "the third attempt waits longer", scene: rejoiningSet().cloned("c", "b", failed, emptied, func(r *v1alpha1.MysqlCloneStatus) { r.Attempt = 2 }).
				seeing(server("c").fenced().clonable()).after(cloneRetry),
			steps: nothing, reason: "RejoinFailed",
		},
		{
			name: "with Manual an emptied one is an empty one", scene: steadySet().cloned("c", "b", failed, emptied).seeing(server("c").fenced().clonable()),
			steps: []string{"attach: attach c to a (optional)", quiet}, reason: "ReplicaNotReady",
		},
		{
			name: "its set of transactions says what it held, and the data is gone: it is not attached", scene: steadySet().cloned("c", "b", failed, emptied).
				seeing(server("c").has("a:1-100").fenced().clonable()),
			steps: nothing, reason: "ReplicaNotReady", message: "What it held is gone",
		},
		{
			name: "somebody has filled it", scene: steadySet().cloned("c", "b", failed, emptied).seeing(server("c").has("a:1-99").fenced().clonable()),
			steps: []string{"attach: attach c to a (optional)", quiet}, reason: "ReplicaNotReady",
		},
		{
			name: "a donor that was restarted knows nothing of it any more", scene: rejoiningSet().cloned("c", "b", inProgress).after(time.Minute).
				seeing(replica("b", "a").clonable().upFor(20*time.Second), server("c").readOnly(true, false, true).copies("b", CloneRun{Running: true, Session: 9, Age: time.Minute})),
			steps: []string{"abort-clone: abort the clone of c in session 9 (optional)", quiet}, reason: "RejoinInProgress",
		},
		{
			name: "a node that is made anew takes no part in the comparison", scene: given("b", "a", "c").knowing("a", "a", "b", "c").cloned("c", "b", inProgress).
				failover("a", "b", v1alpha1.SwitchoverSwitching).
				seeing(source("a").unseen(), replica("b", "a").threads(ThreadNo, ThreadYes), server("c").has("a:1-100 c:1-9").readOnly(true, false, true).copies("b", CloneRun{Running: true})),
			steps: []string{"unroute: {a=-}", "promote: promote b after a:1-100 failover", "route: {a=- b=rw}"}, reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name: "and is no candidate", scene: given("c", "a", "b").knowing("a", "a", "b", "c").cloned("c", "b", inProgress).forcing("c").
				seeing(source("a").unseen(), replica("b", "a"), server("c").readOnly(true, false, true).copies("b", CloneRun{Running: true})),
			steps: []string{"route: {b=ro c=-}"}, reason: "FailoverRefused", message: "CandidateCloning", source: "a",
		},
		{
			name: "nor of a planned switchover", scene: given("c", "a", "b").knowing("a", "a", "b", "c").cloned("c", "b", inProgress).
				seeing(source("a"), replica("b", "a"), server("c").readOnly(true, false, true).copies("b", CloneRun{Running: true})),
			steps: []string{"route: {a=rw b=ro c=-}"}, reason: "SwitchoverRefused", message: "CandidateCloning", source: "a",
		},
		{
			name: "nor is one that was emptied, not even by force", scene: given("c", "a").knowing("a", "a", "c").cloned("c", "a", failed, emptied).forcing("c").
				seeing(source("a").unseen().silentFor(time.Minute), server("c").has("a:1-100").fenced().clonable()),
			steps: []string{"route: {c=-}"}, reason: "FailoverRefused", message: "RESET BINARY LOGS AND GTIDS", source: "a",
		},
		{
			name: "one that says so itself can be forced", scene: given("c", "a").knowing("a", "a", "c").cloned("c", "a", failed, emptied).forcing("c").
				seeing(source("a").unseen().silentFor(time.Minute), server("c").fenced().clonable()),
			steps: []string{"persist"}, reason: "FailoverInProgress", record: "failover a>c Switching", source: "a",
		},
		{
			name: "it has failed, is half fenced, and the source is not seen", scene: rejoiningSet().cloned("c", "b", inProgress).
				seeing(source("a").unseen(), server("c").has("a:1-100").halfFenced().copies("b", CloneRun{Dropped: true, Error: "error 3862: no donor"})),
			steps: []string{"fence-extra: fence c kill persist release (optional)", "route: {b=ro c=-}"}, reason: "SourceUnreachable",
		},
		{
			name: "isolated in the middle: when it is done", scene: given("a", "b", "c!").knowing("a", "a", "b", "c").cloned("c", "b", inProgress).
				seeing(source("a"), replica("b", "a"), server("c").readOnly(true, false, true).copies("b", CloneRun{Running: true})),
			steps: nothing, reason: "RejoinInProgress",
		},
		{
			name: "a record that is over says nothing", scene: rejoiningSet().cloned("c", "b", completed).seeing(replica("c", "a").stopped()),
			steps: []string{restarts, quiet}, reason: "ReplicaNotReady",
		},
	})
}

// Of a source that was left in doubt, others may hold what was acknowledged and nobody else has.
func TestPlanRejoinOfWhoMayHoldWhatWasAcknowledged(t *testing.T) {
	// c was not seen when b took over from a, and is back.
	back := func(c *node) *scene {
		return given("b", "c", "d").semiSync().rejoining().knowing("b", "b", "c", "d").failedOver("a", "b").after(time.Hour).seeing(
			source("b").waits().has("a:1-100 b:1").clonable(), replica("d", "b").acks().has("a:1-100 b:1").clonable(), c)
	}
	holder := func() *node { return server("c").has("a:1-110").fenced().clonable() }
	route, begins := "route: {b=rw c=- d=ro}", "clone: clone c from d discarding {a:101-110} (optional)"
	runRows(t, []row{
		{
			name: "it may be the only one", scene: back(holder()).unassured("a"), steps: []string{route},
			reason: "RejoinRefused", message: "set the annotation compose-operator/give-up: c",
		},
		{
			name: "it has received and not executed it", scene: back(replica("c", "x").has("a:1-90").received("a:91-110").stopped().clonable()).unassured("a"),
			steps: []string{route}, reason: "ReplicaNotReady",
		},
		{
			name: "of another source that was left in doubt", scene: back(server("c").has("a:1-100 e:1-2").fenced().clonable()).unassured("e", "a"),
			steps: []string{route}, reason: "RejoinRefused",
		},
		{
			name: "the failover was sure to have all", scene: back(holder()), steps: []string{"persist", route, begins}, reason: "RejoinInProgress",
		},
		{
			name: "the user gives it up", scene: back(holder()).unassured("a").givingUp("c"), steps: []string{"persist", route, begins}, reason: "RejoinInProgress",
		},
		{
			name: "the user gives another one up", scene: back(holder()).unassured("a").givingUp("a"), steps: []string{route}, reason: "RejoinRefused",
		},
		{
			name: "what it holds is its own", scene: back(server("c").has("a:1-90 c:1-2").fenced().clonable()).unassured("a"),
			steps: []string{"persist", route, "clone: clone c from d discarding {c:1-2} (optional)"}, reason: "RejoinInProgress",
		},
		{
			name: "it is gone already", scene: back(holder()).unassured("a").cloned("c", "d", v1alpha1.MysqlCloneFailed, emptied, func(r *v1alpha1.MysqlCloneStatus) { r.HeldCount = 110 }),
			steps: []string{"persist", route, begins}, reason: "RejoinInProgress",
		},
	})
}

// The old source is in doubt, and the one before it: a replica may have been behind that when
// the old source took over. The record ends when they are seen to have nothing of their own.
func TestWhoIsInDoubtAfterAnUnassuredPromotion(t *testing.T) {
	promoted := func() *scene {
		return given("b", "a", "c", "d").semiSync().knowing("a", "a", "b", "c", "d").switchedOver("d", "a").failover("a", "b", v1alpha1.SwitchoverSwitching).
			seeing(source("a").unseen(), source("b").waits().has("a:1-100 b:1"), replica("c", "a").acks().unseen(), replica("d", "b").acks().has("a:1-100 b:1"))
	}
	both := []string{uuidOf("d"), uuidOf("a")}
	elsewhere := promoted().doubted()
	elsewhere.Object.Status.LastSwitchover.To = "c"
	for name, c := range map[string]struct {
		scene *scene
		want  []string
	}{
		"in doubt":                           {promoted().doubted(), both},
		"another one took over from d":       {elsewhere, both[1:]},
		"sure":                               {promoted(), nil},
		"d has nothing of its own":           {promoted().doubted().seeing(replica("d", "b").has("a:1-100 b:1")), both},
		"what was in doubt before stays so":  {promoted().unassured("e").doubted(), append([]string{uuidOf("e")}, both...)},
		"b itself was in doubt: it has that": {promoted().unassured("b").doubted(), both},
	} {
		p := Plan(c.scene.Input)
		if p.Data.Result != "failover" || !slices.Equal(p.Data.Unassured, c.want) {
			t.Errorf("%s: %s, in doubt: %v", name, p.Data.Result, p.Data.Unassured)
		}
		Project(c.scene.Object, c.scene.State, p)
		c.scene.seeing(source("b").waits().has("a:1-100 b:1-2"))
		// d follows b and holds nothing more; a and c are not seen.
		if p = Plan(c.scene.Input); slices.Contains(p.Data.Unassured, uuidOf("d")) || slices.Contains(p.Data.Unassured, uuidOf("a")) != slices.Contains(c.want, uuidOf("a")) {
			t.Errorf("%s, one look later: in doubt: %v", name, p.Data.Unassured)
		}
	}
}

// cannotClone spoils what a node has for a clone.
func (n *node) cannotClone(spoil func(*CloneView)) *node { spoil(n.Clone); return n }

// withoutPod: it is seen, and no pod has its name.
func (n *node) withoutPod() *node { n.gone = true; return n }

// attached is how many semi-sync replicas are attached to a source.
func (n *node) attached(clients int) *node { n.SemiSync.Clients = clients; return n }

// deleted: the resource is being deleted.
func (s *scene) deleted() *scene {
	at := metav1.NewTime(t0)
	s.Object.DeletionTimestamp = &at
	return s
}

// sent: this process has sent the statement, which has not ended; sentInVain: it failed.
func (n *node) sent() *node                     { n.Clone.Sent = true; return n }
func (n *node) sentInVain(outcome string) *node { n.Clone.Outcome = outcome; return n }

func (n *node) version(text string) *node   { n.Version = text; return n }
func (n *node) upFor(d time.Duration) *node { n.Uptime = d; return n }

// What is thrown away is told and recorded in full before it is.
func TestRejoinIsAnnounced(t *testing.T) {
	s := rejoiningSet().seeing(errantC())
	p := Plan(s.Input)
	at := slices.IndexFunc(p.Events, func(e reconcile.Event) bool { return e.Reason == "RejoinStarted" })
	if at < 0 || !p.Events[at].Warning || !strings.Contains(p.Events[at].Message, "2 transaction(s) that the source a lacks are thrown away: "+uuidOf("c")+":1-2") {
		t.Errorf("events: %+v", p.Events)
	}
	Project(s.Object, s.State, p)
	r := s.Object.Status.Topology["c"].Clone
	if r == nil || r.Discarded != uuidOf("c")+":1-2" || r.DiscardedCount != 2 || r.HeldCount != 92 || r.Donor != "b" {
		t.Errorf("record: %+v", r)
	}
}

// What an attempt has thrown away stays on record with the next one.
func TestRejoinRemembersWhatWasDiscarded(t *testing.T) {
	s := rejoiningSet().cloned("c", "b", v1alpha1.MysqlCloneFailed, emptied, func(r *v1alpha1.MysqlCloneStatus) {
		r.Discarded, r.DiscardedCount = "x:1-2", 2
	}).seeing(server("c").fenced().clonable()).after(cloneRetry)
	r := Plan(s.Input).Data.Clones["c"]
	if r.Discarded != "x:1-2" || r.DiscardedCount != 2 || r.Attempt != 2 || !r.Emptied {
		t.Errorf("record: %+v", r)
	}
}

// The end of a clone is told once for each, whoever finds it.
func TestRejoinEnds(t *testing.T) {
	for name, test := range map[string]struct {
		node *node
		want string
	}{
		"finished": {replica("c", "a").copies("b", CloneRun{Completed: true}), "RejoinFinished"},
		"failed":   {server("c").fenced().copies("b", CloneRun{Dropped: true, Error: "error 1317"}), "RejoinFailed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := rejoiningSet().cloned("c", "b", v1alpha1.MysqlCloneInProgress).seeing(test.node)
			for turn, want := range []int{1, 0} {
				p := Plan(s.Input)
				told := 0
				for _, e := range p.Events {
					if e.Reason == test.want {
						told++
					}
				}
				if told != want || len(p.Data.Rejoined) != want {
					t.Errorf("look %d: told %d times, %d counted", turn, told, len(p.Data.Rejoined))
				}
				Project(s.Object, s.State, p)
			}
		})
	}
}

// A replica goes on to apply after the plan was made, until it is stopped: what it says
// of data that is gone is more than what it held by the record. It is not taken for full.
func TestAnEmptiedNodeMayHaveHeldMore(t *testing.T) {
	for name, looks := range map[string][]CloneRun{
		"seen at work":   {{Running: true, Dropped: true}, {Dropped: true, Error: "error 3862"}},
		"seen when over": {{Dropped: true, Error: "error 3862"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := rejoiningSet().seeing(replica("c", "a").has("a:1-90 c:1-2").clonable())
			Project(s.Object, s.State, Plan(s.Input))
			hollow := func(run CloneRun) *node { return server("c").has("a:1-100 c:1-2").fenced().copies("b", run) }
			for _, run := range append(looks, looks[len(looks)-1]) {
				s.seeing(hollow(run))
				Project(s.Object, s.State, Plan(s.Input))
			}
			r := s.Object.Status.Topology["c"].Clone
			if r == nil || r.State != v1alpha1.MysqlCloneFailed || !r.Emptied {
				t.Fatalf("record: %+v", r)
			}
			// Nor is it a candidate.
			s.Object.Spec.Source.Name, s.Object.Spec.Source.Host, s.Object.Spec.Replica[1].Name, s.Object.Spec.Replica[1].Host = "c", "c", "a", "a"
			s.seeing(source("a").unseen().silentFor(time.Minute))
			if p := Plan(s.Input); p.Data.Switchover != nil || !strings.Contains(p.Conditions[0].Message, "CandidateCloning") {
				t.Errorf("planned: %+v, %+v", p.Data.Switchover, p.Conditions[0])
			}
		})
	}
}

// A node that left the spec is remembered as long as what it says of its data is wrong.
func TestALeavingNodeThatIsEmptiedIsRemembered(t *testing.T) {
	for name, test := range map[string]struct {
		state v1alpha1.MysqlCloneState
		node  *node
		drop  bool
	}{
		"at work":        {v1alpha1.MysqlCloneInProgress, server("c").has("a:1-100").halfFenced().copies("b", CloneRun{Running: true}), false},
		"emptied":        {v1alpha1.MysqlCloneFailed, server("c").has("a:1-100").fenced().clonable(), false},
		"says so itself": {v1alpha1.MysqlCloneFailed, server("c").fenced().clonable(), true},
		"in order":       {v1alpha1.MysqlCloneCompleted, server("c").has("a:1-100").fenced().clonable(), true},
	} {
		t.Run(name, func(t *testing.T) {
			s := given("a", "b").knowing("a", "a", "b", "c").rejoining().cloned("c", "b", test.state, func(r *v1alpha1.MysqlCloneStatus) { r.Emptied = test.state == v1alpha1.MysqlCloneFailed }).
				seeing(source("a"), replica("b", "a"), test.node)
			if drop := Plan(s.Input).Data.Drop["c"]; drop != test.drop {
				t.Errorf("dropped: %t", drop)
			}
		})
	}
}

func TestSameSeries(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"9.7.4-2", "9.7.4-2"}: true, {"9.7.0", "9.7.4"}: true, {"8.4.0", "9.7.0"}: false, {"8.0.36", "8.0.36"}: true,
		{"8.0.36", "8.0.37"}: false, {"8.0.37", "8.0.42"}: true, {"", "9.7.0"}: false,
	} {
		if got := sameSeries(pair[0], pair[1]); got != want {
			t.Errorf("%v: %t", pair, got)
		}
	}
}

// The predicates see what is wrong with a clone before anybody acts.
func TestLawsFindBadClones(t *testing.T) {
	alter := func(f func(*Clone)) func(*scene, *reconcile.Plan[Data]) {
		return func(_ *scene, p *reconcile.Plan[Data]) {
			change(p, func(a reconcile.Action) reconcile.Action {
				if do, is := a.(Clone); is {
					f(&do)
					return do
				}
				return a
			})
		}
	}
	for name, spoil := range map[string]func(*scene, *reconcile.Plan[Data]){
		"nobody asked for it":     func(s *scene, _ *reconcile.Plan[Data]) { s.Object.Spec.RejoinPolicy = "" },
		"it is not written":       func(_ *scene, p *reconcile.Plan[Data]) { p.Persist = false },
		"it is not on record":     func(_ *scene, p *reconcile.Plan[Data]) { delete(p.Data.Clones, "c") },
		"the record says less":    func(_ *scene, p *reconcile.Plan[Data]) { p.Data.Clones["c"].DiscardedCount = 1 },
		"the source is spent":     alter(func(do *Clone) { do.Donor = "a" }),
		"the source is made anew": alter(func(do *Clone) { do.On = "a" }),
		"the donor is made anew":  alter(func(do *Clone) { do.On = "b" }),
		"less is announced":       alter(func(do *Clone) { do.Discards = set("c:1") }),
		"another server":          alter(func(do *Clone) { do.UUID = uuidOf("d") }),
		"another source":          alter(func(do *Clone) { do.SourceUUID = uuidOf("d") }),
		"the source is unseen":    func(s *scene, _ *reconcile.Plan[Data]) { s.seeing(source("a").unseen()) },
		"the source is read-only": func(s *scene, _ *reconcile.Plan[Data]) { s.State.Nodes["a"].ReadOnly = true },
		"the source lost it":      func(s *scene, _ *reconcile.Plan[Data]) { s.State.Nodes["a"].Executed = set("a:1-50") },
		"the node takes writes":   func(s *scene, _ *reconcile.Plan[Data]) { s.State.Nodes["c"].SuperReadOnly = false },
		"the donor is diverged":   func(s *scene, _ *reconcile.Plan[Data]) { s.State.Nodes["b"].Executed = set("a:1-100 b:1") },
	} {
		t.Run(name, func(t *testing.T) {
			s := rejoiningSet().seeing(errantC())
			p := Plan(s.Input)
			if broken := brokenLaws(s.Input, p); len(broken) > 0 {
				t.Fatalf("the plan is bad already: %v", broken)
			}
			spoil(s, &p)
			if len(brokenLaws(s.Input, p)) == 0 {
				t.Error("nothing is found")
			}
		})
	}
}
