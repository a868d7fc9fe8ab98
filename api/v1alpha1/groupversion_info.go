// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion of every kind in this package.
	GroupVersion = schema.GroupVersion{Group: "upm.syntropycloud.io", Version: "v1alpha1"}

	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme registers the kinds of this group.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&MysqlReplication{}, &MysqlReplicationList{},
		&MysqlGroupReplication{}, &MysqlGroupReplicationList{},
		&RedisReplication{}, &RedisReplicationList{},
		&RedisCluster{}, &RedisClusterList{},
		&ProxysqlSync{}, &ProxysqlSyncList{},
		&PostgresReplication{}, &PostgresReplicationList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
