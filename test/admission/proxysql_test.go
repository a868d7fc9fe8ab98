// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var proxysqlGVK = schema.GroupVersionKind{Group: "upm.syntropycloud.io", Version: "v1alpha1", Kind: "ProxysqlSync"}

// proxysqlSync is a good resource NAME of the ProxySQL pods NAME-0 and NAME-1.
func proxysqlSync(namespace, name string, edits ...edit) *unstructured.Unstructured {
	var nodes []any
	for i := range 2 {
		pod := fmt.Sprintf("%s-%d", name, i)
		nodes = append(nodes, node(pod, pod+".invalid", 6032))
	}
	obj := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"secret": map[string]any{"name": "absent"}, "proxysql": nodes, "mysqlReplication": "orders"},
	}}
	obj.SetGroupVersionKind(proxysqlGVK)
	obj.SetNamespace(namespace)
	obj.SetName(name)
	for _, edit := range edits {
		edit(obj.Object)
	}
	return obj
}

// Mistakes that ProxysqlSyncs from before the rules have.
var oldProxysqlMistakes = map[string]edit{
	"sync-node-twice":    field("spec.proxysql.1.name", "sync-node-twice-0"),
	"sync-address-twice": field("spec.proxysql.1.host", "sync-address-twice-0.invalid"),
	"sync-nothing":       field("spec.mysqlReplication", nil),
	"sync-bad-name":      field("spec.mysqlReplication", "team/orders"),
	"sync-bad-pattern":   field("spec.rule", map[string]any{"pattern": "10.("}),
	"sync-one-hostgroup": field("spec.writerHostgroup", int64(1)),
	"sync-bad-weight":    field("spec.weights", map[string]any{"a": int64(-1)}),
}

// TestRulesOfProxysql has each rule of the definition, with the message that a user reads.
func TestRulesOfProxysql(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "proxysql")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit edit
		want []string // parts of the refusal; none: accepted
	}{
		"good": {edit: func(map[string]any) {}},
		"a group": {edit: func(o map[string]any) {
			field("spec.mysqlReplication", nil)(o)
			field("spec.mysqlGroupReplication", "ring")(o)
		}},
		"an empty name beside a group": {edit: func(o map[string]any) {
			field("spec.mysqlReplication", "")(o)
			field("spec.mysqlGroupReplication", "ring")(o)
		}},
		"a rule":          {edit: field("spec.rule", map[string]any{"filter": []any{"root"}, "include": []any{"monitor"}, "pattern": `10\..*|%`})},
		"a host":          {edit: field("spec.rule", map[string]any{"pattern": "%"})},
		"as the original": {edit: field("spec.rule", map[string]any{"filter": []any{}, "pattern": ".*"})},
		"hostgroups": {edit: func(o map[string]any) {
			field("spec.writerHostgroup", int64(10))(o)
			field("spec.readerHostgroup", int64(0))(o)
		}},
		"weights": {edit: field("spec.weights", map[string]any{"mysql-0": int64(0), "mysql-1": int64(10000000)})},

		"no nodes":         {edit: field("spec.proxysql", []any{}), want: []string{"spec.proxysql: Invalid value", "at least 1 item"}},
		"none at all":      {edit: field("spec.proxysql", nil), want: []string{"spec.proxysql: Required value"}},
		"a node twice":     {edit: field("spec.proxysql.1.name", "good-0"), want: []string{"spec.proxysql names a node twice; remove one of them"}},
		"an address twice": {edit: field("spec.proxysql.1.host", "good-0.invalid"), want: []string{"spec.proxysql has two nodes with the same host and port; correct one of them"}},
		"a scheme":         {edit: field("spec.proxysql.0.host", "mysql://a"), want: []string{"host must be an IP address or a DNS name"}},
		"no port":          {edit: field("spec.proxysql.0.port", nil), want: []string{"spec.proxysql[0].port: Required value"}},
		"no secret":        {edit: field("spec.secret", nil), want: []string{"spec.secret: Required value"}},
		"nothing to sync":  {edit: field("spec.mysqlReplication", nil), want: []string{"exactly one of spec.mysqlReplication and spec.mysqlGroupReplication must be given"}},
		"two to sync":      {edit: field("spec.mysqlGroupReplication", "ring"), want: []string{"exactly one of spec.mysqlReplication and spec.mysqlGroupReplication must be given"}},
		"no name of a set": {edit: field("spec.mysqlReplication", "team/orders"), want: []string{"spec.mysqlReplication: Invalid value", "must be the name of a resource of this namespace"}},
		"no pattern":       {edit: field("spec.rule", map[string]any{"pattern": "10.("}), want: []string{"spec.rule.pattern: Invalid value", "error parsing regexp", "must be a host as in mysql.user"}},
		"a nameless user":  {edit: field("spec.rule", map[string]any{"filter": []any{""}}), want: []string{"spec.rule.filter[0]: Invalid value"}},
		"one hostgroup":    {edit: field("spec.writerHostgroup", int64(1)), want: []string{"spec.writerHostgroup and spec.readerHostgroup must differ"}},
		"a hostgroup":      {edit: field("spec.readerHostgroup", int64(-1)), want: []string{"spec.readerHostgroup: Invalid value: -1"}},
		"no connections":   {edit: field("spec.maxConnections", int64(0)), want: []string{"spec.maxConnections: Invalid value: 0"}},
		"a weight":         {edit: field("spec.weights", map[string]any{"a": int64(10000001)}), want: []string{"spec.weights must be from 0 to 10000000"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := env.admin.Create(t.Context(), proxysqlSync(namespace, "good", test.edit), client.DryRunAll)
			if err := refusal(err, test.want...); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOldProxysqlSyncsCanBeUpdated: no rule strands an object that was stored before it.
func TestOldProxysqlSyncsCanBeUpdated(t *testing.T) {
	for name := range oldProxysqlMistakes {
		t.Run(name, func(t *testing.T) {
			old := proxysqlSync(oldNamespace, name)
			for what, patch := range map[string]string{
				"its metadata":             `{"metadata":{"annotations":{"note":"seen"}}}`,
				"another part of its spec": `{"spec":{"maxConnections":100}}`,
			} {
				if err := env.admin.Patch(t.Context(), old.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			status := []byte(`{"status":{"ready":false,"source":"x"}}`)
			if err := env.admin.Status().Patch(t.Context(), old.DeepCopy(), client.RawPatch(types.MergePatchType, status)); err != nil {
				t.Errorf("its status: %v", err)
			}
		})
	}
	// Only what was there already is let through.
	worse := []byte(`{"spec":{"rule":{"pattern":"10.(("}}}`)
	err := env.admin.Patch(t.Context(), proxysqlSync(oldNamespace, "sync-bad-pattern"), client.RawPatch(types.MergePatchType, worse), client.DryRunAll)
	if err := refusal(err, "spec.rule.pattern: Invalid value"); err != nil {
		t.Error(err)
	}
}
