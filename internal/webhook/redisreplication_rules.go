// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// placedRedisNode is a node and where in the object it stands.
type placedRedisNode struct {
	path *field.Path
	node v1alpha1.RedisNode
}

// redisNodes lists the nodes of a spec in its own order, the source first.
func redisNodes(spec *v1alpha1.RedisReplicationSpec) []placedRedisNode {
	path := field.NewPath("spec")
	var nodes []placedRedisNode
	if spec.Source != nil {
		nodes = append(nodes, placedRedisNode{path.Child("source"), *spec.Source})
	}
	for i, replica := range spec.Replica {
		nodes = append(nodes, placedRedisNode{path.Child("replica").Index(i), replica.RedisNode})
	}
	return nodes
}

// redisReplicationNodes is redisNodes without what only Redis has.
func redisReplicationNodes(spec *v1alpha1.RedisReplicationSpec) []placedNode {
	var nodes []placedNode
	for _, placed := range redisNodes(spec) {
		nodes = append(nodes, placedNode{path: placed.path, node: placed.node.Node})
	}
	return nodes
}

// ValidateRedisReplication checks a spec by itself, defaults applied or not.
// Every error names the field and what to do.
func ValidateRedisReplication(spec *v1alpha1.RedisReplicationSpec) field.ErrorList {
	path := field.NewPath("spec")
	var errs field.ErrorList
	if spec.Source == nil {
		errs = append(errs, field.Required(path.Child("source"), "name the node that takes writes"))
	}
	errs = append(errs, validateNodes(redisReplicationNodes(spec))...)
	for _, placed := range redisNodes(spec) {
		errs = append(errs, validateAnnounced(placed)...)
	}
	errs = append(errs, validateAnnouncedOnce(redisNodes(spec))...)
	errs = append(errs, validateSentinels(path.Child("sentinel"), spec)...)
	if spec.Secret.Name == "" {
		errs = append(errs, field.Required(path.Child("secret", "name"), "name the Secret that holds the password"))
	}
	if strings.ContainsFunc(spec.Secret.User, unicode.IsSpace) {
		errs = append(errs, field.Invalid(path.Child("secret", "user"), spec.Secret.User, "an ACL user's name has no spaces"))
	}
	switch spec.RejoinPolicy {
	case "", v1alpha1.RedisRejoinManual, v1alpha1.RedisRejoinResync:
	default:
		errs = append(errs, field.NotSupported(path.Child("rejoinPolicy"), spec.RejoinPolicy,
			[]v1alpha1.RedisRejoinPolicy{v1alpha1.RedisRejoinManual, v1alpha1.RedisRejoinResync}))
	}
	errs = append(errs, validateRedisTLS(path.Child("tls"), spec.TLS)...)
	return append(errs, validateService(path.Child("service"), spec.Service)...)
}

func validateAnnounced(placed placedRedisNode) field.ErrorList {
	var errs field.ErrorList
	host, port := placed.node.AnnounceHost, placed.node.AnnouncePort
	if host != "" && (len(host) > maxNameLength || !hostName.MatchString(host) && net.ParseIP(host) == nil) {
		errs = append(errs, field.Invalid(placed.path.Child("announceHost"), host, "must be an IP address or a DNS name, without a scheme or a port"))
	}
	if port < 0 || port > maxPort {
		errs = append(errs, field.Invalid(placed.path.Child("announcePort"), port, "must be between 1 and 65535, or left out to announce port"))
	}
	return errs
}

// validateAnnouncedOnce: a replica is pointed at the announced address of its source, and would
// follow the wrong server if another node had that.
func validateAnnouncedOnce(nodes []placedRedisNode) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]*field.Path{}
	given := func(n v1alpha1.RedisNode) bool { return n.AnnounceHost != "" || n.AnnouncePort != 0 }
	if !slices.ContainsFunc(nodes, func(p placedRedisNode) bool { return given(p.node) }) {
		return nil
	}
	for _, placed := range nodes {
		n := placed.node
		if host := cmp.Or(n.AnnounceHost, n.Host); host != "" {
			errs = append(errs, validateUnique(seen, placed.path.Child("announceHost"), net.JoinHostPort(host, strconv.Itoa(int(cmp.Or(n.AnnouncePort, n.Port)))),
				"every node is announced under an address of its own: correct announceHost or announcePort")...)
		}
	}
	return errs
}

func validateSentinels(path *field.Path, spec *v1alpha1.RedisReplicationSpec) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]*field.Path{}
	for _, placed := range redisNodes(spec) {
		if !placed.node.External {
			seen[placed.node.Name] = placed.path.Child("name")
		}
	}
	for i, pod := range spec.Sentinel {
		at := path.Index(i)
		if len(pod) > maxNameLength || !podName.MatchString(pod) {
			errs = append(errs, field.Invalid(at, pod, "must be the name of a pod that runs Sentinel: lower-case letters, digits, '-' and '.'"))
			continue
		}
		errs = append(errs, validateUnique(seen, at, pod, "a Sentinel is a pod of its own: remove one of the two")...)
	}
	return errs
}

func validateRedisTLS(path *field.Path, tls *v1alpha1.DatabaseTLS) field.ErrorList {
	errs := validateTLS(path, tls)
	if tls != nil && tls.ServerFiles != nil {
		errs = append(errs, field.Forbidden(path.Child("serverFiles"),
			"is not used with Redis: its servers have one certificate for all (tls-cert-file, tls-key-file, tls-ca-cert-file); remove it"))
	}
	return errs
}

// WarnRedisReplication says what is allowed and unwise.
func WarnRedisReplication(spec *v1alpha1.RedisReplicationSpec) admission.Warnings {
	attached := 0
	for _, replica := range spec.Replica {
		if !replica.Isolated {
			attached++
		}
	}
	warnings := warnNobodyElse("replica", "source", len(spec.Replica), attached)
	warnings = append(warnings, warnExternalName(spec.Service, redisReplicationNodes(spec), "source")...)
	if spec.RejoinPolicy == v1alpha1.RedisRejoinResync {
		warnings = append(warnings, fmt.Sprintf("spec.rejoinPolicy is %s: what a returning node holds and the source lacks is thrown away without a further question; use %s to be asked",
			v1alpha1.RedisRejoinResync, v1alpha1.RedisRejoinManual))
	}
	if len(spec.Sentinel) > 0 && attached != len(spec.Replica) {
		warnings = append(warnings, "spec.sentinel is given, so that Sentinel decides who replicates: isolated takes a node out of the Services and not out of replication")
	}
	if spec.TLS != nil && spec.TLS.Mode == v1alpha1.TLSPreferred {
		warnings = append(warnings, "spec.tls.mode is preferred: a Redis server's port speaks TLS or it does not, so that none is used; set required, verify-ca or verify-full for a TLS port")
	}
	return append(warnings, warnTLS(spec.TLS)...)
}
