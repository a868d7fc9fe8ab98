// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/replication"
)

func operatorUser(obj *v1alpha1.MysqlReplication) string { return shared.OperatorUser(obj.Spec.Secret) }

func replicationUser(obj *v1alpha1.MysqlReplication) string {
	return shared.ReplicationUser(obj.Spec.Secret)
}

// describe tells the kernel what it must know before a server is asked. Pure.
func describe(obj *v1alpha1.MysqlReplication) reconcile.Description {
	d := reconcile.Description{
		SecretName:    obj.Spec.Secret.Name,
		SecretKeys:    []string{operatorUser(obj), replicationUser(obj)},
		TLS:           credential.NewTLSRef(obj.Spec.TLS),
		LabelName:     v1alpha1.LabelMysqlReplicationName,
		LabelReadonly: v1alpha1.LabelMysqlReplicationReadonly,
		Services:      route(obj).Services(),
		Skip:          v1alpha1.SkipsReconcile(obj.Annotations),
		InFlight:      inFlight(obj.Status.Switchover),
		UnderWay:      underWay(obj.Status.Switchover),
	}
	if aes := obj.Spec.AESSecret; aes != nil {
		d.AESSecretName, d.AESSecretKey = aes.Name, aes.Key
	}
	replication.Describe(&d, Members(obj))
	return d
}

// inFlight says whether a fence may be up.
func inFlight(r *v1alpha1.SwitchoverStatus) bool {
	return r != nil && (r.Phase == v1alpha1.SwitchoverSwitching || r.Phase == v1alpha1.SwitchoverUndoing)
}

// underWay says whether a change of the source is on record that has not ended.
func underWay(r *v1alpha1.SwitchoverStatus) bool {
	return r != nil && r.Phase != v1alpha1.SwitchoverUndone
}

// route is what the Services follow from.
func route(obj *v1alpha1.MysqlReplication) replication.Route {
	r := replication.Route{
		Name: obj.Name, Service: obj.Spec.Service, PortName: shared.PortName,
		Present: obj.Status.Source, Members: Members(obj),
	}
	if s := obj.Spec.Source; s != nil {
		r.Wanted = s.Name
	}
	return r
}

// StatusOf implements reconcile.Engine.
func (*Engine) StatusOf(obj *v1alpha1.MysqlReplication) reconcile.CommonStatus {
	st := &obj.Status
	return reconcile.CommonStatus{
		Conditions: &st.Conditions, Ready: &st.Ready, ObservedGeneration: &st.ObservedGeneration,
		ReadWriteService: &st.ReadWriteService, ReadOnlyService: &st.ReadOnlyService,
	}
}

// Calm implements reconcile.Engine: log positions and the lag move by themselves.
func (*Engine) Calm(obj *v1alpha1.MysqlReplication) any {
	st := obj.Status.DeepCopy()
	for _, n := range st.Topology {
		n.Message = reconcile.CalmText(n.Message)
		n.SourceLogFile, n.ReadSourceLogPos, n.ExecSourceLogPos = "", 0, 0
		if n.Clone != nil {
			n.Clone.Bytes, n.Clone.TotalBytes = 0, 0
		}
		// Whether there is a figure tells something; which one does not.
		if n.SecondsBehindSource != nil {
			*n.SecondsBehindSource = 0
		}
	}
	return st
}
