// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Code generated from PROJECT by config/kinds. DO NOT EDIT.

package manager

// What ClusterRole compose-operator-manager may do with the resources that users write.
// The status is the only part that the operator writes, and while a change is under way
// a finalizer, which is what "patch" is for; "finalizers" is what clusters with
// OwnerReferencesPermissionEnforcement ask for before a Service may name a resource as
// its owner.
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=mysqlreplications,verbs=get;list;watch;patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=mysqlreplications/status,verbs=patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=mysqlreplications/finalizers,verbs=update
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=mysqlgroupreplications,verbs=get;list;watch;patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=mysqlgroupreplications/status,verbs=patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=mysqlgroupreplications/finalizers,verbs=update
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=redisreplications,verbs=get;list;watch;patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=redisreplications/status,verbs=patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=redisreplications/finalizers,verbs=update
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=redisclusters,verbs=get;list;watch;patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=redisclusters/status,verbs=patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=redisclusters/finalizers,verbs=update
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=proxysqlsyncs,verbs=get;list;watch;patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=proxysqlsyncs/status,verbs=patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=proxysqlsyncs/finalizers,verbs=update
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=postgresreplications,verbs=get;list;watch;patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=postgresreplications/status,verbs=patch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=postgresreplications/finalizers,verbs=update
