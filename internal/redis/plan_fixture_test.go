// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

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

// Replication ids of the tables: one and two are those of sources in turn, other is a
// stranger's.
const (
	one   = "1111111111111111111111111111111111111111"
	two   = "2222222222222222222222222222222222222222"
	other = "9999999999999999999999999999999999999999"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// situation is the input of a plan: a is the source, b and c replicate from it, everybody is
// labelled, and the record says so.
type situation struct {
	in Input
}

func situate(edits ...func(*situation)) *situation {
	node := func(name string) v1alpha1.RedisNode {
		return v1alpha1.RedisNode{Node: v1alpha1.Node{Name: name, Host: name + ".svc", Port: 6379}}
	}
	src := node("a")
	obj := &v1alpha1.RedisReplication{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "cache", Generation: 1}}
	obj.Spec.Source = &src
	obj.Spec.Replica = []v1alpha1.RedisReplicaNode{{RedisNode: node("b")}, {RedisNode: node("c")}}
	s := &situation{Input{Object: obj, Now: noon, State: State{Nodes: map[string]*Server{}}, Pods: map[string]reconcile.Pod{}}}
	for _, name := range []string{"a", "b", "c"} {
		s.in.State.Nodes[name] = &Server{
			Name: name, Host: name + ".svc", Port: 6379, AnnounceHost: name + ".svc", AnnouncePort: 6379, Reach: server.ReachOK,
			RunID: "run-" + name, ReplID: one, ReplID2: noReplID, SecondOffset: -1, Offset: 1000, Keys: 10, AOF: true,
			Config: &Config{MaxLag: 10, AnnounceHost: name + ".svc", AnnouncePort: 6379, AuthOK: true},
		}
		s.in.Pods[name] = reconcile.Pod{Exists: true, UID: types.UID("pod-" + name), Name: "cache", Readonly: fmt.Sprint(name != "a")}
	}
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
	st := &s.in.Object.Status
	st.Source, st.ReplicationID = "a", one
	Project(s.in.Object, s.in.State, Plan(s.in))
}

func (s *situation) at(name string) *Server { return s.in.State.Nodes[name] }

func (s *situation) follows(name, of string) {
	n := s.at(name)
	n.Replica, n.LinkUp, n.MasterHost, n.MasterPort = true, true, of+".svc", 6379
}

func (s *situation) detached(names ...string) {
	for _, name := range names {
		n := s.at(name)
		n.Replica, n.LinkUp, n.MasterHost, n.MasterPort = true, false, nowhereHost, nowherePort
	}
}

// master is a server of its own.
func (s *situation) master(name, id string, offset int64) *Server {
	n := s.at(name)
	n.Replica, n.LinkUp, n.MasterHost, n.MasterPort = false, false, "", 0
	n.ReplID, n.Offset = id, offset
	return n
}

// restarted is a master whose process knows nothing of whom it followed.
func (s *situation) restarted(name string, keys int64) *Server {
	n := s.master(name, other, 0)
	n.RunID, n.Keys, n.ReplID2, n.SecondOffset, n.Untouched = "anew-"+name, keys, noReplID, -1, true
	return n
}

// waiting is a replica whose process has its data from an append-only file, which tells no
// history, and has yet to connect.
func (s *situation) waiting(name string) *Server {
	n := s.at(name)
	n.RunID, n.Keys, n.ReplID, n.Offset, n.ReplID2, n.SecondOffset = "anew-"+name, 10, other, 0, noReplID, -1
	n.LinkUp, n.Untouched = false, true
	return n
}

// snapshot is a master whose process has read a snapshot up to an offset of the history one.
func (s *situation) snapshot(name string, until int64) *Server {
	n := s.restarted(name, 5)
	n.AOF, n.ReplID2, n.SecondOffset, n.Offset = false, one, until+1, until
	return n
}

func (s *situation) promoted(name string) *Server {
	n := s.master(name, two, s.at(name).Offset)
	n.ReplID2, n.SecondOffset = one, n.Offset+1
	return n
}

func (s *situation) silent(name string, since time.Duration) {
	n := s.at(name)
	*n = Server{Name: n.Name, Host: n.Host, Port: n.Port, AnnounceHost: n.AnnounceHost, AnnouncePort: n.AnnouncePort,
		Reach: server.ReachNone, Problem: "no answer in time", Silent: since}
}

func (s *situation) linksDown() {
	for _, n := range s.in.State.Nodes {
		n.LinkUp = false
	}
}

// wants makes another node the source of the spec.
func (s *situation) wants(name string) {
	spec := &s.in.Object.Spec
	s.in.Object.Generation++
	for i := range spec.Replica {
		if r := &spec.Replica[i]; r.Name == name {
			source := r.RedisNode
			spec.Source, r.RedisNode = &source, *spec.Source
		}
	}
}

func (s *situation) fenced(name string) { s.at(name).Config.MinReplicas = fenceBase }

func (s *situation) forces(name string) {
	s.in.Object.Annotations = map[string]string{v1alpha1.AnnotationForcePromote: name}
}

// switching puts a change from a to b on record.
func (s *situation) switching(phase v1alpha1.SwitchoverPhase, since time.Duration) *v1alpha1.RedisSwitchoverStatus {
	s.wants("b")
	r := &v1alpha1.RedisSwitchoverStatus{FromRunID: "run-a", ReplicationID: one}
	r.From, r.To, r.Phase, r.Generation = "a", "b", phase, s.in.Object.Generation
	r.StartedAt, r.ToPodUID = metav1.NewMicroTime(noon.Add(-since)), "pod-b"
	if phase != v1alpha1.SwitchoverPreparing {
		r.SwitchingAt = new(metav1.NewMicroTime(noon.Add(-since)))
	}
	s.in.Object.Status.Switchover = r
	return r
}

func (s *situation) failing() {
	r := s.switching(v1alpha1.SwitchoverSwitching, time.Second)
	r.Failover, r.FromRunID = true, ""
}

// told is a plan in words: "step: action node, …", without steps that only route.
func told(p reconcile.Plan[Data]) string {
	var steps []string
	for _, step := range p.Steps {
		var actions []string
		for _, a := range step.Actions {
			actions = append(actions, a.About()+" "+a.Node())
		}
		if len(actions) > 0 {
			steps = append(steps, step.Name+": "+strings.Join(actions, ", "))
		}
	}
	return strings.Join(steps, "; ")
}

// ways is where the last word of a plan's routing leads: "a=readwrite b=readonly", sorted.
func ways(p reconcile.Plan[Data]) string {
	all := reconcile.Routing{}
	for _, step := range p.Steps {
		for node, access := range step.Routing {
			all[node] = access
		}
	}
	var out []string
	for node, access := range all {
		out = append(out, fmt.Sprintf("%s=%s", node, access))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
