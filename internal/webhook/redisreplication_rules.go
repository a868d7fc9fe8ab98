// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

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

// ValidateRedisReplication checks a spec by itself, defaults applied or not.
// Every error names the field and what to do.
func ValidateRedisReplication(spec *v1alpha1.RedisReplicationSpec) field.ErrorList {
	path := field.NewPath("spec")
	var errs field.ErrorList
	if spec.Source == nil {
		errs = append(errs, field.Required(path.Child("source"), "name the node that takes writes"))
	}
	errs = append(errs, validateRedisNodes(redisNodes(spec))...)
	errs = append(errs, validateSentinels(path.Child("sentinel"), spec)...)
	errs = append(errs, validateRedisSecret(path.Child("secret"), spec.Secret)...)
	switch spec.RejoinPolicy {
	case "", v1alpha1.RedisRejoinManual, v1alpha1.RedisRejoinResync:
	default:
		errs = append(errs, field.NotSupported(path.Child("rejoinPolicy"), spec.RejoinPolicy,
			[]v1alpha1.RedisRejoinPolicy{v1alpha1.RedisRejoinManual, v1alpha1.RedisRejoinResync}))
	}
	errs = append(errs, validateRedisTLS(path.Child("tls"), spec.TLS)...)
	return append(errs, validateService(path.Child("service"), spec.Service)...)
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

// WarnRedisReplication says what is allowed and unwise.
func WarnRedisReplication(spec *v1alpha1.RedisReplicationSpec) admission.Warnings {
	attached := 0
	for _, replica := range spec.Replica {
		if !replica.Isolated {
			attached++
		}
	}
	warnings := warnNobodyElse("replica", "source", len(spec.Replica), attached)
	warnings = append(warnings, warnExternalName(spec.Service, withoutAnnounced(redisNodes(spec)), "source")...)
	if spec.RejoinPolicy == v1alpha1.RedisRejoinResync {
		warnings = append(warnings, fmt.Sprintf("spec.rejoinPolicy is %s: what a returning node holds and the source lacks is thrown away without a further question; use %s to be asked",
			v1alpha1.RedisRejoinResync, v1alpha1.RedisRejoinManual))
	}
	if len(spec.Sentinel) > 0 && attached != len(spec.Replica) {
		warnings = append(warnings, "spec.sentinel is given, so that Sentinel decides who replicates: isolated takes a node out of the Services and not out of replication")
	}
	return append(warnings, warnRedisTLS(spec.TLS)...)
}
