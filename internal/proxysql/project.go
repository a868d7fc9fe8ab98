// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// maxUsers that a node's status names, and maxNames of all nodes: a resource must fit into
// the API server.
const maxUsers, maxNames = 1000, 8000

// Project writes what was observed and decided into the status. Pure.
func Project(obj *v1alpha1.ProxysqlSync, state State, p reconcile.Plan[Data]) {
	st, d := &obj.Status, p.Data
	topology := map[string]*v1alpha1.ProxysqlSyncNode{}
	synced := 0
	for _, node := range obj.Spec.Proxysql {
		seen := state.Nodes[node.Name]
		n := &v1alpha1.ProxysqlSyncNode{Host: node.Host, Port: node.Port, Status: v1alpha1.NodeFailed}
		if was := st.Topology[node.Name]; was != nil {
			n.LastSync = was.LastSync
			if !seen.OK() {
				n.Users, n.UserCount, n.Writer, n.Readers = was.Users, was.UserCount, was.Writer, was.Readers
			}
		}
		if seen.OK() {
			n.Status, n.Synced = v1alpha1.NodeHealthy, d.Synced[node.Name]
			users := d.Users[node.Name]
			//nolint:gosec // MySQL has no more accounts than that.
			n.UserCount = int32(len(users))
			n.Users = users[:min(len(users), maxUsers, maxNames/len(obj.Spec.Proxysql))]
			n.Writer, n.Readers, n.Message = d.Writer[node.Name], d.Readers[node.Name], d.Notes[node.Name]
			if !seen.Synced.IsZero() {
				n.LastSync = new(metav1.NewTime(seen.Synced))
			}
			if !n.Synced {
				n.LastError = seen.Failure
			}
		} else if seen != nil {
			n.LastError = seen.Problem
		}
		if n.Synced {
			synced++
		}
		topology[node.Name] = n
	}
	st.Topology = topology
	st.Synced = fmt.Sprintf("%d/%d", synced, len(obj.Spec.Proxysql))
	st.Source = d.Source
	if d.Version != "" {
		st.MysqlVersion = d.Version
	}
	if d.WantedUsers >= 0 {
		//nolint:gosec // as above
		st.Users = int32(d.WantedUsers)
	}
}
