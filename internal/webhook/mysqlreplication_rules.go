// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// mysqlReplicationNodes lists the nodes of a spec in its own order, the source first.
func mysqlReplicationNodes(spec *v1alpha1.MysqlReplicationSpec) []placedNode {
	path := field.NewPath("spec")
	var nodes []placedNode
	if spec.Source != nil {
		nodes = append(nodes, placedNode{path: path.Child("source"), node: *spec.Source})
	}
	for i, replica := range spec.Replica {
		nodes = append(nodes, placedNode{path: path.Child("replica").Index(i), node: replica.Node})
	}
	return nodes
}

// ValidateMysqlReplication checks a spec by itself, defaults applied or not.
// Every error names the field and what to do.
func ValidateMysqlReplication(spec *v1alpha1.MysqlReplicationSpec) field.ErrorList {
	path := field.NewPath("spec")
	var errs field.ErrorList
	if spec.Source == nil {
		errs = append(errs, field.Required(path.Child("source"), "name the node that takes writes"))
	}
	errs = append(errs, validateNodes(mysqlReplicationNodes(spec))...)
	switch spec.Mode {
	case "", v1alpha1.MysqlAsync, v1alpha1.MysqlSemiSync:
	default:
		errs = append(errs, field.NotSupported(path.Child("mode"), spec.Mode,
			[]v1alpha1.MysqlReplicationMode{v1alpha1.MysqlAsync, v1alpha1.MysqlSemiSync}))
	}
	errs = append(errs, validateSemiSync(path.Child("semiSync"), spec)...)
	errs = append(errs, validateSecret(path.Child("secret"), spec.Secret.Name)...)
	errs = append(errs, validateTLS(path.Child("tls"), spec.TLS)...)
	return append(errs, validateService(path.Child("service"), spec.Service)...)
}

// validateSemiSync refuses a count that no set of that size can reach. A count of one is
// never refused: a source without replicas does not wait.
func validateSemiSync(path *field.Path, spec *v1alpha1.MysqlReplicationSpec) field.ErrorList {
	if spec.SemiSync == nil {
		return nil
	}
	var errs field.ErrorList
	count := spec.SemiSync.WaitForReplicaCount
	switch attached := attachedOf(spec.Replica); {
	case count < 0:
		errs = append(errs, field.Invalid(path.Child("waitForReplicaCount"), count, "must be 1 or more"))
	case spec.Mode == v1alpha1.MysqlSemiSync && count > 1 && int(count) > attached:
		errs = append(errs, field.Invalid(path.Child("waitForReplicaCount"), count, fmt.Sprintf(
			"spec.replica has %d node(s) that are not isolated, so that every commit would wait for ever: lower it, or add or return replicas", attached)))
	}
	if t := spec.SemiSync.Timeout; t != nil && t.Duration < v1alpha1.MysqlSemiSyncTimeoutFloor {
		errs = append(errs, field.Invalid(path.Child("timeout"), t.Duration.String(), fmt.Sprintf(
			"must be %s or more: a replica that is pointed at a new source may need that long until it acknowledges. Leave it out to have commits wait as long as it takes", v1alpha1.MysqlSemiSyncTimeoutFloor)))
	}
	return errs
}

// warnSemiSync says what commits will wait for, and when they will not.
func warnSemiSync(spec *v1alpha1.MysqlReplicationSpec) admission.Warnings {
	if spec.Mode != v1alpha1.MysqlSemiSync {
		if spec.SemiSync != nil {
			return admission.Warnings{fmt.Sprintf("spec.semiSync is given and spec.mode is not %s: it has no effect", v1alpha1.MysqlSemiSync)}
		}
		return nil
	}
	var warnings admission.Warnings
	switch attached, count := attachedOf(spec.Replica), spec.SemiSync.EffectiveCount(); {
	case attached > count:
	case count == 1:
		warnings = append(warnings, fmt.Sprintf(
			"spec.mode is %s and spec.replica has %d node(s) that are not isolated: when one replica is away, commits wait until it is back; have two or more, or use %s",
			v1alpha1.MysqlSemiSync, attached, v1alpha1.MysqlAsync))
	default:
		warnings = append(warnings, fmt.Sprintf(
			"spec.semiSync.waitForReplicaCount is %d and spec.replica has %d node(s) that are not isolated: when one replica is away, and after a failover, commits wait until it is back; have %d or more, or lower it",
			count, attached, count+1))
	}
	if spec.SemiSync != nil && spec.SemiSync.Timeout != nil {
		warnings = append(warnings, fmt.Sprintf(
			"spec.semiSync.timeout is %s: a commit that too few replicas have received by then is acknowledged all the same, and a failover can lose it; leave it out to have commits wait as long as it takes",
			spec.SemiSync.Timeout.Duration))
	}
	return warnings
}

// WarnMysqlReplication says what is allowed and unwise.
func WarnMysqlReplication(spec *v1alpha1.MysqlReplicationSpec) admission.Warnings {
	warnings := warnNobodyElse("replica", "source", len(spec.Replica), attachedOf(spec.Replica))
	warnings = append(warnings, warnExternalName(spec.Service, mysqlReplicationNodes(spec), "source")...)
	warnings = append(warnings, warnSemiSync(spec)...)
	return append(warnings, warnTLS(spec.TLS)...)
}
