// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// postgresReplicationNodes lists the nodes of a spec in its own order, the primary first.
func postgresReplicationNodes(spec *v1alpha1.PostgresReplicationSpec) []placedNode {
	path := field.NewPath("spec")
	var nodes []placedNode
	if spec.Primary != nil {
		nodes = append(nodes, placedNode{path: path.Child("primary"), node: *spec.Primary})
	}
	for i, standby := range spec.Standby {
		nodes = append(nodes, placedNode{path: path.Child("standby").Index(i), node: standby.Node})
	}
	return nodes
}

// ValidatePostgresReplication checks a spec by itself, defaults applied or not.
// Every error names the field and what to do.
func ValidatePostgresReplication(spec *v1alpha1.PostgresReplicationSpec) field.ErrorList {
	path := field.NewPath("spec")
	var errs field.ErrorList
	if spec.Primary == nil {
		errs = append(errs, field.Required(path.Child("primary"), "name the node that takes writes"))
	}
	errs = append(errs, validateNodes(postgresReplicationNodes(spec))...)
	switch spec.Mode {
	case "", v1alpha1.PostgresAsync, v1alpha1.PostgresSync:
	default:
		errs = append(errs, field.NotSupported(path.Child("mode"), spec.Mode,
			[]v1alpha1.PostgresReplicationMode{v1alpha1.PostgresAsync, v1alpha1.PostgresSync}))
	}
	if sync := spec.Synchronous; sync != nil {
		switch sync.NoStandby {
		case "", v1alpha1.PostgresWait, v1alpha1.PostgresDegrade:
		default:
			errs = append(errs, field.NotSupported(path.Child("synchronous", "noStandby"), sync.NoStandby,
				[]v1alpha1.PostgresNoStandbyPolicy{v1alpha1.PostgresWait, v1alpha1.PostgresDegrade}))
		}
	}
	errs = append(errs, validateSecret(path.Child("secret"), spec.Secret.Name)...)
	errs = append(errs, validateTLS(path.Child("tls"), spec.TLS)...)
	return append(errs, validateService(path.Child("service"), spec.Service)...)
}

// warnSynchronous says what commits will wait for, and when they will not.
func warnSynchronous(spec *v1alpha1.PostgresReplicationSpec) admission.Warnings {
	if spec.Mode != v1alpha1.PostgresSync {
		if spec.Synchronous != nil {
			return admission.Warnings{fmt.Sprintf("spec.synchronous is given and spec.mode is not %s: it has no effect", v1alpha1.PostgresSync)}
		}
		return nil
	}
	if spec.Synchronous.Degrades() {
		return admission.Warnings{fmt.Sprintf(
			"spec.synchronous.noStandby is %s: what is acknowledged while no standby streams is on the primary alone, and a failover can lose it; use %s to have commits wait",
			v1alpha1.PostgresDegrade, v1alpha1.PostgresWait)}
	}
	if attached := attachedOf(spec.Standby); attached < 2 {
		return admission.Warnings{fmt.Sprintf(
			"spec.mode is %s and spec.standby has %d node(s) that are not isolated: when one standby is away, commits wait until it is back; have two or more, or use %s",
			v1alpha1.PostgresSync, attached, v1alpha1.PostgresAsync)}
	}
	return nil
}

// WarnPostgresReplication says what is allowed and unwise.
func WarnPostgresReplication(spec *v1alpha1.PostgresReplicationSpec) admission.Warnings {
	warnings := warnNobodyElse("standby", "primary", len(spec.Standby), attachedOf(spec.Standby))
	warnings = append(warnings, warnExternalName(spec.Service, postgresReplicationNodes(spec), "primary")...)
	warnings = append(warnings, warnSynchronous(spec)...)
	return append(warnings, warnTLS(spec.TLS)...)
}
