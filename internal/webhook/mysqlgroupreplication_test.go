// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

type groupEdit func(*v1alpha1.MysqlGroupReplication)

func member(name string) v1alpha1.Node {
	return v1alpha1.Node{Name: name, Host: name + ".gr.team.svc", Port: 3306}
}

// group makes a good group of gr-0, gr-1 and gr-2.
func group(name string, edits ...groupEdit) *v1alpha1.MysqlGroupReplication {
	obj := &v1alpha1.MysqlGroupReplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name},
		Spec: v1alpha1.MysqlGroupReplicationSpec{
			Secret: v1alpha1.MysqlReplicationSecret{Name: "db", Mysql: "mysql", Replication: "replication"},
			Member: []v1alpha1.Node{member("gr-0"), member("gr-1"), member("gr-2")},
		},
	}
	for _, edit := range edits {
		edit(obj)
	}
	return obj
}

// members gives a group so many of them.
func members(n int) groupEdit {
	return func(o *v1alpha1.MysqlGroupReplication) {
		o.Spec.Member = nil
		for i := range n {
			o.Spec.Member = append(o.Spec.Member, member(fmt.Sprintf("gr-%d", i)))
		}
	}
}

func joined(name string) groupEdit {
	return func(o *v1alpha1.MysqlGroupReplication) { o.Spec.Member = append(o.Spec.Member, member(name)) }
}

func primary(name string) groupEdit {
	return func(o *v1alpha1.MysqlGroupReplication) { o.Spec.Primary = name }
}

func TestStructuralRulesOfGroups(t *testing.T) {
	for name, test := range map[string]struct {
		edit groupEdit
		want []string // each a part of the error at the same place; none: allowed
	}{
		"as it should be":   {edit: func(*v1alpha1.MysqlGroupReplication) {}},
		"nine members":      {edit: members(9)},
		"one member":        {edit: members(1)},
		"a wanted primary":  {edit: primary("gr-2")},
		"defaults left out": {edit: func(o *v1alpha1.MysqlGroupReplication) { o.Spec.Secret.Mysql = "" }},
		"no member": {
			edit: members(0),
			want: []string{"spec.member: Required value: name the servers of the group, 1 to 9"},
		},
		"eleven members": {
			edit: members(11),
			want: []string{"spec.member: Invalid value: 11: a group has 9 members at the most: remove 2"},
		},
		"a name twice": {
			edit: func(o *v1alpha1.MysqlGroupReplication) { o.Spec.Member[2].Name = "gr-0" },
			want: []string{`spec.member[2].name: Duplicate value: "gr-0": spec.member[0].name has it already; a pod is one node: remove one of the two`},
		},
		"an address twice": {
			edit: func(o *v1alpha1.MysqlGroupReplication) { o.Spec.Member[2].Host = o.Spec.Member[1].Host },
			want: []string{`spec.member[2].host: Duplicate value: "gr-1.gr.team.svc:3306": spec.member[1].host has it already; every node needs its own host and port`},
		},
		"two servers on one host": {
			edit: func(o *v1alpha1.MysqlGroupReplication) {
				o.Spec.Member[2].Host, o.Spec.Member[2].Port = o.Spec.Member[1].Host, 3307
			},
		},
		"a host with a port": {
			edit: func(o *v1alpha1.MysqlGroupReplication) { o.Spec.Member[0].Host = "gr-0:3306" },
			want: []string{"spec.member[0].host: Invalid value"},
		},
		"no host, no name and no port": {
			edit: func(o *v1alpha1.MysqlGroupReplication) { o.Spec.Member[1] = v1alpha1.Node{} },
			want: []string{"spec.member[1].name: Required value", "spec.member[1].host: Required value", "spec.member[1].port: Invalid value"},
		},
		"an external member": {
			edit: func(o *v1alpha1.MysqlGroupReplication) { o.Spec.Member[1].External = true },
			want: []string{"spec.member[1].external: Forbidden: the members of a group are pods: leave it out"},
		},
		"a primary of no member": {
			edit: primary("gr-7"),
			want: []string{`spec.primary: Invalid value: "gr-7": is not the name of a node in spec.member: correct it, or leave it out to let the group elect`},
		},
		"no Secret": {
			edit: func(o *v1alpha1.MysqlGroupReplication) { o.Spec.Secret.Name = "" },
			want: []string{"spec.secret.name: Required value: name the Secret"},
		},
		"ExternalName without a name": {
			edit: func(o *v1alpha1.MysqlGroupReplication) { o.Spec.Service = &v1alpha1.ServiceSpec{Type: "ExternalName"} },
			want: []string{"spec.service.externalName: Required value: type ExternalName needs the DNS name to point at"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			errs := ValidateMysqlGroupReplication(&group("one", test.edit).Spec)
			if len(errs) != len(test.want) {
				t.Fatalf("got %v, want %d error(s)", errs, len(test.want))
			}
			for i, want := range test.want {
				if got := errs[i].Error(); !strings.HasPrefix(got, want) {
					t.Errorf("got  %s\nwant %s…", got, want)
				}
			}
		})
	}
}

func TestWarningsOfGroups(t *testing.T) {
	for n, want := range map[int]string{
		0: "",
		1: "spec.member has 1 node: a group of 1 has nobody to take over",
		2: "spec.member has 2 nodes: when one fails, the other is no majority",
		3: "",
		4: "spec.member has 4 nodes, an even number: the group survives the loss of 1, which 3 do as well",
		5: "",
		8: "spec.member has 8 nodes, an even number: the group survives the loss of 3, which 7 do as well",
		9: "",
	} {
		got := WarnMysqlGroupReplication(&group("one", members(n)).Spec)
		switch {
		case want == "" && len(got) > 0:
			t.Errorf("%d members: %q", n, got)
		case want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], want)):
			t.Errorf("%d members: %q, want %q…", n, got, want)
		}
	}
}

// groupValidator knows the given resources.
func groupValidator(t *testing.T, existing ...client.Object) *Validator[*v1alpha1.MysqlGroupReplication] {
	t.Helper()
	return &Validator[*v1alpha1.MysqlGroupReplication]{Reader: knowing(t, existing...), rules: mysqlGroupReplication}
}

func TestUpdateOfAGroupRefusesOnlyNewMistakes(t *testing.T) {
	for name, test := range map[string]struct {
		existing     []client.Object
		old, updated *v1alpha1.MysqlGroupReplication
		want         string
	}{
		"another primary":            {old: group("one"), updated: group("one", primary("gr-1"))},
		"a member more":              {old: group("one"), updated: group("one", joined("gr-3"))},
		"a mistake":                  {old: group("one"), updated: group("one", primary("x")), want: `spec.primary: Invalid value: "x"`},
		"an old mistake":             {old: group("one", primary("x")), updated: group("one", primary("x"), joined("gr-3"))},
		"an old mistake made anew":   {old: group("one", primary("x")), updated: group("one", primary("y")), want: `spec.primary: Invalid value: "y"`},
		"too many as before":         {old: group("one", members(10)), updated: group("one", members(10), primary("gr-1"))},
		"more than too many":         {old: group("one", members(10)), updated: group("one", members(11)), want: "spec.member: Invalid value: 11"},
		"the wanted primary removed": {old: group("one", primary("gr-2")), updated: group("one", members(2), primary("gr-2")), want: "spec.primary: Invalid value"},
		"its own pods":               {existing: []client.Object{group("one")}, old: group("one"), updated: group("one", primary("gr-1"))},
		"a pod of another group":     {existing: []client.Object{group("two", func(o *v1alpha1.MysqlGroupReplication) { o.Spec.Member = []v1alpha1.Node{member("x")} })}, old: group("one"), updated: group("one", joined("x")), want: `pod "x" belongs to MysqlGroupReplication "two"`},
		"a pod of a set":             {existing: []client.Object{set("two")}, old: group("one"), updated: group("one", joined("db-1")), want: `spec.member[3].name: Forbidden: pod "db-1" belongs to MysqlReplication "two" of this namespace`},
		"an old conflict":            {existing: []client.Object{set("two")}, old: group("one", joined("db-1")), updated: group("one", joined("db-1"), primary("gr-1"))},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := groupValidator(t, test.existing...).ValidateUpdate(t.Context(), test.old, test.updated)
			check(t, err, test.want)
		})
	}
}

// A pod is in one set, of whatever kind.
func TestClaimsAcrossKinds(t *testing.T) {
	_, err := groupValidator(t, set("two")).ValidateCreate(t.Context(), group("one", joined("db-0")))
	check(t, err, `spec.member[3].name: Forbidden: pod "db-0" belongs to MysqlReplication "two" of this namespace; a pod can be in one set only: remove it from the spec of MysqlReplication "two", or delete that, and try again`)
	_, err = validator(t, group("two")).ValidateCreate(t.Context(), set("one", with("gr-1")))
	check(t, err, `spec.replica[2].name: Forbidden: pod "gr-1" belongs to MysqlGroupReplication "two" of this namespace`)
	// Of one name, they are two resources all the same.
	_, err = validator(t, group("one")).ValidateCreate(t.Context(), set("one", with("gr-1")))
	check(t, err, `pod "gr-1" belongs to MysqlGroupReplication "one" of this namespace`)
	_, err = groupValidator(t, set("two")).ValidateCreate(t.Context(), group("one"))
	check(t, err, "")
}

// Two kinds of one name want the same Services. That is said and allowed: an object of
// the one kind must not be refused for what the other has.
func TestNamesakesAreWarnedOf(t *testing.T) {
	warnings, err := groupValidator(t, set("one")).ValidateCreate(t.Context(), group("one"))
	if err != nil {
		t.Error(err)
	}
	const want = `metadata.name makes for Services that MysqlReplication "one" of this namespace has, one-readwrite and one-readonly: they are left to it.`
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], want) {
		t.Errorf("warnings %q", warnings)
	}
	warnings, err = groupValidator(t, set("one"), group("one")).ValidateUpdate(t.Context(), group("one"), group("one", primary("gr-1")))
	if err != nil || len(warnings) != 0 {
		t.Errorf("at an update: %q, %v", warnings, err)
	}
}
