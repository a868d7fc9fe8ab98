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
	"k8s.io/apimachinery/pkg/types"
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

// Mistakes that RedisClusters from before the rules have. All of them can be updated: see
// TestOldRedisClustersCanBeUpdated.
var oldClusterMistakes = map[string]edit{
	"cluster-twice":      field("spec.members.a.1.name", "cluster-twice-a-0"),
	"cluster-two-shards": field("spec.members.b.1.name", "cluster-two-shards-a-0"),
	"cluster-address":    field("spec.members.a.1.host", "cluster-address-a-0.invalid"),
	"cluster-external":   field("spec.members.a.1.external", true),
	"cluster-bad-host":   field("spec.members.a.0.host", "tcp://bad"),
	"cluster-port":       field("spec.members.a.0.port", int64(70000)),
	"cluster-high-port":  field("spec.members.a.0.port", int64(60000)),
	"cluster-shard-name": field("spec.members.a b", shardOf("cluster-shard-name-d", 1)),
	"cluster-of-none":    field("spec.members", map[string]any{}),
	"cluster-empty":      field("spec.members.a", []any{}),
	"cluster-claims":     field("spec.members.a.1.name", "claims-one-2"),
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
		"a host with a port":   {edit: field("spec.members.a.0.host", "a:6379"), want: []string{"spec.members[a][0].host", "must be an IP address or a DNS name, without a scheme or a port"}},
		"a name in capitals":   {edit: field("spec.members.a.0.name", "A"), want: []string{"name must be the name of a pod"}},
		"a bus port":           {edit: field("spec.members.a.0.announceBusPort", int64(70000)), want: []string{"announceBusPort", "should be less than or equal to 65535"}},
		"files on the servers": {edit: field("spec.tls", map[string]any{"serverFiles": map[string]any{"ca": "/ca"}}), want: []string{"spec.tls.serverFiles is not used with Redis"}},
		"ExternalName":         {edit: field("spec.service", map[string]any{"type": "ExternalName", "externalName": "db.example"}), want: []string{"spec.service.type ExternalName is not for a cluster, whose clients need all of its nodes"}},
		"a node in two shards": {edit: field("spec.members.c.1.name", "good-a-1"), want: []string{`spec.members[c][1].name: Duplicate value: "good-a-1": spec.members[a][1].name has it already`}},
		"an address in two":    {edit: field("spec.members.c.1.host", "good-a-1.invalid"), want: []string{`spec.members[c][1].host: Duplicate value: "good-a-1.invalid:6379"`}},
		"no room for the bus":  {edit: field("spec.members.a.0.port", int64(60000)), want: []string{"spec.members[a][0].port: Invalid value: 60000: has no room for the cluster bus"}},
		"no secret":            {edit: field("spec.secret", nil), want: []string{"spec.secret: Required value"}},
		"a user with a space":  {edit: field("spec.secret.user", "a b"), want: []string{"spec.secret.user"}},
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

// TestOldRedisClustersCanBeUpdated: no rule strands an object that was stored before it.
func TestOldRedisClustersCanBeUpdated(t *testing.T) {
	for name := range oldClusterMistakes {
		t.Run(name, func(t *testing.T) {
			object := redisCluster(oldNamespace, name)
			for what, patch := range map[string]string{
				"its metadata":             `{"metadata":{"annotations":{"note":"seen"},"finalizers":["upm.syntropycloud.io/test"]}}`,
				"another part of its spec": `{"spec":{"secret":{"redis":"root"}}}`,
			} {
				if err := env.admin.Patch(t.Context(), object.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			status := []byte(`{"status":{"ready":false,"numberOfShard":3,"clusterJoined":false,"clusterSynced":false}}`)
			if err := env.admin.Status().Patch(t.Context(), object.DeepCopy(), client.RawPatch(types.MergePatchType, status)); err != nil {
				t.Errorf("its status: %v", err)
			}
			if err := env.admin.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))); err != nil {
				t.Errorf("its finalizers: %v", err)
			}
		})
	}
	// What matters in an emergency, another source, works beside a mistake that it does not touch.
	for _, name := range []string{"cluster-twice", "cluster-two-shards", "cluster-address", "cluster-claims"} {
		patch := fmt.Sprintf(`{"spec":{"members":{"c":[{"name":"%[1]s-c-1","host":"%[1]s-c-1.invalid","port":6379},{"name":"%[1]s-c-0","host":"%[1]s-c-0.invalid","port":6379}]}}}`, name)
		if err := env.admin.Patch(t.Context(), redisCluster(oldNamespace, name), client.RawPatch(types.MergePatchType, []byte(patch)), client.DryRunAll); err != nil {
			t.Errorf("another source of %s: %v", name, err)
		}
	}
	further := `{"spec":{"members":{"c":[{"name":"cluster-two-shards-a-1","host":"c","port":6379}]}}}`
	err := env.admin.Patch(t.Context(), redisCluster(oldNamespace, "cluster-two-shards"), client.RawPatch(types.MergePatchType, []byte(further)), client.DryRunAll)
	if err := refusal(err, `spec.members[c][0].name: Duplicate value: "cluster-two-shards-a-1"`); err != nil {
		t.Error(err)
	}
}
