// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/shared"
)

func sceneOf(o *v1alpha1.MysqlGroupReplication) Scene {
	return Scene{Key: types.NamespacedName{Namespace: o.Namespace, Name: o.Name}, Object: o}
}

// Without passwords nothing is known of a server, least of all that it is gone.
func TestWithoutPasswords(t *testing.T) {
	e, scene := NewEngine(), sceneOf(healthy("a", "b").object)
	scene.CredentialError = errors.New("Secret team/passwords does not exist")
	state := e.Observe(t.Context(), scene)
	for _, name := range []string{"a", "b"} {
		if s := state.Nodes[name]; s == nil || s.Reach != shared.ReachError || !strings.Contains(s.Problem, "team/passwords") {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if _, err := e.Act(t.Context(), scene, Fence{target: target{"a"}}, nil); err == nil {
		t.Error("an action without a password succeeded")
	}
}

// Handles follow addresses and credentials.
func TestHandlesFollowTheSpec(t *testing.T) {
	e, o := NewEngine(), healthy("a", "b").object
	scene := sceneOf(o)
	observe := func(version string) {
		scene.Credentials = &credential.Credentials{Version: version}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		e.Observe(ctx, scene)
	}
	observe("1")
	first := map[string]*handle{}
	for _, n := range Nodes(o) {
		h, err := e.open(scene, n)
		if err != nil {
			t.Fatal(err)
		}
		first[n.Name] = h
	}
	o.Spec.Member[1].Host = "elsewhere"
	observe("1")
	for _, n := range Nodes(o) {
		h, _ := e.open(scene, n)
		if same := h == first[n.Name]; same != (n.Name == "a") {
			t.Errorf("%s: same handle: %v", n.Name, same)
		}
	}
	observe("2")
	if h, _ := e.open(scene, Nodes(o)[0]); h == first["a"] {
		t.Error("another credential uses the old handle")
	}
	e.Forget(scene.Key)
	if e.handles.Len() != 0 {
		t.Errorf("%d handles after Forget", e.handles.Len())
	}
	if _, err := e.Act(t.Context(), scene, Fence{target: target{"nobody"}}, nil); err == nil {
		t.Error("an action on an unknown node succeeded")
	}
}

func TestDescribe(t *testing.T) {
	e := NewEngine()
	if d := e.Describe(e.New()); d.LabelName != v1alpha1.LabelMysqlGroupReplicationName || d.LabelReadonly != v1alpha1.LabelMysqlGroupReplicationReadonly || len(d.Services) != 0 {
		t.Errorf("of an empty resource: %+v", d)
	}
	o := healthy("a", "b", "c").object
	o.Spec.Member = o.Spec.Member[:2]
	d := e.Describe(o)
	if !slices.Equal(d.Pods, []string{"a", "b", "c"}) || !slices.Equal(d.Leaving, []string{"c"}) || !slices.Equal(d.SecretKeys, []string{"mysql", "replication"}) {
		t.Errorf("%+v", d)
	}
	if len(d.Services) != 2 || d.Services[0].Name != "db-readwrite" || d.Services[0].Type != corev1.ServiceTypeClusterIP || d.Services[1].Name != "db-readonly" || !d.Services[1].Readonly || d.Services[1].Port != 3306 {
		t.Errorf("%+v", d.Services)
	}
	o.Spec.Member = o.Spec.Member[:1]
	if d = e.Describe(o); len(d.Services) != 1 {
		t.Errorf("nobody can be a secondary: %+v", d.Services)
	}
}

func TestPortsFollowTheRoute(t *testing.T) {
	for _, c := range []struct {
		primary, wanted string
		rw, ro          int32
	}{
		{"", "", 3306, 3306}, {"a", "", 3306, 3307}, {"b", "", 3307, 3306}, {"", "b", 3307, 3306}, {"a", "b", 3306, 3307},
	} {
		o := healthy("a", "b", "c").object
		o.Spec.Member[1].Port = 3307
		o.Status.Primary, o.Spec.Primary = c.primary, c.wanted
		if rw, ro := ports(o); rw != c.rw || ro != c.ro {
			t.Errorf("%+v: %d, %d", c, rw, ro)
		}
	}
}

func TestCalm(t *testing.T) {
	status := func(change func(*v1alpha1.MysqlGroupReplicationNode)) any {
		o := healthy("a", "b").object
		change(o.Status.Topology["a"])
		return NewEngine().Calm(o)
	}
	base := status(func(*v1alpha1.MysqlGroupReplicationNode) {})
	if !reflect.DeepEqual(base, status(func(n *v1alpha1.MysqlGroupReplicationNode) { n.GtidExecuted = "x:1" })) {
		t.Error("gtid_executed counts")
	}
	if reflect.DeepEqual(base, status(func(n *v1alpha1.MysqlGroupReplicationNode) { n.MemberState = "ERROR" })) {
		t.Error("a member's state does not count")
	}
}

// The status says what was seen, and keeps what was not seen to be otherwise.
func TestProject(t *testing.T) {
	s := healthy("a", "b", "c")
	for _, change := range changes(group("a", "a", "b"), out(MemberError, "c"), holds("c", "1-9 c:1-2", "")) {
		change(s)
	}
	Project(s.object, s.state, s.plan())
	st := s.object.Status
	a, c := st.Topology["a"], st.Topology["c"]
	if st.Members != "2/3" || st.Primary != "a" || st.ViewID != "1:9" || st.GroupName != groupName || !st.Bootstrapped {
		t.Errorf("%+v", st)
	}
	if a.Role != v1alpha1.MysqlGroupRolePrimary || !a.Ready || a.Status != v1alpha1.NodeHealthy || a.MemberState != "ONLINE" || a.GtidExecuted != groupName+":1-9" || a.Readonly {
		t.Errorf("%+v", a)
	}
	if c.Role != v1alpha1.MysqlGroupRoleNone || c.Ready || c.MemberState != "ERROR" || c.ErrantCount != 2 || !c.SuperReadonly {
		t.Errorf("%+v", c)
	}
	unreachable("b", "c")(s)
	Project(s.object, s.state, s.plan())
	b, c := s.object.Status.Topology["b"], s.object.Status.Topology["c"]
	if c.ErrantCount != 2 || c.ServerUUID != uuidFor("c") || c.Status != v1alpha1.NodeFailed || c.Message != "no answer" {
		t.Errorf("what was known is forgotten: %+v", c)
	}
	if b.MemberState != "ONLINE" || b.Role != v1alpha1.MysqlGroupRoleNone {
		t.Errorf("what the group says: %+v", b)
	}
	s = healthy("a", "b", "c")
	for _, change := range changes(removed("c"), group("a", "a", "b"), out(MemberOffline, "c")) {
		change(s)
	}
	Project(s.object, s.state, s.plan())
	if s.object.Status.Topology["c"] != nil || s.object.Status.Members != "2/2" {
		t.Errorf("%+v", s.object.Status)
	}
}

// A view counts when its holder is ONLINE and more than half of it is alive.
func TestMajority(t *testing.T) {
	for _, c := range []struct {
		states string
		want   bool
	}{
		{"ONLINE", true},
		{"ONLINE ONLINE", true},
		{"ONLINE UNREACHABLE", false},
		{"ONLINE ONLINE UNREACHABLE", true},
		{"ONLINE RECOVERING UNREACHABLE", true},
		{"ONLINE UNREACHABLE UNREACHABLE", false},
		{"ONLINE ONLINE UNREACHABLE UNREACHABLE", false},
		{"RECOVERING ONLINE ONLINE", false},
		{"ERROR", false},
		{"OFFLINE", false},
	} {
		s := &Server{Reach: shared.ReachOK, UUID: "0"}
		for i, state := range strings.Fields(c.states) {
			s.Members = append(s.Members, Member{UUID: string(rune('0' + i)), State: MemberState(state)})
		}
		if got := s.HasMajority(); got != c.want {
			t.Errorf("%s: %t", c.states, got)
		}
	}
	if (&Server{}).HasMajority() || (&Server{Reach: shared.ReachOK}).InGroup() {
		t.Error("a server without a view has a majority")
	}
}

// Nobody starts a group while another member of it has not ended a start: it may be
// making one.
func TestBootstrapWaitsForAnotherStart(t *testing.T) {
	a := &actor{other: func(name string) (*handle, Node, error) { return &handle{underWay: true}, Node{Name: name}, nil }}
	err := a.aloneIn(t.Context(), Bootstrap{target: target{"a"}, Others: []string{"b"}}, set("1-9"))
	if err == nil || !strings.Contains(err.Error(), "on b has not ended") {
		t.Errorf("%v", err)
	}
}
