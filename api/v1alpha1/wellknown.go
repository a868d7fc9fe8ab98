// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Annotations that users set on a custom resource.
const (
	// AnnotationSkipReconcile, when "true", makes the operator observe, report
	// and keep labels and Services on what it observes, and never touch
	// replication.
	AnnotationSkipReconcile = "compose-operator.skip.reconcile"
	// AnnotationSkipReconcileOld is the older spelling of the same.
	AnnotationSkipReconcileOld = "compose-operator/skip.reconcile"
	// AnnotationForcePromote names the node that a failover promotes even when
	// another replica has received more. What only the other has is lost.
	AnnotationForcePromote = "compose-operator/force-promote"
	// AnnotationForceQuorum lists, separated by commas, the members that a group without
	// quorum is forced to consist of. What the others hold alone is lost.
	AnnotationForceQuorum = "compose-operator/force-quorum"
	// AnnotationGiveUp lists, separated by commas, nodes of a MysqlReplication that are
	// given up: one that left the spec is not waited for any more, and what one holds may be
	// thrown away although it may have been acknowledged.
	AnnotationGiveUp = "compose-operator/give-up"
	// AnnotationGiveUpSlots lists, separated by commas, ids of dead nodes of a RedisCluster whose
	// data is given up: their slots are given to the shards that are there, without what they held.
	// "unowned" are slots that no node owns; "all" makes the cluster anew when none is left of it.
	AnnotationGiveUpSlots = "compose-operator/give-up-slots"
)

// Labels that the operator writes on the pods of a MysqlReplication.
const (
	LabelMysqlReplicationName     = "compose-operator/mysql-replication.name"
	LabelMysqlReplicationReadonly = "compose-operator/mysql-replication.readonly"
)

// Labels that the operator writes on the pods of a MysqlGroupReplication.
const (
	LabelMysqlGroupReplicationName     = "compose-operator/mysql-group-replication.name"
	LabelMysqlGroupReplicationReadonly = "compose-operator/mysql-group-replication.readonly"
)

// Labels that the operator writes on the pods of a RedisReplication.
const (
	LabelRedisReplicationName     = "compose-operator/redis-replication.name"
	LabelRedisReplicationReadonly = "compose-operator/redis-replication.readonly"
)

// Labels that the operator writes on the pods of a PostgresReplication.
const (
	LabelPostgresReplicationName     = "compose-operator/postgres-replication.name"
	LabelPostgresReplicationReadonly = "compose-operator/postgres-replication.readonly"
)

// Labels that the operator writes on the pods of a RedisCluster. A source is "false" for
// LabelRedisClusterReadonly, a replica "true".
const (
	LabelRedisClusterName     = "compose-operator/redis-cluster.name"
	LabelRedisClusterReadonly = "compose-operator/redis-cluster.readonly"
)

// Labels that the operator writes on the Sentinel pods of a RedisReplication: the source's
// pod, LabelSourceUnknown while nobody can say which that is, and where it is reached.
const (
	LabelSentinelSource     = "compose-operator.redisreplication.source"
	LabelSentinelSourceHost = "compose-operator/redis-replication.source.host"
	LabelSentinelSourcePort = "compose-operator/redis-replication.source.port"
	// LabelSentinelOf is the name of the resource that a Sentinel pod is labelled for.
	LabelSentinelOf    = "compose-operator/redis-replication.sentinel-of"
	LabelSourceUnknown = "unknown"
)

// Condition types that every kind reports.
const (
	// ConditionReady is true when the topology is as the spec says and healthy
	// and the labels and Services are on it.
	ConditionReady = "Ready"
	// ConditionTopologyReady is about the databases alone.
	ConditionTopologyReady = "TopologyReady"
	// ConditionResourceReady is about pods, labels and Services.
	ConditionResourceReady = "ResourceReady"
	// ConditionServerReady and ConditionUserReady are about the servers and the users that a
	// ProxysqlSync gives to ProxySQL.
	ConditionServerReady = "ServerReady"
	ConditionUserReady   = "UserReady"
	// ConditionReconciling is true while the operator works towards the spec (kstatus).
	ConditionReconciling = "Reconciling"
	// ConditionAsSpecified says of a kind whose topology somebody else decides (Sentinel)
	// whether what is observed is what the spec says. It does not count for Ready.
	ConditionAsSpecified = "AsSpecified"
	// ConditionStalled is true when the operator cannot go on without help (kstatus).
	ConditionStalled = "Stalled"
)

// Suffixes of the Services that belong to a custom resource.
const (
	ServiceSuffixReadWrite = "-readwrite"
	ServiceSuffixReadOnly  = "-readonly"
	// ServiceSuffixHeadless is that of the Service of a RedisCluster whose name resolves to the
	// addresses of all nodes.
	ServiceSuffixHeadless = "-headless"
)

// SkipsReconcile says whether one of the spellings of the skip annotation is "true".
func SkipsReconcile(annotations map[string]string) bool {
	return annotations[AnnotationSkipReconcile] == "true" || annotations[AnnotationSkipReconcileOld] == "true"
}
