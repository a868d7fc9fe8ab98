// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"reflect"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

func described() *v1alpha1.MysqlReplication {
	o := &v1alpha1.MysqlReplication{}
	o.Namespace, o.Name = "team", "db"
	o.Spec.Secret.Name = "passwords"
	o.Spec.Source = &v1alpha1.Node{Name: "a", Host: "a", Port: 3307}
	o.Spec.Replica = []v1alpha1.ReplicaNode{{Node: v1alpha1.Node{Name: "b", Host: "b", Port: 3307}}}
	return o
}

func TestDescribe(t *testing.T) {
	o := described()
	d := describe(o)
	if !slices.Equal(d.Pods, []string{"a", "b"}) || !slices.Equal(d.SecretKeys, []string{"mysql", "replication"}) || d.SecretName != "passwords" {
		t.Errorf("%+v", d)
	}
	if len(d.Services) != 2 || d.Skip {
		t.Fatalf("%+v", d)
	}
	rw, ro := d.Services[0], d.Services[1]
	if rw.Name != "db-readwrite" || rw.Readonly || rw.Port != 3307 || rw.PortName != "mysql" || rw.Type != corev1.ServiceTypeClusterIP {
		t.Errorf("%+v", rw)
	}
	if ro.Name != "db-readonly" || !ro.Readonly || ro.Port != 3307 {
		t.Errorf("%+v", ro)
	}

	o.Spec.Replica[0].Isolated = true
	o.Spec.Secret.Mysql, o.Spec.Secret.Replication = "root", "repl"
	o.Spec.AESSecret = &v1alpha1.AESSecret{Name: "aes", Key: "k"}
	o.Spec.Service = &v1alpha1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "db.example"}
	o.Annotations = map[string]string{v1alpha1.AnnotationSkipReconcileOld: "true"}
	d = describe(o)
	if len(d.Services) != 1 || d.Services[0].Type != corev1.ServiceTypeExternalName || d.Services[0].ExternalName != "db.example" {
		t.Errorf("without a replica that takes part: %+v", d.Services)
	}
	if !slices.Equal(d.SecretKeys, []string{"root", "repl"}) || d.AESSecretName != "aes" || d.AESSecretKey != "k" || !d.Skip {
		t.Errorf("%+v", d)
	}
}

func TestPortsFollowTheRoute(t *testing.T) {
	node := func(name string, port int32) v1alpha1.ReplicaNode {
		return v1alpha1.ReplicaNode{Node: v1alpha1.Node{Name: name, Host: name, Port: port}}
	}
	two := []v1alpha1.ReplicaNode{node("a", 3306)}
	three := []v1alpha1.ReplicaNode{node("a", 3306), node("c", 3308)}
	for _, c := range []struct {
		name     string
		replicas []v1alpha1.ReplicaNode
		source   string
		rw, ro   int32
	}{
		{"nobody is known yet", two, "", 3307, 3306},
		{"b is wanted, a is the source", two, "a", 3306, 3307},
		{"b is the source", two, "b", 3307, 3306},
		{"b is wanted, a is the source, c serves readers", three, "a", 3306, 3308},
		{"b is wanted, a is the source and left", three[1:], "a", 3305, 3308},
		{"the source is forgotten", two, "z", 3307, 3306},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := described()
			o.Spec.Source = &v1alpha1.Node{Name: "b", Host: "b", Port: 3307}
			o.Spec.Replica = c.replicas
			o.Status.Source = c.source
			o.Status.Topology = map[string]*v1alpha1.MysqlReplicationNode{"a": {Host: "a", Port: 3305}}
			got := describe(o).Services
			if got[0].Port != c.rw || got[1].Port != c.ro {
				t.Errorf("-readwrite has port %d, -readonly %d; want %d and %d", got[0].Port, got[1].Port, c.rw, c.ro)
			}
		})
	}
}

func TestCalm(t *testing.T) {
	lag := func(n int64) *int64 { return &n }
	status := func(change func(*v1alpha1.MysqlReplicationNode)) any {
		o := described()
		n := &v1alpha1.MysqlReplicationNode{SourceLogFile: "binlog.1", ReadSourceLogPos: 1, ExecSourceLogPos: 1, SecondsBehindSource: lag(1), ReplicaIO: "Yes"}
		change(n)
		o.Status.Topology = map[string]*v1alpha1.MysqlReplicationNode{"b": n}
		before := *n.DeepCopy()
		out := NewEngine().Calm(o)
		if n.ReadSourceLogPos != before.ReadSourceLogPos {
			t.Error("the object was changed")
		}
		return out
	}
	base := status(func(*v1alpha1.MysqlReplicationNode) {})
	same := status(func(n *v1alpha1.MysqlReplicationNode) {
		n.SourceLogFile, n.ReadSourceLogPos, n.ExecSourceLogPos, n.SecondsBehindSource = "binlog.2", 2, 2, lag(9)
	})
	if !reflect.DeepEqual(base, same) {
		t.Error("figures that move by themselves count")
	}
	for name, change := range map[string]func(*v1alpha1.MysqlReplicationNode){
		"lag unknown":    func(n *v1alpha1.MysqlReplicationNode) { n.SecondsBehindSource = nil },
		"a thread stops": func(n *v1alpha1.MysqlReplicationNode) { n.ReplicaIO = "No" },
	} {
		if reflect.DeepEqual(base, status(change)) {
			t.Errorf("%s: it does not count", name)
		}
	}
}

func TestWhatIsUnderWay(t *testing.T) {
	for phase, want := range map[v1alpha1.SwitchoverPhase]bool{
		v1alpha1.SwitchoverPreparing: true, v1alpha1.SwitchoverSwitching: true,
		v1alpha1.SwitchoverUndoing: true, v1alpha1.SwitchoverUndone: false,
	} {
		o := described()
		o.Status.Switchover = &v1alpha1.SwitchoverStatus{From: "a", To: "b", Phase: phase}
		if got := describe(o).UnderWay; got != want {
			t.Errorf("%s: %t", phase, got)
		}
	}
	if describe(described()).UnderWay {
		t.Error("under way without a record")
	}
}
