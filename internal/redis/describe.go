// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/kube"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/replication"
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
		Services: route(obj).Services(),
		Skip:     v1alpha1.SkipsReconcile(obj.Annotations),
		InFlight: inFlight(obj.Status.Switchover),
		UnderWay: underWay(obj.Status.Switchover),
	}
	if aes := obj.Spec.AESSecret; aes != nil {
		d.AESSecretName, d.AESSecretKey = aes.Name, aes.Key
	}
	replication.Describe(&d, plain(Members(obj)))
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

// route is what the Services follow from.
func route(obj *v1alpha1.RedisReplication) replication.Route {
	r := replication.Route{
		Name: obj.Name, Service: obj.Spec.Service, PortName: portName,
		Present: obj.Status.Source, Members: plain(Members(obj)),
	}
	if s := obj.Spec.Source; s != nil {
		r.Wanted = s.Name
	}
	return r
}

// plain is what the kernel and the Services must know of members.
func plain(members []Member) []replication.Member {
	out := make([]replication.Member, len(members))
	for i, m := range members {
		out[i] = replication.Member{Name: m.Name, Host: m.Host, Port: m.Port, External: m.External, Isolated: m.Isolated, Leaving: m.Leaving}
	}
	return out
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
