// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// owner is a custom resource as a message names it.
type owner struct {
	kind, name string
}

func (o owner) String() string { return fmt.Sprintf("%s %q", o.kind, o.name) }

// claimOf is what two resources cannot both have: the pod, or the server of an external node.
func claimOf(node v1alpha1.Node) string {
	if node.External {
		return "server " + net.JoinHostPort(strings.ToLower(strings.TrimSuffix(node.Host, ".")), strconv.Itoa(int(node.Port)))
	}
	return "pod " + node.Name
}

// claimant is a kind whose resources name nodes.
type claimant struct {
	kind string
	// served: its resources have Services.
	served  bool
	newList func() client.ObjectList
	// nodes of a resource of the kind.
	nodes func(client.Object) []placedNode
}

// claimants are the kinds that can name the same node.
var claimants = []claimant{mysqlReplication.claimant(), mysqlGroupReplication.claimant(), redisReplication.claimant(), proxysqlSync.claimant()}

func (r rules[T]) claimant() claimant {
	return claimant{kind: r.kind, served: !r.unserved, newList: r.newList, nodes: func(object client.Object) []placedNode {
		resource, is := object.(T)
		if !is {
			return nil
		}
		return r.nodes(resource)
	}}
}

// claimsOf returns which resource names which node of a namespace, by claimOf, without
// the resource self and without those that are being deleted. A node that two of them
// name already belongs to either. Namesakes are the resources of other kinds with
// Services that have the name of self.
func claimsOf(ctx context.Context, reader client.Reader, namespace string, self owner) (claims map[string]owner, namesakes []owner, err error) {
	claims = map[string]owner{}
	for _, kind := range claimants {
		list := kind.newList()
		if err := reader.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return claims, namesakes, fmt.Errorf("list %ss of namespace %s: %w", kind.kind, namespace, err)
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			other, is := item.(client.Object)
			if !is {
				return fmt.Errorf("a %T is not a resource", item)
			}
			by := owner{kind: kind.kind, name: other.GetName()}
			if by == self || !other.GetDeletionTimestamp().IsZero() {
				return nil
			}
			if by.name == self.name && kind.served {
				namesakes = append(namesakes, by)
			}
			for _, placed := range kind.nodes(other) {
				claims[claimOf(placed.node)] = by
			}
			return nil
		})
		if err != nil {
			return claims, namesakes, err
		}
	}
	return claims, namesakes, nil
}

// warnNamesakes tells a new resource of those whose Services would have the names of its own.
func warnNamesakes(namesakes []owner) admission.Warnings {
	var warnings admission.Warnings
	for _, other := range namesakes {
		warnings = append(warnings, fmt.Sprintf(
			"metadata.name is that of %s of this namespace, and so are the names of the Services, %[2]s%[3]s and %[2]s%[4]s: they are left to it. Give this resource another name to have Services",
			other, other.name, v1alpha1.ServiceSuffixReadWrite, v1alpha1.ServiceSuffixReadOnly))
	}
	return warnings
}

// validateClaims refuses nodes that another resource names: two resources would
// undo each other's work on it. Nodes that the old object named already stay
// allowed, so that a set in conflict can still be operated, and untangled.
func validateClaims(nodes, old []placedNode, claims map[string]owner) field.ErrorList {
	known := map[string]bool{}
	for _, placed := range old {
		known[claimOf(placed.node)] = true
	}
	var errs field.ErrorList
	for _, placed := range nodes {
		other, claimed := claims[claimOf(placed.node)]
		if !claimed || known[claimOf(placed.node)] {
			continue
		}
		if placed.node.External {
			errs = append(errs, field.Forbidden(placed.path.Child("host"), fmt.Sprintf(
				"%s belongs to %s of this namespace; a server can be in one set only: remove it from the spec of %s, or delete that, and try again",
				claimOf(placed.node), other, other)))
			continue
		}
		errs = append(errs, field.Forbidden(placed.path.Child("name"), fmt.Sprintf(
			"pod %q belongs to %s of this namespace; a pod can be in one set only: remove it from the spec of %s, or delete that, and try again",
			placed.node.Name, other, other)))
	}
	return errs
}
