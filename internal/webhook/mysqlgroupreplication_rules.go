// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

const (
	// maxGroupMembers is MySQL's own limit.
	maxGroupMembers = 9
	// minGroupMembers that survive the loss of one: the two that are left are a majority.
	minGroupMembers = 3
)

// mysqlGroupReplicationNodes lists the members of a spec in its own order.
func mysqlGroupReplicationNodes(spec *v1alpha1.MysqlGroupReplicationSpec) []placedNode {
	path := field.NewPath("spec", "member")
	nodes := make([]placedNode, 0, len(spec.Member))
	for i, member := range spec.Member {
		nodes = append(nodes, placedNode{path: path.Index(i), node: member})
	}
	return nodes
}

// ValidateMysqlGroupReplication checks a spec by itself, defaults applied or not.
// Every error names the field and what to do.
func ValidateMysqlGroupReplication(spec *v1alpha1.MysqlGroupReplicationSpec) field.ErrorList {
	path := field.NewPath("spec")
	var errs field.ErrorList
	switch n := len(spec.Member); {
	case n == 0:
		errs = append(errs, field.Required(path.Child("member"), fmt.Sprintf("name the servers of the group, 1 to %d", maxGroupMembers)))
	case n > maxGroupMembers:
		errs = append(errs, field.Invalid(path.Child("member"), n, fmt.Sprintf("a group has %d members at the most: remove %d", maxGroupMembers, n-maxGroupMembers)))
	}
	errs = append(errs, validateNodes(mysqlGroupReplicationNodes(spec))...)
	for i, member := range spec.Member {
		if member.External {
			errs = append(errs, field.Forbidden(path.Child("member").Index(i).Child("external"), "the members of a group are pods: leave it out"))
		}
	}
	if spec.Primary != "" && !slices.ContainsFunc(spec.Member, func(m v1alpha1.Node) bool { return m.Name == spec.Primary }) {
		errs = append(errs, field.Invalid(path.Child("primary"), spec.Primary,
			"is not the name of a node in spec.member: correct it, or leave it out to let the group elect"))
	}
	errs = append(errs, validateSecret(path.Child("secret"), spec.Secret.Name)...)
	return append(errs, validateService(path.Child("service"), spec.Service)...)
}

// WarnMysqlGroupReplication says what is allowed and unwise.
func WarnMysqlGroupReplication(spec *v1alpha1.MysqlGroupReplicationSpec) admission.Warnings {
	n := len(spec.Member)
	switch {
	case n == 1:
		return admission.Warnings{"spec.member has 1 node: a group of 1 has nobody to take over when its server fails; have 3, 5, 7 or 9"}
	case n > 0 && n < minGroupMembers:
		return admission.Warnings{fmt.Sprintf(
			"spec.member has %d nodes: when one fails, the other is no majority and takes no writes; have 3, 5, 7 or 9", n)}
	case n > 0 && n%2 == 0:
		return admission.Warnings{fmt.Sprintf(
			"spec.member has %d nodes, an even number: the group survives the loss of %d, which %d do as well, and halves that do not see each other both stop; have one more or one fewer",
			n, (n-1)/2, n-1)}
	}
	return nil
}
