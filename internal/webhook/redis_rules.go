// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"cmp"
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

// withoutAnnounced are nodes without what only Redis has.
func withoutAnnounced(nodes []placedRedisNode) []placedNode {
	var all []placedNode
	for _, placed := range nodes {
		all = append(all, placedNode{path: placed.path, node: placed.node.Node})
	}
	return all
}

// validateRedisNodes checks every node by itself, and that no two of them are one.
func validateRedisNodes(nodes []placedRedisNode) field.ErrorList {
	errs := validateNodes(withoutAnnounced(nodes))
	for _, placed := range nodes {
		errs = append(errs, validateAnnounced(placed)...)
	}
	return append(errs, validateAnnouncedOnce(nodes)...)
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

func validateRedisSecret(path *field.Path, secret v1alpha1.RedisReplicationSecret) field.ErrorList {
	var errs field.ErrorList
	if secret.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), "name the Secret that holds the password"))
	}
	if strings.ContainsFunc(secret.User, unicode.IsSpace) {
		errs = append(errs, field.Invalid(path.Child("user"), secret.User, "an ACL user's name has no spaces"))
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

func warnRedisTLS(tls *v1alpha1.DatabaseTLS) admission.Warnings {
	var warnings admission.Warnings
	if tls != nil && tls.Mode == v1alpha1.TLSPreferred {
		warnings = append(warnings, "spec.tls.mode is preferred: a Redis server's port speaks TLS or it does not, so that none is used; set required, verify-ca or verify-full for a TLS port")
	}
	return append(warnings, warnTLS(tls)...)
}
