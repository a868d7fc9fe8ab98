// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// view is the input seen through the questions that rules ask.
type view struct {
	spec   *v1alpha1.MysqlGroupReplicationSpec
	status *v1alpha1.MysqlGroupReplicationStatus
	// fresh is the name of a group that is made for this resource.
	fresh string
	// forced are the nodes that the user wants the group to go on with.
	forced  []string
	skip    bool
	nodes   []Node
	servers map[string]*Server
	pods    map[string]reconcile.Pod
	// aliases are nodes that left the spec and are a node of the spec under an older name.
	aliases []string
	// readers is the port of -readonly.
	readers int32

	// lead holds the view of the group that counts; nil when nobody does.
	lead *Server
	// split says what two views with a majority there are; "" when there are not.
	split string
	// apart are nodes with a majority of another group, where it is known which one counts.
	apart []string
	// stranger is a node in another group than the recorded one, which nobody is seen to be
	// in any more; "" when there is none.
	stranger string
	// primary is the node that lead sees as the primary; "" when it sees none, or one
	// that no node is. It may be unseen.
	primary string
	// primaries is how many primaries lead sees.
	primaries int

	data Data
}

func look(in Input) *view {
	o := in.Object
	v := &view{
		spec: &o.Spec, status: &o.Status, fresh: newGroupName(o.UID),
		skip:  v1alpha1.SkipsReconcile(o.Annotations),
		nodes: Nodes(o), pods: in.Pods, servers: map[string]*Server{},
		data: Data{
			Primary: o.Status.Primary, GroupName: o.Status.GroupName, ViewID: o.Status.ViewID, Bootstrapped: o.Status.Bootstrapped,
			Notes: map[string]string{}, Roles: map[string]v1alpha1.MysqlGroupRole{}, States: map[string]MemberState{},
			Ready: map[string]bool{}, Errant: map[string]gtid.Set{}, Compared: map[string]bool{}, Drop: map[string]bool{}, Member: map[string]bool{},
		},
	}
	v.forced = shared.Names(o.Annotations[v1alpha1.AnnotationForceQuorum])
	if v.annotation() == o.Status.ForceQuorumSpent {
		v.data.Spent = o.Status.ForceQuorumSpent
	}
	_, v.readers = ports(o)
	for _, n := range v.nodes {
		s := in.State.Nodes[n.Name]
		if s == nil {
			// A server that the observation left out is unknown, like one that does not answer.
			s = &Server{Name: n.Name, Host: n.Host, Port: n.Port, Reach: shared.ReachNone, Problem: "not observed"}
		}
		v.servers[n.Name] = s
	}
	v.dropAliases()
	v.findGroup()
	v.findUnnamed()
	v.assess()
	return v
}

// dropAliases forgets leaving nodes that are a node of the spec under another name: one
// server at one address. Nothing is to be done to them, and nothing depends on them.
func (v *view) dropAliases() {
	v.nodes = slices.DeleteFunc(slices.Clone(v.nodes), func(old Node) bool {
		s := v.servers[old.Name]
		if !old.Leaving || !s.OK() {
			return false
		}
		for _, n := range v.nodes {
			o := v.servers[n.Name]
			if n.Leaving || n.Host != old.Host || n.Port != old.Port || !o.OK() || o.UUID != s.UUID {
				continue
			}
			v.aliases, v.data.Drop[old.Name] = append(v.aliases, old.Name), true
			return true
		}
		return false
	})
}

// annotation force-quorum, in one spelling.
func (v *view) annotation() string { return strings.Join(v.forced, ",") }

// findGroup decides whose view of the group counts: among those that hold a majority the
// newest. A member that was away for a moment may still hold an older one; it learns
// better, and can commit nothing until then.
func (v *view) findGroup() {
	var holders []*Server
	seen := false
	for _, n := range v.nodes {
		s := v.servers[n.Name]
		seen = seen || s.OK()
		v.data.Bootstrapped = v.data.Bootstrapped || s.InGroup()
		if s.HasMajority() && !v.overtaken(s) {
			holders = append(holders, s)
		}
	}
	for i, a := range holders {
		for _, b := range holders[i+1:] {
			if v.split == "" && !agree(a, b) {
				v.split = fmt.Sprintf("%s (group %s, view %s) and %s (group %s, view %s)", a.Name, a.Config.GroupName, a.ViewID, b.Name, b.Config.GroupName, b.ViewID)
			}
		}
	}
	if v.split != "" {
		all := holders
		if holders = v.undisputed(all); len(holders) == 0 {
			return
		}
		for _, s := range all {
			if !slices.Contains(holders, s) && !agree(s, holders[0]) {
				v.apart = append(v.apart, s.Name)
			}
		}
	}
	for _, s := range holders {
		switch {
		case v.isStrange(s):
			v.stranger = s.Name
		case v.lead == nil || newer(s, v.lead):
			v.lead = s
		}
	}
	if v.lead == nil {
		v.data.Without = v.status.Bootstrapped
		if seen {
			v.data.Primary, v.data.ViewID = "", ""
		}
		return
	}
	v.data.Spent = v.annotation()
	v.data.GroupName, v.data.ViewID = v.lead.Config.GroupName, v.lead.ViewID
	for _, m := range v.lead.Members {
		if !m.Primary {
			continue
		}
		v.primaries++
		if n, is := v.nodeOf(m.UUID); is {
			v.primary = n.Name
		}
	}
	v.data.Primary = v.primary
	v.data.Moved = v.primary != "" && v.status.Primary != "" && v.primary != v.status.Primary
	v.data.Asked = v.data.Moved && v.primary == v.spec.Primary
}

// isStrange says whether a server's group is not the one on record: it has another name,
// and the most of the spec's nodes are not in it. One that somebody has made anew of most
// of them is taken for theirs.
func (v *view) isStrange(s *Server) bool {
	if v.status.GroupName == "" || s.Config.GroupName == v.status.GroupName {
		return false
	}
	in := 0
	for _, n := range v.ours() {
		if uuid := v.uuidOf(n.Name); uuid != "" && s.sees(uuid) != nil {
			in++
		}
	}
	return in*2 <= len(v.ours())
}

// overtaken: a member that has lost its quorum holds a newer view of the same group than
// this server. Whoever holds the older one was left out of the newer one, or will hear of
// it, and can commit nothing.
func (v *view) overtaken(holder *Server) bool {
	made, number := viewNumber(holder.ViewID)
	for _, n := range v.nodes {
		s := v.servers[n.Name]
		if !s.InGroup() || s.reachesMajority() {
			continue
		}
		if other, later := viewNumber(s.ViewID); other == made && later > number {
			return true
		}
	}
	return false
}

// agree says whether two views that hold a majority can be views of one group: of one
// name, made by one bootstrap, and one of the two servers still sees the other.
func agree(a, b *Server) bool {
	madeA, _ := viewNumber(a.ViewID)
	madeB, _ := viewNumber(b.ViewID)
	return a.Config.GroupName == b.Config.GroupName && madeA == madeB && (a.reaches(b.UUID) || b.reaches(a.UUID))
}

// newer says whether a's view is newer than b's; of equals that of the primary goes first.
func newer(a, b *Server) bool {
	_, x := viewNumber(a.ViewID)
	_, y := viewNumber(b.ViewID)
	if x != y {
		return x > y
	}
	self := a.sees(a.UUID)
	return self.Primary && !b.sees(b.UUID).Primary
}

// uuidOf a node: of one that is not seen, what the record says.
func (v *view) uuidOf(name string) string {
	if s := v.servers[name]; s.OK() {
		return s.UUID
	}
	if n := v.status.Topology[name]; n != nil {
		return n.ServerUUID
	}
	return ""
}

// nodeOf finds the node that a member of the group is, by its server_uuid alone.
func (v *view) nodeOf(uuid string) (Node, bool) {
	var unseen *Node
	for i, n := range v.nodes {
		switch {
		case v.uuidOf(n.Name) != uuid:
		case v.servers[n.Name].OK():
			return n, true
		case unseen == nil:
			unseen = &v.nodes[i]
		}
	}
	if unseen == nil {
		return Node{}, false
	}
	return *unseen, true
}

// listed is the row that the view that counts has of a node; nil when it has none.
func (v *view) listed(name string) *Member {
	uuid := v.uuidOf(name)
	if v.lead == nil || uuid == "" {
		return nil
	}
	if n, is := v.nodeOf(uuid); !is || n.Name != name {
		// Another name for a server that is seen.
		return nil
	}
	return v.lead.sees(uuid)
}

// member says whether a node is seen as an ONLINE member, by itself and by the group.
func (v *view) member(name string) bool {
	m := v.listed(name)
	return m != nil && m.State == MemberOnline && v.servers[name].HasMajority() && !v.isApart(name)
}

// ours are the nodes that the spec names.
func (v *view) ours() []Node {
	return slices.DeleteFunc(slices.Clone(v.nodes), func(n Node) bool { return n.Leaving })
}

// holds is everything that is in the group, as far as its members that are seen have it.
func (v *view) holds() gtid.Set {
	var all gtid.Set
	for _, n := range v.nodes {
		if v.member(n.Name) {
			all = all.Union(v.servers[n.Name].Holds())
		}
	}
	return all
}

// assess fills roles, states, notes and readiness of every node.
func (v *view) assess() {
	group := v.holds()
	for _, n := range v.nodes {
		s, m, d := v.servers[n.Name], v.listed(n.Name), &v.data
		d.Roles[n.Name] = v1alpha1.MysqlGroupRoleNone
		d.Member[n.Name] = m != nil || s.InGroup() || v.lead == nil && !s.OK() && v.wasMember(n.Name)
		if !s.OK() {
			d.Notes[n.Name] = s.Problem
			if m != nil {
				d.States[n.Name] = m.State
			}
			continue
		}
		d.States[n.Name] = s.Self()
		switch {
		case v.lead == nil:
			if s.InGroup() {
				d.Notes[n.Name] = "it sees no majority of the group"
			} else {
				d.Notes[n.Name] = "it is " + string(s.Self()) + because(s)
			}
		case s.Out():
			// Only the primary has all that is in the group; what the others lack of it is on its
			// way to them. Without it a server can be known to hold nothing more, and not the other way.
			extra := s.Holds().Subtract(group)
			d.Compared[n.Name] = extra.Empty() || v.member(v.primary)
			if d.Compared[n.Name] && !extra.Empty() {
				d.Errant[n.Name] = extra
			}
			d.Notes[n.Name] = v.whyOut(n)
		case v.isApart(n.Name):
			d.Notes[n.Name] = fmt.Sprintf("it has a majority of another group (%s, view %s): STOP GROUP_REPLICATION on it", s.Config.GroupName, s.ViewID)
		case m == nil:
			d.Notes[n.Name] = "the group has expelled it, and it does not know yet"
		case v.primary == n.Name:
			d.Roles[n.Name] = v1alpha1.MysqlGroupRolePrimary
			d.Compared[n.Name] = true
			v.assessMember(n, m)
			if d.Ready[n.Name] && !s.Writable() {
				d.Ready[n.Name] = false
				d.Notes[n.Name] = "it is the primary and takes no writes yet"
			}
		default:
			d.Roles[n.Name] = v1alpha1.MysqlGroupRoleSecondary
			d.Compared[n.Name] = true
			v.assessMember(n, m)
		}
	}
}

// wasMember says whether a node belonged to the group when that was last known.
func (v *view) wasMember(name string) bool {
	n := v.status.Topology[name]
	return n != nil && n.Member
}

// assessMember says whether a member that the group lists is in order.
func (v *view) assessMember(n Node, m *Member) {
	s, d := v.servers[n.Name], &v.data
	switch {
	case m.State != MemberOnline || !s.HasMajority():
		d.Notes[n.Name] = fmt.Sprintf("it is %s; the group says %s%s", s.Self(), m.State, because(s))
	case s.OfflineMode:
		d.Notes[n.Name] = "offline_mode is ON: clients cannot connect; SET GLOBAL offline_mode=OFF"
	default:
		d.Ready[n.Name] = true
	}
}

func because(s *Server) string {
	if s.RecoveryError == "" {
		return ""
	}
	return ": " + shared.Shorten(s.RecoveryError)
}

// whyOut says why a server that is seen is not in the group, and what to do.
func (v *view) whyOut(n Node) string {
	if why := v.cannotJoin(n); why != "" {
		return why
	}
	return fmt.Sprintf("it is %s and joins%s", v.servers[n.Name].Self(), because(v.servers[n.Name]))
}

// unfit says why a server cannot be a member of a group at all; "" when it can.
func (v *view) unfit(s *Server) string {
	switch {
	case !s.GTIDMode:
		return "gtid_mode is not ON: a group needs it"
	case !s.LogBin || !s.LogReplicaUpdates:
		return "a group needs log_bin and log_replica_updates: switch them on in the server's configuration"
	case !s.Plugin:
		return "the plugin group_replication is not active: INSTALL PLUGIN group_replication SONAME 'group_replication.so'"
	case !s.Config.SinglePrimary:
		return "group_replication_single_primary_mode is OFF: switch it on, only groups with one primary are looked after"
	}
	return ""
}

// cannotJoin says why a server that is out of the group stays out; "" when it can join.
func (v *view) cannotJoin(n Node) string {
	s := v.servers[n.Name]
	if why := v.unfit(s); why != "" {
		return why
	}
	if mine := s.Config.GroupName; mine != "" && mine != v.data.GroupName {
		return fmt.Sprintf("group_replication_group_name is %s and that of the group is %s: set it to the group's, or to ''", mine, v.data.GroupName)
	}
	if !v.data.Compared[n.Name] {
		return "it holds transactions that the members which are seen have not received, and the primary is not seen: they may be in the group, so that it waits until the primary is seen"
	}
	if extra, bad := v.data.Errant[n.Name]; bad {
		return fmt.Sprintf("it holds %d transaction(s) that the group lacks: %s; save what is in them, and rebuild it as an empty server", extra.Count(), shared.Shorten(extra.String()))
	}
	if m := v.listed(n.Name); m != nil && m.State != MemberError && m.State != MemberOffline {
		// It would ask in vain for half a minute, in which the group may come to need it for
		// something else: a member that has just lost both others still counts them.
		return fmt.Sprintf("the group still says %s of it, as it was before: it joins when the group has let it go", m.State)
	}
	return v.cannotRecover(s)
}

// cannotRecover says why no member can give a server what it lacks; "" when one can.
func (v *view) cannotRecover(s *Server) string {
	clone, seen := false, false
	for _, n := range v.nodes {
		if !v.member(n.Name) {
			continue
		}
		donor := v.servers[n.Name]
		seen, clone = true, clone || donor.ClonePlugin
		if s.Executed.Contains(donor.Purged) {
			return ""
		}
	}
	switch {
	case !seen, clone && s.ClonePlugin:
		return ""
	case !s.ClonePlugin:
		return "the members have purged binary logs that it needs, and it cannot be cloned: INSTALL PLUGIN clone SONAME 'mysql_clone.so' on it"
	}
	return "the members have purged binary logs that it needs, and none can be cloned: INSTALL PLUGIN clone SONAME 'mysql_clone.so' on a member"
}
