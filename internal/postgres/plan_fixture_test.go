// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// System identifiers of the tables.
const (
	system  = "7000000000000000001"
	another = "7000000000000000002"
)

// situation is the input of a plan: a is the primary, b and c stream from it, everybody is
// labelled, and the record says so.
type situation struct {
	in Input
}

func situate(edits ...func(*situation)) *situation {
	node := func(name string) v1alpha1.Node { return v1alpha1.Node{Name: name, Host: name + ".svc", Port: 5432} }
	primary := node("a")
	obj := &v1alpha1.PostgresReplication{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "books", Generation: 1}}
	obj.Spec.Primary = &primary
	obj.Spec.Standby = []v1alpha1.ReplicaNode{{Node: node("b")}, {Node: node("c")}}
	s := &situation{Input{Object: obj, Now: noon, State: State{Nodes: map[string]*Server{}}, Pods: map[string]reconcile.Pod{}}}
	for _, name := range []string{"a", "b", "c"} {
		s.in.State.Nodes[name] = &Server{
			Name: name, Host: name + ".svc", Port: 5432, Reach: server.ReachOK, Version: 180000, Started: "start-" + name, SystemID: system,
			At: Position{Fork: Fork{1, 1000}}, Known: true, PassOK: true, SyncCommit: "on", HoldsData: true, Rewindable: true,
		}
		s.in.Pods[name] = reconcile.Pod{Exists: true, UID: types.UID("pod-" + name), Name: "books", Readonly: fmt.Sprint(name != "a")}
	}
	s.seeds("a")
	s.follows("b", "a")
	s.follows("c", "a")
	s.record()
	for _, edit := range edits {
		edit(s)
	}
	return s
}

// record has the status say what a quiet pass over what is there says.
func (s *situation) record() {
	s.in.Object.Status.Primary = "a"
	Project(s.in.Object, s.in.State, Plan(s.in))
}

func (s *situation) at(name string) *Server { return s.in.State.Nodes[name] }

// follows has a node stream from another one, as the operator sets it.
func (s *situation) follows(name, of string) {
	n, from := s.at(name), s.at(of)
	n.Recovery, n.Receiver, n.Sender, n.Upstream, n.Replay = true, streaming, from.Address(), from.Address(), n.At.LSN
	n.At.TLI, n.At.Past = from.At.TLI, from.At.Past
	n.Conninfo = look(s.in).conninfo(name, n, from)
	n.Slot = slotOf(name)
	if _, there := from.slot(n.Slot); !there {
		from.Slots = append(from.Slots, Slot{Name: n.Slot, Active: true})
	}
	from.Followers = append(slices.DeleteFunc(from.Followers, func(f Follower) bool { return f.Name == name }), Follower{Name: name, Streaming: true, SyncState: "quorum"})
}

// seeds has a primary name itself.
func (s *situation) seeds(name string) {
	n := s.at(name)
	n.Conninfo, n.Upstream, n.Slot = look(s.in).conninfo(name, n, n), n.Address(), ""
}

// cut ends the stream of a standby.
func (s *situation) cut(names ...string) {
	for _, name := range names {
		n := s.at(name)
		n.Receiver, n.Sender = "", ""
		for _, of := range s.in.State.Nodes {
			of.Followers = slices.DeleteFunc(of.Followers, func(f Follower) bool { return f.Name == name })
		}
	}
}

// frozen has standbys receive from nobody.
func (s *situation) frozen(names ...string) {
	s.cut(names...)
	for _, name := range names {
		s.at(name).Conninfo, s.at(name).Upstream, s.at(name).Settled = "", "", true
	}
}

// alone has a node run as a primary of its own, from a place on.
func (s *situation) alone(name string, tli uint32, lsn LSN, past ...Fork) *Server {
	s.cut(name)
	n := s.at(name)
	n.Recovery, n.Replay = false, 0
	s.seeds(name)
	n.At = Position{Fork: Fork{tli, lsn}, Past: past}
	return n
}

func (s *situation) silent(name string, since time.Duration) {
	s.in.State.Nodes[name] = &Server{Name: name, Host: name + ".svc", Port: 5432, Reach: server.ReachNone, Problem: "no answer", Silent: since, Unwell: since}
	for _, n := range s.in.State.Nodes {
		if n.Sender == name+".svc:5432" {
			n.Receiver, n.Sender = "", ""
		}
	}
}

// gone is a node without a pod.
func (s *situation) gone(name string) {
	s.silent(name, 0)
	s.in.Pods[name] = reconcile.Pod{}
}

// wants has the user exchange the primary with another node.
func (s *situation) wants(to string) {
	spec := &s.in.Object.Spec
	s.in.Object.Generation++
	for i := range spec.Standby {
		if r := &spec.Standby[i]; r.Name == to {
			primary := r.Node
			r.Node, spec.Primary = *spec.Primary, &primary
			return
		}
	}
}

// leaves takes a node out of the spec.
func (s *situation) leaves(name string) {
	spec := &s.in.Object.Spec
	spec.Standby = slices.DeleteFunc(spec.Standby, func(r v1alpha1.ReplicaNode) bool { return r.Name == name })
}

func (s *situation) isolate(name string) {
	for i := range s.in.Object.Spec.Standby {
		if s.in.Object.Spec.Standby[i].Name == name {
			s.in.Object.Spec.Standby[i].Isolated = true
		}
	}
}

func (s *situation) forces(name string) {
	s.in.Object.Annotations = map[string]string{v1alpha1.AnnotationForcePromote: name}
}

func (s *situation) skips() {
	s.in.Object.Annotations = map[string]string{v1alpha1.AnnotationSkipReconcile: "true"}
}

// changes puts a change of the primary from a to b on record.
func (s *situation) changes(phase v1alpha1.SwitchoverPhase, failover bool) *v1alpha1.PostgresSwitchoverStatus {
	r := &v1alpha1.PostgresSwitchoverStatus{SystemIdentifier: system, Timeline: 1, LSN: LSN(1000).String()}
	r.From, r.To, r.Phase, r.Failover, r.Generation = "a", "b", phase, failover, s.in.Object.Generation
	r.StartedAt, r.SwitchingAt = metav1.NewMicroTime(noon.Add(-3*time.Second)), new(metav1.NewMicroTime(noon.Add(-time.Second)))
	s.in.Object.Status.Switchover = r
	return r
}

func (s *situation) sync(names ...string) {
	s.in.Object.Spec.Mode = v1alpha1.PostgresSync
	s.at("a").SyncNames, s.at("a").SyncSet = syncNames(names), true
	s.in.Object.Status.SynchronousStandbys, s.in.Object.Status.Synchronous = names, v1alpha1.PostgresSyncActive
}

// steps are what a plan does, as "step: action node, …", routing left out.
func steps(p reconcile.Plan[Data]) string {
	var out []string
	for _, step := range p.Steps {
		var what []string
		for _, a := range step.Actions {
			what = append(what, a.About()+" "+a.Node())
		}
		if len(what) > 0 {
			slices.Sort(what)
			out = append(out, step.Name+": "+strings.Join(what, ", "))
		}
	}
	return strings.Join(out, "; ")
}

// led is where a plan leads: the nodes of -readwrite, and those of -readonly, in the end.
func led(p reconcile.Plan[Data]) string {
	all := reconcile.Routing{}
	for _, step := range p.Steps {
		for node, access := range step.Routing {
			all[node] = access
		}
	}
	var rw, ro, none []string
	for node, access := range all {
		switch access {
		case reconcile.AccessReadWrite:
			rw = append(rw, node)
		case reconcile.AccessReadOnly:
			ro = append(ro, node)
		case reconcile.AccessNone:
			none = append(none, node)
		}
	}
	for _, list := range [][]string{rw, ro, none} {
		slices.Sort(list)
	}
	return fmt.Sprintf("%s|%s|%s", strings.Join(rw, ""), strings.Join(ro, ""), strings.Join(none, ""))
}
