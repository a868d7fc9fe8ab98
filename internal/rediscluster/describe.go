// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
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

func passwordKey(obj *v1alpha1.RedisCluster) string {
	return server.OrDefault(obj.Spec.Secret.Redis, defaultKey)
}

// describe tells the kernel what it must know before a server is asked. Pure.
func describe(obj *v1alpha1.RedisCluster) reconcile.Description {
	d := reconcile.Description{
		SecretName:    obj.Spec.Secret.Name,
		SecretKeys:    []string{passwordKey(obj)},
		TLS:           credential.NewTLSRef(obj.Spec.TLS),
		LabelName:     v1alpha1.LabelRedisClusterName,
		LabelReadonly: v1alpha1.LabelRedisClusterReadonly,
		Services:      services(obj),
		Skip:          v1alpha1.SkipsReconcile(obj.Annotations),
		UnderWay:      len(obj.Status.Moves) > 0 || obj.Status.Creating,
	}
	if aes := obj.Spec.AESSecret; aes != nil {
		d.AESSecretName, d.AESSecretKey = aes.Name, aes.Key
	}
	for _, m := range Members(obj) {
		d.Pods = append(d.Pods, m.Name)
		if m.Leaving {
			d.Leaving = append(d.Leaving, m.Name)
		}
	}
	return d
}

// services lists those that should exist: none unless the spec asks for them. Both lead to all
// nodes; a client that asks the wrong one is told where to go. Pure.
func services(obj *v1alpha1.RedisCluster) []reconcile.ServiceWant {
	of := obj.Spec.Service
	if of == nil {
		return nil
	}
	every := reconcile.ServiceWant{Name: obj.Name, Type: of.Type, Selects: kube.SelectsAll, PortName: portName}
	for _, m := range Members(obj) {
		if !m.Leaving {
			every.Port = m.Port
			break
		}
	}
	headless := every
	headless.Name, headless.Type, headless.Headless = obj.Name+v1alpha1.ServiceSuffixHeadless, "", true
	return []reconcile.ServiceWant{every, headless}
}

// StatusOf implements reconcile.Engine.
func (*Engine) StatusOf(obj *v1alpha1.RedisCluster) reconcile.CommonStatus {
	st := &obj.Status
	return reconcile.CommonStatus{Conditions: &st.Conditions, Ready: &st.Ready, ObservedGeneration: &st.ObservedGeneration}
}

// Calm implements reconcile.Engine: offsets, keys and the figures of a migration move by
// themselves.
func (*Engine) Calm(obj *v1alpha1.RedisCluster) any {
	st := obj.Status.DeepCopy()
	for _, n := range st.Topology {
		n.Message = reconcile.CalmText(n.Message)
		// Whether there is a figure tells something; which one does not.
		for _, figure := range []*int64{n.ReplOffset, n.Keys} {
			if figure != nil {
				*figure = 0
			}
		}
	}
	if m := st.Migration; m != nil {
		m.Keys, m.SlotsPerMinute, m.SecondsLeft = 0, 0, 0
	}
	return st
}
