// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

var _ reconcile.Canceller[*v1alpha1.PostgresReplication] = (*Engine)(nil)

// Cancel implements reconcile.Canceller: the primary that the status names changes places
// with the one that the spec wants. Pure.
func (*Engine) Cancel(obj *v1alpha1.PostgresReplication) {
	name, wanted := obj.Status.Primary, obj.Spec.Primary
	if name == "" || wanted == nil || wanted.Name == name {
		return
	}
	for i := range obj.Spec.Standby {
		r := &obj.Spec.Standby[i]
		if r.Name == name {
			primary := r.Node
			obj.Spec.Primary, r.Node, r.Isolated = &primary, *wanted, false
			return
		}
	}
	// The spec does not name it any more.
	if n := obj.Status.Topology[name]; n != nil && n.Host != "" {
		obj.Spec.Primary = &v1alpha1.Node{Name: name, Host: n.Host, Port: n.Port, External: n.External}
		obj.Spec.Standby = append(obj.Spec.Standby, v1alpha1.ReplicaNode{Node: *wanted})
	}
}
