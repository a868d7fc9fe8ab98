// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

const (
	maxShards          = 64
	maxShardNodes      = 8
	maxShardNameLength = 63
	// minClusterShards that can promote a replica when a source fails: those that are left are a
	// majority of the sources.
	minClusterShards = 3
	// busOffset is where a server has its cluster bus, counted from its port.
	busOffset = 10000
)

// shardName is the pattern of the CEL rule of v1alpha1.RedisClusterSpec.
var shardName = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`)

// shardsOf are the names of the shards of a spec, in the order in which they are looked at.
func shardsOf(spec *v1alpha1.RedisClusterSpec) []string {
	return slices.Sorted(maps.Keys(spec.Members))
}

// redisClusterNodes lists the nodes of a spec by shard, each shard in its own order.
func redisClusterNodes(spec *v1alpha1.RedisClusterSpec) []placedRedisNode {
	path := field.NewPath("spec", "members")
	var nodes []placedRedisNode
	for _, shard := range shardsOf(spec) {
		for i, member := range spec.Members[shard] {
			nodes = append(nodes, placedRedisNode{path.Key(shard).Index(i), member.RedisNode})
		}
	}
	return nodes
}

// redisClusterServices lead to all nodes; there are none unless the spec asks for them.
func redisClusterServices(obj *v1alpha1.RedisCluster) []string {
	if obj.Spec.Service == nil {
		return nil
	}
	return []string{obj.Name, obj.Name + v1alpha1.ServiceSuffixHeadless}
}

// ValidateRedisCluster checks a spec by itself, defaults applied or not.
// Every error names the field and what to do.
func ValidateRedisCluster(spec *v1alpha1.RedisClusterSpec) field.ErrorList {
	path := field.NewPath("spec")
	errs := validateShards(path.Child("members"), spec)
	errs = append(errs, validateRedisNodes(redisClusterNodes(spec))...)
	errs = append(errs, validateBus(path.Child("members"), spec)...)
	errs = append(errs, validateRedisSecret(path.Child("secret"), spec.Secret)...)
	errs = append(errs, validateRedisTLS(path.Child("tls"), spec.TLS)...)
	if spec.Service != nil && spec.Service.Type == corev1.ServiceTypeExternalName {
		return append(errs, field.Forbidden(path.Child("service", "type"),
			"ExternalName is not for a cluster, whose clients need all of its nodes; use ClusterIP, NodePort or LoadBalancer"))
	}
	return append(errs, validateService(path.Child("service"), spec.Service)...)
}

func validateShards(path *field.Path, spec *v1alpha1.RedisClusterSpec) field.ErrorList {
	var errs field.ErrorList
	switch n := len(spec.Members); {
	case n == 0:
		errs = append(errs, field.Required(path, "name the shards of the cluster and the nodes of each, the preferred source first"))
	case n > maxShards:
		errs = append(errs, field.Invalid(path, n, fmt.Sprintf("a cluster has %d shards at the most: remove %d", maxShards, n-maxShards)))
	}
	for _, shard := range shardsOf(spec) {
		at := path.Key(shard)
		if len(shard) > maxShardNameLength || !shardName.MatchString(shard) {
			errs = append(errs, field.Invalid(at, shard, "must be letters, digits, '-', '_' and '.', 63 at the most, beginning and ending with a letter or digit; give the shard another name"))
		}
		switch n := len(spec.Members[shard]); {
		case n == 0:
			errs = append(errs, field.Required(at, "name the nodes of the shard, the preferred source first, or remove the shard"))
		case n > maxShardNodes:
			errs = append(errs, field.Invalid(at, n, fmt.Sprintf("a shard has %d nodes at the most: remove %d", maxShardNodes, n-maxShardNodes)))
		}
		for i, member := range spec.Members[shard] {
			if member.External {
				errs = append(errs, field.Forbidden(at.Index(i).Child("external"), "the nodes of a cluster are pods: leave it out"))
			}
		}
	}
	return errs
}

// validateBus: nodes find each other by the port of the cluster bus, too.
func validateBus(path *field.Path, spec *v1alpha1.RedisClusterSpec) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]*field.Path{}
	for _, shard := range shardsOf(spec) {
		for i, n := range spec.Members[shard] {
			at := path.Key(shard).Index(i)
			bus := int(n.AnnounceBusPort)
			switch {
			case bus < 0 || bus > maxPort:
				errs = append(errs, field.Invalid(at.Child("announceBusPort"), bus, "must be between 1 and 65535, or left out to announce the server's own: its port and 10000"))
				continue
			case bus == 0 && n.Port > maxPort-busOffset && n.Port <= maxPort:
				errs = append(errs, field.Invalid(at.Child("port"), n.Port,
					"has no room for the cluster bus, which is at the port and 10000: use a port up to 55535, or give announceBusPort"))
				continue
			case bus == 0:
				bus = int(n.Port) + busOffset
			}
			if n.AnnounceHost == "" {
				// Two nodes at one host and port are refused already.
				continue
			}
			errs = append(errs, validateUnique(seen, at.Child("announceBusPort"), net.JoinHostPort(n.AnnounceHost, strconv.Itoa(bus)),
				"behind one announced host every node needs a bus port of its own: correct announceBusPort")...)
		}
	}
	return errs
}

// WarnRedisCluster says what is allowed and unwise.
func WarnRedisCluster(spec *v1alpha1.RedisClusterSpec) admission.Warnings {
	var warnings admission.Warnings
	if n := len(spec.Members); n > 0 && n < minClusterShards {
		warnings = append(warnings, fmt.Sprintf(
			"spec.members has %d %s: when a source fails, those that are left are no majority, so that no replica takes over; have %d or more",
			n, plural(n, "shard"), minClusterShards))
	}
	var alone []string
	for _, shard := range shardsOf(spec) {
		if len(spec.Members[shard]) == 1 {
			alone = append(alone, shard)
		}
	}
	if len(alone) > 0 {
		warnings = append(warnings, fmt.Sprintf("spec.members has one node in %s %s: its slots are out of service when it fails; add a node",
			plural(len(alone), "shard"), strings.Join(alone, ", ")))
	}
	return append(warnings, warnRedisTLS(spec.TLS)...)
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
