// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

const quiet = "a=readwrite b=readonly c=readonly"

// TestPlan has a row for every state that has a name.
func TestPlan(t *testing.T) {
	type s = *situation
	for name, test := range map[string]struct {
		given func(s)
		// do, ways and reason of the plan; says is a part of the condition's message, phase
		// that of the record.
		do, ways, reason, says string
		phase                  v1alpha1.SwitchoverPhase
	}{
		// Steady.
		"as wanted":             {given: func(s) {}, ways: quiet, reason: "TopologyAsWanted"},
		"a replica is detached": {given: func(v s) { v.detached("b") }, do: "attach: follow b", ways: quiet, reason: "ReplicaNotReady"},
		"a replica follows another replica": {
			given: func(v s) { v.follows("c", "b") }, do: "attach: follow c", ways: quiet, reason: "ReplicaNotReady",
		},
		"a replica is not seen": {given: func(v s) { v.silent("b", time.Minute) }, ways: "a=readwrite c=readonly", reason: "ReplicaUnreachable"},
		"a replica with a wrong masterauth": {
			given: func(v s) { v.at("b").Config.AuthOK, v.at("b").LinkUp = false, false }, do: "configure: configure b", ways: quiet, reason: "ReplicaNotReady", says: "masterauth",
		},
		"a replica that is not read-only": {
			given: func(v s) { v.at("b").WritableReplica = true }, do: "configure: configure b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaNotReady",
		},
		"a replica is announced under another address": {
			given: func(v s) { v.in.Object.Spec.Replica[0].AnnouncePort, v.at("b").AnnouncePort = 30001, 30001 }, do: "configure: configure b", ways: quiet, reason: "TopologyAsWanted",
		},
		"CONFIG is not permitted": {
			given: func(v s) { v.at("b").Config = nil }, ways: quiet, reason: "TopologyAsWanted",
		},
		"the link to the source is down": {given: func(v s) { v.at("b").LinkUp = false }, ways: quiet, reason: "ReplicaNotReady", says: "link to the source is down"},
		"a full copy is being sent": {
			given: func(v s) { v.at("b").LinkUp, v.at("b").SyncInProgress, v.at("b").ReplID = false, true, other }, ways: "a=readwrite b=none c=readonly", reason: "ReplicaNotReady",
		},
		"isolation": {
			given: func(v s) { v.in.Object.Spec.Replica[0].Isolated = true }, do: "detach: detach b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaNotReady",
		},
		"isolated": {
			given: func(v s) { v.in.Object.Spec.Replica[0].Isolated = true; v.detached("b") }, ways: "a=readwrite b=none c=readonly", reason: "TopologyAsWanted",
		},
		"an isolated node has restarted": {
			given: func(v s) { v.in.Object.Spec.Replica[0].Isolated = true; v.restarted("b", 10) },
			do:    "fence-extra: fence b; detach: detach b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaNotReady",
		},
		"a node leaves": {
			given: func(v s) { v.in.Object.Spec.Replica = v.in.Object.Spec.Replica[:1] }, do: "detach: release c", ways: "a=readwrite b=readonly c=none", reason: "TopologyAsWanted",
		},
		"a node has left": {
			given: func(v s) { v.in.Object.Spec.Replica = v.in.Object.Spec.Replica[:1]; v.master("c", one, 1000) }, ways: "a=readwrite b=readonly c=none", reason: "TopologyAsWanted",
		},
		"two nodes are one server": {given: func(v s) { v.at("c").RunID = "run-b" }, reason: "DuplicateServer"},
		"the source is fenced":     {given: func(v s) { v.fenced("a") }, do: "source: open for writes a", ways: "a=none b=readonly c=readonly", reason: "SourceNotReady"},
		"the source has too few replicas": {
			given: func(v s) { v.at("a").Config.MinReplicas, v.at("a").GoodReplicas = 2, 1 }, ways: quiet, reason: "SourceNotReady", says: "min-replicas-to-write is 2, and 1 replica(s) keep up",
		},
		"the source is detached": {given: func(v s) { v.detached("a") }, do: "source: make the source a", ways: "b=readonly c=readonly", reason: "SourceNotReady"},
		"somebody else moved the source": {
			given: func(v s) { v.promoted("b"); v.follows("a", "b"); v.at("a").ReplID = two; v.wants("b") },
			do:    "attach: follow c", ways: "a=readonly b=readwrite c=readonly", reason: "ReplicaNotReady",
		},
		"a source without replicas has given up its id": {
			given: func(v s) { v.at("a").ReplID = other; v.silent("b", 0); v.silent("c", 0) }, ways: "a=readwrite", reason: "ReplicaUnreachable",
		},

		// Who returns.
		"a replica has restarted empty":        {given: func(v s) { v.restarted("b", 0) }, do: "attach: follow b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaNotReady"},
		"a replica has restarted with its AOF": {given: func(v s) { v.restarted("b", 10) }, do: "attach: follow b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaNotReady"},
		"a replica has restarted with its AOF as a replica, and is not connected yet": {
			given: func(v s) { v.waiting("b") }, ways: "a=readwrite b=readonly c=readonly", reason: "ReplicaNotReady",
		},
		"a replica has restarted as a replica, and was written to before": {
			given: func(v s) { v.waiting("b").Untouched = false }, do: "detach: detach b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaDiverged",
		},
		"a replica has restarted and was written to": {
			given: func(v s) { v.restarted("b", 10).Untouched = false }, do: "fence-extra: fence b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaDiverged", says: "nothing in common",
		},
		"a node with data of its own": {
			given: func(v s) { v.restarted("b", 10); v.in.Object.Status.Topology["b"].Replicated = false }, do: "fence-extra: fence b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaDiverged",
		},
		"a node with data of its own would be overwritten": {
			given: func(v s) {
				n := v.at("b")
				n.ReplID, n.LinkUp, v.in.Object.Status.Topology["b"].Replicated = other, false, false
			}, do: "detach: detach b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaDiverged",
		},
		"a node with data of its own is given up": {
			given: func(v s) {
				v.restarted("b", 10).Untouched = false
				v.in.Object.Spec.RejoinPolicy = v1alpha1.RedisRejoinResync
			},
			do: "attach: follow b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaDiverged",
		},
		"a replica went its own way": {
			given: func(v s) { n := v.promoted("b"); n.Offset = 1500 }, do: "fence-extra: fence b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaDiverged", says: "holds 500 byte(s)",
		},
		"a replica was promoted and wrote nothing": {
			given: func(v s) { v.promoted("b") }, do: "attach: follow b", ways: "a=readwrite b=none c=readonly", reason: "ReplicaNotReady",
		},

		"an empty replica has no copy yet": {
			given: func(v s) { n := v.at("b"); n.Keys, n.LinkUp = 0, false }, ways: "a=readwrite b=none c=readonly", reason: "ReplicaNotReady",
		},
		"somebody else moved the source more than once": {
			given: func(v s) {
				n := v.promoted("b")
				n.ReplID2, n.SecondOffset, n.Offset = other, 9000, 9500
				v.follows("a", "b")
				v.at("a").ReplID = two
				v.wants("b")
				v.detached("c")
				v.at("c").Offset = 1500
			},
			ways: "a=readonly b=readwrite c=none", reason: "ReplicaDiverged", says: "nothing in common",
		},
		"the source has restarted empty, and who has the data is not seen": {
			given: func(v s) { v.restarted("a", 0); v.silent("b", 0); v.silent("c", 0) },
			do:    "fence-empty: fence a", ways: "a=none", reason: "SourceRestartedEmpty", says: "b holds what it held",
		},
		"the candidate has restarted from a snapshot after the fence": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second).ToRunID = "run-b"
				v.fenced("a")
				v.promoted("b").RunID = "anew-b"
				v.at("b").SecondOffset, v.at("b").Offset = 501, 500
			},
			do: "fence-extra: fence b; undo: open for writes a", ways: "a=readwrite b=none", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverUndoing,
		},
		"the candidate of a failover has restarted from a snapshot": {
			given: func(v s) {
				v.failing()
				v.in.Object.Status.Switchover.ToRunID = "run-b"
				v.silent("a", time.Minute)
				v.promoted("b").RunID = "anew-b"
				v.at("b").SecondOffset, v.at("b").Offset = 501, 500
				v.detached("c")
			},
			ways: "b=none c=readonly", reason: "FailoverRefused", says: "c has received more",
		},

		// The source.
		"the source is not seen": {
			given: func(v s) { v.silent("a", time.Minute) }, ways: "b=readonly c=readonly", reason: "SourceUnreachable", says: "b has received the most",
		},
		"the source is not seen, and its replicas neither": {
			given: func(v s) { v.silent("a", time.Minute); v.linksDown() }, do: "keep: detach b, detach c", ways: "b=readonly c=readonly", reason: "SourceUnreachable",
		},
		"nothing listens where the source was": {
			given: func(v s) { v.silent("a", 0); v.at("a").Refused = true }, do: "keep: detach b, detach c", ways: "b=readonly c=readonly", reason: "SourceUnreachable",
		},
		"the source answers with an error": {
			given: func(v s) { v.silent("a", 0); v.at("a").Reach = server.ReachError; v.linksDown() }, ways: "b=readonly c=readonly", reason: "SourceAnswersWithError",
		},
		"the source has restarted empty": {
			given: func(v s) { v.restarted("a", 0); v.detached("b", "c") }, do: "fence-empty: fence a", ways: "a=none b=readonly c=readonly", reason: "SourceRestartedEmpty", says: "Make b spec.source",
		},
		"the source has restarted empty, and one replica has followed": {
			given: func(v s) { v.restarted("a", 0); n := v.at("b"); n.ReplID, n.Keys, n.Offset = other, 0, 0 },
			do:    "keep: detach c; fence-empty: fence a", ways: "a=none b=none c=readonly", reason: "SourceRestartedEmpty", says: "c holds what it held",
		},
		"the source has restarted empty, and nobody has anything": {
			given: func(v s) {
				v.restarted("a", 0)
				for _, n := range []*Server{v.at("b"), v.at("c")} {
					n.ReplID, n.Keys, n.Offset = other, 0, 0
				}
			},
			ways: quiet, reason: "TopologyAsWanted",
		},
		"the source has restarted empty, as the user wants it": {
			given: func(v s) { v.restarted("a", 0); v.detached("b", "c"); v.forces("a") }, ways: "a=readwrite b=none c=none", reason: "ReplicaDiverged",
		},
		"the source has restarted with its AOF": {
			given: func(v s) { v.restarted("a", 10); v.detached("b", "c") }, do: "attach: follow b, follow c", ways: quiet, reason: "ReplicaNotReady",
		},
		"the source has restarted with an older snapshot": {
			given: func(v s) { v.snapshot("a", 600); v.detached("b", "c") },
			do:    "fence-empty: fence a", ways: "a=none b=readonly c=readonly", reason: "SourceRestartedBehind", says: "b holds more",
		},
		"the source has restarted with an older snapshot, and was written to": {
			given: func(v s) {
				n := v.snapshot("a", 600)
				n.Untouched, n.Offset = false, 2000
				v.detached("b", "c")
			},
			do: "fence-empty: fence a", ways: "a=none b=readonly c=readonly", reason: "SourceRestartedBehind", says: "b holds more",
		},
		"the source has restarted with an older snapshot, and one replica has followed": {
			given: func(v s) {
				v.snapshot("a", 600)
				v.at("b").ReplID, v.at("b").Offset = other, 620
				v.at("c").LinkUp = false
			},
			do: "keep: detach b, detach c; fence-empty: fence a", ways: "a=none b=readonly c=readonly", reason: "SourceRestartedBehind", says: "c holds more",
		},
		"the source has restarted with an older snapshot, as the user wants it": {
			given: func(v s) { v.snapshot("a", 600); v.detached("b", "c"); v.forces("a") },
			ways:  "a=readwrite b=none c=none", reason: "ReplicaDiverged", says: "holds 400 byte(s)",
		},
		"the source has restarted with a snapshot that does not say how old it is": {
			given: func(v s) { v.restarted("a", 5).AOF = false; v.detached("b", "c") },
			do:    "fence-empty: fence a", ways: "a=none b=readonly c=readonly", reason: "SourceRestartedBehind", says: "b holds more, or may",
		},
		"the source has restarted with a snapshot of all": {
			given: func(v s) { v.snapshot("a", 1000); v.detached("b", "c") },
			do:    "attach: follow b, follow c", ways: quiet, reason: "ReplicaNotReady",
		},
		"the source has restarted with a snapshot of all, and one that is seen is the witness": {
			given: func(v s) { v.snapshot("a", 1000); v.silent("b", 0); v.detached("c") },
			do:    "attach: follow c", ways: "a=readwrite c=readonly", reason: "ReplicaUnreachable",
		},
		"the source has restarted with a snapshot of all, and the witness goes on with it": {
			given: func(v s) {
				v.snapshot("a", 1000).Offset = 1014
				v.silent("b", 0)
				n := v.at("c")
				n.ReplID, n.ReplID2, n.SecondOffset, n.Offset = other, one, 1001, 1014
			},
			ways: "a=readwrite c=readonly", reason: "ReplicaUnreachable",
		},
		"the source has restarted with a snapshot, and the one that is seen has less": {
			given: func(v s) { v.snapshot("a", 600); v.silent("b", 0); v.detached("c"); v.at("c").Offset = 500 },
			do:    "fence-empty: fence a", ways: "a=none c=readonly", reason: "SourceRestartedBehind", says: "b, which is not seen, may hold more",
		},
		"the source has restarted with a snapshot, and one that is isolated is not seen": {
			given: func(v s) {
				v.snapshot("a", 1000)
				v.in.Object.Spec.Replica[0].Isolated = true
				v.silent("b", 0)
				v.restarted("c", 0)
			},
			do: "attach: follow c", ways: "a=readwrite b=none c=none", reason: "ReplicaUnreachable",
		},
		"the source has restarted with a snapshot, and a replica from its append-only file": {
			given: func(v s) {
				v.snapshot("a", 1000)
				v.restarted("b", 10).ReplID = two
				v.detached("c")
			},
			do: "fence-empty: fence a", ways: "a=none b=none c=readonly", reason: "SourceRestartedBehind", says: "b holds more, or may",
		},
		"the source has restarted with an append-only file that is not its own": {
			given: func(v s) { v.restarted("a", 3).Untouched = false; v.detached("b", "c") },
			do:    "fence-empty: fence a", ways: "a=none b=readonly c=readonly", reason: "SourceRestartedEmpty", says: "b holds what it held",
		},
		"the source has restarted with its AOF and was written to": {
			given: func(v s) { v.restarted("a", 12).Untouched = false; v.detached("b", "c") },
			do:    "attach: follow b, follow c", ways: quiet, reason: "ReplicaNotReady",
		},
		"the source loads its data": {
			given: func(v s) {
				v.silent("a", 0)
				v.at("a").Reach, v.at("a").Loading = server.ReachError, true
			},
			do: "keep: detach b, detach c", ways: "b=readonly c=readonly", reason: "SourceAnswersWithError",
		},
		"a replica is connected to another server at the source's address": {
			given: func(v s) { v.at("b").ReplID = other }, ways: "a=readwrite b=none c=readonly", reason: "ReplicaNotReady", says: "leads it to another server",
		},

		// Set-up.
		"set up of fresh servers": {
			given: func(v s) { v.fresh(); v.empty() }, do: "attach: follow b, follow c", ways: "a=readwrite b=none c=none", reason: "ReplicaNotReady",
		},
		"set up with one that is not seen": {
			given: func(v s) { v.fresh(); v.empty(); v.silent("c", 0) }, reason: "WaitingForNodes", says: "c (no answer in time)",
		},
		"set up where the source has data": {
			given: func(v s) { v.fresh(); v.empty(); v.at("a").Keys = 5 }, do: "attach: follow b, follow c", ways: "a=readwrite b=none c=none", reason: "ReplicaNotReady",
		},
		"set up where somebody else has data": {
			given: func(v s) { v.fresh(); v.empty(); v.at("b").Keys = 5 }, reason: "SourceEmpty", says: "b holds 5 key(s)",
		},
		"set up where two have data": {
			given: func(v s) { v.fresh(); v.empty(); v.at("a").Keys, v.at("b").Keys = 5, 5 }, do: "fence-extra: fence b; attach: follow c", ways: "a=readwrite b=none c=none", reason: "ReplicaDiverged",
		},
		"set up where the source follows a stranger": {
			given: func(v s) { v.fresh(); v.empty(); v.follows("a", "stranger") }, reason: "TopologyAmbiguous", says: "stranger.svc:6379",
		},
		"adoption": {given: func(v s) { v.fresh() }, ways: quiet, reason: "TopologyAsWanted"},

		// Planned switchover.
		"another source wanted": {
			given: func(v s) { v.wants("b") }, ways: "a=readwrite b=none c=readonly", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverPreparing,
		},
		"the candidate does not follow": {
			given: func(v s) { v.wants("b"); v.detached("b") }, do: "attach: follow b", ways: quiet, reason: "SwitchoverRefused", says: "NotAReplica",
		},
		"the candidate's link is down": {
			given: func(v s) { v.wants("b"); v.at("b").LinkUp = false }, ways: quiet, reason: "SwitchoverRefused", says: "LinkDown",
		},
		"the candidate is behind": {
			given: func(v s) { v.wants("b"); v.at("a").Offset += lagBound + 1 }, ways: quiet, reason: "SwitchoverRefused", says: "CandidateBehind",
		},
		"the candidate is not seen": {
			given: func(v s) { v.wants("b"); v.silent("b", 0) }, ways: "a=readwrite c=readonly", reason: "SwitchoverRefused", says: "CandidateUnreachable",
		},
		"the candidate has data of its own": {
			given: func(v s) { v.wants("b"); v.restarted("b", 3).Untouched = false }, do: "fence-extra: fence b", ways: "a=readwrite b=none c=readonly", reason: "SwitchoverRefused", says: "CandidateDiverged",
		},
		"the candidate is empty and never synced": {
			given: func(v s) { v.wants("b"); v.restarted("b", 0) }, do: "attach: follow b", ways: "a=readwrite b=none c=readonly", reason: "SwitchoverRefused", says: "NotAReplica",
		},
		"the source cannot be fenced": {
			given: func(v s) { v.wants("b"); v.at("a").Config = nil }, ways: quiet, reason: "SwitchoverRefused", says: "LacksPermission",
		},
		"the candidate drains": {
			given: func(v s) { v.switching(v1alpha1.SwitchoverPreparing, time.Second) }, ways: "a=readwrite b=none c=readonly", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverPreparing,
		},
		"the candidate has drained": {
			given: func(v s) { v.switching(v1alpha1.SwitchoverPreparing, 3*time.Second) },
			do:    "catch-up: catch up b; hand-over: hand over a; fence: fence a; promote: promote b; expel: expel clients a; repoint: follow a, follow c; persist: persist b, persist a",
			ways:  "a=none b=readwrite", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"cancelled while it was prepared": {
			given: func(v s) { v.switching(v1alpha1.SwitchoverPreparing, time.Second); v.wants("a") }, ways: quiet, reason: "TopologyAsWanted",
		},
		"died after the fence": {
			given: func(v s) { v.switching(v1alpha1.SwitchoverSwitching, time.Second); v.fenced("a") },
			do:    "fence: fence a; promote: promote b; expel: expel clients a; repoint: follow a, follow c; persist: persist b, persist a",
			ways:  "a=none b=readwrite", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"died after the promotion": {
			given: func(v s) { v.switching(v1alpha1.SwitchoverSwitching, time.Second); v.fenced("a"); v.promoted("b") },
			do:    "persist: persist b; attach: follow a, follow c", ways: "a=none b=readwrite c=none", reason: "ReplicaNotReady",
		},
		"died after FAILOVER": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.promoted("b")
				v.follows("a", "b")
				v.at("a").ReplID, v.at("c").ReplID = two, two
			},
			do: "persist: persist b; attach: follow c", ways: "a=none b=readwrite c=readonly", reason: "ReplicaNotReady",
		},
		"died in FAILOVER": {
			given: func(v s) { v.switching(v1alpha1.SwitchoverSwitching, time.Second); v.at("a").FailingOver = true },
			ways:  "", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching, says: "FAILOVER is under way",
		},
		"FAILOVER does not end": {
			given: func(v s) { v.switching(v1alpha1.SwitchoverSwitching, time.Minute); v.at("a").FailingOver = true },
			do:    "abort: abort the failover a", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverUndoing,
		},
		"FAILOVER has demoted and not promoted": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.follows("a", "b")
				v.at("a").LinkUp = false
			},
			do:   "fence: fence a; promote: promote b; expel: expel clients a; repoint: follow a, follow c; persist: persist b, persist a",
			ways: "a=none b=readwrite", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"overdue after the fence": {
			given: func(v s) { v.switching(v1alpha1.SwitchoverSwitching, time.Minute); v.fenced("a") },
			do:    "undo: open for writes a", ways: "a=readwrite b=none", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverUndoing,
		},
		"cancelled after the fence": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.fenced("a")
				v.wants("a")
			},
			do: "undo: open for writes a", ways: "a=readwrite b=none", reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverUndoing,
		},
		"undone": {
			given: func(v s) { v.switching(v1alpha1.SwitchoverUndoing, time.Minute).Message = "why" },
			ways:  quiet, reason: "SwitchoverUndone", phase: v1alpha1.SwitchoverUndone, says: "why",
		},
		"undone, and not tried again": {
			given: func(v s) { v.switching(v1alpha1.SwitchoverUndone, time.Minute).Message = "why" },
			ways:  quiet, reason: "SwitchoverUndone", phase: v1alpha1.SwitchoverUndone,
		},
		"the old source went away after the fence": {
			given:  func(v s) { v.switching(v1alpha1.SwitchoverSwitching, time.Second); v.silent("a", 0) },
			reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching, says: "the old source went away",
		},
		"the candidate went away after the fence": {
			given:  func(v s) { v.switching(v1alpha1.SwitchoverSwitching, time.Second); v.fenced("a"); v.silent("b", 0) },
			reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching, says: "the candidate does not answer",
		},
		"the candidate went away after the route": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.fenced("a")
				v.silent("b", 0)
				v.leads("b")
			},
			reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching, says: "it was promoted and may have taken writes",
		},
		"the old source has sent a sign of life since it was fenced": {
			given: func(v s) {
				v.promoted("b")
				v.wants("b")
				v.in.Object.Status.Source, v.in.Object.Status.ReplicationID = "b", two
				v.in.Object.Status.History = []v1alpha1.RedisReplicationHistory{{ID: one, Offset: 1000}}
				last := &v1alpha1.RedisLastSwitchover{FromRunID: "run-a"}
				last.From, last.To = "a", "b"
				v.in.Object.Status.LastSwitchover = last
				v.fenced("a")
				v.at("a").Offset = 1014
				v.follows("c", "b")
				v.at("c").ReplID = two
			},
			do: "attach: follow a", ways: "a=none b=readwrite c=readonly", reason: "ReplicaNotReady",
		},

		// Failover.
		"failover": {
			given: func(v s) { v.silent("a", time.Minute); v.linksDown(); v.wants("b") },
			do:    "freeze: detach b, detach c", reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"the source is silent for a moment only": {
			given: func(v s) { v.silent("a", time.Second); v.wants("b") }, ways: "b=readonly c=readonly", reason: "SwitchoverRefused", says: "SourceUnreachable",
		},
		"the source's pod is gone": {
			given: func(v s) {
				v.silent("a", 0)
				pod := v.in.Pods["a"]
				pod.Exists = false
				v.in.Pods["a"] = pod
				v.wants("b")
			},
			do: "freeze: detach b, detach c", reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"frozen": {
			given: func(v s) { v.failing(); v.silent("a", time.Minute); v.detached("b", "c") },
			do:    "promote: promote b; repoint: follow c; persist: persist b", ways: "a=none b=readwrite", reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"another replica has more": {
			given: func(v s) { v.silent("a", time.Minute); v.linksDown(); v.wants("b"); v.at("c").Offset = 1010 },
			do:    "keep: detach b, detach c", ways: "b=readonly c=readonly", reason: "FailoverRefused", says: "c has received more",
		},
		"another replica has more, and the user forces it": {
			given: func(v s) {
				v.silent("a", time.Minute)
				v.linksDown()
				v.wants("b")
				v.at("c").Offset = 1010
				v.forces("b")
			},
			do: "freeze: detach b, detach c", reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"the candidate of a failover is empty": {
			given: func(v s) { v.silent("a", time.Minute); v.linksDown(); v.wants("b"); v.restarted("b", 0) },
			do:    "keep: detach c", ways: "b=none c=readonly", reason: "FailoverRefused", says: "CandidateEmpty",
		},
		"the candidate of a failover has never synced": {
			given: func(v s) {
				v.silent("a", time.Minute)
				v.linksDown()
				v.wants("b")
				v.restarted("b", 4).Untouched = false
			},
			do: "fence-extra: fence b; keep: detach c", ways: "b=none c=readonly", reason: "FailoverRefused", says: "CandidateDiverged",
		},
		"the source is back before anybody was promoted": {
			given: func(v s) { v.failing(); v.detached("b", "c") },
			do:    "attach: follow b, follow c", ways: quiet, reason: "SwitchoverRefused",
		},
		"the source is back empty before anybody was promoted": {
			given: func(v s) { v.failing(); v.detached("b", "c"); v.restarted("a", 0) },
			do:    "promote: promote b; repoint: follow c; persist: persist b", ways: "a=none b=readwrite", reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"a failover from a source that restarted empty": {
			given: func(v s) { v.restarted("a", 0); v.detached("b", "c"); v.wants("b") },
			do:    "freeze: ", reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		},
		"promoted in a failover": {
			given: func(v s) { v.failing(); v.silent("a", time.Minute); v.promoted("b"); v.detached("c") },
			do:    "persist: persist b; attach: follow c", ways: "a=none b=readwrite c=readonly", reason: "ReplicaUnreachable",
		},
		"the old source returns with more": {
			given: func(v s) { v.afterFailover(); v.at("a").Offset = 1500 },
			do:    "fence-extra: fence a", ways: "a=none b=readwrite c=readonly", reason: "ReplicaDiverged", says: "holds 500 byte(s)",
		},
		"the old source returns with nothing more":    {given: func(v s) { v.afterFailover() }, do: "attach: follow a", ways: "a=none b=readwrite c=readonly", reason: "ReplicaNotReady"},
		"the old source returns and cannot be judged": {given: func(v s) { v.afterFailover(); v.restarted("a", 10) }, do: "fence-extra: fence a", ways: "a=none b=readwrite c=readonly", reason: "ReplicaDiverged"},
		"the old source returns empty":                {given: func(v s) { v.afterFailover(); v.restarted("a", 0) }, do: "attach: follow a", ways: "a=none b=readwrite c=readonly", reason: "ReplicaNotReady"},

		// Others decide.
		"Sentinel, as specified": {given: func(v s) { v.in.Object.Spec.Sentinel = []string{"s-0"} }, ways: quiet, reason: "SentinelTopology"},
		"Sentinel has moved the source": {
			given: func(v s) {
				v.in.Object.Spec.Sentinel = []string{"s-0"}
				v.promoted("b")
				v.follows("a", "b")
				v.follows("c", "b")
				v.at("a").ReplID, v.at("c").ReplID = two, two
			},
			ways: "a=readonly b=readwrite c=readonly", reason: "SentinelTopology",
		},
		"Sentinel has moved the source and the old one returns": {
			given: func(v s) {
				v.in.Object.Spec.Sentinel = []string{"s-0"}
				v.promoted("b")
				v.follows("c", "b")
				v.at("c").ReplID = two
			},
			ways: "a=none b=readwrite c=readonly", reason: "ReplicaNotReady",
		},
		"Sentinel has not decided": {
			given: func(v s) { v.in.Object.Spec.Sentinel = []string{"s-0"}; v.silent("a", 0); v.linksDown() }, ways: "a=none", reason: "SourceUndetermined",
		},
		"Sentinel, and the operator alone does not see the source": {
			given: func(v s) { v.in.Object.Spec.Sentinel = []string{"s-0"}; v.silent("a", 0); v.at("c").LinkUp = false },
			ways:  "b=readonly c=readonly", reason: "SourceUnreachable", says: "replicas are connected to it",
		},
		"a switchover waits for the old source, whose process has ended": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.silent("a", 0)
				v.at("a").Refused = true
				v.linksDown()
			},
			do: "keep: detach b, detach c", reason: "SwitchoverInProgress", says: "the old source went away", phase: v1alpha1.SwitchoverSwitching,
		},
		"a switchover waits for the old source, whose process may go on": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.silent("a", time.Second)
				v.linksDown()
			},
			reason: "SwitchoverInProgress", says: "the old source went away", phase: v1alpha1.SwitchoverSwitching,
		},
		"a switchover waits for a candidate that was promoted, and whose process has ended": {
			given: func(v s) {
				v.switching(v1alpha1.SwitchoverSwitching, time.Second)
				v.follows("a", "b")
				v.follows("c", "b")
				v.leads("b")
				v.silent("b", 0)
				v.at("b").Refused = true
				v.linksDown()
			},
			do: "keep: detach c", reason: "SwitchoverInProgress", says: "it was promoted", phase: v1alpha1.SwitchoverSwitching,
		},
		"skipped": {
			given: func(v s) {
				v.in.Object.Annotations = map[string]string{v1alpha1.AnnotationSkipReconcile: "true"}
				v.detached("b")
				v.wants("c")
			},
			ways: quiet, reason: "SourceNotAsWanted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := situate()
			test.given(v)
			p := Plan(v.in)
			if got := told(p); got != strings.TrimSuffix(test.do, "freeze: ") {
				t.Errorf("it does   %q\nand should %q", got, test.do)
			}
			if got := ways(p); got != test.ways && test.reason != "FailoverInProgress" || got != test.ways && test.ways != "" {
				t.Errorf("it leads   %q\nand should %q", got, test.ways)
			}
			if c := p.Conditions[0]; c.Reason != test.reason || !strings.Contains(c.Message, test.says) {
				t.Errorf("condition %s: %s; want %s, %q", c.Reason, c.Message, test.reason, test.says)
			}
			var phase v1alpha1.SwitchoverPhase
			if r := p.Data.Switchover; r != nil {
				phase = r.Phase
			}
			if phase != test.phase {
				t.Errorf("phase %q, want %q", phase, test.phase)
			}
		})
	}
}

// TestSourceNotPersistent: a source without an append-only file is told of, and is no fault.
func TestSourceNotPersistent(t *testing.T) {
	for _, file := range []bool{false, true} {
		for name, sentinel := range map[string][]string{"": nil, " under Sentinel": {"s-0"}} {
			v := situate()
			v.in.Object.Spec.Sentinel = sentinel
			v.at("a").AOF = file
			p := Plan(v.in)
			Project(v.in.Object, v.in.State, p)
			event := slices.ContainsFunc(p.Events, func(e reconcile.Event) bool {
				return e.Reason == "SourceNotPersistent" && e.Warning && e.Once == "run-a"
			})
			a := v.in.Object.Status.Topology["a"]
			if c := p.Conditions[0]; c.Status != metav1.ConditionTrue || strings.Contains(c.Message, forgets) == file || event == file || (a.Message == forgets) == file || !a.Ready {
				t.Errorf("append-only file %v%s: %+v, event %v, node %+v", file, name, c, event, a)
			}
		}
	}
}

// TestTrustIsWithdrawn: who had nothing more at the end of a switchover, and was let write
// since, is not trusted again once it is fenced.
func TestTrustIsWithdrawn(t *testing.T) {
	v := situate()
	v.afterFailover()
	last := v.in.Object.Status.LastSwitchover
	last.Failover, last.FromRunID = false, "run-a"
	v.at("a").Offset = 1500
	p := Plan(v.in)
	if got := told(p); got != "fence-extra: fence a" || !p.Persist {
		t.Fatalf("it does %q, persist %v", got, p.Persist)
	}
	Project(v.in.Object, v.in.State, p)
	v.fenced("a")
	if got := told(Plan(v.in)); got != "" {
		t.Errorf("what a was let write is thrown away: %q", got)
	}
}

// fresh forgets the record and the labels.
func (s *situation) fresh() {
	s.in.Object.Status = v1alpha1.RedisReplicationStatus{}
	for name, pod := range s.in.Pods {
		pod.Name, pod.Readonly = "", ""
		s.in.Pods[name] = pod
	}
}

// empty makes everybody a server of its own with nothing in it.
func (s *situation) empty() {
	for name := range s.in.State.Nodes {
		n := s.restarted(name, 0)
		n.ReplID = strings.Repeat(name, 40)
	}
}

// leads has -readwrite lead to a node.
func (s *situation) leads(to string) {
	for name, pod := range s.in.Pods {
		pod.Readonly = "true"
		if name == to {
			pod.Readonly = "false"
		}
		s.in.Pods[name] = pod
	}
}

// afterFailover: b has taken over from a, which is back as it was.
func (s *situation) afterFailover() {
	s.promoted("b").Offset = 1200
	s.follows("c", "b")
	s.at("c").ReplID = two
	s.wants("b")
	s.leads("b")
	st := &s.in.Object.Status
	st.Source, st.ReplicationID = "b", two
	st.History = []v1alpha1.RedisReplicationHistory{{ID: one, Offset: 1000}}
	last := &v1alpha1.RedisLastSwitchover{}
	last.From, last.To, last.Failover = "a", "b", true
	st.LastSwitchover = last
	st.Topology["a"].Replicated = false
}
