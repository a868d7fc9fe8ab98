// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/kube"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// defaultKey of the password. The spec's default says the same; an object from before it
// existed does not have it.
const defaultKey = "redis"

// portName of the Services.
const portName = "redis"

func passwordKey(obj *v1alpha1.RedisReplication) string {
	return server.OrDefault(obj.Spec.Secret.Redis, defaultKey)
}

// describe tells the kernel what it must know before a server is asked. Pure.
func describe(obj *v1alpha1.RedisReplication) reconcile.Description {
	d := reconcile.Description{
		SecretName:    obj.Spec.Secret.Name,
		SecretKeys:    []string{passwordKey(obj)},
		TLS:           credential.NewTLSRef(obj.Spec.TLS),
		LabelName:     v1alpha1.LabelRedisReplicationName,
		LabelReadonly: v1alpha1.LabelRedisReplicationReadonly,
		Marks: kube.MarkKeys{Owner: v1alpha1.LabelSentinelOf, Values: []string{
			v1alpha1.LabelSentinelSource, v1alpha1.LabelSentinelSourceHost, v1alpha1.LabelSentinelSourcePort,
		}},
		Marked:   slices.Clone(obj.Spec.Sentinel),
		Services: services(obj),
		Skip:     v1alpha1.SkipsReconcile(obj.Annotations),
		InFlight: inFlight(obj.Status.Switchover),
		UnderWay: underWay(obj.Status.Switchover),
	}
	if aes := obj.Spec.AESSecret; aes != nil {
		d.AESSecretName, d.AESSecretKey = aes.Name, aes.Key
	}
	for _, m := range Members(obj) {
		if m.External {
			d.External = append(d.External, reconcile.ExternalNode{Name: m.Name, Host: m.Host, Port: m.Port})
		} else {
			d.Pods = append(d.Pods, m.Name)
		}
		if m.Leaving {
			d.Leaving = append(d.Leaving, m.Name)
		}
	}
	return d
}

// inFlight says whether a fence may be up.
func inFlight(r *v1alpha1.RedisSwitchoverStatus) bool {
	return r != nil && (r.Phase == v1alpha1.SwitchoverSwitching || r.Phase == v1alpha1.SwitchoverUndoing)
}

// underWay says whether a change of the source is on record that has not ended.
func underWay(r *v1alpha1.RedisSwitchoverStatus) bool {
	return r != nil && r.Phase != v1alpha1.SwitchoverUndone
}

// services lists the Services that should exist: -readonly only while there is a
// replica that takes part. A port is that of the nodes which are led to, so that a
// change of the source changes it with the route and not before.
func services(obj *v1alpha1.RedisReplication) []reconcile.ServiceWant {
	if obj.Spec.Source == nil {
		return nil
	}
	base := reconcile.ServiceWant{Type: corev1.ServiceTypeClusterIP, PortName: portName}
	if s := obj.Spec.Service; s != nil && s.Type != "" {
		base.Type, base.ExternalName = s.Type, s.ExternalName
	}
	readWrite, readOnly := base, base
	readWrite.Name = obj.Name + v1alpha1.ServiceSuffixReadWrite
	readOnly.Name, readOnly.Readonly = obj.Name+v1alpha1.ServiceSuffixReadOnly, true
	readWrite.Port, readOnly.Port = ports(obj)
	out := []reconcile.ServiceWant{readWrite}
	if slices.ContainsFunc(obj.Spec.Replica, func(r v1alpha1.RedisReplicaNode) bool { return !r.Isolated }) {
		out = append(out, readOnly)
	}
	return out
}

// ports of -readwrite, which is the present source's, and of -readonly: that of the
// first replica that takes part, pods before external nodes.
func ports(obj *v1alpha1.RedisReplication) (readWrite, readOnly int32) {
	wanted := obj.Spec.Source
	if wanted == nil {
		return 0, 0
	}
	source := server.OrDefault(obj.Status.Source, wanted.Name)
	readWrite, outside := wanted.Port, int32(0)
	for _, m := range Members(obj) {
		switch {
		case m.Name == source:
			readWrite = m.Port
		case m.Name == wanted.Name || m.Isolated || m.Leaving:
		case m.External && outside == 0:
			outside = m.Port
		case !m.External && readOnly == 0:
			readOnly = m.Port
		}
	}
	if readOnly == 0 && !wanted.External {
		readOnly = wanted.Port
	}
	return readWrite, cmp.Or(readOnly, outside, wanted.Port)
}

// StatusOf implements reconcile.Engine.
func (*Engine) StatusOf(obj *v1alpha1.RedisReplication) reconcile.CommonStatus {
	st := &obj.Status
	return reconcile.CommonStatus{
		Conditions: &st.Conditions, Ready: &st.Ready, ObservedGeneration: &st.ObservedGeneration,
		ReadWriteService: &st.ReadWriteService, ReadOnlyService: &st.ReadOnlyService,
	}
}

// Calm implements reconcile.Engine: offsets move by themselves.
func (*Engine) Calm(obj *v1alpha1.RedisReplication) any {
	st := obj.Status.DeepCopy()
	for _, n := range st.Topology {
		n.Message = reconcile.CalmText(n.Message)
		// Whether there is a figure tells something; which one does not.
		for _, figure := range []*int64{n.SlaveReplOffset, n.MasterReplOffset, n.ExtraBytes} {
			if figure != nil {
				*figure = 0
			}
		}
	}
	return st
}
