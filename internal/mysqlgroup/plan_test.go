// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// row is a state, and what is to be done then.
type row struct {
	name    string
	changes []change
	reason  string
	acts    string
	route   string
	// says is part of the condition's message or of a node's note.
	says string
}

func changes(list ...change) []change { return list }

var rows = []row{
	// A group that exists.
	{"as wanted", nil, "TopologyAsWanted", "", "a=rw b=ro c=ro", "a is the primary; 3 of 3"},
	{"a group that exists is adopted", changes(unknown), "TopologyAsWanted", "", "a=rw b=ro c=ro", ""},
	{"a secondary restarted", changes(group("a", "a", "b"), out(MemberOffline, "c")), "MemberNotReady", "join c", "a=rw b=ro c=-", "OFFLINE and joins"},
	{"a secondary restarted, and is not missed yet", changes(views("a b", "c UNREACHABLE"), out(MemberOffline, "c")), "MemberNotReady", "", "a=rw b=ro c=-", ""},
	{"a secondary was expelled", changes(group("a", "a", "b"), out(MemberError, "c")), "MemberNotReady", "join c", "a=rw b=ro c=-", "ERROR"},
	{"a secondary is expelled and does not know", changes(group("a", "a", "b"), server("c", func(s *Server) { s.ViewID = "1:8" }), server("a", func(s *Server) { s.ViewID = "1:10" }), server("b", func(s *Server) { s.ViewID = "1:10" })), "MemberNotReady", "", "a=rw b=ro c=-", "expelled"},
	{"a secondary recovers", changes(views("a b c", "c RECOVERING")), "MemberNotReady", "", "a=rw b=ro c=-", "RECOVERING"},
	{"a secondary is not seen, the group sees it", changes(unreachable("c")), "NodeUnreachable", "", "a=rw b=ro c=(ro)", "the group says ONLINE"},
	{"a secondary is gone", changes(unreachable("c"), group("a", "a", "b")), "NodeUnreachable", "", "a=rw b=ro c=-", "it is not in the group"},
	{"a dead member does not hold up another", changes(unreachable("c"), group("a", "a"), out(MemberOffline, "b")), "MemberNotReady", "join b", "a=rw b=- c=-", ""},
	{"two join at once", changes(group("a", "a"), out(MemberOffline, "b", "c")), "MemberNotReady", "join b,join c", "a=rw b=- c=-", ""},
	{"the primary is not seen, the group sees it", changes(unreachable("a")), "PrimaryNotReady", "", "a=(rw) b=ro c=ro", ""},
	{"the primary is gone, nobody is elected yet", changes(unreachable("a"), views("b c", "a UNREACHABLE")), "PrimaryNotReady", "", "a=(rw) b=ro c=ro", ""},
	{"the primary is gone, another is elected", changes(unreachable("a"), group("b", "b", "c")), "NodeUnreachable", "", "a=- b=rw c=ro", ""},
	{"elected, and not writable yet", changes(group("b", "b", "c"), out(MemberOffline, "a"), server("b", func(s *Server) { s.ReadOnly, s.SuperReadOnly = true, true })), "PrimaryNotReady", "join a", "a=- b=- c=ro", "takes no writes yet"},
	{"a server out of the group takes writes", changes(group("a", "a", "b"), out(MemberOffline, "c"), writable("c")), "MemberNotReady", "fence c,join c", "a=rw b=ro c=-", ""},
	{"another recovery password", changes(server("b", func(s *Server) { s.RecoveryOutdated = true })), "TopologyAsWanted", "set the recovery user b", "a=rw b=ro c=ro", ""},
	{"another recovery password, while it recovers", changes(views("a b c", "b RECOVERING"), server("b", func(s *Server) { s.RecoveryOutdated = true })), "MemberNotReady", "", "a=rw b=- c=ro", ""},
	{"offline_mode after an expulsion", changes(server("c", func(s *Server) { s.OfflineMode, s.Config.OfflineOnExit = true, true })), "MemberNotReady", "end offline mode c", "a=rw b=ro c=-", "offline_mode"},
	{"offline_mode for another reason", changes(server("c", func(s *Server) { s.OfflineMode = true })), "MemberNotReady", "", "a=rw b=ro c=-", "offline_mode"},
	{"bootstrapping was left on", changes(server("c", func(s *Server) { s.Config.Bootstrap = true })), "TopologyAsWanted", "disarm c", "a=rw b=ro c=ro", ""},
	{"members were forced", changes(server("a", func(s *Server) { s.Config.ForceMembers = "a:33061" })), "TopologyAsWanted", "disarm a", "a=rw b=ro c=ro", ""},
	{"a member lacks a seed", changes(seeds("a", "b:33061")), "TopologyAsWanted", "set the seeds a", "a=rw b=ro c=ro", ""},
	{"a member has the seeds in another order", changes(seeds("a", " c:33061, b:33061")), "TopologyAsWanted", "", "a=rw b=ro c=ro", ""},
	{"a member has one seed too many", changes(seeds("a", "b:33061,c:33061,x:33061")), "TopologyAsWanted", "set the seeds a", "a=rw b=ro c=ro", ""},
	{"a member has a seed that may be needed", changes(seeds("a", "b:33061,x:33061"), unreachable("c")), "NodeUnreachable", "", "a=rw b=ro c=(ro)", ""},
	{"another recovery user", changes(server("c", func(s *Server) { s.RecoveryUser = "old" })), "TopologyAsWanted", "set the recovery user c", "a=rw b=ro c=ro", ""},
	{"a member that nobody names", changes(removed("c"), func(s *scenario) {
		delete(s.object.Status.Topology, "c")
		delete(s.state.Nodes, "c")
		delete(s.pods, "c")
	}), "UnknownMember", "", "a=rw b=ro", "c:3306"},
	{"a replaced server, the old one not expelled yet", changes(views("a b", "c UNREACHABLE"), out(MemberOffline, "c"), server("c", func(s *Server) {
		s.UUID, s.Executed = uuidFor("z"), set("")
		s.Members = []Member{{UUID: s.UUID, State: MemberOffline}}
	})), "MemberNotReady", "join c", "a=rw b=ro c=-", ""},

	// What keeps a server out.
	{"errant", changes(group("a", "a", "b"), out(MemberOffline, "c"), holds("c", "1-8 c:1-2", "")), "MemberDiverged", "", "a=rw b=ro c=-", "2 transaction(s)"},
	{"errant in the relay log", changes(group("a", "a", "b"), out(MemberOffline, "c"), holds("c", "1-8", "9 12")), "MemberDiverged", "", "a=rw b=ro c=-", "1 transaction(s)"},
	{"what is queued in the group is in the group", changes(group("a", "a", "b"), out(MemberOffline, "c"), holds("c", "1-12", ""), holds("b", "1-9", "10-12")), "MemberNotReady", "join c", "a=rw b=ro c=-", ""},
	{"more than the members that are seen, and the primary is not", changes(unreachable("a"), out(MemberOffline, "c"), views("b", "c UNREACHABLE"), holds("c", "1-10", "")), "PrimaryNotReady", "", "a=(rw) b=ro c=-", "they may be in the group"},
	{"no more than the members that are seen, and the primary is not", changes(unreachable("a"), group("a", "a", "b"), unreachable("a"), out(MemberOffline, "c")), "PrimaryNotReady", "join c", "a=(rw) b=ro c=-", ""},
	{"back, and the group has not let it go yet", changes(out(MemberOffline, "c"), views("a b", "c UNREACHABLE")), "MemberNotReady", "", "a=rw b=ro c=-", "the group still says UNREACHABLE of it"},
	{"both back, and the third has not missed them yet", changes(out(MemberOffline, "b", "c")), "MemberNotReady", "", "a=rw b=- c=-", "the group still says ONLINE of it"},
	{"in error, and the group says so", changes(views("a b", "c ERROR"), out(MemberError, "c")), "MemberNotReady", "join c", "a=rw b=ro c=-", ""},
	{"gtid_mode off", changes(group("a", "a", "b"), out(MemberOffline, "c"), server("c", func(s *Server) { s.GTIDMode = false })), "MemberNotReady", "", "a=rw b=ro c=-", "gtid_mode"},
	{"no binary log", changes(group("a", "a", "b"), out(MemberOffline, "c"), server("c", func(s *Server) { s.LogBin = false })), "MemberNotReady", "", "a=rw b=ro c=-", "log_bin"},
	{"no plugin", changes(group("a", "a", "b"), out(MemberOffline, "c"), server("c", func(s *Server) { s.Plugin = false })), "MemberNotReady", "", "a=rw b=ro c=-", "INSTALL PLUGIN"},
	{"multi-primary configured", changes(group("a", "a", "b"), out(MemberOffline, "c"), server("c", func(s *Server) { s.Config.SinglePrimary = false })), "MemberNotReady", "", "a=rw b=ro c=-", "single_primary_mode"},
	{"another group's name", changes(group("a", "a", "b"), out(MemberOffline, "c"), server("c", func(s *Server) { s.Config.GroupName = otherName })), "MemberNotReady", "", "a=rw b=ro c=-", otherName},
	{"purged, no clone plugin here", changes(group("a", "a", "b"), out(MemberOffline, "c"), holds("c", "", ""), server("a", func(s *Server) { s.Purged = set("1-5"); s.ClonePlugin = true }), server("b", func(s *Server) { s.Purged = set("1-5") })), "MemberNotReady", "", "a=rw b=ro c=-", "mysql_clone.so' on it"},
	{"purged, no clone plugin there", changes(group("a", "a", "b"), out(MemberOffline, "c"), holds("c", "", ""), server("a", func(s *Server) { s.Purged = set("1-5") }), server("b", func(s *Server) { s.Purged = set("1-5") }), server("c", func(s *Server) { s.ClonePlugin = true })), "MemberNotReady", "", "a=rw b=ro c=-", "on a member"},
	{"purged, cloned", changes(group("a", "a", "b"), out(MemberOffline, "c"), holds("c", "", ""), server("a", func(s *Server) { s.Purged = set("1-5"); s.ClonePlugin = true }), server("b", func(s *Server) { s.Purged = set("1-5") }), server("c", func(s *Server) { s.ClonePlugin = true })), "MemberNotReady", "join c", "a=rw b=ro c=-", ""},
	{"purged by one only", changes(group("a", "a", "b"), out(MemberOffline, "c"), holds("c", "", ""), server("a", func(s *Server) { s.Purged = set("1-5") })), "MemberNotReady", "join c", "a=rw b=ro c=-", ""},

	// Who is the primary.
	{"another primary is wanted", changes(wants("b")), "PrimaryNotAsWanted", "catch up b,elect b,expel clients a", "a=ro b=rw c=ro", ""},
	{"wanted, not ONLINE", changes(wants("c"), group("a", "a", "b"), out(MemberOffline, "c")), "PrimaryNotAsWanted", "join c", "a=rw b=ro c=-", "not an ONLINE member"},
	{"wanted, far behind", changes(wants("b"), server("b", func(s *Server) { s.Backlog = backlogBound + 1 })), "PrimaryNotAsWanted", "", "a=rw b=ro c=ro", "1001 transactions to apply"},
	{"wanted, another one recovers", changes(wants("b"), views("a b c", "c RECOVERING")), "PrimaryNotAsWanted", "", "a=rw b=ro c=-", "c is RECOVERING"},
	{"wanted, another one is unreachable", changes(wants("b"), views("a b", "c UNREACHABLE"), unreachable("c")), "PrimaryNotAsWanted", "", "a=rw b=ro c=-", "c is UNREACHABLE"},
	{"wanted, the present one is not seen", changes(wants("b"), unreachable("a")), "PrimaryNotReady", "", "a=(rw) b=ro c=ro", "nobody can be compared"},
	{"wanted, and it left the spec", changes(wants("c"), removed("c")), "PrimaryNotAsWanted", "leave the group c", "a=rw b=ro c=-", "c is no node of the spec"},
	{"wanted, and it is", changes(wants("a")), "TopologyAsWanted", "", "a=rw b=ro c=ro", ""},

	// Coming and going.
	{"a node left the spec", changes(removed("c")), "MemberLeaving", "leave the group c", "a=rw b=ro c=-", "c left the spec and leaves"},
	{"the primary left the spec", changes(removed("a")), "PrimaryNotAsWanted", "catch up b,elect b,expel clients a", "a=- b=rw c=ro", ""},
	{"two left the spec", changes(removed("b", "c")), "MemberLeaving", "leave the group b", "a=rw b=- c=-", ""},
	{"it left the spec and is not seen", changes(removed("c"), unreachable("c")), "MemberLeaving", "", "a=rw b=ro c=-", "it is not seen"},
	{"it left the spec, the rest has no quorum", changes(removed("c"), views("a b c", "b RECOVERING")), "MemberNotReady", "", "a=rw b=- c=-", "lose its quorum"},
	{"it left the spec and the group", changes(removed("c"), group("a", "a", "b"), out(MemberOffline, "c")), "TopologyAsWanted", "set the seeds a,set the seeds b", "a=rw b=ro c=-", ""},
	{"it left the spec and the group and takes writes", changes(removed("c"), group("a", "a", "b"), out(MemberOffline, "c"), writable("c")), "TopologyAsWanted", "fence c,set the seeds a,set the seeds b", "a=rw b=ro c=-", ""},
	{"it left the spec and the group, and would take writes after a restart", changes(removed("c"), group("a", "a", "b"), out(MemberOffline, "c"), adopted("c")), "TopologyAsWanted", "fence c,set the seeds a,set the seeds b", "a=rw b=ro c=-", ""},
	{"a node of the spec is out, and would take writes after a restart", changes(group("a", "a", "b"), out(MemberOffline, "c"), adopted("c")), "MemberNotReady", "join c", "a=rw b=ro c=-", ""},
	{"a secondary got another name", changes(renamed("c", "d")), "TopologyAsWanted", "", "a=rw b=ro c=- d=ro", ""},
	{"the primary got another name", changes(renamed("a", "d")), "TopologyAsWanted", "", "a=- b=ro c=ro d=rw", ""},
	{"another name, and the primary has gone", changes(renamed("c", "d"), func(s *scenario) {
		s.regroup("b", "b", "c")
		*s.state.Nodes["d"] = *s.state.Nodes["c"]
		s.state.Nodes["d"].Name = "d"
	}, unreachable("a")), "NodeUnreachable", "", "a=- b=rw c=- d=ro", ""},
	{"another name, and the address is another server's", changes(renamed("c", "d"), server("c", func(s *Server) { s.Host = "old" }), func(s *scenario) { s.object.Status.Topology["c"].Host = "old" }), "DuplicateServer", "", "a=(rw) b=(ro) c=(ro) d=()", "same server_uuid"},

	// No quorum.
	{"quorum lost", changes(unreachable("b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE")), "QuorumLost", "", "a=- b=(ro) c=(ro)", "unreachable: b, c"},
	{"quorum lost, one is back outside", changes(unreachable("b"), out(MemberOffline, "c"), says("a", "b UNREACHABLE", "c UNREACHABLE")), "QuorumLost", "", "a=- b=(ro) c=(ro)", ""},
	{"quorum lost, all others are seen outside", changes(out(MemberOffline, "b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE")), "QuorumLost", "stop without quorum a", "a=- b=(ro) c=(ro)", ""},
	{"quorum lost, one of them in it still", changes(out(MemberOffline, "b"), says("a", "b UNREACHABLE", "c UNREACHABLE"), says("c", "b UNREACHABLE", "a UNREACHABLE")), "QuorumLost", "", "a=- b=(ro) c=(ro)", ""},
	{"quorum lost, all outside, one not missed yet", changes(out(MemberOffline, "b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE"), func(s *scenario) {
		s.state.Nodes["a"].Members = append(s.state.Nodes["a"].Members, Member{UUID: uuidFor("x"), State: MemberUnreachable})
	}), "QuorumLost", "", "a=- b=(ro) c=(ro)", ""},
	{"one of three, its view intact", changes(unreachable("b", "c")), "NodeUnreachable", "", "a=rw b=(ro) c=(ro)", ""},
	{"a majority that a newer view has left behind", changes(out(MemberOffline, "a"), server("c", func(s *Server) {
		s.ViewID, s.Members = "1:10", []Member{{UUID: uuidFor("a"), State: MemberUnreachable}, {UUID: uuidFor("c"), State: MemberOnline}}
	}), says("b", "a UNREACHABLE")), "QuorumLost", "stop without quorum c", "a=- b=(ro) c=(ro)", ""},
	{"only a joiner is seen", changes(unreachable("a", "b"), says("c", "c RECOVERING")), "QuorumLost", "", "a=(rw) b=(ro) c=(ro)", ""},
	{"force", changes(unreachable("b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE"), annotate(v1alpha1.AnnotationForceQuorum, "a")), "QuorumForced", "force quorum a", "a=(rw) b=(ro) c=(ro)", "Take the annotation away"},
	{"force, left over from before", changes(spent("a"), unreachable("b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE"), annotate(v1alpha1.AnnotationForceQuorum, "a")), "QuorumLost", "", "a=- b=(ro) c=(ro)", "take it off"},
	{"force, another than the one left over", changes(spent("a,b"), unreachable("b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE"), annotate(v1alpha1.AnnotationForceQuorum, "a")), "QuorumForced", "force quorum a", "a=(rw) b=(ro) c=(ro)", ""},
	{"force names one that is not seen", changes(unreachable("b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE"), annotate(v1alpha1.AnnotationForceQuorum, "a, b")), "QuorumLost", "", "a=- b=(ro) c=(ro)", "b is not seen"},
	{"force names a stranger", changes(unreachable("b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE"), annotate(v1alpha1.AnnotationForceQuorum, "x")), "QuorumLost", "", "a=- b=(ro) c=(ro)", "x is no node"},
	{"force with a quorum", changes(annotate(v1alpha1.AnnotationForceQuorum, "a")), "TopologyAsWanted", "", "a=rw b=ro c=ro", ""},
	{"force mixes in and out", changes(unreachable("c"), out(MemberOffline, "b"), says("a", "b UNREACHABLE", "c UNREACHABLE"), annotate(v1alpha1.AnnotationForceQuorum, "a,b")), "QuorumLost", "", "a=- b=(ro) c=(ro)", "a does not reach b"},
	{"force those that do not reach one another", changes(unreachable("c"), says("a", "b UNREACHABLE", "c UNREACHABLE"), says("b", "a UNREACHABLE", "c UNREACHABLE"), annotate(v1alpha1.AnnotationForceQuorum, "a,b")), "QuorumLost", "", "a=- b=(ro) c=(ro)", "a does not reach b"},
	{"force leaves behind a member that is seen and not reached", changes(unreachable("c"), says("a", "b UNREACHABLE", "c UNREACHABLE"), server("b", func(s *Server) {
		s.ViewID, s.Members = "1:10", []Member{{UUID: uuidFor("b"), State: MemberOnline}, {UUID: uuidFor("c"), State: MemberUnreachable}}
	}), annotate(v1alpha1.AnnotationForceQuorum, "a")), "QuorumLost", "", "a=- b=(ro) c=(ro)", "STOP GROUP_REPLICATION on it first"},
	{"force leaves behind what one outside is seen to hold", changes(unreachable("c"), out(MemberOffline, "b"), holds("b", "1-12", ""), says("a", "b UNREACHABLE", "c UNREACHABLE"), annotate(v1alpha1.AnnotationForceQuorum, "a")), "QuorumLost", "", "a=- b=(ro) c=(ro)", "STOP GROUP_REPLICATION on them, and name it as well"},
	{"force, one outside holds nothing more", changes(unreachable("c"), out(MemberOffline, "b"), says("a", "b UNREACHABLE", "c UNREACHABLE"), annotate(v1alpha1.AnnotationForceQuorum, "a")), "QuorumForced", "force quorum a", "a=(rw) b=(ro) c=(ro)", ""},
	{"force starts a group without a lost node", changes(unreachable("c"), out(MemberOffline, "a", "b"), annotate(v1alpha1.AnnotationForceQuorum, "a,b")), "QuorumForced", "bootstrap the group a", "a=- b=(ro) c=(ro)", ""},
	{"force starts from one that lacks something", changes(unreachable("c"), out(MemberOffline, "a", "b"), holds("b", "1-10", ""), annotate(v1alpha1.AnnotationForceQuorum, "a")), "WaitingForNodes", "", "a=- b=(ro) c=(ro)", "b holds transactions that they lack"},

	// No group.
	{"nobody is seen", changes(unreachable("a", "b", "c")), "WaitingForNodes", "", "a=(rw) b=(ro) c=(ro)", ""},
	{"one is not seen, the others are out", changes(unreachable("c"), out(MemberOffline, "a", "b")), "WaitingForNodes", "", "a=- b=(ro) c=(ro)", "c (no answer)"},
	{"one is not seen, another out of the group takes writes", changes(unreachable("c"), out(MemberOffline, "a", "b"), writable("b")), "WaitingForNodes", "fence b", "a=- b=(ro) c=(ro)", ""},
	{"one answers with an error", changes(unreachable("c"), server("c", func(s *Server) { s.Reach = shared.ReachError }), out(MemberOffline, "a", "b")), "WaitingForNodes", "", "a=- b=(ro) c=(ro)", ""},
	{"all are out", changes(out(MemberOffline, "a", "b"), out(MemberError, "c")), "GroupStarts", "bootstrap the group a", "a=- b=(ro) c=(ro)", ""},
	{"all are out, spec.primary is as good", changes(out(MemberOffline, "a", "b", "c"), wants("b")), "GroupStarts", "bootstrap the group b", "a=- b=(ro) c=(ro)", ""},
	{"all are out, spec.primary lacks something", changes(out(MemberOffline, "a", "b", "c"), wants("b"), holds("b", "1-8", "")), "GroupStarts", "bootstrap the group a", "a=- b=(ro) c=(ro)", ""},
	{"all are out, the last has the most", changes(out(MemberOffline, "a", "b", "c"), holds("c", "1-10", "")), "GroupStarts", "bootstrap the group c", "a=- b=(ro) c=(ro)", ""},
	{"all are out, the most is received", changes(out(MemberOffline, "a", "b", "c"), holds("c", "1-8", "9-10")), "GroupStarts", "bootstrap the group c", "a=- b=(ro) c=(ro)", ""},
	{"all are out, bootstrapping was left on elsewhere", changes(out(MemberOffline, "a", "b", "c"), server("b", func(s *Server) { s.Config.Bootstrap = true })), "GroupStarts", "disarm b,bootstrap the group a", "a=- b=(ro) c=(ro)", ""},
	{"one is not seen, bootstrapping was left on", changes(unreachable("c"), out(MemberOffline, "a", "b"), server("b", func(s *Server) { s.Config.Bootstrap = true })), "WaitingForNodes", "disarm b", "a=- b=(ro) c=(ro)", ""},
	{"all are out, those with the most were emptied", changes(held("a", "1-9"), out(MemberOffline, "a", "b", "c"), holds("a", "", ""), holds("b", "", ""), holds("c", "1-5", "")), "GroupDiverged", "", "a=- b=(ro) c=(ro)", "a held 4 transaction(s) that no node holds any more"},
	{"all are out, what the record has is there", changes(held("a", "1-9"), out(MemberOffline, "a", "b", "c"), holds("a", "", "")), "GroupStarts", "bootstrap the group b", "a=- b=(ro) c=(ro)", ""},
	{"emptied, and the user goes on without", changes(held("a", "1-9"), out(MemberOffline, "a", "b", "c"), holds("a", "", ""), holds("b", "", ""), holds("c", "1-5", ""), annotate(v1alpha1.AnnotationForceQuorum, "c")), "QuorumForced", "bootstrap the group c", "a=- b=(ro) c=(ro)", ""},
	{"all are out, incomparable", changes(out(MemberOffline, "a", "b", "c"), holds("b", "1-9 b:1", ""), holds("c", "1-9 c:1-2", "")), "GroupDiverged", "", "a=- b=(ro) c=(ro)", "c holds 2 transaction(s) that b lacks"},
	{"all are out, one that left the spec has the most", changes(removed("c"), out(MemberOffline, "a", "b", "c"), holds("c", "1-10", "")), "GroupDiverged", "", "a=- b=(ro) c=(ro)", "to keep that name c again"},
	{"all are out, one that left the spec is not seen", changes(removed("c"), unreachable("c"), out(MemberOffline, "a", "b")), "WaitingForNodes", "", "a=- b=(ro) c=(ro)", ""},
	{"all are out, one that left the spec was seen out and is gone with its pod", changes(removed("c"), unreachable("c"), podGone("c"), outside("c"), out(MemberOffline, "a", "b")), "GroupStarts", "bootstrap the group a", "a=- b=(ro) c=()", ""},
	{"all are out, one that left the spec as a member is gone with its pod", changes(removed("c"), unreachable("c"), podGone("c"), out(MemberOffline, "a", "b")), "WaitingForNodes", "", "a=- b=(ro) c=()", "its server may still run"},
	{"quorum lost, one that left the spec is gone with its pod", changes(removed("c"), unreachable("c"), podGone("c"), out(MemberOffline, "b"), says("a", "b UNREACHABLE", "c UNREACHABLE")), "QuorumLost", "", "a=- b=(ro) c=()", ""},
	{"one that left the spec as a member is given up by name", changes(removed("c"), unreachable("c"), podGone("c"), out(MemberOffline, "a", "b"), annotate(v1alpha1.AnnotationForceQuorum, "a,b")), "QuorumForced", "bootstrap the group a", "a=- b=(ro) c=()", ""},
	{"all are out, the best lacks the plugin", changes(out(MemberOffline, "a", "b", "c"), holds("c", "1-10", ""), server("c", func(s *Server) { s.Plugin = false })), "GroupDiverged", "", "a=- b=(ro) c=(ro)", "cannot start the group: c: the plugin"},
	{"all are out, others take writes", changes(out(MemberOffline, "a", "b", "c"), writable("a", "b")), "GroupStarts", "fence b,bootstrap the group a", "a=- b=(ro) c=(ro)", ""},
	{"a new group", changes(unknown, bare("a", "b", "c")), "GroupStarts", "fence b,fence c,bootstrap the group a", "a=() b=() c=()", "there is no group yet"},
	{"a new group, one is not seen", changes(unknown, bare("a", "b", "c"), unreachable("c")), "WaitingForNodes", "", "a=() b=() c=()", ""},
	{"made again, with fewer members than the servers know", changes(unknown, out(MemberOffline, "a", "b", "c"), forgotten("c")), "MembersNotNamed", "", "a=() b=()", "name servers that the spec does not: c:33061"},
	{"made again, and a seed has another name for a node", changes(unknown, out(MemberOffline, "a", "b", "c"), seeds("a", "B:3306,c.shop.svc:33061")), "GroupStarts", "bootstrap the group a", "a=() b=() c=()", ""},
	{"made again, the servers have never been in a group", changes(unknown, bare("a", "b", "c"), seeds("a", "x:33061")), "GroupStarts", "fence b,fence c,bootstrap the group a", "a=() b=() c=()", ""},
	{"made again, one without a quorum lists more members", changes(unknown, out(MemberOffline, "b"), says("a", "b UNREACHABLE", "c UNREACHABLE"), forgotten("c")), "QuorumLost", "", "a=() b=()", ""},
	{"made again with fewer members, and the user gives up the others", changes(unknown, out(MemberOffline, "a", "b", "c"), forgotten("c"), annotate(v1alpha1.AnnotationForceQuorum, "a,b")), "QuorumForced", "bootstrap the group a", "a=() b=()", ""},
	{"all are out, the group had a member that the spec does not name", changes(recorded("x"), out(MemberOffline, "a", "b", "c")), "MembersNotNamed", "", "a=- b=(ro) c=(ro)", "does not name: x:3306"},
	{"all are out, such a member is a node now", changes(recorded("c"), out(MemberOffline, "a", "b", "c")), "GroupStarts", "bootstrap the group a", "a=- b=(ro) c=(ro)", ""},
	{"quorum lost, a newer view has no such member any more", changes(recorded("x"), out(MemberOffline, "b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE")), "QuorumLost", "stop without quorum a", "a=- b=(ro) c=(ro)", ""},
	{"a new group of servers with data of their own", changes(unknown, bare("a", "b", "c"), holds("a", "a:1", ""), holds("b", "b:1", "")), "GroupDiverged", "", "a=() b=() c=()", "a holds 1 transaction(s) that b lacks"},
	{"a new group, different names configured", changes(unknown, bare("a", "b", "c"), server("a", func(s *Server) { s.Config.GroupName = groupName }), server("b", func(s *Server) { s.Config.GroupName = otherName })), "GroupNameUnknown", "", "a=() b=() c=()", otherName},

	// What is never mended.
	{"two groups, two bootstraps", changes(group("a", "a"), group("b", "b", "c"), server("a", func(s *Server) { s.ViewID = "2:1" })), "SplitGroup", "", "a=- b=(ro) c=(ro)", "a (group"},
	{"two groups, two forced halves", changes(group("a", "a"), group("b", "b", "c")), "SplitGroup", "", "a=- b=(ro) c=(ro)", ""},
	{"two groups, two names", changes(group("a", "a"), group("b", "b", "c"), server("a", func(s *Server) { s.Config.GroupName = otherName })), "SplitGroup", "", "a=- b=(ro) c=(ro)", ""},
	{"a node alone in a group of its own", changes(group("a", "a", "b"), alone("c", "2:1")), "SplitGroup", "", "a=rw b=ro c=-", "That of a goes on the one on record"},
	{"a node alone, forced by somebody", changes(group("a", "a", "b"), alone("c", "1:12")), "SplitGroup", "", "a=rw b=ro c=-", "nobody is led to c"},
	{"a node alone in a group of another name", changes(group("a", "a", "b"), alone("c", "2:1"), server("c", foreign)), "SplitGroup", "", "a=rw b=ro c=-", otherName},
	{"a node alone, and the group still lists it", changes(alone("c", "2:1")), "SplitGroup", "", "a=rw b=ro c=-", "another group"},
	{"a node alone, and it leaves the spec", changes(removed("c"), alone("c", "2:1")), "SplitGroup", "", "a=rw b=ro c=-", ""},
	{"a node alone, another one is out", changes(group("a", "a"), out(MemberOffline, "b"), alone("c", "2:1")), "SplitGroup", "", "a=- b=(ro) c=(ro)", "It cannot be told"},
	{"a node alone, the primary is not seen", changes(group("a", "a", "b"), alone("c", "2:1"), unreachable("a")), "SplitGroup", "", "a=(rw) b=ro c=-", ""},
	{"a node alone, another member was elected", changes(group("b", "a", "b"), alone("c", "2:1")), "SplitGroup", "", "a=ro b=rw c=-", ""},
	{"writes are led to the one that is alone", changes(group("b", "b", "c"), alone("a", "1:12")), "SplitGroup", "", "a=- b=(ro) c=(ro)", "the primary that writes were led to"},
	{"a node alone, and nothing is on record", changes(unknown, group("a", "a", "b"), alone("c", "2:1")), "SplitGroup", "", "a=() b=() c=()", ""},
	{"a node alone, and it is wanted", changes(group("a", "a", "b"), alone("c", "2:1"), wants("c")), "SplitGroup", "", "a=rw b=ro c=-", "c is wanted"},
	{"a node in a foreign group, the own one is out", changes(out(MemberOffline, "a", "b"), group("c", "c"), server("c", foreign)), "ForeignGroup", "", "a=- b=(ro) c=-", otherName},
	{"a node in a foreign group, the others are not seen", changes(unreachable("a", "b"), group("c", "c"), server("c", foreign)), "ForeignGroup", "", "a=(rw) b=(ro) c=-", groupName},
	{"the group was made anew of most nodes", changes(group("a", "a", "b"), out(MemberOffline, "c"), server("a", foreign), server("b", foreign)), "MemberNotReady", "", "a=rw b=ro c=-", otherName},
	{"more than one primary", changes(server("a", func(s *Server) { s.Members[1].Primary = true })), "MultiPrimaryMode", "", "a=- b=(ro) c=(ro)", "switch_to_single_primary_mode"},
	{"two nodes are one server", changes(server("b", func(s *Server) { s.UUID = uuidFor("a") })), "DuplicateServer", "", "a=(rw) b=(ro) c=(ro)", "same server_uuid"},

	// Skipped.
	{"skip, all out", changes(out(MemberOffline, "a", "b", "c"), annotate(v1alpha1.AnnotationSkipReconcile, "true")), "GroupStarts", "", "a=- b=(ro) c=(ro)", ""},
	{"skip, another primary", changes(group("b", "a", "b", "c"), wants("a"), annotate(v1alpha1.AnnotationSkipReconcileOld, "true")), "PrimaryNotAsWanted", "", "a=ro b=rw c=ro", ""},
	{"skip, twins", changes(server("b", func(s *Server) { s.UUID = uuidFor("a") }), annotate(v1alpha1.AnnotationSkipReconcile, "true")), "DuplicateServer", "", "a=(rw) b=(ro) c=(ro)", ""},
}

// alone: the node has a majority of itself, in a view of its own.
func alone(name, view string) change {
	return func(s *scenario) {
		s.regroup(name, name)
		s.state.Nodes[name].ViewID = view
	}
}

// foreign: the server is in a group of another name.
func foreign(s *Server) { s.Config.GroupName = otherName }

func TestPlan(t *testing.T) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s := healthy("a", "b", "c")
			for _, c := range r.changes {
				c(s)
			}
			p := s.plan()
			if len(p.Conditions) != 1 || p.Conditions[0].Reason != r.reason {
				t.Fatalf("conditions %+v, want %s", p.Conditions, r.reason)
			}
			if got := strings.Join(acts(p), ","); got != r.acts {
				t.Errorf("acts %q, want %q", got, r.acts)
			}
			if got := s.routed(p); got != r.route {
				t.Errorf("route %q, want %q", got, r.route)
			}
			said := p.Conditions[0].Message
			for _, note := range p.Data.Notes {
				said += "\n" + note
			}
			if !strings.Contains(said, r.says) {
				t.Errorf("%q is not said in %q", r.says, said)
			}
			if ok := p.Conditions[0].Status == "True"; ok != (r.reason == "TopologyAsWanted") {
				t.Errorf("status %s", p.Conditions[0].Status)
			}
		})
	}
}

// Whom the user has given up is asked once more, and a stop is not waited for.
func TestForceAsksTheOthers(t *testing.T) {
	s := healthy("a", "b", "c")
	for _, c := range changes(unreachable("b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE"), annotate(v1alpha1.AnnotationForceQuorum, "a")) {
		c(s)
	}
	if do := action[ForceMembers](t, s.plan()); !slices.Equal(do.Others, []string{"b", "c"}) {
		t.Errorf("%+v", do)
	}
	out(MemberOffline, "a")(s)
	if do := action[Bootstrap](t, s.plan()); len(do.Others) != 0 || !slices.Equal(do.Lost, []string{"b", "c"}) {
		t.Errorf("%+v", do)
	}
	there := healthy("a", "b", "c")
	group("b", "b", "c")(there)
	gone := healthy("a", "b", "c")
	out(MemberOffline, "b")(gone)
	for _, c := range []struct {
		about string
		s     *Server
		err   error
		holds string
		want  string
	}{
		{"in a group", there.state.Nodes["b"], nil, "1-9", "b is ONLINE in a group"},
		{"out", gone.state.Nodes["b"], nil, "1-9", ""},
		{"out, with more", gone.state.Nodes["b"], nil, "1-7", "b holds 2 transaction(s) more"},
		{"refuses", nil, conn.Refusal("no password"), "1-9", "b is there"},
		{"silent", nil, errors.New("no answer"), "1-9", "does not answer"},
	} {
		got := ""
		if err := against("b", c.s, c.err, set(c.holds)); err != nil {
			got = err.Error()
		}
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.about, got, c.want)
		}
	}
}

// A node that left is forgotten once it stays read-only without anybody's looking after it.
func TestWhichNodesAreForgotten(t *testing.T) {
	left := changes(removed("c"), group("a", "a", "b"), out(MemberOffline, "c"))
	for _, c := range []struct {
		name    string
		changes []change
		want    bool
	}{
		{"it stays read-only", left, true},
		{"it takes writes", append(left, writable("c")), false},
		{"it would take writes after a restart", append(left, adopted("c")), false},
		{"it is in the group", changes(removed("c")), false},
		{"it is not seen", append(left, unreachable("c")), false},
		{"it is not seen, and its pod is gone", append(left, unreachable("c"), podGone("c")), true},
	} {
		s := healthy("a", "b", "c")
		for _, change := range slices.Clone(c.changes) {
			change(s)
		}
		p := s.plan()
		if p.Data.Drop["c"] != c.want {
			t.Errorf("%s: forgotten: %t", c.name, p.Data.Drop["c"])
		}
		for _, step := range p.Steps {
			for _, a := range step.Actions {
				if do, is := a.(Fence); is && !do.Persist {
					t.Errorf("%s: %s is fenced until it restarts", c.name, do.Node())
				}
			}
		}
	}
}

// No pass is held up by a server that takes its time.
func TestStopsAreNotWaitedFor(t *testing.T) {
	for _, a := range []reconcile.Action{Leave{}, Dissolve{}, Join{}} {
		if d, own := a.(reconcile.Deadliner); own {
			t.Errorf("%s has %s", a.About(), d.Deadline())
		}
	}
	h, ends := &handle{}, make(chan bool)
	if err := h.beside(t.Context(), 0, func(context.Context) error { <-ends; return nil }); err != nil {
		t.Fatal(err)
	}
	// Neither a second stop nor a bootstrap is begun beside it: no server is asked.
	a := &actor{handle: h, other: func(name string) (*handle, Node, error) { return h, Node{Name: name}, nil }}
	for _, stop := range []func(context.Context) error{a.leave, a.dissolve} {
		if err := stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := a.among(t.Context(), []string{"b"}, set("1-9"), true); err == nil || !strings.Contains(err.Error(), "on b has not ended") {
		t.Errorf("%v", err)
	}
	close(ends)
	s := healthy("a", "b", "c")
	removed("c")(s)
	if p := s.plan(); p.Again || p.Next != busy {
		t.Errorf("leaving: %+v", p)
	}
	s = healthy("a", "b", "c")
	for _, c := range changes(out(MemberOffline, "b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE")) {
		c(s)
	}
	if p := s.plan(); p.Again || p.Next != busy {
		t.Errorf("dissolving: %+v", p)
	}
}

// A bootstrap is recorded before it is done, and is given what the server lacks.
func TestBootstrapOfANewGroup(t *testing.T) {
	s := healthy("a", "b", "c")
	unknown(s)
	bare("a", "b", "c")(s)
	p := s.plan()
	do := action[Bootstrap](t, p)
	want := newGroupName(s.object.UID)
	if !p.Persist || !p.MustFinish || !p.Again || !p.Data.Bootstrapped || p.Data.GroupName != want {
		t.Errorf("%+v", p)
	}
	if do.Settings.GroupName != want || do.Settings.LocalAddress != "a:33061" || do.Settings.Seeds != "b:33061,c:33061" || !slices.Equal(do.Others, []string{"b", "c"}) {
		t.Errorf("%+v", do)
	}
	server("b", func(s *Server) { s.Config.GroupName, s.Config.LocalAddress = otherName, "b.example:24901" })(s)
	p = s.plan()
	if do = action[Bootstrap](t, p); p.Data.GroupName != otherName || do.Settings.GroupName != otherName || do.Settings.Seeds != "b.example:24901,c:33061" {
		t.Errorf("the name that one is configured with: %+v, %+v", p.Data, do)
	}
	s.object.Annotations = map[string]string{v1alpha1.AnnotationSkipReconcile: "true"}
	if p = s.plan(); p.Persist || p.Data.Bootstrapped || p.Data.GroupName != "" {
		t.Errorf("skipped, and recorded: %+v", p)
	}
}

// All that is slow comes before the election, and the labels change in one step.
func TestElectionInOrder(t *testing.T) {
	s := healthy("a", "b", "c")
	s.object.Spec.Primary = "b"
	p := s.plan()
	var names []string
	for _, step := range p.Steps {
		names = append(names, step.Name)
	}
	if strings.Join(names, " ") != "route catch-up elect expel" {
		t.Fatalf("steps %v", names)
	}
	if p.Steps[0].Routing["b"] != reconcile.AccessNone || p.Steps[0].Routing["a"] != reconcile.AccessReadWrite {
		t.Errorf("before the election: %v", p.Steps[0].Routing)
	}
	if wait := action[CatchUp](t, p); wait.Linger != drainTime || wait.Primary != "a" || !wait.Set.Equal(set("1-9")) {
		t.Errorf("%+v", wait)
	}
	if elect := p.Steps[2]; !elect.StopsWrites || !elect.RestoresWrites || elect.Routing["b"] != reconcile.AccessReadWrite || elect.Routing["a"] != reconcile.AccessReadOnly {
		t.Errorf("%+v", elect)
	}
	if do := action[SetPrimary](t, p); do.UUID != uuidFor("b") || do.Transactions != transactionsTimeout {
		t.Errorf("%+v", do)
	}
	s.pods["b"] = reconcile.Pod{Exists: true}
	if wait := action[CatchUp](t, s.plan()); wait.Linger != 0 {
		t.Errorf("nobody reads from it, and it waits: %+v", wait)
	}
}

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes []change
		reason  string
		warning bool
	}{
		{"elected by the group", changes(group("b", "a", "b", "c")), "PrimaryChanged", true},
		{"elected as asked", changes(group("b", "a", "b", "c"), wants("b")), "PrimaryChanged", false},
		{"errant", changes(group("a", "a", "b"), out(MemberOffline, "c"), holds("c", "c:1", "")), "MemberDiverged", true},
		{"writable outside", changes(group("a", "a", "b"), out(MemberOffline, "c"), writable("c")), "OutsiderWasWritable", true},
		{"bootstrap left on", changes(server("c", func(s *Server) { s.Config.Bootstrap = true })), "BootstrapLeftOn", true},
		{"force and quorum", changes(annotate(v1alpha1.AnnotationForceQuorum, "a")), "ForceQuorumIdle", true},
		{"forced", changes(unreachable("b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE"), annotate(v1alpha1.AnnotationForceQuorum, "a")), "QuorumForced", true},
		{"a port of its own", changes(func(s *scenario) { s.object.Spec.Member[2].Port = 3307 }), "PortsDiffer", true},
		{"the pod of a leaving node is gone, nobody saw it out", changes(removed("c"), group("a", "a", "b"), unreachable("c"), podGone("c")), "NodeForgotten", true},
		{"members that the spec does not name", changes(recorded("x"), out(MemberOffline, "a", "b", "c")), "MembersNotNamed", true},
		{"quorum lost", changes(unreachable("b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE")), "QuorumLost", true},
		{"start", changes(out(MemberOffline, "a", "b", "c")), "GroupStarts", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy("a", "b", "c")
			for _, change := range c.changes {
				change(s)
			}
			for _, e := range s.plan().Events {
				if e.Reason == c.reason {
					if e.Warning != c.warning {
						t.Errorf("warning: %t", e.Warning)
					}
					return
				}
			}
			t.Errorf("no event %s in %+v", c.reason, s.plan().Events)
		})
	}
}

func TestLocalAddress(t *testing.T) {
	for _, c := range []struct {
		node  Node
		stack bool
		want  string
	}{
		{Node{Host: "h", Port: 3306}, false, "h:33061"},
		{Node{Host: "h", Port: 3307}, false, "h:33071"},
		{Node{Host: "h", Port: 30000}, false, "h:33061"},
		{Node{Host: "::1", Port: 3306}, false, "[::1]:33061"},
		{Node{Host: "h", Port: 3306}, true, "h:3306"},
	} {
		if got := localAddress(c.node, c.stack); got != c.want {
			t.Errorf("%+v: %s, want %s", c.node, got, c.want)
		}
	}
}

// What the members held is on record until a group is seen again.
func TestRecordOutlivesTheGroup(t *testing.T) {
	s := healthy("a", "b", "c")
	Project(s.object, s.state, s.plan())
	unreachable("a", "b", "c")(s)
	Project(s.object, s.state, s.plan())
	s2 := healthy("a", "b", "c")
	s.state = s2.state
	for _, c := range changes(out(MemberOffline, "a", "b", "c"), holds("a", "", ""), holds("b", "", ""), holds("c", "1-5", "")) {
		c(s)
	}
	for range 2 {
		p := s.plan()
		if list := acts(p); len(list) > 0 || p.Conditions[0].Reason != "GroupDiverged" {
			t.Fatalf("%v, %+v", list, p.Conditions)
		}
		Project(s.object, s.state, p)
	}
	s.regroup("c", "c", "b", "a")
	Project(s.object, s.state, s.plan())
	if got := s.object.Status.Topology["a"].GtidExecuted; got != "" {
		t.Errorf("with a group it is what was seen: %q", got)
	}
}

// Members that the spec does not name are on record while a group is seen, and after that.
func TestUnnamedMembersAreRecorded(t *testing.T) {
	s := healthy("a", "b", "c")
	forgotten("c")(s)
	look := func(want ...string) {
		t.Helper()
		Project(s.object, s.state, s.plan())
		var got []string
		for _, m := range s.object.Status.UnknownMembers {
			got = append(got, m.Address+" "+m.ServerUUID)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("on record are %q, want %q", got, want)
		}
	}
	look("c:3306 " + uuidFor("c"))
	out(MemberOffline, "a", "b")(s)
	look("c:3306 " + uuidFor("c"))
	if got := s.plan().Conditions[0].Reason; got != "MembersNotNamed" {
		t.Errorf("a group would start beside it: %s", got)
	}
	unreachable("a")(s)
	look("c:3306 " + uuidFor("c"))
	s.state = healthy("a", "b").state
	look()
	// A server that was replaced, at its address, is nobody else.
	s = healthy("a", "b", "c")
	views("a b", "c UNREACHABLE")(s)
	s.state.Nodes["c"].UUID = uuidFor("z")
	out(MemberOffline, "c")(s)
	look()
	unreachable("c")(s)
	s.object.Status.Topology["c"].ServerUUID = uuidFor("z")
	look("c:3306 " + uuidFor("c"))
}

// Without the primary nobody is said to hold what the group lacks, and nobody who was is
// cleared.
func TestUnknownIsNotErrant(t *testing.T) {
	s := healthy("a", "b", "c")
	for _, c := range changes(views("a b", "c UNREACHABLE"), out(MemberOffline, "c"), holds("c", "1-10", "")) {
		c(s)
	}
	primary := s.state.Nodes["a"]
	look := func(want int64) {
		t.Helper()
		p := s.plan()
		Project(s.object, s.state, p)
		if n := s.object.Status.Topology["c"]; n.ErrantCount != want || p.Data.Errant["c"].Count() > want {
			t.Fatalf("%+v", n)
		}
	}
	unreachable("a")(s)
	look(0)
	s.state.Nodes["a"] = primary
	look(1)
	unreachable("a")(s)
	look(1)
	s.state.Nodes["a"] = primary
	holds("a", "1-10", "")(s)
	look(0)
}

// A node that was a member is one on record until it is seen to be out.
func TestMembershipIsRecorded(t *testing.T) {
	s := healthy("a", "b", "c")
	look := func(want bool) {
		t.Helper()
		Project(s.object, s.state, s.plan())
		if got := s.object.Status.Topology["c"].Member; got != want {
			t.Fatalf("member: %t", got)
		}
	}
	look(true)
	unreachable("a", "b", "c")(s)
	look(true)
	s.state = healthy("a", "b", "c").state
	out(MemberOffline, "a", "b", "c")(s)
	look(false)
	unreachable("c")(s)
	look(false)
	s.state = healthy("a", "b", "c").state
	look(true)
	unreachable("c")(s)
	look(true)
	s.regroup("a", "a", "b")
	look(false)
}

func TestSameAddress(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a:1", "A:1", true}, {"a:1", "a:2", false}, {"a:1", "b:1", false}, {"a", "a", false}, {"", "", false},
		{"m-0.mysql:33061", "m-0.mysql.shop.svc:33061", true}, {"m-0.mysql.shop.svc:33061", "m-0:33061", true},
		{"m-0.mysql:1", "m-0.mysql2.shop:1", false}, {"10.0.0.1:1", "10.0.0.1:1", true}, {"10.0.0.1:1", "10.0.0.1.shop:1", false},
	} {
		if got := sameAddress(c.a, c.b); got != c.want {
			t.Errorf("%s, %s: %t", c.a, c.b, got)
		}
	}
}

// The annotation is spent by a quorum, and counts again once it was taken off.
func TestForceQuorumIsSpent(t *testing.T) {
	s := healthy("a", "b", "c")
	look := func(annotation, want string) {
		t.Helper()
		annotate(v1alpha1.AnnotationForceQuorum, annotation)(s)
		Project(s.object, s.state, s.plan())
		if got := s.object.Status.ForceQuorumSpent; got != want {
			t.Fatalf("spent is %q, want %q", got, want)
		}
	}
	look(" a, b", "a,b")
	for _, c := range changes(unreachable("b", "c"), says("a", "b UNREACHABLE", "c UNREACHABLE")) {
		c(s)
	}
	look("a,b", "a,b")
	look("", "")
	look("a,b", "")
}
