// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

type syncEdit = func(*v1alpha1.ProxysqlSync)

func proxy(name string) v1alpha1.Node {
	return v1alpha1.Node{Name: name, Host: name + ".team.svc", Port: 6032}
}

// proxysqlSyncOf makes a good resource: px-0 and px-1 before the set "orders".
func proxysqlSyncOf(name string, edits ...syncEdit) *v1alpha1.ProxysqlSync {
	obj := &v1alpha1.ProxysqlSync{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name},
		Spec: v1alpha1.ProxysqlSyncSpec{
			Proxysql:         []v1alpha1.Node{proxy("px-0"), proxy("px-1")},
			Secret:           v1alpha1.ProxysqlSyncSecret{Name: "credentials", Proxysql: "proxysql", Mysql: "mysql"},
			MysqlReplication: "orders",
		},
	}
	for _, edit := range edits {
		edit(obj)
	}
	return obj
}

func rule(r v1alpha1.ProxysqlSyncRule) syncEdit {
	return func(o *v1alpha1.ProxysqlSync) { o.Spec.Rule = &r }
}

func TestProxysqlSyncRules(t *testing.T) {
	for name, test := range map[string]struct {
		edit syncEdit
		want []string // each a part of the error at the same place; none: allowed
	}{
		"as it should be":   {edit: func(*v1alpha1.ProxysqlSync) {}},
		"defaults left out": {edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.Secret.Proxysql, o.Spec.Secret.Mysql = "", "" }},
		"a group":           {edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.MysqlReplication, o.Spec.MysqlGroupReplication = "", "ring" }},
		"a host":            {edit: rule(v1alpha1.ProxysqlSyncRule{Pattern: "%"})},
		"a network":         {edit: rule(v1alpha1.ProxysqlSyncRule{Pattern: "10.0.0.0/255.255.255.0"})},
		"an expression":     {edit: rule(v1alpha1.ProxysqlSyncRule{Pattern: `10\..*|%`, Filter: []string{"root"}, Include: []string{"monitor"}})},
		"no nodes": {
			edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.Proxysql = nil },
			want: []string{"spec.proxysql: Required value: name the ProxySQL servers"},
		},
		"a node twice": {
			edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.Proxysql[1].Name = "px-0" },
			want: []string{`spec.proxysql[1].name: Duplicate value: "px-0": spec.proxysql[0].name has it already`},
		},
		"an address twice": {
			edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.Proxysql[1].Host = "px-0.team.svc" },
			want: []string{`spec.proxysql[1].host: Duplicate value: "px-0.team.svc:6032"`},
		},
		"a port": {
			edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.Proxysql[0].Port = 0 },
			want: []string{"spec.proxysql[0].port: Invalid value: 0"},
		},
		"no secret": {
			edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.Secret.Name = "" },
			want: []string{"spec.secret.name: Required value: name the Secret that holds the passwords"},
		},
		"nothing to sync": {
			edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.MysqlReplication = "" },
			want: []string{"spec.mysqlReplication: Required value: name the MysqlReplication of this namespace"},
		},
		"two to sync": {
			edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.MysqlGroupReplication = "ring" },
			want: []string{"spec.mysqlGroupReplication: Forbidden: spec.mysqlReplication is given as well"},
		},
		"a name that no set can have": {
			edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.MysqlReplication = "team/orders" },
			want: []string{`spec.mysqlReplication: Invalid value: "team/orders": must be the name of a resource of this namespace`},
		},
		"a pattern that is none": {
			edit: rule(v1alpha1.ProxysqlSyncRule{Pattern: "10.(.*"}),
			want: []string{`spec.rule.pattern: Invalid value: "10.(.*": must be a host as in mysql.user, e.g. "%", or a regular expression over the whole of it, e.g. ".*": error parsing regexp: missing closing )`},
		},
		"users without a name": {
			edit: rule(v1alpha1.ProxysqlSyncRule{Filter: []string{"a", ""}, Include: []string{""}}),
			want: []string{"spec.rule.filter[1]: Required value: name a user", "spec.rule.include[0]: Required value"},
		},
		"one hostgroup": {
			edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.WriterHostgroup = ptr.To[int32](1) },
			want: []string{"spec.readerHostgroup: Invalid value: 1: is spec.writerHostgroup"},
		},
		"numbers out of bounds": {
			edit: func(o *v1alpha1.ProxysqlSync) {
				o.Spec.WriterHostgroup, o.Spec.MaxConnections = ptr.To[int32](-1), ptr.To[int32](0)
				o.Spec.Weights = map[string]int32{"b": -1, "a": 10_000_001, "c": 0}
			},
			want: []string{
				"spec.writerHostgroup: Invalid value: -1: must be between 0 and", "spec.maxConnections: Invalid value: 0: must be between 1 and 1000000",
				"spec.weights[a]: Invalid value: 10000001: must be between 0 and 10000000", "spec.weights[b]: Invalid value: -1",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			errs := ValidateProxysqlSync(&proxysqlSyncOf("one", test.edit).Spec)
			if len(errs) != len(test.want) {
				t.Fatalf("got %v, want %d error(s)", errs, len(test.want))
			}
			for i, want := range test.want {
				if !strings.Contains(errs[i].Error(), want) {
					t.Errorf("got %q, want it to have %q", errs[i], want)
				}
			}
		})
	}
}

func TestProxysqlSyncWarnings(t *testing.T) {
	for name, test := range map[string]struct {
		edit syncEdit
		want string // none: no warning
	}{
		"as it should be":         {edit: func(*v1alpha1.ProxysqlSync) {}},
		"the clients' port":       {func(o *v1alpha1.ProxysqlSync) { o.Spec.Proxysql[1].Port = 6033 }, "spec.proxysql[1].port is 6033"},
		"the user admin":          {func(o *v1alpha1.ProxysqlSync) { o.Spec.Secret.Proxysql = "admin" }, "lets that user in from its own host only"},
		"left out and copied":     {rule(v1alpha1.ProxysqlSyncRule{Filter: []string{"a", "b"}, Include: []string{"b"}}), `both name "b"`},
		"either of them, apart":   {edit: rule(v1alpha1.ProxysqlSyncRule{Filter: []string{"a"}, Include: []string{"b"}})},
		"a replication hostgroup": {func(o *v1alpha1.ProxysqlSync) { o.Spec.ReplicationHostgroup = ptr.To(true) }, "makes a writer of each server"},
		"one ProxySQL is enough":  {edit: func(o *v1alpha1.ProxysqlSync) { o.Spec.Proxysql = o.Spec.Proxysql[:1] }},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(WarnProxysqlSync(&proxysqlSyncOf("one", test.edit).Spec), "\n")
			if !strings.Contains(got, test.want) || test.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func syncValidator(t *testing.T, existing ...client.Object) *Validator[*v1alpha1.ProxysqlSync] {
	t.Helper()
	return &Validator[*v1alpha1.ProxysqlSync]{Reader: knowing(t, existing...), rules: proxysqlSync}
}

// TestProxysqlSyncClaims: a ProxySQL is one resource's, and none of a set's servers; the set
// that is synced stays what it is.
func TestProxysqlSyncClaims(t *testing.T) {
	_, err := syncValidator(t, proxysqlSyncOf("two")).ValidateCreate(t.Context(), proxysqlSyncOf("one"))
	check(t, err, `spec.proxysql[0].name: Forbidden: pod "px-0" belongs to ProxysqlSync "two" of this namespace`)
	_, err = syncValidator(t, set("orders")).ValidateCreate(t.Context(), proxysqlSyncOf("one", func(o *v1alpha1.ProxysqlSync) { o.Spec.Proxysql[1].Name = "db-0" }))
	check(t, err, `pod "db-0" belongs to MysqlReplication "orders"`)
	_, err = validator(t, proxysqlSyncOf("two")).ValidateCreate(t.Context(), set("one", with("px-1")))
	check(t, err, `pod "px-1" belongs to ProxysqlSync "two"`)
	warnings, err := syncValidator(t, set("orders")).ValidateCreate(t.Context(), proxysqlSyncOf("orders"))
	if err != nil || len(warnings) != 0 {
		t.Errorf("beside the set of its name: %q, %v: it has no Services that could be in the way", warnings, err)
	}
	warnings, err = validator(t, proxysqlSyncOf("orders")).ValidateCreate(t.Context(), set("orders"))
	if err != nil || len(warnings) != 0 {
		t.Errorf("the set beside it: %q, %v", warnings, err)
	}
}

// TestProxysqlSyncKeepsOldMistakes: what was stored with a mistake can be changed elsewhere.
func TestProxysqlSyncKeepsOldMistakes(t *testing.T) {
	broken := proxysqlSyncOf("one", rule(v1alpha1.ProxysqlSyncRule{Pattern: "("}))
	edited := broken.DeepCopy()
	edited.Spec.MaxConnections = ptr.To[int32](100)
	if _, err := syncValidator(t).ValidateUpdate(t.Context(), broken, edited); err != nil {
		t.Errorf("an old mistake cannot be kept: %v", err)
	}
	edited.Spec.Rule.Pattern = "(("
	_, err := syncValidator(t).ValidateUpdate(t.Context(), broken, edited)
	check(t, err, `spec.rule.pattern: Invalid value: "(("`)
}
