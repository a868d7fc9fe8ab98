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
	kind    string
	newList func() client.ObjectList
	// nodes of a resource of the kind.
	nodes func(client.Object) []placedNode
	// services that it has, by name.
	services func(client.Object) []string
}

// claimants are the kinds that can name the same node.
var claimants = []claimant{mysqlReplication.claimant(), mysqlGroupReplication.claimant(), redisReplication.claimant(), redisCluster.claimant(), proxysqlSync.claimant(), postgresReplication.claimant()}

func (r rules[T]) claimant() claimant {
	return claimant{
		kind: r.kind, newList: r.newList,
		nodes: func(object client.Object) []placedNode {
			resource, is := object.(T)
			if !is {
				return nil
			}
			return r.nodes(resource)
		},
		services: func(object client.Object) []string {
			resource, is := object.(T)
			if !is {
				return nil
			}
			return r.servicesOf(resource)
		},
	}
}

// servicesOf a resource by name: of most kinds, one to write and one to read through.
func (r rules[T]) servicesOf(obj T) []string {
	if r.services != nil {
		return r.services(obj)
	}
	return []string{obj.GetName() + v1alpha1.ServiceSuffixReadWrite, obj.GetName() + v1alpha1.ServiceSuffixReadOnly}
}

// claims of the other resources of a namespace.
type claims struct {
	// nodes, by claimOf, and the Services, by name.
	nodes, services map[string]owner
}

// claimsOf returns which resource of a namespace names which node and has which Service,
// without the resource self and without those that are being deleted. A node that two of them
// name already belongs to either.
func claimsOf(ctx context.Context, reader client.Reader, namespace string, self owner) (claims, error) {
	all := claims{nodes: map[string]owner{}, services: map[string]owner{}}
	for _, kind := range claimants {
		list := kind.newList()
		if err := reader.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return all, fmt.Errorf("list %ss of namespace %s: %w", kind.kind, namespace, err)
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
			for _, name := range kind.services(other) {
				all.services[name] = by
			}
			for _, placed := range kind.nodes(other) {
				all.nodes[claimOf(placed.node)] = by
			}
			return nil
		})
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// warnServices tells of Services that another resource has: the first one keeps them.
func (c claims) warnServices(services []string) admission.Warnings {
	var others []owner
	common := map[owner][]string{}
	for _, name := range services {
		if other, taken := c.services[name]; taken {
			if common[other] == nil {
				others = append(others, other)
			}
			common[other] = append(common[other], name)
		}
	}
	var warnings admission.Warnings
	for _, other := range others {
		warnings = append(warnings, fmt.Sprintf(
			"metadata.name makes for Services that %s of this namespace has, %s: they are left to it. Give this resource another name to have Services",
			other, strings.Join(common[other], " and ")))
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
