// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"cmp"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

func TestPlanSetUp(t *testing.T) {
	runRows(t, []row{
		{
			name:  "fresh set",
			scene: given("a", "b", "c").seeing(fresh("a"), fresh("b"), fresh("c")),
			steps: []string{
				"persist",
				"fence-extra: fence b kill persist release, fence c kill persist release",
				"attach: attach b to a, attach c to a (optional)",
				"route: {a=rw b=- c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "fresh set, semi-sync",
			scene: given("a", "b").semiSync().seeing(fresh("a").plugins(), fresh("b").plugins()),
			steps: []string{
				"persist",
				"fence-extra: fence b kill persist release",
				"source-settings: settle a semi",
				"attach: attach b to a semi (optional)",
				"route: {a=rw b=-}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "fresh set, semi-sync, plugins missing",
			scene: given("a", "b").semiSync().seeing(fresh("a"), fresh("b")),
			steps: []string{
				"persist",
				"fence-extra: fence b kill persist release",
				"attach: attach b to a (optional)",
				"route: {a=rw b=-}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "fresh set with an isolated node",
			scene: given("a", "b", "c!").seeing(fresh("a"), fresh("b"), fresh("c")),
			steps: []string{
				"persist",
				"fence-extra: fence b kill persist release, fence c kill persist release",
				"attach: attach b to a (optional)",
				"detach: detach c (optional)",
				"route: {a=rw b=- c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "a source alone",
			scene: given("a").seeing(fresh("a")),
			steps: []string{
				"persist",
				"route: {a=rw}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "a source alone, read-only",
			scene: given("a").seeing(fresh("a").fenced()),
			steps: []string{
				"persist",
				"source-settings: writable a",
				"route: ",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "the source holds data",
			scene: given("a", "b").seeing(fresh("a").has("a:1-9"), fresh("b")),
			steps: []string{
				"persist",
				"fence-extra: fence b kill persist release",
				"attach: attach b to a (optional)",
				"route: {a=rw b=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "the source has purged what an empty node needs",
			scene: given("a", "b").seeing(fresh("a").has("a:1-9").hasPurged("a:1-5"), fresh("b")),
			steps: []string{
				"persist",
				"fence-extra: fence b kill persist release",
				"route: {a=rw b=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:   "waits for a node that is not seen",
			scene:  given("a", "b", "c").seeing(fresh("a"), fresh("b"), fresh("c").unseen()),
			steps:  nil,
			reason: "WaitingForNodes", source: "none",
		},
		{
			name:   "waits for the source",
			scene:  given("a", "b").seeing(fresh("a").unseen(), fresh("b")),
			steps:  nil,
			reason: "WaitingForNodes", source: "none",
		},
		{
			name:   "waits for a node that answers with an error",
			scene:  given("a", "b").seeing(fresh("a"), fresh("b").failing()),
			steps:  nil,
			reason: "WaitingForNodes", source: "none",
		},
		{
			name:   "an isolated node must be seen, too",
			scene:  given("a", "b", "c!").seeing(fresh("a"), fresh("b"), fresh("c").unseen()),
			steps:  nil,
			reason: "WaitingForNodes", source: "none",
		},
		{
			name:   "another node has data",
			scene:  given("a", "b").seeing(fresh("a"), fresh("b").has("b:1-3")),
			steps:  nil,
			reason: "SourceLacksTransactions", source: "none",
		},
		{
			name:   "both have data",
			scene:  given("a", "b").seeing(fresh("a").has("a:1-3"), fresh("b").has("b:1-3")),
			steps:  nil,
			reason: "SourceLacksTransactions", source: "none",
		},
		{
			name:   "an idle relay log counts as data",
			scene:  given("a", "b").seeing(fresh("a"), fresh("b").follows("z").stopped().received("c:1-3")),
			steps:  nil,
			reason: "SourceLacksTransactions", source: "none",
		},
		{
			name:  "an isolated node may have data",
			scene: given("a", "b!").seeing(fresh("a"), fresh("b").has("b:1-3")),
			steps: []string{
				"persist",
				"fence-extra: fence b kill persist release",
				"detach: detach b keep (optional)",
				"route: {a=rw b=-}",
			},
			reason: "ReplicaDiverged",
		},
		{
			name:  "adopts a set that replicates",
			scene: given("a", "b", "c").seeing(source("a"), replica("b", "a"), replica("c", "a")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "adopts a set whose source is not seen",
			scene: given("a", "b").seeing(source("a").unseen(), replica("b", "a")),
			steps: []string{
				"route: {b=ro}",
			},
			reason: "SourceUnreachable",
		},
		{
			name:  "adopts a set with another source than the spec's, and switches over",
			scene: given("b", "a", "c").seeing(source("a"), replica("b", "a"), replica("c", "a")),
			steps: []string{
				"persist",
				"arm: arm a (optional)",
				"drain: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverInProgress", record: "a>b Preparing", source: "a",
		},
		{
			name:  "adopts the head of a chain",
			scene: given("a", "b", "c").seeing(source("a"), replica("b", "a"), replica("c", "b")),
			steps: []string{
				"attach: attach c to a (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "adopts a set whose channels have other addresses, and points them at the spec's",
			scene: given("a", "b", "c").seeing(source("a"), replica("b", "a").through("10.0.0.1"), replica("c", "a").through("a.ns.svc")),
			steps: []string{
				"attach: attach b to a, attach c to a (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:   "a channel with another address that is not connected leads nowhere",
			scene:  given("a", "b").seeing(source("a"), replica("b", "a").through("10.0.0.1").threads(ThreadConnecting, ThreadYes)),
			steps:  nil,
			reason: "TopologyAmbiguous", source: "none",
		},
		{
			name:   "two heads are ambiguous",
			scene:  given("a", "b", "c", "d").seeing(source("a"), replica("b", "a"), source("c").has("c:1-3"), replica("d", "c")),
			steps:  nil,
			reason: "TopologyAmbiguous", source: "none",
		},
		{
			name:   "a circle is ambiguous",
			scene:  given("a", "b").seeing(source("a").follows("b"), replica("b", "a")),
			steps:  nil,
			reason: "TopologyAmbiguous", source: "none",
		},
		{
			name:   "a node follows a stranger",
			scene:  given("a", "b").seeing(fresh("a"), replica("b", "z")),
			steps:  nil,
			reason: "TopologyAmbiguous", source: "none",
		},
		{
			name:   "the wanted source follows a stranger",
			scene:  given("a", "b").seeing(replica("a", "z"), fresh("b")),
			steps:  nil,
			reason: "TopologyAmbiguous", source: "none",
		},
		{
			name:  "somebody failed over by hand and left the channel: the node that takes the writes is the source",
			scene: given("b", "a", "c").seeing(promotedByHand(), server("a").has("a:1-100"), replica("c", "b").has("a:1-100 b:1-50")),
			steps: []string{
				"fence-extra: fence a kill persist release",
				"source-settings: settle b",
				"attach: attach a to b (optional)",
				"route: {a=- b=rw c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "the same, and the old source is read-only",
			scene: given("b", "a", "c").seeing(promotedByHand(), server("a").has("a:1-100").fenced(), replica("c", "b").has("a:1-100 b:1-50")),
			steps: []string{
				"source-settings: settle b",
				"attach: attach a to b (optional)",
				"route: {a=- b=rw c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "the same, and the old source is not seen",
			scene: given("b", "a", "c").seeing(promotedByHand(), server("a").unseen(), replica("c", "b").has("a:1-100 b:1-50")),
			steps: []string{
				"source-settings: settle b",
				"route: {b=rw c=ro}",
			},
			reason: "NodeUnreachable",
		},
		{
			name:  "failed over by hand, two nodes",
			scene: given("b", "a").seeing(promotedByHand(), server("a").has("a:1-100")),
			steps: []string{
				"persist",
				"fence-extra: fence a kill persist release",
				"source-settings: settle b",
				"attach: attach a to b (optional)",
				"route: {a=- b=rw}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "failed over by hand, two nodes, the old source is read-only",
			scene: given("b", "a").seeing(promotedByHand(), server("a").has("a:1-100").fenced()),
			steps: []string{
				"persist",
				"source-settings: settle b",
				"attach: attach a to b (optional)",
				"route: {a=- b=rw}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:   "failed over by hand, and the spec names the old source",
			scene:  given("a", "b").seeing(promotedByHand(), server("a").has("a:1-100")),
			steps:  nil,
			reason: "SourceLacksTransactions", source: "none",
		},
		{
			name:   "failed over by hand, and the old source takes writes as well",
			scene:  given("b", "a", "c").seeing(promotedByHand(), server("a").has("a:1-103"), replica("c", "b").has("a:1-100 b:1-50")),
			steps:  nil,
			reason: "TopologyAmbiguous", source: "none", message: "a takes writes too and holds 3 transaction(s) that b lacks",
		},
		{
			name:   "failed over by hand, and its replication was never stopped",
			scene:  given("b", "a").seeing(server("b").has("a:1-100 b:1-50").follows("a"), server("a").has("a:1-100").fenced()),
			steps:  nil,
			reason: "TopologyAmbiguous", source: "none", message: "If it is b, end its replication",
		},
		{
			name:   "failed over by hand, half of the others follow the old source, which is not seen",
			scene:  given("a", "b", "c").seeing(promotedByHand(), server("a").unseen(), replica("c", "a")),
			steps:  nil,
			reason: "TopologyAmbiguous", source: "none", message: "b takes writes too and has committed transactions of its own, and a is not seen",
		},
		{
			name:  "a replica that takes writes and has taken none is adopted with its source",
			scene: given("a", "b", "c").seeing(source("a"), replica("b", "a").writable().has("a:1-101"), replica("c", "a")),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "a replica that takes writes and was stopped is adopted with its source",
			scene: given("a", "b", "c").seeing(source("a"), server("b").has("a:1-90").follows("a").stopped(), replica("c", "a")),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"attach: attach b to a (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:   "two nodes are one server",
			scene:  given("a", "b").seeing(fresh("a"), fresh("b").uuid("a")),
			steps:  nil,
			reason: "DuplicateServer", source: "none",
		},
		{
			name:   "GTIDs are off somewhere",
			scene:  given("a", "b").seeing(fresh("a"), fresh("b").withoutGTID()),
			steps:  nil,
			reason: "GTIDRequired", source: "none",
		},
		{
			name:  "GTIDs are off on a running set",
			scene: given("a", "b").seeing(source("a").withoutGTID(), replica("b", "a")),
			steps: []string{
				"route: {a=rw b=ro}",
			},
			reason: "GTIDRequired",
		},
		{
			name:   "a source that others follow was made anew before anybody wrote down who it is",
			scene:  given("a", "b", "c").seeing(fresh("a"), replica("b", "a").has("d:1-100"), replica("c", "a").has("d:1-100")),
			steps:  nil,
			reason: "SourceLacksTransactions", source: "none",
			message: "b replicates from a and holds 100 transaction(s) that a lacks",
		},
		{
			name:   "it was made anew from an old copy",
			scene:  given("a", "b").seeing(fresh("a").has("a:1-3 d:1-50"), replica("b", "a").has("a:1-3 d:1-50").received("d:1-100")),
			steps:  nil,
			reason: "SourceLacksTransactions", source: "none",
		},
		{
			name:   "it was made anew, and not all nodes are seen, and another source is wanted",
			scene:  given("b", "a", "c").seeing(fresh("a"), replica("b", "a").has("d:1-100"), replica("c", "a").unseen()),
			steps:  nil,
			reason: "SourceLacksTransactions", source: "none",
		},
		{
			name:   "it is empty, and what a node holds is that node's own of when it was the source",
			scene:  given("a", "b").seeing(fresh("a"), replica("b", "a").has("b:1-100")),
			steps:  nil,
			reason: "SourceLacksTransactions", source: "none",
		},
		{
			name:   "skip routes to none that was made anew",
			scene:  given("a", "b").skipping().seeing(fresh("a"), replica("b", "a").has("d:1-100")),
			steps:  nil,
			reason: "SourceLacksTransactions", source: "none",
		},
		{
			name:  "it was found while it was not seen, and comes back made anew",
			scene: foundUnseen(given("a", "b").seeing(fresh("a"), replica("b", "a").has("d:1-100"))),
			steps: []string{
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "SourceLostData", message: "before unknown",
		},
		{
			name:  "it was found while it was not seen, comes back made anew, and another is wanted",
			scene: foundUnseen(given("b", "a").knowing("a", "a", "b").seeing(fresh("a"), replica("b", "a").has("d:1-100"))),
			steps: []string{
				"persist",
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name:  "that failover goes on",
			scene: foundUnseen(given("b", "a").knowing("a", "a", "b").failover("a", "b", v1alpha1.SwitchoverSwitching).seeing(fresh("a").fenced(), replica("b", "a").has("d:1-100").threads(ThreadNo, ThreadYes))),
			steps: []string{
				"unroute: {a=-}",
				"promote: promote b after d:1-100 failover",
				"repoint: attach a to b (background)",
				"route: {a=- b=rw}",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name:  "it was found while it was not seen, and is what it was",
			scene: foundUnseen(given("a", "b").seeing(source("a"), replica("b", "a"))),
			steps: []string{
				"route: {a=rw b=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "a replica with writes of its own is adopted with its source",
			scene: given("a", "b").seeing(source("a"), replica("b", "a").has("a:1-100 b:1-3")),
			steps: []string{
				"route: {a=rw b=-}",
			},
			reason: "ReplicaDiverged",
		},
		{
			name:  "the first commits of an empty source wait for an acknowledgement",
			scene: given("a", "b").semiSync().seeing(source("a").waits().has(""), replica("b", "a").acks().has("").received("a:1-2")),
			steps: []string{
				"route: {a=rw b=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:   "skip chooses no source",
			scene:  given("a", "b").skipping().seeing(fresh("a"), fresh("b")),
			steps:  nil,
			reason: "ReplicaNotReady", source: "none",
		},
		{
			name:  "skip routes to what is observed",
			scene: given("a", "b").skipping().seeing(source("a"), replica("b", "a")),
			steps: []string{
				"route: {a=rw b=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:   "waiting nodes are not observed at all",
			scene:  given("a", "b"),
			steps:  nil,
			reason: "WaitingForNodes", source: "none",
		},
	})
}

// promotedByHand is b, to which somebody failed over from a: STOP REPLICA, read_only=OFF.
func promotedByHand() *node {
	return server("b").has("a:1-100 b:1-50").follows("a").stopped()
}

// foundUnseen: the source was found by who follows it, and its server_uuid was not seen.
func foundUnseen(s *scene) *scene {
	s.Object.Status.Source, s.Object.Status.SourceUUID = cmp.Or(s.Object.Status.Source, s.Object.Spec.Source.Name), ""
	return s
}
