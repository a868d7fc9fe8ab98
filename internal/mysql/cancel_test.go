// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

func TestCancel(t *testing.T) {
	node := func(name string) v1alpha1.Node { return v1alpha1.Node{Name: name, Host: name + ".db", Port: 3306} }
	attached := func(names ...string) (out []v1alpha1.ReplicaNode) {
		for _, name := range names {
			out = append(out, v1alpha1.ReplicaNode{Node: node(name)})
		}
		return out
	}
	isolated := attached("a", "c")
	isolated[0].Isolated = true
	for _, test := range []struct {
		name, present string
		wanted        string
		replicas      []v1alpha1.ReplicaNode
		source        string
		others        []string
	}{
		{"exchanged", "a", "b", attached("a", "c"), "a", []string{"b", "c"}},
		{"the old source was isolated", "a", "b", isolated, "a", []string{"b", "c"}},
		{"the old source left the spec", "a", "b", attached("c"), "a", []string{"c", "b"}},
		{"nothing to take back", "b", "b", attached("a", "c"), "b", []string{"a", "c"}},
		{"nobody is known as the source", "", "b", attached("a"), "b", []string{"a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := node(test.wanted)
			r := &v1alpha1.MysqlReplication{Spec: v1alpha1.MysqlReplicationSpec{Source: &source, Replica: test.replicas}}
			r.Status.Source = test.present
			r.Status.Topology = map[string]*v1alpha1.MysqlReplicationNode{"a": {Host: "a.db", Port: 3306}}
			(&Engine{}).Cancel(r)
			if *r.Spec.Source != node(test.source) {
				t.Errorf("the source is %v, want %s", *r.Spec.Source, test.source)
			}
			if len(r.Spec.Replica) != len(test.others) {
				t.Fatalf("replicas %v, want %v", r.Spec.Replica, test.others)
			}
			for i, name := range test.others {
				if got := r.Spec.Replica[i]; got.Node != node(name) || got.Isolated {
					t.Errorf("replica %d is %v, want %s attached", i, got, name)
				}
			}
		})
	}
}
