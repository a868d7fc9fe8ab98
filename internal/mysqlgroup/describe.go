// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// describe tells the kernel what it must know before a server is asked. Pure.
func describe(obj *v1alpha1.MysqlGroupReplication) reconcile.Description {
	d := reconcile.Description{
		SecretName:    obj.Spec.Secret.Name,
		SecretKeys:    []string{shared.OperatorUser(obj.Spec.Secret), shared.ReplicationUser(obj.Spec.Secret)},
		LabelName:     v1alpha1.LabelMysqlGroupReplicationName,
		LabelReadonly: v1alpha1.LabelMysqlGroupReplicationReadonly,
		Services:      services(obj),
		Skip:          v1alpha1.SkipsReconcile(obj.Annotations),
	}
	if aes := obj.Spec.AESSecret; aes != nil {
		d.AESSecretName, d.AESSecretKey = aes.Name, aes.Key
	}
	for _, n := range Nodes(obj) {
		d.Pods = append(d.Pods, n.Name)
		if n.Leaving {
			d.Leaving = append(d.Leaving, n.Name)
		}
	}
	return d
}

// services lists the Services that should exist: -readonly only where there can be a
// secondary.
func services(obj *v1alpha1.MysqlGroupReplication) []reconcile.ServiceWant {
	if len(obj.Spec.Member) == 0 {
		return nil
	}
	base := reconcile.ServiceWant{Type: corev1.ServiceTypeClusterIP, PortName: shared.PortName}
	if s := obj.Spec.Service; s != nil && s.Type != "" {
		base.Type, base.ExternalName = s.Type, s.ExternalName
	}
	readWrite, readOnly := base, base
	readWrite.Name = obj.Name + v1alpha1.ServiceSuffixReadWrite
	readOnly.Name, readOnly.Readonly = obj.Name+v1alpha1.ServiceSuffixReadOnly, true
	readWrite.Port, readOnly.Port = ports(obj)
	if len(obj.Spec.Member) == 1 {
		return []reconcile.ServiceWant{readWrite}
	}
	return []reconcile.ServiceWant{readWrite, readOnly}
}

// ports of -readwrite, which is the present primary's, and of -readonly: that of the first
// other member. One that listens on another port cannot be behind the same Service.
func ports(obj *v1alpha1.MysqlGroupReplication) (readWrite, readOnly int32) {
	primary := shared.OrDefault(obj.Status.Primary, obj.Spec.Primary)
	for _, n := range Nodes(obj) {
		switch {
		case n.Name == primary:
			readWrite = n.Port
		case readOnly == 0 && !n.Leaving:
			readOnly = n.Port
		}
	}
	if readWrite == 0 {
		readWrite = readOnly
	}
	if readOnly == 0 {
		readOnly = readWrite
	}
	return readWrite, readOnly
}

// StatusOf implements reconcile.Engine.
func (*Engine) StatusOf(obj *v1alpha1.MysqlGroupReplication) reconcile.CommonStatus {
	st := &obj.Status
	return reconcile.CommonStatus{
		Conditions: &st.Conditions, Ready: &st.Ready, ObservedGeneration: &st.ObservedGeneration,
		ReadWriteService: &st.ReadWriteService, ReadOnlyService: &st.ReadOnlyService,
	}
}

// Calm implements reconcile.Engine: gtid_executed moves by itself.
func (*Engine) Calm(obj *v1alpha1.MysqlGroupReplication) any {
	st := obj.Status.DeepCopy()
	for _, n := range st.Topology {
		n.Message = reconcile.CalmText(n.Message)
		n.GtidExecuted = ""
	}
	return st
}
