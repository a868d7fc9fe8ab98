// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

const (
	groupName = "aaaaaaaa-aaaa-5aaa-8aaa-aaaaaaaaaaaa"
	otherName = "bbbbbbbb-bbbb-5bbb-8bbb-bbbbbbbbbbbb"
)

func uuidFor(name string) string {
	return fmt.Sprintf("%08x-0000-4000-8000-000000000000", name[0])
}

// set writes "1-5" of the group's own transactions; "x:1-2" are the server x's.
func set(text string) gtid.Set {
	var out gtid.Set
	for part := range strings.SplitSeq(text, " ") {
		source, interval, own := strings.Cut(part, ":")
		switch {
		case part == "":
		case own:
			out = out.Union(gtid.MustParse(uuidFor(source) + ":" + interval))
		default:
			out = out.Union(gtid.MustParse(groupName + ":" + part))
		}
	}
	return out
}

// scenario is an input that steps make of a group a, b, c that is as it should be.
type scenario struct {
	object *v1alpha1.MysqlGroupReplication
	state  State
	pods   map[string]reconcile.Pod
}

type change func(*scenario)

// healthy is a group of the names, the first of them the primary, on record and routed.
func healthy(names ...string) *scenario {
	o := &v1alpha1.MysqlGroupReplication{}
	o.Namespace, o.Name, o.UID = "team", "db", "d3b07384-d113-4ec6-a7d8-c3f1b0d1e0aa"
	o.Spec.Secret.Name = "passwords"
	o.Status.Bootstrapped, o.Status.GroupName, o.Status.Primary, o.Status.ViewID = true, groupName, names[0], "1:9"
	o.Status.Topology = map[string]*v1alpha1.MysqlGroupReplicationNode{}
	s := &scenario{object: o, state: State{Nodes: map[string]*Server{}}, pods: map[string]reconcile.Pod{}}
	for i, name := range names {
		o.Spec.Member = append(o.Spec.Member, v1alpha1.Node{Name: name, Host: name, Port: 3306})
		o.Status.Topology[name] = &v1alpha1.MysqlGroupReplicationNode{Host: name, Port: 3306, ServerUUID: uuidFor(name), Member: true}
		s.state.Nodes[name] = &Server{
			Name: name, Host: name, Port: 3306, Reach: shared.ReachOK, UUID: uuidFor(name), Version: "9.7.0",
			ReadOnly: i > 0, SuperReadOnly: i > 0, ReadOnlyPersisted: true, GTIDMode: true, LogBin: true, LogReplicaUpdates: true,
			Executed: set("1-9"), Plugin: true, RecoveryUser: "replication",
			Config: Config{GroupName: groupName, LocalAddress: name + ":33061", SinglePrimary: true, Seeds: seedsBut(name, names)},
		}
		s.pods[name] = reconcile.Pod{Exists: true, Name: "db", Readonly: fmt.Sprint(i > 0)}
	}
	s.regroup(names[0], names...)
	return s
}

// seedsBut are the local addresses of all but one.
func seedsBut(name string, names []string) string {
	var list []string
	for _, other := range names {
		if other != name {
			list = append(list, other+":33061")
		}
	}
	return strings.Join(list, ",")
}

// regroup gives the named servers one view, in which they are ONLINE.
func (s *scenario) regroup(primary string, names ...string) {
	for _, name := range names {
		srv := s.state.Nodes[name]
		srv.ViewID, srv.Members = "1:9", nil
		for _, other := range names {
			srv.Members = append(srv.Members, Member{UUID: uuidFor(other), Host: other, Port: 3306, State: MemberOnline, Primary: other == primary})
		}
		srv.ReadOnly, srv.SuperReadOnly = name != primary, name != primary
	}
}

// says sets what a server says of others: "b UNREACHABLE".
func says(of string, list ...string) change {
	return func(s *scenario) {
		for _, one := range list {
			name, state, _ := strings.Cut(one, " ")
			s.state.Nodes[of].sees(uuidFor(name)).State = MemberState(state)
		}
	}
}

// views is says of several servers.
func views(of string, list ...string) change {
	return func(s *scenario) {
		for name := range strings.SplitSeq(of, " ") {
			says(name, list...)(s)
		}
	}
}

func group(primary string, names ...string) change {
	return func(s *scenario) { s.regroup(primary, names...) }
}

// out: the servers restarted, or were thrown out.
func out(state MemberState, names ...string) change {
	return func(s *scenario) {
		for _, name := range names {
			srv := s.state.Nodes[name]
			srv.ViewID, srv.ReadOnly, srv.SuperReadOnly = "", true, true
			srv.Members = []Member{{UUID: srv.UUID, State: state}}
		}
	}
}

func unreachable(names ...string) change {
	return func(s *scenario) {
		for _, name := range names {
			s.state.Nodes[name] = &Server{Name: name, Host: name, Port: 3306, Reach: shared.ReachNone, Problem: "no answer"}
		}
	}
}

func holds(name, executed, queued string) change {
	return func(s *scenario) {
		s.state.Nodes[name].Executed, s.state.Nodes[name].Queued = set(executed), set(queued)
	}
}

func server(name string, with func(*Server)) change {
	return func(s *scenario) { with(s.state.Nodes[name]) }
}

func writable(names ...string) change {
	return func(s *scenario) {
		for _, name := range names {
			s.state.Nodes[name].ReadOnly, s.state.Nodes[name].SuperReadOnly = false, false
		}
	}
}

// adopted: the server was never made ready by a join.
func adopted(name string) change {
	return server(name, func(s *Server) { s.ReadOnlyPersisted = false })
}

func wants(primary string) change {
	return func(s *scenario) { s.object.Spec.Primary = primary }
}

func annotate(key, value string) change {
	return func(s *scenario) { s.object.Annotations = map[string]string{key: value} }
}

// removed takes nodes out of the spec.
func removed(names ...string) change {
	return func(s *scenario) {
		s.object.Spec.Member = slices.DeleteFunc(s.object.Spec.Member, func(n v1alpha1.Node) bool { return slices.Contains(names, n.Name) })
	}
}

// held is what the record says that a node had.
func held(name, executed string) change {
	return func(s *scenario) { s.object.Status.Topology[name].GtidExecuted = set(executed).String() }
}

// spent: the annotation was seen beside a quorum.
func spent(value string) change {
	return func(s *scenario) { s.object.Status.ForceQuorumSpent = value }
}

// renamed gives a node of the spec another name, at the same address.
func renamed(from, to string) change {
	return func(s *scenario) {
		i := slices.IndexFunc(s.object.Spec.Member, func(n v1alpha1.Node) bool { return n.Name == from })
		s.object.Spec.Member[i].Name = to
		again := *s.state.Nodes[from]
		again.Name = to
		s.state.Nodes[to], s.pods[to] = &again, reconcile.Pod{Exists: true}
	}
}

// outside: the record says of a node that it was seen out of the group.
func outside(name string) change {
	return func(s *scenario) { s.object.Status.Topology[name].Member = false }
}

// recorded: the group had a member that the spec does not name.
func recorded(name string) change {
	return func(s *scenario) {
		s.object.Status.UnknownMembers = []v1alpha1.MysqlGroupUnknownMember{{Address: name + ":3306", ServerUUID: uuidFor(name)}}
	}
}

// forgotten: neither spec nor record name the nodes.
func forgotten(names ...string) change {
	return func(s *scenario) {
		removed(names...)(s)
		for _, name := range names {
			delete(s.object.Status.Topology, name)
			delete(s.state.Nodes, name)
			delete(s.pods, name)
		}
	}
}

func seeds(name, list string) change {
	return server(name, func(s *Server) { s.Config.Seeds = list })
}

func podGone(name string) change {
	return func(s *scenario) { s.pods[name] = reconcile.Pod{} }
}

// unknown: nothing is on record.
func unknown(s *scenario) {
	s.object.Status = v1alpha1.MysqlGroupReplicationStatus{}
	for name := range s.pods {
		s.pods[name] = reconcile.Pod{Exists: true}
	}
}

// bare: servers as they are before there was a group.
func bare(names ...string) change {
	return func(s *scenario) {
		for _, name := range names {
			srv := s.state.Nodes[name]
			srv.ViewID, srv.Members, srv.Config, srv.RecoveryUser = "", nil, Config{SinglePrimary: true}, ""
			srv.ReadOnly, srv.SuperReadOnly, srv.Executed = false, false, gtid.Set{}
		}
	}
}

func (s *scenario) plan() reconcile.Plan[Data] {
	return Plan(Input{Object: s.object, State: s.state, Pods: s.pods})
}

// acts lists the actions of a plan: "join b".
func acts(p reconcile.Plan[Data]) []string {
	var list []string
	for _, step := range p.Steps {
		for _, a := range step.Actions {
			list = append(list, a.About()+" "+a.Node())
		}
	}
	return list
}

// routed is the labels after a plan: "a=readwrite b=readonly". A node that no step names
// keeps what it has, in brackets.
func (s *scenario) routed(p reconcile.Plan[Data]) string {
	final := map[string]string{}
	for name := range s.state.Nodes {
		switch pod := s.pods[name]; pod.Readonly {
		case "false":
			final[name] = "(rw)"
		case "true":
			final[name] = "(ro)"
		default:
			final[name] = "()"
		}
	}
	short := map[reconcile.Access]string{reconcile.AccessReadWrite: "rw", reconcile.AccessReadOnly: "ro", reconcile.AccessNone: "-"}
	for _, step := range p.Steps {
		for name, access := range step.Routing {
			final[name] = short[access]
		}
	}
	var list []string
	for name, access := range final {
		list = append(list, name+"="+access)
	}
	sort.Strings(list)
	return strings.Join(list, " ")
}

func action[A reconcile.Action](t *testing.T, p reconcile.Plan[Data]) A {
	t.Helper()
	for _, step := range p.Steps {
		for _, a := range step.Actions {
			if found, is := a.(A); is {
				return found
			}
		}
	}
	panic(fmt.Sprintf("no such action in %v", acts(p)))
}
