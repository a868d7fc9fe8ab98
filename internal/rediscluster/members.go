// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// Member is a node that the operator looks at.
type Member struct {
	Name string
	Host string
	Port int32
	// Shard of the spec, or the one that a leaving node was in.
	Shard string
	// AnnounceHost, AnnouncePort and AnnounceBus as the spec has them; "" and 0: not there.
	AnnounceHost              string
	AnnouncePort, AnnounceBus int32
	// Leaving: the spec no longer names it, but the record does. It is looked at
	// until the cluster does not know it any more.
	Leaving bool
}

// Members lists whom the spec names, by shard in the order of their names, each shard in the
// order of the spec, and then those whom only the status still knows, by name. Pure.
func Members(obj *v1alpha1.RedisCluster) []Member {
	var out []Member
	seen := map[string]bool{}
	add := func(m Member) {
		if !seen[m.Name] {
			seen[m.Name] = true
			out = append(out, m)
		}
	}
	for _, shard := range shardsOf(obj) {
		for _, n := range obj.Spec.Members[shard] {
			add(Member{Name: n.Name, Host: n.Host, Port: n.Port, Shard: shard,
				AnnounceHost: n.AnnounceHost, AnnouncePort: n.AnnouncePort, AnnounceBus: n.AnnounceBusPort})
		}
	}
	at := map[string]bool{}
	for _, m := range out {
		at[net.JoinHostPort(m.Host, strconv.Itoa(int(m.Port)))] = true
	}
	for _, name := range slices.Sorted(maps.Keys(obj.Status.Topology)) {
		// One with the address of another is that one under its former name.
		if n := obj.Status.Topology[name]; n != nil && n.Host != "" && !at[net.JoinHostPort(n.Host, strconv.Itoa(int(n.Port)))] {
			add(Member{Name: name, Host: n.Host, Port: n.Port, Shard: n.Shard, Leaving: true,
				AnnounceHost: n.AnnounceHost, AnnouncePort: n.AnnouncePort, AnnounceBus: n.AnnounceBusPort})
		}
	}
	return out
}

// shardsOf are the names of the shards of the spec, sorted.
func shardsOf(obj *v1alpha1.RedisCluster) []string {
	return slices.Sorted(maps.Keys(obj.Spec.Members))
}
