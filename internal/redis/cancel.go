// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

var _ reconcile.Canceller[*v1alpha1.RedisReplication] = (*Engine)(nil)

// Cancel implements reconcile.Canceller: the source that the status names changes
// places with the one that the spec wants. Pure.
func (*Engine) Cancel(obj *v1alpha1.RedisReplication) {
	name, wanted := obj.Status.Source, obj.Spec.Source
	if name == "" || wanted == nil || wanted.Name == name {
		return
	}
	for i := range obj.Spec.Replica {
		r := &obj.Spec.Replica[i]
		if r.Name == name {
			source := r.RedisNode
			obj.Spec.Source, r.RedisNode, r.Isolated = &source, *wanted, false
			return
		}
	}
	// The spec does not name it any more.
	if n := obj.Status.Topology[name]; n != nil && n.Host != "" {
		obj.Spec.Source = &v1alpha1.RedisNode{Node: v1alpha1.Node{Name: name, Host: n.Host, Port: n.Port, External: n.External},
			AnnounceHost: n.AnnounceHost, AnnouncePort: n.AnnouncePort}
		obj.Spec.Replica = append(obj.Spec.Replica, v1alpha1.RedisReplicaNode{RedisNode: *wanted})
	}
}
