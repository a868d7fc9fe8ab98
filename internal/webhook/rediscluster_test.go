// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

type clusterEdit = func(*v1alpha1.RedisCluster)

func shardOf(names ...string) v1alpha1.RedisClusterShard {
	var shard v1alpha1.RedisClusterShard
	for _, name := range names {
		shard = append(shard, v1alpha1.RedisClusterMember{RedisNode: redisNode(name)})
	}
	return shard
}

// cluster makes a good one: three shards, a to c, of two nodes each, a-0 to c-1.
func cluster(name string, edits ...clusterEdit) *v1alpha1.RedisCluster {
	obj := &v1alpha1.RedisCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name},
		Spec: v1alpha1.RedisClusterSpec{
			Secret: v1alpha1.RedisReplicationSecret{Name: "redis", Redis: "redis"},
			Members: map[string]v1alpha1.RedisClusterShard{
				"a": shardOf("a-0", "a-1"), "b": shardOf("b-0", "b-1"), "c": shardOf("c-0", "c-1"),
			},
		},
	}
	for _, edit := range edits {
		edit(obj)
	}
	return obj
}

// shard gives the cluster a shard with these nodes.
func shard(name string, nodes ...string) clusterEdit {
	return func(o *v1alpha1.RedisCluster) { o.Spec.Members[name] = shardOf(nodes...) }
}

// exposed asks for Services.
func exposed(of corev1.ServiceType) clusterEdit {
	return func(o *v1alpha1.RedisCluster) { o.Spec.Service = &v1alpha1.ServiceSpec{Type: of} }
}

// shardNodes are so many names.
func shardNodes(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("n-%d", i))
	}
	return names
}

// behind announces a node of a shard under an address of a gateway.
func behind(shard string, i int, host string, port, bus int32) clusterEdit {
	return func(o *v1alpha1.RedisCluster) {
		n := &o.Spec.Members[shard][i]
		n.AnnounceHost, n.AnnouncePort, n.AnnounceBusPort = host, port, bus
	}
}

func TestRulesOfRedisClusters(t *testing.T) {
	for name, test := range map[string]struct {
		edits []clusterEdit
		want  []string // each a part of the error at the same place; none: allowed
	}{
		"as it should be":   {},
		"defaults left out": {edits: []clusterEdit{func(o *v1alpha1.RedisCluster) { o.Spec.Secret.Redis = "" }}},
		"one shard of one": {edits: []clusterEdit{func(o *v1alpha1.RedisCluster) {
			o.Spec.Members = map[string]v1alpha1.RedisClusterShard{"a": shardOf("a-0")}
		}}},
		"Services": {edits: []clusterEdit{exposed(corev1.ServiceTypeNodePort)}},
		"announced": {edits: []clusterEdit{
			behind("a", 0, "203.0.113.7", 30000, 31000), behind("a", 1, "203.0.113.7", 30001, 31001),
		}},
		"no shard": {
			edits: []clusterEdit{func(o *v1alpha1.RedisCluster) { o.Spec.Members = nil }},
			want:  []string{"spec.members: Required value: name the shards of the cluster"},
		},
		"an empty shard": {
			edits: []clusterEdit{shard("b")},
			want:  []string{"spec.members[b]: Required value: name the nodes of the shard, the preferred source first, or remove the shard"},
		},
		"a shard of nine": {
			edits: []clusterEdit{shard("d", shardNodes(9)...)},
			want:  []string{"spec.members[d]: Invalid value: 9: a shard has 8 nodes at the most: remove 1"},
		},
		"65 shards": {
			edits: []clusterEdit{func(o *v1alpha1.RedisCluster) {
				for i, name := range shardNodes(62) {
					o.Spec.Members[fmt.Sprintf("s%d", i)] = shardOf(name)
				}
			}},
			want: []string{"spec.members: Invalid value: 65: a cluster has 64 shards at the most: remove 1"},
		},
		"a shard's name": {
			edits: []clusterEdit{shard("shard a", "d-0")},
			want:  []string{`spec.members[shard a]: Invalid value: "shard a": must be letters, digits`},
		},
		"a node twice in a shard": {
			edits: []clusterEdit{func(o *v1alpha1.RedisCluster) { o.Spec.Members["a"][1].Name = "a-0" }},
			want:  []string{`spec.members[a][1].name: Duplicate value: "a-0": spec.members[a][0].name has it already; a pod is one node: remove one of the two`},
		},
		"a node in two shards": {
			edits: []clusterEdit{func(o *v1alpha1.RedisCluster) { o.Spec.Members["c"][1].Name = "a-1" }},
			want:  []string{`spec.members[c][1].name: Duplicate value: "a-1": spec.members[a][1].name has it already`},
		},
		"an address in two shards": {
			edits: []clusterEdit{func(o *v1alpha1.RedisCluster) { o.Spec.Members["c"][1].Host = "a-1.team.svc" }},
			want:  []string{`spec.members[c][1].host: Duplicate value: "a-1.team.svc:6379": spec.members[a][1].host has it already`},
		},
		"an external node": {
			edits: []clusterEdit{func(o *v1alpha1.RedisCluster) { o.Spec.Members["a"][1].External = true }},
			want:  []string{"spec.members[a][1].external: Forbidden: the nodes of a cluster are pods: leave it out"},
		},
		"a host with a scheme": {
			edits: []clusterEdit{func(o *v1alpha1.RedisCluster) { o.Spec.Members["a"][0].Host = "redis://a" }},
			want:  []string{"spec.members[a][0].host: Invalid value"},
		},
		"two nodes announced under one address": {
			edits: []clusterEdit{behind("a", 0, "203.0.113.7", 30000, 31000), behind("b", 0, "203.0.113.7", 30000, 31001)},
			want:  []string{`spec.members[b][0].announceHost: Duplicate value: "203.0.113.7:30000": spec.members[a][0].announceHost has it already`},
		},
		"two buses at one address": {
			edits: []clusterEdit{behind("a", 0, "203.0.113.7", 30000, 0), behind("b", 0, "203.0.113.7", 30001, 0)},
			want:  []string{`spec.members[b][0].announceBusPort: Duplicate value: "203.0.113.7:16379": spec.members[a][0].announceBusPort has it already; behind one announced host`},
		},
		"a bus port": {
			edits: []clusterEdit{behind("a", 0, "", 0, 70000)},
			want:  []string{"spec.members[a][0].announceBusPort: Invalid value: 70000: must be between 1 and 65535"},
		},
		"no room for the bus": {
			edits: []clusterEdit{func(o *v1alpha1.RedisCluster) { o.Spec.Members["a"][0].Port = 60000 }},
			want:  []string{"spec.members[a][0].port: Invalid value: 60000: has no room for the cluster bus"},
		},
		"no secret": {
			edits: []clusterEdit{func(o *v1alpha1.RedisCluster) { o.Spec.Secret.Name = "" }},
			want:  []string{"spec.secret.name: Required value: name the Secret that holds the password"},
		},
		"files on the servers": {
			edits: []clusterEdit{func(o *v1alpha1.RedisCluster) {
				o.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired, ServerFiles: &v1alpha1.DatabaseTLSFiles{CA: "/ca"}}
			}},
			want: []string{"spec.tls.serverFiles: Forbidden: is not used with Redis"},
		},
		"ExternalName": {
			edits: []clusterEdit{exposed(corev1.ServiceTypeExternalName)},
			want:  []string{"spec.service.type: Forbidden: ExternalName is not for a cluster, whose clients need all of its nodes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			errs := ValidateRedisCluster(&cluster("one", test.edits...).Spec)
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

func TestWarningsOfRedisClusters(t *testing.T) {
	without := func(shards ...string) clusterEdit {
		return func(o *v1alpha1.RedisCluster) {
			for _, name := range shards {
				delete(o.Spec.Members, name)
			}
		}
	}
	for name, test := range map[string]struct {
		edits []clusterEdit
		want  []string // the beginning of each
	}{
		"as it should be": {},
		"two shards":      {edits: []clusterEdit{without("c")}, want: []string{"spec.members has 2 shards: when a source fails, those that are left are no majority"}},
		"one shard":       {edits: []clusterEdit{without("b", "c")}, want: []string{"spec.members has 1 shard: "}},
		"a source alone":  {edits: []clusterEdit{shard("b", "b-0")}, want: []string{"spec.members has one node in shard b: its slots are out of service when it fails; add a node"}},
		"sources alone": {
			edits: []clusterEdit{shard("b", "b-0"), shard("c", "c-0")}, want: []string{"spec.members has one node in shards b, c: "},
		},
		"preferred": {
			edits: []clusterEdit{func(o *v1alpha1.RedisCluster) { o.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSPreferred} }},
			want:  []string{"spec.tls.mode is preferred"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := WarnRedisCluster(&cluster("one", test.edits...).Spec)
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %d", got, len(test.want))
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

func TestUpdateOfARedisClusterRefusesOnlyNewMistakes(t *testing.T) {
	v := func(existing ...client.Object) *Validator[*v1alpha1.RedisCluster] {
		return &Validator[*v1alpha1.RedisCluster]{Reader: knowing(t, existing...), rules: redisCluster}
	}
	twice := func(o *v1alpha1.RedisCluster) { o.Spec.Members["c"][1].Name = "a-1" }
	for name, test := range map[string]struct {
		existing     []client.Object
		old, updated *v1alpha1.RedisCluster
		want         string
	}{
		"a shard more":           {old: cluster("one"), updated: cluster("one", shard("d", "d-0", "d-1"))},
		"another source":         {old: cluster("one"), updated: cluster("one", shard("a", "a-1", "a-0"))},
		"a node moved":           {old: cluster("one"), updated: cluster("one", shard("a", "a-0"), shard("b", "b-0", "b-1", "a-1"))},
		"a mistake":              {old: cluster("one"), updated: cluster("one", twice), want: `spec.members[c][1].name: Duplicate value: "a-1"`},
		"an old mistake":         {old: cluster("one", twice), updated: cluster("one", twice, shard("d", "d-0", "d-1"))},
		"its own pods":           {existing: []client.Object{cluster("one")}, old: cluster("one"), updated: cluster("one", shard("a", "a-1", "a-0"))},
		"a pod of a set":         {existing: []client.Object{redisSet()}, old: cluster("one"), updated: cluster("one", shard("d", "r-1")), want: `spec.members[d][0].name: Forbidden: pod "r-1" belongs to RedisReplication "cache" of this namespace`},
		"a pod of a cluster":     {existing: []client.Object{cluster("two", shard("d", "d-0"))}, old: cluster("one"), updated: cluster("one", shard("d", "d-0")), want: `pod "d-0" belongs to RedisCluster "two" of this namespace`},
		"an old conflict":        {existing: []client.Object{redisSet()}, old: cluster("one", shard("d", "r-1")), updated: cluster("one", shard("d", "r-1"), shard("a", "a-1", "a-0"))},
		"a pod of somebody else": {existing: []client.Object{set("mysql")}, old: cluster("one"), updated: cluster("one", shard("d", "db-0")), want: `pod "db-0" belongs to MysqlReplication "mysql"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v(test.existing...).ValidateUpdate(t.Context(), test.old, test.updated)
			check(t, err, test.want)
		})
	}
	_, err := (&Validator[*v1alpha1.RedisReplication]{Reader: knowing(t, cluster("one", shard("d", "r-2"))), rules: redisReplication}).ValidateCreate(t.Context(), redisSet())
	check(t, err, `pod "r-2" belongs to RedisCluster "one" of this namespace`)
}

// TestServicesInCommonAreWarnedOf: those of a cluster have names that no other kind's have, unless
// its own name is made for it.
func TestServicesInCommonAreWarnedOf(t *testing.T) {
	for name, test := range map[string]struct {
		existing     client.Object
		old, updated *v1alpha1.RedisCluster
		want         string // none: no warning
	}{
		"a namesake":        {existing: set("one"), updated: cluster("one", exposed(""))},
		"no Services":       {existing: set("one"), updated: cluster("one-readwrite")},
		"another's Service": {existing: set("one"), updated: cluster("one-readwrite", exposed("")), want: `metadata.name makes for Services that MysqlReplication "one" of this namespace has, one-readwrite: they are left to it.`},
		"another cluster's": {existing: cluster("one", exposed("")), updated: cluster("one-headless", exposed("")), want: `metadata.name makes for Services that RedisCluster "one"`},
		"asked for later":   {existing: set("one"), old: cluster("one-readonly"), updated: cluster("one-readonly", exposed("")), want: "metadata.name makes for Services"},
		"as before":         {existing: set("one"), old: cluster("one-readonly", exposed("")), updated: cluster("one-readonly", exposed(""), shard("d", "d-0", "d-1"))},
	} {
		t.Run(name, func(t *testing.T) {
			v := &Validator[*v1alpha1.RedisCluster]{Reader: knowing(t, test.existing), rules: redisCluster}
			warnings, err := v.ValidateCreate(t.Context(), test.updated)
			if test.old != nil {
				warnings, err = v.ValidateUpdate(t.Context(), test.old, test.updated)
			}
			// The nodes are those of the other cluster; here it is about the Services.
			if err != nil && !strings.Contains(err.Error(), "belongs to RedisCluster") {
				t.Error(err)
			}
			if got := strings.Join(warnings, "\n"); !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
				t.Errorf("warnings %q, want %q", warnings, test.want)
			}
		})
	}
}
