// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Members that the spec does not name are looked at by nobody. A group may live on among
// them, unseen, after all nodes of the spec have left it.

// findUnnamed says who such members are: as a majority lists them; without one, as it was
// recorded last and as members without a quorum say; without a record, as the servers' own
// configuration says.
func (v *view) findUnnamed() {
	if v.lead != nil {
		v.note(v.unnamedIn(v.lead))
		return
	}
	if !v.status.Bootstrapped {
		v.note(v.unnamedSeeds())
	} else if !v.outdated() {
		v.note(v.status.UnknownMembers)
	}
	for _, n := range v.nodes {
		if s := v.servers[n.Name]; s.InGroup() {
			v.note(v.unnamedIn(s))
		}
	}
}

// note keeps those that no node is: by server_uuid, and by address where nothing else is known.
func (v *view) note(members []v1alpha1.MysqlGroupUnknownMember) {
	for _, m := range members {
		_, is := v.nodeOf(m.ServerUUID)
		if m.ServerUUID == "" {
			is = v.atNode(m.Address, false)
		}
		if is || slices.Contains(v.data.Unnamed, m) {
			continue
		}
		v.data.Unnamed = append(v.data.Unnamed, m)
	}
	slices.SortFunc(v.data.Unnamed, func(a, b v1alpha1.MysqlGroupUnknownMember) int {
		return strings.Compare(a.Address+a.ServerUUID, b.Address+b.ServerUUID)
	})
}

// outdated: a member is seen, without a quorum, whose view is not older than the recorded
// one. It was agreed upon by a majority, and says who belongs to the group.
func (v *view) outdated() bool {
	made, recorded := viewNumber(v.status.ViewID)
	for _, name := range v.stranded() {
		if prefix, number := viewNumber(v.servers[name].ViewID); made != "" && prefix == made && number >= recorded {
			return true
		}
	}
	return false
}

// unnamedIn are the members in a server's view that no node is. One that is unreachable, at
// the address of a node that is seen, is the server that the node's was replaced by.
func (v *view) unnamedIn(s *Server) []v1alpha1.MysqlGroupUnknownMember {
	var out []v1alpha1.MysqlGroupUnknownMember
	for _, m := range s.Members {
		address := net.JoinHostPort(m.Host, strconv.Itoa(int(m.Port)))
		if _, is := v.nodeOf(m.UUID); is || m.State == MemberUnreachable && v.atNode(address, true) {
			continue
		}
		out = append(out, v1alpha1.MysqlGroupUnknownMember{Address: address, ServerUUID: m.UUID})
	}
	return out
}

// unnamedSeeds are the seeds, of servers that have been in a group, that no node is.
func (v *view) unnamedSeeds() []v1alpha1.MysqlGroupUnknownMember {
	var out []v1alpha1.MysqlGroupUnknownMember
	for _, n := range v.nodes {
		s := v.servers[n.Name]
		if !s.Out() || !s.hasBeenIn() {
			continue
		}
		for _, seed := range s.seeds() {
			out = append(out, v1alpha1.MysqlGroupUnknownMember{Address: seed})
		}
	}
	return out
}

// hasBeenIn: the server holds transactions of the group that it is configured for.
func (s *Server) hasBeenIn() bool {
	return s.Config.GroupName != "" && s.Holds().From(s.Config.GroupName)
}

// seeds are group_replication_group_seeds.
func (s *Server) seeds() []string {
	var out []string
	for seed := range strings.SplitSeq(s.Config.Seeds, ",") {
		if seed = strings.TrimSpace(seed); seed != "" {
			out = append(out, seed)
		}
	}
	return out
}

// atNode says whether an address is one of a node's; seen: of one that is seen.
func (v *view) atNode(address string, seen bool) bool {
	return slices.ContainsFunc(v.nodes, func(n Node) bool {
		s := v.servers[n.Name]
		if seen && !s.OK() {
			return false
		}
		stack := s.OK() && s.Config.MySQLStack
		own := []string{net.JoinHostPort(n.Host, strconv.Itoa(int(n.Port))), localAddress(n, stack), s.Config.LocalAddress}
		return slices.ContainsFunc(own, func(a string) bool { return sameAddress(a, address) })
	})
}

// sameAddress says whether two addresses have the same port and the same host, of which one
// may be written short, as in mysql-0.mysql and mysql-0.mysql.shop.svc.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(strings.ToLower(a))
	hostB, portB, errB := net.SplitHostPort(strings.ToLower(b))
	if errA != nil || errB != nil || portA != portB {
		return false
	}
	if net.ParseIP(hostA) != nil || net.ParseIP(hostB) != nil {
		return hostA == hostB
	}
	return hostA == hostB || strings.HasPrefix(hostA, hostB+".") || strings.HasPrefix(hostB, hostA+".")
}

// missesUnnamed: all nodes are seen to be out, and a group may be among members that the
// spec does not name.
func (v *view) missesUnnamed() bool { return v.lead == nil && len(v.data.Unnamed) > 0 }

// holdWithoutUnnamed starts no group: it might be a second one.
func (v *view) holdWithoutUnnamed() reconcile.Plan[Data] {
	names := make([]string, 0, len(v.data.Unnamed))
	for _, m := range v.data.Unnamed {
		names = append(names, m.Address)
	}
	who := strings.Join(names, ", ")
	why := fmt.Sprintf("when the group was last seen it had members that the spec does not name: %s", who)
	if !v.status.Bootstrapped {
		why = fmt.Sprintf("nothing is on record of the group of which they hold transactions, and their group_replication_group_seeds name servers that the spec does not: %s", who)
	}
	text := fmt.Sprintf("all nodes of the spec are out of the group, and %s. The group may go on there, so that none is started beside it: add them to spec.member; or, where they are no members or lost for good, name the members to go on with in the annotation %s. What only the others hold is lost then", why, v1alpha1.AnnotationForceQuorum)
	if why := v.cannotForce(); why != "" {
		text += fmt.Sprintf(". It is not followed as it is: %s", why)
	}
	p := v.plan()
	p.Steps = append(append(v.fences(""), v.route("")), v.disarmStep()...)
	p.Conditions = reconcile.Topology(false, "MembersNotNamed", text)
	p.Events = append(p.Events, reconcile.Event{Warning: true, Reason: "MembersNotNamed", Once: who, Message: text})
	p.Next = busy
	return p
}

// seedsOf is what group_replication_group_seeds of a member should be: the local addresses
// of all others of the spec. As long as not all of them are seen to be the group, those
// that it has stay: they may be needed, and tell who belongs to the group.
func (v *view) seedsOf(name string) []string {
	var out []string
	for _, n := range v.ours() {
		o := v.servers[n.Name]
		if n.Name == name || !o.OK() {
			continue
		}
		address := o.Config.LocalAddress
		if address == "" {
			address = localAddress(n, o.Config.MySQLStack)
		}
		out = append(out, address)
	}
	if !v.complete() {
		for _, seed := range v.servers[name].seeds() {
			if !slices.ContainsFunc(out, func(have string) bool { return sameAddress(have, seed) }) {
				out = append(out, seed)
			}
		}
	}
	slices.Sort(out)
	return out
}

// complete says whether every node of the spec is seen, and nobody else is in the group.
func (v *view) complete() bool {
	for _, n := range v.nodes {
		if n.Leaving && v.data.Member[n.Name] || !n.Leaving && !v.servers[n.Name].OK() {
			return false
		}
	}
	return len(v.data.Unnamed) == 0
}

// reseeds are members whose seeds are not what they should be. That is done while all is
// well: a server that is out of the group says with them whom it was in it with.
func (v *view) reseeds() []reconcile.Action {
	var out []reconcile.Action
	for _, n := range v.ours() {
		if !v.member(n.Name) {
			continue
		}
		want, has := v.seedsOf(n.Name), v.servers[n.Name].seeds()
		slices.Sort(has)
		if !slices.Equal(want, has) {
			out = append(out, SetSeeds{target{n.Name}, strings.Join(want, ",")})
		}
	}
	return out
}
