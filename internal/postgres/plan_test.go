// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/server"
)

// row is a state and the plan for it.
type row struct {
	name string
	edit func(*situation)
	// reason of the condition TopologyReady, what is done, and where clients are led.
	reason, does, leads string
	// says is a part of the message, keeps a node that is not forgotten.
	says, keeps string
	// phase of the record after it; "" none.
	phase v1alpha1.SwitchoverPhase
}

const switchSteps = "fence: fence a; demote: demote a; promote: promote b; repoint: attach c"

var switchWhole = "checkpoint: checkpoint a; catch-up: catch up b; " + switchSteps

// prepared has both servers show what prepare gives them.
func prepared(s *situation) {
	a, b := s.at("a"), s.at("b")
	a.Conninfo, a.Slot = look(s.in).conninfo("a", a, b), slotOf("a")
	a.Upstream = b.Address()
	b.Slots = []Slot{{Name: slotOf("a")}, {Name: slotOf("c")}}
}

// stopped is a that was demoted and is back as a standby, with b and c having all of it.
func stopped(s *situation) {
	prepared(s)
	a := s.at("a")
	a.Recovery, a.Replay, a.Followers = true, 1000, nil
	a.Fenced, a.ReadOnly = true, true
	s.cut("b", "c")
}

func promotedB(s *situation) {
	prepared(s)
	slots := s.at("b").Slots
	b := s.alone("b", 2, 1100, Fork{1, 1050})
	b.Slots = slots
}

var rows = []row{
	{name: "all is well", edit: func(*situation) {}, reason: "TopologyAsWanted", leads: "a|bc|"},
	{name: "two names, one server", edit: func(s *situation) { s.at("c").Started = "start-b" }, reason: "DuplicateServer", leads: "||"},

	// Set-up.
	{name: "nobody is on record, and all stream already", edit: func(s *situation) { s.in.Object.Status = v1alpha1.PostgresReplicationStatus{} },
		reason: "TopologyAsWanted", leads: "a|bc|"},
	{name: "nobody is on record, and another node is the primary", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.wants("b")
	}, reason: "PrimaryNotAsWanted", leads: "a|bc|"},
	{name: "nobody is on record, and two are primaries", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.alone("b", 2, 1200, Fork{1, 900})
	}, reason: "TopologyAmbiguous", says: "a and b", leads: "||"},
	{name: "nobody is on record, and none is a primary", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.at("a").Recovery = true
	}, reason: "NoPrimary", leads: "||"},
	{name: "nobody is on record, and one hangs", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.silent("c", time.Hour)
	}, reason: "WaitingForNodes", leads: "||"},
	{name: "nobody is on record, and one recovers", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.silent("c", 0)
		s.at("c").Reach, s.at("c").Starting = server.ReachError, true
	}, reason: "WaitingForNodes", leads: "||"},
	{name: "nobody is on record, and one was never filled", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.silent("c", time.Hour)
		s.at("c").Refused = true
		s.at("a").Slots = s.at("a").Slots[:1]
	}, reason: "StandbyUnreachable", says: "pg_basebackup", leads: "a|b|"},
	{name: "nobody is on record, and the wanted one is empty beside one with data", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.at("a").HoldsData = false
		s.alone("b", 1, 500).SystemID = another
		s.gone("c")
	}, reason: "PrimaryEmpty", says: "b holds data", leads: "||"},
	{name: "nobody is on record, and each has a database cluster of its own", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.alone("b", 1, 500).SystemID = another
		s.alone("c", 1, 500).SystemID = "7000000000000000003"
		s.at("a").Slots = nil
	}, reason: "StandbyForeign", says: "pg_basebackup", leads: "a||bc"},

	// Steady.
	{name: "a standby without a slot", edit: func(s *situation) { s.at("a").Slots = s.at("a").Slots[:1] }, reason: "TopologyAsWanted", does: "slots: make slots a", leads: "a|bc|"},
	{name: "a standby with other settings", edit: func(s *situation) { s.at("c").Conninfo += " x=y" }, reason: "TopologyAsWanted", does: "attach: attach c", leads: "a|bc|"},
	{name: "a standby with the password of before", edit: func(s *situation) { s.at("c").PassOK = false }, reason: "StandbyNotReady", does: "attach: attach c", leads: "a|bc|"},
	{name: "a standby that does not stream", edit: func(s *situation) { s.cut("c") }, reason: "StandbyNotReady", says: "does not stream", leads: "a|bc|"},
	{name: "a standby that streams from another one", edit: func(s *situation) { s.follows("c", "b"); s.at("b").Slots = nil }, reason: "StandbyNotReady", does: "attach: attach c", leads: "a|bc|"},
	{name: "its slot was lost", edit: func(s *situation) { s.cut("c"); s.at("a").Slots[1].Lost = true }, reason: "StandbyNotReady", says: "is lost", leads: "a|bc|"},
	{name: "replay is paused", edit: func(s *situation) { s.at("c").Paused = true }, reason: "StandbyNotReady", says: "pg_wal_replay_resume", leads: "a|bc|"},
	{name: "a standby is of another database cluster", edit: func(s *situation) { s.alone("c", 1, 5000).SystemID = another; s.at("a").Slots[1].Active = false }, reason: "StandbyForeign", says: another, leads: "a|b|c"},
	{name: "somebody has promoted a standby by hand", edit: func(s *situation) { s.alone("c", 2, 1200, Fork{1, 900}) }, reason: "StandbyDiverged", says: "300 byte(s) of log that the primary a lacks: from 0/384",
		does: "fence-extra: fence c", leads: "a|b|c"},
	{name: "it is fenced", edit: func(s *situation) { n := s.alone("c", 2, 1200, Fork{1, 900}); n.ReadOnly, n.Fenced = true, true }, reason: "StandbyDiverged", says: "pg_rewind", leads: "a|b|c"},
	{name: "an old primary runs on the same timeline", edit: func(s *situation) { s.alone("c", 1, 900) }, reason: "StandbyDiverged", does: "fence-extra: fence c", leads: "a|b|c"},
	{name: "isolated", edit: func(s *situation) { s.isolate("c") }, reason: "StandbyNotReady", does: "detach: detach c", leads: "a|b|c"},
	{name: "isolated and detached", edit: func(s *situation) { s.isolate("c"); s.frozen("c"); s.at("a").Slots[1].Active = false }, reason: "TopologyAsWanted", does: "drop-slots: drop slots a", leads: "a|b|c"},
	{name: "a node leaves", edit: func(s *situation) { s.leaves("c") }, reason: "TopologyAsWanted", does: "detach: detach c", leads: "a|b|c"},
	{name: "a node that leaves takes writes", edit: func(s *situation) { s.leaves("c"); s.alone("c", 2, 1200, Fork{1, 900}) }, reason: "StandbyDiverged", does: "fence-extra: fence c", leads: "a|b|c"},
	{name: "the primary takes no writes", edit: func(s *situation) { s.at("a").ReadOnly = true }, reason: "PrimaryNotReady", leads: "|bc|a"},
	{name: "the primary is not seen", edit: func(s *situation) { s.silent("a", time.Hour) }, reason: "PrimaryUnreachable", says: "b has received the most", leads: "|bc|"},
	{name: "the primary recovers", edit: func(s *situation) { s.silent("a", 0); s.at("a").Reach, s.at("a").Starting = server.ReachError, true }, reason: "PrimaryAnswersWithError", leads: "|bc|"},
	{name: "the primary is not seen, and somebody has promoted a standby", edit: func(s *situation) { s.silent("a", time.Hour); s.alone("c", 2, 1200, Fork{1, 1000}) },
		reason: "PrimaryUnreachable", says: "c runs as a primary", leads: "|b|c"},
	{name: "the primary is another database cluster", edit: func(s *situation) { s.at("a").SystemID = another; s.cut("b", "c") }, reason: "PrimaryLostData", says: "Make b spec.primary", leads: "|bc|a"},
	{name: "the primary has less than it had", edit: func(s *situation) { s.at("a").At.LSN = 700; s.cut("b", "c") }, reason: "PrimaryLostData", says: "force-promote: a", leads: "|bc|a"},
	{name: "the primary has less than it had, and the user takes that", edit: func(s *situation) { s.at("a").At.LSN = 700; s.cut("b", "c"); s.forces("a") }, reason: "StandbyNotReady", leads: "a|bc|"},
	{name: "the primary is a standby", edit: func(s *situation) { s.at("a").Recovery = true; s.cut("b", "c") }, reason: "PrimaryRecovers", does: "primary: make the primary again a", leads: "||"},
	{name: "the primary is a standby, and another one has more", edit: func(s *situation) { s.at("a").Recovery = true; s.cut("b", "c"); s.at("b").At.LSN++ }, reason: "PrimaryRecovers", leads: "|bc|a"},
	{name: "the primary is a standby, and one is not seen", edit: func(s *situation) { s.at("a").Recovery = true; s.cut("b", "c"); s.silent("c", time.Hour) }, reason: "PrimaryRecovers", leads: "|b|a"},
	{name: "the primary is a standby of somebody else", edit: func(s *situation) { s.at("a").Recovery, s.at("a").Upstream = true, "far:5432"; s.cut("b", "c") }, reason: "PrimaryRecovers", leads: "|bc|a"},
	{name: "the primary is a standby, and one streams from outside", edit: func(s *situation) { s.at("a").Recovery = true; s.cut("b", "c"); s.at("b").Upstream = "far:5432" }, reason: "PrimaryRecovers", leads: "|c|ab"},
	{name: "failover, and the old primary is back as a standby with more", edit: func(s *situation) {
		s.wants("b")
		s.frozen("a", "b", "c")
		s.at("a").Recovery, s.at("a").At.LSN = true, 1001
		s.at("a").Fenced, s.at("a").ReadOnly = true, true
		s.changes(v1alpha1.SwitchoverSwitching, true)
	}, reason: "FailoverRefused", says: "a has received more", phase: v1alpha1.SwitchoverUndone, does: "primary: make the primary again a", leads: "||"},
	{name: "somebody has switched over, and the spec says so", edit: func(s *situation) {
		s.wants("b")
		promotedB(s)
		s.follows("a", "b")
		s.follows("c", "b")
		s.at("b").At.Past = []Fork{{1, 1050}}
	}, reason: "TopologyAsWanted", leads: "b|ac|"},
	{name: "somebody has switched over, and the spec says nothing of it", edit: func(s *situation) { promotedB(s); s.follows("a", "b"); s.follows("c", "b") }, reason: "PrimaryRecovers", says: "Make it spec.primary", leads: "||abc"},

	{name: "a copy of the primary would not know whom to stream from", edit: func(s *situation) { s.at("a").Conninfo = "" }, reason: "TopologyAsWanted", does: "seed: prepare a", leads: "a|bc|"},

	// Synchronous replication.
	{name: "synchronous, not set yet", edit: func(s *situation) { s.in.Object.Spec.Mode = v1alpha1.PostgresSync }, reason: "SynchronousNotSet", does: "synchronous: set synchronous_standby_names a", leads: "a|bc|"},
	{name: "synchronous", edit: func(s *situation) { s.sync("b", "c") }, reason: "TopologyAsWanted", leads: "a|bc|"},
	{name: "one synchronous standby is away", edit: func(s *situation) { s.sync("b", "c"); s.cut("c") }, reason: "StandbyNotReady", does: "synchronous: set synchronous_standby_names a", leads: "a|bc|"},
	{name: "all synchronous standbys are away", edit: func(s *situation) { s.sync("b", "c"); s.cut("b", "c") }, reason: "CommitsWait", leads: "a|bc|"},
	{name: "all are away, and commits may go on", edit: func(s *situation) {
		s.sync("b", "c")
		s.cut("b", "c")
		s.in.Object.Spec.Synchronous = &v1alpha1.PostgresSyncSettings{NoStandby: v1alpha1.PostgresDegrade}
	}, reason: "SynchronousDegraded", does: "synchronous: set synchronous_standby_names a", leads: "a|bc|"},
	{name: "the one that is isolated is not waited for any more, first", edit: func(s *situation) { s.sync("b", "c"); s.isolate("c") }, reason: "StandbyNotReady",
		does: "synchronous: set synchronous_standby_names a; detach: detach c", leads: "a|b|c"},
	{name: "back to asynchronous", edit: func(s *situation) { s.sync("b", "c"); s.in.Object.Spec.Mode = v1alpha1.PostgresAsync }, reason: "TopologyAsWanted",
		does: "synchronous: set synchronous_standby_names a", leads: "a|bc|"},
	{name: "names that the user has set stay", edit: func(s *situation) { s.at("a").SyncNames = "other" }, reason: "TopologyAsWanted", leads: "a|bc|"},

	// Planned switchover.
	{name: "switchover", edit: func(s *situation) { s.wants("b") }, reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverPreparing,
		does: "prepare: make slots b, prepare a; checkpoint: checkpoint a", leads: "a|c|b"},
	{name: "a backup is being taken", edit: func(s *situation) { s.wants("b"); s.at("a").Backups = 1 }, reason: "SwitchoverRefused", says: "BackupInProgress", leads: "a|bc|"},
	{name: "the candidate does not stream", edit: func(s *situation) { s.wants("b"); s.cut("b") }, reason: "SwitchoverRefused", says: "NotStreaming", leads: "a|bc|"},
	{name: "the candidate's replay is paused", edit: func(s *situation) { s.wants("b"); s.at("b").Paused = true }, reason: "SwitchoverRefused", says: "ReplayPaused", leads: "a|bc|"},
	{name: "the candidate is behind the primary", edit: func(s *situation) { s.wants("b"); s.at("a").At.LSN += lagBound + 1 }, reason: "SwitchoverRefused", says: "CandidateBehind", leads: "a|bc|"},
	{name: "the candidate is on another timeline", edit: func(s *situation) { s.wants("b"); s.at("b").At.TLI = 2 }, reason: "SwitchoverRefused", says: "OtherTimeline", leads: "a|bc|"},
	{name: "the candidate is of another database cluster", edit: func(s *situation) { s.wants("b"); s.alone("b", 1, 5000).SystemID = another; s.forces("b") }, reason: "SwitchoverRefused", says: "CandidateForeign", leads: "a|c|b"},
	{name: "the candidate was promoted by hand", edit: func(s *situation) { s.wants("b"); s.alone("b", 2, 1200, Fork{1, 900}); s.forces("b") }, reason: "SwitchoverRefused", says: "CandidateIsPrimary", does: "fence-extra: fence b", leads: "a|c|b"},
	{name: "the primary answers with an error", edit: func(s *situation) { s.wants("b"); s.silent("a", 0); s.at("a").Reach = server.ReachError }, reason: "SwitchoverRefused", says: "PrimaryAnswersWithError", leads: "|bc|"},
	{name: "skip", edit: func(s *situation) { s.wants("b"); s.skips() }, reason: "PrimaryNotAsWanted", leads: "a|bc|"},
	{name: "prepared, and the time is up", edit: func(s *situation) { s.wants("b"); prepared(s); s.changes(v1alpha1.SwitchoverPreparing, false) }, reason: "SwitchoverInProgress",
		phase: v1alpha1.SwitchoverSwitching, does: switchWhole, leads: "b||a"},
	{name: "not prepared, and the time is up", edit: func(s *situation) { s.wants("b"); s.changes(v1alpha1.SwitchoverPreparing, false) }, reason: "SwitchoverInProgress",
		phase: v1alpha1.SwitchoverPreparing, does: "prepare: make slots b, prepare a; checkpoint: checkpoint a", leads: "a|c|b"},
	{name: "cancelled while it was prepared", edit: func(s *situation) { prepared(s); s.changes(v1alpha1.SwitchoverPreparing, false) }, reason: "TopologyAsWanted",
		does: "drop-slots: drop slots b; seed: prepare a", leads: "a|bc|"},
	{name: "the operator died after the fence", edit: func(s *situation) {
		s.wants("b")
		prepared(s)
		s.changes(v1alpha1.SwitchoverSwitching, false)
		s.at("a").ReadOnly, s.at("a").Fenced = true, true
	}, reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverUndoing, does: "undo: open for writes a", leads: "a||b"},
	{name: "the operator died after the fence, and it is overdue", edit: func(s *situation) {
		s.wants("b")
		prepared(s)
		r := s.changes(v1alpha1.SwitchoverSwitching, false)
		r.SwitchingAt.Time = noon.Add(-time.Hour)
		s.at("a").ReadOnly, s.at("a").Fenced, s.at("a").Signal = true, true, true
	}, reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverUndoing, does: "undo: open for writes a", leads: "a||b"},
	{name: "the old primary is stopped", edit: func(s *situation) {
		s.wants("b")
		prepared(s)
		s.changes(v1alpha1.SwitchoverSwitching, false)
		s.silent("a", time.Hour)
	},
		reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching, says: "force-promote: b", leads: "||"},
	{name: "the old primary is back as a standby, and the candidate has all", edit: func(s *situation) { s.wants("b"); stopped(s); s.changes(v1alpha1.SwitchoverSwitching, false) },
		reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching, does: "promote: promote b; repoint: attach c", leads: "b||a"},
	{name: "the old primary is back as a standby, and the candidate lacks some", edit: func(s *situation) {
		s.wants("b")
		stopped(s)
		s.changes(v1alpha1.SwitchoverSwitching, false)
		s.at("a").At.LSN = 1200
	}, reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching, leads: "||"},
	{name: "so it is undone when it is overdue", edit: func(s *situation) {
		s.wants("b")
		stopped(s)
		s.changes(v1alpha1.SwitchoverSwitching, false).SwitchingAt.Time = noon.Add(-time.Hour)
		s.at("a").At.LSN = 1200
	}, reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverUndoing, does: "undo: make the primary again a", leads: "a||b"},
	{name: "the candidate is promoted", edit: func(s *situation) {
		s.wants("b")
		stopped(s)
		promotedB(s)
		s.changes(v1alpha1.SwitchoverSwitching, false)
		s.follows("a", "b")
		s.follows("c", "b")
		s.at("a").Fenced, s.at("a").ReadOnly = false, false
	}, reason: "TopologyAsWanted", leads: "b|c|a"},
	{name: "undone", edit: func(s *situation) { s.wants("b"); s.changes(v1alpha1.SwitchoverUndoing, false).Message = "why" }, reason: "SwitchoverUndone", phase: v1alpha1.SwitchoverUndone, says: "why", leads: "a|bc|"},
	{name: "undone, and not tried again", edit: func(s *situation) { s.wants("b"); s.changes(v1alpha1.SwitchoverUndone, false).Message = "why" }, reason: "SwitchoverUndone", phase: v1alpha1.SwitchoverUndone, leads: "a|bc|"},

	// Failover.
	{name: "failover, too early", edit: func(s *situation) { s.silent("a", time.Second); s.wants("b") }, reason: "SwitchoverRefused", says: "PrimaryUnreachable", leads: "|bc|"},
	{name: "failover", edit: func(s *situation) { s.silent("a", time.Minute); s.wants("b") }, reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching, does: "freeze: detach b, detach c", leads: "||"},
	{name: "failover, all are frozen", edit: func(s *situation) {
		s.silent("a", time.Minute)
		s.wants("b")
		s.frozen("b", "c")
		s.changes(v1alpha1.SwitchoverSwitching, true)
	},
		reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching, does: "slots: make slots b; promote: promote b", leads: "b||a"},
	{name: "failover, and another one has more", edit: func(s *situation) {
		s.silent("a", time.Minute)
		s.wants("b")
		s.frozen("b", "c")
		s.at("c").At.LSN = 1001
		s.changes(v1alpha1.SwitchoverSwitching, true)
	}, reason: "FailoverRefused", says: "c has received more", phase: v1alpha1.SwitchoverUndone, does: "reattach: attach b, attach c", leads: "|bc|"},
	{name: "failover, and one that the same edit removes has more", edit: func(s *situation) {
		s.silent("a", time.Minute)
		s.wants("b")
		s.leaves("c")
		s.leaves("a")
		s.frozen("b", "c")
		s.at("c").At.LSN = 1001
	}, reason: "FailoverRefused", says: "c has received more", does: "reattach: attach b", leads: "|b|c"},
	{name: "failover, and one that the same edit removes is frozen too", edit: func(s *situation) { s.silent("a", time.Minute); s.wants("b"); s.leaves("c") }, reason: "FailoverInProgress",
		phase: v1alpha1.SwitchoverSwitching, does: "freeze: detach b, detach c", leads: "||"},
	{name: "failover, another one has more, forced", edit: func(s *situation) {
		s.silent("a", time.Minute)
		s.wants("b")
		s.frozen("b", "c")
		s.at("c").At.LSN = 1001
		s.changes(v1alpha1.SwitchoverSwitching, true).Forced = true
	}, reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching, does: "slots: make slots b; promote: promote b", leads: "b||a"},
	{name: "failover, one has to go through its log", edit: func(s *situation) {
		s.silent("a", time.Minute)
		s.wants("b")
		s.frozen("b", "c")
		s.at("c").Known, s.at("c").Settled = false, false
		s.changes(v1alpha1.SwitchoverSwitching, true)
	}, reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching, says: "Wait for it", leads: "||"},
	{name: "failover, one recovers", edit: func(s *situation) {
		s.silent("a", time.Minute)
		s.wants("b")
		s.silent("c", 0)
		s.at("c").Reach, s.at("c").Starting = server.ReachError, true
	}, reason: "FailoverRefused", says: "StandbyUnjudged", leads: "|b|"},
	{name: "failover to a node with an empty database cluster, forced", edit: func(s *situation) {
		s.silent("a", time.Minute)
		s.wants("b")
		s.alone("b", 1, 5000).SystemID = another
		s.forces("b")
	}, reason: "FailoverRefused", says: "CandidateForeign", leads: "|c|b"},
	{name: "failover to one that is far behind what is known", edit: func(s *situation) {
		s.in.Object.Status.LSN = LSN(1000 + lossBound + 1).String()
		s.silent("a", time.Minute)
		s.wants("b")
	}, reason: "FailoverRefused", says: "CandidateBehind", leads: "|bc|"},
	{name: "failover, a synchronous standby is not seen", edit: func(s *situation) {
		s.sync("b", "c")
		s.silent("a", time.Minute)
		s.silent("c", time.Minute)
		s.wants("b")
	}, reason: "FailoverRefused",
		says: "SynchronousStandbyUnseen", leads: "|b|"},
	{name: "a node that left and was detached counts while the primary is away", edit: func(s *situation) {
		s.leaves("c")
		s.frozen("b", "c")
		s.silent("a", time.Minute)
	}, reason: "PrimaryUnreachable", does: "reattach: attach b", keeps: "c", leads: "|b|c"},
	{name: "failover, a synchronous standby is not known any more", edit: func(s *situation) {
		s.sync("b", "c")
		s.silent("a", time.Minute)
		s.leaves("c")
		delete(s.in.Object.Status.Topology, "c")
		delete(s.in.State.Nodes, "c")
		s.wants("b")
	}, reason: "FailoverRefused", says: "nobody knows it", leads: "|b|"},
	{name: "failover, the primary is back", edit: func(s *situation) { s.wants("b"); s.frozen("b", "c"); s.changes(v1alpha1.SwitchoverSwitching, true) }, reason: "SwitchoverRefused", leads: "a|bc|",
		does: "attach: attach b, attach c"},
	{name: "failover, the candidate is promoted", edit: func(s *situation) {
		s.silent("a", time.Minute)
		s.wants("b")
		promotedB(s)
		s.frozen("c")
		s.changes(v1alpha1.SwitchoverSwitching, true)
	}, reason: "StandbyUnreachable", does: "attach: attach c", leads: "b|c|a"},
	{name: "failover, to a node that somebody has promoted", edit: func(s *situation) { s.silent("a", time.Minute); s.wants("b"); promotedB(s); s.frozen("c") }, reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching,
		leads: "||"},
	{name: "after a failover the old primary is back", edit: func(s *situation) {
		s.wants("b")
		promotedB(s)
		s.follows("c", "b")
		s.in.Object.Status.Primary, s.in.Object.Status.Timeline = "b", 2
		s.in.Object.Status.LastSwitchover = &v1alpha1.LastSwitchover{From: "a", To: "b", Failover: true}
		s.alone("a", 1, 1090)
	}, reason: "StandbyDiverged", says: "40 byte(s) of log that the primary b lacks: from 0/41A to 0/442 on timeline 1", does: "fence-extra: fence a", leads: "b|c|a"},
	// What a review has found.
	{name: "nobody is on record, the true primary is being started, and an old one runs", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.silent("b", time.Minute)
		s.at("b").Refused = true
		s.cut("c")
		s.at("c").At = Position{Fork: Fork{2, 1200}, Past: []Fork{{1, 900}}}
	}, reason: "TopologyAmbiguous", says: "c has log that it lacks", leads: "||"},
	{name: "nobody is on record, and no standby shows who is the primary", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.gone("b")
		s.gone("c")
	}, reason: "WaitingForNodes", says: "pg_basebackup", leads: "||"},
	{name: "the same, and the user says who is", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.gone("b")
		s.gone("c")
		s.forces("a")
	}, reason: "StandbyUnreachable", leads: "a||"},
	{name: "nobody is on record, and the only primary is fenced", edit: func(s *situation) {
		s.in.Object.Status = v1alpha1.PostgresReplicationStatus{}
		s.at("a").ReadOnly, s.at("a").Fenced = true, true
	}, reason: "PrimaryReadOnly", says: "ALTER SYSTEM RESET", leads: "||"},
	{name: "a stray that others stream from is not fenced", edit: func(s *situation) { s.alone("b", 2, 1200, Fork{1, 900}); s.follows("c", "b") }, reason: "StandbyDiverged", leads: "a||bc"},
	{name: "an annotation of before is no failover for one missed look", edit: func(s *situation) { s.forces("b"); s.silent("a", time.Second); s.wants("b") }, reason: "SwitchoverRefused", says: "PrimaryUnreachable", leads: "|bc|"},
	{name: "a forced failover, and the primary is back", edit: func(s *situation) {
		s.wants("b")
		s.frozen("b", "c")
		s.changes(v1alpha1.SwitchoverSwitching, true).Forced = true
	}, reason: "SwitchoverRefused",
		does: "attach: attach b, attach c", leads: "a|bc|"},
	{name: "an annotation of before does not count while the old primary is stopped", edit: func(s *situation) {
		s.wants("b")
		s.forces("b")
		s.in.Object.Status.ForceSpent = "b"
		prepared(s)
		s.changes(v1alpha1.SwitchoverSwitching, false)
		s.silent("a", time.Hour)
	}, reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching, leads: "||"},
	{name: "another edit neither", edit: func(s *situation) {
		s.wants("b")
		prepared(s)
		s.changes(v1alpha1.SwitchoverSwitching, false)
		s.in.Object.Generation++
		s.silent("a", time.Hour)
	}, reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching, leads: "||"},
	{name: "somebody has promoted the candidate too early", edit: func(s *situation) {
		s.wants("b")
		stopped(s)
		promotedB(s)
		s.changes(v1alpha1.SwitchoverSwitching, false)
		s.at("a").At.LSN = 1200
	}, reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverSwitching, says: "another log", leads: "||"},
	{name: "the candidate is another database cluster by now", edit: func(s *situation) {
		s.wants("b")
		prepared(s)
		s.changes(v1alpha1.SwitchoverSwitching, false)
		s.at("a").ReadOnly, s.at("a").Fenced, s.at("a").Signal = true, true, true
		s.alone("b", 1, 10).SystemID = another
	}, reason: "SwitchoverInProgress", phase: v1alpha1.SwitchoverUndoing, does: "undo: open for writes a", leads: "a||b"},
	{name: "the primary is fenced, and nothing is on record", edit: func(s *situation) { s.at("a").ReadOnly, s.at("a").Fenced = true, true }, reason: "PrimaryNotReady", says: "ALTER SYSTEM RESET", leads: "|bc|a"},
	{name: "commits do not wait, whatever the names say", edit: func(s *situation) { s.sync("b", "c"); s.at("a").SyncCommit = "local" }, reason: "SynchronousNotSet", says: "synchronous_commit is local", leads: "a|bc|"},
	{name: "names that do not take effect", edit: func(s *situation) { s.sync("b", "c"); s.at("a").SyncNames = "" }, reason: "SynchronousNotSet", does: "synchronous: set synchronous_standby_names a", leads: "a|bc|"},
	{name: "a rival has received what it has not replayed", edit: func(s *situation) {
		s.silent("a", time.Minute)
		s.wants("b")
		s.frozen("b", "c")
		s.at("c").Settled, s.at("c").At.LSN = false, 1100
		s.changes(v1alpha1.SwitchoverSwitching, true)
	}, reason: "FailoverInProgress", phase: v1alpha1.SwitchoverSwitching, says: "Wait for it", leads: "||"},
	{name: "one that diverged on a timeline of the same number stays so", edit: func(s *situation) {
		s.cut("c")
		s.in.Object.Status.Topology["c"].Diverged = true
		s.at("c").At.LSN = 900
	}, reason: "StandbyDiverged", says: "take it out of the spec", leads: "a|b|c"},
	{name: "a standby answers with an error in a failover", edit: func(s *situation) {
		s.silent("a", time.Minute)
		s.silent("c", 0)
		s.at("c").Reach = server.ReachError
		s.wants("b")
	}, reason: "FailoverRefused", says: "StandbyUnjudged", leads: "|b|"},
	{name: "a node has another name", edit: func(s *situation) {
		s.in.Object.Spec.Standby[1].Name = "d"
		d := *s.at("c")
		d.Name = "d"
		s.in.State.Nodes["d"] = &d
	}, reason: "TopologyAsWanted", does: "slots: make slots a", leads: "a|bd|c"},
	{name: "the primary has another name", edit: func(s *situation) {
		s.in.Object.Spec.Primary.Name = "d"
		d := *s.at("a")
		d.Name = "d"
		s.in.State.Nodes["d"] = &d
	}, reason: "TopologyAsWanted", does: "seed: prepare d", leads: "d|bc|a"},
	{name: "a slot of nobody who is known", edit: func(s *situation) { s.at("a").Slots = append(s.at("a").Slots, Slot{Name: "compose_x"}) }, reason: "TopologyAsWanted", leads: "a|bc|"},
}

func TestPlan(t *testing.T) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := situate(row.edit)
			p := Plan(s.in)
			c := p.Conditions[0]
			if c.Reason != row.reason || !strings.Contains(c.Message, row.says) {
				t.Errorf("it says %s: %s; want %s: … %s", c.Reason, c.Message, row.reason, row.says)
			}
			if got := steps(p); got != row.does {
				t.Errorf("it does\n%s\nand not\n%s", got, row.does)
			}
			if got := led(p); got != row.leads {
				t.Errorf("it leads to %s and not to %s", got, row.leads)
			}
			if p.Data.Drop[row.keeps] {
				t.Errorf("%s is forgotten", row.keeps)
			}
			phase := v1alpha1.SwitchoverPhase("")
			if p.Data.Switchover != nil {
				phase = p.Data.Switchover.Phase
			}
			if phase != row.phase {
				t.Errorf("the record is %q and not %q", phase, row.phase)
			}
		})
	}
}
