// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// Users, and the values of the original, when the spec names none. The spec's defaults say
// the same; an object from before they existed does not have them.
const (
	defaultProxysqlUser   = "proxysql"
	defaultMysqlUser      = "mysql"
	defaultWriter         = 0
	defaultReader         = 1
	defaultMaxConnections = 2000
)

func proxysqlUser(spec v1alpha1.ProxysqlSyncSpec) string {
	return server.OrDefault(spec.Secret.Proxysql, defaultProxysqlUser)
}

func mysqlUser(spec v1alpha1.ProxysqlSyncSpec) string {
	return server.OrDefault(spec.Secret.Mysql, defaultMysqlUser)
}

func orNumber(given *int32, otherwise int32) int32 {
	if given == nil {
		return otherwise
	}
	return *given
}

func writerOf(spec v1alpha1.ProxysqlSyncSpec) int32 {
	return orNumber(spec.WriterHostgroup, defaultWriter)
}
func readerOf(spec v1alpha1.ProxysqlSyncSpec) int32 {
	return orNumber(spec.ReaderHostgroup, defaultReader)
}

func hostgroupOf(spec v1alpha1.ProxysqlSyncSpec) bool {
	return spec.ReplicationHostgroup != nil && *spec.ReplicationHostgroup
}

// describe tells the kernel what it must know before a server is asked. Pure. The nodes
// get no labels and no Services, and two resources may share them, with hostgroups of their
// own: they are named as pods that wake the resource, and no more.
func describe(obj *v1alpha1.ProxysqlSync) reconcile.Description {
	spec := obj.Spec
	d := reconcile.Description{
		SecretName: spec.Secret.Name,
		SecretKeys: []string{proxysqlUser(spec), mysqlUser(spec)},
		Conditions: []string{v1alpha1.ConditionServerReady, v1alpha1.ConditionUserReady},
		Skip:       v1alpha1.SkipsReconcile(obj.Annotations),
	}
	if aes := spec.AESSecret; aes != nil {
		d.AESSecretName, d.AESSecretKey = aes.Name, aes.Key
	}
	for _, n := range spec.Proxysql {
		if !n.External {
			d.Marked = append(d.Marked, n.Name)
		}
	}
	switch {
	case spec.MysqlReplication != "":
		d.Uses = []reconcile.Use{{Kind: &v1alpha1.MysqlReplication{}, Name: spec.MysqlReplication}}
	case spec.MysqlGroupReplication != "":
		d.Uses = []reconcile.Use{{Kind: &v1alpha1.MysqlGroupReplication{}, Name: spec.MysqlGroupReplication}}
	}
	return d
}

// StatusOf implements reconcile.Engine.
func (*Engine) StatusOf(obj *v1alpha1.ProxysqlSync) reconcile.CommonStatus {
	st := &obj.Status
	return reconcile.CommonStatus{Conditions: &st.Conditions, Ready: &st.Ready, ObservedGeneration: &st.ObservedGeneration}
}

// Calm implements reconcile.Engine.
func (*Engine) Calm(obj *v1alpha1.ProxysqlSync) any {
	st := obj.Status.DeepCopy()
	for _, n := range st.Topology {
		n.Message, n.LastError = reconcile.CalmText(n.Message), reconcile.CalmText(n.LastError)
	}
	return st
}
