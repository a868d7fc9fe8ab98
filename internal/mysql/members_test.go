// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"reflect"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

func TestMembers(t *testing.T) {
	s := given("b", "a", "c!").knowing("a", "z", "d", "a", "e")
	s.Object.Status.Topology["e"].Host = ""
	got := Members(s.Object)
	want := []Member{
		{Name: "b", Host: "b", Port: 3306},
		{Name: "a", Host: "a", Port: 3306},
		{Name: "c", Host: "c", Port: 3306, Isolated: true},
		{Name: "d", Host: "d", Port: 3306, Leaving: true},
		{Name: "z", Host: "z", Port: 3306, Leaving: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestMembersTakesAnAddressFromTheSpec(t *testing.T) {
	s := given("a").knowing("a", "a")
	s.Object.Status.Topology["a"].Host = "old"
	if got := Members(s.Object); len(got) != 1 || got[0].Host != "a" || got[0].Leaving {
		t.Errorf("got %+v", got)
	}
}

func TestMembersOfAnEmptyObject(t *testing.T) {
	if got := Members(&v1alpha1.MysqlReplication{}); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}
