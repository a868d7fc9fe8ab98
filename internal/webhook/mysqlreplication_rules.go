// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
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
	errs = append(errs, validateSecret(path.Child("secret"), spec.Secret)...)
	errs = append(errs, validateTLS(path.Child("tls"), spec.TLS)...)
	return append(errs, validateService(path.Child("service"), spec.Service)...)
}

// WarnMysqlReplication says what is allowed and unwise.
func WarnMysqlReplication(spec *v1alpha1.MysqlReplicationSpec) admission.Warnings {
	var warnings admission.Warnings
	attached := 0
	for _, replica := range spec.Replica {
		if !replica.Isolated {
			attached++
		}
	}
	switch {
	case len(spec.Replica) == 0:
		warnings = append(warnings, "spec.replica is empty: there is nothing to switch over to when the source fails; add a replica")
	case attached == 0:
		warnings = append(warnings, "spec.replica has isolated nodes only: there is nothing to switch over to when the source fails; return one of them")
	}
	if spec.Service != nil && spec.Service.Type == corev1.ServiceTypeExternalName && hasExternal(spec) {
		warnings = append(warnings, "spec.service.type is ExternalName: the Services lead to spec.service.externalName alone, whatever the nodes are; use another type for Services that follow the source")
	}
	if spec.Mode == v1alpha1.MysqlSemiSync && attached < 2 {
		warnings = append(warnings, fmt.Sprintf(
			"spec.mode is %s and spec.replica has %d node(s) that are not isolated: when one replica is away, commits wait until it is back; have two or more, or use %s",
			v1alpha1.MysqlSemiSync, attached, v1alpha1.MysqlAsync))
	}
	return append(warnings, warnTLS(spec.TLS)...)
}

func hasExternal(spec *v1alpha1.MysqlReplicationSpec) bool {
	return slices.ContainsFunc(mysqlReplicationNodes(spec), func(p placedNode) bool { return p.node.External })
}
