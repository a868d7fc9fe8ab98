// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/grants"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// steadySet is a set in order: a is the source of b and c.
func steadySet() *scene {
	return given("a", "b", "c").knowing("a", "a", "b", "c").seeing(source("a"), replica("b", "a"), replica("c", "a"))
}

// steadySemiSet is the same with semi-sync.
func steadySemiSet() *scene {
	return steadySet().semiSync().seeing(source("a").waits(), replica("b", "a").acks(), replica("c", "a").acks())
}

func TestPlanSteady(t *testing.T) {
	runRows(t, []row{
		{
			name:  "one that is kept apart is held, for administrators and across a restart too",
			scene: steadySet().seeing(replica("b", "a").has("a:1-100 b:1").halfFenced(), replica("c", "a").has("a:1-100 c:1").unpersisted()),
			steps: []string{
				"hold-read-only: fence b kill persist release, fence c kill persist release (optional)",
				"route: {a=rw b=- c=-}",
			},
			reason: "ReplicaDiverged",
		},
		{
			name:  "in order",
			scene: steadySet(),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "a failover has ended, and the old source, which is not seen, has its label still: it goes before clients are led here",
			scene: steadySet().seeing(source("a").labelled(""), server("c").unseen().labelled("false")),
			steps: []string{
				"unroute: {c=-}",
				"route: {a=rw b=ro c=-}",
			},
			reason: "NodeUnreachable",
		},
		{
			name:  "the same with skip",
			scene: steadySet().seeing(source("a").labelled(""), server("c").unseen().labelled("false")).skipping(),
			steps: []string{
				"unroute: {c=-}",
				"route: {a=rw b=ro c=-}",
			},
			reason: "NodeUnreachable",
		},
		{
			name:  "another has the label and takes writes, and skip keeps it from being fenced: first its label goes",
			scene: steadySet().seeing(source("a").labelled(""), replica("c", "a").writable().labelled("false")).skipping(),
			steps: []string{
				"unroute: {c=-}",
				"route: {a=rw b=ro c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "the same, and a privilege is missing for its fence",
			scene: steadySet().seeing(source("a").labelled(""), replica("c", "a").writable().labelled("false").lacks(grants.SystemVariablesAdmin)),
			steps: []string{
				"unroute: {c=-}",
				"route: {a=rw b=ro c=-}",
			},
			reason: "PrivilegeMissing",
		},
		{
			name:  "the same, and GTIDs are off, so that nothing is done to any server",
			scene: steadySet().seeing(source("a").labelled(""), replica("b", "a").withoutGTID(), replica("c", "a").writable().labelled("false")),
			steps: []string{
				"unroute: {c=-}",
				"route: {a=rw b=ro c=-}",
			},
			reason: "GTIDRequired",
		},
		{
			name:  "the same without GTIDs",
			scene: steadySet().seeing(source("a").labelled(""), replica("b", "a").withoutGTID(), server("c").unseen().labelled("false")),
			steps: []string{
				"unroute: {c=-}",
				"route: {a=rw b=ro c=-}",
			},
			reason: "GTIDRequired",
		},
		{
			name:  "in order, semi-sync",
			scene: steadySemiSet(),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "one that was led ahead of a switchover comes back, and readers notice nothing",
			scene: steadySemiSet().seeing(replica("c", "b").acks()),
			steps: []string{
				"attach: attach c to a semi (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "one that was led ahead has what the source has still to commit: that is not errant",
			scene: steadySemiSet().seeing(replica("b", "a").acks().has("a:1-101"), replica("c", "b").acks().has("a:1-101")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "one that follows a replica whose replication has stopped",
			scene: steadySemiSet().seeing(replica("b", "a").acks().stopped(), replica("c", "b").acks()),
			steps: []string{
				"attach: attach c to a semi (optional)",
				"restart-replication: start b (optional)",
				"route: {a=rw b=- c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "replica stopped",
			scene: steadySet().seeing(replica("b", "a").stopped()),
			steps: []string{
				"restart-replication: start b (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "receiver stopped",
			scene: steadySet().seeing(replica("b", "a").threads(ThreadNo, ThreadYes)),
			steps: []string{
				"restart-replication: start b (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "applier stopped",
			scene: steadySet().seeing(replica("b", "a").threads(ThreadYes, ThreadNo)),
			steps: []string{
				"restart-replication: start b (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "receiver connecting",
			scene: steadySet().seeing(replica("b", "a").threads(ThreadConnecting, ThreadYes)),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "applier error is not hidden by a restart",
			scene: steadySet().seeing(replica("b", "a").sqlError(1062)),
			steps: []string{
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "receiver error is retried",
			scene: steadySet().seeing(replica("b", "a").ioError(1236).threads(ThreadNo, ThreadYes)),
			steps: []string{
				"restart-replication: start b (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "password refused",
			scene: steadySet().seeing(replica("b", "a").ioError(1045)),
			steps: []string{
				"renew-password: attach b to a renew (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "password refused, receiver given up",
			scene: steadySet().seeing(replica("b", "a").ioError(1045).threads(ThreadNo, ThreadYes)),
			steps: []string{
				"renew-password: attach b to a renew (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "replica follows another",
			scene: steadySet().seeing(replica("b", "z")),
			steps: []string{
				"attach: attach b to a (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "replica follows another and holds more in its relay log",
			scene: steadySet().seeing(replica("b", "z").received("c:1-5")),
			steps: []string{
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "replica follows the source under another address",
			scene: steadySet().seeing(replica("b", "a").through("10.0.0.1").received("a:1-100")),
			steps: []string{
				"attach: attach b to a (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "replica follows the source under another address and needs what that has purged: left as it is",
			scene: steadySet().seeing(source("a").hasPurged("a:1-95"), replica("b", "a").has("a:1-90").through("10.0.0.1").received("a:91-100")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "the name of another replica has led to the source",
			scene: steadySet().seeing(misled("b", "c", "a")),
			steps: []string{
				"attach: attach b to a (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "the source's name has led to another replica",
			scene: steadySet().seeing(misled("b", "a", "c")),
			steps: []string{
				"attach: attach b to a (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "the source's name has led to a replica that is not seen",
			scene: steadySet().seeing(misled("b", "a", "c"), server("c").unseen()),
			steps: []string{
				"attach: attach b to a (optional)",
				"route: {a=rw b=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "a member's address counts more than a uuid that is nobody's",
			scene: steadySet().seeing(misled("b", "a", "d")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "replica by position",
			scene: steadySet().seeing(replica("b", "a").byPosition()),
			steps: []string{
				"attach: attach b to a (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "replica is behind",
			scene: steadySet().seeing(replica("b", "a").has("a:1-50").lag(100)),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "replica has errant transactions",
			scene: steadySet().seeing(replica("b", "a").has("a:1-100 b:1-2")),
			steps: []string{
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaDiverged",
		},
		{
			name:  "unattached node has errant transactions",
			scene: steadySet().seeing(replica("b", "a").unattached().has("b:1-2")),
			steps: []string{
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaDiverged",
		},
		{
			name:  "a fresh node needs what the source has purged",
			scene: steadySet().seeing(source("a").hasPurged("a:1-50"), fresh("b")),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "replica was made anew",
			scene: steadySet().seeing(fresh("b")),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"attach: attach b to a (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "replica was made writable",
			scene: steadySet().seeing(replica("b", "a").writable()),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"attach: attach b to a (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "replica is half fenced",
			scene: steadySet().seeing(replica("b", "a").halfFenced()),
			steps: []string{
				"attach: attach b to a (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "replica is not fenced for its next start",
			scene: steadySet().seeing(replica("b", "a").unpersisted()),
			steps: []string{
				"attach: attach b to a (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "replica not seen",
			scene: steadySet().seeing(replica("b", "a").unseen()),
			steps: []string{
				"route: {a=rw c=ro}",
			},
			reason: "NodeUnreachable",
		},
		{
			name:  "replica answers with an error",
			scene: steadySet().seeing(replica("b", "a").failing().labelled("")),
			steps: []string{
				"route: {a=rw c=ro}",
			},
			reason: "NodeUnreachable",
		},
		{
			name:  "replica not seen, routed for writes still",
			scene: steadySet().seeing(replica("b", "a").unseen().labelled("false")),
			steps: []string{
				"unroute: {b=-}",
				"route: {a=rw b=- c=ro}",
			},
			reason: "NodeUnreachable",
		},
		{
			name:  "source is read-only",
			scene: steadySet().seeing(source("a").fenced()),
			steps: []string{
				"source-settings: writable a",
				"route: {b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "source is half fenced",
			scene: steadySet().seeing(source("a").halfFenced()),
			steps: []string{
				"source-settings: writable a",
				"route: {b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "source will be fenced at its next start",
			scene: steadySet().seeing(source("a").armed()),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "source has a stale channel",
			scene: steadySet().seeing(source("a").follows("b").stopped()),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "source has an unexecuted relay log",
			scene: steadySet().seeing(source("a").follows("b").stopped().received("b:1-2")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "source replicates from a member",
			scene: steadySet().seeing(source("a").fenced().follows("b")),
			steps: []string{
				"detach-source: detach a",
				"source-settings: writable a",
				"route: {b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "writable source replicates from a member",
			scene: steadySet().seeing(source("a").follows("b")),
			steps: []string{
				"detach-source: detach a",
				"source-settings: writable a",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "read-only source has received more from a member than it has executed",
			scene: steadySet().seeing(source("a").fenced().follows("b").received("b:1-3")),
			steps: []string{
				"source-settings: promote a after a:1-100 b:1-3 failover",
				"route: {b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "read-only source has received more, its applier is stopped",
			scene: steadySet().seeing(source("a").fenced().follows("b").received("b:1-3").stopped()),
			steps: []string{
				"source-settings: start a",
				"route: {b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "read-only source has received more and is forced",
			scene: steadySet().forcing("a").seeing(source("a").fenced().follows("b").received("b:1-3")),
			steps: []string{
				"detach-source: detach a keep",
				"source-settings: writable a",
				"route: {b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "writable source has received more from a member",
			scene: steadySet().seeing(source("a").follows("b").received("b:1-3")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "writable source was forced and left a relay log",
			scene: steadySet().seeing(source("a").armed().follows("b").received("b:1-3").stopped()),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "read-only source lacks what the source before the failover had",
			scene: steadySet().failedOver("c", "a").seeing(source("a").fenced(), replica("b", "a").has("a:1-100 c:1-2")),
			steps: []string{
				"source-settings: writable a",
				"route: {b=- c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "source replicates from a stranger",
			scene: steadySet().seeing(source("a").follows("z")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "read-only source replicates from a stranger",
			scene: steadySet().seeing(source("a").fenced().follows("z")),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "read-only source lacks transactions of a third",
			scene: steadySet().seeing(source("a").fenced(), replica("b", "a").has("a:1-100 d:1-2")),
			steps: []string{
				"route: {b=- c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "read-only source lacks what the source before the failover before the last switchover had",
			scene: steadySet().failedOver("d", "c").switchedOver("c", "a").seeing(source("a").fenced(), replica("b", "d").has("a:1-100 d:1-2")),
			steps: []string{
				"source-settings: writable a",
				"route: {b=- c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "read-only source lacks what another was reported to have of its own",
			scene: steadySet().reported("c", "d:1-2").seeing(source("a").fenced(), replica("b", "a").has("a:1-100 d:1-2")),
			steps: []string{
				"source-settings: writable a",
				"route: {b=- c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "read-only source lacks a replica's own writes",
			scene: steadySet().seeing(source("a").fenced(), replica("b", "a").has("a:1-100 b:1-2")),
			steps: []string{
				"source-settings: writable a",
				"route: {b=- c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "read-only source lacks transactions and is forced",
			scene: steadySet().forcing("a").seeing(source("a").fenced(), replica("b", "a").has("a:1-100 d:1-2")),
			steps: []string{
				"source-settings: writable a",
				"route: {b=- c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "another takes writes and others follow it while the source is read-only: it is not fenced for that",
			scene: steadySet().seeing(source("a").fenced(), server("b").has("a:1-100 b:1-50"), replica("c", "b").has("a:1-100 b:1-50")),
			steps: []string{
				"route: {b=- c=-}",
			},
			reason: "SourceNotReady", message: "To keep them make b spec.source and then stop the pod of a",
		},
		{
			name:  "the same, and a node that has no part in it takes writes: that one is fenced",
			scene: given("a", "b", "c", "d").knowing("a", "a", "b", "c", "d").seeing(source("a").fenced(), server("b").has("a:1-100 b:1-50"), replica("c", "b").has("a:1-100 b:1-50"), server("d").has("a:1-100")),
			steps: []string{
				"fence-extra: fence d kill persist release",
				"attach: attach d to a (optional)",
				"route: {b=- c=- d=-}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "the same, and the user gives it up",
			scene: steadySet().forcing("a").seeing(source("a").fenced(), server("b").has("a:1-100 b:1-50"), replica("c", "b").has("a:1-100 b:1-50")),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"source-settings: writable a",
				"route: {b=- c=-}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "source not seen",
			scene: steadySet().seeing(source("a").unseen()),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "SourceUnreachable",
		},
		{
			name:  "source not seen, a replica is writable",
			scene: steadySet().seeing(source("a").unseen(), replica("b", "a").writable()),
			steps: []string{
				"fence-extra: fence b kill persist release (optional)",
				"route: {b=- c=ro}",
			},
			reason: "SourceUnreachable",
		},
		{
			name:  "source not seen, replicas stopped",
			scene: steadySet().seeing(source("a").unseen(), replica("b", "a").stopped()),
			steps: []string{
				"restart-replication: start b (optional)",
				"route: {b=- c=ro}",
			},
			reason: "SourceUnreachable",
		},
		{
			name:  "source answers with an error",
			scene: steadySet().seeing(source("a").failing()),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "SourceAnswersWithError",
		},
		{
			name:  "source came back empty under another uuid",
			scene: steadySet().seeing(fresh("a").uuid("e").labelled("false")),
			steps: []string{
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "SourceLostData",
		},
		{
			name:  "source came back empty, a replica not seen",
			scene: steadySet().seeing(fresh("a").uuid("e"), replica("b", "a").unseen()),
			steps: []string{
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "SourceLostData",
		},
		{
			name:  "source came back with all data under another uuid",
			scene: steadySet().seeing(source("a").uuid("e")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "source came back empty beside an isolated node",
			scene: given("a", "b!").knowing("a", "a", "b").seeing(fresh("a").uuid("e"), replica("b", "a").unattached().labelled("")),
			steps: []string{
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "SourceLostData",
		},
		{
			name:  "isolated node runs",
			scene: given("a", "b", "c!").knowing("a", "a", "b", "c").seeing(source("a"), replica("b", "a"), replica("c", "a")),
			steps: []string{
				"detach: detach c (optional)",
				"route: {a=rw b=ro c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "isolated node holds a relay log that the source lacks",
			scene: given("a", "b!").knowing("a", "a", "b").seeing(source("a"), replica("b", "a").received("c:1-3")),
			steps: []string{
				"detach: detach b keep (optional)",
				"route: {a=rw b=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "isolated node is detached",
			scene: given("a", "b!").knowing("a", "a", "b").seeing(source("a"), replica("b", "a").unattached().labelled("")),
			steps: []string{
				"route: {a=rw b=-}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "isolated node is kept with its relay log",
			scene: given("a", "b!").knowing("a", "a", "b").seeing(source("a"), replica("b", "a").stopped().received("c:1-3").labelled("")),
			steps: []string{
				"route: {a=rw b=-}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "isolated node is writable",
			scene: given("a", "b!").knowing("a", "a", "b").seeing(source("a"), replica("b", "a").unattached().writable()),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"detach: detach b (optional)",
				"route: {a=rw b=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "isolated node comes back",
			scene: steadySet().seeing(replica("b", "a").unattached().labelled("")),
			steps: []string{
				"attach: attach b to a (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "node left the spec",
			scene: given("a", "b").knowing("a", "a", "b", "c").seeing(source("a"), replica("b", "a"), replica("c", "a")),
			steps: []string{
				"route: {a=rw b=ro c=-}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "node left the spec, semi-sync",
			scene: given("a", "b").semiSync().knowing("a", "a", "b", "c").seeing(source("a").waits(), replica("b", "a").acks(), replica("c", "a").acks()),
			steps: []string{
				"replica-settings: semi-sync c (optional)",
				"route: {a=rw b=ro c=-}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "node left the spec, and its receiver goes on to acknowledge",
			scene: given("a", "b").semiSync().knowing("a", "a", "b", "c").seeing(source("a").waits(), replica("b", "a").acks(), replica("c", "a").acks().lingering()),
			steps: []string{
				"replica-settings: semi-sync c (optional)",
				"route: {a=rw b=ro c=-}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "node left the spec and is not seen",
			scene: given("a", "b").knowing("a", "a", "b", "c").seeing(source("a"), replica("b", "a"), replica("c", "a").unseen()),
			steps: []string{
				"route: {a=rw b=ro c=-}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "node left the spec and its pod is gone",
			scene: given("a", "b").knowing("a", "a", "b", "c").seeing(source("a"), replica("b", "a"), replica("c", "a").podGone().labelled("")),
			steps: []string{
				"route: {a=rw b=ro c=-}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "mode becomes semi-sync",
			scene: steadySet().semiSync().seeing(source("a").plugins(), replica("b", "a").plugins(), replica("c", "a").plugins()),
			steps: []string{
				"replica-settings: semi-sync b replica, semi-sync c replica (optional)",
				"source-settings: settle a semi",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "mode becomes async",
			scene: steadySet().seeing(source("a").waits(), replica("b", "a").acks(), replica("c", "a").acks()),
			steps: []string{
				"source-settings: settle a",
				"replica-settings: semi-sync b, semi-sync c (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "semi-sync: source does not wait",
			scene: steadySemiSet().seeing(source("a").plugins()),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "semi-sync: the source goes on after ten seconds",
			scene: steadySemiSet().seeing(impatient(func(s *SemiSync) { s.Timeout = 10 * time.Second })),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "semi-sync: the source does not wait as it has been told to",
			scene: steadySemiSet().seeing(impatient(func(s *SemiSync) { s.Timeout = 0 })),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "semi-sync: the source goes on without replicas",
			scene: steadySemiSet().seeing(impatient(func(s *SemiSync) { s.WaitNoReplica = false })),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "semi-sync: the source waits for two",
			scene: steadySemiSet().seeing(impatient(func(s *SemiSync) { s.WaitCount = 2 })),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:   "semi-sync: commits hang, nobody is attached who acknowledges",
			scene:  steadySemiSet().seeing(waitingFor(1, 0)),
			steps:  []string{"route: {a=rw b=ro c=ro}"},
			reason: "CommitsWaitForReplica", message: "commits wait for an acknowledgement",
		},
		{
			name:   "semi-sync: commits are on their way to a replica that is attached",
			scene:  steadySemiSet().seeing(waitingFor(3, 1)),
			steps:  []string{"route: {a=rw b=ro c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name:  "semi-sync: the source has given up waiting",
			scene: steadySemiSet().seeing(source("a").waits().gaveUp()),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SemiSyncInactive",
		},
		{
			name: "semi-sync: the source has given up waiting and a replica is attached: the next acknowledgement mends it",
			scene: steadySemiSet().seeing(func() *node {
				n := source("a").waits().gaveUp()
				n.SemiSync.Clients = 1
				return n
			}()),
			steps:  []string{"route: {a=rw b=ro c=ro}"},
			reason: "SemiSyncInactive",
		},
		{
			name:  "semi-sync: adopted when it had given up waiting already",
			scene: given("a", "b").semiSync().seeing(impatient(func(s *SemiSync) { s.Timeout, s.SourceActive = 10*time.Second, false }), replica("b", "a").acks()),
			steps: []string{
				"source-settings: settle a semi",
				"route: {a=rw b=ro}",
			},
			reason: "SemiSyncInactive",
		},
		{
			name:  "semi-sync: one replica does not acknowledge",
			scene: steadySemiSet().seeing(replica("b", "a").plugins()),
			steps: []string{
				"replica-settings: semi-sync b replica (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "semi-sync: one replica lacks the plugin",
			scene: steadySemiSet().seeing(replica("b", "a")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "semi-sync: all replicas lack the plugin",
			scene: steadySemiSet().seeing(source("a").plugins(), replica("b", "a"), replica("c", "a")),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "semi-sync: all replicas lack the plugin and the source waits",
			scene: steadySemiSet().seeing(replica("b", "a"), replica("c", "a")),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "semi-sync: source lacks the plugin",
			scene: steadySemiSet().seeing(source("a"), replica("b", "a").plugins(), replica("c", "a").plugins()),
			steps: []string{
				"replica-settings: semi-sync b replica, semi-sync c replica (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "semi-sync: the source lacks the plugin and receivers are not active",
			scene: steadySemiSet().seeing(source("a"), inactive(replica("b", "a").acks()), inactive(replica("c", "a").acks())),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "semi-sync: no replica left",
			scene: given("a").semiSync().knowing("a", "a").seeing(source("a").waits()),
			steps: []string{
				"source-settings: settle a",
				"route: {a=rw}",
			},
			reason: "SourceNotReady",
		},
		{
			name:  "semi-sync: a replica was a source",
			scene: steadySemiSet().seeing(replica("b", "a").acks().waits()),
			steps: []string{
				"replica-settings: semi-sync b replica (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "somebody else made another node the source",
			scene: steadySet().seeing(replica("a", "b"), source("b"), replica("c", "b")),
			steps: []string{
				"persist",
				"arm: arm b (optional)",
				"drain: {a=- b=rw c=ro}",
			},
			reason: "SwitchoverInProgress", record: "b>a Preparing", source: "b",
		},
		{
			name:  "moved by others and the old one is a moment ahead",
			scene: steadySet().seeing(replica("a", "b").has("a:1-100 b:1-3"), source("b").has("a:1-100 b:1-2"), replica("c", "b").has("a:1-100 b:1")),
			steps: []string{
				"persist",
				"arm: arm b (optional)",
				"drain: {a=- b=rw c=ro}",
			},
			reason: "SwitchoverInProgress", record: "b>a Preparing", source: "b",
		},
		{
			name:  "not moved: the source restarted before it was settled",
			scene: steadySet().seeing(replica("a", "b").has("a:1-100"), source("b").has("a:1-90")),
			steps: []string{
				"unroute: {b=-}",
				"fence-extra: fence b kill persist release",
				"detach-source: detach a",
				"source-settings: writable a",
				"attach: attach b to a (optional)",
				"route: {b=- c=ro}",
			},
			reason: "SourceNotReady",
		},
		{
			name:   "two nodes are one server",
			scene:  steadySet().seeing(replica("c", "a").uuid("b")),
			steps:  nil,
			reason: "DuplicateServer",
		},
		{
			name:  "two nodes were one server and one of them left",
			scene: given("a", "b").knowing("a", "a", "b", "d").seeing(source("a"), replica("b", "a"), replica("d", "a").uuid("b")),
			steps: []string{
				"route: {a=rw b=ro d=-}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "two nodes were one server and one of them left, semi-sync: it acknowledges on",
			scene: given("a", "b").semiSync().knowing("a", "a", "b", "d").seeing(source("a").waits(), replica("b", "a").acks(), replica("d", "a").acks().uuid("b")),
			steps: []string{
				"route: {a=rw b=ro d=-}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "two nodes were one server and both left",
			scene: given("a", "b").knowing("a", "a", "b", "c", "d").seeing(source("a"), replica("b", "a"), replica("c", "a"), replica("d", "a").uuid("c")),
			steps: []string{
				"route: {a=rw b=ro c=- d=-}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:   "a copy that left holds more",
			scene:  given("a", "b").knowing("a", "a", "b", "d").seeing(source("a").unseen(), replica("b", "a").has("a:1-90"), replica("d", "a").uuid("b")),
			steps:  nil,
			reason: "DuplicateServer",
		},
		{
			name:   "a copy of the source is named in its place",
			scene:  given("b", "c").knowing("a", "a", "b", "c").seeing(source("a"), replica("b", "a").uuid("a"), replica("c", "a")),
			steps:  nil,
			reason: "DuplicateServer", source: "a",
		},
		{
			name:  "the source has another name now",
			scene: given("b", "c").knowing("a", "a", "b", "c").seeing(source("a"), source("b").uuid("a").at("a"), replica("c", "a")),
			steps: []string{
				"route: {a=- b=rw c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "the source has another name now and came back empty",
			scene: given("b", "c").knowing("a", "a", "b", "c").seeing(fresh("a").uuid("e"), fresh("b").uuid("e").at("a"), replica("c", "a")),
			steps: []string{
				"route: {b=-}",
				"fence-extra: fence b kill persist release (optional)",
			},
			reason: "SourceLostData",
		},
		{
			name:  "the source has another port than its replicas",
			scene: steadySet().on(3307, "a"),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "a replica has another port than the first",
			scene: steadySet().on(3307, "c"),
			steps: []string{
				"route: {a=rw b=ro c=-}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "GTIDs are off on a replica",
			scene: steadySet().seeing(replica("b", "a").withoutGTID()),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "GTIDRequired",
		},
		{
			name:  "skip",
			scene: steadySet().skipping().seeing(replica("b", "a").stopped(), replica("c", "a").writable()),
			steps: []string{
				"route: {a=rw b=- c=-}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:   "skip: source read-only",
			scene:  steadySet().skipping().seeing(source("a").fenced()),
			steps:  nil,
			reason: "SourceNotReady",
		},
		{
			name:  "skip: source made anew",
			scene: steadySet().skipping().seeing(fresh("a").uuid("e")),
			steps: []string{
				"route: {a=-}",
			},
			reason: "SourceLostData",
		},
	})
}

func TestPlanTellsOfPortsThatDiffer(t *testing.T) {
	told := func(s *scene) (names []string) {
		for _, e := range Plan(s.Input).Events {
			if e.Reason == "PortsDiffer" {
				names = append(names, e.Once)
			}
		}
		return names
	}
	if got := told(steadySet().on(3307, "c")); !slices.Equal(got, []string{"c"}) {
		t.Errorf("told of %v", got)
	}
	if got := told(steadySet().on(3307, "a")); got != nil {
		t.Errorf("told of %v although the source has a Service of its own", got)
	}
}

// misled has the address of one node and the uuid of another.
func misled(name, of, uuid string) *node {
	n := replica(name, of)
	n.Channel.SourceUUID = uuidOf(uuid)
	return n
}

// impatient is a semi-sync source whose settings somebody has changed.
func impatient(change func(*SemiSync)) *node {
	n := source("a").waits()
	change(&n.SemiSync)
	return n
}

// inactive: the receiver runs and does not acknowledge.
func inactive(n *node) *node { n.SemiSync.ReplicaActive = false; return n }

// What another node holds of a source in between is not that node's own: not at the
// first look, and not at the next ones, which read what the first has reported.
func TestAnOvertakenSourceStaysFencedAtEveryLook(t *testing.T) {
	s := given("a", "b", "c").knowing("a", "a", "b", "c").
		seeing(source("a").fenced(), replica("b", "a"), replica("c", "a").has("a:1-100 d:1"))
	for look := range 3 {
		p := Plan(s.Input)
		for _, step := range p.Steps {
			for _, action := range step.Actions {
				if action.Node() == "a" {
					t.Fatalf("look %d: %s on a, while c holds what another source has committed", look, action.About())
				}
			}
			if step.Routing["a"] == reconcile.AccessReadWrite {
				t.Fatalf("look %d: a is routed", look)
			}
		}
		Project(s.Object, s.State, p)
	}
}

// One that has overtaken the source is left as it is while the user decides, and is
// promoted once the old source is stopped: writes are taken all the time.
func TestOneThatHasOvertakenTheSourceTakesWritesAllTheTime(t *testing.T) {
	s := given("b", "a", "c").knowing("a", "a", "b", "c").
		seeing(source("a").fenced(), server("b").has("a:1-100 b:1-50"), replica("c", "b").has("a:1-100 b:1-50").labelled(""))
	for _, look := range []struct {
		reason string
		a      *node
		after  time.Duration
	}{
		{"SwitchoverRefused", source("a").fenced(), 0},
		{"SwitchoverRefused", source("a").fenced(), time.Second},
		{"FailoverInProgress", source("a").unseen(), 2 * time.Second},
		{"FailoverInProgress", source("a").unseen(), 6 * time.Second},
		{"NodeUnreachable", source("a").unseen(), 7 * time.Second},
	} {
		s.seeing(look.a).after(look.after)
		p := Plan(s.Input)
		for _, step := range p.Steps {
			for _, action := range step.Actions {
				if _, fences := action.(FenceSource); fences && action.Node() == "b" {
					t.Fatalf("after %s: %s (%s)", look.after, action.About(), p.Conditions[0].Message)
				}
			}
		}
		for _, broken := range brokenLaws(s.Input, p) {
			t.Errorf("after %s: law broken: %s", look.after, broken)
		}
		if got := p.Conditions[0].Reason; got != look.reason {
			t.Errorf("after %s: %s, not %s: %s", look.after, got, look.reason, p.Conditions[0].Message)
		}
		Project(s.Object, s.State, p)
	}
	if s.Object.Status.Source != "b" {
		t.Errorf("the source is %s", s.Object.Status.Source)
	}
}

// waitingFor is a source with commits that wait for some replicas that are attached.
func waitingFor(commits, replicas int) *node {
	n := source("a").waits()
	n.SemiSync.WaitSessions, n.SemiSync.Clients = commits, replicas
	return n
}

// It is told once, and a switchover does not begin: its fence would wait for the same commits.
func TestPlanTellsThatCommitsHang(t *testing.T) {
	told := func(p reconcile.Plan[Data]) (n int) {
		for _, e := range p.Events {
			if e.Reason == "CommitsWaitForReplica" {
				n++
			}
		}
		return n
	}
	hanging := waitingFor(1, 0)
	if n := told(Plan(steadySemiSet().seeing(hanging).Input)); n != 1 {
		t.Errorf("%d events while commits hang", n)
	}
	if n := told(Plan(steadySemiSet().seeing(waitingFor(1, 1)).Input)); n != 0 {
		t.Errorf("%d events while a commit is on its way", n)
	}
	s := wanting().semiSync().seeing(hanging, replica("b", "a").plugins().ioError(2003), replica("c", "a").plugins().ioError(2003))
	if p := Plan(s.Input); p.Conditions[0].Reason != "SwitchoverRefused" || p.Data.Switchover != nil {
		t.Errorf("a switchover is not refused: %s", p.Conditions[0].Reason)
	}
}

// A server that forgets a fence when it restarts is named, once.
func TestPlanTellsWhoIgnoresWhatIsPersisted(t *testing.T) {
	s := steadySet()
	for want := range 2 {
		told := 0
		for _, e := range Plan(s.Input).Events {
			if e.Reason == "PersistedIgnored" && e.Warning && e.Once == "b" && strings.Contains(e.Message, "persisted_globals_load=ON") {
				told++
			}
		}
		if told != want {
			t.Errorf("told %d times, want %d", told, want)
		}
		s.State.Nodes["b"].IgnoresPersisted = true
	}
}
