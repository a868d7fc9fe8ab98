// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/replication"
	"github.com/upmio/compose-operator/internal/server"
)

// Defaults of the Secret's keys. The spec's say the same; an object from before they existed
// does not have them.
const (
	defaultUser        = "postgres"
	defaultReplication = "replication"
)

// portName of the Services.
const portName = "postgresql"

// calm stands for a figure that moves.
const calm = "-"

func userOf(obj *v1alpha1.PostgresReplication) string {
	return server.OrDefault(obj.Spec.Secret.Postgres, defaultUser)
}

func replicationUserOf(obj *v1alpha1.PostgresReplication) string {
	return server.OrDefault(obj.Spec.Secret.Replication, defaultReplication)
}

// describe tells the kernel what it must know before a server is asked. Pure.
func describe(obj *v1alpha1.PostgresReplication) reconcile.Description {
	d := reconcile.Description{
		SecretName:    obj.Spec.Secret.Name,
		SecretKeys:    []string{userOf(obj), replicationUserOf(obj)},
		TLS:           credential.NewTLSRef(obj.Spec.TLS),
		LabelName:     v1alpha1.LabelPostgresReplicationName,
		LabelReadonly: v1alpha1.LabelPostgresReplicationReadonly,
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
func inFlight(r *v1alpha1.PostgresSwitchoverStatus) bool {
	return r != nil && (r.Phase == v1alpha1.SwitchoverSwitching || r.Phase == v1alpha1.SwitchoverUndoing)
}

// underWay says whether a change of the primary is on record that has not ended.
func underWay(r *v1alpha1.PostgresSwitchoverStatus) bool {
	return r != nil && r.Phase != v1alpha1.SwitchoverUndone
}

// route is what the Services follow from.
func route(obj *v1alpha1.PostgresReplication) replication.Route {
	r := replication.Route{
		Name: obj.Name, Service: obj.Spec.Service, PortName: portName,
		Present: obj.Status.Primary, Members: Members(obj),
	}
	if p := obj.Spec.Primary; p != nil {
		r.Wanted = p.Name
	}
	return r
}

// StatusOf implements reconcile.Engine.
func (*Engine) StatusOf(obj *v1alpha1.PostgresReplication) reconcile.CommonStatus {
	st := &obj.Status
	return reconcile.CommonStatus{
		Conditions: &st.Conditions, Ready: &st.Ready, ObservedGeneration: &st.ObservedGeneration,
		ReadWriteService: &st.ReadWriteService, ReadOnlyService: &st.ReadOnlyService,
	}
}

// Calm implements reconcile.Engine: LSNs move by themselves.
func (*Engine) Calm(obj *v1alpha1.PostgresReplication) any {
	st := obj.Status.DeepCopy()
	// Whether there is a figure tells something; which one does not.
	still := func(texts ...*string) {
		for _, text := range texts {
			if *text != "" {
				*text = calm
			}
		}
	}
	still(&st.LSN)
	for _, n := range st.Topology {
		n.Message = reconcile.CalmText(n.Message)
		still(&n.LSN, &n.ReplayLSN)
		for _, figure := range []*int64{n.WalDiff, n.ExtraBytes} {
			if figure != nil {
				*figure = 0
			}
		}
	}
	return st
}
