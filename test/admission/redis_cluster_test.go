// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// redisCluster is a good one of that name: three shards, a to c, of two pods each.
func redisCluster(namespace, name string, edits ...edit) *unstructured.Unstructured {
	members := map[string]any{}
	for _, shard := range []string{"a", "b", "c"} {
		members[shard] = shardOf(name+"-"+shard, 2)
	}
	object := map[string]any{
		"apiVersion": "upm.syntropycloud.io/v1alpha1", "kind": "RedisCluster",
		"metadata": map[string]any{"namespace": namespace, "name": name},
		"spec":     map[string]any{"secret": map[string]any{"name": "redis"}, "members": members},
	}
	for _, change := range edits {
		change(object)
	}
	return &unstructured.Unstructured{Object: object}
}

// shardOf has so many pods.
func shardOf(prefix string, n int) []any {
	list := []any{}
	for i := range n {
		pod := fmt.Sprintf("%s-%d", prefix, i)
		list = append(list, node(pod, pod+".invalid", 6379))
	}
	return list
}

// shards gives the cluster so many of so many pods, in the place of those that it has.
func shards(n, pods int) edit {
	members := map[string]any{}
	for i := range n {
		members[fmt.Sprintf("s%d", i)] = shardOf(fmt.Sprintf("s%d", i), pods)
	}
	return field("spec.members", members)
}

// TestRulesOfRedisClusters has each rule of the CRD, with the message that a user reads, and those
// of the webhook that the CRD cannot have.
func TestRulesOfRedisClusters(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "rediscluster")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit edit
		want []string // parts of the refusal; none: accepted
	}{
		"good":           {edit: func(map[string]any) {}},
		"64 shards of 8": {edit: shards(64, 8)},
		"one of one":     {edit: shards(1, 1)},
		"Services":       {edit: field("spec.service", map[string]any{"type": "NodePort"})},
		"announced": {edit: func(o map[string]any) {
			field("spec.members.a.0.announceHost", "203.0.113.7")(o)
			field("spec.members.a.0.announcePort", int64(30000))(o)
			field("spec.members.a.0.announceBusPort", int64(31000))(o)
		}},
		"a shard's name of all kinds": {edit: field("spec.members.0_x-Y", shardOf("d", 1))},

		"no members":      {edit: field("spec.members", nil), want: []string{"spec.members: Required value"}},
		"no shard":        {edit: field("spec.members", map[string]any{}), want: []string{"spec.members", "should have at least 1 properties"}},
		"an empty shard":  {edit: field("spec.members.b", []any{}), want: []string{"spec.members.b", "should have at least 1 items"}},
		"65 shards":       {edit: shards(65, 1), want: []string{"spec.members", "must have at most 64 items"}},
		"a shard of nine": {edit: field("spec.members.b", shardOf("b", 9)), want: []string{"spec.members.b: Too many: 9: must have at most 8 items"}},
		"a shard's name":  {edit: field("spec.members.a b", shardOf("d", 1)), want: []string{"spec.members has a shard whose name is not letters, digits, '-', '_' and '.', 63 at the most; give it another name"}},
		"a node twice": {
			edit: field("spec.members.a.1.name", "good-a-0"),
			want: []string{"spec.members names a node twice in one shard; remove one of them"},
		},
		"an address twice": {
			edit: field("spec.members.a.1.host", "good-a-0.invalid"),
			want: []string{"spec.members has two nodes of one shard with the same host and port; correct one of them"},
		},
		"an external node": {
			edit: field("spec.members.a.1.external", true),
			want: []string{"spec.members has a node with external: true; the nodes of a cluster are pods: leave it out"},
		},
		"a host with a port":      {edit: field("spec.members.a.0.host", "a:6379"), want: []string{"host must be an IP address or a DNS name, without a scheme or a port"}},
		"a name in capitals":      {edit: field("spec.members.a.0.name", "A"), want: []string{"name must be the name of a pod"}},
		"a bus port":              {edit: field("spec.members.a.0.announceBusPort", int64(70000)), want: []string{"announceBusPort", "should be less than or equal to 65535"}},
		"files on the servers":    {edit: field("spec.tls", map[string]any{"serverFiles": map[string]any{"ca": "/ca"}}), want: []string{"spec.tls.serverFiles is not used with Redis"}},
		"ExternalName":            {edit: field("spec.service", map[string]any{"type": "ExternalName", "externalName": "db.example"}), want: []string{"spec.service.type ExternalName is not for a cluster, whose clients need all of its nodes"}},
		"a node in two shards":    {edit: field("spec.members.c.1.name", "good-a-1"), want: []string{`spec.members[c][1].name: Duplicate value: "good-a-1": spec.members[a][1].name has it already`}},
		"an address in two":       {edit: field("spec.members.c.1.host", "good-a-1.invalid"), want: []string{`spec.members[c][1].host: Duplicate value: "good-a-1.invalid:6379"`}},
		"no room for the bus":     {edit: field("spec.members.a.0.port", int64(60000)), want: []string{"spec.members[a][0].port: Invalid value: 60000: has no room for the cluster bus"}},
		"no secret":               {edit: field("spec.secret", nil), want: []string{"spec.secret: Required value"}},
		"a user with a space":     {edit: field("spec.secret.user", "a b"), want: []string{"spec.secret.user"}},
		"a field that is unknown": {edit: field("spec.shards", int64(3)), want: []string{`unknown field "spec.shards"`}},
	} {
		t.Run(name, func(t *testing.T) {
			err := client.WithFieldValidation(env.admin, "Strict").Create(t.Context(), redisCluster(namespace, "good", test.edit), client.DryRunAll)
			if err := refusal(err, test.want...); err != nil {
				t.Error(err)
			}
		})
	}
	long := strings.Repeat("n", 54)
	if err := refusal(env.admin.Create(t.Context(), redisCluster(namespace, long), client.DryRunAll), "metadata.name must have 53 characters at the most"); err != nil {
		t.Error(err)
	}
}

// TestTheOriginalsRedisClusterApplies: one that was written for the original Compose Operator,
// which has a Secret, shards and announced addresses.
func TestTheOriginalsRedisClusterApplies(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "original")
	if err != nil {
		t.Fatal(err)
	}
	object := redisCluster(namespace, "plain", field("spec.secret", map[string]any{"name": "absent", "redis": "default"}), func(o map[string]any) {
		field("spec.members.a.0.announceHost", "192.0.2.10")(o)
		field("spec.members.a.0.announcePort", int64(30001))(o)
	})
	object.SetAnnotations(map[string]string{"compose-operator.skip.reconcile": "true"})
	if err := client.WithFieldValidation(env.admin, "Strict").Create(t.Context(), object, client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	if got, _, err := unstructured.NestedString(object.Object, "spec", "secret", "redis"); err != nil || got != "default" {
		t.Errorf("spec.secret.redis is %q (%v)", got, err)
	}
}

func TestWarningsOfRedisClusters(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "warnings")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit edit
		want []string // the beginning of each
	}{
		"good":       {edit: func(map[string]any) {}},
		"two shards": {edit: shards(2, 2), want: []string{"spec.members has 2 shards: "}},
		"alone":      {edit: shards(3, 1), want: []string{"spec.members has one node in shards s0, s1, s2: "}},
	} {
		t.Run(name, func(t *testing.T) {
			env.warnings.take()
			if err := env.admin.Create(t.Context(), redisCluster(namespace, "one", test.edit), client.DryRunAll); err != nil {
				t.Fatal(err)
			}
			got := env.warnings.take()
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("warnings %q, want %q…", got, test.want)
			}
		})
	}
}
