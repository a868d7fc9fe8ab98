// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

// claimsOf returns which resource names which node of a namespace, by claimOf, without
// the resource self and without those that are being deleted. A node that two of them
// name already belongs to either.
func claimsOf(ctx context.Context, reader client.Reader, namespace string, self owner) (map[string]owner, error) {
	claims := map[string]owner{}
	var list v1alpha1.MysqlReplicationList
	if err := reader.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list MysqlReplications of namespace %s: %w", namespace, err)
	}
	for i := range list.Items {
		other := &list.Items[i]
		by := owner{kind: mysqlReplicationKind, name: other.Name}
		if by == self || !other.DeletionTimestamp.IsZero() {
			continue
		}
		for _, placed := range mysqlReplicationNodes(&other.Spec) {
			claims[claimOf(placed.node)] = by
		}
	}
	return claims, nil
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
